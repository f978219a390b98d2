"""The experiments of the study: the ablations and other variants of the features, and the runs of each question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

from fer_utils.data.sequence import Sequence
from fer_utils.data.video import Excerpt, turned
from fer_utils.errors import StudyError
from fer_utils.evaluation import action_units, augmentation, splits
from fer_utils.evaluation.cross_validation import BASE, Run
from fer_utils.evaluation.splits import Folds, Reasons, Scheme
from fer_utils.features import phases, tensors
from fer_utils.features.tensors import DEFAULT, FeatureTable, Options
from fer_utils.landmarks import extraction
from fer_utils.landmarks.track import LandmarkTrack
from fer_utils.models.baselines import TRAJECTORY

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
# the same features, of points found in another way: options of `extraction.extract`
ONE_VIEW = "image mode"  # the detector looks at each key frame by itself
VIEWS = "8 views"  # points averaged over turned, scaled and mirrored views of each key frame
DETECTION = {
    ONE_VIEW: {"mode": "image"},
    VIEWS: {"mode": "image", "views": 8},
    "face_mesh": {"detector": "face_mesh"},
}
EARLY = {f"{share:.0%} of the way": share for share in (0.2, 0.4, 0.6, 0.8)}  # from onset to apex
JITTERED = {f"{times} x jitter": times for times in (2, 4, 8, 16)}  # the jitter that `tensors.detector_noise` finds
BASELINES = ("majority", "logistic", "svm", "mlp")  # with as many seeds as the network
FIELD = ("gram", "kendall", "graph")  # published methods, on trajectories of points; with one seed
# the models that the network is compared with, and the variants of the features that they take
COMPARED = (*BASELINES, *FIELD, augmentation.MODEL, action_units.BY_UNITS, action_units.HUMAN)
VARIANTS = (BASE, TRAJECTORY, action_units.VARIANT)

SIMPLE = ("logistic", "svm")  # these too are tried with each set of landmarks and with averaged points

QUESTIONS = ("models", "leakage", "landmark sets", "ablations", "detection", "early", "jitter", "importance", "units")


def variants(
    questions: tuple[str, ...], sequences: list[Sequence], tracks: Mapping[str, LandmarkTrack], executor: Executor
) -> tuple[dict[str, FeatureTable], float]:
    """Return the feature tables that `questions` need, by name, and the detector's jitter in inter-ocular distances.

    Raises StudyError for a question that is not one of QUESTIONS.
    """
    if unknown := sorted(set(questions) - set(QUESTIONS)):
        raise StudyError(f"question {unknown[0]!r} is unknown: choose from {', '.join(QUESTIONS)}")
    wanted = {BASE: DEFAULT}
    if "models" in questions:
        wanted[TRAJECTORY] = Options(values="trajectory")
    if "landmark sets" in questions:
        wanted |= SETS
    if "ablations" in questions:
        wanted |= ABLATIONS
    if "early" in questions:
        wanted |= {name: replace(DEFAULT, share=share) for name, share in EARLY.items()}
    noise = tensors.detector_noise(sequences, tracks)
    if "jitter" in questions and np.isfinite(noise):
        wanted |= {name: replace(DEFAULT, jitter=times * noise) for name, times in JITTERED.items()}
    making = {name: executor.submit(tensors.table, sequences, tracks, options) for name, options in wanted.items()}
    tables = {name: future.result() for name, future in making.items()}
    if "detection" in questions:
        tables |= {
            name: _detected_again(sequences, tracks, tables[BASE], how, executor) for name, how in DETECTION.items()
        }
    return tables, noise


def _detected_again(
    sequences: list[Sequence],
    tracks: Mapping[str, LandmarkTrack],
    base: FeatureTable,
    how: Mapping[str, object],
    executor: Executor,
) -> FeatureTable:
    """Return the study's features of points that are found with the options `how`."""
    if how.get("mode") != "image":
        found = extraction.extract(sequences, executor, **how)
        made = tensors.table(sequences, found.tracks)
        return replace(made, refused={**made.refused, **found.refused})
    # a face that is not followed can be looked at in the key frames alone
    alone = _key_frames_alone(sequences, tracks, base)
    found = extraction.extract(alone, executor, **how)
    # a key frame without a face is not made up from its neighbours, which look different
    made = tensors.table(alone, found.tracks, replace(DEFAULT, max_gap=0))
    reasons = {name: f"of its key frames alone: {reason}" for name, reason in made.refused.items()}
    known = {name: base.phases[name] for name in made.ids.tolist()}
    return replace(made, phases=known, refused={**base.refused, **reasons, **found.refused})


def _key_frames_alone(
    sequences: list[Sequence], tracks: Mapping[str, LandmarkTrack], base: FeatureTable
) -> list[Sequence]:
    """Return the sequences that are in the study's table `base`, of each its key frames alone."""
    alone = []
    for sequence in sequences:
        if sequence.id in base.phases:
            numbers = phases.key_frames(base.phases[sequence.id], DEFAULT.n_key_frames)
            frames = turned(sequence.frames, tracks[sequence.id].quarter_turns)
            alone.append(replace(sequence, frames=Excerpt(frames, tuple(numbers.tolist())), apex="last"))
    return alone


