"""Runs the notebooks in order with papermill."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import filelock
import papermill

from fer_utils import kernels, paths, workers
from fer_utils.data import registry
from fer_utils.data.inventory import few_people, survey, too_few
from fer_utils.errors import StudyError, first_line
from fer_utils.quiet import children_log_to
from fer_utils.study import record, report
from fer_utils.study.progress import Progress
from fer_utils.study.record import NotebookRun

# first a notebook about the machine, then those that run for each dataset, then those about all datasets at once;
# ACROSS needs several datasets
FIRST = ("00_check_setup",)
PER_DATASET = (
    "01_extract_landmarks",
    "02_visualize_features",
    "03_train_convlstm",
    "03b_open_questions",
    "03c_what_decides",
)
ACROSS = ("04_cross_dataset",)
LAST = ("04b_real_and_drawn", "05_real_time", "06_paper_figures", "07_webcam_demo")

# values of the notebooks' parameters: their own, those of --quick, and those of --paper-network
FULL: Mapping[str, object] = {}
QUICK: Mapping[str, object] = {
    "subjects": 5,
    "epochs": 3,
    "seeds": 1,
    "questions": ["leakage", "ablations", "early", "importance", "units"],
    "models": ["compact"],
    "frames": 50,
    "actors": 20,
    "quick": True,
}
QUICK_STAND_INS = ("ckplus", "mmi")  # one whose recordings end at the apex, and one whose apex is inside
PAPER_NETWORK: Mapping[str, object] = {"network": "paper", "matrix_model": "paper"}


NOTEBOOKS = (*FIRST, *PER_DATASET, *ACROSS, *LAST)


def choose(
    names: list[str] | None, data: str, quick: bool = False, reader: Mapping[str, Mapping] | None = None, folds: int = 5
) -> list[str]:
    """Return the datasets to study: those named, or all that are in the folder `data`, or stand-ins.

    `quick` takes two stand-ins. `reader` holds options of `registry.scan`, by dataset. If a dataset is missing, the
    reason is printed. Raises StudyError if all are missing.
    """
    if not data:
        if "folder" in (names or ()):
            raise StudyError("folder: has no stand-in; name the folder that holds your recordings with --data")
        return list(dict.fromkeys(names or (QUICK_STAND_INS if quick else registry.STAND_INS)))
    inventories, missing = survey(data, names or [name for name in registry.NAMES if name != "folder"], reader)
    for name, why in missing.items():
        print(f"{name}: left out: {why}", file=sys.stderr)
    if not inventories:
        raise StudyError(f"{data}: none of the datasets is here; fer doctor --data {data} says more")
    problems = {inventory.dataset: too_few(inventory) for inventory in inventories}
    for inventory in inventories:
        name = inventory.dataset
        if problem := problems[name] or few_people(inventory, folds):
            print(f"{name}: {'left out: ' if problems[name] else ''}{problem}", file=sys.stderr)
    if all(problems.values()):
        name, problem = next(iter(problems.items()))
        raise StudyError(f"{name}: {problem}")
    return [name for name, problem in problems.items() if not problem]


def run(
    names: list[str],
    data: str = "",
    out: Path | None = None,
    settings: Mapping[str, object] = FULL,
    jobs: int | None = None,
    splits: Path | None = None,
    scheduler: str = "",
) -> tuple[list[NotebookRun], Path]:
    """Run the study on the datasets `names`; return how each notebook ended, and the folder of the run.

    Notebooks, tables, figures and the report are written under `out` (default: runs/study, or runs/quick). `settings`
    are values of the notebooks' parameters. `splits` is the folder of an earlier study, or of this one, from which
    notebook 03 takes its folds. `scheduler` is the address of a Dask cluster that does the work (see
    `workers.cluster`). A notebook that fails does not end the study. After an interruption, a study goes on from the
    landmarks and folds that were finished.

    Raises StudyError if the study cannot start: another one writes into `out`, or given folds are missing. Raises
    OutputError if it cannot write.
    """
    plan = [
        *((notebook, "") for notebook in FIRST),
        *((notebook, name) for name in names for notebook in PER_DATASET),
        *((notebook, "") for notebook in ACROSS if len(names) > 1),
        *((notebook, "") for notebook in LAST),
    ]
    common = {"data": data, "jobs": jobs or os.cpu_count(), "interactive": False, "datasets": names, **settings}
    known = {notebook: parameters(notebook) for notebook, _ in plan}
    if unknown := sorted(set(settings) - set().union(*map(parameters, NOTEBOOKS))):
        raise StudyError(f"{', '.join(unknown)}: no notebook has such a parameter")
    out = out or paths.runs() / ("quick" if {**settings, **QUICK} == settings else "study")
    out = paths.expand_user(out).resolve()
    paths.check_output_folder(out)
    started = datetime.now().astimezone()
    with _alone_in(out), workers.cluster(scheduler, jobs) as (address, dashboard):
        if address:
            print(f"Dask scheduler {address}, dashboard {dashboard}", file=sys.stderr)
        given = _given(splits, names, out) if splits else {}
        record.forget(out, names)
        done = _run_all(plan, {**common, "out": str(out), "scheduler": address}, known, given, out)
        record.write(out, names, started, {"data": data, "jobs": common["jobs"], **settings}, done)
        report.write(done, out)
    return done, out


@contextmanager
def _alone_in(out: Path) -> Iterator[None]:
    """Lock the folder. The system releases the lock when the process ends, however that happens."""
    lock = filelock.FileLock(out / ".lock", blocking=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise StudyError(f"{out}: another study is writing here; wait for it, or name another folder") from None
    with lock:
        paths.remove_leftovers(out)
        yield


def _run_all(plan, common: Mapping[str, object], known, given: Mapping[str, str], out: Path) -> list[NotebookRun]:
    done = []
    with Progress(notebook for notebook, _ in plan) as progress:
        for notebook, name in plan:
            progress.start(notebook, name)
            values = {**common, "dataset": name, "splits": given.get(name, "")}
            values = {key: values[key] for key in known[notebook] if key in values}
            result = run_notebook(notebook, name, values, out, progress)
            progress.end(notebook, result.outcome, result.seconds)
            if notebook == "03_train_convlstm" and not result.error:
                progress.write("".join(f"{line}\n" for line in report.first_results(out, name)))
            done.append(result)
    return done


def parameters(notebook: str) -> set[str]:
    """Return the names of a notebook's parameters. Raises StudyError if there is no such notebook."""
    source = paths.notebooks() / f"{notebook}.ipynb"
    if not source.is_file():
        raise StudyError(f"{source}: not there; run from a clone, or set FER_ROOT to one")
    return set(papermill.inspect_notebook(str(source)))


