"""The canonical face as the renderer draws it: folds of skin, brows and normals."""

from __future__ import annotations

import numpy as np

from fer_utils.landmarks.canonical import LOWER_LID, LOWER_LIP, MIRROR, SKIN, UPPER_LID, UPPER_LIP, VERTICES

# the rings of skin next to the lid margins, which follow them in part
_UPPER_FOLD = [130, 247, 30, 29, 27, 28, 56, 190, 243]
_LOWER_FOLD = [130, 25, 110, 24, 23, 22, 26, 112, 243]
UPPER_FOLD = np.array([_UPPER_FOLD, MIRROR[_UPPER_FOLD]])
LOWER_FOLD = np.array([_LOWER_FOLD, MIRROR[_LOWER_FOLD]])

# upper and lower edge of the brow, outer end first
_BROW = [[70, 63, 105, 66, 107], [46, 53, 52, 65, 55]]
BROW = np.array([_BROW, MIRROR[_BROW]])


def _neighbours() -> np.ndarray:
    """Return the triangles of `SKIN` of each vertex, filled up with one past the last: (468, 10) or so."""
    belongs = [np.flatnonzero((vertex == SKIN).any(axis=1)) for vertex in range(len(VERTICES))]
    widest = max(map(len, belongs))
    return np.array([np.pad(some, (0, widest - len(some)), constant_values=len(SKIN)) for some in belongs])


_NEIGHBOURS = _neighbours()


def normals(vertices: np.ndarray) -> np.ndarray:
    """Return unit normals (468, 3) of the skin at each vertex, pointing out of the face."""
    a, b, c = (vertices[SKIN[:, k]] for k in range(3))
    flat = np.zeros((len(SKIN) + 1, 3))  # the last row stands for no triangle
    flat[:-1] = np.cross(b - a, c - a)
    summed = flat[_NEIGHBOURS].sum(axis=1)
    return summed / (np.linalg.norm(summed, axis=1, keepdims=True) + 1e-9)


def close_lips(face: np.ndarray) -> None:
    """Move the lips of a face (468, 3) towards each other by the gap of the canonical face's: at rest they meet."""
    half = (VERTICES[UPPER_LIP[3, 1:-1], 1] - VERTICES[LOWER_LIP[3, 1:-1], 1]) / 2
    face[UPPER_LIP[:, 1:-1], 1] -= half
    face[LOWER_LIP[:, 1:-1], 1] += half


def part_lips(face: np.ndarray, upper_share: float) -> None:
    """Let lips of a face (468, 3) that pass through each other meet: the upper one goes a share of the way back."""
    upper, lower = UPPER_LIP[1:, 1:-1], LOWER_LIP[1:, 1:-1]
    overlap = np.clip(face[lower, 1] - face[upper, 1], 0, None)
    face[upper, 1] += upper_share * overlap
    face[lower, 1] -= (1 - upper_share) * overlap


def scale_lip(face: np.ndarray, lip: np.ndarray, thickness: float) -> None:
    """Multiply how thick a lip of a face (468, 3) is, UPPER_LIP or LOWER_LIP; its inner edge stays."""
    inner, outer = face[lip[3, 1:-1], 1], lip[:3, 1:-1]
    face[outer, 1] = inner + (face[outer, 1] - inner) * thickness


def close_lids(face: np.ndarray, neutral: np.ndarray, closing: list[np.ndarray], folds: tuple[float, float]) -> None:
    """Move the lids of a face (468, 3) by fractions of their opening at rest; they never pass through each other.

    `closing` has, for the right and the left side, how far the upper lid goes down and the lower one up; `folds` the
    shares of it by which the skin above and below goes with them.
    """
    for side, (down, up) in enumerate(closing):
        upper, lower = UPPER_LID[side, 1:-1], LOWER_LID[side, 1:-1]
        opening = neutral[upper] - neutral[lower]
        excess = max(down + up - 1.0, 0.0)
        down, up = down - excess / 2, up - excess / 2
        face[upper] -= opening * down
        face[lower] += opening * up
        face[UPPER_FOLD[side, 1:-1]] -= opening * folds[0] * down
        face[LOWER_FOLD[side, 1:-1]] += opening * folds[1] * up


def smoothstep(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return 0 below `low` and 1 above `high`, smooth between (either order)."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def _person() -> np.ndarray:
    x, y, _ = VERTICES.T
    across, face = np.abs(x), VERTICES.copy()
    brow = smoothstep(y, 3.2, 4.2) * smoothstep(y, 7.5, 5.8) * smoothstep(across, 1.4, 3.0) * smoothstep(across, 7, 5)
    face[:, 0] += 0.52 * np.sign(x) * brow
    nose = np.exp(-((x / 1.9) ** 2)) * smoothstep(y, -3.0, -1.6) * smoothstep(y, 3.5, 0.0)
    face[:, 0] *= 1 + 0.3 * nose
    return face


# The canonical face with brows and a nose as wide as a detector finds them in people.
PERSON = _person()
