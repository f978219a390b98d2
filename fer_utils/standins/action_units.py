"""FACS action units as displacement fields on the mesh, a little different in every actor.

What each unit does follows the Facial Action Coding System (Ekman, Friesen & Hager, 2002): what moves, where to, what
stays. The shapes and sizes of the fields are our choice. An activation is an array (23, 2): a row per unit in the order
of `UNITS`, a column per side (the actor's right, left), 0 at rest and 1 at the strongest (FACS intensity E).
"""

from __future__ import annotations

import numpy as np

from fer_utils.landmarks import canonical
from fer_utils.landmarks.canonical import VERTICES
from fer_utils.standins import mesh
from fer_utils.standins.mesh import smoothstep

UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 18, 20, 23, 24, 25, 26, 27, 28, 43)
ROW = {unit: row for row, unit in enumerate(UNITS)}

# How far, in cm, the skin goes at full activation: unit -> pulls of (anchor vertex on the actor's right, reach in x
# and y, displacement outwards, up and forwards, part of the face that it takes along). The eyes are 8.9 cm apart.
PULLS = {
    1: [(107, (1.7, 4.0), (-0.03, 0.95, 0.0), "brow"), (55, (1.3, 1.6), (0.0, 0.25, 0.0), "brow")],
    2: [(105, (1.8, 4.0), (0.0, 0.55, 0.0), "brow"), (70, (2.0, 4.0), (0.05, 0.65, 0.0), "brow")],
    4: [(55, (1.5, 2.6), (-0.38, -0.55, 0.12), "brow"), (105, (2.0, 2.6), (-0.2, -0.42, 0.05), "brow")],
    6: [
        (101, (2.0, 1.7), (0.05, 0.45, 0.4), "cheek"),
        (35, (1.0, 1.2), (-0.1, 0.12, 0.1), "cheek"),
        (70, (1.4, 1.6), (0.0, -0.12, 0.0), "brow"),
    ],
    9: [
        (49, (1.1, 1.4), (0.1, 0.5, 0.1), "upper"),
        (37, (1.9, 1.1), (0.03, 0.42, 0.05), "upper"),
        (55, (1.3, 2.4), (-0.12, -0.4, 0.1), "brow"),
        (105, (1.8, 2.4), (-0.05, -0.18, 0.0), "brow"),
        (36, (1.3, 1.3), (0.0, 0.3, 0.25), "cheek"),
    ],
    10: [
        (39, (1.7, 1.2), (0.02, 0.65, 0.08), "upper"),
        (0, (0.8, 0.9), (0.0, 0.15, 0.0), "upper"),
        (203, (1.3, 1.2), (0.05, 0.35, 0.2), "upper"),
        (98, (0.9, 0.9), (0.08, 0.12, 0.0), "upper"),
    ],
    11: [(40, (1.2, 1.1), (0.08, 0.3, 0.05), "upper"), (203, (1.1, 1.1), (0.1, 0.3, 0.2), "upper")],
    12: [
        (61, (1.5, 1.5), (0.82, 0.85, -0.55), "all"),
        (205, (1.7, 1.5), (0.25, 0.38, 0.4), "cheek"),
        (39, (1.5, 1.0), (0.05, 0.3, -0.15), "upper"),
        (98, (1.0, 1.0), (0.2, 0.16, -0.05), "upper"),
    ],
    14: [
        (61, (0.9, 0.9), (0.38, 0.02, -0.5), "all"),
        (216, (0.8, 0.9), (0.05, 0.05, 0.25), "all"),
        (17, (1.6, 0.8), (0.0, 0.08, -0.05), "lower"),
    ],
    15: [(61, (1.0, 1.1), (0.06, -0.42, -0.1), "all"), (202, (1.1, 1.2), (0.05, -0.2, 0.0), "all")],
    16: [(84, (1.6, 1.1), (0.12, -0.7, 0.05), "lower"), (18, (1.6, 0.9), (0.0, -0.25, 0.0), "lower")],
    17: [
        (18, (1.8, 1.2), (0.0, 0.42, 0.15), "lower"),
        (17, (1.7, 0.9), (0.0, 0.38, 0.25), "lower"),
        (0, (1.6, 0.8), (0.0, 0.2, 0.12), "upper"),
        (61, (0.9, 0.9), (-0.03, -0.16, 0.0), "all"),
    ],
    18: [
        (61, (1.5, 1.2), (-0.7, 0.0, 0.45), "all"),
        (0, (1.3, 1.0), (0.0, 0.1, 0.4), "upper"),
        (17, (1.3, 1.0), (0.0, -0.1, 0.4), "lower"),
    ],
    20: [
        (61, (1.4, 1.4), (0.75, -0.12, -0.45), "all"),
        (214, (1.3, 1.8), (0.3, -0.15, 0.0), "all"),
        (17, (1.8, 0.8), (0.05, -0.1, -0.05), "lower"),
    ],
    23: [(61, (1.3, 0.9), (-0.28, 0.0, 0.12), "all")],
    24: [
        (61, (1.2, 0.9), (-0.06, -0.03, 0.0), "all"),
        (18, (1.5, 0.7), (0.0, 0.12, 0.2), "lower"),
        (17, (1.7, 0.8), (0.0, 0.1, 0.0), "lower"),
    ],
    25: [(17, (2.2, 1.0), (0.0, -0.6, 0.0), "lower"), (0, (2.1, 0.9), (0.0, 0.25, 0.0), "upper")],
    28: [
        (61, (1.2, 0.9), (-0.12, 0.0, -0.1), "all"),
        (17, (1.7, 0.8), (0.0, 0.2, -0.3), "lower"),
        (0, (1.6, 0.8), (0.0, -0.1, -0.25), "upper"),
    ],
}
# Lids at full activation, as fractions of the actor's own opening: how far the upper one comes down, the lower one up.
LIDS = {
    1: (-0.05, 0.0),
    2: (-0.06, 0.0),
    4: (0.08, 0.03),
    5: (-0.38, -0.05),
    6: (0.05, 0.17),
    7: (0.16, 0.24),
    9: (0.08, 0.16),
    10: (0.0, 0.04),
    12: (0.02, 0.06),
    43: (0.9, 0.1),
}
# Red of the upper and the lower lip that rolls in at full activation, as a fraction of its thickness.
ROLLS = {
    10: (0.05, 0.0),
    12: (0.3, 0.1),
    14: (0.22, 0.22),
    17: (0.0, 0.1),
    18: (-0.15, -0.15),
    20: (0.28, 0.2),
    23: (0.45, 0.45),
    24: (0.55, 0.55),
    28: (0.85, 0.85),
}
# Turn of the jaw at full activation, in radians.
JAW = {26: 0.15, 27: 0.34}
JAW_HINGE = np.array([0.0, 0.5, -3.0])
NARROWING = 0.36  # of the mouth, as a fraction a radian of the jaw
HELD = 0.6  # of AU 4's lowering that AU 1 takes back: the inner brows go up and together

