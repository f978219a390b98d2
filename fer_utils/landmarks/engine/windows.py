"""Where a network looks: a turned square of the frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fer_utils.landmarks.regions import LEFT_EYE_CORNER, RIGHT_EYE_CORNER

MARGIN = 1.5  # side of the square over the long side of the box around the face


class Window(NamedTuple):
    """A square of the frame, by its middle and its side in pixels, turned clockwise by an angle in radians."""

    x: float
    y: float
    side: float
    angle: float = 0.0

    @classmethod
    def around(cls, points: np.ndarray, left_eye: Sequence[float], right_eye: Sequence[float]) -> Window:
        """Return the window around a face with these points (n, 2), turned so that its eyes are level."""
        across = np.ascontiguousarray(points.T)  # NumPy finds the bounds of long rows faster
        (left, top), (right, bottom) = across.min(axis=1).tolist(), across.max(axis=1).tolist()
        angle = math.atan2(right_eye[1] - left_eye[1], right_eye[0] - left_eye[0])
        return cls((left + right) / 2, (top + bottom) / 2, MARGIN * max(right - left, bottom - top), angle)

    @classmethod
    def around_face(cls, points: np.ndarray) -> Window:
        """Return the window around a face with these points (478, 3)."""
        return cls.around(points[:, :2], points[LEFT_EYE_CORNER].tolist(), points[RIGHT_EYE_CORNER].tolist())

    def to_frame(self, pixels: int, mirrored: bool = False) -> np.ndarray:
        """Return the map (3, 4) from x, y, z in a square of `pixels` by `pixels` to pixels of the frame.

        As in MediaPipe, a pixel's place is its corner: no half pixel is added. In a mirrored square, left and right are
        exchanged.
        """
        scale = self.side / pixels
        c, s = scale * math.cos(self.angle), scale * math.sin(self.angle)
        half, x = pixels / 2, -1 if mirrored else 1
        rows = [
            [x * c, -s, 0, self.x - half * (x * c - s)],
            [x * s, c, 0, self.y - half * (x * s + c)],
            [0, 0, scale, 0],
        ]
        return np.array(rows, np.float32)

    def distance(self, other: Window) -> float:
        """Return how far the middles are from each other, in sides of the other window."""
        return math.hypot(self.x - other.x, self.y - other.y) / other.side
