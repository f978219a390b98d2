"""Tracks → tensors (4, 2912): the steps from one sequence to its features, and tables of many."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np
from threadpoolctl import threadpool_limits

from fer_utils.data.sequence import Sequence
from fer_utils.errors import UserError
from fer_utils.features import geometry, phases
from fer_utils.features.geometry import SETTLING, TRAJECTORY_STEPS, SequenceRefused, pairs_of
from fer_utils.landmarks import regions
from fer_utils.landmarks.track import NO_FACE, LandmarkTrack

N_KEY_FRAMES = 5  # of the paper
MOST_KEY_FRAMES = 100  # networks are made step by step
Values = Literal["both", "distances", "angles", "trajectory"]


@dataclass(frozen=True)
class Options:
    """Options of the features; the defaults are the study's.

    `landmarks` names the set of points (61, 122 or 250); `pairs` those inside the paper's categories ("grouped") or
    "all" of them; `values` the "distances", the "angles", both, or, for classifiers of time series, the points'
    "trajectory" (TRAJECTORY_STEPS, 2N) from onset to apex, evenly in time. `share` is how much of the way from onset to
    apex is seen; `jitter` the standard deviation, in inter-ocular distances, of noise put on every coordinate of every
    frame.
    """

    landmarks: int = 61
    pairs: regions.Pairing = "grouped"
    values: Values = "both"
    normalised: bool = True
    spacing: phases.Spacing = "intensity"
    n_key_frames: int = N_KEY_FRAMES
    max_gap: float = geometry.MAX_GAP
    share: float = 1.0
    jitter: float = 0.0

    def __post_init__(self):
        known = {"landmarks": regions.SIZES, "pairs": get_args(regions.Pairing), "values": get_args(Values)}
        for name, allowed in known.items():
            if (value := getattr(self, name)) not in allowed:
                raise ValueError(f"{name} {value!r}: must be one of {', '.join(map(str, allowed))}")
        if not 2 <= self.n_key_frames <= MOST_KEY_FRAMES:
            raise ValueError(f"n_key_frames {self.n_key_frames!r}: must be 2 to {MOST_KEY_FRAMES}")


DEFAULT = Options()


@dataclass(frozen=True)
class SequenceFeatures:
    """Tensor (K − 1, A = 2P) float32 of one sequence, and the frames that it is made of."""

    tensor: np.ndarray
    key_frames: np.ndarray
    phases: phases.Phases


def extract_features(track: LandmarkTrack, apex: phases.Apex = "inside") -> np.ndarray:
    """Return the study's tensor (4, 2912) float32 of a track.

    It holds the changes of 1456 distances, in inter-ocular distances, and of as many angles, in radians, between five
    key frames from onset to apex. Raises SequenceRefused, with the reason, if the track is too short or has too few
    faces.
    """
    return sequence_features(track, apex).tensor


def sequence_features(track: LandmarkTrack, apex: phases.Apex = "last", options: Options = DEFAULT) -> SequenceFeatures:
    """Return the tensor of a track with its key frames and phases. `apex` is "last" or "inside" (see `Sequence`).

    Raises SequenceRefused if the track is too short or has too few faces.
    """
    if len(track) < options.n_key_frames:
        raise SequenceRefused(f"{len(track)} frames, {options.n_key_frames} key frames need at least as many")
    try:
        points = geometry.bridge(track.points, track.times, options.max_gap)
    except SequenceRefused as refused:
        # a frame that could not be read tells more than one in which there is no face
        unread = next((reason for reason in track.reasons.tolist() if reason not in ("", NO_FACE)), "")
        raise SequenceRefused(f"{refused}{'; ' if unread else ''}{unread}") from None
    if not np.isfinite(points).all():
        raise SequenceRefused("points that are not finite")
    still = geometry.normalise(points)
    expression = phases.find(geometry.intensity(points), track.times, apex)
    if options.share < 1:
        seen = expression.onset + round(options.share * (expression.apex - expression.onset)) + 1
        return sequence_features(first_frames(track, seen), "last", replace(options, share=1.0))
    chosen = phases.key_frames(expression, options.n_key_frames, options.spacing)
    if options.values == "trajectory":
        shown = still[:, regions.landmarks(options.landmarks), :2]
        tensor = geometry.trajectory(shown, track.times, expression)
    else:
        shown = (still if options.normalised else points)[chosen]
        tensor = geometry.differences(shown, pairs_of(options.landmarks, options.pairs))
        n_pairs = tensor.shape[1] // 2
        if options.values != "both":
            tensor = tensor[:, :n_pairs] if options.values == "distances" else tensor[:, n_pairs:]
    return SequenceFeatures(tensor, chosen, expression)


def first_frames(track: LandmarkTrack, count: int) -> LandmarkTrack:
    """Return the track as it was known after `count` frames."""
    return replace(track, points=track.points[:count], times=track.times[:count], reasons=track.reasons[:count])


def jittered(track: LandmarkTrack, size: float, seed: int) -> LandmarkTrack:
    """Return the track with normal noise on every coordinate, of `size` inter-ocular distances (standard deviation)."""
    if not track.found.any():
        return track
    known = track.points[track.found, :, :2]
    eyes = known[:, regions.LEFT_EYE_CORNER] - known[:, regions.RIGHT_EYE_CORNER]
    scale = size * np.linalg.norm(eyes, axis=1).mean()
    noise = np.random.default_rng(seed).normal(0, scale, track.points.shape)
    return replace(track, points=(track.points + noise).astype(np.float32))


def detector_noise(sequences: Iterable[Sequence], tracks: Mapping[str, LandmarkTrack]) -> float:
    """Return the detector jitter at rest, in inter-ocular distances; NaN if no sequence rests long enough.

    It is the median, over sequences, of the standard deviation of a coordinate before the onset. It is read off second
    differences in time, as if the jitter were white noise, so slow movement adds little to it. Slow errors add little
    too: a detector that follows a face smooths its points, and its lasting errors are larger than this.
    """
    deviations = []
    with threadpool_limits(1):  # as in `table`
        for sequence in sequences:
            if sequence.id not in tracks:
                continue
            try:
                made = sequence_features(tracks[sequence.id], sequence.apex)
                points = geometry.upright(tracks[sequence.id].points)
            except SequenceRefused:  # listed where the features are made; or without a face in its first frame
                continue
            at_rest = points[SETTLING : made.phases.onset + 1, regions.landmarks(), :2]
            if len(at_rest) >= 4 and np.isfinite(at_rest).all():
                deviations.append(np.sqrt(np.mean(np.diff(at_rest, 2, axis=0) ** 2) / 6))  # var(a − 2b + c) = 6 var
    return float(np.median(deviations)) if deviations else float("nan")


@dataclass(frozen=True)
class FeatureTable:
    """Tensors x (n, K − 1, A) float32 of many sequences, with the emotion, subject, id and dataset of each.

    `refused` holds the reasons of the sequences that give none, `phases` those of the others; both by id. `datasets`
    are empty strings if not given.
    """

    x: np.ndarray
    emotions: np.ndarray
    subjects: np.ndarray
    ids: np.ndarray
    refused: Mapping[str, str] = field(default_factory=dict)
    phases: Mapping[str, phases.Phases] = field(default_factory=dict)
    datasets: np.ndarray | None = None

    def __post_init__(self):
        if self.datasets is None:
            object.__setattr__(self, "datasets", np.full(len(self.ids), ""))

    def __len__(self) -> int:
        return len(self.x)

    @property
    def low_apexes(self) -> dict[str, float]:
        """The sequences whose apex is far below their highest intensity, and its share of it, by id."""
        shares = {name: expression.apex_share for name, expression in self.phases.items()}
        return {name: share for name, share in shares.items() if share < phases.LOW_APEX}


def table(
    sequences: Iterable[Sequence], tracks: Mapping[str, LandmarkTrack], options: Options = DEFAULT
) -> FeatureTable:
    """Return the features of all `sequences` that have a track (by id)."""
    kept, tensors, expressions, refused = [], [], {}, {}
    with threadpool_limits(1):  # small matrices: threads cost more than they give, and would round differently
        for sequence in sequences:
            if sequence.id not in tracks:
                continue
            track = tracks[sequence.id]
            if options.jitter:
                track = jittered(track, options.jitter, zlib.crc32(sequence.id.encode()))
            try:
                made = sequence_features(track, sequence.apex, options)
            except SequenceRefused as reason:
                refused[sequence.id] = str(reason)
                continue
            kept.append(sequence)
            tensors.append(made.tensor)
            expressions[sequence.id] = made.phases
    return FeatureTable(
        x=np.array(tensors, np.float32).reshape(-1, *shape(options)),
        emotions=np.array([sequence.emotion for sequence in kept], np.str_),
        subjects=np.array([sequence.subject for sequence in kept], np.str_),
        ids=np.array([sequence.id for sequence in kept], np.str_),
        refused=refused,
        phases=expressions,
        datasets=np.array([sequence.dataset for sequence in kept], np.str_),
    )


def one_of_each(
    sequences: list[Sequence], tracks: Mapping[str, LandmarkTrack]
) -> list[tuple[Sequence, SequenceFeatures]]:
    """Return the first sequence of every emotion that gives features, and these. Raises UserError if there is none."""
    first: dict[str, tuple[Sequence, SequenceFeatures]] = {}
    for sequence in sequences:
        if sequence.id in tracks and sequence.emotion not in first:
            with suppress(SequenceRefused):
                first[sequence.emotion] = sequence, sequence_features(tracks[sequence.id], sequence.apex)
    if not first:
        raise UserError("no sequence gives features: look at the pictures, and at what was left out and why")
    return [first[emotion] for emotion in sorted(first)]


def shape(options: Options = DEFAULT) -> tuple[int, int]:
    """Return (steps, features) of a tensor."""
    if options.values == "trajectory":
        return TRAJECTORY_STEPS, 2 * len(regions.landmarks(options.landmarks))
    n_pairs = len(pairs_of(options.landmarks, options.pairs))
    return options.n_key_frames - 1, n_pairs * (2 if options.values == "both" else 1)
