"""A second rig: faces that move by muscles, to judge classifiers that were trained on the first one.

Skin is pulled towards the bone to which a muscle is fixed, less the further it is from the muscle's insertion (Waters,
1987, SIGGRAPH 21(4), 17); a ring closes the mouth, a hinge opens the jaw. Fields, identities and the mix of units are
made apart from those of `action_units`, `actors` and `expressions`: what a classifier learns from one rig and can do on
the other is more than that rig's own habits. Places, strengths and shares are our choice.
"""

from __future__ import annotations

import numpy as np

from fer_utils.landmarks import canonical
from fer_utils.landmarks.canonical import MIRROR, VERTICES
from fer_utils.standins import mesh
from fer_utils.standins.action_units import ROW, UNITS
from fer_utils.standins.mesh import PERSON

# unit -> muscles as (bone in cm on the actor's right, vertex of insertion, reach in cm, pull in cm, part of the face)
MUSCLES = {
    1: [((-1.2, 9.5, 5.0), 107, 4.2, 0.85, "brow")],
    2: [((-4.6, 9.5, 3.5), 63, 4.2, 0.8, "brow")],
    4: [((-0.3, 2.2, 5.5), 105, 3.4, 0.38, "brow"), ((-0.2, 1.5, 5.6), 55, 2.6, 0.42, "brow")],
    6: [((-4.9, 4.4, 2.5), 50, 3.6, 0.45, "cheek")],
    9: [
        ((-0.9, 3.6, 4.0), 48, 2.6, 0.45, "upper"),
        ((-0.9, 3.4, 4.2), 37, 2.6, 0.4, "upper"),
        ((-0.3, 1.0, 5.4), 55, 2.6, 0.35, "brow"),
    ],
    10: [((-2.3, 2.0, 4.0), 37, 2.8, 0.55, "upper"), ((-2.3, 2.0, 4.0), 39, 2.6, 0.3, "upper")],
    11: [((-3.6, 0.8, 3.4), 40, 2.4, 0.4, "upper")],
    12: [((-5.9, 0.2, 1.5), 61, 3.6, 1.15, "all"), ((-3.5, 2.0, 3.0), 203, 2.6, 0.25, "upper")],
    14: [((-6.5, -4.2, 0.0), 61, 2.3, 0.55, "all")],
    15: [((-3.6, -8.5, 2.0), 61, 2.6, 0.4, "all")],
    16: [((-1.9, -8.3, 4.0), 84, 2.7, 0.5, "lower")],
    17: [
        ((-0.3, -1.5, 5.5), 200, 2.6, 0.45, "lower"),
        ((-0.3, -1.5, 5.5), 17, 2.2, 0.35, "lower"),
        ((-0.1, -1.0, 5.4), 0, 1.8, 0.15, "upper"),
        ((-2.0, -8.0, 3.0), 61, 1.8, 0.15, "all"),
    ],
    20: [((-6.8, -5.2, 0.0), 61, 3.2, 0.8, "all")],
    25: [((-1.0, -9.0, 4.5), 14, 2.6, 0.4, "lower"), ((-1.0, 2.0, 5.0), 13, 1.9, 0.14, "upper")],
}
# unit -> how far the ring draws the mouth together (a share), and forwards in cm
RING = {18: (0.42, 0.5), 23: (0.16, 0.12), 24: (0.05, -0.02), 28: (0.1, -0.25)}
THINNER = {12: 0.2, 14: 0.2, 20: 0.25, 23: 0.42, 24: 0.5, 28: 0.8}  # share of the lips' red that goes
# unit -> how far the upper and the lower lid open (below 0: close), as a fraction of the eye's opening
OPENING = {
    1: (0.04, 0.0), 2: (0.05, 0.0), 4: (-0.06, -0.02), 5: (0.35, 0.0), 6: (-0.03, -0.16), 7: (-0.14, -0.22),
    9: (-0.06, -0.12), 12: (0.0, -0.04), 43: (-0.9, -0.1),
}  # fmt: skip
MANDIBLE = {26: 0.13, 27: 0.31}  # radians