# How much actors differ: standard deviations of logarithms, of directions (as a fraction), and of places in cm. Our
# choice, wide on purpose: a classifier must not depend on one way of moving.
SPREAD = {"unit": 0.22, "pull": 0.22, "side": 0.08, "reach": 0.18, "direction": 0.2, "place": 0.25}
SPREAD |= {"lid": 0.25, "roll": 0.3, "jaw": 0.15, "narrowing": 0.3, "hinge": 0.5}


def _parts() -> dict[str, np.ndarray]:
    """Return, for each part of the face, the share (468,) of a pull that its vertices take."""
    y = VERTICES[:, 1]
    mouth = VERTICES[canonical.LOWER_LIP[3, 0], 1]
    upper = smoothstep(y, mouth - 0.5, mouth + 0.5)
    upper[canonical.UPPER_LIP[:, 1:-1]] = 1.0
    upper[canonical.LOWER_LIP[:, 1:-1]] = 0.0
    lids = np.zeros(len(VERTICES))
    lids[canonical.EYE_RING] = 1.0
    lids[mesh.UPPER_FOLD] = 0.8
    lids[mesh.LOWER_FOLD] = 0.6
    # the contour of the jaw is bone: only the jaw's turn moves it
    chin = VERTICES[152, 1]
    skin = smoothstep(y, chin + 0.6, chin + 3.0)
    return {
        "all": skin,
        "upper": upper,
        "lower": (1.0 - upper) * skin,
        "brow": (1.0 - lids) * smoothstep(y, 2.2, 4.0) * smoothstep(y, 9.2, 5.5),
        "cheek": (1.0 - lids) * smoothstep(y, 2.6, 1.4) * smoothstep(y, mouth - 1.5, mouth + 1.0),
    }


