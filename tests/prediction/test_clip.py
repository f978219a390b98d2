"""Video files: a row per frame, and one clear line for what cannot be done."""

import io
import os
import shutil
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from fer_utils import cli, paths
from fer_utils.data.video import Video
from fer_utils.errors import ModelFileError, OutputError, PredictError
from fer_utils.models import litert
from fer_utils.prediction import clip, copies
from fer_utils.prediction.clip import Settings
from fer_utils.realtime import overlay


def counts(outcome) -> tuple[int, int]:
    return outcome.frames, outcome.with_face


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """The first 90 frames of the rendered clip: at rest, happy, at rest again."""
    file = tmp_path_factory.mktemp("clips") / "short.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"MJPG"), 25, (320, 240))
    for frame in list(Video(paths.CLIP))[:90]:
        writer.write(frame.image)
    writer.release()
    return file


@pytest.fixture(scope="module")
def empty_room(tmp_path_factory):
    """60 frames with no face."""
    file = tmp_path_factory.mktemp("clips") / "room.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"MJPG"), 25, (160, 120))
    for level in range(60):
        writer.write(np.full((120, 160, 3), 60 + level, np.uint8))
    writer.release()
    return file


@pytest.mark.parametrize("detector", ["face_landmarker", "face_mesh"])
def test_a_row_a_frame_and_a_drawn_copy(short, tmp_path, capsys, monkeypatch, detector):
    monkeypatch.chdir(tmp_path)  # a missing folder is made here only
    out, drawn = tmp_path / "new" / "rows.csv", tmp_path / "drawn.mp4"
    status = cli.main(["predict", str(short), "-o", str(out), "--video", str(drawn), "--detector", detector])
    printed = capsys.readouterr()
    assert status == 0 and "a face in 90 of 90 frames" in printed.out and "90/90" in printed.err
    table = pd.read_csv(out)
    np.testing.assert_allclose(table["time"], np.arange(90) / 25, atol=1e-3)
    chances = table.filter(regex="^p_")
    assert table["face"].all() and chances.shape[1] >= 6
    assert chances[:30].isna().all(axis=None) and (table["why"][:30] == "neutral: no expression to name").all()
    assert (chances.dropna().sum(axis=1) - 1).abs().max() < 1e-3
    assert set(table["phase"]) >= {"neutral", "onset", "apex"}
    smile = table[["AU12_left_r", "AU12_right_r"]]
    np.testing.assert_allclose(table["AU12_r"], smile.mean(axis=1), atol=0.011)
    assert smile[:30].max(axis=None) < 1 and smile[table["phase"] == "apex"].mean().min() > 1.5
    assert table.filter(regex=r"^AU\d\d_r$").max(axis=None) <= 5 and table["AU15_r"].max() < 1.5
    assert table.loc[table["phase"] == "apex", "emotion"].value_counts().idxmax() == "happiness"
    assert table["model"].unique().tolist() == [f"units, trained on {litert.load_classifier().trained_on}"]
    (expression,) = pd.read_csv(tmp_path / "new" / "rows.expressions.csv").to_dict("records")
    assert expression["emotion"] == "happiness" and "happiness (" in printed.out
    assert 1.0 < expression["start"] < expression["onset"] < expression["apex"] < 2.3 < 2.8 < expression["end"] < 3.5
    assert 0.4 < expression["probability"] <= 1 and expression["intensity"] > 0.01
    named = table["emotion"].notna()
    assert (chances[named].idxmax(axis=1) == "p_" + table.loc[named, "emotion"]).all()
    copy = [frame.image for frame in Video(drawn)]
    assert len(copy) == 90 and copy[0].shape == (240, 320, 3)
    original = next(iter(Video(short))).image
    assert 2 < np.abs(copy[80].astype(int) - original).mean() < 60  # something is drawn, on the same picture


