"""Cross-validation of many models on many variants of the features.

Which ones the study makes is in `experiments`. There is one job a fold, run by any executor. Each outcome is kept in a
file when it is done, so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from fer_utils.data.registry import joined
from fer_utils.errors import StudyError
from fer_utils.evaluation.jobs import Job, fit_and_test, keep_table, read_outcome, rows_of, write_outcome
from fer_utils.evaluation.metrics import RECIPE, metrics, prediction_rows, result_key
from fer_utils.evaluation.splits import PARTS, Folds, Reasons, Scheme, Split, validation_split
from fer_utils.features.tensors import FeatureTable

BASE = "61 landmarks"  # the study's own features, `tensors.DEFAULT`


@dataclass(frozen=True)
class Run:
    """One cross-validation.

    `protocol`, `seed` and the datasets `source` and `target` (empty: all in the table) name its folds. `variant` names
    the features that are trained on and tested with; `tested` those that the same trained models are tested with as
    well. Every model is fitted on all training rows of a fold; a network for as many epochs as are best on the
    validation part of them, when it is trained on the rest. `select_on="test"` keeps the epoch of a network that has
    the highest accuracy on the test rows: a mistake often made, measured here on purpose.
    """

    model: str
    protocol: str
    seed: int = 0
    variant: str = BASE
    tested: tuple[str, ...] = ()
    select_on: str = "validation"
    importance: bool = False
    source: tuple[str, ...] = ()
    target: tuple[str, ...] = ()

    @property
    def scheme(self) -> Scheme:
        """The folds that it is made on."""
        return Scheme(self.protocol, self.seed, self.source, self.target)


@dataclass(frozen=True)
class Outcome:
    """The tables of an experiment.

    Attributes
    ----------
    folds, predictions
        A row a fold; a row a tested sequence.
    history
        A row a fold and epoch.
    importance
        A row a fold and group of features.
    costs
        A row a fold, with its model's weights and training time in seconds.
    refused
        A row a run: what could not be done and why.
    """

    folds: pd.DataFrame
    predictions: pd.DataFrame
    history: pd.DataFrame
    importance: pd.DataFrame
    costs: pd.DataFrame
    refused: pd.DataFrame


def run(
    runs: Iterable[Run],
    tables: Mapping[str, FeatureTable],
    splits: Folds,
    folder: Path,
    executor: Executor,
    settings: Mapping[str, float] | None = None,
    reasons: Reasons | None = None,
) -> Outcome:
    """Fit and test every fold of `runs`, with a progress bar.

    `tables` holds the features by variant, BASE among them, whose sequences `splits` names, by scheme; `reasons` says
    why those that are not there could not be made. A sequence that a variant lacks is left out of it. Finished
    folds and the features they are made of are kept in `folder` (`paths.folds`); what is there and was made of the same
    data, folds, settings and code is taken from there.

    A run that cannot be made (no folds, too little memory, a library that is not installed) is listed with its reason;
    the others go on. Raises StudyError if none can be made.
    """
    planned = list(dict.fromkeys(runs))
    possible = [plan for plan in planned if plan.scheme in splits]
    stored = {
        name: keep_table(tables[name], folder / "features")
        for name in {BASE, *(name for plan in possible for name in (plan.variant, *plan.tested))}
    }
    known = {name: set(table.ids.tolist()) for name, table in tables.items()}
    jobs = {}
    for plan in possible:
        for split in splits[plan.scheme]:
            ids = {part: getattr(split, part).tolist() for part in PARTS}
            jobs[plan, split.fold] = Job(
                plan.model,
                plan.seed,
                tuple(sorted((settings or {}).items())),
                stored[plan.variant],
                tuple((name, stored[name]) for name in plan.tested),
                tuple(np.unique(tables[BASE].emotions).tolist()),
                **{part: tuple(i for i in ids[part] if i in known[plan.variant]) for part in PARTS},
                select_on=plan.select_on,
                importance=plan.importance,
                folder=str(folder / "features"),
            )
    done = _outcomes(jobs, folder, executor)
    outcome = _collect(planned, splits, reasons or {}, tables[BASE], jobs, done)
    if outcome.predictions.empty:
        first = outcome.refused["reason"].iloc[0]
        raise StudyError(f"none of the {len(planned)} runs could be made; the first: {first}")
    return outcome


def train_for_streams(table: FeatureTable, path: Path, trained_on: str, epochs: int = 60) -> Path:
    """Write a classifier for streams, the compact network with 8-bit weights, and return `path`.

    It is fitted to all people of the table: cross-validation says how good it is. The number of epochs is the best one
    for a fifth of them when it is fitted to the others. Raises SplitError as `splits.validation_split` does,
    TrainingError, OutputError.
    """
    from fer_utils.models import classifiers, export  # TensorFlow is needed in the workers only

    classifier = classifiers.SequenceClassifier("compact", epochs)
    classifier.trained_on = trained_on
    fit, validation = validation_split(table.emotions, table.subjects)
    checked = table.x[validation], table.emotions[validation]
    classifier.fit(table.x[fit], table.emotions[fit], checked, refit=True)
    return export.write(classifier, path)


def _outcomes(jobs: Mapping[tuple[Run, int], Job], folder: Path, executor: Executor) -> dict[Job, dict]:
    done: dict[Job, dict] = {}
    with tqdm(total=len(set(jobs.values())), desc="folds", unit="fold", file=sys.stderr) as bar:
        waiting: dict[Future, Job] = {}
        for job in dict.fromkeys(jobs.values()):
            try:
                done[job] = read_outcome(folder / f"{job.key()}.json")
                bar.update()
            except (OSError, ValueError):  # missing or damaged: done again
                waiting[executor.submit(fit_and_test, job)] = job
        try:
            for future in as_completed(waiting):
                job = waiting[future]
                done[job] = future.result()
                if "refused" not in done[job]:
                    write_outcome(folder / f"{job.key()}.json", done[job])
                bar.update()
        finally:
            for future in waiting:
                future.cancel()
    return done


def _collect(runs, splits: Folds, reasons: Reasons, base: FeatureTable, jobs, done) -> Outcome:
    """Return the outcomes as tables, in the order of `runs`, whatever the order in which they were done."""
    subject_of = pd.Series(base.subjects, index=base.ids)
    folds, predictions, history, importance, costs, refused = [], [], [], [], [], []
    for plan in runs:
        folds_of_plan = [(split, jobs[plan, split.fold]) for split in splits.get(plan.scheme, ())]
        failed = [done[job]["refused"] for _, job in folds_of_plan if "refused" in done[job]]
        if failed or not folds_of_plan:  # what the other folds gave would pass for the whole
            reason = failed[0] if failed else reasons.get(plan.scheme, "its folds cannot be made")
            sides = (joined(side or base.datasets.tolist()) for side in (plan.source, plan.target))
            refused.append((plan.model, plan.variant, *sides, plan.protocol, plan.select_on, plan.seed, reason))
            continue
        for split, job in folds_of_plan:
            outcome = done[job]
            key = result_key(plan.model, plan.variant, split, plan.select_on)
            recipe = dict.fromkeys(RECIPE, np.nan) | outcome.get("recipe", {})
            for tested, test in outcome["tests"].items():
                rows = rows_of(base, test.get("ids", job.test))
                p = np.array(test["probabilities"]).reshape(len(rows), len(job.names))
                own = key | {"tested": tested or plan.variant}
                found = prediction_rows(own, base, rows, np.array(job.names), p)
                predictions.append(found.assign(**recipe))
                counts = _counts(job, split, subject_of, len(rows), outcome["history"])
                values = metrics(found["emotion"].to_numpy(), found["predicted"].to_numpy())
                folds.append(own | counts | recipe | values)
            if outcome["history"]:
                epochs = np.arange(1, len(outcome["history"]["loss"]) + 1)
                history.append(pd.DataFrame({**key, "epoch": epochs, **outcome["history"]}))
            costs.append({**key, "weights": outcome["weights"], "seconds": outcome["seconds"]})
            importance += [{**key, **group} for group in outcome.get("importance", [])]
    columns = ["model", "variant", "source", "target", "protocol", "select_on", "seed", "reason"]
    return Outcome(
        pd.DataFrame(folds),
        pd.concat(predictions, ignore_index=True) if predictions else pd.DataFrame(),
        pd.concat(history, ignore_index=True) if history else pd.DataFrame(),
        pd.DataFrame(importance),
        pd.DataFrame(costs),
        pd.DataFrame(refused, columns=columns),
    )


def _counts(job: Job, split: Split, subject_of: pd.Series, n_test: int, history: Mapping) -> dict[str, object]:
    people, trained = (set(subject_of[ids]) for ids in (split.test, split.train))
    return {
        "n_fit": len(job.fit),
        "n_validation": len(job.validation),
        "n_test": n_test,
        "subjects_test": len(people),
        "subjects_shared": len(people & trained),
        "untrained": split.untrained,
        "epochs": len(history.get("loss", [])),
    }
