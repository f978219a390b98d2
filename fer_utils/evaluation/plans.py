"""What the study asks: the variants of the features, and the runs that answer each question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import numpy as np
import pandas as pd

from fer_utils.data.sequence import Sequence
from fer_utils.errors import StudyError
from fer_utils.evaluation import splits
from fer_utils.evaluation.experiments import BASE, Run
from fer_utils.evaluation.splits import Folds, Reasons, Split
from fer_utils.features import tensors
from fer_utils.features.tensors import DEFAULT, FeatureTable, Options
from fer_utils.landmarks import extraction
from fer_utils.landmarks.extraction import Extraction
from fer_utils.landmarks.track import LandmarkTrack

SETS = {BASE: DEFAULT, "122 landmarks": Options(landmarks=122), "250 landmarks": Options(landmarks=250)}
ABLATIONS = {
    "distances only": Options(values="distances"),
    "angles only": Options(values="angles"),
    "all pairs": Options(pairs="all"),
    "not normalised": Options(normalised=False),
    "3 key frames": Options(n_key_frames=3),
    "7 key frames": Options(n_key_frames=7),
    "9 key frames": Options(n_key_frames=9),
    "evenly in time": Options(spacing="time"),
}
# the same features of points that were found in another way: (mode, detector) for `extraction.extract`
DETECTION = {"image mode": ("image", "face_landmarker"), "face_mesh": ("video", "face_mesh")}
MERGED = "all merged"
PATHS = "paths"  # what MiniRocket sees
SHARES = (0.2, 0.4, 0.6, 0.8)  # of the way from onset to apex
JITTER = (2, 4, 8, 16)  # times the trembling of `tensors.detector_noise`
BASELINES = ("majority", "logistic", "svm", "minirocket", "mlp")

SIMPLE = ("logistic", "svm")  # asked beside the network how many landmarks are good

QUESTIONS = ("models", "leakage", "landmark sets", "ablations", "detection", "early", "jitter", "importance")


def early(share: float) -> str:
    return f"{share:.0%} of the way"


def jitter(times: float) -> str:
    return f"{times} x jitter"


def variants(
    questions: tuple[str, ...], sequences: list[Sequence], tracks: Mapping[str, LandmarkTrack], executor: Executor
) -> tuple[dict[str, FeatureTable], float]:
    """The feature tables that `questions` need, by name, and the detector's trembling in inter-ocular distances.

    Raises StudyError for a question that is not one of QUESTIONS.
    """
    if unknown := sorted(set(questions) - set(QUESTIONS)):
        raise StudyError(f"question {unknown[0]!r} is unknown: choose from {', '.join(QUESTIONS)}")
    wanted = {BASE: DEFAULT}
    if "models" in questions:
        wanted[PATHS] = Options(values="paths")
    if "landmark sets" in questions:
        wanted |= SETS
    if "ablations" in questions:
        wanted |= ABLATIONS
    if "early" in questions:
        wanted |= {early(share): replace(DEFAULT, share=share) for share in SHARES}
    noise = tensors.detector_noise(sequences, tracks)
    if "jitter" in questions and np.isfinite(noise):
        wanted |= {jitter(times): replace(DEFAULT, jitter=times * noise) for times in JITTER}
    making = {name: executor.submit(tensors.table, sequences, tracks, options) for name, options in wanted.items()}
    tables = {name: future.result() for name, future in making.items()}
    if "detection" in questions:
        for name, (mode, detector) in DETECTION.items():
            other: Extraction = extraction.extract(sequences, executor, mode=mode, detector=detector)
            tables[name] = tensors.table(sequences, other.tracks)
    return tables, noise


def runs(
    questions: tuple[str, ...], tables: Mapping[str, FeatureTable], seeds: int, network: str = "compact"
) -> list[Run]:
    """The runs that answer `questions` with the variants that `tables` holds.

    `network` is the one that is trained where the question is not about the model; sets of landmarks are tried with two
    simple models too. Models, leakage and importance are asked `seeds` times, with folds and initial weights of their
    own; the rest once. A variant that no sequence gives, as nine key frames where all are shorter, is left out, which
    is said.
    """
    for name, table in tables.items():
        if not len(table):
            print(f"{name}: left out: no sequence gives it; {next(iter(table.refused.values()), 'there is none')}")
    filled = {name for name, table in tables.items() if len(table)}
    tested = tuple(name for name in (*map(early, SHARES), *map(jitter, JITTER)) if name in filled)
    found = []
    for seed in range(seeds):
        found.append(Run(network, "grouped", seed, tested=tested, importance="importance" in questions))
        if "models" in questions:
            found += [Run(model, "grouped", seed, PATHS if model == "minirocket" else BASE) for model in BASELINES]
        if "leakage" in questions:
            found += [Run(network, "stratified", seed), Run(network, "grouped", seed, select_on="test")]
    if "leakage" in questions:
        found.append(Run(network, "leave-one-subject-out"))
    if "landmark sets" in questions:  # what more points do may be one model's own
        found += [Run(model, "grouped", 0, name) for model in SIMPLE for name in SETS if name in filled]
    # BASE is the first run's: once more, its sequences would count twice among the seeds
    others = [name for name in (*SETS, *ABLATIONS, *DETECTION) if name in filled and name != BASE]
    found += [Run(network, "grouped", 0, name) for name in others]
    return list(dict.fromkeys(found))


def folds(table: FeatureTable, planned: list[Run], n_folds: int = 5) -> tuple[Folds, Reasons]:
    """The folds that the runs need; see `splits.possible`."""
    keys = dict.fromkeys((run.protocol, run.seed) for run in planned)
    rows = table.emotions, table.subjects
    return splits.possible({(name, seed): partial(splits.make, name, *rows, n_folds, seed) for name, seed in keys})


@dataclass(frozen=True)
class Merged:
    """One table of several datasets: the emotions that all of them have, and each row's dataset. A person who is in two
    of them has one name. `left_out` has a row a dataset and reason: how many sequences are not among them."""

    table: FeatureTable
    datasets: np.ndarray
    left_out: pd.DataFrame

    def rows(self, *names: str) -> np.ndarray:
        """(n,) bool: the rows of some datasets."""
        return np.isin(self.datasets, names)


def merge(sequences: Mapping[str, list[Sequence]], tracks: Mapping[str, Mapping[str, LandmarkTrack]]) -> Merged:
    """Sequences and tracks by dataset → one table. Raises StudyError where the sets share fewer than two emotions."""
    shared = set.intersection(*({each.emotion for each in found} for found in sequences.values()))
    if len(shared) < 2:
        raise StudyError(f"{', '.join(sequences)}: fewer than two emotions are in all of them")
    renamed, found, owner, missing = [], {}, {}, Counter()
    for name, each in ((name, each) for name, those in sequences.items() for each in those):
        if each.emotion not in shared:
            missing[name, f"{each.emotion} is not in all of the datasets"] += 1
        elif each.id not in tracks[name]:
            missing[name, "no landmarks"] += 1
        else:
            key = f"{name}/{each.id}"
            renamed.append(replace(each, id=key))
            found[key], owner[key] = tracks[name][each.id], name
    table = tensors.table(renamed, found)
    missing.update((owner[key], reason) for key, reason in table.refused.items())
    left_out = pd.DataFrame([(*key, n) for key, n in missing.items()], columns=["set", "reason", "sequences"])
    return Merged(table, np.array([owner[i] for i in table.ids.tolist()]), left_out)


def cross_folds(merged: Merged, n_folds: int = 5, seed: int = 0) -> tuple[Folds, Reasons]:
    """The folds of matrix and composites, by their names and seed; see `splits.possible`."""
    makers = _matrix_makers(merged, n_folds, seed) | _composite_makers(merged, n_folds, seed)
    made, reasons = splits.possible(makers)
    return {key: [replace(split, protocol=key[0]) for split in folds] for key, folds in made.items()}, reasons


def _matrix_makers(merged: Merged, n_folds: int, seed: int) -> dict[tuple[str, int], Callable[[], list[Split]]]:
    """Every set trained on, every set tested on: folds by the name "source → target" and seed. Within a dataset,
    and between two that film the same people, they are folds of people."""
    names = dict.fromkeys(merged.datasets.tolist())
    rows = merged.table.emotions, merged.table.subjects
    makers = {}
    for source, target in product(names, names):
        name, sides = f"{source} → {target}", (merged.rows(source), merged.rows(target))
        makers[name, seed] = partial(splits.transfer, name, *rows, *sides, n_folds, seed)
    return makers


def _composite_makers(merged: Merged, n_folds: int, seed: int) -> dict[tuple[str, int], Callable[[], list[Split]]]:
    """The paper's composites (sec. 4.2): all sets but MMI trained on and MMI tested, if there are two others;
    and all merged in folds, of people and, as in the paper perhaps, of sequences."""
    rows = merged.table.emotions, merged.table.subjects
    makers: dict[tuple[str, int], Callable[[], list[Split]]] = {}
    names = list(dict.fromkeys(merged.datasets.tolist()))
    others = [name for name in names if name != "mmi"]
    if "mmi" in names and len(others) > 1:  # of one other set it is a place in the matrix
        name, sides = f"{' + '.join(others)} → mmi", (merged.rows(*others), merged.rows("mmi"))
        makers[name, seed] = partial(splits.transfer, name, *rows, *sides, n_folds, seed)
    for protocol in ("grouped", "stratified"):
        makers[f"{MERGED}, {protocol}", seed] = partial(splits.make, protocol, *rows, n_folds, seed)
    return makers


def cross_runs(names: Iterable[tuple[str, int]], matrix_model: str, models: list[str], seed: int = 0) -> list[Run]:
    """The runs of the matrix with one model, and of the composites with several, by the names of their folds. The
    paper's network is not trained on the merged sets' folds of sequences: they take longest and say least."""
    runs = []
    for name, _ in names:
        composite = name.startswith(MERGED) or " + " in name
        for model in models if composite else [matrix_model]:
            if not (model == "paper" and splits.leaks(name)):
                runs.append(Run(model, name, seed))
    return runs
