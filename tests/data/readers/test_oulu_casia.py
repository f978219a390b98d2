"""Oulu-CASIA in the layouts that its archives unpack to, and in bad shape."""

import pytest

from fer_utils.data.registry import DatasetError, MissingDataset, scan
from tests.data.test_tree import unreadable, write_pictures

FOLDERS = ("Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise")


def write_person(camera, light="Strong", person="P001", folders=("Anger",)):
    """Three frames of each expression under the folder of a camera."""
    for folder in folders:
        write_pictures(camera / light / person / folder, ["000.jpeg", "001.jpeg", "002.jpeg"])


@pytest.mark.parametrize(
    "above",
    [
        "",
        "OriginalImg",
        "B_OriginalImg",
        "Oulu_CASIA_NIR_VIS",
        "Oulu_CASIA_NIR_VIS/OriginalImg",
        "Oulu/B_OriginalImg/B_OriginalImg/OriginalImg",
    ],
)
@pytest.mark.parametrize(("name", "camera"), [("oulu_vis", "VL"), ("oulu_nir", "NI")])
def test_every_way_it_unpacks(tmp_path, above, name, camera):
    write_person(tmp_path / above / camera, folders=FOLDERS)
    inventory = scan(name, tmp_path)
    assert [sequence.id for sequence in inventory.sequences] == [f"{camera}/Strong/P001/{each}" for each in FOLDERS]
    assert [sequence.emotion for sequence in inventory.sequences] == [each.lower() for each in FOLDERS]
    first = inventory.sequences[0]
    assert (first.dataset, first.subject, first.apex, first.frames.fps) == (name, "oulu/P001", "last", 25.0)
    assert [file.name for file in first.frames.files] == ["000.jpeg", "001.jpeg", "002.jpeg"]
    assert inventory.skipped == []


def test_the_cameras_folder_itself_may_be_named(tmp_path):
    write_person(tmp_path / "OriginalImg" / "VL")
    assert len(scan("oulu_vis", tmp_path / "OriginalImg" / "VL").sequences) == 1


def test_one_person_has_one_name_in_both_cameras(tmp_path):
    write_person(tmp_path / "VL", person="P007")
    write_person(tmp_path / "NI", person="p07")
    assert scan("oulu_vis", tmp_path).subjects == scan("oulu_nir", tmp_path).subjects == ["oulu/P007"]


@pytest.mark.parametrize(
    ("folder", "emotion"),
    [("ANGER", "anger"), ("Sad", "sadness"), ("happiness2", "happiness"), ("Surprised", "surprise")],
)
def test_spellings(tmp_path, folder, emotion):
    write_person(tmp_path / "vl", "strong", folders=(folder,))
    (sequence,) = scan("oulu_vis", tmp_path).sequences
    assert sequence.emotion == emotion


@pytest.mark.parametrize("light", ["Weak", "weak", "WEAK"])
def test_the_light_is_an_option(tmp_path, light):
    write_person(tmp_path / "VL", "Strong", "P001")
    write_person(tmp_path / "VL", "Weak", "P002")
    inventory = scan("oulu_vis", tmp_path, light=light)
    assert [sequence.id for sequence in inventory.sequences] == ["VL/Weak/P002/Anger"]


def test_a_light_that_is_not_there(tmp_path):
    write_person(tmp_path / "VL", "Weak")
    write_person(tmp_path / "NI", "Strong")
    with pytest.raises(
        MissingDataset,
        match=r"VL: no folder Strong, but Weak; unpack it, or take another: --reader oulu_vis\.light=Weak$",
    ):
        scan("oulu_vis", tmp_path)
    with pytest.raises(DatasetError, match=r"^oulu_vis: light is 'bright'; it can be Strong, Weak, Dark$"):
        scan("oulu_vis", tmp_path, light="bright")


@pytest.mark.parametrize("place", ["PreProcess/VL_Acropped", "PreProcess_Img/VL_Acropped/VL_Acropped"])
def test_the_crop_is_an_option(tmp_path, place):
    write_person(tmp_path / "OriginalImg" / "VL", person="P001")
    write_person(tmp_path / place, person="P002")
    assert scan("oulu_vis", tmp_path).subjects == ["oulu/P001"]
    cropped = scan("oulu_vis", tmp_path, crop=True)
    assert [sequence.id for sequence in cropped.sequences] == ["VL_Acropped/Strong/P002/Anger"]


