"""What a worker does: one fold of one run, from stored tables to predictions.

For this, feature tables are kept on disk, which many workers map into memory, and outcomes with a checksum.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from fer_utils import paths
from fer_utils.errors import UserError
from fer_utils.features import geometry
from fer_utils.features.tensors import FeatureTable
from fer_utils.landmarks import regions
from fer_utils.models import baselines
from fer_utils.workers import digest, versions

ROW_NAMES = ("ids", "emotions", "subjects")  # of a table's rows, kept beside its tensors
RESAMPLES = 5  # shufflings of the test rows that an importance is averaged over


@dataclass(frozen=True)
class Job:
    """All that a worker needs for one fold. Equal jobs have equal outcomes, but for the time they took."""

    model: str
    seed: int
    settings: tuple[tuple[str, float], ...]
    table: str
    tested: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    fit: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    select_on: str
    importance: bool
    folder: str = field(compare=False, default="")

    def key(self) -> str:
        """Return the name of the file that its outcome is kept in."""
        described = {name: value for name, value in asdict(self).items() if name != "folder"}
        return hashlib.sha256(json.dumps([described, _code_and_libraries()], sort_keys=True).encode()).hexdigest()[:32]


def fit_and_test(job: Job) -> dict:
    """Return the outcome of one fold in lists and numbers only, or the reason why it could not be done."""
    from fer_utils.models import classifiers  # TensorFlow is needed in the workers only

    try:
        table = load_table(job.folder, job.table)
        fit, validation, test = (rows_of(table, ids) for ids in (job.fit, job.validation, job.test))
        classifier = classifiers.make(job.model, job.seed, **dict(job.settings))
        how: dict[str, object] = {"refit": True} if job.model in classifiers.NETWORKS else {}
        if job.select_on == "test":  # as often done: all training rows are trained on, the test rows choose the epoch
            fit, validation, how = [*fit, *validation], test, {"keep": "accuracy"}
        checked = table.x[validation], table.emotions[validation]
        start = time.perf_counter()
        history = classifier.fit(table.x[fit], table.emotions[fit], checked, **how)
        outcome = {"history": history, "seconds": time.perf_counter() - start, "weights": classifier.weights}
        outcome["tests"] = {"": _predictions(classifier, table.x[test], job)}
        outcome["recipe"] = getattr(classifier, "recipe", {})
        for name, key in job.tested:
            other = load_table(job.folder, key)
            rows = rows_of(other, job.test)
            outcome["tests"][name] = {"ids": other.ids[rows].tolist(), **_predictions(classifier, other.x[rows], job)}
        if job.importance:
            outcome["importance"] = _importance(classifier, table.x[test], table.emotions[test], job.seed)
        return outcome
    except UserError as error:
        return {"refused": str(error)}


def _predictions(classifier, x: np.ndarray, job: Job) -> dict:
    probabilities = np.zeros((len(x), len(job.names)))
    baselines.check_finite(test=x)
    if len(x):
        probabilities[:, np.searchsorted(job.names, classifier.classes)] = classifier.predict_proba(x)
    return {"probabilities": probabilities.round(6).tolist()}


def _importance(classifier, x: np.ndarray, emotions: np.ndarray, seed: int) -> list[dict]:
    """Return the accuracy lost without the distances, or the angles, between two regions, for the default features."""
    pairs = geometry.pairs_of()
    between = np.array([" – ".join(dict.fromkeys(map(regions.region_of, pair))) for pair in pairs.tolist()])
    groups = {
        (values, str(names)): np.flatnonzero(between == names) + offset
        for values, offset in (("distances", 0), ("angles", len(pairs)))
        for names in dict.fromkeys(between)
    }
    losses = accuracy_lost(
        lambda x: classifier.classes[classifier.predict_proba(x).argmax(axis=1)], x, emotions, groups.values(), seed
    )
    return [
        {"values": values, "regions": names, "n_features": len(columns), "lost": lost}
        for ((values, names), columns), lost in zip(groups.items(), losses, strict=True)
    ]


def accuracy_lost(
    classify: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    emotions: np.ndarray,
    groups: Iterable[np.ndarray],
    seed: int,
) -> list[float]:
    """Return the accuracy lost when a group of columns is shuffled among the rows of x (n, …), for each group.

    `classify` names the emotion (n,) of each row. A loss is the mean over RESAMPLES shufflings.
    """
    draw = np.random.default_rng(seed)
    orders = [draw.permutation(len(x)) for _ in range(RESAMPLES)]
    before, lost = int(np.sum(classify(x) == emotions)), []
    for columns in groups:
        losses = []  # in whole sequences: shares would leave rests where as many are won as lost
        for order in orders:
            shuffled = x.copy()
            shuffled[..., columns] = x[order][..., columns]
            losses.append(before - int(np.sum(classify(shuffled) == emotions)))
        lost.append(float(np.mean(losses)) / len(x))
    return lost


@cache
def _code_and_libraries() -> list[str]:
    """Return what decides the outcome of equal jobs: the code that trains and tests, and the libraries that compute."""
    models = sorted(Path(baselines.__file__).parent.glob("*.py"))
    return [digest([*models, Path(__file__)]), *versions()]


def keep_table(table: FeatureTable, folder: Path) -> str:
    """Write a table into `folder`, unless it is there already; return its name, made of its content."""
    key = _key_of(table)
    if not _is_kept(folder, key):
        with paths.replacing(folder / f"{key}.npy") as temporary:
            np.save(temporary, table.x)
        rows = {name: getattr(table, name).tolist() for name in ROW_NAMES}
        paths.write(folder / f"{key}.json", json.dumps(rows))  # last: the table is whole when this is there
    return key


@lru_cache(maxsize=4)
def load_table(folder: str, key: str) -> FeatureTable:
    """Return the table that `keep_table` wrote, its tensors mapped from the file."""
    rows = json.loads((Path(folder) / f"{key}.json").read_text(encoding="utf-8"))
    x = np.load(Path(folder) / f"{key}.npy", mmap_mode="r", allow_pickle=False)
    return FeatureTable(x, *(np.array(rows[name], np.str_) for name in ("emotions", "subjects", "ids")))


def rows_of(table: FeatureTable, ids: Iterable[str]) -> list[int]:
    """Return the row numbers of `ids`; ids that the table lacks are left out."""
    row_of = {name: number for number, name in enumerate(table.ids.tolist())}
    return [row_of[name] for name in ids if name in row_of]


def write_outcome(path: Path, outcome: dict) -> None:
    """Write an outcome as JSON, with its SHA-256 in a line below."""
    paths.write(path, _with_checksum(json.dumps(outcome)))


def read_outcome(path: Path) -> dict:
    """Return what `write_outcome` wrote. Raises OSError or ValueError if it is not there or damaged."""
    content = path.read_text(encoding="ascii")
    text = content.rpartition("\n")[0]
    if content != _with_checksum(text):
        raise ValueError(f"{path}: damaged")
    return json.loads(text)


def _with_checksum(text: str) -> str:
    return f"{text}\n{hashlib.sha256(text.encode()).hexdigest()}"


def _key_of(table: FeatureTable) -> str:
    content = hashlib.sha256(np.ascontiguousarray(table.x))
    for name in ROW_NAMES:
        content.update("\0".join(getattr(table, name).tolist()).encode())
    return content.hexdigest()[:32]


def _is_kept(folder: Path, key: str) -> bool:
    try:
        return _key_of(load_table.__wrapped__(str(folder), key)) == key
    except Exception:  # not there, or damaged, whatever json and NumPy then stumble over
        return False
