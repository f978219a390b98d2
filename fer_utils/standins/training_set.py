"""Samples for the classifier that ships.

A sample is the change of the features from a face at rest to an expression, with the units that were drawn. Most are
made without pictures: the mesh's points stand for what a detector finds, and its errors are added. A smaller part is
rendered, and found by both detectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from fer_utils.data.labels import EMOTIONS, SHARED
from fer_utils.features import geometry
from fer_utils.features.geometry import PAIRS
from fer_utils.landmarks.canonical import MIRROR
from fer_utils.landmarks.detectors import open_detector
from fer_utils.standins import muscles
from fer_utils.standins.action_units import ROW, UNITS
from fer_utils.standins.actors import Actor, make_actor, make_resting
from fer_utils.standins.drawing.camera import Sensor, View, compress, place
from fer_utils.standins.drawing.painter import Painter
from fer_utils.standins.expressions import express

Rig = Literal["fields", "muscles"]
RIGS: tuple[Rig, ...] = ("fields", "muscles")
FAMILIES = {"fields": 5_000_000, "muscles": 6_000_000, "rendered": 7_000_000}  # seeds of actors that no stand-in draws
DETECTORS = ("face_landmarker", "face_mesh")
SIZE = (640, 490)  # of rendered pictures

# How often an everyday expression is which: smiles by far the most, contempt the least. Our choice.
EVERYDAY = {
    "happiness": 0.42, "surprise": 0.14, "sadness": 0.13, "anger": 0.12, "disgust": 0.09, "fear": 0.07, "contempt": 0.03
}  # fmt: skip
POSED, WEAK, NOTHING = 13, 9, 3  # samples an actor: posed (each emotion twice, contempt once), everyday, no expression

# All our choice: standard deviations in radians of the head's pose, and of its turn between the two pictures; distance
# from the lens in cm, and its change; the detector's errors, in cm, each point's own and those of whole regions, and
# its error in breadth, height and depth; depth is found with larger errors, deeper or flatter in some people.
POSE, TURN = (0.16, 0.13, 0.06), (0.06, 0.08, 0.05)
DISTANCE, NEARER = (45.0, 140.0), 0.03
OWN_ERROR, SHARED_ERROR, STRETCH = 0.015, 0.035, 0.01
DEPTH_ERROR, DEPTH_SPREAD = 1.5, 0.12
# How often a picture shows what passes by itself: lids that a blink has lowered or shut, in either one; lips that are
# apart at rest.
BLINKS, APART = 0.05, 0.05
# Share of a unit's motion that a detector finds, another for each actor and unit: the range of most units, and of those
# of which it finds less on rendered faces (see `docs/model_card.md`). On real faces it is not known.
FOUND, LESS_FOUND = (0.6, 1.05), {1: 0.4, 4: 0.45, 9: 0.3, 17: 0.3, 23: 0.4, 24: 0.4}


@dataclass(frozen=True)
class Samples:
    """Samples of expressions."""

    change: np.ndarray  # (n, 2912) float32: distances, then angles, at the apex less those at rest
    units: np.ndarray  # (n, 23, 2): the change of the activation
    emotions: np.ndarray  # (n,)

    def __len__(self) -> int:
        return len(self.change)


def sample(rig: Rig, actors: int, seed: int = 0) -> Samples:
    """Return the samples of a number of actors, 25 each, of one of the RIGS. The same seed gives the same samples."""
    return _joined(one for number in range(actors) for one in _samples_of_actor(rig, seed, number))


def rendered(actors: int, seed: int = 0, found: float | None = None) -> Samples:
    """Return samples of a number of rendered actors: a posed and an everyday expression each, by each detector.

    A sample lies between what was drawn (`found` 0) and what the detector found of it (1); by default anywhere between,
    since nobody knows how much of a rendered face's errors a real one has. A picture without a face gives no sample.
    """
    samples = []
    with open_detector(DETECTORS[0], "image") as first, open_detector(DETECTORS[1], "image") as second:
        for number in range(actors):
            rng = np.random.default_rng([seed, len(RIGS), number])
            session = _Session(make_actor(FAMILIES["rendered"] + 100_000 * seed + number), rng)
            rest, picture = session.shoot(np.zeros((len(UNITS), 2)), np.zeros(3))
            before = [detector.detect(picture)[0] for detector in (first, second)]
            for way in ("posed", "everyday"):
                emotion = EMOTIONS[number % len(EMOTIONS)] if way == "posed" else _everyday_emotion(rng)
                shown = express(emotion, session.actor, rng, way)
                apex, picture = session.shoot(shown, rng.normal(0, TURN))
                truth = change(rest, apex)
                for detector, at_rest in zip((first, second), before, strict=True):
                    at_apex, _ = detector.detect(picture)
                    if at_rest is None or at_apex is None:
                        continue
                    seen = change(at_rest.astype(float), at_apex.astype(float))
                    for share in (found,) if found is not None else rng.uniform(0, 1, 2):
                        samples.append((truth + share * (seen - truth), shown, emotion))
    return _joined(samples)


def _joined(samples: Iterable[tuple[np.ndarray, np.ndarray, str]]) -> Samples:
    change, units, emotions = list(zip(*samples, strict=True)) or [(), (), ()]
    return Samples(np.array(change, np.float32), np.array(units, np.float32), np.array(emotions, np.str_))


class _Session:
    """One actor before one camera: a pose, a size and a quality of compression of its own."""

    def __init__(self, actor: Actor, rng: np.random.Generator):
        self.actor, self._rng = actor, rng
        self._painter, self._sensor = Painter(actor, SIZE), Sensor(rng, SIZE)
        self._pose, self._scale, self._quality = rng.normal(0, POSE), rng.uniform(6, 14), int(rng.uniform(25, 95))

    def shoot(self, shown: np.ndarray, turn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the points (468, 3) as drawn and the picture of an expression, the head turned by `turn`."""
        activation = np.clip(self.actor.resting + shown, 0, 1)
        centre = (320 + self._rng.uniform(-20, 20), 215 + self._rng.uniform(-20, 20))
        view = View(SIZE, centre, self._scale, *np.clip(self._pose + turn, -0.36, 0.36))
        image = compress(self._sensor.expose(self._painter.draw(activation, view)), self._quality)
        x, y, depth = place(self.actor.rig.deform(self.actor.neutral, activation), view).T
        return np.stack([x, y, -self._scale * depth], axis=1), image


