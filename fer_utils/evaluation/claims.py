"""The paper's claims compared with what a study measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from fer_utils import paths
from fer_utils.data import labels, registry
from fer_utils.data.sequence import STAND_IN
from fer_utils.errors import StudyError
from fer_utils.evaluation import tables
from fer_utils.evaluation.intervals import FEWEST

ENOUGH = 0.9  # of the published sequences and people: with fewer, a number is not the published experiment's
MIN_EPOCHS = 30  # half of the default limit; below, a network may be far from its best
NEEDS_DATA = "needs the licensed data"
FAILED = "not known: the notebook that measures it failed or was not run"
COLUMNS = (
    "source", "target", "claimed", "found", "interval", "difference", "verdict", "protocol", "model", "sequences",
    "data",
)  # fmt: skip


def published() -> pd.DataFrame:
    """Return the published accuracies, in %, of the paper and of others.

    The columns name the datasets trained on (`source`) and tested on (`target`), the protocol, where each was published
    (`reference`) and how it is known (`provenance`).
    """
    return tables.read_csv(paths.figures() / "published.csv")


def table(out: Path, datasets: Iterable[str] | None = None) -> pd.DataFrame:
    """Compare each claim of the paper with our protocols: claimed, found, interval, difference and verdict, in %.

    The numbers come from the summaries that a study of `datasets` (default: all that the paper names) wrote into `out`.
    Tables of other datasets, which an earlier study left there, do not count. A stand-in's number is not shown beside
    the paper's. A number of too few sequences, people, emotions or epochs, or of a quick run, is not judged: its
    verdict says what is missing. If a summary cannot be read, the verdict says why.
    """
    claims = published()
    claims = claims[claims["what"] == "paper"]
    alone = (claims["source"] == claims["target"]) & ~claims["source"].str.contains("+", regex=False)
    names = claims.loc[alone, "source"].tolist()
    studied = names if datasets is None else list(datasets)
    rows = []
    for claim, single in zip(claims.itertuples(), alone, strict=True):
        datasets_of_claim = [claim.source] if single else names
        row = {"source": claim.source, "target": claim.target, "claimed": claim.accuracy}
        try:
            results = _found(claim, single, out) if not single or claim.source in studied else pd.DataFrame()
            was_studied = set(datasets_of_claim) <= set(studied) and _was_studied(datasets_of_claim, out)
            verdict = FAILED if was_studied else NEEDS_DATA
        except StudyError as error:
            results, verdict = pd.DataFrame(), f"not known: {error}"
        if results.empty:
            rows.append(row | {"verdict": verdict})
        for result in results.to_dict("records"):
            measured = row | {name: result[name] for name in ("protocol", "model", "sequences", "data")}
            if result["data"] == STAND_IN:
                rows.append(measured | {"verdict": NEEDS_DATA})
                continue
            value, low, high = (100 * result[f"accuracy{part}"] for part in ("", "_low", "_high"))
            measured |= {"found": round(value, 1), "interval": "" if np.isnan(low) else f"[{low:.1f}, {high:.1f}]"}
            missing = _shortfalls(result, claim.target.split("+"), out)
            if not missing:
                measured["difference"] = round(value - claim.accuracy, 1)
            verdict = f"not judged: {missing}" if missing else _verdict(claim.accuracy, low, high)
            rows.append(measured | {"verdict": verdict})
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"sequences": "Int64"})


def _found(claim, single: bool, out: Path) -> pd.DataFrame:
    """Return the rows of our summaries that were trained and tested on a claim's datasets."""
    place, kind = (claim.source, "summary") if single else (paths.ALL, "cross_summary")
    if not paths.table(out, place, kind).is_file():
        return pd.DataFrame()
    summary = tables.read(out, kind, place)
    return summary[(summary["source"] == claim.source) & (summary["target"] == claim.target)]


def _was_studied(datasets: Iterable[str], out: Path) -> bool:
    """Return whether the landmarks of real recordings of all of the datasets were found."""
    return all(
        paths.table(out, name, "coverage").is_file() and not tables.rendered(tables.read(out, "coverage", name))
        for name in datasets
    )


def _shortfalls(result: Mapping, names: list[str], out: Path) -> str:
    """Return what a result lacks of the published experiment on the datasets `names`; empty if it can be judged."""
    known = [registry.DATASETS[name] for name in names]
    single = len(names) == 1
    emotions = known[0].emotions if single else labels.SHARED  # on several, those that all of them have
    counted = [
        dataset.published["sequences"] if single else sum(dataset.published.get(name, 0) for name in emotions)
        for dataset in known
    ]
    sequences = sum(count or dataset.published["sequences"] for count, dataset in zip(counted, known, strict=True))
    rough = "about " if any(dataset.rough for dataset in known) else ""
    lacks = []
    if result["sequences"] < ENOUGH * sequences:
        lacks.append(f"{result['sequences']} of {rough}{sequences} sequences")
    people = known[0].published["subjects"]
    if single and result.get("subjects", np.inf) < ENOUGH * people:
        lacks.append(f"{result['subjects']} of {rough}{people} people")
    if result.get("emotions", np.inf) < len(emotions):
        lacks.append(_missing_emotions(result["emotions"], emotions, names, out))
    if result.get("epoch_limit", np.inf) < MIN_EPOCHS:
        lacks.append(f"{result['epoch_limit']:.0f} epochs")
    if result.get("quick") is True:
        lacks.append("a quick run")
    return ", ".join(lacks)


def _missing_emotions(count: int, emotions: tuple[str, ...], names: list[str], out: Path) -> str:
    if len(names) == 1:
        with suppress(StudyError, KeyError):
            tested = set(tables.read(out, "emotions", names[0])["emotion"])
            if missing := [name for name in emotions if name not in tested]:
                return f"{' and '.join(missing)} missing"
    return f"{count} of {len(emotions)} emotions"


def _verdict(claimed: float, low: float, high: float) -> str:
    if np.isnan(low):
        return f"not judged: fewer than {FEWEST} people, so there is no interval"
    if low == high:  # of people who are all alike, drawing them says nothing of others
        return "not judged: all people have the same result, so there is no interval"
    if claimed > high:
        return "claimed more than is found: above the interval"
    return "claimed less than is found: below the interval" if claimed < low else "agrees: inside the interval"
