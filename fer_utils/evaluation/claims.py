"""The paper's claims compared with what a study measured."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from fer_utils import paths
from fer_utils.data.sequence import STAND_IN
from fer_utils.errors import StudyError
from fer_utils.evaluation import tables

NOT_JUDGED = "not judged: a quick run says nothing"
NEEDS_DATA = "needs the licensed data"
FAILED = "not known: the notebook that measures it failed or was not run"
COLUMNS = (
    "source", "target", "claimed", "found", "interval", "difference", "verdict", "protocol", "model", "sequences",
    "data",
)  # fmt: skip


def published() -> pd.DataFrame:
    """Return the published accuracies, in %, of the paper and of others: the datasets trained on (`source`) and tested
    on (`target`), the protocol, where each was published (`reference`) and how it is known (`provenance`)."""
    return tables.read_csv(paths.figures() / "published.csv")


def table(out: Path, datasets: Iterable[str] | None = None, judged: bool = True) -> pd.DataFrame:
    """Return a row a claim of the paper and protocol of ours: claimed, found, interval, difference and verdict, in %,
    from the summaries that a study of `datasets` (default: all that the paper names) wrote into `out`.

    Tables of other datasets, which an earlier study left there, do not count. A stand-in's number is not shown beside
    the paper's. Unless `judged`, as of a run too short to say anything, a number has no verdict. If a summary cannot be
    read, the verdict says why.
    """
    claims = published()
    claims = claims[claims["what"] == "paper"]
    alone = (claims["source"] == claims["target"]) & ~claims["source"].str.contains("+", regex=False)
    names = claims.loc[alone, "source"].tolist()
    studied = names if datasets is None else list(datasets)
    rows = []
    for claim, single in zip(claims.itertuples(), alone, strict=True):
        own = [claim.source] if single else names
        row = {"source": claim.source, "target": claim.target, "claimed": claim.accuracy}
        try:
            found = _found(claim, single, out) if not single or claim.source in studied else pd.DataFrame()
            was_studied = set(own) <= set(studied) and _was_studied(own, out)
            verdict = FAILED if was_studied else NEEDS_DATA
        except StudyError as error:
            found, verdict = pd.DataFrame(), f"not known: {error}"
        if found.empty:
            rows.append(row | {"verdict": verdict})
        for result in found.to_dict("records"):
            ours = row | {name: result[name] for name in ("protocol", "model", "sequences", "data")}
            if result["data"] == STAND_IN:
                rows.append(ours | {"verdict": NEEDS_DATA})
                continue
            value, low, high = (100 * result[f"accuracy{part}"] for part in ("", "_low", "_high"))
            ours |= {"found": round(value, 1), "interval": f"[{low:.1f}, {high:.1f}]"}
            if judged:
                ours["difference"] = round(value - claim.accuracy, 1)
            rows.append(ours | {"verdict": _verdict(claim.accuracy, low, high) if judged else NOT_JUDGED})
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"sequences": "Int64"})


def _found(claim, single: bool, out: Path) -> pd.DataFrame:
    """The rows of our summaries that were trained and tested on a claim's datasets."""
    place, kind = (claim.source, "summary") if single else (paths.ALL, "cross_summary")
    if not paths.table(out, place, kind).is_file():
        return pd.DataFrame()
    summary = tables.read(out, kind, place)
    return summary[(summary["source"] == claim.source) & (summary["target"] == claim.target)]


def _was_studied(datasets: Iterable[str], out: Path) -> bool:
    """Whether the landmarks of real recordings of all of the datasets were found."""
    return all(
        paths.table(out, name, "coverage").is_file() and not tables.rendered(tables.read(out, "coverage", name))
        for name in datasets
    )


def _verdict(claimed: float, low: float, high: float) -> str:
    if low == high:  # of people who are all alike, drawing them says nothing of others
        return "not judged: all people have the same result, so there is no interval"
    if claimed > high:
        return "claimed more than is found: above the interval"
    return "claimed less than is found: below the interval" if claimed < low else "agrees: inside the interval"