@cache
def mirrored_columns() -> tuple[np.ndarray, np.ndarray]:
    """Return columns (2912,) and signs (2912,): `change[:, columns] * signs` is that of the mirrored face."""
    place_of = {tuple(sorted(pair)): number for number, pair in enumerate(PAIRS.tolist())}
    pairs = np.array([place_of[tuple(sorted(pair))] for pair in MIRROR[PAIRS].tolist()])
    return np.concatenate([pairs, len(PAIRS) + pairs]), np.repeat([1.0, -1.0], len(PAIRS)).astype(np.float32)


def change(rest: np.ndarray, apex: np.ndarray) -> np.ndarray:
    """Return the change (2912,) of the features from points (N, 3) of a face at rest to those at the apex.

    It is the sum of the steps of the study's tensor.
    """
    return geometry.differences(geometry.normalise(np.stack([rest, apex])), PAIRS)[0]


def no_expression(rng: np.random.Generator) -> np.ndarray:
    """Return an activation (23, 2) that is no expression: lids and lips as in blinking, speech and chewing, or rest."""
    activation = np.zeros((len(UNITS), 2))
    kind = rng.random()
    if kind < 0.25:
        activation[ROW[43]] = rng.uniform(0.2, 1.0)
    elif kind < 0.75:
        activation[ROW[25]], activation[ROW[26]] = rng.uniform(0, 0.7), rng.uniform(0, 0.6)
        shape = int(rng.choice([16, 17, 18, 20, 23, 24, 28]))
        activation[ROW[shape]] = rng.uniform(0, 0.45)
    return activation


