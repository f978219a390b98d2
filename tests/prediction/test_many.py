"""Several recordings: which ones inputs name, what their files are called, and what becomes of the bad ones."""

import cv2
import numpy as np
import pandas as pd
import pytest

from fer_utils import cli, paths
from fer_utils.data.video import Video
from fer_utils.errors import PredictError
from fer_utils.prediction import many
from fer_utils.prediction.clip import Settings


@pytest.fixture(scope="module")
def face():
    return next(iter(Video(paths.CLIP))).image


def write_clip(file, image, frames=6):
    file.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"MJPG"), 25, image.shape[1::-1])
    for _ in range(frames):
        writer.write(image)
    writer.release()
    return file


def write_pictures(folder, image, count=5):
    folder.mkdir(parents=True)
    for number in range(count):
        cv2.imwrite(str(folder / f"{number}.png"), image)
    return folder


def test_inputs_name_files_videos_of_a_folder_or_its_pictures_each_once(tmp_path, face):
    a, b = (write_clip(tmp_path / "videos" / name, face) for name in ("a.avi", "b.avi"))
    (tmp_path / "videos" / "notes.txt").write_text("")
    pictures = write_pictures(tmp_path / "frames", face)
    assert many.recordings([tmp_path / "videos", pictures, a]) == [a, b, pictures]
    with pytest.raises(PredictError, match=r"gone: no such file or folder; name videos"):
        many.recordings([tmp_path / "gone"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(PredictError, match=r"empty: no videos and no pictures in the folder itself \(it is emp"):
        many.recordings([tmp_path / "empty"])
    (tmp_path / "empty" / "notes.txt").write_text("")
    with pytest.raises(PredictError, match=r"in the folder itself \(\.txt \(1\)\); name"):
        many.recordings([tmp_path / "empty"])
    with pytest.raises(PredictError, match="File name too long"):
        many.recordings([tmp_path / ("x" * 300)])


@pytest.mark.parametrize("suffix", ["MTS", "mpg", "m4v", "wmv", "3gp", "ts", "gif", "h264", "vob"])
def test_what_cameras_write_is_taken_from_a_folder(tmp_path, suffix):
    """A recording that was passed over would be missing from the summary without a word."""
    file = tmp_path / f"a.{suffix}"
    file.write_bytes(b"\0")
    assert many.recordings([tmp_path]) == [file]
    file.unlink()
    file.symlink_to(tmp_path / "gone")
    assert many.recordings([tmp_path]) == [file]


def test_recordings_of_one_name_get_names_of_their_own(tmp_path):
    files = [tmp_path / name for name in ("x/clip.mp4", "y/Clip.mp4", "y/clip.mov", "z/other.mp4")]
    assert many.stems(files) == ["x_clip", "y_Clip", "y_clip_2", "other"]


def test_a_damaged_one_is_a_row_and_the_others_go_on(tmp_path, face, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    good = write_clip(tmp_path / "in" / "good.avi", face)
    (tmp_path / "in" / "damaged.avi").write_bytes(good.read_bytes()[:50])
    write_pictures(tmp_path / "frames", face)
    (tmp_path / "empty").mkdir()
    out = tmp_path / "in" / "out"  # an output folder inside the input
    named = [str(tmp_path / name) for name in ("in", "frames", "empty", "gone.mp4")]
    assert cli.main(["predict", *named, "--out", str(out), "--jobs", "1", "--format", "bids"]) == 1
    table = pd.read_csv(out / "summary.csv", keep_default_na=False)
    assert table["recording"].map(lambda name: name.rsplit("/", 1)[-1]).tolist() == [
        "damaged.avi",
        "good.avi",
        "frames",
        "empty",
        "gone.mp4",
    ]
    assert table["frames"].tolist() == [0, 6, 5, 0, 0] and table["with_face"].tolist() == [0, 6, 5, 0, 0]
    damaged, *fine, empty, gone = table["problem"]
    assert "cannot be opened" in damaged and "no pictures in the folder" in empty and "no such file" in gone
    assert fine == ["", ""]
    names = {path.name for path in out.iterdir()}
    assert names == {"summary.csv"} | {
        f"{stem}{ending}"
        for stem in ("good", "frames")
        for ending in (".csv", ".expressions.csv", "_events.tsv", "_events.json")
    }
    assert len(pd.read_csv(out / "frames.csv")) == 5
    assert "damaged.avi" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["a.avi", "b.avi"], "2 recordings: name a folder for their files with --out DIR"),
     (["a.avi", "--out", "out", "-o", "x.csv"], "-o x.csv: only for one input"),
     (["a.avi", "--out", "out", "--video", "v.mp4"], "--video v.mp4: only for one input, without --out"),
     (["videos"], "1 recording in the folder: name a folder for their files with --out DIR"),
     (["a.avi", "--out", "p.png"], "p.png: a file; name a folder"),
     (["a.avi", "-o", "rows.xlsx"], "-o rows.xlsx: must end in .csv"),
     (["a.avi", "-o", "-", "--report"], "takes the rows alone, no --format or --report"),
     (["https://example.org/a.mp4"], "an address of the web; download the recording"),
     (["p.png", "--neutral", "a.avi"], "a.avi: cannot be read (not a readable picture)"),
     (["a.avi", "--neutral", "n.png"], "--neutral n.png: only for a single picture"),
     (["a.avi", "--show-subjects"], "--show-subjects: only with --report"),
     (["a.avi", "--reprot"], "unrecognized arguments: --reprot (see fer predict --help)"),
     (["p.png", "p.png"], "p.png: one picture; name it alone and without --out, or name the folder"),
     (["p.png", "--out", "o"], "p.png: one picture; name it alone and without --out"),
     (["a.avi", "--faces", "2", "--detector", "mediapipe"], "--faces: mediapipe follows one"),
     (["p.png", "--report"], "--report: only for recordings"),
     (["p.png", "--faces", "2"], "--faces: only for recordings"),
     (["p.png", "--format", "csv", "--format", "elan"], "--format: only for recordings"),
     (["p.png", "--neutral", "p.png"], "--neutral p.png: the same picture")],
)  # fmt: skip
def test_what_does_not_go_together_is_one_line(tmp_path, monkeypatch, capsys, face, arguments, said):
    monkeypatch.chdir(tmp_path)
    for name in ("a.avi", "b.avi"):
        write_clip(tmp_path / name, face, frames=2)
    write_clip(tmp_path / "videos" / "a.avi", face, frames=2)
    cv2.imwrite("p.png", face)
    assert cli.main(["predict", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_files_of_others_are_not_replaced_and_its_own_are(tmp_path, monkeypatch, capsys, face):
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "a.avi", face)
    formats = [word for name in ("openface", "elan", "bids") for word in ("--format", name)]
    command = ["predict", "a.avi", *formats, "--report"]
    assert cli.main(command) == cli.main(command) == 0
    assert cli.main([*command, "--out", "."]) == cli.main([*command, "--out", "."]) == 0
    written = {path.name for path in tmp_path.iterdir()} - {"a.avi", "a.csv"}
    assert len(written) == 7
    for name in sorted(written - {"summary.csv"}):
        before = (tmp_path / name).read_bytes()
        (tmp_path / name).write_text("annotated by hand")
        assert cli.main(command) == 2
        assert f"fer: {name}: there already, and not by fer predict" in capsys.readouterr().err
        assert (tmp_path / name).read_text() == "annotated by hand"
        (tmp_path / name).write_bytes(before)
    by_openface = "frame,face_id,timestamp,confidence,success,x_0,"
    (tmp_path / "a.csv").write_text(by_openface)
    assert cli.main([*command, "--out", "."]) == 1
    assert "there already" in pd.read_csv("summary.csv")["problem"].item()
    assert (tmp_path / "a.csv").read_text() == by_openface
    (tmp_path / "summary.csv").write_text("written by hand")
    assert cli.main([*command, "--out", "."]) == 2
    assert (tmp_path / "summary.csv").read_text() == "written by hand"


def test_a_name_that_leaves_no_room_for_an_ending_is_a_row(tmp_path, monkeypatch, face):
    monkeypatch.chdir(tmp_path)
    file = write_clip(tmp_path / f"{'l' * 251}.avi", face, frames=2)
    table = many.predict([file], tmp_path / "out", Settings(), 1)
    assert table["problem"].tolist() == ["File name too long"]


def test_a_recording_called_summary_keeps_its_rows(tmp_path, monkeypatch, face):
    monkeypatch.chdir(tmp_path)
    file = write_clip(tmp_path / "Summary.avi", face)
    table = many.predict([file], tmp_path / "out", Settings())
    assert table["output"].item() == "Summary_2.csv"
    assert len(pd.read_csv(tmp_path / "out" / "Summary_2.csv")) == 6
    assert pd.read_csv(tmp_path / "out" / "summary.csv")["recording"].item() == str(file)


def test_what_is_left_out_beside_videos_is_counted(tmp_path, monkeypatch, capsys, face):
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "mixed" / "a.avi", face)
    (tmp_path / "mixed" / "more.avi").mkdir()
    for name in ("p.png", "q.PNG"):
        cv2.imwrite(f"mixed/{name}", face)
    (tmp_path / "mixed" / "notes").write_text("")
    assert cli.main(["predict", "mixed", "--out", "out", "--jobs", "1"]) == 0
    said = "mixed: left out, beside videos: .png (2), folders (1), no suffix (1)"
    assert sorted(said) == sorted(capsys.readouterr().err.splitlines()[0])  # equal counts in the folder's order
    assert len(pd.read_csv("out/summary.csv")) == 1


