"""FACS action units as displacement fields on the mesh.

What each unit does follows the Facial Action Coding System (Ekman, Friesen & Hager, 2002); the shapes and sizes of
the fields are our choice. An activation is an array (20, 2): one row a unit in the order of `UNITS`, one column a
side (the actor's right, left), 0 at rest and 1 at the strongest (FACS intensity E).
"""

from __future__ import annotations

import numpy as np

from fer_utils.standins import mesh
from fer_utils.standins.mesh import MIRROR, VERTICES, smoothstep

UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 20, 23, 24, 25, 26, 27, 43)
ROW = {unit: row for row, unit in enumerate(UNITS)}

# How far, in cm, the skin goes at full activation: unit -> pulls of (anchor vertex on the actor's right, reach in x
# and y, displacement outwards, up and forwards, part of the face that it takes along).
PULLS = {
    1: [(107, (1.7, 4.0), (0.05, 1.0, 0.0), "brow")],
    2: [(63, (2.3, 4.0), (0.0, 0.95, 0.0), "brow")],
    4: [(55, (1.6, 3.0), (-0.42, -0.62, 0.12), "brow"), (105, (2.0, 3.0), (-0.22, -0.55, 0.05), "brow")],
    6: [(101, (2.0, 1.6), (0.05, 0.6, 0.45), "cheek"), (35, (1.0, 1.2), (-0.1, 0.1, 0.1), "cheek")],
    9: [
        (49, (1.2, 1.4), (0.12, 0.75, 0.1), "upper"),
        (37, (2.2, 1.0), (0.0, 0.4, 0.0), "upper"),
        (55, (1.3, 2.5), (-0.15, -0.45, 0.1), "brow"),
        (36, (1.2, 1.2), (0.0, 0.35, 0.25), "cheek"),
    ],
    10: [(37, (2.4, 1.3), (0.0, 0.85, 0.1), "upper"), (203, (1.3, 1.1), (0.0, 0.4, 0.2), "upper")],
    12: [(61, (1.5, 1.6), (0.95, 0.95, -0.5), "all"), (205, (1.7, 1.4), (0.2, 0.5, 0.4), "cheek")],
    14: [(61, (1.0, 1.0), (0.55, 0.2, -0.6), "all"), (216, (0.8, 0.9), (0.1, 0.1, 0.35), "all")],
    15: [(61, (1.2, 1.4), (0.1, -0.85, -0.1), "all")],
    16: [(17, (2.2, 1.2), (0.0, -0.75, 0.1), "lower")],
    17: [
        (175, (2.2, 2.4), (0.0, 0.75, 0.3), "lower"),
        (17, (1.9, 0.9), (0.0, 0.35, 0.3), "lower"),
        (0, (1.7, 0.9), (0.0, 0.4, 0.15), "upper"),
        (61, (1.0, 1.0), (0.0, -0.3, 0.0), "all"),
    ],
    20: [(61, (1.5, 1.5), (0.88, -0.25, -0.45), "all"), (214, (1.3, 1.8), (0.3, -0.15, 0.0), "all")],
    23: [(61, (1.4, 1.0), (-0.45, 0.0, 0.15), "all")],
    24: [(61, (1.3, 1.0), (-0.15, -0.05, 0.0), "all"), (18, (1.5, 0.7), (0.0, 0.1, 0.25), "lower")],
    25: [(17, (2.2, 1.0), (0.0, -0.5, 0.0), "lower"), (0, (2.2, 0.9), (0.0, 0.26, 0.0), "upper")],
}
# Lids at full activation, as fractions of the actor's own opening: how far the upper one comes down, the lower one up.
LIDS = {5: (-0.42, -0.04), 6: (0.04, 0.2), 7: (0.2, 0.26), 9: (0.05, 0.1), 12: (0.0, 0.04), 43: (0.9, 0.1)}
# Red of the lips that rolls in at full activation, as a fraction of its thickness.
ROLLS = {23: 0.5, 24: 0.68, 12: 0.2, 20: 0.25, 14: 0.15, 17: 0.1}
# Turn of the jaw at full activation, in radians.
JAW = {26: 0.16, 27: 0.38}
JAW_HINGE = np.array([0.0, 0.5, -3.0])


def _parts() -> dict[str, np.ndarray]:
    """For each part of the face the share (468,) of a pull that its vertices take."""
    x, y, _ = VERTICES.T
    mouth = VERTICES[mesh.LOWER_LIP[3, 0], 1]
    upper = smoothstep(y, mouth - 0.5, mouth + 0.5)
    upper[mesh.UPPER_LIP[:, 1:-1]] = 1.0
    upper[mesh.LOWER_LIP[:, 1:-1]] = 0.0
    lids = np.zeros(len(VERTICES))
    lids[mesh.EYE_RING] = 1.0
    lids[mesh.UPPER_FOLD] = 0.8
    lids[mesh.LOWER_FOLD] = 0.6
    return {
        "all": np.ones_like(x),
        "upper": upper,
        "lower": 1.0 - upper,
        "brow": (1.0 - lids) * smoothstep(y, 2.2, 4.0),
        "cheek": (1.0 - lids) * smoothstep(y, 2.6, 1.4) * smoothstep(y, mouth - 1.5, mouth + 1.0),
    }


