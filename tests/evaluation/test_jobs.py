"""Stored tables come back, and damaged ones are stored again; outcomes with a wrong checksum are refused."""

import json

import numpy as np
import pytest

from fer_utils.evaluation import jobs
from tests.evaluation.test_cross_validation import make_table


def test_a_stored_table_comes_back(tmp_path):
    table = make_table()
    key = jobs.keep_table(table, tmp_path)
    again = jobs.load_table(str(tmp_path), key)
    for name in ("x", "emotions", "subjects", "ids"):
        assert np.array_equal(getattr(table, name), getattr(again, name))
    assert json.loads((tmp_path / f"{key}.json").read_text())["ids"][3] == "r3"
    assert jobs.keep_table(make_table(drop=[1]), tmp_path) != key


@pytest.mark.parametrize("suffix", ["npy", "json"])
def test_a_damaged_table_is_stored_anew(tmp_path, suffix):
    table = make_table()
    key = jobs.keep_table(table, tmp_path)
    file = tmp_path / f"{key}.{suffix}"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert jobs.keep_table(table, tmp_path) == key
    assert file.read_bytes() == whole


def test_an_outcome_that_was_changed_is_refused(tmp_path):
    jobs.write_outcome(tmp_path / "a.json", {"history": {}, "tests": {"": {"probabilities": [[0.25, 0.75]]}}})
    assert jobs.read_outcome(tmp_path / "a.json")["tests"][""]["probabilities"] == [[0.25, 0.75]]
    text = (tmp_path / "a.json").read_text()
    (tmp_path / "a.json").write_text(text.replace("0.75", "0.85"))
    with pytest.raises(ValueError, match="damaged"):
        jobs.read_outcome(tmp_path / "a.json")
    with pytest.raises(OSError):
        jobs.read_outcome(tmp_path / "b.json")


def test_rows_of_ids_that_a_table_lacks_are_left_out():
    assert jobs.rows_of(make_table(drop=[1]), ["r3", "r1", "r0"]) == [2, 0]
