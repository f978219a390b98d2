"""Measures worked out by hand, and their tables."""

import numpy as np
import pandas as pd
import pytest

from fer_utils.evaluation import metrics
from fer_utils.features.phases import Phases


def outcome(true, predicted, subjects, **columns):
    """Predictions as `cross_validation.run` returns them, a letter an emotion."""
    frame = {"emotion": list(true), "predicted": list(predicted), "subject": list(subjects)}
    key = {"model": "paper", "variant": "61", "tested": "61", "source": "toy", "target": "toy"}
    key |= {"protocol": "grouped", "select_on": "validation"}
    ids = [f"row {number}" for number in range(len(frame["emotion"]))]
    return pd.DataFrame({**key, "seed": 0, "fold": 0, "id": ids, **frame, **columns})


class TestMetrics:
    def test_by_hand(self):
        values = metrics.metrics(np.array(list("aaabbc")), np.array(list("aabbcc")))
        # a: precision 1, recall 2/3; b: 1/2, 1/2; c: 1/2, 1
        assert values["accuracy"] == pytest.approx(4 / 6)
        assert values["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
        assert values["macro_f1"] == pytest.approx((4 / 5 + 1 / 2 + 2 / 3) / 3)

    def test_an_emotion_that_is_only_predicted_counts_as_zero(self):
        values = metrics.metrics(np.array(list("aab")), np.array(list("acb")))
        # a: precision 1, recall 1/2; b: 1, 1; c has no recall
        assert values == pytest.approx({"accuracy": 2 / 3, "balanced_accuracy": 3 / 4, "macro_f1": (2 / 3 + 1 + 0) / 3})

    def test_a_small_class_weighs_as_much_as_a_large_one(self):
        values = metrics.metrics(np.array(["a"] * 98 + ["b"] * 2), np.array(["a"] * 100))
        assert values == pytest.approx({"accuracy": 0.98, "balanced_accuracy": 0.5, "macro_f1": (196 / 198) / 2})

    def test_of_nothing_nothing_is_known(self):
        values = metrics.metrics(np.array([], str), np.array([], str))
        assert list(values) == list(metrics.MEASURES) and np.isnan(list(values.values())).all()

    def test_confusion(self):
        counts = metrics.confusion(outcome("aabbbd", "abbcba", "sssttt"))
        assert counts.index.tolist() == counts.columns.tolist() == ["a", "b", "c", "d"]
        assert counts.to_numpy().tolist() == [[1, 1, 0, 0], [0, 2, 1, 0], [0, 0, 0, 0], [1, 0, 0, 0]]


def test_summary_has_a_row_a_model_and_protocol():
    stratified = outcome("abab", "abab", "sstt", protocol="stratified")
    grouped = outcome("abab", "abba", "sstt")
    compact = outcome("abc", "abb", "stu", model="compact")
    summary = metrics.summary(pd.concat([stratified, grouped, compact]))
    assert summary[["model", "protocol"]].to_numpy().tolist() == [
        ["paper", "stratified"],
        ["paper", "grouped"],
        ["compact", "grouped"],
    ]
    assert summary[["sequences", "subjects", "emotions"]].to_numpy().tolist() == [[4, 2, 2], [4, 2, 2], [3, 3, 3]]
    assert summary["accuracy"].tolist() == pytest.approx([1, 0.5, 2 / 3])
    assert summary["macro_f1"].tolist() == pytest.approx([1, 0.5, (1 + 2 / 3 + 0) / 3])
    assert summary[["accuracy_low", "macro_f1_high"]].isna().all(axis=None)  # of too few people
    assert summary["seeds"].tolist() == [1, 1, 1] and summary["accuracy_sd_seeds"].isna().all()


def test_several_seeds_are_one_result_with_their_spread():
    people = "sstuvw"
    right, half = outcome("ababab", "ababab", people), outcome("ababab", "abbabb", people, seed=1)
    (row,) = metrics.summary(pd.concat([right, half])).to_dict("records")
    assert (row["seeds"], row["sequences"]) == (2, 6)
    assert row["accuracy"] == pytest.approx(0.75)
    assert row["accuracy_sd_seeds"] == pytest.approx(np.std([1, 0.5], ddof=1))
    # three people are right each time, two half of the times
    assert 0.5 <= row["accuracy_low"] < 0.75 < row["accuracy_high"] <= 1
    assert row["macro_f1_low"] <= row["macro_f1"] <= row["macro_f1_high"]


def test_precision_recall_and_f1_by_emotion():
    table = metrics.by_emotion(outcome("aabbbd", "abbbca", "stuvwx"))
    assert table[["emotion", "tested_times"]].to_numpy().tolist() == [["a", 2], ["b", 3], ["d", 1]]
    assert table["recall"].tolist() == pytest.approx([1 / 2, 2 / 3, 0])
    assert table["precision"].tolist()[:2] == pytest.approx([1 / 2, 2 / 3]) and np.isnan(table["precision"].iloc[2])
    assert table["f1"].tolist() == pytest.approx([1 / 2, 2 / 3, 0])
    both = [outcome("aabb", "abbb", "stuv"), outcome("aabb", "aabb", "stuv", protocol="stratified")]
    apart = metrics.by_emotion(pd.concat(both)[::-1])
    assert apart[["protocol", "emotion"]].to_numpy().tolist() == [
        [protocol, emotion] for protocol in ("stratified", "grouped") for emotion in "ab"
    ]
    assert apart["precision"].tolist() == pytest.approx([1, 1, 1, 2 / 3])


class TestPhaseErrors:
    def test_found_minus_known_in_frames(self):
        curve = np.zeros(9)
        found = {"a": Phases(1, 5, 8, curve), "b": Phases(4, 6, 8, curve)}
        truth = pd.DataFrame(
            {"emotion": ["fear", "anger"], "onset": [2, 1], "apex": [5, 3], "offset": [7, np.nan]}, index=["a", "b"]
        )
        errors = metrics.phase_errors(found, truth).set_index("id")
        assert errors[["onset_error", "apex_error"]].to_numpy().tolist() == [[-1, 0], [3, 3]]
        assert errors.loc["a", "offset_error"] == 1 and np.isnan(errors.loc["b", "offset_error"])
        assert errors["emotion"].tolist() == ["fear", "anger"]
        summary = metrics.phase_summary(errors).set_index("phase")
        assert summary["sequences"].tolist() == [2, 2, 1]
        assert summary["median_absolute_error"].tolist() == [2, 1.5, 1]
        assert summary["within_2_frames"].tolist() == [0.5, 0.5, 1.0]


def test_a_probability_that_is_rounded_above_1_counts():
    found = metrics.reliability(np.array([[1.0000001, 0], [0.99, 0.01]]), np.array([True, False]))
    assert found["n"].tolist() == [2]


def test_reliability_by_hand():
    p = np.array([[0.4, 0.6], [0.35, 0.65], [0.9, 0.1], [0.0, 1.0]])
    found = metrics.reliability(p, np.array([True, False, True, True]))
    assert found["n"].tolist() == [2, 1, 1]  # nothing in two of the bins
    assert found["said"].tolist() == pytest.approx([0.625, 0.9, 1])
    assert found["found"].tolist() == [0.5, 1, 1]
