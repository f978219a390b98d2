"""Cross-validation of many models on many variants of the features: one job a fold, run by any executor, each kept in a
file when it is done, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor, Future, as_completed
from dataclasses import asdict, dataclass, field
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from fer_utils import paths
from fer_utils.errors import StudyError, UserError
from fer_utils.evaluation.metrics import KEYS, metrics
from fer_utils.evaluation.splits import Folds, Reasons
from fer_utils.features import geometry
from fer_utils.features.tensors import FeatureTable
from fer_utils.models import baselines
from fer_utils.workers import digest, versions

BASE = "61 landmarks"  # the study's own features, `tensors.DEFAULT`
RESAMPLES = 5  # shufflings of the test rows that an importance is averaged over


@dataclass(frozen=True)
class Run:
    """One cross-validation.

    `variant` names the features that are trained on and tested with; `tested` those that the same trained models are
    tested with as well. Every model is fitted on all training rows of a fold; a network for as many epochs as are best
    on the validation part of them, when it is trained on the rest. `select_on="test"` keeps the epoch of a network that
    has the highest accuracy on the test rows: a mistake often made, measured here on purpose.
    """

    model: str
    protocol: str
    seed: int = 0
    variant: str = BASE
    tested: tuple[str, ...] = ()
    select_on: str = "validation"
    importance: bool = False


@dataclass(frozen=True)
class Outcome:
    """A row a fold, a row a tested sequence, a row a fold and epoch, a row a fold and group of features; and, a row a
    run, what could not be done and why."""

    folds: pd.DataFrame
    predictions: pd.DataFrame
    history: pd.DataFrame
    importance: pd.DataFrame
    refused: pd.DataFrame


@dataclass(frozen=True)
class _Job:
    """All that a worker needs for one fold. Equal jobs have equal outcomes."""

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
        described = {name: value for name, value in asdict(self).items() if name != "folder"}
        return hashlib.sha256(json.dumps([described, _made_by()], sort_keys=True).encode()).hexdigest()[:32]


def run(
    runs: Iterable[Run],
    tables: Mapping[str, FeatureTable],
    splits: Folds,
    out: Path,
    executor: Executor,
    settings: Mapping[str, float] | None = None,
    reasons: Reasons | None = None,
) -> Outcome:
    """Fit and test every fold of `runs`, with a progress bar.

    `tables` holds the features by variant, BASE among them, whose rows `splits` number, by protocol and seed; `reasons`
    says why those that are not there could not be made. A sequence that a variant lacks is left out of it. Tables and
    finished folds are kept under `out`; what is there and was made of the same data, folds, settings and code is taken
    from there.

    A run that cannot be made (no folds, too little memory, a library that is not installed) is listed with its reason;
    the others go on. Raises StudyError where none can.
    """
    asked = list(dict.fromkeys(runs))
    runs = [each for each in asked if (each.protocol, each.seed) in splits]
    stored = {
        name: _store(tables[name], out / "features")
        for name in {BASE, *(n for r in runs for n in (r.variant, *r.tested))}
    }
    base, jobs = tables[BASE], {}
    known = {name: set(table.ids) for name, table in tables.items()}
    for each in runs:
        for split in splits[each.protocol, each.seed]:
            part = {
                name: tuple(i for i in base.ids[getattr(split, name)].tolist() if i in known[each.variant])
                for name in ("fit", "validation", "test")
            }
            jobs[each, split.fold] = _Job(
                each.model,
                each.seed,
                tuple(sorted((settings or {}).items())),
                stored[each.variant],
                tuple((name, stored[name]) for name in each.tested),
                tuple(np.unique(base.emotions).tolist()),
                **part,
                select_on=each.select_on,
                importance=each.importance,
                folder=str(out / "features"),
            )
    done = _outcomes(jobs, out / "folds", executor)
    outcome = _collect(asked, splits, reasons or {}, base, jobs, done)
    if outcome.predictions.empty:
        raise StudyError(f"none of the {len(asked)} runs could be made; the first: {outcome.refused['reason'].iloc[0]}")
    return outcome


def _outcomes(jobs: Mapping[tuple[Run, int], _Job], folder: Path, executor: Executor) -> dict[_Job, dict]:
    done: dict[_Job, dict] = {}
    with tqdm(total=len(set(jobs.values())), desc="folds", unit="fold", file=sys.stderr) as bar:
        waiting: dict[Future, _Job] = {}
        for job in dict.fromkeys(jobs.values()):
            try:
                done[job] = _read_sealed(folder / f"{job.key()}.json")
                bar.update()
            except (OSError, ValueError):  # not there, or damaged: made anew
                waiting[executor.submit(_fit_and_test, job)] = job
        try:
            for future in as_completed(waiting):
                job = waiting[future]
                done[job] = future.result()
                if "refused" not in done[job]:
                    with paths.replacing(folder / f"{job.key()}.json") as temporary:
                        temporary.write_text(_sealed(json.dumps(done[job])), encoding="ascii")
                bar.update()
        finally:
            for future in waiting:
                future.cancel()
    return done


def _fit_and_test(job: _Job) -> dict:
    """What a worker does: one fold. Returns lists and numbers only, or the reason why it could not be done."""
    from fer_utils.models import classifiers  # TensorFlow is needed in the workers only

    try:
        table = _load(job.folder, job.table)
        fit, validation, test = (_rows(table, ids) for ids in (job.fit, job.validation, job.test))
        classifier = classifiers.make(job.model, job.seed, **dict(job.settings))
        how: dict[str, object] = {"refit": True} if job.model in classifiers.NETWORKS else {}
        if job.select_on == "test":  # as often done: all training rows are trained on, the test rows choose the epoch
            fit, validation, how = [*fit, *validation], test, {"keep": "accuracy"}
        checked = table.x[validation], table.emotions[validation]
        history = classifier.fit(table.x[fit], table.emotions[fit], checked, **how)
        outcome = {"history": history, "tests": {"": _predictions(classifier, table.x[test], job)}}
        for name, key in job.tested:
            other = _load(job.folder, key)
            ids = [i for i in job.test if i in _places(other)]
            outcome["tests"][name] = {"ids": ids, **_predictions(classifier, other.x[_rows(other, ids)], job)}
        if job.importance:
            outcome["importance"] = _importance(classifier, table.x[test], table.emotions[test], job.seed)
        return outcome
    except UserError as error:
        return {"refused": str(error)}


def _predictions(classifier, x: np.ndarray, job: _Job) -> dict:
    probabilities = np.zeros((len(x), len(job.names)))
    baselines.check_finite(test=x)
    if len(x):
        probabilities[:, np.searchsorted(job.names, classifier.classes)] = classifier.predict_proba(x)
    return {"probabilities": probabilities.round(6).tolist()}


def _importance(classifier, x: np.ndarray, emotions: np.ndarray, seed: int) -> list[dict]:
    """The accuracy that is lost when a group of features is shuffled among the test rows: the distances, or the angles,
    between two regions. Features of the default options."""
    from fer_utils.landmarks import regions

    pairs = geometry.pairs_of()
    groups = np.array([" – ".join(dict.fromkeys(map(regions.region_of, pair))) for pair in pairs.tolist()])
    draw = np.random.default_rng(seed)
    before = np.sum(classifier.classes[classifier.predict_proba(x).argmax(axis=1)] == emotions)
    orders = [draw.permutation(len(x)) for _ in range(RESAMPLES)]
    found = []
    for value, offset in (("distances", 0), ("angles", len(pairs))):
        for group in dict.fromkeys(groups):
            columns = np.flatnonzero(groups == group) + offset
            lost = []  # in whole sequences: shares would leave rests where as many are won as lost
            for order in orders:
                shuffled = x.copy()
                shuffled[:, :, columns] = x[order][:, :, columns]
                after = np.sum(classifier.classes[classifier.predict_proba(shuffled).argmax(axis=1)] == emotions)
                lost.append(before - after)
            share = float(np.mean(lost)) / len(x)
            found.append({"values": value, "regions": str(group), "n_features": len(columns), "lost": share})
    return found


def _collect(runs, splits: Folds, reasons: Reasons, base: FeatureTable, jobs, done) -> Outcome:
    """The outcomes as tables, in the order of `runs`, whatever the order in which they were done."""
    row_of = {name: number for number, name in enumerate(base.ids.tolist())}
    folds, predictions, history, importance, refused = [], [], [], [], {}
    for each in runs:
        if (each.protocol, each.seed) not in splits:
            refused[each] = reasons.get((each.protocol, each.seed), "its folds cannot be made")
            continue
        parts = [(split, jobs[each, split.fold]) for split in splits[each.protocol, each.seed]]
        if failed := [done[job]["refused"] for _, job in parts if "refused" in done[job]]:
            refused[each] = failed[0]  # what the other folds found would pass for the whole
            continue
        for split, job in parts:
            found = done[job]
            key = dict(zip(KEYS, (each.model, each.variant, each.variant, each.protocol, each.select_on), strict=True))
            key |= {"seed": each.seed, "fold": split.fold}
            for tested, outcome in found["tests"].items():
                rows = [row_of[i] for i in outcome.get("ids", job.test)]
                p = np.array(outcome["probabilities"]).reshape(len(rows), len(job.names))
                predicted = np.array(job.names)[p.argmax(axis=1)]
                mine = key | ({"tested": tested} if tested else {})
                columns = {f"p_{name}": p[:, number] for number, name in enumerate(job.names)}
                named = {"id": base.ids[rows], "subject": base.subjects[rows], "emotion": base.emotions[rows]}
                predictions.append(pd.DataFrame({**mine, **named, "predicted": predicted, **columns}))
                shared = set(base.subjects[split.test]) & set(base.subjects[split.train])
                folds.append(
                    {
                        **mine,
                        "n_fit": len(job.fit),
                        "n_validation": len(job.validation),
                        "n_test": len(rows),
                        "subjects_test": len(set(base.subjects[split.test])),
                        "subjects_shared": len(shared),
                        "untrained": split.untrained,
                        "epochs": len(found["history"].get("loss", [])),
                        **metrics(base.emotions[rows], predicted),
                    }
                )
            if found["history"]:
                epochs = np.arange(1, len(found["history"]["loss"]) + 1)
                history.append(pd.DataFrame({**key, "epoch": epochs, **found["history"]}))
            importance += [{**key, **group} for group in found.get("importance", [])]
    could_not = [(r.model, r.variant, r.protocol, r.select_on, r.seed, why) for r, why in refused.items()]
    return Outcome(
        pd.DataFrame(folds),
        pd.concat(predictions, ignore_index=True) if predictions else pd.DataFrame(),
        pd.concat(history, ignore_index=True) if history else pd.DataFrame(),
        pd.DataFrame(importance),
        pd.DataFrame(could_not, columns=["model", "variant", "protocol", "select_on", "seed", "reason"]),
    )


def _sealed(text: str) -> str:
    """The text with its SHA-256 in a line below."""
    return f"{text}\n{hashlib.sha256(text.encode()).hexdigest()}"


def _read_sealed(path: Path) -> dict:
    """Raises OSError or ValueError where it is not what was written."""
    content = path.read_text(encoding="ascii")
    text = content.rpartition("\n")[0]
    if content != _sealed(text):
        raise ValueError(f"{path}: damaged")
    return json.loads(text)


def _store(table: FeatureTable, folder: Path) -> str:
    """Keep a table as files that many workers can map into memory; returns its name, made of its content."""
    digest = hashlib.sha256(np.ascontiguousarray(table.x))
    for names in (table.ids, table.emotions, table.subjects):
        digest.update("\0".join(names.tolist()).encode())
    key = digest.hexdigest()[:32]
    if not _is_whole(folder, key, table):
        with paths.replacing(folder / f"{key}.npy") as temporary:
            np.save(temporary, table.x)
        rows = {name: getattr(table, name).tolist() for name in ("ids", "emotions", "subjects")}
        with paths.replacing(folder / f"{key}.json") as temporary:  # last: the table is whole when this is there
            temporary.write_text(json.dumps(rows), encoding="utf-8")
    return key


def _is_whole(folder: Path, key: str, table: FeatureTable) -> bool:
    try:
        kept = _load.__wrapped__(str(folder), key)
        names = ("ids", "emotions", "subjects", "x")
        return kept.x.dtype == table.x.dtype and all(
            np.array_equal(getattr(kept, name), getattr(table, name)) for name in names
        )
    except Exception:  # not there, or damaged, whatever json and NumPy then stumble over
        return False


@lru_cache(maxsize=4)
def _load(folder: str, key: str) -> FeatureTable:
    rows = json.loads((Path(folder) / f"{key}.json").read_text(encoding="utf-8"))
    x = np.load(Path(folder) / f"{key}.npy", mmap_mode="r", allow_pickle=False)
    return FeatureTable(x, *(np.array(rows[name], np.str_) for name in ("emotions", "subjects", "ids")))


def _places(table: FeatureTable) -> dict[str, int]:
    return {name: number for number, name in enumerate(table.ids.tolist())}


def _rows(table: FeatureTable, ids: Iterable[str]) -> list[int]:
    places = _places(table)
    return [places[i] for i in ids]


@cache
def _made_by() -> list[str]:
    """What decides the outcome of equal jobs: the code that trains and tests, and the libraries that compute."""
    models = Path(baselines.__file__).parent
    code = [models / f"{name}.py" for name in ("classifiers", "networks", "training", "baselines")]
    code.append(Path(__file__))
    return [digest(code), *versions()]
