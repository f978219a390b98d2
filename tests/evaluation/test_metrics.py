"""Splits that do not leak, metrics worked out by hand, intervals over subjects, and the tables."""

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


class TestIntervals:
    def test_all_correct(self):
        intervals = metrics.bootstrap_intervals(outcome("abcab" * 2, "abcab" * 2, "sstuvwsstu"))
        assert intervals == dict.fromkeys(metrics.MEASURES, (1, 1))

    def test_subjects_are_drawn_not_sequences(self):
        """Three subjects all right, three all wrong: a draw of six has 0 to 6 of the right ones. Drawn one by one, 120
        sequences would stay near 1/2."""
        people = [name for name in "stuvwx" for _ in range(20)]
        intervals = metrics.bootstrap_intervals(outcome("ab" * 60, "ab" * 30 + "ba" * 30, people))
        assert intervals == dict.fromkeys(metrics.MEASURES, (0, 1))

    @pytest.mark.parametrize("people", [1, 2, 3, 4])
    def test_of_fewer_than_five_people_there_is_none(self, people):
        true, subjects = "ab" * 10 * people, list("stuv"[:people] * 20)
        intervals = metrics.bootstrap_intervals(outcome(true, true, subjects))
        assert all(np.isnan(ends).all() for ends in intervals.values())
        pair = metrics.paired_test(outcome(true, true, subjects), outcome(true, true[::-1], subjects))
        assert np.isnan([pair["difference_low"], pair["difference_high"]]).all() and pair["p"] > 0.05

    def test_why_four_people_are_too_few(self):
        """The widest interval that draws can give goes from the worst person to the best. Of three or four people, it
        misses the truth in 1 of 4 or 1 of 8 cases; five have an interval that is about right."""
        draw, covered = np.random.default_rng(0), {}
        for people in (3, 4, 5):
            shares = np.clip(draw.normal(0.6, 0.15, (2000, people)), 0, 1)
            covered[people] = float(np.mean((shares.min(axis=1) <= 0.6) & (shares.max(axis=1) >= 0.6)))
        assert covered == pytest.approx({3: 3 / 4, 4: 7 / 8, 5: 15 / 16}, abs=0.02)
        held = 0
        for _ in range(200):
            right = draw.random((5, 12)) < np.clip(draw.normal(0.6, 0.15, 5), 0, 1)[:, None]
            predictions = outcome(["a"] * 60, np.where(right.ravel(), "a", "b"), np.repeat(list("stuvw"), 12))
            low, high = metrics.bootstrap_intervals(predictions, 400)["accuracy"]
            held += low <= 0.6 <= high
        assert 0.9 < held / 200 < 0.97

    def test_the_same_draws_one_by_one(self):
        draw = np.random.default_rng(5)
        true = draw.choice(list("abcd"), 40)
        predicted = np.where(draw.random(40) < 0.6, true, draw.choice(list("abcde"), 40))
        subjects = draw.choice(["s1", "s2", "s3", "s4", "s5", "s6"], 40)
        true[subjects == "s1"] = "f"  # some draws are without this emotion
        predictions = outcome(true, predicted, subjects)
        names = sorted(set(predictions["subject"]))
        slow = []
        for times in np.random.default_rng(9).multinomial(len(names), [1 / len(names)] * len(names), 60):
            drawn = np.repeat(names, times)
            sample = pd.concat([predictions[predictions["subject"] == name] for name in drawn])
            slow.append(metrics.metrics(sample["emotion"].to_numpy(), sample["predicted"].to_numpy()))
        intervals = metrics.bootstrap_intervals(predictions, resamples=60, seed=9)
        for name, interval in intervals.items():
            ends = metrics.interval_percentiles(6)
            assert interval == pytest.approx(np.percentile([each[name] for each in slow], ends), abs=1e-12)
            assert interval[0] < interval[1]

    def test_of_few_subjects_it_is_wider(self):
        """Of 20: t = 2.0930 with 19 degrees of freedom, times sqrt(20 / 19), below which are 1.588 % of a normal
        distribution."""
        assert metrics.interval_percentiles(20) == pytest.approx([1.588, 98.412], abs=1e-3)
        assert metrics.interval_percentiles(10**6) == pytest.approx([2.5, 97.5], abs=1e-3)
        covered, draw = 0, np.random.default_rng(0)
        for _ in range(200):  # eight people whose own shares of right answers are around 0.6
            right = draw.random((8, 5)) < np.clip(draw.normal(0.6, 0.2, 8), 0, 1)[:, None]
            predictions = outcome(["a"] * 40, np.where(right.ravel(), "a", "b"), np.repeat(list("stuvwxyz"), 5))
            low, high = metrics.bootstrap_intervals(predictions, 400)["accuracy"]
            covered += low <= 0.6 <= high
        assert 0.94 < covered / 200 < 0.97  # the plain percentiles cover it 0.925 times

    def test_the_seed_decides(self):
        predictions = outcome("ab" * 30, "ab" * 17 + "ba" * 13, [f"s{number % 13}" for number in range(60)])
        first, again, other = (metrics.bootstrap_intervals(predictions, 200, seed) for seed in (1, 1, 2))
        assert first == again != other


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


class TestPaired:
    def test_the_same_answers_do_not_differ(self):
        one = outcome("ababa", "abbaa", "stuvw")
        found = metrics.paired_test(one, one.copy())
        assert (found["difference"], found["difference_low"], found["difference_high"]) == (0, 0, 0)
        assert found["p"] == 1

    def test_p_counts_exchanges_of_people(self):
        """One is right for all of five people, the other for none: of 32 exchanges two give a difference as large."""
        found = metrics.paired_test(outcome("abcde", "abcde", "stuvw"), outcome("abcde", "bcdea", "stuvw"))
        assert found["difference"] == 1 and found["sequences"] == 5
        assert found["p"] == pytest.approx(2 / 32, abs=0.01)

    def test_people_count_not_sequences(self):
        """Two people, 50 sequences each: exchanging them can give no p below 1/2."""
        people = "s" * 50 + "t" * 50
        found = metrics.paired_test(outcome("ab" * 50, "ab" * 50, people), outcome("ab" * 50, "ba" * 50, people))
        assert found["p"] == pytest.approx(1 / 2, abs=0.03)

    def test_opposite_people(self):
        one = outcome("ababab", "abaaba", "stuvwx")
        found = metrics.paired_test(one, outcome("ababab", "babbab", "stuvwx"))
        assert found["difference"] == 0
        assert (found["difference_low"], found["difference_high"]) == (-1, 1)
        assert metrics.paired_test(outcome("ababab", "ababab", "stuvwx"), one)["difference"] == 0.5

    def test_only_what_both_have(self):
        one, other = outcome("abab", "abab", "stuv"), outcome("ab", "ba", "st")
        assert metrics.paired_test(one, other)["sequences"] == 2
        with pytest.raises(ValueError, match="no sequence and seed in common"):
            metrics.paired_test(one, other.assign(seed=1))
        with pytest.raises(ValueError, match="not the same folds"):
            metrics.paired_test(one, other.assign(fold=1))


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
