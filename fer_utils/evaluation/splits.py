"""Who is trained on and who is tested on: folds of sequence ids, and their manifest.

Checks make sure that no one is on both sides.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import LeaveOneGroupOut, StratifiedGroupKFold, StratifiedKFold

from fer_utils.data.registry import joined
from fer_utils.errors import SplitError, first_line
from fer_utils.features.tensors import FeatureTable

# folds of rows, as the paper may have them (a person can be in training and test); folds of people; each person a fold
PROTOCOLS = ("stratified", "grouped", "leave-one-subject-out")
LEAKY = "stratified"  # the only one that lets a person be on both sides
TRANSFER = "cross-dataset"  # one fold: all of the source trained on, all of the target tested
PARTS = ("fit", "validation", "test")


class Scheme(NamedTuple):
    """Which folds: a protocol, a seed, and the datasets that are trained on and tested on (empty: all in the table)."""

    protocol: str
    seed: int = 0
    source: tuple[str, ...] = ()
    target: tuple[str, ...] = ()

    def __str__(self) -> str:
        sides = f"{joined(self.source)} to {joined(self.target)}, " if self.source else ""
        return f"{sides}{self.protocol}, seed {self.seed}"


@dataclass(frozen=True)
class Split:
    """The sequence ids of one fold.

    Training is `fit` plus `validation`, by which a network's epochs are chosen; no subject is in both of these.
    `source` and `target` name the datasets trained on and tested on, joined by "+". `untrained` names the emotions of
    the test part that training lacks.
    """

    protocol: str
    seed: int
    fold: int
    fit: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    source: str = ""
    target: str = ""
    untrained: str = ""

    @property
    def train(self) -> np.ndarray:
        """Return the ids of both parts of training, fit and validation."""
        return np.concatenate([self.fit, self.validation])


Folds = dict[Scheme, list[Split]]
Reasons = dict[Scheme, str]


def make(protocol: str, table: FeatureTable, n_folds: int = 5, seed: int = 0) -> list[Split]:
    """Return the folds of a protocol; each sequence of the table is tested once.

    Raises SplitError for an unknown protocol, or data too few for it or for a validation part.
    """
    outer = _outer(protocol, table.emotions, table.subjects, n_folds, seed)
    return [_split(Scheme(protocol, seed), number, table, *rows) for number, rows in enumerate(outer)]


def transfer(
    table: FeatureTable, source: tuple[str, ...], target: tuple[str, ...], n_folds: int = 5, seed: int = 0
) -> list[Split]:
    """Return folds that train on the datasets `source` and test each sequence of the datasets `target` once.

    One fold, named TRANSFER, if they share no subject. If they do (VIS and NIR film the same people, and a set shares
    all with itself), the target is tested in folds of people, "grouped", and a fold's people are left out of its
    training.
    """
    sources, targets = np.isin(table.datasets, source), np.isin(table.datasets, target)
    if not sources.any() or not targets.any():
        raise SplitError(f"{sources.sum()} rows to train on and {targets.sum()} to test on: both are needed")
    subjects, parts = table.subjects, [np.flatnonzero(targets)]
    scheme = Scheme(transfer_protocol(table, source, target), seed, source, target)
    if scheme.protocol != TRANSFER:
        outer = _outer(scheme.protocol, table.emotions[targets], subjects[targets], n_folds, seed)
        parts = [parts[0][rows] for _, rows in outer]
    trained = [np.flatnonzero(sources & ~np.isin(subjects, subjects[test])) for test in parts]
    return [_split(scheme, number, table, *rows) for number, rows in enumerate(zip(trained, parts, strict=True))]


def transfer_protocol(table: FeatureTable, source: tuple[str, ...], target: tuple[str, ...]) -> str:
    """Return the protocol by which `transfer` tests: "grouped" if the datasets share people, else TRANSFER."""
    sources, targets = np.isin(table.datasets, source), np.isin(table.datasets, target)
    return "grouped" if set(table.subjects[sources]) & set(table.subjects[targets]) else TRANSFER


def for_dataset(
    table: FeatureTable, manifest: str = "", n_folds: int = 5, seed: int = 0, seeds: int = 1
) -> tuple[Folds, Reasons]:
    """Return the folds that `possible` finds under both of the paper's possible protocols, or those of a manifest.

    There are folds for `seeds` seeds from `seed` on; a manifest has seeds of its own, which are printed. As `possible`,
    return also why others cannot be made.
    """
    if manifest:
        given: Folds = {}
        for split in read_manifest(Path(manifest), table):
            given.setdefault(Scheme(split.protocol, split.seed), []).append(split)
        which = "; ".join(f"{scheme}, {len(folds)} folds" for scheme, folds in given.items())
        print(f"{manifest}: its folds are used, not `folds`, `seed` and `seeds`: {which}")
        _print_untrained(given)
        return given, {}
    schemes = [Scheme(name, each) for each in range(seed, seed + seeds) for name in ("stratified", "grouped")]
    return possible(table, schemes, n_folds)


def possible(table: FeatureTable, schemes: Iterable[Scheme], n_folds: int = 5) -> tuple[Folds, Reasons]:
    """Return the folds of the schemes that can be made, and why the others cannot; both by scheme.

    Prints which of them are tested on an emotion that they are not trained on. Raises SplitError if none can be made.
    """
    made, reasons = {}, {}
    for scheme in schemes:
        try:
            if scheme.source:
                made[scheme] = transfer(table, scheme.source, scheme.target, n_folds, scheme.seed)
            else:
                made[scheme] = make(scheme.protocol, table, n_folds, scheme.seed)
        except SplitError as error:
            reasons[scheme] = str(error)
            print(f"{scheme}: left out: {error}")
    if not made:
        raise SplitError(next(iter(reasons.values())))
    _print_untrained(made)
    return made, reasons


def of_people(made: Folds) -> list[Split]:
    """Return the folds of the protocol "grouped"."""
    return [split for scheme, folds in made.items() if scheme.protocol == "grouped" for split in folds]


def _print_untrained(made: Folds) -> None:
    for scheme, folds in made.items():
        if lacking := [split.untrained for split in folds if split.untrained]:
            emotions = sorted({name for names in lacking for name in names.split(", ")})
            print(
                f"{scheme}: {len(lacking)} of {len(folds)} folds are tested on an emotion that they are not trained "
                f"on: {', '.join(emotions)}"
            )


def check_disjoint(subjects: Iterable[str], others: Iterable[str]) -> None:
    """Raise SplitError if a subject is on both sides."""
    if both := sorted(set(subjects) & set(others)):
        raise SplitError(f"on both sides of the split: {', '.join(both)}")


def validation_split(emotions: np.ndarray, subjects: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return row numbers (fit, validation), disjoint in subjects, a fifth of the subjects in validation.

    At least one subject is in validation, and more than a fifth if no emotion has five sequences. Raises SplitError if
    there are fewer than two subjects, or no two sequences of one emotion.
    """
    n_subjects = len(set(subjects))
    if n_subjects < 2:
        raise SplitError("a single subject cannot be divided into training and validation: give more subjects")
    n_parts = min(5, n_subjects, _largest_class(emotions))
    if n_parts < 2:
        raise SplitError("no emotion has two sequences to divide into training and validation: give more data")
    fit, validation = _folds(StratifiedGroupKFold(n_parts, shuffle=True, random_state=seed), emotions, subjects)[0]
    check_disjoint(subjects[fit], subjects[validation])
    return fit, validation


