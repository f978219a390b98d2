"""The tables of a run: `out/tables/<dataset>/<kind>.csv`; those of several datasets at once lie in `out/tables/all/`.

A notebook writes its tables in one call at its end, which also lists what was written:

    tables.save(out, dataset, found.rendered, {"summary": summary, "emotions": metrics.by_emotion(predictions)})

and reads them with `tables.read(out, "summary", dataset)`. A new table needs one line below, in `KINDS` or `ACROSS`.
Its figures lie beside them: `faces.save(figure, out, dataset, "confusion")`.
"""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fer_utils import paths, workers
from fer_utils.data.sequence import STAND_IN
from fer_utils.errors import StudyError, first_line
from fer_utils.evaluation import experiments, formatting
from fer_utils.evaluation.metrics import KEYS

# the measures of a summary that figures show
SHOWN = (
    "sequences", "seeds", "accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "macro_f1", "macro_f1_low",
    "macro_f1_high", "accuracy_sd_seeds",
)  # fmt: skip


class Kind(NamedTuple):
    """What a table holds, in a sentence for the index of a run, and the columns that its readers need.

    With `versions` every row ends with the versions and the commit that made it.
    """

    about: str
    needed: tuple[str, ...] = ()
    versions: bool = False


_PREDICTED = (*KEYS, "seed", "id", "subject", "emotion", "predicted")

# the tables of one dataset, in the notebooks' order
KINDS: Mapping[str, Kind] = {
    "left_out": Kind("recordings that were left out, with the stage and the reason"),
    "coverage": Kind("frames of each sequence, and in how many of them a face was found"),
    "curves": Kind(
        "intensity over time of one sequence an emotion, with onset, apex, offset and key frames",
        ("emotion", "time", "intensity", "mouth_opening", "key_frame", "phase"),
    ),
    "phases": Kind("onset, apex and offset of each stand-in, as found and as known"),
    "phase_errors": Kind("errors of onset, apex and offset over all stand-ins, in frames"),
    "splits": Kind("who is in which part of which fold of notebook 03; `fer study --splits` takes it back"),
    "results": Kind("notebook 03: a row per fold, with its sizes and accuracies", versions=True),
    "summary": Kind("notebook 03: accuracies over all folds, with 95 % intervals", (*KEYS, *SHOWN), versions=True),
    "emotions": Kind("notebook 03: precision, recall and F1 of each emotion"),
    "protocols": Kind("notebook 03: folds of sequences against folds of people, with a permutation test"),
    "costs": Kind("notebook 03: weights and training time of each fold"),
    "predictions": Kind("notebook 03: a row per tested sequence, with its probabilities", (*_PREDICTED, "fold")),
    "history": Kind("notebook 03: losses and accuracies by epoch"),
    "refused": Kind("notebook 03: runs that could not be made, and why"),
    "open_summary": Kind("notebook 03b: accuracies over all folds, with 95 % intervals", (*KEYS, *SHOWN), True),
    "open_results": Kind("notebook 03b: a row per fold, with its sizes and accuracies", versions=True),
    "open_emotions": Kind("notebook 03b: precision, recall and F1 of each emotion"),
    "open_models": Kind(
        "notebook 03b: all models on the same folds of people, with paired tests, weights and training time",
        ("model", *SHOWN, "weights", "seconds"),
    ),
    "open_protocols": Kind("notebook 03b: ways of testing against folds of people, with a permutation test"),
    "open_costs": Kind("notebook 03b: weights and training time of each fold"),
    "open_predictions": Kind("notebook 03b: a row per tested sequence, with its probabilities", _PREDICTED),
    "open_pairs": Kind("notebook 03b: two models compared on the same folds, with a permutation test"),
    "open_importance": Kind(
        "notebook 03b: accuracy lost when a group of features is shuffled among the test sequences",
        ("values", "regions", "lost", "sd", "stable"),
    ),
    "open_units": Kind("notebook 03b: action units found, compared with those known, and what each is worth"),
    "open_intensities": Kind("notebook 03b: intensities of action units found in each tested sequence, 0 to 5"),
    "open_refused": Kind("notebook 03b: runs that could not be made, and why"),
    "open_features": Kind("notebook 03b: how many sequences each variant of the features has"),
    "open_splits": Kind("notebook 03b: who is in which part of which fold"),
}
# the tables of all datasets at once
ACROSS: Mapping[str, Kind] = {
    "cross_left_out": Kind("notebook 04: sequences that take no part across datasets, and why"),
    "cross_splits": Kind("notebook 04: who is in which part of which fold"),
    "cross_summary": Kind("notebook 04: accuracies, with 95 % intervals", (*KEYS, *SHOWN), True),
    "cross_results": Kind("notebook 04: a row per fold, with its sizes and accuracies", versions=True),
    "cross_emotions": Kind("notebook 04: precision, recall and F1 of each emotion"),
    "cross_predictions": Kind("notebook 04: a row per tested sequence, with its probabilities", _PREDICTED),
    "cross_refused": Kind("notebook 04: runs that could not be made, and why"),
    "actor_parts": Kind("notebook 04b: from one rig to the other, what is lost by units, geometry and detector"),
    "exactness": Kind("notebook 04b: errors of found points on rendered faces, by views and smoothing, with the time"),
    "actor_transfer": Kind("notebook 04b: from actors to recordings, back, and both together"),
    "bench": Kind("notebook 05: the speed of each stage, with the machine in every row"),
    "helped": Kind("notebook 06: models and features compared with the study's own, on all datasets together"),
    "claims": Kind("notebook 06: what the paper claims and what was found, on real data alone"),
}