def _fields() -> np.ndarray:
    """Displacements (20, 2, 468, 3) in cm at full activation of each unit and side."""
    parts = _parts()
    fields = np.zeros((len(UNITS), 2, len(VERTICES), 3))
    right = smoothstep(VERTICES[:, 0], 1.2, -1.2)  # the two sides share the midline
    for unit, pulls in PULLS.items():
        for anchor, reach, (out, up, forward), part in pulls:
            away = (VERTICES - VERTICES[anchor])[:, :2] / reach
            mirrored = (VERTICES - VERTICES[MIRROR[anchor]])[:, :2] / reach
            share = np.exp(-np.minimum((away**2).sum(1), (mirrored**2).sum(1))) * parts[part]
            fields[ROW[unit], mesh.RIGHT] += (share * right)[:, None] * [-out, up, forward]
            fields[ROW[unit], mesh.LEFT] += (share * (1 - right))[:, None] * [out, up, forward]
    return fields


def _jaw_share() -> np.ndarray:
    """How far each vertex (468,) follows the jaw: 1 at chin and lower lip, 0 above the mouth, soft at the cheeks."""
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
    share[mesh.UPPER_LIP] = corner * (np.abs(VERTICES[mesh.UPPER_LIP, 0]) / half) ** 3
    # the lower lip hangs as an oval between the corners
    bow = np.sqrt(np.clip(1 - (VERTICES[mesh.LOWER_LIP, 0] / (half * 1.001)) ** 2, 0, 1))
    share[mesh.LOWER_LIP] = corner + (0.95 - corner) * bow
    return share


FIELDS = _fields()
JAW_SHARE = _jaw_share()


def deform(neutral: np.ndarray, activation: np.ndarray) -> np.ndarray:
    """The mesh (468, 3) in cm of an actor whose face at rest is `neutral`, with `activation` (20, 2)."""
    # not `tensordot`: BLAS may sum in another order with another number of threads, and the bytes must not change
    face = neutral + np.einsum("us,usvi->vi", activation, FIELDS)
    _roll_lips(face, activation)
    _drop_jaw(face, activation)
    _close_lips(face)
    _move_lids(face, neutral, activation)
    return face


def _roll_lips(face: np.ndarray, activation: np.ndarray) -> None:
    """Draw the red of both lips in towards the inner ring, the same on both sides."""
    share = 1.0
    for unit, roll in ROLLS.items():
        share *= 1 - roll * min(activation[ROW[unit]].mean(), 1.0)
    for lip in (mesh.UPPER_LIP, mesh.LOWER_LIP):
        for ring in lip[:3]:
            inner, edge = face[lip[3, 1:-1]], face[ring[1:-1]]
            face[ring[1:-1]] = inner + (edge - inner) * [1.0, share, 1.0]


def jaw_angle(activation: np.ndarray) -> float:
    """The turn of the jaw in radians under an activation (20, 2)."""
    return sum(turn * float(activation[ROW[unit]].mean()) for unit, turn in JAW.items())


def turn_jaw(points: np.ndarray, activation: np.ndarray, share: np.ndarray | float = 1.0) -> np.ndarray:
    """Points (N, 3) in cm, turned about the hinge of the jaw by a share of its turn."""
    turn = jaw_angle(activation) * np.asarray(share)
    c, s = np.cos(turn), np.sin(turn)
    x, y, z = (points - JAW_HINGE).T
    return np.stack([x, c * y - s * z, s * y + c * z], axis=1) + JAW_HINGE


def _drop_jaw(face: np.ndarray, activation: np.ndarray) -> None:
    """Turn the lower face with the jaw; the corners of the mouth come together a little."""
    angle = jaw_angle(activation)
    if angle == 0:
        return
    face[:] = turn_jaw(face, activation, JAW_SHARE)
    narrowing = 0.45 * angle * np.exp(-((((face - face[0])[:, 1] + 2.0) / 3.0) ** 2)) * (np.abs(VERTICES[:, 0]) < 4)
    face[:, 0] *= 1 - narrowing


def _close_lips(face: np.ndarray) -> None:
    """Lips that would pass through each other meet half way instead."""
    for ring in (3, 2, 1):
        upper, lower = mesh.UPPER_LIP[ring, 1:-1], mesh.LOWER_LIP[ring, 1:-1]
        overlap = np.clip(face[lower, 1] - face[upper, 1], 0, None)
        face[upper, 1] += overlap / 2
        face[lower, 1] -= overlap / 2


def _move_lids(face: np.ndarray, neutral: np.ndarray, activation: np.ndarray) -> None:
    """Raise and lower the lids by fractions of the actor's own eye opening; they never pass through each other."""
    for side in (mesh.RIGHT, mesh.LEFT):
        upper, lower = mesh.UPPER_LID[side, 1:-1], mesh.LOWER_LID[side, 1:-1]
        opening = neutral[upper] - neutral[lower]
        down = sum(lid[0] * activation[ROW[unit], side] for unit, lid in LIDS.items())
        up = sum(lid[1] * activation[ROW[unit], side] for unit, lid in LIDS.items())
        excess = max(down + up - 1.0, 0.0)
        down, up = down - excess / 2, up - excess / 2
        face[upper] -= opening * down
        face[lower] += opening * up
        face[mesh.UPPER_FOLD[side, 1:-1]] -= opening * 0.45 * down
        face[mesh.LOWER_FOLD[side, 1:-1]] += opening * 0.4 * up
