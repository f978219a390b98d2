"""Tables of a run as readers see them: percentages with intervals, and only the columns that say something."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from fer_utils.evaluation.reading import percent

REFUSED = "Runs that could not be made"
_ABOUT = (
    *("dataset", "data", "model", "source", "target", "protocol", "variant", "tested", "select_on"),
    *("sequences", "subjects", "seeds"),
)
_MEASURES = ("accuracy", "balanced_accuracy", "macro_f1")


def readable(summary: pd.DataFrame) -> pd.DataFrame:
    """Return a summary's measures with their intervals, and the columns that distinguish its rows."""
    always = ("dataset", "data", "model", "protocol", "sequences", "subjects")
    # these would repeat the dataset's name
    own = {"source", "target"} if (summary["source"] == summary["dataset"]).all() else set()
    about = [name for name in _ABOUT if name in always or (len(set(summary[name])) > 1 and name not in own)]
    return percent(summary[[*about, *(f"{name}{end}" for name in _MEASURES for end in ("", "_low", "_high"))]])


def by_emotion(recalls: pd.DataFrame) -> pd.DataFrame:
    """Return recall in %, a row an emotion, a column a model and protocol."""
    shares = recalls.pivot_table(index="emotion", columns=["model", "protocol"], values="recall", sort=False)
    shares.columns = [f"{model}, {protocol}" for model, protocol in shares.columns]
    return (100 * shares).round(1).add_suffix(" (%)").reset_index()


def differences(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return pairs of models with the difference of their accuracies, or the reason why there is none."""
    numbers = ("difference", "difference_low", "difference_high", "p")
    columns = ["model", "against", "sequences", "seeds", *numbers, *(["note"] if "note" in pairs else [])]
    shown = percent(pairs.reindex(columns=columns))
    counts = {name: [f"{n:g}" if n == n else "" for n in shown[name]] for name in ("sequences", "seeds")}
    return shown.assign(**counts)


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of one dataset with four decimals, without the dataset's name."""
    return table.drop(columns="dataset").round(4)


def ledger(bench: pd.DataFrame) -> pd.DataFrame:
    """Return the ledger of speed without the machine, which is the same in every row."""
    shown = ("stage", "p50_ms", "p95_ms", "frames_per_s", "ratio", "note")
    return bench[[name for name in shown if name in bench]].round(2)


def yardsticks(published: pd.DataFrame) -> pd.DataFrame:
    """Return the published accuracies with what they were measured on."""
    return published[["method", "year", "source", "target", "protocol", "accuracy", "reference"]]


# tables of a dataset, by kind: title, and how it is shown
OF_A_DATASET: Mapping[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame]]] = {
    "recalls": ("Recall by emotion", by_emotion),
    "refused": (REFUSED, pd.DataFrame),
    "open_summary": ("All numbers of notebook 03b", readable),
    "open_pairs": (
        "Pairs of models, compared person by person on the same folds; p is not corrected for the number of pairs",
        differences,
    ),
    "open_importance": ("Accuracy lost by group of features, its spread and the share of folds that lost any", rounded),
    "open_features": ("How many sequences each variant of the features has", rounded),
    "phase_errors": ("Errors of onset, apex and offset, in frames", rounded),
    "open_units": ("Action units found, compared with those known, and what each is worth", rounded),
    "open_refused": (REFUSED, pd.DataFrame),
}
