r"""Result tables for readers: `percent` makes a measure and its interval one column of text.

`tables.save` writes some of them for a paper too, as `out/tables/<dataset>/<kind>.tex`, with the protocol in the
caption. They need `\usepackage{booktabs}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from fer_utils import paths
from fer_utils.data import registry
from fer_utils.data.sequence import STAND_IN
from fer_utils.evaluation.intervals import FEWEST, MEASURES

NO_INTERVAL = f"[fewer than {FEWEST} people]"
QUICK = "a quick run, whose numbers mean nothing"
PROTOCOLS: Mapping[str, str] = {
    "grouped": "grouped: folds of people, nobody is in training and in test",
    "stratified": "stratified: folds of sequences, a person can be in training and in test",
    "leave-one-subject-out": "leave-one-subject-out: each person is tested by a model of all others",
    "cross-dataset": "cross-dataset: trained on one set, tested on another, which share no person",
}
BY_EMOTION = ("precision", "recall", "f1")
_RESULT = ("accuracy", "accuracy_low", "accuracy_high", "macro_f1", "macro_f1_low", "macro_f1_high")
_PAIR = ("difference", "difference_low", "difference_high", "p")
_DIFFERENCE = "differences in points of accuracy, p of a permutation test over people, not corrected"


# tables for a paper, by kind: the beginning of the caption, and the columns; those that a table lacks are left out
PAPER: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "summary": ("Accuracy and macro-F1", ("model", "protocol", "subjects", "sequences", "seeds", *_RESULT)),
    "emotions": (
        "Precision, recall and F1 of each emotion",
        ("model", "protocol", "emotion", "tested_times", *BY_EMOTION),
    ),
    "protocols": (
        f"Folds of sequences against folds of people ({_DIFFERENCE})",
        ("model", "protocol", "against", "sequences", "seeds", *_PAIR),
    ),
    "open_models": (
        f"Models on the same folds of people ({_DIFFERENCE}; seconds to train one fold)",
        ("model", "sequences", "seeds", *_RESULT, *_PAIR, "weights", "seconds"),
    ),
    "cross_summary": (
        "Accuracy and macro-F1 across datasets",
        ("model", "source", "target", "protocol", "sequences", *_RESULT),
    ),
}


def percent(table: pd.DataFrame) -> pd.DataFrame:
    """Return a copy in which each measure and its interval are one column of text, such as "80.8 [73.7, 87.5]".

    A measure is a column that has `…_low` and `…_high` beside it, or is one of `intervals.MEASURES` or BY_EMOTION, in
    shares of 1. An interval that too few people have is NO_INTERVAL. Differences get their sign and count in points; so
    does a standard deviation over seeds (`…_sd_seeds`), left out if there was one seed. `p` has two digits. Other
    columns stay as they are. What is missing is shown as "".
    """
    shown = {}
    for name in table:
        if f"{name}_low" in table and f"{name}_high" in table:
            sign, unit = ("+", "points") if name == "difference" else ("", "%")
            rows = zip(table[name], table[f"{name}_low"], table[f"{name}_high"], strict=True)
            shown[f"{_title(name)}, {unit} [95 %]"] = [with_interval(*row, sign) for row in rows]
        elif str(name).endswith("_sd_seeds"):
            if table[name].notna().any():  # with one seed there is none
                shown["sd over seeds, points"] = [_known(100 * value, ".1f") for value in table[name]]
        elif name in (*MEASURES, *BY_EMOTION):
            shown[f"{_title(name)}, %"] = [_known(100 * value, ".1f") for value in table[name]]
        elif name == "p":
            shown["p"] = [_known(value, ".2g") for value in table[name]]
        elif not (str(name).endswith(("_low", "_high")) and str(name).rpartition("_")[0] in table):
            shown[name] = table[name].to_numpy()
    return pd.DataFrame(shown, index=table.index)


def _title(name: str) -> str:
    return {"macro_f1": "macro-F1", "f1": "F1"}.get(name, name.replace("_", " "))


def with_interval(value: float, low: float, high: float, sign: str = "") -> str:
    """Return a share and its interval in %, such as "80.8 [73.7, 87.5]"; empty if the share is not known."""
    if pd.isna(value):
        return ""
    form = f"{sign}z.1f"  # z: no minus before 0.0
    ends = NO_INTERVAL if pd.isna(low) else f"[{100 * low:{form}}, {100 * high:{form}}]"
    return f"{100 * value:{form}} {ends}"


def _known(value: float, form: str) -> str:
    return "" if pd.isna(value) else f"{value:{form}}"


def write_latex(path: Path, kind: str, table: pd.DataFrame, quick: bool = False) -> Path:
    """Write `table`, one of PAPER as `tables.save` marks it, as LaTeX. Atomic. Raises OutputError."""
    _, columns = PAPER[kind]
    text = percent(table[[name for name in columns if name in table]]).rename(columns={"subjects": "people"})
    text.columns = [name.replace("_", " ") for name in text.columns]
    content = text.to_latex(
        index=False,
        escape=True,
        na_rep="",
        float_format="%.4g",
        caption=_caption(kind, table, quick),
        label=f"tab:{path.parent.name}-{kind}".replace("_", "-"),
        position="htbp",
    )
    return paths.write(path, content)


def _caption(kind: str, table: pd.DataFrame, quick: bool) -> str:
    """Return the caption in LaTeX.

    It says what the table is of, how it was tested and what the brackets are, and marks results that say nothing of
    real faces.
    """
    (title, _), protocols = PAPER[kind], table.get("protocol", pd.Series(["grouped"]))
    names = [registry.title(name) for name in dict.fromkeys("+".join(table["dataset"].unique()).split("+"))]
    parts = [f"{title}, on {', '.join(names)}", *(PROTOCOLS.get(name, name) for name in protocols.unique())]
    if "compared_with" in table:
        parts.append(f"differences to {table['compared_with'].dropna().iloc[0]}")
    if "accuracy" in table or "difference" in table:
        parts.append("in brackets, 95 % bootstrap intervals that draw people")
    if (table["data"] == STAND_IN).any():
        parts.append(f"{STAND_IN}: computed faces, which say nothing about real ones")
    if quick:
        parts.append(QUICK)
    return "; ".join(parts).replace("%", r"\%") + "."