def test_no_face_at_all_is_said_and_written(empty_room, tmp_path, capsys):
    out = tmp_path / "rows.csv"
    assert cli.main(["predict", str(empty_room), "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert "no face in any of 60 frames" in said and "was followed" not in said
    table = pd.read_csv(out)
    assert len(table) == 60 and (table["face"] == 0).all() and (table["why"] == "no face").all()
    assert table.filter(regex="^AU").isna().all(axis=None)


def test_a_video_that_breaks_off_keeps_its_rows(short, tmp_path):
    cut = tmp_path / "cut.avi"
    cut.write_bytes(short.read_bytes()[: short.stat().st_size // 2])
    outcome = clip.write(cut, tmp_path / "rows.csv")
    frames, found = outcome.frames, outcome.with_face
    table = pd.read_csv(tmp_path / "rows.csv")
    assert len(table) == frames > found > 20 and "ends early" in table["why"].iloc[-1]


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_video_that_lies_on_its_side_is_set_upright(short, tmp_path, turns):
    frames = [frame.image for frame in Video(short)]
    file, drawn = tmp_path / "lying.avi", tmp_path / "drawn.avi"
    lying = [np.ascontiguousarray(np.rot90(image, -turns)) for image in frames]
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"MJPG"), 25, lying[0].shape[1::-1])
    for image in lying:
        writer.write(image)
    writer.release()
    assert counts(clip.write(file, tmp_path / "rows.csv", drawn=drawn)) == (90, 90)
    table = pd.read_csv(tmp_path / "rows.csv")
    assert table.loc[table["phase"] == "apex", "emotion"].value_counts().idxmax() == "happiness"
    first = next(iter(Video(drawn))).image.astype(int)
    assert first.shape == (240, 320, 3)
    # only the drawn lines differ
    assert np.abs(first - frames[0]).mean() < np.abs(first[::-1, ::-1] - frames[0]).mean() / 2


CONSTANT = np.arange(100) / 25
SLOWER = np.concatenate([CONSTANT[:40], CONSTANT[42::3]])  # each of the second part lasts for 0.12 s


@pytest.mark.parametrize(
    ("fps", "times", "rate", "frames"),
    [
        (25.0, CONSTANT, 25, 100),
        (29.97, (np.arange(90) / 29.97).round(3), 29.97, 90),
        (25.0, SLOWER, 25, 100),  # the rate varies: its frames are repeated
        (600.0, CONSTANT, 60, 239),  # a header that is wrong
        (25.0, np.arange(1000) / 1000, 25, 25),  # a header that says nothing
        (120.0, (np.arange(120) / 120).round(3), 60, 60),
        (0.5, np.array([0.0, 2.0]), 0.5, 2),
        (25.0, np.array([0.0]), 25, 1),
    ],
)
def test_the_copy_lasts_as_long_and_shows_each_time_what_the_rows_say(tmp_path, fps, times, rate, frames):
    # a picture's brightness says its time
    with copies.DrawnCopy(tmp_path / "drawn.avi", fps) as pictures:
        for time in times:
            pictures.add(np.full((48, 64, 3), 20 + 200 * time / (times[-1] or 1), np.uint8), time)
        pictures.end()
    copy = list(Video(tmp_path / "drawn.avi"))
    assert Video(tmp_path / "drawn.avi").header() == (pytest.approx(rate), frames)
    assert {frame.problem for frame in copy} == {""}
    shown = np.array([frame.image.mean() - 20 for frame in copy]) * (times[-1] or 1) / 200
    latest = times[np.searchsorted(times, np.arange(frames) / rate + 1e-3, side="right") - 1]
    assert np.abs(shown - latest).max() < 0.01 * (times[-1] or 1) + 0.5 / rate


def test_a_stamp_that_leaps_does_not_fill_the_disk(tmp_path):
    """Two frames, a day and two seconds, two frames: the day is a minute, what comes after it keeps its pace."""
    with copies.DrawnCopy(tmp_path / "drawn.avi", 2) as pictures:
        for level, time in enumerate((0.0, 0.5, 86400.0, 86400.5, 86401.0)):
            pictures.add(np.full((48, 64, 3), 40 * level, np.uint8), time)
        pictures.end()
    shown = [round(frame.image.mean() / 40) for frame in Video(tmp_path / "drawn.avi")]
    assert shown == [0] + [1] * int(2 * copies.LONGEST) + [2, 3, 4]


def test_a_fast_video_has_a_copy_at_its_pace(tmp_path):
    file, drawn = tmp_path / "fast.avi", tmp_path / "drawn.mp4"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"MJPG"), 120, (160, 120))
    for level in range(48):
        writer.write(np.full((120, 160, 3), 4 * level, np.uint8))
    writer.release()
    assert counts(clip.write(file, tmp_path / "rows.csv", drawn=drawn)) == (48, 0)
    assert pd.read_csv(tmp_path / "rows.csv")["time"].iloc[-1] == pytest.approx(47 / 120, abs=1e-3)
    assert Video(drawn).header() == (60, 24)


def test_two_faces_are_one_stream(short, tmp_path):
    file = tmp_path / "two.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"MJPG"), 25, (640, 240))
    for frame in Video(short):
        writer.write(np.hstack([frame.image, frame.image[:, ::-1]]))
    writer.release()
    assert counts(clip.write(file, tmp_path / "rows.csv")) == (90, 90)
    assert pd.read_csv(tmp_path / "rows.csv")["emotion"].notna().any()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        (b"", "an empty file"),
        (b"this is text, not frames" * 50, "cannot be opened as a video"),
        (cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes(), "no face found"),
    ],
)
def test_what_is_no_video(tmp_path, capsys, content, words):
    file = tmp_path / "clip.mp4"
    if content is not None:
        file.write_bytes(content)
    assert cli.main(["predict", str(file), "-o", str(tmp_path / "rows.csv")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"fer: {file}: ") and words in error and error.count("\n") == 1
    assert not (tmp_path / "rows.csv").exists()


def test_a_video_without_a_frame(tmp_path):
    file = tmp_path / "none.avi"
    cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"MJPG"), 25, (160, 120)).release()
    with pytest.raises(PredictError, match=r"none.avi: .*"):
        clip.write(file, tmp_path / "rows.csv")
    assert [each.name for each in tmp_path.iterdir()] == ["none.avi"]


