"""Stand-in or the user's folder."""

import numpy as np
import pytest

from fer_utils.data.registry import DatasetError
from fer_utils.standins.source import inventory
from fer_utils.standins.truth import read_truth


def test_stand_in_is_made_once_and_has_its_truth(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_DATA", str(tmp_path))
    found = inventory("mmi", subjects=1, jobs=1)
    assert found.root == tmp_path / "rendered-1" / "mmi" and found.rendered
    before = (found.root / "manifest.json").stat().st_mtime_ns
    again = inventory("mmi", data=str(tmp_path))  # found below a folder that the user names, too
    assert again.rendered and [each.id for each in again.sequences] == [each.id for each in found.sequences]
    assert inventory("mmi", subjects=1).root.joinpath("manifest.json").stat().st_mtime_ns == before
    truth = read_truth(again.sequences[0])
    assert truth.loc[[each.id for each in found.sequences], "emotion"].tolist() == [e.emotion for e in found.sequences]
    used = truth[truth["used"] == 1]
    assert (used["onset"] < used["apex"]).all() and (used["apex"] < used["offset"]).all()


def test_no_stand_in_for_a_folder():
    with pytest.raises(DatasetError, match=r"folder: has no stand-in; name the folder .* --data"):
        inventory("folder")


def test_nothing_that_can_be_used_says_why(tmp_path):
    for name in ("a_1", "b_1"):
        clip = tmp_path / "fear" / name
        clip.mkdir(parents=True)
        np.zeros(1).tofile(clip / "1.png")
    with pytest.raises(DatasetError, match=r"no sequence of folder can be used; .* left out, most for: "):
        inventory("folder", data=str(tmp_path))


def test_stand_in_without_its_truth(tmp_path, make_sequence):
    with pytest.raises(DatasetError, match=r"no truth\.csv above it"):
        read_truth(make_sequence("a", files=[tmp_path / "a.png"]))
