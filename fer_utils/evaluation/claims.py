"""What the paper claims beside what is found here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from fer_utils import paths
from fer_utils.errors import StudyError
from fer_utils.evaluation import plans, results
from fer_utils.evaluation.metrics import STAND_IN
from fer_utils.standins.source import STAND_INS

NOT_JUDGED = "not judged: a quick run says nothing"
NEEDS_DATA = "needs the licensed data"
FAILED = "not known: the notebook that finds it failed or was not run"
COLUMNS = (
    "dataset", "claimed", "found", "interval", "difference", "verdict", "protocol", "model", "sequences", "data",
)  # fmt: skip


def published() -> pd.DataFrame:
    """The published accuracies, in %, with source, protocol and provenance: the paper's and the field's yardsticks."""
    return results.read_plain(paths.figures() / "published.csv")


def table(out: Path, datasets: Iterable[str] = tuple(STAND_INS), judged: bool = True) -> pd.DataFrame:
    """A row a claim of the paper and protocol of ours: claimed, found, interval, difference and verdict, in %, from the
    summaries that a study of `datasets` wrote into `out`; what an earlier one left there of others does not count.

    A stand-in's number is not shown beside the paper's: see the study's results. Unless `judged`, as of a run too short
    to say anything, a number has no verdict. Of a summary that cannot be read, the verdict says why.
    """
    claimed = published()
    claimed = claimed[claimed["what"] == "paper"]
    rows = []
    for claim in claimed.itertuples():
        try:
            asked = claim.dataset not in STAND_INS or claim.dataset in datasets
            found = _found(claim.dataset, out) if asked else pd.DataFrame()
            verdict = FAILED if asked and _was_studied(claim.dataset, out) else NEEDS_DATA
        except StudyError as error:
            found, verdict = pd.DataFrame(), f"not known: {error}"
        if found.empty:
            rows.append({"dataset": claim.dataset, "claimed": claim.accuracy, "verdict": verdict})
        for result in found.to_dict("records"):
            value, low, high = (100 * result[f"accuracy{part}"] for part in ("", "_low", "_high"))
            row = {"dataset": claim.dataset, "claimed": claim.accuracy, "data": result["data"]}
            row |= {name: result[name] for name in ("protocol", "model", "sequences")}
            if result["data"] == STAND_IN:
                rows.append(row | {"verdict": NEEDS_DATA})
                continue
            row |= {"found": round(value, 1), "interval": f"[{low:.1f}, {high:.1f}]"}
            if judged:
                row["difference"] = round(value - claim.accuracy, 1)
            rows.append(row | {"verdict": _verdict(claim.accuracy, low, high) if judged else NOT_JUDGED})
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"sequences": "Int64"})


def _found(dataset: str, out: Path) -> pd.DataFrame:
    composite = "→" in dataset or dataset == plans.MERGED
    path = out / ("cross_summary.csv" if composite else f"summary_{dataset}.csv")
    if not path.is_file():
        return pd.DataFrame()
    summary = results.read(path, "cross_summary" if composite else "summary")
    if not composite:
        return summary
    if dataset == plans.MERGED:  # of all four sets, as the paper's
        summary = summary[summary["dataset"].str.split("+").map(set) == set(STAND_INS)]
    named = summary["protocol"]
    return summary[named.str.startswith(dataset) if dataset == plans.MERGED else named.map(_sides) == _sides(dataset)]


def _sides(protocol: str) -> tuple[frozenset[str], ...]:
    """The sets trained on and tested on, in whatever order they were named to the study."""
    return tuple(frozenset(side.split(" + ")) for side in protocol.split(" → "))


def _was_studied(dataset: str, out: Path) -> bool:
    """Whether the landmarks of real recordings of the dataset, or of all that a composite has, were found."""
    tables = [out / f"coverage_{name}.csv" for name in ([dataset] if dataset in STAND_INS else STAND_INS)]
    return all(path.is_file() and not results.rendered(results.read(path)) for path in tables)


def _verdict(claimed: float, low: float, high: float) -> str:
    if low == high:  # of people who are all alike, drawing them says nothing of others
        return "not judged: all people have the same result, so there is no interval"
    if claimed > high:
        return "claimed more than is found: above the interval"
    return "claimed less than is found: below the interval" if claimed < low else "agrees: inside the interval"