def save(
    out: Path, dataset: str | Iterable[str], rendered: bool, named: Mapping[str, pd.DataFrame], quick: bool = False
) -> pd.DataFrame:
    """Write tables by their kind, and list the files with what they hold, for showing.

    `dataset` is one name, or the names of all datasets whose data are in the tables. The first two columns written say
    which they are and whether the data are rendered; results say whether the run was `quick`, too short to say
    anything. What a paper shows is written as LaTeX too (`formatting.PAPER`). Raises ValueError for a kind that is not
    listed in this module.
    """
    one = isinstance(dataset, str)
    place, label = (dataset, dataset) if one else (paths.ALL, "+".join(dataset))
    known = KINDS if one else ACROSS
    if unknown := sorted(set(named) - set(known)):
        raise ValueError(f"{', '.join(unknown)}: no such table; add a line to {__name__}")
    rows = []
    for kind, frame in named.items():
        path = paths.table(out, place, kind)
        marked = frame.copy()
        marked.insert(0, "dataset", label)
        marked.insert(1, "data", STAND_IN if rendered else "real")
        write(marked.assign(quick=quick, **versions()) if known[kind].versions else marked, path)
        if kind in formatting.PAPER and len(marked):
            formatting.write_latex(path.with_suffix(".tex"), kind, marked, quick)
        rows.append((str(path.relative_to(out)), len(frame), known[kind].about))
    return pd.DataFrame(rows, columns=["file", "rows", "what it holds"])


def write(frame: pd.DataFrame, path: Path) -> Path:
    """Write `frame` as it is. Atomic. Raises OutputError."""
    return paths.write(path, frame.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def read(out: Path, kind: str, dataset: str = paths.ALL) -> pd.DataFrame:
    """Read a table of a run, with all columns that its figures need.

    Raises StudyError, naming the file and how to fix it, if it is missing, damaged or of an older version, or if the
    network that notebook 03b asks about is not in it.
    """
    path = paths.table(out, dataset, kind)
    frame = read_csv(path)
    needed = ["dataset", "data", *(KEYS if "protocol" in frame and "model" in frame else ())]
    needed += {**KINDS, **ACROSS}[kind].needed
    if missing := [name for name in needed if name not in frame]:
        raise StudyError(f"{path}: written by an older version (no column {missing[0]}); run its notebook again")
    if kind in ("open_summary", "open_predictions") and frame["model"].isin(experiments.COMPARED).all():
        raise StudyError(f"{path}: holds baselines only, not the network; open_refused.csv beside it says why")
    return frame


def read_csv(path: Path) -> pd.DataFrame:
    """Read any CSV. Raises StudyError, naming the file, if it is missing or damaged."""
    try:
        return pd.read_csv(path, keep_default_na=False, na_values=[""])
    except FileNotFoundError:
        raise StudyError(f"{path}: not there; run the notebook that writes it first") from None
    except (OSError, ValueError) as error:
        raise StudyError(f"{path}: cannot be read ({first_line(error)}); run its notebook again") from None


def rendered(table: pd.DataFrame) -> bool:
    """Return whether a stand-in's numbers are in the table."""
    return bool((table["data"] == STAND_IN).any())


def versions() -> dict[str, str]:
    """Return what makes a result: the project's commit, Python, and the libraries that compute."""
    return {
        "commit": _commit(),
        "python": platform.python_version(),
        **{library.replace("-", "_"): version(library) for library in ("fer-utils", *workers.LIBRARIES)},
    }


def _commit() -> str:
    command = ["git", "-C", str(paths.root()), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