# Each unit by itself: emotion -> {unit: (chance, mean intensity)}; the first is never left out.
UNIT_CHANCES = {
    "anger": {4: (0.92, 0.75), 7: (0.55, 0.6), 5: (0.3, 0.4), 23: (0.55, 0.6), 24: (0.55, 0.65), 17: (0.65, 0.55),
              10: (0.1, 0.4), 25: (0.12, 0.4)},
    "disgust": {9: (0.8, 0.75), 10: (0.35, 0.6), 17: (0.5, 0.5), 4: (0.6, 0.45), 7: (0.6, 0.5), 6: (0.35, 0.45),
                25: (0.25, 0.4), 15: (0.15, 0.3), 24: (0.12, 0.4), 16: (0.1, 0.4)},
    "fear": {1: (0.95, 0.75), 2: (0.65, 0.6), 4: (0.85, 0.55), 5: (0.5, 0.65), 20: (0.8, 0.65), 25: (0.85, 0.5),
             26: (0.25, 0.4), 27: (0.07, 0.5)},
    "happiness": {12: (1.0, 0.85), 6: (0.9, 0.7), 25: (0.9, 0.85), 26: (0.3, 0.3), 1: (0.15, 0.3), 2: (0.15, 0.3)},
    "sadness": {15: (0.9, 0.5), 1: (0.85, 0.65), 4: (0.7, 0.5), 17: (0.85, 0.6), 11: (0.15, 0.4), 25: (0.05, 0.3)},
    "surprise": {1: (0.97, 0.85), 2: (0.97, 0.85), 5: (0.75, 0.5), 25: (0.95, 0.5), 27: (0.75, 0.75), 26: (0.2, 0.6)},
}  # fmt: skip
_DISTANCES = np.linalg.norm(VERTICES[:, None] - VERTICES[None], axis=2)
_LINE = VERTICES[canonical.UPPER_LIP[3, 0], 1]  # where the lips meet


def smooth_fields(reach: float, count: int) -> np.ndarray:
    """Return (468, count): random numbers times these make a field that varies over `reach` cm, about 1 large."""
    sizes, fields = np.linalg.eigh(np.exp(-((_DISTANCES / reach) ** 2)))
    return fields[:, -count:] * np.sqrt(np.clip(sizes[-count:], 0, None))


def _parts() -> dict[str, np.ndarray]:
    """Return, for each part of the face, the share (468,) of a pull that its vertices take."""
    y = VERTICES[:, 1]
    lids = np.zeros(len(VERTICES), bool)
    lids[canonical.EYE_RING] = True
    below = y < _LINE
    below[canonical.UPPER_LIP], below[canonical.LOWER_LIP[:, 1:-1]] = False, True
    off_the_bone = np.clip((_DISTANCES[152] - 0.8) / 2.0, 0, 1)
    return {
        "all": off_the_bone,
        "upper": 1.0 * ~below,
        "lower": below * off_the_bone,
        "brow": ~lids * np.clip(y - 2.6, 0, 1),
        "cheek": ~lids * ~below * np.clip((2.6 - y) / 0.8, 0, 1),
    }


def _jaw_share() -> np.ndarray:
    """Return how far each vertex (468,) follows the jaw."""
    x, y = np.abs(VERTICES[:, 0]), VERTICES[:, 1]
    share = np.clip((_LINE + 1.2 - y) / 6.5, 0, 1) ** 0.7 * np.clip((7.8 - x) / 3.0, 0, 1)
    middle = np.clip(1 - (x / 2.9) ** 2, 0, 1)
    share = np.where(y < _LINE, np.maximum(share, middle), share * np.clip(x / 2.5 - 0.4, 0, 1))
    lip = canonical.LOWER_LIP
    share[lip] = 0.3 + 0.65 * np.sqrt(np.clip(1 - (x[lip] / 2.6) ** 2, 0, 1))
    share[lip[:, [0, -1]]] = 0.3
    share[canonical.UPPER_LIP[:, 1:-1]] = 0.2 * x[canonical.UPPER_LIP[:, 1:-1]] / 2.5
    return share


_PARTS, _JAW_SHARE, _WARPS = _parts(), _jaw_share(), smooth_fields(3.5, 25)
_NEAR_MOUTH = np.exp(-((np.linalg.norm((VERTICES - VERTICES[13]) * [0.75, 1, 0.5], axis=1) / 2.3) ** 4))


