"""CK+ in the layouts that its archives unpack to, and in bad shape."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_utils.data.pictures import Pictures
from fer_utils.data.readers import ckplus
from fer_utils.data.registry import scan
from fer_utils.data.sequence import LeftOut, MissingDataset
from tests.data.test_tree import unreadable, write_pictures

PARSER = settings(derandomize=True, deadline=None, max_examples=150)


def write_take(
    root, take, label="   3.0000000e+00\n", numbers=(1, 2, 3), images="cohn-kanade-images", emotion="Emotion"
):
    """One sequence `take` ("S005/001") and its label; None leaves the label's folder empty."""
    name = take.replace("/", "_")
    write_pictures(root / images / take, [f"{name}_{number:08d}.png" for number in numbers])
    (root / emotion / take).mkdir(parents=True, exist_ok=True)
    if label is not None:
        (root / emotion / take / f"{name}_{numbers[-1]:08d}_emotion.txt").write_text(label)
    return root / images / take


def reasons(inventory):
    return {
        skipped.path.relative_to(skipped.path.parents[1]).as_posix(): skipped.reason for skipped in inventory.skipped
    }


@pytest.mark.parametrize("above", ["", "CK+", "data/CK+"])
@pytest.mark.parametrize("images", ["cohn-kanade-images", "extended-cohn-kanade-images/cohn-kanade-images"])
@pytest.mark.parametrize("emotion", ["Emotion", "Emotion_labels/Emotion", "emotion_labels"])
def test_every_way_it_unpacks(tmp_path, above, images, emotion):
    folder = write_take(tmp_path / above, "S005/001", images=images, emotion=emotion)
    inventory = scan("ckplus", tmp_path)
    (sequence,) = inventory.sequences
    assert (sequence.dataset, sequence.subject, sequence.id) == ("ckplus", "ckplus/S005", "S005/001")
    assert (sequence.emotion, sequence.apex, sequence.frames.fps, sequence.rendered) == ("disgust", "last", 30.0, False)
    files = tuple(folder / f"S005_001_0000000{number}.png" for number in (1, 2, 3))
    assert sequence.frames == Pictures(files, 30.0)
    assert inventory.skipped == []


def test_the_folder_of_frames_itself_may_be_named(tmp_path):
    write_take(tmp_path, "S005/001")
    assert len(scan("ckplus", tmp_path / "cohn-kanade-images").sequences) == 1


def test_frames_and_labels_whose_names_differ_in_case(tmp_path):
    write_take(tmp_path, "S005/001")
    (tmp_path / "Emotion" / "S005").rename(tmp_path / "Emotion" / "s005")
    inventory = scan("ckplus", tmp_path)
    assert [(sequence.id, sequence.emotion) for sequence in inventory.sequences] == [("S005/001", "disgust")]
    assert inventory.skipped == []


def test_frames_go_by_number_with_gaps_and_any_first_number(tmp_path):
    folder = write_take(tmp_path, "S005/001", numbers=(4, 9, 11))
    write_pictures(folder, ["S005_001_10.png"])
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "._S005_001_00000004.png").write_bytes(b"x")
    (sequence,) = scan("ckplus", tmp_path).sequences
    assert [int(file.stem[9:]) for file in sequence.frames.files] == [4, 9, 10, 11]


def test_labelled_and_unlabelled_are_counted_in_order(tmp_path):
    write_take(tmp_path, "S010/002", label=None)
    write_take(tmp_path, "S010/001", label=" 7.0000000e+00")
    write_take(tmp_path, "S005/001", label="1")
    write_pictures(tmp_path / "cohn-kanade-images" / "S011" / "001", ["S011_001_1.png", "S011_001_2.png"])
    write_pictures(tmp_path / "cohn-kanade-images" / "notes" / "001", ["1.png", "2.png"])
    inventory = scan("ckplus", tmp_path)
    assert [(sequence.id, sequence.emotion) for sequence in inventory.sequences] == [
        ("S005/001", "anger"),
        ("S010/001", "surprise"),
    ]
    assert inventory.subjects == ["ckplus/S005", "ckplus/S010"]
    assert inventory.emotions == {"anger": 1, "surprise": 1}
    assert reasons(inventory) == {
        "S010/002": "no label",
        "S011/001": "no label",
        "cohn-kanade-images/notes": "not a subject's folder (S005, S010, …)",
    }


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("", "the label file holds no values, not one"),
        (" 3.0 4.0\n", "the label file holds 2 values, not one"),
        ("happy", "the label file does not hold a number"),
        ("\0\0\0", "the label file does not hold a number"),
        ("0.0000000e+00", "neutral (code 0): not an emotion"),
        ("8", "label 8 does not exist: codes are 0 to 7"),
        ("-1", "label -1 does not exist: codes are 0 to 7"),
        ("2.5", "label 2.5 does not exist: codes are 0 to 7"),
        ("nan", "label nan does not exist: codes are 0 to 7"),
        ("1e999", "label inf does not exist: codes are 0 to 7"),
    ],
)
def test_a_bad_label_leaves_out_its_sequence_alone(tmp_path, label, reason):
    write_take(tmp_path, "S005/001", label=label)
    write_take(tmp_path, "S005/002", label="\ufeff5\n")
    inventory = scan("ckplus", tmp_path)
    assert [(sequence.id, sequence.emotion) for sequence in inventory.sequences] == [("S005/002", "happiness")]
    assert reasons(inventory) == {"S005/001": reason}


