"""Intervals of results and tests of their differences. Both draw people, not sequences."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as student

# a result's measures, each with its interval
MEASURES = ("accuracy", "balanced_accuracy", "macro_f1")
# An interval needs this many people. With three or four, even the interval from the worst person to the best misses
# the truth whenever all of them lie on one side of it: in 1 of 4 or 1 of 8 cases.
FEWEST = 5
PERMUTATIONS = 10_000  # of a paired test, and draws of people for its interval


def bootstrap_intervals(predictions: pd.DataFrame, resamples: int = 2000, seed: int = 0) -> dict[str, tuple]:
    """Return 95 % intervals of MEASURES over the predictions of all folds and seeds.

    They lie between the `interval_percentiles`. Subjects are drawn with replacement, not sequences, which are not
    independent within a person. NaN for fewer than FEWEST subjects.
    """
    names = sorted(set(predictions["emotion"]) | set(predictions["predicted"]))
    subjects, owner = np.unique(predictions["subject"], return_inverse=True)
    true, predicted = (np.searchsorted(names, predictions[column]) for column in ("emotion", "predicted"))
    counts = np.zeros((len(subjects), len(names), len(names)))
    np.add.at(counts, (owner, true, predicted), 1)
    matrices = np.tensordot(_draws(len(subjects), resamples, seed), counts, axes=1)
    hits = np.diagonal(matrices, axis1=1, axis2=2)
    there = matrices.sum(axis=2)
    either = matrices.sum(axis=1) + there
    recall = np.divide(hits, there, out=np.full_like(hits, np.nan), where=there > 0)
    f1 = np.divide(2 * hits, either, out=np.full_like(hits, np.nan), where=either > 0)
    samples = hits.sum(axis=1) / there.sum(axis=1), np.nanmean(recall, axis=1), np.nanmean(f1, axis=1)
    return {name: _interval(values, len(subjects)) for name, values in zip(MEASURES, samples, strict=True)}


def interval_percentiles(subjects: int) -> list[float]:
    """Return the percentiles of bootstrap samples between which a 95 % interval lies.

    For few subjects the plain ones, 2.5 and 97.5, are too narrow. These are the expanded percentiles of Hesterberg
    (2015, doi:10.1080/00031305.2015.1089789).
    """
    low = 100 * norm.cdf(-np.sqrt(subjects / (subjects - 1)) * student.ppf(0.975, subjects - 1))
    return [low, 100 - low]


def paired_test(one: pd.DataFrame, other: pd.DataFrame) -> dict[str, float]:
    """Test whether two models' predictions for the same sequences in the same folds differ in accuracy.

    Return the difference of their accuracies (one minus other), its 95 % interval as in `bootstrap_intervals`, and the
    two-sided p of a permutation test that exchanges the two models person by person. Seeds that only one of them has
    are left out. Raises ValueError if they have no sequence and seed in common, or not the same folds.
    """
    key = ["seed", "id"]
    both = one.merge(other, on=key, suffixes=("", "_other"))
    if both.empty:
        raise ValueError("no sequence and seed in common")
    if (both["fold"] != both["fold_other"]).any():
        raise ValueError("not the same folds: a paired test would compare different training data")
    gain = (both["predicted"] == both["emotion"]).astype(int) - (both["predicted_other"] == both["emotion"]).astype(int)
    by_subject = gain.groupby(both["subject"]).agg(["sum", "size"]).to_numpy(float)
    draws = _draws(len(by_subject), PERMUTATIONS, seed=0) @ by_subject
    low, high = _interval(draws[:, 0] / draws[:, 1], len(by_subject))
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (PERMUTATIONS, len(by_subject)))
    as_large = np.abs(signs @ by_subject[:, 0]) >= abs(by_subject[:, 0].sum()) - 1e-9
    return {
        "sequences": both["id"].nunique(),
        "seeds": both["seed"].nunique(),
        "difference": float(gain.mean()),
        "difference_low": low,
        "difference_high": high,
        "p": float((1 + as_large.sum()) / (1 + PERMUTATIONS)),
    }


def _interval(samples: np.ndarray, subjects: int) -> tuple[float, float]:
    """Return the ends of a 95 % interval, from the values that draws of people gave."""
    if subjects < FEWEST:
        return float("nan"), float("nan")
    low, high = np.percentile(samples, interval_percentiles(subjects))
    return float(low), float(high)


def _draws(n_subjects: int, resamples: int, seed: int) -> np.ndarray:
    """Return how often each subject is drawn, a row a resample."""
    share = np.full(n_subjects, 1 / n_subjects)
    return np.random.default_rng(seed).multinomial(n_subjects, share, resamples).astype(float)
