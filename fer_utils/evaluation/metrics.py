"""Metrics, intervals and tests of predictions. Writes and draws nothing."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as student
from sklearn.metrics import balanced_accuracy_score, f1_score

from fer_utils.features.phases import Phases
from fer_utils.features.tensors import FeatureTable

if TYPE_CHECKING:
    from fer_utils.evaluation.splits import Split

# the columns that identify a result: the model, the features that it was trained on and those that it was tested with,
# the datasets trained on and tested on (joined by "+"), the folds, and the rows that chose its epoch
KEYS = ("model", "variant", "tested", "source", "target", "protocol", "select_on")
# how a network was trained: at most so many epochs, and the patience of early stopping; empty for others
RECIPE = ("epoch_limit", "batch_size", "learning_rate", "patience")
# a result's measures, each with its interval
MEASURES = ("accuracy", "balanced_accuracy", "macro_f1")
# An interval needs this many people. With three or four, even the interval from the worst person to the best misses
# the truth whenever all of them lie on one side of it: in 1 of 4 or 1 of 8 cases.
FEWEST = 5
PERMUTATIONS = 10_000  # of a paired test, and draws of people for its interval
BINS = (0, 0.5, 0.7, 0.85, 0.95, 1)  # of probabilities, in `reliability`


def metrics(emotions: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Return accuracy, balanced accuracy (the mean recall of the emotions that occur) and macro-F1.

    F1 is averaged over the emotions that occur among the true or the predicted ones. All are NaN if there is nothing,
    as in a fold for which no sequence gave features.
    """
    if not len(emotions):
        return dict.fromkeys(MEASURES, float("nan"))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "y_pred contains classes not in y_true", UserWarning)
        warnings.filterwarnings("ignore", "A single label was found", UserWarning)
        return {
            "accuracy": float(np.mean(emotions == predicted)),
            "balanced_accuracy": float(balanced_accuracy_score(emotions, predicted)),
            "macro_f1": float(f1_score(emotions, predicted, average="macro", zero_division=0)),
        }