def test_only_one_of_whole_and_cropped_is_there(tmp_path):
    write_person(tmp_path / "a" / "PreProcess" / "NI_Acropped")
    with pytest.raises(
        MissingDataset,
        match=r"only cropped NI frames here; unpack OriginalImg, or take these: --reader oulu_nir\.crop=true$",
    ):
        scan("oulu_nir", tmp_path / "a")
    write_person(tmp_path / "b" / "NI")
    with pytest.raises(MissingDataset, match=r"no NI_Acropped folder here; unpack PreProcess, or leave crop out$"):
        scan("oulu_nir", tmp_path / "b", crop=True)
    with pytest.raises(DatasetError, match=r"^oulu_nir: crop is 'yes'; it can be True or False$"):
        scan("oulu_nir", tmp_path / "b", crop="yes")


def test_the_other_camera_and_a_half_unpacked_one(tmp_path):
    write_person(tmp_path / "VL")
    with pytest.raises(
        MissingDataset, match=r"no NI folder here; .*; this looks like oulu_vis: use --datasets oulu_vis$"
    ):
        scan("oulu_nir", tmp_path)
    (tmp_path / "NI").mkdir()
    with pytest.raises(MissingDataset, match=r"/NI: none of Strong, Weak, Dark in it; unpack it again"):
        scan("oulu_nir", tmp_path)


def test_frames_that_are_there_twice(tmp_path):
    write_person(tmp_path / "B_OriginalImg" / "VL", person="P001")
    write_person(tmp_path / "OriginalImg" / "VL", person="P002")
    assert scan("oulu_vis", tmp_path).subjects == ["oulu/P002"]
    write_person(tmp_path / "copy" / "OriginalImg" / "VL")
    with pytest.raises(DatasetError, match="more than one copy of the Oulu-CASIA VL frames here"):
        scan("oulu_vis", tmp_path)


def test_a_sequence_that_is_there_twice(tmp_path):
    write_person(tmp_path / "VL", folders=("Anger", "Anger2"))
    write_person(tmp_path / "VL", person="P1")
    inventory = scan("oulu_vis", tmp_path)
    assert len(inventory.sequences) == 1
    assert [skipped.reason for skipped in inventory.skipped] == 2 * ["this emotion of this person is there twice"]


def test_what_is_left_out(tmp_path, monkeypatch):
    strong = tmp_path / "VL" / "Strong"
    write_person(tmp_path / "VL", folders=("Anger", "Bored"))
    write_pictures(strong / "P001" / "Fear", ["000.jpeg"])
    (strong / "P001" / "Disgust").mkdir()
    write_person(tmp_path / "VL", person="extra")
    write_person(tmp_path / "VL", person="P002")
    (strong / "P001" / "Thumbs.db").write_bytes(b"x")
    (strong / "P001" / "Sadness").symlink_to(strong)
    unreadable(monkeypatch, strong / "P002")
    inventory = scan("oulu_vis", tmp_path)
    assert [sequence.id for sequence in inventory.sequences] == ["VL/Strong/P001/Anger"]
    assert {skipped.path.relative_to(strong).as_posix(): skipped.reason for skipped in inventory.skipped} == {
        "P001/Bored": "not an emotion; known are anger, contempt, disgust, fear, happiness, sadness, surprise",
        "P001/Fear": "1 picture in the folder, at least 2 are needed",
        "P001/Disgust": "no pictures in the folder, at least 2 are needed",
        "P001/Sadness": "a link back to a folder above it: remove it",
        "P002": "folder cannot be read (Permission denied)",
        "extra": "not a subject's folder (P001, P002, …)",
    }


def test_a_stand_in_is_marked(tmp_path):
    write_person(tmp_path / "VL")
    (tmp_path / "manifest.json").write_text('{"rendered": true}')
    inventory = scan("oulu_vis", tmp_path)
    assert inventory.rendered
    assert inventory.sequences[0].rendered
