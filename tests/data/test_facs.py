"""Action units that are known: human codes as CK+ has them, and the truth of stand-ins."""

import numpy as np
import pandas as pd
import pytest

from fer_utils.data import facs
from fer_utils.data.sequence import DatasetError
from fer_utils.standins.expressions import intensity_code


def test_levels_are_those_that_the_stand_ins_codes_have():
    for activation in np.linspace(0, 1, 301):
        assert int(np.interp(activation, facs.LETTERS, facs.LEVELS)) == intensity_code(activation)


def test_a_stand_ins_truth(tmp_path, make_sequence):
    rows = {"id": ["a", "b", "c"], "units": ["12L=0.20 12R=0.65 6L=0.04", "", "25L=1.00"]}
    pd.DataFrame(rows).to_csv(tmp_path / "truth.csv", index=False)
    (tmp_path / "x").mkdir()
    sequences = [make_sequence(name, files=[tmp_path / "x" / "1.png"], rendered=True) for name in "abc"]
    table = facs.known(sequences)
    assert table.index.tolist() == ["a", "b", "c"]
    assert table.columns.tolist() == ["AU06_left", "AU12_left", "AU12_right", "AU25_left"]
    assert table.loc["a"].tolist() == pytest.approx([0.5, 2, 4, 0])
    assert table.loc["b"].tolist() == [0, 0, 0, 0] and table.loc["c", "AU25_left"] == 5


def test_nothing_is_known_of_other_recordings(make_sequence, tmp_path):
    assert facs.known([make_sequence("a", files=[tmp_path / "1.png"])]).empty


class TestFacs:
    def write(self, tmp_path, text, make_sequence):
        from dataclasses import replace

        folder = tmp_path / "FACS" / "S005" / "001"
        folder.mkdir(parents=True)
        (folder / "S005_001_00000011_facs.txt").write_text(text)
        picture = tmp_path / "cohn-kanade-images" / "S005" / "001" / "S005_001_00000001.png"
        return replace(make_sequence("S005/001", files=[picture]), dataset="ckplus")

    def test_codes_hold_for_both_sides_and_a_unit_without_intensity_is_in_the_middle(self, tmp_path, make_sequence):
        text = "   9.0000000e+00   4.0000000e+00\n   1.7000000e+01   0.0000000e+00\n"
        table = facs.known([self.write(tmp_path, text, make_sequence)])
        assert table.loc["S005/001"].to_dict() == {
            "AU09_left": 4.0, "AU09_right": 4.0, "AU17_left": 3.0, "AU17_right": 3.0,
        }  # fmt: skip

    def test_a_damaged_file_is_named(self, tmp_path, make_sequence):
        with pytest.raises(DatasetError, match=r"S005_001_00000011_facs\.txt: not FACS codes"):
            facs.known([self.write(tmp_path, "nine four", make_sequence)])
