"""What the paper claims beside what is found here."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fer_utils import paths, plans, results
from fer_utils.evaluation import STAND_IN

NEEDS_DATA = "needs the licensed data"
COLUMNS = (
    "dataset", "claimed", "found", "interval", "difference", "verdict", "protocol", "model", "sequences", "data",
)  # fmt: skip


def published() -> pd.DataFrame:
    """The published accuracies, in %, with source, protocol and provenance: the paper's and the field's yardsticks."""
    return results.read_plain(paths.figures() / "published.csv")


def table(out: Path) -> pd.DataFrame:
    """A row a claim of the paper and protocol of ours: claimed, found, interval, difference and verdict, in %, from the
    summaries that a study wrote into `out`.

    A stand-in's number is shown with its mark and set against nothing: its difference stays empty.
    """
    claimed = published()
    claimed = claimed[claimed["what"] == "paper"]
    rows = []
    for claim in claimed.itertuples():
        found = _found(claim.dataset, out)
        if found.empty:
            rows.append({"dataset": claim.dataset, "claimed": claim.accuracy, "verdict": NEEDS_DATA})
        for result in found.to_dict("records"):
            value, low, high = (100 * result[f"accuracy{part}"] for part in ("", "_low", "_high"))
            rendered = result["data"] == STAND_IN
            rows.append(
                {
                    "dataset": claim.dataset,
                    "claimed": claim.accuracy,
                    "found": round(value, 1),
                    "interval": f"[{low:.1f}, {high:.1f}]",
                    "difference": None if rendered else round(value - claim.accuracy, 1),
                    "verdict": NEEDS_DATA if rendered else _verdict(claim.accuracy, low, high),
                    "protocol": result["protocol"],
                    "model": result["model"],
                    "sequences": result["sequences"],
                    "data": result["data"],
                }
            )
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"sequences": "Int64"})


def _found(dataset: str, out: Path) -> pd.DataFrame:
    composite = "→" in dataset or dataset == plans.MERGED
    path = out / ("cross_summary.csv" if composite else f"summary_{dataset}.csv")
    if not path.is_file():
        return pd.DataFrame()
    summary = results.read(path)
    if not composite:
        return summary
    named = summary["protocol"]
    return summary[named.str.startswith(dataset) if dataset == plans.MERGED else named == dataset]


def _verdict(claimed: float, low: float, high: float) -> str:
    if claimed > high:
        return "claimed more than is found: above the interval"
    return "claimed less than is found: below the interval" if claimed < low else "agrees: inside the interval"
