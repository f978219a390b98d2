"""The door to the readers: names, options, and roots that are something else."""

import pytest

from fer_utils.data import registry
from fer_utils.data.registry import DatasetError, MissingDataset
from tests.data.readers.test_ckplus import write_take
from tests.data.readers.test_mmi import write_session
from tests.data.readers.test_oulu_casia import write_person
from tests.data.test_tree import unreadable, write_pictures


def write_folder(root):
    write_pictures(root / "fear" / "a_1", ["1.png", "2.png"])


WRITERS = {
    "ckplus": lambda root: write_take(root, "S005/001"),
    "oulu_vis": lambda root: write_person(root / "VL"),
    "oulu_nir": lambda root: write_person(root / "NI"),
    "mmi": lambda root: write_session(root / "Sessions"),
    "folder": write_folder,
}


def test_names_are_in_the_papers_order():
    assert registry.NAMES == ("ckplus", "oulu_vis", "oulu_nir", "mmi", "folder")


def test_the_options_of_each():
    assert {name: registry.options(name) for name in registry.NAMES} == {
        "ckplus": {},
        "oulu_vis": {"light": "Strong", "crop": False},
        "oulu_nir": {"light": "Strong", "crop": False},
        "mmi": {"views": (0,)},
        "folder": {"apex": "inside", "fps": 25.0},
    }


@pytest.mark.parametrize("name", registry.NAMES)
def test_a_root_is_a_path_or_a_text(tmp_path, name):
    WRITERS[name](tmp_path)
    sequences = registry.scan(name, str(tmp_path)).sequences
    assert len(sequences) == 1
    assert sequences == registry.scan(name, tmp_path).sequences
    assert sequences[0].dataset == name
    assert all(frame.image is not None for frame in sequences[0].frames)


@pytest.mark.parametrize("there", registry.NAMES)
@pytest.mark.parametrize("asked", registry.NAMES)
def test_a_root_of_another_dataset_says_what_it_looks_like(tmp_path, there, asked):
    if there == asked:
        return
    WRITERS[there](tmp_path)
    with pytest.raises(MissingDataset) as caught:
        registry.scan(asked, tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}: no ")
    assert message.endswith(f"; this looks like {there}: use --datasets {there}")
    assert "\n" not in message


def test_all_of_them_under_one_root(tmp_path):
    for name in registry.NAMES[:-1]:
        WRITERS[name](tmp_path / name)
    for name in registry.NAMES[:-1]:
        assert len(registry.scan(name, tmp_path).sequences) == 1
    with pytest.raises(
        MissingDataset, match=r"this looks like ckplus and oulu_vis and oulu_nir and mmi: use --datasets"
    ):
        registry.scan("folder", tmp_path)


def test_archives_that_are_still_packed_are_named(tmp_path):
    for name in ("Emotion_labels.zip", "extended-cohn-kanade-images.ZIP", "readme.txt"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(MissingDataset, match=r"; unpack Emotion_labels.zip, extended-cohn-kanade-images.ZIP first$"):
        registry.scan("ckplus", tmp_path)


def test_what_lies_a_folder_below_is_named(tmp_path, monkeypatch):
    (tmp_path / "CK+").mkdir()
    unreadable(monkeypatch, tmp_path / "CK+")
    with pytest.raises(MissingDataset, match=r"; \S+/CK\+: folder cannot be read \(Permission denied\)$"):
        registry.scan("ckplus", tmp_path)
    monkeypatch.undo()
    (tmp_path / "CK+" / "Emotion_labels.zip").write_bytes(b"x")
    with pytest.raises(MissingDataset, match=r"; unpack Emotion_labels.zip first$"):
        registry.scan("ckplus", tmp_path)


def test_no_such_root(tmp_path, monkeypatch):
    with pytest.raises(MissingDataset, match=r"/nowhere: no such folder; unpack the dataset there"):
        registry.scan("mmi", tmp_path / "nowhere")
    (tmp_path / "a.zip").write_bytes(b"x")
    with pytest.raises(DatasetError, match=r"/a\.zip: a file; unpack it, and name the folder$"):
        registry.scan("mmi", tmp_path / "a.zip")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(MissingDataset, match=r"/loop: no such folder"):
        registry.scan("mmi", tmp_path / "loop")
    unreadable(monkeypatch, tmp_path)
    with pytest.raises(DatasetError, match=r": cannot be read \(Permission denied\)$"):
        registry.scan("mmi", tmp_path)


@pytest.mark.parametrize("name", registry.NAMES)
def test_an_empty_root(tmp_path, name):
    with pytest.raises(MissingDataset, match=r"^[^\n]*: no [^\n]*$"):
        registry.scan(name, tmp_path)


def test_unknown_names_and_options(tmp_path):
    with pytest.raises(
        DatasetError, match=r"^jaffe: no such dataset; known are ckplus, oulu_vis, oulu_nir, mmi, folder$"
    ):
        registry.scan("jaffe", tmp_path)
    with pytest.raises(DatasetError, match=r"^oulu_nir: unknown option 'ligth'; known are: light, crop$"):
        registry.scan("oulu_nir", tmp_path, ligth="Weak")
    with pytest.raises(DatasetError, match=r"^ckplus: unknown option 'light'; known are: none$"):
        registry.scan("ckplus", tmp_path, light="Weak")
    with pytest.raises(DatasetError, match=r"^oulu_vis: unknown option 'modality'"):
        registry.scan("oulu_vis", tmp_path, modality="NI")