class MuscleRig:
    """How one face moves, each `rng` another; `deform` is that of `action_units.Rig`."""

    def __init__(self, rng: np.random.Generator):
        def factor(spread: float) -> float:
            return float(np.exp(rng.normal(0, spread)))

        self.fields = np.zeros((len(UNITS), 2, len(VERTICES), 3))
        for unit, muscles in MUSCLES.items():
            own = factor(0.2)
            for bone, insertion, reach, strength, part in muscles:
                origin, width, pull = bone + rng.normal(0, 0.5, 3), reach * factor(0.15), strength * own * factor(0.2)
                for side, sign in ((canonical.RIGHT, 1), (canonical.LEFT, -1)):
                    place = VERTICES[insertion if sign == 1 else MIRROR[insertion]]
                    away = np.linalg.norm((VERTICES - place) * [1, 1, 0.6], axis=1) / width
                    falloff = 0.5 * (1 + np.cos(np.pi * np.clip(away, 0, 1)))
                    half = np.clip(0.5 - VERTICES[:, 0] * sign / 1.2, 0, 1)
                    towards = origin * [sign, 1, 1] - VERTICES
                    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
                    size = pull * factor(0.07) * falloff * _PARTS[part] * half
                    self.fields[ROW[unit], side] += size[:, None] * towards
        self.ring = {ROW[unit]: (share * factor(0.25), forward) for unit, (share, forward) in RING.items()}
        self.thinner = np.zeros(len(UNITS))
        self.thinner[[ROW[unit] for unit in THINNER]] = [min(0.95, s * factor(0.3)) for s in THINNER.values()]
        self.opening = np.zeros((len(UNITS), 2))
        self.opening[[ROW[unit] for unit in OPENING]] = [np.multiply(o, factor(0.25)) for o in OPENING.values()]
        self.mandible = {ROW[unit]: turn * factor(0.15) for unit, turn in MANDIBLE.items()}
        self.pivot = np.array([0.0, -0.5, -4.5]) + rng.normal(0, 0.5, 3) * [0, 1, 1]

    def deform(self, neutral: np.ndarray, activation: np.ndarray) -> np.ndarray:
        """Return the mesh (468, 3) in cm of a face that is `neutral` at rest, with `activation` (23, 2)."""
        face = neutral + np.einsum("us,usvi->vi", activation, self.fields)
        both = 0.5 * np.minimum(activation[ROW[1]], activation[ROW[4]])
        face[:, 1] -= np.einsum("s,sv->v", both, self.fields[ROW[4], :, :, 1])
        mean = activation.mean(1)
        middle = (neutral[13, 0] + neutral[14, 0]) / 2
        for row, (share, forward) in self.ring.items():
            face[:, 0] += mean[row] * share * _NEAR_MOUTH * (middle - face[:, 0])
            face[:, 2] += mean[row] * forward * _NEAR_MOUTH
        left = np.prod(1 - self.thinner * np.minimum(mean, 1))
        for lip in (canonical.UPPER_LIP, canonical.LOWER_LIP):
            mesh.scale_lip(face, lip, left)
        self._open_jaw(face, sum(turn * mean[row] for row, turn in self.mandible.items()))
        mesh.part_lips(face, 0.6)
        mesh.close_lids(face, neutral, [-(side @ self.opening) for side in activation.T], (0.5, 0.3))
        return face

    def _open_jaw(self, face: np.ndarray, angle: float) -> None:
        cos, sin = np.cos(angle * _JAW_SHARE), np.sin(angle * _JAW_SHARE)
        _, y, z = (face - self.pivot).T
        face[:, 1], face[:, 2] = cos * y - sin * z + self.pivot[1], sin * y + cos * z + self.pivot[2]
        face[:, 0] -= 0.3 * angle * _NEAR_MOUTH * face[:, 0]


def make_face(rng: np.random.Generator) -> np.ndarray:
    """Return the mesh (468, 3) in cm of another person at rest, with open eyes and closed lips.

    It is the canonical face, warped by smooth random fields that are nearly the same on both sides.
    """
    warp = _WARPS @ rng.normal(0, 0.22, (25, 3))
    same = (warp + warp[MIRROR] * [-1, 1, 1]) / 2
    face = PERSON * np.exp(rng.normal(0, 0.045, 3)) + 0.9 * same + 0.1 * warp
    mesh.close_lips(face)
    seam = (face[canonical.UPPER_LIP[3, 1:-1]] + face[canonical.LOWER_LIP[3, 1:-1]]) / 2
    for lip in (canonical.UPPER_LIP, canonical.LOWER_LIP):
        thickness = np.exp(rng.normal(0.28, 0.22))
        for ring in lip:
            face[ring[1:-1], 1] = seam[:, 1] + (face[ring[1:-1], 1] - face[lip[3, 1:-1], 1]) * thickness
    wide = np.exp(rng.normal(0.3, 0.15)) - 1
    for side in (canonical.RIGHT, canonical.LEFT):
        upper, lower = canonical.UPPER_LID[side, 1:-1], canonical.LOWER_LID[side, 1:-1]
        opening = face[upper] - face[lower]
        face[upper] += 0.8 * wide * opening
        face[lower] -= 0.2 * wide * opening
    return face


def express(emotion: str, rng: np.random.Generator, weak: float = 0.3) -> np.ndarray:
    """Return the activation (23, 2) of an emotion as people of this rig show it.

    `weak` is the chance that it is shown at half its strength.
    """
    activation = np.zeros((len(UNITS), 2))
    if emotion == "contempt":
        side = rng.integers(2)
        activation[ROW[14], side] = rng.beta(5, 2)
        if rng.random() < 0.5:
            activation[ROW[14], 1 - side] = activation[ROW[14], side] * rng.uniform(0.2, 0.9)
        for unit, chance, sides in ((12, 0.2, side), (17, 0.2, slice(None)), (2, 0.15, side)):
            if rng.random() < chance:
                activation[ROW[unit], sides] = rng.uniform(0.1, 0.4)
    else:
        for number, (unit, (chance, mean)) in enumerate(UNIT_CHANCES[emotion].items()):
            if number == 0 or rng.random() < chance:
                sides = np.clip(1 + rng.normal(0, 0.08, 2), 0.6, 1.4)
                activation[ROW[unit]] = np.clip(rng.normal(mean, 0.2), 0.15, 1) * sides
    strength = rng.uniform(0.35, 0.65) if rng.random() < weak else rng.uniform(0.7, 1.1)
    return np.clip(activation * strength, 0, 1)
