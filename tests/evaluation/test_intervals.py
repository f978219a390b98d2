"""Intervals and paired tests draw people: worked out by hand, one by one, and how often they cover the truth."""

import numpy as np
import pandas as pd
import pytest

from fer_utils.evaluation import intervals, metrics
from tests.evaluation.test_metrics import outcome


class TestIntervals:
    def test_all_correct(self):
        found = intervals.bootstrap_intervals(outcome("abcab" * 2, "abcab" * 2, "sstuvwsstu"))
        assert found == dict.fromkeys(intervals.MEASURES, (1, 1))

    def test_subjects_are_drawn_not_sequences(self):
        """Three subjects all right, three all wrong: a draw of six has 0 to 6 of the right ones. Drawn one by one, 120
        sequences would stay near 1/2."""
        people = [name for name in "stuvwx" for _ in range(20)]
        found = intervals.bootstrap_intervals(outcome("ab" * 60, "ab" * 30 + "ba" * 30, people))
        assert found == dict.fromkeys(intervals.MEASURES, (0, 1))

    @pytest.mark.parametrize("people", [1, 2, 3, 4])
    def test_of_fewer_than_five_people_there_is_none(self, people):
        true, subjects = "ab" * 10 * people, list("stuv"[:people] * 20)
        found = intervals.bootstrap_intervals(outcome(true, true, subjects))
        assert all(np.isnan(ends).all() for ends in found.values())
        pair = intervals.paired_test(outcome(true, true, subjects), outcome(true, true[::-1], subjects))
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
            low, high = intervals.bootstrap_intervals(predictions, 400)["accuracy"]
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
        found = intervals.bootstrap_intervals(predictions, resamples=60, seed=9)
        for name, interval in found.items():
            ends = intervals.interval_percentiles(6)
            assert interval == pytest.approx(np.percentile([each[name] for each in slow], ends), abs=1e-12)
            assert interval[0] < interval[1]

    def test_of_few_subjects_it_is_wider(self):
        """Of 20: t = 2.0930 with 19 degrees of freedom, times sqrt(20 / 19), below which are 1.588 % of a normal
        distribution."""
        assert intervals.interval_percentiles(20) == pytest.approx([1.588, 98.412], abs=1e-3)
        assert intervals.interval_percentiles(10**6) == pytest.approx([2.5, 97.5], abs=1e-3)
        covered, draw = 0, np.random.default_rng(0)
        for _ in range(200):  # eight people whose own shares of right answers are around 0.6
            right = draw.random((8, 5)) < np.clip(draw.normal(0.6, 0.2, 8), 0, 1)[:, None]
            predictions = outcome(["a"] * 40, np.where(right.ravel(), "a", "b"), np.repeat(list("stuvwxyz"), 5))
            low, high = intervals.bootstrap_intervals(predictions, 400)["accuracy"]
            covered += low <= 0.6 <= high
        assert 0.94 < covered / 200 < 0.97  # the plain percentiles cover it 0.925 times

    def test_the_seed_decides(self):
        predictions = outcome("ab" * 30, "ab" * 17 + "ba" * 13, [f"s{number % 13}" for number in range(60)])
        first, again, other = (intervals.bootstrap_intervals(predictions, 200, seed) for seed in (1, 1, 2))
        assert first == again != other


class TestPaired:
    def test_the_same_answers_do_not_differ(self):
        one = outcome("ababa", "abbaa", "stuvw")
        found = intervals.paired_test(one, one.copy())
        assert (found["difference"], found["difference_low"], found["difference_high"]) == (0, 0, 0)
        assert found["p"] == 1

    def test_p_counts_exchanges_of_people(self):
        """One is right for all of five people, the other for none: of 32 exchanges two give a difference as large."""
        found = intervals.paired_test(outcome("abcde", "abcde", "stuvw"), outcome("abcde", "bcdea", "stuvw"))
        assert found["difference"] == 1 and found["sequences"] == 5
        assert found["p"] == pytest.approx(2 / 32, abs=0.01)

    def test_people_count_not_sequences(self):
        """Two people, 50 sequences each: exchanging them can give no p below 1/2."""
        people = "s" * 50 + "t" * 50
        found = intervals.paired_test(outcome("ab" * 50, "ab" * 50, people), outcome("ab" * 50, "ba" * 50, people))
        assert found["p"] == pytest.approx(1 / 2, abs=0.03)

    def test_opposite_people(self):
        one = outcome("ababab", "abaaba", "stuvwx")
        found = intervals.paired_test(one, outcome("ababab", "babbab", "stuvwx"))
        assert found["difference"] == 0
        assert (found["difference_low"], found["difference_high"]) == (-1, 1)
        assert intervals.paired_test(outcome("ababab", "ababab", "stuvwx"), one)["difference"] == 0.5

    def test_only_what_both_have(self):
        one, other = outcome("abab", "abab", "stuv"), outcome("ab", "ba", "st")
        assert intervals.paired_test(one, other)["sequences"] == 2
        with pytest.raises(ValueError, match="no sequence and seed in common"):
            intervals.paired_test(one, other.assign(seed=1))
        with pytest.raises(ValueError, match="not the same folds"):
            intervals.paired_test(one, other.assign(fold=1))
