r"""Tables for a paper: `out/tables/<dataset>/<kind>.tex`, with intervals in the cells and the protocol in the caption.

`tables.save` writes them beside the CSV. They need `\usepackage{booktabs}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fer_utils import paths
from fer_utils.data import registry
from fer_utils.data.sequence import STAND_IN
from fer_utils.evaluation.reading import percent

QUICK = "a quick run, whose numbers mean nothing"
PROTOCOLS: Mapping[str, str] = {
    "grouped": "grouped: folds of people, nobody is in training and in test",
    "stratified": "stratified: folds of sequences, a person can be in training and in test",
    "leave-one-subject-out": "leave-one-subject-out: each person is tested by a model of all others",
    "cross-dataset": "cross-dataset: trained on one set, tested on another, which share no person",
}
_RESULT = ("accuracy", "accuracy_low", "accuracy_high", "macro_f1", "macro_f1_low", "macro_f1_high")
_PAIR = ("difference", "difference_low", "difference_high", "p")
_DIFFERENCE = "differences in points of accuracy, p of a permutation test over people, not corrected"


@dataclass(frozen=True)
class Paper:
    """What a table for a paper shows: its columns, and the beginning of its caption."""

    columns: tuple[str, ...]
    about: str


# by kind of table; columns that a table lacks are left out
KINDS: Mapping[str, Paper] = {
    "summary": Paper(("model", "protocol", "subjects", "sequences", "seeds", *_RESULT), "Accuracy and macro-F1"),
    "emotions": Paper(("model", "protocol", "emotion", "tested_times", "precision", "recall", "f1"),
                      "Precision, recall and F1 of each emotion"),
    "protocols": Paper(("model", "protocol", "against", "sequences", "seeds", *_PAIR),
                       f"Folds of sequences against folds of people ({_DIFFERENCE})"),
    "open_models": Paper(("model", "sequences", "seeds", *_RESULT, *_PAIR, "weights", "seconds"),
                         f"Models on the same folds of people ({_DIFFERENCE}; seconds to train one fold)"),
    "cross_summary": Paper(("model", "source", "target", "protocol", "sequences", *_RESULT),
                           "Accuracy and macro-F1 across datasets"),
}  # fmt: skip


def write(path: Path, kind: str, table: pd.DataFrame, quick: bool = False) -> Path:
    """Write `table`, one of KINDS as `tables.save` marks it, as LaTeX. Atomic. Raises OutputError."""
    shown = table[[name for name in KINDS[kind].columns if name in table]]
    shares = [name for name in ("precision", "recall", "f1") if name in shown]
    shown = shown.assign(
        **{name: [f"{100 * share:.1f}".replace("nan", "") for share in shown[name]] for name in shares}
    )
    text = percent(shown).rename(columns={**{name: f"{name}, %" for name in shares}, "subjects": "people"})
    text.columns = [name.replace("_", " ") for name in text.columns]
    content = text.to_latex(
        index=False,
        escape=True,
        na_rep="",
        float_format="%.4g",
        caption=caption(kind, table, quick),
        label=f"tab:{path.parent.name}-{kind}".replace("_", "-"),
        position="htbp",
    )
    with paths.replacing(path) as temporary:
        temporary.write_text(content, encoding="utf-8")
    return path


def caption(kind: str, table: pd.DataFrame, quick: bool = False) -> str:
    """Return the caption in LaTeX: what it is of, how it was tested, what the brackets are, and the marks of results
    that say nothing of real faces."""
    title, protocols = KINDS[kind].about, table.get("protocol", pd.Series(["grouped"]))
    names = [registry.title(name) for name in dict.fromkeys("+".join(table["dataset"].unique()).split("+"))]
    parts = [f"{title}, on {', '.join(names)}", *(PROTOCOLS.get(name, name) for name in protocols.unique())]
    if "accuracy" in table or "difference" in table:
        parts.append("in brackets, 95 % bootstrap intervals that draw people")
    if (table["data"] == STAND_IN).any():
        parts.append(f"{STAND_IN}: computed faces, which say nothing about real ones")
    if quick:
        parts.append(QUICK)
    return "; ".join(parts).replace("%", r"\%") + "."
