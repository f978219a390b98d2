"""The one-euro filter, with the numbers that MediaPipe's FaceLandmarker smooths points with in video mode."""

from __future__ import annotations

import math

import numpy as np

# MediaPipe, face_landmarks_detector_graph.cc; in Hz, but BETA, which turns face sizes a second into Hz
MIN_CUTOFF, BETA, SPEED_CUTOFF = 0.05, 80.0, 1.0
FIRST_RATE = 30.0  # frames a second, before two frames after time 0 tell


class OneEuroFilter:
    """A low-pass filter over time that follows fast movement and holds still points still (Casiez et al., CHI 2012).

    As in MediaPipe, speed is measured in face sizes a second, where the size is the mean of the width and the height
    of the box around the points; and the second frame counts as FIRST_RATE after the first, if that was at time 0.
    """

    def __init__(self):
        self._time, self._rate = 0.0, FIRST_RATE
        self._raw: np.ndarray | None = None

    def __call__(self, points: np.ndarray, time: float) -> np.ndarray:
        """Return the smoothed points (N, 3) float32 of a frame at `time` in seconds."""
        if self._raw is None or time < self._time:  # the first frame, or a stream that starts again
            self._time, self._rate = time, FIRST_RATE
            self._raw, self._smooth, self._speed = points, points, np.zeros_like(points)
            return points
        if time == self._time:
            return points
        if self._time:
            self._rate = 1 / (time - self._time)
        self._time = time
        across = np.ascontiguousarray(points[:, :2].T)
        size = (across.max(axis=1) - across.min(axis=1)).mean()
        speed = (points - self._raw) * (self._rate / size)
        self._speed = self._speed + self._weight(SPEED_CUTOFF) * (speed - self._speed)
        self._smooth = self._smooth + self._weight(MIN_CUTOFF + BETA * np.abs(self._speed)) * (points - self._smooth)
        self._raw = points
        return self._smooth

    def _weight(self, cutoff):
        """Return the weight of the newest value in a low-pass filter with this cutoff in Hz."""
        return 1 / (1 + self._rate / (2 * math.pi * cutoff))
