"""Splits, cross-validation, metrics and intervals. Writes results as CSV; draws nothing."""

from __future__ import annotations

import platform
import subprocess
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from tqdm import tqdm

from fer_utils import paths
from fer_utils.errors import SplitError
from fer_utils.features import FeatureTable
from fer_utils.phases import Phases

STAND_IN = "rendered stand-in"
# stratified by emotion, as in the paper (a person can be in training and test); and disjoint in subjects as well
PROTOCOLS = ("stratified", "grouped")


def outer_folds(
    protocol: str, emotions: np.ndarray, subjects: np.ndarray, n_folds: int = 5, seed: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Row numbers (train, test) of every fold; each row is tested once.

    Raises SplitError for an unknown protocol or data too few for it. Warns where a fold trains without an emotion
    that it is tested on.
    """
    if protocol not in PROTOCOLS:
        raise SplitError(f"protocol {protocol!r} is unknown: choose one of {', '.join(PROTOCOLS)}")
    if n_folds < 2:
        raise SplitError(f"{n_folds} folds leave nothing to train on: choose 2 or more")
    kind, units = ("subjects", len(set(subjects))) if protocol == "grouped" else ("sequences", len(emotions))
    if units < n_folds:
        raise SplitError(f"{units} {kind} cannot be split into {n_folds} folds: give more data or fewer folds")
    largest = _largest_class(emotions)
    if largest == len(emotions):
        raise SplitError(f"only one emotion ({emotions[0]}) is there: nothing to tell apart")
    if largest < n_folds:
        raise SplitError(f"no emotion has {n_folds} sequences, one a fold: give more data or fewer folds")
    if protocol == "grouped":
        folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    else:
        folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():  # said below, by name
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        splits = list(folds.split(emotions, emotions, subjects if protocol == "grouped" else None))
    for number, (train, test) in enumerate(splits):
        if protocol == "grouped":
            check_disjoint(subjects, train, test)
        if missing := sorted(set(emotions[test]) - set(emotions[train])):
            warnings.warn(f"fold {number} ({protocol}) is trained without {', '.join(missing)}", stacklevel=2)
        yield train, test


def inner_split(emotions: np.ndarray, subjects: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers (fit, validation) with a fifth of the subjects, at least one, in validation; disjoint in subjects.
    More than a fifth where no emotion has five sequences.

    Raises SplitError where there are fewer than two subjects, or no two sequences of one emotion.
    """
    n_subjects = len(set(subjects))
    if n_subjects < 2:
        raise SplitError("a single subject cannot be divided into training and validation: give more subjects")
    n_parts = min(5, n_subjects, _largest_class(emotions))
    if n_parts < 2:
        raise SplitError("no emotion has two sequences to divide into training and validation: give more data")
    folds = StratifiedGroupKFold(n_parts, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        fit, validation = next(folds.split(emotions, emotions, subjects))
    check_disjoint(subjects, fit, validation)
    return fit, validation


def plan_folds(
    protocol: str, emotions: np.ndarray, subjects: np.ndarray, n_folds: int = 5, seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Row numbers (fit, validation, test) of every fold. Raises SplitError as `outer_folds` and `inner_split` do."""
    folds = []
    for number, (train, test) in enumerate(outer_folds(protocol, emotions, subjects, n_folds, seed)):
        try:
            fit, validation = inner_split(emotions[train], subjects[train], seed)
        except SplitError as error:
            raise SplitError(f"fold {number} ({protocol}): {error}") from None
        folds.append((train[fit], train[validation], test))
    return folds


def check_disjoint(subjects: np.ndarray, train: np.ndarray, test: np.ndarray) -> None:
    """Raise SplitError where a subject is on both sides."""
    if both := sorted(set(subjects[train]) & set(subjects[test])):
        raise SplitError(f"on both sides of the split: {', '.join(both)}")


@dataclass(frozen=True)
class CrossValidation:
    """One protocol's outcome: a row a fold, a row a sequence, a row a fold and epoch."""

    folds: pd.DataFrame
    predictions: pd.DataFrame
    history: pd.DataFrame


def cross_validate(
    table: FeatureTable, classifier, protocol: str, n_folds: int = 5, seed: int = 0, model: str = "paper"
) -> CrossValidation:
    """Fit and test `classifier` (see `models.SequenceClassifier`) on every fold, with a progress bar.

    Raises SplitError, before anything is trained, where the data cannot be split so.

    Early stopping watches a part of the training rows that shares no subject with the rest; the test rows are seen
    once, by `predict_proba`.
    """
    folds, predictions, history = [], [], []
    splits = plan_folds(protocol, table.emotions, table.subjects, n_folds, seed)
    names = np.unique(table.emotions)
    for number, (fit, validation, test) in enumerate(splits):
        train = np.concatenate([fit, validation])
        with tqdm(total=classifier.epochs, desc=f"{protocol}, fold {number + 1} of {n_folds}", unit="epoch") as bar:

            def show(_, logs, bar=bar):
                bar.update()
                bar.set_postfix({key: f"{logs[key]:.3f}" for key in ("loss", "val_loss", "val_accuracy")})

            curves = classifier.fit(
                table.x[fit], table.emotions[fit], (table.x[validation], table.emotions[validation]), on_epoch=show
            )
        probabilities = np.zeros((len(test), len(names)))
        probabilities[:, np.searchsorted(names, classifier.classes)] = classifier.predict_proba(table.x[test])
        predicted = names[probabilities.argmax(axis=1)]
        key = {"model": model, "protocol": protocol, "fold": number}
        folds.append(
            {
                **key,
                "seed": seed,
                "n_fit": len(fit),
                "n_validation": len(validation),
                "n_test": len(test),
                "subjects_test": len(set(table.subjects[test])),
                "subjects_shared": len(set(table.subjects[test]) & set(table.subjects[train])),
                "epochs": len(curves["loss"]),
                **metrics(table.emotions[test], predicted),
            }
        )
        predictions.append(
            pd.DataFrame(
                {
                    **key,
                    "id": table.ids[test],
                    "subject": table.subjects[test],
                    "emotion": table.emotions[test],
                    "predicted": predicted,
                    **{f"p_{name}": probabilities[:, column].round(6) for column, name in enumerate(names)},
                }
            )
        )
        history.append(pd.DataFrame({**key, "epoch": np.arange(1, len(curves["loss"]) + 1), **curves}))
    return CrossValidation(
        pd.DataFrame(folds), pd.concat(predictions, ignore_index=True), pd.concat(history, ignore_index=True)
    )


def metrics(emotions: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Accuracy, and F1 averaged over the emotions that occur among the true or the predicted ones."""
    return {
        "accuracy": float(np.mean(emotions == predicted)),
        "macro_f1": float(f1_score(emotions, predicted, average="macro", zero_division=0)),
    }


def confusion(predictions: pd.DataFrame) -> pd.DataFrame:
    """Counts, true emotions in rows and predicted ones in columns, over all folds."""
    names = sorted(set(predictions["emotion"]) | set(predictions["predicted"]))
    counts = pd.crosstab(predictions["emotion"], predictions["predicted"])
    return counts.reindex(index=names, columns=names, fill_value=0)


def bootstrap_intervals(predictions: pd.DataFrame, resamples: int = 2000, seed: int = 0) -> dict[str, tuple]:
    """95 % percentile intervals of accuracy and macro-F1 over all folds' predictions, by drawing subjects (not
    sequences, which are not independent within a person) with replacement."""
    names = sorted(set(predictions["emotion"]) | set(predictions["predicted"]))
    subjects, owner = np.unique(predictions["subject"], return_inverse=True)
    true, found = (np.searchsorted(names, predictions[column]) for column in ("emotion", "predicted"))
    counts = np.zeros((len(subjects), len(names), len(names)))
    np.add.at(counts, (owner, true, found), 1)
    draws = np.random.default_rng(seed).multinomial(len(subjects), np.full(len(subjects), 1 / len(subjects)), resamples)
    matrices = np.tensordot(draws, counts, axes=1)
    hits = np.diagonal(matrices, axis1=1, axis2=2)
    either = matrices.sum(axis=1) + matrices.sum(axis=2)
    f1 = np.divide(2 * hits, either, out=np.full_like(hits, np.nan), where=either > 0)
    samples = {"accuracy": hits.sum(axis=1) / matrices.sum(axis=(1, 2)), "macro_f1": np.nanmean(f1, axis=1)}
    return {name: tuple(np.percentile(values, [2.5, 97.5])) for name, values in samples.items()}


def summary(predictions: pd.DataFrame) -> pd.DataFrame:
    """A row a model and protocol: accuracy and macro-F1 over all folds' predictions, with 95 % intervals."""
    rows = []
    for (model, protocol), group in predictions.groupby(["model", "protocol"], sort=False):
        values = metrics(group["emotion"].to_numpy(), group["predicted"].to_numpy())
        intervals = bootstrap_intervals(group)
        row = {
            "model": model,
            "protocol": protocol,
            "sequences": len(group),
            "subjects": group["subject"].nunique(),
            "emotions": group["emotion"].nunique(),
        }
        for name, value in values.items():
            row |= {name: value, f"{name}_low": intervals[name][0], f"{name}_high": intervals[name][1]}
        rows.append(row)
    return pd.DataFrame(rows)


def phase_errors(found: Mapping[str, Phases], truth: pd.DataFrame) -> pd.DataFrame:
    """A row a sequence: onset, apex and offset as found and as known, in frames, and found minus known.

    `truth` is a stand-in's table, indexed by id; an offset that is not known (the recording ends before) stays empty.
    """
    rows = []
    for name, phases in found.items():
        row = {"id": name, "emotion": truth.loc[name, "emotion"]}
        for what in ("onset", "apex", "offset"):
            value, known = getattr(phases, what), truth.loc[name, what]
            row |= {f"{what}_known": known, f"{what}_found": value, f"{what}_error": value - known}
        rows.append(row)
    return pd.DataFrame(rows)


def phase_summary(errors: pd.DataFrame) -> pd.DataFrame:
    """Of `phase_errors`, a row for onset, apex and offset: their errors in frames, and the share within two frames."""
    rows = []
    for what in ("onset", "apex", "offset"):
        error = errors[f"{what}_error"].dropna()
        rows.append(
            {
                "phase": what,
                "sequences": len(error),
                "median_error": error.median(),
                "median_absolute_error": error.abs().median(),
                "within_2_frames": (error.abs() <= 2).mean() if len(error) else np.nan,
            }
        )
    return pd.DataFrame(rows)


def write_csv(frame: pd.DataFrame, path: Path, dataset: str, rendered: bool, provenance: bool = False) -> Path:
    """Write `frame` with the dataset's name and mark first and, if asked for, versions and commit last. Atomic."""
    marked = frame.copy()
    marked.insert(0, "dataset", dataset)
    marked.insert(1, "data", STAND_IN if rendered else "real")
    if provenance:
        marked = marked.assign(**versions())
    with paths.replacing(path) as temporary:
        marked.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
    return path


def versions() -> dict[str, str]:
    """What made a result: the project's commit, Python, and the libraries that compute."""
    libraries = ("fer-utils", "mediapipe", "tensorflow", "keras", "numpy", "scikit-learn")
    return {
        "commit": _commit(),
        "python": platform.python_version(),
        **{library.replace("-", "_"): version(library) for library in libraries},
    }


def _largest_class(emotions: np.ndarray) -> int:
    return int(np.unique(emotions, return_counts=True)[1].max(initial=0))


def _commit() -> str:
    command = ["git", "-C", str(paths.root()), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