@PARSER
@given(st.text(max_size=30) | st.floats().map(str) | st.integers(-3, 12).map(lambda code: f"  {code:.7e}\n"))
def test_any_label_text_is_an_emotion_or_a_reason(text):
    try:
        emotion = ckplus.parse_label(text)
    except LeftOut as reason:
        assert str(reason)
        assert "\n" not in str(reason)
    else:
        assert ckplus.CODES[int(float(text))] == emotion
        assert math.isclose(float(text) % 1, 0)


def test_a_half_unpacked_set_says_which_sequences_suffer(tmp_path):
    write_take(tmp_path, "S005/001")
    (tmp_path / "Emotion/S005/002").mkdir()
    (tmp_path / "Emotion/S005/002/S005_002_00000011_emotion.txt").write_text("1")
    (write_take(tmp_path, "S005/003") / "S005_003_00000003.png").unlink()
    (write_take(tmp_path, "S005/004", numbers=(1,)))
    write_take(tmp_path, "S005/005")
    (tmp_path / "Emotion/S005/005/S005_005_00000002_emotion.txt").write_text("1")
    inventory = scan("ckplus", tmp_path)
    assert [sequence.id for sequence in inventory.sequences] == ["S005/001"]
    assert reasons(inventory) == {
        "S005/002": "labelled, but its frames are missing: unpack cohn-kanade-images again",
        "S005/003": "the frame that the label names is missing: unpack cohn-kanade-images again",
        "S005/004": "1 picture in the folder, at least 2 are needed",
        "S005/005": "2 label files, one is expected",
    }


def test_frames_without_labels_and_labels_without_frames(tmp_path):
    write_pictures(tmp_path / "a" / "cohn-kanade-images" / "S005" / "001", ["1.png", "2.png"])
    with pytest.raises(
        MissingDataset, match=r"/a: CK\+ frames, but no Emotion .* folder; unpack Emotion_labels there$"
    ):
        scan("ckplus", tmp_path / "a")
    (tmp_path / "b" / "Emotion" / "S005").mkdir(parents=True)
    with pytest.raises(MissingDataset, match=r"/b: CK\+ labels, but no frames; unpack cohn-kanade-images beside them$"):
        scan("ckplus", tmp_path / "b")
    (tmp_path / "c" / "cohn-kanade-images").mkdir(parents=True)
    with pytest.raises(MissingDataset, match=r"cohn-kanade-images: no subject's folder .* in it; unpack .* again$"):
        scan("ckplus", tmp_path / "c")


def test_labels_of_one_of_several_other_copies_are_not_taken(tmp_path):
    write_pictures(tmp_path / "a" / "cohn-kanade-images" / "S005" / "001", ["1.png", "2.png"])
    for copy in "bc":
        (tmp_path / copy / "Emotion" / "S005" / "001").mkdir(parents=True)
    with pytest.raises(MissingDataset, match="no Emotion or Emotion_labels folder"):
        scan("ckplus", tmp_path)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("cohn-kanade-images/cohn-kanade-images", "Emotion_labels/Emotion_labels/Emotion"),
        ("extended-cohn-kanade-images/extended-cohn-kanade-images/cohn-kanade-images", "Emotion_labels/Emotion"),
        ("images/cohn-kanade-images", "labels/Emotion_labels/Emotion"),
    ],
)
def test_archives_unpacked_into_folders_of_their_own(tmp_path, images, labels):
    write_pictures(tmp_path / images / "S005" / "001", ["S005_001_00000001.png", "S005_001_00000002.png"])
    label = tmp_path / labels / "S005" / "001" / "S005_001_00000002_emotion.txt"
    label.parent.mkdir(parents=True)
    label.write_text("   3.0000000e+00\n")
    assert [(each.id, each.emotion) for each in scan("ckplus", tmp_path).sequences] == [("S005/001", "disgust")]


def test_links_in_a_circle_and_a_folder_that_cannot_be_read(tmp_path, monkeypatch):
    folder = write_take(tmp_path, "S005/001")
    write_take(tmp_path, "S006/001")
    (folder.parent / "009").symlink_to(folder.parent)
    (folder.parents[1] / "S007").symlink_to(folder.parents[1])
    unreadable(monkeypatch, folder.parents[1] / "S006" / "001")
    inventory = scan("ckplus", tmp_path)
    assert [sequence.id for sequence in inventory.sequences] == ["S005/001"]
    assert sorted(reasons(inventory).items()) == [
        ("S005/009", "a link back to a folder above it: remove it"),
        ("S006/001", "folder cannot be read (Permission denied)"),
        ("cohn-kanade-images/S007", "a link back to a folder above it: remove it"),
    ]


def test_a_stand_in_is_marked_and_gives_way_to_the_real_set(tmp_path):
    write_take(tmp_path / "rendered", "S001/001")
    (tmp_path / "rendered" / "manifest.json").write_text('{"rendered": true}')
    inventory = scan("ckplus", tmp_path)
    assert inventory.rendered
    assert inventory.sequences[0].rendered
    write_take(tmp_path / "CK+", "S005/001")
    inventory = scan("ckplus", tmp_path)
    assert not inventory.rendered
    assert [(sequence.id, sequence.rendered) for sequence in inventory.sequences] == [("S005/001", False)]