def runs(
    questions: tuple[str, ...], tables: Mapping[str, FeatureTable], seeds: int, network: str = "compact"
) -> list[Run]:
    """Return the runs that answer `questions` with the variants that `tables` holds.

    `network` is the one that is trained if the question is not about the model; sets of landmarks are tried with two
    simple models too. Models, leakage and importance are asked `seeds` times, with folds and initial weights of their
    own; the rest once. A variant that no sequence gives, as nine key frames if all are shorter, is left out, and a line
    says so.
    """
    for name, table in tables.items():
        if not len(table):
            print(f"{name}: left out: no sequence gives it; {next(iter(table.refused.values()), 'there is none')}")
    filled = {name for name, table in tables.items() if len(table)}
    tested = tuple(name for name in (*EARLY, *JITTERED) if name in filled)
    planned = []
    for seed in range(seeds):
        planned.append(Run(network, "grouped", seed, tested=tested, importance="importance" in questions))
        if "models" in questions:
            planned += [Run(model, "grouped", seed) for model in BASELINES]
        if "leakage" in questions:
            planned += [Run(network, "stratified", seed), Run(network, "grouped", seed, select_on="test")]
    if "leakage" in questions:
        planned.append(Run(network, "leave-one-subject-out"))
    if "landmark sets" in questions:  # what more points do may be one model's own
        planned += [Run(model, "grouped", 0, name) for model in SIMPLE for name in SETS if name in filled]
    if "models" in questions and TRAJECTORY in filled:
        planned += [Run(model, "grouped", 0, TRAJECTORY) for model in FIELD]
    if "detection" in questions:  # on real faces simple models gained most by averaged points
        names = [name for name in (BASE, ONE_VIEW, VIEWS) if name in filled]
        planned += [Run(model, "grouped", 0, name) for model in SIMPLE for name in names]
    # BASE is the first run's: once more, its sequences would count twice among the seeds
    others = [name for name in (*SETS, *ABLATIONS, *DETECTION) if name in filled and name != BASE]
    planned += [Run(network, "grouped", 0, name) for name in others]
    return list(dict.fromkeys(planned))


def folds(table: FeatureTable, planned: list[Run], n_folds: int = 5) -> tuple[Folds, Reasons]:
    """Return the folds that the runs need; see `splits.possible`."""
    return splits.possible(table, dict.fromkeys(run.scheme for run in planned), n_folds)


def merge(
    sequences: Mapping[str, list[Sequence]], tracks: Mapping[str, Mapping[str, LandmarkTrack]]
) -> tuple[FeatureTable, pd.DataFrame]:
    """Merge datasets into one table with the emotions that all of them have.

    Both arguments are by dataset. The second table counts the sequences that were left out, a row per dataset and
    reason. A person who is in two datasets has one name. Raises StudyError if the sets share fewer than two emotions.
    """
    shared = set.intersection(*({sequence.emotion for sequence in those} for those in sequences.values()))
    if len(shared) < 2:
        raise StudyError(f"{', '.join(sequences)}: fewer than two emotions are in all of them")
    renamed, kept, owner, missing = [], {}, {}, Counter()
    for name, sequence in ((name, sequence) for name, those in sequences.items() for sequence in those):
        if sequence.emotion not in shared:
            missing[name, f"{sequence.emotion} is not in all of the datasets"] += 1
        elif sequence.id not in tracks[name]:
            missing[name, "no landmarks"] += 1
        else:
            key = f"{name}/{sequence.id}"
            renamed.append(replace(sequence, id=key, dataset=name))
            kept[key], owner[key] = tracks[name][sequence.id], name
    table = tensors.table(renamed, kept)
    missing.update((owner[key], reason) for key, reason in table.refused.items())
    return table, pd.DataFrame([(*key, n) for key, n in missing.items()], columns=["set", "reason", "sequences"])


def cross_folds(table: FeatureTable, n_folds: int = 5, seed: int = 0) -> tuple[Folds, Reasons]:
    """Return the folds of the matrix and the composites of a merged table; see `splits.possible`.

    The matrix: every dataset trained on, every one tested on. The paper's composites (sec. 4.2): all sets but MMI
    trained on and MMI tested, if there are two others; and all merged in folds, of people and, as in the paper perhaps,
    of sequences.
    """
    names = tuple(dict.fromkeys(table.datasets.tolist()))
    others = tuple(name for name in names if name != "mmi")
    sides = [((source,), (target,)) for source, target in product(names, names)]
    if "mmi" in names and len(others) > 1:  # of one other set it is a place in the matrix
        sides.append((others, ("mmi",)))
    schemes = [Scheme(splits.transfer_protocol(table, *pair), seed, *pair) for pair in sides]
    schemes += [Scheme(protocol, seed) for protocol in ("grouped", "stratified")]
    return splits.possible(table, schemes, n_folds)


def cross_runs(schemes: Iterable[Scheme], matrix_model: str, models: list[str]) -> list[Run]:
    """Return the runs of the matrix with one model, and of the composites with several.

    The paper's network is not trained on the merged sets' folds of sequences: they take longest and say least.
    """
    runs = []
    for scheme in schemes:
        in_matrix = len(scheme.source) == len(scheme.target) == 1
        for model in [matrix_model] if in_matrix else models:
            if not (model == "paper" and scheme.protocol == splits.LEAKY):
                runs.append(Run(model, scheme.protocol, scheme.seed, source=scheme.source, target=scheme.target))
    return runs
