"""The canonical face mesh: 468 vertices, its triangles, and the index lists that outline lips and eyes.

Vertices are in centimetres: x to the right of the picture, y up, z towards the camera. `LEFT` and `RIGHT` are the
person's own sides, as in FACS: the person's left is on the right of the picture (x > 0).
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
MIRROR = np.linalg.norm(VERTICES[:, None] * [-1.0, 1.0, 1.0] - VERTICES[None], axis=2).argmin(axis=1)

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

EYE_RING = np.concatenate([UPPER_LID, LOWER_LID[:, -2:0:-1]], axis=1)  # (2, 16), closed
MOUTH_RING = np.concatenate([UPPER_LIP[3], LOWER_LIP[3, -2:0:-1]])  # (20,), closed

# the triangles (M, 3) without those that span the openings of the eyes and the mouth
_OPEN = [np.isin(TRIANGLES, ring).all(axis=1) for ring in (*EYE_RING, MOUTH_RING)]
SKIN = TRIANGLES[~np.any(_OPEN, axis=0)]