def test_a_video_that_was_cut_short_is_a_result_with_its_reason(tmp_path, monkeypatch, capsys, face):
    monkeypatch.chdir(tmp_path)
    whole = write_clip(tmp_path / "whole.avi", face, frames=12).read_bytes()
    (tmp_path / "short.avi").write_bytes(whole[: len(whole) // 2])
    assert cli.main(["predict", "whole.avi", "short.avi", "--out", "out", "--jobs", "1"]) == 0
    whole, short = pd.read_csv("out/summary.csv", keep_default_na=False).to_dict("records")
    assert (whole["unread"], whole["problem"]) == (0, "")
    assert short["unread"] == 2 and short["problem"].startswith("the video ends early: ")
    assert short["problem"].endswith(" of 12 frames") and short["output"] == "short.csv"
    assert cli.main(["predict", "short.avi"]) == 0
    assert f", 2 could not be read ({short['problem']}), " in capsys.readouterr().out


def test_a_picture_among_several_inputs_is_to_be_named_alone(tmp_path, monkeypatch, face):
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("p.png", face)
    write_clip(tmp_path / "a.avi", face)
    assert cli.main(["predict", "a.avi", "p.png", "--out", "out", "--jobs", "1"]) == 1
    assert pd.read_csv("out/summary.csv", keep_default_na=False)["problem"].tolist() == [
        "",
        "one picture, not a recording; name it alone and without --out",
    ]


def test_a_picture_gives_its_points_and_beside_a_neutral_one_its_expression(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    frames = [frame.image for frame in Video(paths.CLIP)]
    for name, image in (("rest", frames[10]), ("smile", frames[80]), ("room", np.full((90, 90, 3), 90, np.uint8))):
        cv2.imwrite(f"{name}.png", image)
    assert cli.main(["predict", "smile.png"]) == 0
    points = pd.read_csv("smile.csv", index_col="point")
    assert points.shape == (478, 3) and 0 < points["x"].min() < points["x"].max() < frames[0].shape[1]
    assert "needs --neutral" in capsys.readouterr().out
    assert cli.main(["predict", "smile.png", "--neutral", "rest.png"]) == 0
    (row,) = pd.read_csv("smile.expression.csv").to_dict("records")
    assert row["emotion"] == "happiness" and row["p_happiness"] == max(v for k, v in row.items() if k.startswith("p_"))
    assert "happiness" in capsys.readouterr().out.splitlines()[0]
    (tmp_path / "smile.expression.csv").write_text("written by hand")
    assert cli.main(["predict", "smile.png", "--neutral", "rest.png"]) == 2
    assert "smile.expression.csv: there already" in capsys.readouterr().err
    assert cli.main(["predict", "room.png"]) == 2
    assert "room.png: no face found" in capsys.readouterr().err