def _jaw_share() -> np.ndarray:
    """Return how far each vertex (468,) follows the jaw: 1 at chin and lower lip, 0 above the mouth."""
    x, y, _ = VERTICES.T
    half = abs(VERTICES[61, 0])
    side = np.abs(x) / half
    # beside the mouth the skin stretches from the cheek bone to the edge of the jaw
    cheek = smoothstep(y, 0.5, -7.0)
    share = np.where(side > 1.0, cheek, np.where(y < VERTICES[61, 1], 1.0, 0.0))
    below = (side <= 1.25) & (y < VERTICES[61, 1])
    share[below] = np.maximum(cheek, 1 - smoothstep(side, 0.5, 1.9))[below]
    above = (side <= 1.25) & (y >= VERTICES[61, 1])
    share[above] = (cheek * smoothstep(side, 0.3, 1.3))[above]
    corner = cheek[61]
    share[canonical.UPPER_LIP] = corner * (np.abs(VERTICES[canonical.UPPER_LIP, 0]) / half) ** 3
    # the lower lip hangs as an oval between the corners
    bow = np.sqrt(np.clip(1 - (VERTICES[canonical.LOWER_LIP, 0] / (half * 1.001)) ** 2, 0, 1))
    share[canonical.LOWER_LIP] = corner + (0.95 - corner) * bow
    return share


_PARTS = _parts()
_TABLE = [(ROW[unit], *pull) for unit, pulls in PULLS.items() for pull in pulls]
_ROWS = np.array([row for row, *_ in _TABLE])
_ANCHORS = VERTICES[[pull[1] for pull in _TABLE], :2]
_REACHES = np.array([pull[2] for pull in _TABLE])
_VECTORS = np.array([pull[3] for pull in _TABLE])
_SHARES = np.array([_PARTS[pull[4]] for pull in _TABLE])
_JAW_SHARE = _jaw_share()
_RIGHT = smoothstep(VERTICES[:, 0], 1.2, -1.2)  # the two sides share the midline