def run_notebook(
    notebook: str, dataset: str, values: Mapping[str, object], out: Path, progress: Progress | None = None
) -> NotebookRun:
    """Execute one notebook with `values` of its parameters; keep the executed copy under `out/notebooks`.

    Raises StudyError for a value of a parameter that the notebook does not have (papermill alone only warns).
    """
    if unknown := sorted(set(values) - parameters(notebook)):
        raise StudyError(f"{notebook}: no parameter {', '.join(unknown)}; it has {', '.join(parameters(notebook))}")
    executed = paths.executed(out, notebook, dataset)
    executed.parent.mkdir(parents=True, exist_ok=True)
    error, start = "", time.monotonic()
    try:
        with kernels.own_kernel(), children_log_to(executed.with_suffix(".log")) as terminal:
            papermill.execute_notebook(
                str(paths.notebooks() / f"{notebook}.ipynb"),
                str(executed),
                dict(values),
                kernel_name=kernels.NAME,
                progress_bar=False,
                stderr_file=progress or terminal,  # the notebooks' own progress bars
                cwd=str(paths.notebooks()),
            )
    except papermill.PapermillExecutionError as failure:
        error = f"{failure.ename}: {failure.evalue}".splitlines()[0]
    except (OSError, RuntimeError) as failure:  # the kernel died or did not start
        error = first_line(failure)
    return NotebookRun(notebook, dataset, executed, time.monotonic() - start, error)


def _given(splits: Path, names: list[str], out: Path) -> dict[str, str]:
    """Copy the datasets' split manifests of an earlier study into `out`; return the copies' paths by dataset."""
    copies = {}
    for name in names:
        manifest = paths.table(splits, name, "splits")
        try:
            content = manifest.read_bytes()
        except OSError as error:
            raise StudyError(
                f"{manifest}: cannot be read ({error.strerror}); --splits names the folder of an earlier study with "
                "the folds of every dataset that is studied: name some of them by --datasets, or another folder"
            ) from None
        copies[name] = str(paths.write(paths.folds(out, name) / "given.csv", content))
    return copies