def manifest(made: Folds, table: FeatureTable) -> pd.DataFrame:
    """Return every fold's sequences: a row per fold and sequence, with the part that it is in."""
    subject_of = dict(zip(table.ids.tolist(), table.subjects.tolist(), strict=True))
    names = ("source", "target", "protocol", "seed", "fold")
    parts = [
        pd.DataFrame({name: getattr(split, name) for name in names} | {"part": part, "id": getattr(split, part)})
        for split in (split for folds in made.values() for split in folds)
        for part in PARTS
    ]
    return pd.concat(parts, ignore_index=True).assign(subject=lambda frame: frame["id"].map(subject_of))


def read_manifest(path: Path, table: FeatureTable) -> list[Split]:
    """Return the folds that `manifest` wrote as CSV for sequences of this table, or that a user wrote alike.

    Needed are the columns protocol, seed, fold, part and id. Raises SplitError, naming the file, if a column is
    missing, an id is unknown, a sequence is on two sides of a fold, or tested in two folds, or a subject is on two
    sides (but for "stratified" folds, which allow that between training and test).
    """
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, compression=None)
    except (OSError, ValueError) as error:
        raise SplitError(f"{path}: no split manifest ({first_line(error)})") from None
    if missing := {"protocol", "seed", "fold", "part", "id"} - set(frame.columns):
        raise SplitError(f"{path}: no split manifest, it lacks {', '.join(sorted(missing))}; write it again")
    for name in ("seed", "fold"):
        whole = frame[name].str.fullmatch(r"[0-9]{1,9}(\.0)?")
        if not whole.all():
            raise SplitError(f"{path}: {name} {frame[name][~whole].iloc[0]!r} is not a whole number")
        frame[name] = frame[name].str.removesuffix(".0").astype(int)
    if wrong := sorted(set(frame["part"]) - set(PARTS)):
        raise SplitError(f"{path}: part {wrong[0]!r} is none of {', '.join(PARTS)}")
    if unknown := sorted(set(frame["id"]) - set(table.ids)):
        raise SplitError(f"{path}: {len(unknown)} ids are not in the data, the first is {unknown[0]}")
    known = {i: (table.subjects[row], table.emotions[row]) for row, i in enumerate(table.ids.tolist())}
    everything = joined(table.datasets.tolist())
    splits = []
    for (protocol, seed, fold), rows in frame.groupby(["protocol", "seed", "fold"], sort=False):
        where = f"{path}: fold {fold} ({protocol}, seed {seed})"
        part = {name: rows.loc[rows["part"] == name, "id"].to_numpy(np.str_) for name in PARTS}
        if empty := [name for name in PARTS if not len(part[name])]:
            raise SplitError(f"{where}: nothing in {empty[0]}")
        if rows["id"].duplicated().any():
            raise SplitError(f"{where}: {rows.loc[rows['id'].duplicated(), 'id'].iloc[0]} is there twice")
        people, emotions = ({name: {known[i][k] for i in ids} for name, ids in part.items()} for k in (0, 1))
        try:
            check_disjoint(people["fit"], people["validation"])
            if protocol != LEAKY:
                check_disjoint(people["fit"] | people["validation"], people["test"])
        except SplitError as error:
            raise SplitError(f"{where}: {error}") from None
        untrained = ", ".join(sorted(emotions["test"] - emotions["fit"] - emotions["validation"]))
        splits.append(Split(str(protocol), int(seed), int(fold), **part, source=everything, target=everything,
                            untrained=untrained))  # fmt: skip
    tested = frame[frame["part"] == "test"]
    if (twice := tested.duplicated(["protocol", "seed", "id"])).any():
        protocol, _, name = tested.loc[twice, ["protocol", "seed", "id"]].iloc[0]
        raise SplitError(f"{path}: {name} is tested in more than one fold ({protocol}): it would count twice")
    return splits


