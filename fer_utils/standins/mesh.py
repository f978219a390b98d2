"""The canonical face mesh: 468 vertices, its triangles, and the index lists that draw lips, eyes and brows.

Vertices are in centimetres: x to the right of the picture, y up, z towards the camera. `LEFT` and `RIGHT` are the
actor's own sides, as in FACS: the actor's left is on the right of the picture (x > 0).
"""

from __future__ import annotations

import numpy as np

from fer_utils import paths

RIGHT, LEFT = 0, 1

with np.load(paths.ASSETS / "canonical_face.npz", allow_pickle=False) as _asset:
    VERTICES = _asset["vertices"].astype(np.float64)  # (468, 3)
    UV = _asset["uv"].astype(np.float64)  # (468, 2), v downwards
    TRIANGLES = _asset["triangles"].astype(np.int64)  # (898, 3)

# the vertex on the other side of the face, (468,)
MIRROR = np.argmin(
    np.linalg.norm(VERTICES[:, None] * [-1.0, 1.0, 1.0] - VERTICES[None], axis=2),
    axis=1,
)

# lip rings, outermost first; each row runs from the actor's right corner to the left one
UPPER_LIP = np.array(
    [
        [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291],
        [76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306],
        [62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292],
        [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308],
    ]
)
LOWER_LIP = np.array(
    [
        [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291],
        [76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306],
        [62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292],
        [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308],
    ]
)

# eyelid margins from the outer corner to the inner one, the actor's right eye; rows: right, left
_UPPER_LID = [33, 246, 161, 160, 159, 158, 157, 173, 133]
_LOWER_LID = [33, 7, 163, 144, 145, 153, 154, 155, 133]
UPPER_LID = np.array([_UPPER_LID, MIRROR[_UPPER_LID]])
LOWER_LID = np.array([_LOWER_LID, MIRROR[_LOWER_LID]])
# the rings of skin next to the lid margins, which follow them in part
_UPPER_FOLD = [130, 247, 30, 29, 27, 28, 56, 190, 243]
_LOWER_FOLD = [130, 25, 110, 24, 23, 22, 26, 112, 243]
UPPER_FOLD = np.array([_UPPER_FOLD, MIRROR[_UPPER_FOLD]])
LOWER_FOLD = np.array([_LOWER_FOLD, MIRROR[_LOWER_FOLD]])

# upper and lower edge of the brow, outer end first
_BROW = [[70, 63, 105, 66, 107], [46, 53, 52, 65, 55]]
BROW = np.array([_BROW, MIRROR[_BROW]])

EYE_RING = np.concatenate([UPPER_LID, LOWER_LID[:, -2:0:-1]], axis=1)  # (2, 16), closed
MOUTH_RING = np.concatenate([UPPER_LIP[3], LOWER_LIP[3, -2:0:-1]])  # (20,), closed


def _skin_triangles() -> np.ndarray:
    """The triangles (M, 3) but those that span the eye openings and the mouth."""
    keep = np.ones(len(TRIANGLES), bool)
    for ring in (EYE_RING[RIGHT], EYE_RING[LEFT], MOUTH_RING):
        keep &= ~np.isin(TRIANGLES, ring).all(axis=1)
    return TRIANGLES[keep]


SKIN = _skin_triangles()


def _neighbours() -> np.ndarray:
    """For each vertex the triangles of `SKIN` it belongs to, filled up with one past the last: (468, 10) or so."""
    belongs = [np.flatnonzero((vertex == SKIN).any(axis=1)) for vertex in range(len(VERTICES))]
    widest = max(map(len, belongs))
    return np.array([np.pad(some, (0, widest - len(some)), constant_values=len(SKIN)) for some in belongs])


_NEIGHBOURS = _neighbours()


def normals(vertices: np.ndarray) -> np.ndarray:
    """Unit normals (468, 3) of the skin at each vertex, pointing out of the face."""
    a, b, c = (vertices[SKIN[:, k]] for k in range(3))
    (ux, uy, uz), (vx, vy, vz) = (b - a).T, (c - a).T
    flat = np.zeros((len(SKIN) + 1, 3))  # the last row stands for no triangle
    flat[:-1] = np.stack([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx], axis=1)
    summed = flat[_NEIGHBOURS].sum(axis=1)
    return summed / (np.linalg.norm(summed, axis=1, keepdims=True) + 1e-9)


def smoothstep(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between (either order)."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)
