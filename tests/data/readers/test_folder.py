"""Recordings sorted by hand."""

import unicodedata

import pytest

from fer_utils.data.pictures import Pictures
from fer_utils.data.registry import DatasetError, MissingDataset, scan
from fer_utils.data.video import Video
from tests.data.test_tree import unreadable, write_pictures, write_video


def reasons(inventory, root):
    return {skipped.path.relative_to(root).as_posix(): skipped.reason for skipped in inventory.skipped}


def test_pictures_and_videos(tmp_path):
    write_pictures(tmp_path / "Anger" / "anna_take 10", ["frame10.jpg", "frame9.jpg"])
    write_video(tmp_path / "Anger" / "anna_take 9.AVI")
    write_pictures(tmp_path / "happy 2" / "Zoë Müller_1", ["1.png", "2.png"])
    inventory = scan("folder", tmp_path)
    assert [(each.subject, each.id, each.emotion) for each in inventory.sequences] == [
        ("folder/anna", "Anger/anna_take 9.AVI", "anger"),
        ("folder/anna", "Anger/anna_take 10", "anger"),
        ("folder/zoë müller", "happy 2/Zoë Müller_1", "happiness"),
    ]
    video, pictures, _ = inventory.sequences
    assert video.frames == Video(tmp_path / "Anger" / "anna_take 9.AVI")
    assert [file.name for file in pictures.frames.files] == ["frame9.jpg", "frame10.jpg"]
    assert (pictures.frames.fps, pictures.apex, video.frames.fps, video.apex) == (25.0, "inside", 25.0, "inside")
    assert inventory.skipped == []


def test_a_name_in_another_case_is_one_person(tmp_path):
    for name in ("Anna_1", "anna_2"):
        write_pictures(tmp_path / "happy" / name, ["1.png", "2.png"])
    assert scan("folder", tmp_path).subjects == ["folder/anna"]


def test_a_frame_that_is_there_twice(tmp_path):
    write_pictures(tmp_path / "happy" / "a_1", ["1.png", "2.png", "2.JPG"])
    found = scan("folder", tmp_path)
    assert not found.sequences
    assert found.skipped[0].reason == "pictures of one name and several kinds (2.*): keep one kind"


def test_a_name_written_in_two_ways_is_one_person(tmp_path):
    for emotion, form in (("fear", "NFC"), ("anger", "NFD")):
        write_pictures(tmp_path / emotion / unicodedata.normalize(form, "Zoë_1"), ["1.png", "2.png"])
    assert scan("folder", tmp_path).subjects == ["folder/" + unicodedata.normalize("NFC", "zoë")]


def test_options(tmp_path):
    write_pictures(tmp_path / "fear" / "a_1", ["1.png", "2.png"])
    (sequence,) = scan("folder", tmp_path, apex="last", fps=30).sequences
    assert (sequence.apex, sequence.frames.fps) == ("last", 30)
    assert isinstance(sequence.frames, Pictures)
    with pytest.raises(DatasetError, match=r"^folder: apex is 'middle'; it can be 'last' or 'inside'$"):
        scan("folder", tmp_path, apex="middle")
    for fps in (0, -1, float("nan"), "25", None):
        with pytest.raises(DatasetError, match=r"^folder: fps is .*; it must be a number between 0 and 1000$"):
            scan("folder", tmp_path, fps=fps)


def test_what_is_left_out(tmp_path, monkeypatch):
    write_pictures(tmp_path / "fear" / "a_1", ["1.png", "2.png"])
    write_pictures(tmp_path / "bored" / "a_1", ["1.png", "2.png"])
    write_pictures(tmp_path / "fear" / "nobody", ["1.png", "2.png"])
    write_pictures(tmp_path / "fear" / "_1", ["1.png", "2.png"])
    write_pictures(tmp_path / "fear" / "a_empty", [])
    write_pictures(tmp_path / "fear", ["a_loose.png"])
    (tmp_path / "fear" / "a_notes.txt").write_text("x")
    (tmp_path / "fear" / "a_broken.mp4").write_text("x")
    (tmp_path / "fear" / ".DS_Store").write_text("x")
    (tmp_path / "fear" / "a_loop").symlink_to(tmp_path)
    (tmp_path / "anger").mkdir()
    unreadable(monkeypatch, tmp_path / "anger")
    inventory = scan("folder", tmp_path)
    assert [sequence.id for sequence in inventory.sequences] == ["fear/a_1"]
    assert reasons(inventory, tmp_path) == {
        "anger": "folder cannot be read (Permission denied)",
        "bored": "not an emotion; known are anger, contempt, disgust, fear, happiness, sadness, surprise",
        "fear/nobody": "no subject in its name: call it <subject>_<anything>",
        "fear/_1": "no subject in its name: call it <subject>_<anything>",
        "fear/a_empty": "no pictures in the folder, at least 2 are needed",
        "fear/a_loose.png": "a picture on its own: put a recording's pictures into a folder <subject>_<anything>",
        "fear/a_notes.txt": "neither a folder of pictures nor a video that is there (.txt)",
        "fear/a_broken.mp4": "cannot be opened as a video: it is text",
        "fear/a_loop": "a link back to a folder above it: remove it",
    }


def test_no_emotion_here(tmp_path):
    write_pictures(tmp_path / "set" / "fear" / "a_1", ["1.png", "2.png"])
    with pytest.raises(MissingDataset, match=r"no folder named after an emotion here \(anger, .*, surprise\)$"):
        scan("folder", tmp_path)