def test_a_model_that_does_not_fit(short, tmp_path, capsys):
    (tmp_path / "model.tflite").write_bytes(b"not a model")
    status = cli.main(["predict", str(short), "--model", str(tmp_path / "model.tflite"), "-o", str(tmp_path / "r.csv")])
    error = capsys.readouterr().err
    assert status == 2 and str(tmp_path / "model.tflite") in error and error.count("\n") == 1
    with pytest.raises(ModelFileError):
        clip.write(short, tmp_path / "rows.csv", Settings(model=str(tmp_path / "gone.tflite")))


def test_nothing_is_written_over_the_video(short, tmp_path):
    before = short.read_bytes()
    for out, drawn in ((short, None), (tmp_path / "rows.csv", short), (tmp_path / "a.avi", tmp_path / "a.avi")):
        with pytest.raises(PredictError, match="named twice"):
            clip.write(short, out, drawn=drawn)
    with pytest.raises(PredictError, match=r"must end in \.mp4 or \.avi"):
        clip.write(short, tmp_path / "rows.csv", drawn=tmp_path / "drawn.webm")
    assert short.read_bytes() == before


def test_the_model_is_not_written_over(short, tmp_path):
    own = Path(shutil.copy(paths.MODEL, tmp_path / "own.tflite"))
    with pytest.raises(PredictError, match="named twice"):
        clip.write(short, own, Settings(model=str(own)))
    assert own.read_bytes() == paths.MODEL.read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="pipes with a name are POSIX's")
def test_a_pipe_is_written_to_and_a_folder_refused(short, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor(1) as reader:
        read = reader.submit((tmp_path / "pipe").read_text)
        outcome = clip.write(short, tmp_path / "pipe")
        assert read.result(timeout=60).startswith("time,face,emotion")
    assert (tmp_path / "pipe").is_fifo() and outcome.files == [] and len(outcome.expressions) == 1
    (tmp_path / "folder.avi").mkdir()
    for out, drawn in (("folder.avi", None), ("rows.csv", "folder.avi"), ("", None)):
        with pytest.raises(PredictError, match="a folder; name a file"):
            clip.write(short, tmp_path / out, drawn=drawn and tmp_path / drawn)


@pytest.mark.parametrize(
    ("name", "said"), [("", "an empty name"), (".", "no videos and no pictures in the folder itself (it is empty)")]
)
def test_a_folder_with_nothing_in_it(capsys, tmp_path, monkeypatch, name, said):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["predict", name]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no colons in Windows' names")
def test_a_colon_in_a_name_makes_no_address_of_it(short, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(short, "12:30.avi")
    assert counts(clip.write(Path("12:30.avi"), Path("12:30.csv"), drawn=Path("12:31.mp4"))) == (90, 90)
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "12:30.avi",
        "12:30.csv",
        "12:30.expressions.csv",
        "12:31.mp4",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_not_utf8(short, tmp_path):
    odd = tmp_path / os.fsdecode(b"\xff.mp4")
    with pytest.raises(PredictError, match="not UTF-8; name another file"):
        clip.write(short, tmp_path / "rows.csv", drawn=odd)
    assert not list(tmp_path.iterdir())
    shutil.copy(short, odd)
    with pytest.raises(PredictError, match="not UTF-8; rename it"):
        clip.write(odd, tmp_path / "rows.csv")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes with a name are POSIX's")
def test_a_video_that_is_piped_in(short, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for content, status in ((short.read_bytes(), 0), (b"", 2), (short.read_bytes()[:90], 2)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert cli.main(["predict", "-"]) == status
        said = capsys.readouterr()
        assert "stdin:" not in said.out + said.err and "-:" in said.err
        assert (said.err.splitlines()[-1].startswith("fer: -: ") and said.err.count("\n") == 1) or not status
    assert {path.name for path in tmp_path.iterdir()} == {"stdin.csv", "stdin.expressions.csv"}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(short.read_bytes())))
    assert cli.main(["predict", "-", "-o", "anna.csv", "--report"]) == 0
    page = Path("anna.html").read_text()
    assert "anna" in page and "stdin" not in page
    capsys.readouterr()
    assert cli.main(["predict", "-", "--format", "elan"]) == 2  # the copy is gone when the file is opened
    assert "save it, and name its file" in capsys.readouterr().err
    assert cli.main(["predict", "-", str(short)]) == 2
    assert "-: only as the one input" in capsys.readouterr().err
    wall = cv2.imencode(".png", np.full((90, 90, 3), 90, np.uint8))[1].tobytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(wall)))
    assert cli.main(["predict", "-"]) == 2
    assert capsys.readouterr().err.startswith("fer: -: no face found")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(wall)))
    assert cli.main(["predict", "-", "--out", "out"]) == 2
    assert capsys.readouterr().err.startswith("fer: -: one picture; name it alone")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(short.read_bytes())))
    assert cli.main(["predict", "-", "--out", "out"]) == 0
    (row,) = pd.read_csv("out/summary.csv").to_dict("records")
    assert (row["recording"], row["output"], row["frames"]) == ("-", "stdin.csv", 90)
    assert capsys.readouterr().out.split()[6] == "-"  # below the names of six columns
    os.mkfifo("pipe")
    assert cli.main(["predict", "pipe"]) == 2  # at once, though nobody writes into it
    assert "pipe: a pipe or a device; name a file, or -" in capsys.readouterr().err


