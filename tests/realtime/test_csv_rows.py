"""Rows of frames are tested where they are made, in `prediction` and the demo; here are those of expressions."""

import csv

from fer_utils.realtime import csv_rows
from fer_utils.realtime.evidence import Expression


def test_the_rows_as_csv(tmp_path):
    rows = [Expression(1.0, 1.2, 1.5, 2.25, "fear", 0.75, 0.0123456)]
    csv_rows.write_expressions(rows, tmp_path / "a.csv", "made by hand")
    assert list(csv.reader((tmp_path / "a.csv").open())) == [
        ["start", "onset", "apex", "end", "emotion", "probability", "intensity", "face", "model"],
        ["1.0000", "1.2000", "1.5000", "2.2500", "fear", "0.7500", "0.01235", "1", "made by hand"],
    ]
