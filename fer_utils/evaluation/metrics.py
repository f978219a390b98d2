"""Measures of predictions, as tables. Writes and draws nothing."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score, f1_score

from fer_utils.evaluation.intervals import MEASURES, bootstrap_intervals
from fer_utils.features.phases import Phases
from fer_utils.features.tensors import FeatureTable

if TYPE_CHECKING:
    from fer_utils.evaluation.splits import Split

# the columns that identify a result: the model, the features that it was trained on and those that it was tested with,
# the datasets trained on and tested on (joined by "+"), the folds, and the rows that chose its epoch
KEYS = ("model", "variant", "tested", "source", "target", "protocol", "select_on")
# how a network was trained: at most so many epochs, and the patience of early stopping; empty for others
RECIPE = ("epoch_limit", "batch_size", "learning_rate", "patience")
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