def in_passing(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return activations (23, 2) at rest and at the apex that pass by themselves: lowered or shut lids, parted lips."""
    rest, apex = np.zeros((2, len(UNITS), 2))
    for activation in (rest, apex):
        if rng.random() < BLINKS:
            activation[ROW[43]] = rng.uniform(0.1, 1.0)
    if rng.random() < APART:
        rest[ROW[25]], rest[ROW[26]] = rng.uniform(0, 0.4), rng.uniform(0, 0.3)
    return rest, apex


def photograph(rest: np.ndarray, apex: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the points (468, 3) that a detector finds of two meshes (468, 3): x right, y down, z away from the camera.

    The head turns a little from one picture to the other, and points are found with errors.
    """
    pose, turn = np.clip(rng.normal(0, POSE), -0.36, 0.36), rng.normal(0, TURN)
    distance, noise, deeper = rng.uniform(*DISTANCE), rng.uniform(0.3, 1.5), np.exp(rng.normal(0, DEPTH_SPREAD))
    points = []
    for face, angles, nearer in ((rest, pose, 0.0), (apex, pose + turn, rng.normal(0, NEARER))):
        view = View(SIZE, (320.0, 215.0), 13.0, *angles, distance=distance * (1 + nearer))
        x, y, depth = place(face, view).T
        found = np.stack([x / view.scale, y / view.scale, -deeper * depth], axis=1)
        found = (found - found.mean(0)) * (1 + rng.normal(0, STRETCH, 3))
        shared = _shared_errors() @ rng.normal(0, 1, (_shared_errors().shape[1], 3))
        errors = OWN_ERROR * rng.normal(0, 1, found.shape) + SHARED_ERROR * shared
        points.append(found + noise * errors * [1, 1, DEPTH_ERROR])
    return points[0], points[1]


@cache
def _shared_errors() -> np.ndarray:
    return muscles.smooth_fields(1.6, 60)


def _everyday_emotion(rng: np.random.Generator) -> str:
    return str(rng.choice(list(EVERYDAY), p=list(EVERYDAY.values())))


def _samples_of_actor(rig: Rig, seed: int, number: int) -> Iterator[tuple[np.ndarray, np.ndarray, str]]:
    """Return all samples of one actor: change, units, emotion."""
    rng = np.random.default_rng([seed, RIGS.index(rig), number])
    actor = make_actor(FAMILIES[rig] + 100_000 * seed + number)
    moves = actor.rig if rig == "fields" else muscles.MuscleRig(rng)
    neutral = actor.neutral if rig == "fields" else muscles.make_face(rng)
    resting = make_resting(rng)
    found = rng.uniform([[LESS_FOUND.get(unit, FOUND[0])] for unit in UNITS], FOUND[1])
    posed = (*EMOTIONS, *SHARED)
    for turn in range(POSED + WEAK + NOTHING):
        emotion = posed[turn] if turn < POSED else _everyday_emotion(rng)
        if turn >= POSED + WEAK:
            shown = no_expression(rng)  # any name is wrong here: the one drawn teaches what is usual, and to be unsure
        elif rig == "fields":
            shown = express(emotion, actor, rng, "posed" if turn < POSED else "everyday")
        else:
            shown = muscles.express(emotion, rng, weak=0.0 if turn < POSED else 1.0)
        before, after = in_passing(rng)
        rest, apex = (np.clip(resting + a, 0, 1) for a in (before, np.maximum(shown * found, after)))
        meshes = moves.deform(neutral, rest), moves.deform(neutral, apex)
        yield change(*photograph(*meshes, rng)), apex - rest, emotion