class Rig:
    """How one face moves: `fields` (23, 2, 468, 3) in cm at full activation, lids, lips and jaw.

    Without `rng` it is the mean of all actors; with it amounts, directions, reaches and places of all pulls vary by
    `SPREAD`, the sides a little apart.
    """

    def __init__(self, rng: np.random.Generator | None = None):
        spread = SPREAD if rng else dict.fromkeys(SPREAD, 0.0)
        rng = rng or np.random.default_rng(0)
        n = len(_TABLE)

        def factor(name: str, *shape: int) -> np.ndarray:
            return np.exp(rng.normal(0, spread[name], shape))

        amount = factor("unit", len(UNITS))[_ROWS] * factor("pull", n)
        side = factor("side", len(UNITS), 2)[_ROWS]
        reach = _REACHES * factor("reach", n, 2)
        size = np.linalg.norm(_VECTORS, axis=1, keepdims=True)
        vectors = (_VECTORS + rng.normal(0, spread["direction"], (n, 3)) * size) * amount[:, None]
        anchors = _ANCHORS + rng.normal(0, spread["place"], (n, 2))
        here, there = (
            (((VERTICES[:, :2] - (anchors * [sign, 1])[:, None]) / reach[:, None]) ** 2).sum(2) for sign in (1, -1)
        )
        share = np.exp(-np.minimum(here, there)) * _SHARES
        self.fields = np.zeros((len(UNITS), 2, len(VERTICES), 3))
        for which, outwards, half in ((canonical.RIGHT, -1, _RIGHT), (canonical.LEFT, 1, 1 - _RIGHT)):
            moved = (share * half * side[:, which, None])[..., None] * (vectors * [outwards, 1, 1])[:, None]
            for row, field in zip(_ROWS, moved, strict=True):
                self.fields[row, which] += field
        self.lids, self.rolls = np.zeros((2, len(UNITS), 2))
        for unit, lid in LIDS.items():
            self.lids[ROW[unit]] = lid * factor("lid", 2)
        for unit, roll in ROLLS.items():
            self.rolls[ROW[unit]] = np.minimum(roll * factor("roll", 2), 0.95)
        self.jaw = {ROW[unit]: turn * float(factor("jaw", 1)[0]) for unit, turn in JAW.items()}
        self.narrowing = NARROWING * float(factor("narrowing", 1)[0])
        self.hinge = JAW_HINGE + rng.normal(0, spread["hinge"], 3) * [0, 1, 1]

    def deform(self, neutral: np.ndarray, activation: np.ndarray) -> np.ndarray:
        """Return the mesh (468, 3) in cm of an actor whose face at rest is `neutral`, with `activation` (23, 2)."""
        # not `tensordot`: BLAS may sum in another order with another number of threads, and the bytes must not change
        face = neutral + np.einsum("us,usvi->vi", activation, self.fields)
        held = HELD * activation[ROW[1]] * activation[ROW[4]]
        face[:, 1] -= np.einsum("s,sv->v", held, self.fields[ROW[4], :, :, 1])
        self._roll_lips(face, activation)
        self._drop_jaw(face, activation)
        mesh.part_lips(face, 0.5)
        mesh.close_lids(face, neutral, [np.einsum("u,ul->l", side, self.lids) for side in activation.T], (0.45, 0.4))
        return face

    def turn_jaw(self, points: np.ndarray, activation: np.ndarray, share: np.ndarray | float = 1.0) -> np.ndarray:
        """Return points (N, 3) in cm, turned about the hinge of the jaw by a share of its turn."""
        turn = self._jaw_angle(activation) * np.asarray(share)
        c, s = np.cos(turn), np.sin(turn)
        x, y, z = (points - self.hinge).T
        return np.stack([x, c * y - s * z, s * y + c * z], axis=1) + self.hinge

    def _jaw_angle(self, activation: np.ndarray) -> float:
        return sum(turn * float(activation[row].mean()) for row, turn in self.jaw.items())

    def _roll_lips(self, face: np.ndarray, activation: np.ndarray) -> None:
        """Draw the red of both lips in towards the inner ring, the same on both sides."""
        shares = np.prod(1 - self.rolls * np.minimum(activation.mean(1), 1.0)[:, None], axis=0)
        for lip, share in zip((canonical.UPPER_LIP, canonical.LOWER_LIP), shares, strict=True):
            for ring in lip[:3]:
                inner, edge = face[lip[3, 1:-1]], face[ring[1:-1]]
                face[ring[1:-1]] = inner + (edge - inner) * [1.0, share, 1.0]

    def _drop_jaw(self, face: np.ndarray, activation: np.ndarray) -> None:
        """Turn the lower face with the jaw; the corners of the mouth come together a little."""
        angle = self._jaw_angle(activation)
        if angle == 0:
            return
        face[:] = self.turn_jaw(face, activation, _JAW_SHARE)
        near = np.exp(-((((face - face[0])[:, 1] + 2.0) / 3.0) ** 2)) * (np.abs(VERTICES[:, 0]) < 4)
        face[:, 0] *= 1 - self.narrowing * angle * near


MEAN = Rig()
