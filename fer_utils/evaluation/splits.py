"""Who is trained on and who is tested on: folds, their manifest, and the checks that no one is on both sides."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import LeaveOneGroupOut, StratifiedGroupKFold, StratifiedKFold

from fer_utils.errors import SplitError
from fer_utils.features.tensors import FeatureTable

# folds of rows, as the paper may have them (a person can be in training and test); folds of people; each person a fold
PROTOCOLS = ("stratified", "grouped", "leave-one-subject-out")
LEAKY = "stratified"  # the one that allows that; of merged sets, with their name before it
PARTS = ("fit", "validation", "test")


@dataclass(frozen=True)
class Split:
    """Row numbers of one fold. Training is `fit` plus `validation`, by which a network's epochs are chosen; no subject
    is in both of these. `untrained` names the emotions of the test rows that no training row has."""

    protocol: str
    seed: int
    fold: int
    fit: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    untrained: str = ""

    @property
    def train(self) -> np.ndarray:
        return np.concatenate([self.fit, self.validation])


Folds = dict[tuple[str, int], list[Split]]  # by protocol and seed
Reasons = dict[tuple[str, int], str]


def leaks(protocol: str) -> bool:
    """Whether a person may be in training and test in folds of this name."""
    return protocol.rpartition(", ")[2] == LEAKY


def make(protocol: str, emotions: np.ndarray, subjects: np.ndarray, n_folds: int = 5, seed: int = 0) -> list[Split]:
    """The folds of a protocol; each row is tested once.

    Raises SplitError for an unknown protocol, or data too few for it or for a validation part.
    """
    return [
        _split(protocol, seed, number, emotions, subjects, train, test)
        for number, (train, test) in enumerate(_outer(protocol, emotions, subjects, n_folds, seed))
    ]


def transfer(
    name: str,
    emotions: np.ndarray,
    subjects: np.ndarray,
    source: np.ndarray,
    target: np.ndarray,
    n_folds: int = 5,
    seed: int = 0,
) -> list[Split]:
    """Folds `name`: train on the rows in the mask `source`, test on those in the mask `target`, each of these once.

    One fold where they share no subject. Where they do (VIS and NIR film the same people, and a set shares all with
    itself), the target is tested in folds of people, and those of a fold are left out of its training.
    """
    if not source.any() or not target.any():
        raise SplitError(f"{int(source.sum())} rows to train on and {int(target.sum())} to test on: both are needed")
    tested = np.flatnonzero(target)
    if set(subjects[source]) & set(subjects[target]):
        parts = [tested[test] for _, test in _outer("grouped", emotions[target], subjects[target], n_folds, seed)]
    else:
        parts = [tested]
    splits = []
    for number, test in enumerate(parts):
        train = np.flatnonzero(source & ~np.isin(subjects, subjects[test]))
        splits.append(_split(name, seed, number, emotions, subjects, train, test))
    return splits


def for_dataset(table: FeatureTable, manifest: str = "", n_folds: int = 5, seed: int = 0) -> tuple[Folds, Reasons]:
    """The folds of both of the paper's possible protocols, or those of a manifest; and as `possible`."""
    if manifest:
        given: Folds = {}
        for split in read_manifest(Path(manifest), table.ids, table.emotions, table.subjects):
            given.setdefault((split.protocol, split.seed), []).append(split)
        _tell_untrained(given)
        return given, {}
    args = table.emotions, table.subjects, n_folds, seed
    return possible({(name, seed): partial(make, name, *args) for name in ("stratified", "grouped")})


def possible(makers: Mapping[tuple[str, int], Callable[[], list[Split]]]) -> tuple[Folds, Reasons]:
    """The folds that can be made, and why the others cannot; both by protocol and seed. Says which are tested on what
    they are not trained on. Raises SplitError where none can."""
    made, reasons = {}, {}
    for (protocol, seed), maker in makers.items():
        try:
            made[protocol, seed] = maker()
        except SplitError as error:
            reasons[protocol, seed] = str(error)
            print(f"{protocol}, seed {seed}: left out: {error}")
    if not made:
        raise SplitError(next(iter(reasons.values())))
    _tell_untrained(made)
    return made, reasons


def _tell_untrained(made: Folds) -> None:
    for (protocol, seed), folds in made.items():
        if lacking := [split.untrained for split in folds if split.untrained]:
            names = sorted({name for each in lacking for name in each.split(", ")})
            print(
                f"{protocol}, seed {seed}: {len(lacking)} of {len(folds)} folds are tested on an emotion that they are "
                f"not trained on: {', '.join(names)}"
            )


def check_disjoint(subjects: np.ndarray, train: np.ndarray, test: np.ndarray) -> None:
    """Raise SplitError where a subject is on both sides."""
    if both := sorted(set(subjects[train]) & set(subjects[test])):
        raise SplitError(f"on both sides of the split: {', '.join(both)}")