def test_a_frame_without_a_face_leaves_numbers_numbers(empty_room, tmp_path):
    outcome = clip.write(empty_room, tmp_path / "rows.csv", Settings(formats=("openface", "elan", "bids"), report=True))
    assert len(outcome.files) == 7
    table = pd.read_csv(tmp_path / "rows.openface.csv")
    assert (table.filter(like="AU") == 0).all(None) and (table["success"] == 0).all()
    frames, expressions = clip.predict(empty_room)
    assert frames["p_happiness"].isna().all() and frames.filter(like="AU").dtypes.eq(float).all()
    assert frames["emotion"].tolist() == [None] * len(frames) and expressions.empty


def test_a_file_that_may_not_be_read(short, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read all
    with pytest.raises(PredictError, match=r"short\.avi: may not be read"):
        clip.write(short, tmp_path / "rows.csv")


def test_a_file_that_cannot_be_written(short, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        clip.write(short, tmp_path / "file" / "rows.csv")


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_drawn_copy_replaces_drawn_copies_alone(short, tmp_path, suffix):
    drawn = tmp_path / f"drawn{suffix}"
    for _ in range(2):
        with copies.DrawnCopy(drawn, 25) as pictures:
            pictures.add(np.zeros((48, 64, 3), np.uint8), 0.0)
            pictures.end()
        assert copies.is_copy(drawn)
    other = tmp_path / f"raw{suffix}"
    other.write_bytes(paths.CLIP.read_bytes())
    with pytest.raises(PredictError, match=f"raw{suffix}: there already, and not by fer predict"):
        clip.write(short, tmp_path / "rows.csv", drawn=other)
    assert other.read_bytes() == paths.CLIP.read_bytes() and not (tmp_path / "rows.csv").exists()


@pytest.mark.parametrize("name", ["drawn.mp4", "drawn.avi"])
def test_a_drawn_copy_that_the_disk_cannot_hold(short, tmp_path, name):
    resource = pytest.importorskip("resource", reason="limits of a process are Unix's")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(OutputError, match="cannot be written"):  # the copy or the rows, whichever is first
            clip.write(short, tmp_path / "rows.csv", drawn=tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


def test_an_interruption_leaves_nothing_behind(short, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(overlay, "draw_all", interrupted)
    with pytest.raises(KeyboardInterrupt):
        clip.write(short, tmp_path / "rows.csv", drawn=tmp_path / "drawn.mp4")
    assert not list(tmp_path.iterdir())


def test_memory_does_not_grow_with_the_video(short, tmp_path, monkeypatch):
    monkeypatch.setattr(clip, "tqdm", lambda frames, *_, **__: (frame for _ in range(8) for frame in frames))
    tracemalloc.start()
    clip.write(short, tmp_path / "rows.csv")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6  # 720 frames are 166 MB


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="not every system has a device that is always full")
@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_a_copy_stops_as_soon_as_the_disk_is_full(tmp_path, monkeypatch, suffix):
    """Not at its end: a long recording would be looked at for nothing."""
    noise = np.random.default_rng(0).integers(0, 256, (30, 480, 640, 3), np.uint8)
    monkeypatch.setattr(copies.paths, "replacing", lambda path: nullcontext(tmp_path / f"full{suffix}"))
    (tmp_path / f"full{suffix}").symlink_to("/dev/full")
    pictures = copies.DrawnCopy(tmp_path / f"drawn{suffix}", 25)
    with pytest.raises(OutputError, match="cannot be written"), pictures:
        for number, image in enumerate(np.concatenate([noise] * 10)):
            pictures.add(image, number / 25)
            assert number < 200