def confusion(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return counts, true emotions in rows and predicted ones in columns, over all folds."""
    names = sorted(set(predictions["emotion"]) | set(predictions["predicted"]))
    counts = pd.crosstab(predictions["emotion"], predictions["predicted"])
    return counts.reindex(index=names, columns=names, fill_value=0)


def confusions(predictions: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the confusion matrix of each protocol."""
    return {str(name): confusion(rows) for name, rows in predictions.groupby("protocol", sort=False)}


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


def summary(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return a row a result (see KEYS): MEASURES over the predictions of all folds and seeds, with 95 % intervals.

    Each row also has the standard deviation of the accuracy over seeds, and how a network was trained (see RECIPE).
    """
    rows = []
    for key, group in predictions.groupby(list(KEYS), sort=False):
        values = metrics(group["emotion"].to_numpy(), group["predicted"].to_numpy())
        intervals = bootstrap_intervals(group)
        row = {
            **dict(zip(KEYS, key, strict=True)),
            "sequences": group["id"].nunique(),
            "subjects": group["subject"].nunique(),
            "emotions": group["emotion"].nunique(),
            "seeds": group["seed"].nunique(),
            **{name: group[name].iloc[0] for name in RECIPE if name in group},
        }
        for name, value in values.items():
            row |= {name: value, f"{name}_low": intervals[name][0], f"{name}_high": intervals[name][1]}
        by_seed = (group["emotion"] == group["predicted"]).groupby(group["seed"]).mean()
        rows.append(row | {"accuracy_sd_seeds": by_seed.std() if len(by_seed) > 1 else np.nan})
    return pd.DataFrame(rows)


def by_emotion(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return a row a result and emotion: how often its sequences were tested, precision, recall and F1.

    Precision is NaN for an emotion that was never predicted, whose F1 is 0.
    """
    key = ["result", *KEYS, "emotion"]
    number = predictions.groupby(list(KEYS), sort=False).ngroup()  # results stay in their order, emotions are sorted
    known = predictions.assign(result=number, recall=predictions["emotion"] == predictions["predicted"])
    table = known.groupby(key)["recall"].agg(tested_times="size", recall="mean")
    named = known.assign(emotion=known["predicted"]).groupby(key)["recall"].agg(precision="mean", named="size")
    table = table.join(named)
    hits = table["recall"] * table["tested_times"]
    table["f1"] = 2 * hits / (table["tested_times"] + table["named"].fillna(0))
    return table[["tested_times", "precision", "recall", "f1"]].reset_index().drop(columns="result")


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


def result_key(model: str, variant: str, split: Split, select_on: str = "validation") -> dict[str, object]:
    """Return the columns that name one fold's result: KEYS, seed and fold. It is tested with what it is trained on."""
    values = (model, variant, variant, split.source, split.target, split.protocol, select_on)
    return dict(zip(KEYS, values, strict=True)) | {"seed": split.seed, "fold": split.fold}


def prediction_rows(
    key: Mapping[str, object], table: FeatureTable, rows: Iterable[int], names: np.ndarray, p: np.ndarray
) -> pd.DataFrame:
    """Return a row a prediction of one fold: its `result_key`, sequence, true and predicted emotion, probabilities.

    They are made from probabilities p (n, C) of the emotions `names` for some rows of a table.
    """
    rows = np.array(rows, int)
    emotions = np.unique(table.emotions)
    everything = np.zeros((len(rows), len(emotions)))
    everything[:, np.searchsorted(emotions, names)] = p
    facts = {"id": table.ids[rows], "subject": table.subjects[rows], "emotion": table.emotions[rows]}
    columns = {f"p_{name}": everything[:, number].round(6) for number, name in enumerate(emotions.tolist())}
    return pd.DataFrame({**key, **facts, "predicted": emotions[everything.argmax(axis=1)], **columns})


def reliability(probabilities: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """Return what a reliability diagram shows, a row a bin of the highest probability.

    Columns: how many predictions (`n`), their mean probability (`said`), and the share of them that is right (`found`).

    `probabilities` (n, C), `right` (n,) bool. Bins without a prediction are left out.
    """
    highest = np.minimum(probabilities.max(axis=1), 1.0)  # float32 can round to a little more
    table = pd.DataFrame({"bin": pd.cut(highest, BINS, include_lowest=True), "said": highest, "found": right})
    bins = table.groupby("bin", observed=True).agg(n=("said", "size"), said=("said", "mean"), found=("found", "mean"))
    return bins.rename_axis(None)


def phase_errors(phases_found: Mapping[str, Phases], truth: pd.DataFrame) -> pd.DataFrame:
    """Return a row a sequence: onset, apex and offset as found and as known, in frames, and found minus known.

    `truth` is a stand-in's table, indexed by id. An offset that is not known, since the recording ends before, stays
    empty.
    """
    rows = []
    for name, phases in phases_found.items():
        row = {"id": name, "emotion": truth.loc[name, "emotion"]}
        for what in ("onset", "apex", "offset"):
            value, known = getattr(phases, what), truth.loc[name, what]
            row |= {f"{what}_known": known, f"{what}_found": value, f"{what}_error": value - known}
        rows.append(row)
    return pd.DataFrame(rows)


def phase_summary(errors: pd.DataFrame) -> pd.DataFrame:
    """Return a row for onset, apex and offset of `phase_errors`: their errors in frames, and the share within two."""
    rows = []
    for what in ("onset", "apex", "offset"):
        error = errors[f"{what}_error"].dropna()
        rows.append(
            {
                "phase": what,
                "sequences": len(error),
                "median_error": error.median(),
                "median_absolute_error": error.abs().median(),
                "within_2_frames": (error.abs() <= 2).mean() if len(error) else np.nan,
            }
        )
    return pd.DataFrame(rows)


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