def inner(emotions: np.ndarray, subjects: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
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
    fit, validation = next(_folds(StratifiedGroupKFold(n_parts, shuffle=True, random_state=seed), emotions, subjects))
    check_disjoint(subjects, fit, validation)
    return fit, validation


def manifest(splits: Iterable[Split], ids: np.ndarray, subjects: np.ndarray) -> pd.DataFrame:
    """Every fold's rows by name: a row a fold and sequence, with the part that it is in."""
    parts = [
        pd.DataFrame(
            {
                "protocol": split.protocol,
                "seed": split.seed,
                "fold": split.fold,
                "part": part,
                "id": ids[getattr(split, part)],
                "subject": subjects[getattr(split, part)],
            }
        )
        for split in splits
        for part in PARTS
    ]
    return pd.concat(parts, ignore_index=True)


def read_manifest(path: Path, ids: np.ndarray, emotions: np.ndarray, subjects: np.ndarray) -> list[Split]:
    """The folds that `manifest` wrote as CSV, or that a user wrote alike, for rows with these ids.

    Raises SplitError, naming the file, where a column is missing, an id is unknown, a sequence is on two sides of a
    fold, or tested in two folds, or a subject is on two sides (but for "stratified" folds, which allow that between
    training and test).
    """
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, compression=None)
    except (OSError, ValueError) as error:
        raise SplitError(f"{path}: no split manifest ({str(error).splitlines()[0]})") from None
    if missing := {"protocol", "seed", "fold", "part", "id"} - set(frame.columns):
        raise SplitError(f"{path}: no split manifest, it lacks {', '.join(sorted(missing))}; write it anew")
    for name in ("seed", "fold"):
        whole = frame[name].str.fullmatch(r"[0-9]{1,9}(\.0)?")
        if not whole.all():
            raise SplitError(f"{path}: {name} {frame[name][~whole].iloc[0]!r} is not a whole number")
        frame[name] = frame[name].str.removesuffix(".0").astype(int)
    if wrong := sorted(set(frame["part"]) - set(PARTS)):
        raise SplitError(f"{path}: part {wrong[0]!r} is none of {', '.join(PARTS)}")
    if unknown := sorted(set(frame["id"]) - set(ids)):
        raise SplitError(f"{path}: {len(unknown)} ids are not in the data, the first is {unknown[0]}")
    row = {name: number for number, name in enumerate(ids)}
    splits = []
    for (protocol, seed, fold), rows in frame.groupby(["protocol", "seed", "fold"], sort=False):
        where = f"{path}: fold {fold} ({protocol}, seed {seed})"
        part = {name: np.array([row[i] for i in rows.loc[rows["part"] == name, "id"]], int) for name in PARTS}
        if empty := [name for name in PARTS if not len(part[name])]:
            raise SplitError(f"{where}: nothing in {empty[0]}")
        if rows["id"].duplicated().any():
            raise SplitError(f"{where}: {rows.loc[rows['id'].duplicated(), 'id'].iloc[0]} is there twice")
        try:
            check_disjoint(subjects, part["fit"], part["validation"])
            if not leaks(str(protocol)):
                check_disjoint(subjects, np.concatenate([part["fit"], part["validation"]]), part["test"])
        except SplitError as error:
            raise SplitError(f"{where}: {error}") from None
        missing = _missing(emotions, np.concatenate([part["fit"], part["validation"]]), part["test"])
        splits.append(Split(str(protocol), int(seed), int(fold), **part, untrained=missing))
    tested = frame[frame["part"] == "test"]
    if (twice := tested.duplicated(["protocol", "seed", "id"])).any():
        protocol, _, name = tested.loc[twice, ["protocol", "seed", "id"]].iloc[0]
        raise SplitError(f"{path}: {name} is tested in more than one fold ({protocol}): it would count twice")
    return splits


def _outer(protocol: str, emotions: np.ndarray, subjects: np.ndarray, n_folds: int, seed: int):
    """Row numbers (train, test) of every fold."""
    if protocol not in PROTOCOLS:
        raise SplitError(f"protocol {protocol!r} is unknown: choose one of {', '.join(PROTOCOLS)}")
    by_people = protocol != LEAKY
    kind, units = ("subjects", len(set(subjects))) if by_people else ("sequences", len(emotions))
    if protocol == "leave-one-subject-out":
        n_folds = max(units, 2)
    if n_folds < 2:
        raise SplitError(f"{n_folds} folds leave nothing to train on: choose 2 or more")
    if units < n_folds:
        raise SplitError(f"{units} {kind} cannot be split into {n_folds} folds: give more data or fewer folds")
    largest = _largest_class(emotions)
    if largest == len(emotions):
        raise SplitError(f"only one emotion ({emotions[0]}) is there: nothing to tell apart")
    if protocol == "leave-one-subject-out":
        return LeaveOneGroupOut().split(emotions, emotions, subjects)
    if largest < n_folds:
        raise SplitError(f"no emotion has {n_folds} sequences, one a fold: give more data or fewer folds")
    kind = StratifiedGroupKFold if by_people else StratifiedKFold
    return _folds(kind(n_folds, shuffle=True, random_state=seed), emotions, subjects if by_people else None)


def _folds(splitter, emotions: np.ndarray, subjects: np.ndarray | None):
    with warnings.catch_warnings():  # rare emotions are named in `Split.untrained`
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        return iter(list(splitter.split(emotions, emotions, subjects)))


def _split(protocol, seed, fold, emotions, subjects, train, test) -> Split:
    if not leaks(protocol):
        check_disjoint(subjects, train, test)
    try:
        fit, validation = inner(emotions[train], subjects[train], seed)
    except SplitError as error:
        raise SplitError(f"fold {fold} ({protocol}): {error}") from None
    missing = _missing(emotions, train, test)
    return Split(protocol, seed, fold, train[fit], train[validation], test, missing)


def _missing(emotions: np.ndarray, train: np.ndarray, test: np.ndarray) -> str:
    return ", ".join(sorted(set(emotions[test]) - set(emotions[train])))


def _largest_class(emotions: np.ndarray) -> int:
    return int(np.unique(emotions, return_counts=True)[1].max(initial=0))