def _outer(protocol: str, emotions: np.ndarray, subjects: np.ndarray, n_folds: int, seed: int):
    """Return row numbers (train, test) of every fold."""
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


def _folds(splitter, emotions: np.ndarray, subjects: np.ndarray | None) -> list:
    with warnings.catch_warnings():  # rare emotions are named in `Split.untrained`
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        return list(splitter.split(emotions, emotions, subjects))


def _split(scheme: Scheme, fold: int, table: FeatureTable, train: np.ndarray, test: np.ndarray) -> Split:
    """Return the split with these row numbers."""
    emotions, subjects, ids = table.emotions, table.subjects, table.ids
    if scheme.protocol != LEAKY:
        check_disjoint(subjects[train], subjects[test])
    try:
        fit, validation = validation_split(emotions[train], subjects[train], scheme.seed)
    except SplitError as error:
        raise SplitError(f"fold {fold} ({scheme.protocol}): {error}") from None
    return Split(
        scheme.protocol,
        scheme.seed,
        fold,
        *(ids[rows] for rows in (train[fit], train[validation], test)),
        source=joined(scheme.source or table.datasets.tolist()),
        target=joined(scheme.target or table.datasets.tolist()),
        untrained=", ".join(sorted(set(emotions[test]) - set(emotions[train]))),
    )


def _largest_class(emotions: np.ndarray) -> int:
    return int(np.unique(emotions, return_counts=True)[1].max(initial=0))
