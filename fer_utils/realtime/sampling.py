"""A stream's frames → the tensor of the newest: key frames since the onset, or at fixed times."""

from __future__ import annotations

from collections import deque

import numpy as np

from fer_utils.features import geometry, phases
from fer_utils.features.geometry import PAIRS
from fer_utils.features.tensors import N_KEY_FRAMES

STEPS = N_KEY_FRAMES - 1
RUNGS = 128  # frames kept of a rise; when there are more, half of them are kept, evenly in intensity
SLOTS_AN_INTERVAL = 80  # frames kept for each interval at most: of a faster stream, some are dropped
ROUNDING = 1e-6  # seconds: clocks that count from 1970 have no finer steps


class SinceRest:
    """Key frames from the last frame at rest to now, evenly in intensity: `phases.key_frames`, as in a recording.

    It keeps the values of a frame only if its intensity is the highest since the face was at rest.
    """

    def __init__(self):
        self._values = np.empty((STEPS + RUNGS + 1, 2 * len(PAIRS)))
        self._levels = np.zeros(len(self._values))
        self._count = 0

    def clear(self) -> None:
        """Forget the rise: the face is at rest."""
        self._count = 0

    def add(self, values: np.ndarray, level: float, rest: np.ndarray) -> None:
        """Take in a frame's distances and angles (2P,) and its intensity; `rest` (478, 3) is the face at rest."""
        if not self._count:
            # if a rise has fewer frames than there are key frames, the first key frames are at rest
            self._values[:STEPS], self._count = geometry.values(rest, PAIRS), STEPS
        elif self._count == len(self._values):
            levels = self._levels[STEPS:]
            even = np.linspace(levels[0], levels[-1], RUNGS // 2)
            kept = np.r_[:STEPS, STEPS + np.unique(np.searchsorted(levels, even))]
            self._values[: len(kept)], self._levels[: len(kept)] = self._values[kept], self._levels[kept]
            self._count = len(kept)
        if level <= (highest := self._levels[self._count - 1]) and self._count > STEPS:
            self._newest, self._level = values, level
            return
        self._values[self._count] = self._newest = values
        self._levels[self._count] = self._level = max(level, highest)
        self._count += 1

    def tensor(self) -> np.ndarray:
        """Return the tensor (4, 2912) float32 of the newest frame. A frame must have been added."""
        below = max(STEPS, int(np.searchsorted(self._levels[: self._count], self._level)))
        levels = np.append(self._levels[:below], self._level)
        chosen = phases.key_frames(phases.Phases(STEPS - 1, below, below, levels), N_KEY_FRAMES)
        return geometry.changes(np.concatenate([self._values[chosen[:-1]], self._newest[None]]))

    def change(self) -> np.ndarray:
        """Return the change (2912,) from the face at rest to the newest frame; zeros at rest."""
        if not self._count:
            return np.zeros(self._values.shape[1], np.float32)
        return geometry.changes(np.stack([self._values[0], self._newest]))[0]


class AtFixedTimes:
    """Key frames `interval` seconds apart, the last of which is the newest (sec. 4.3 of arXiv:2512.05669).

    A key frame is the frame with a face nearest to its time, the older of two as near.
    """

    def __init__(self, interval: float):
        self.span, self._tolerance, self._spacing = STEPS * interval, interval / 4, interval / SLOTS_AN_INTERVAL
        self._ago = interval * np.arange(STEPS, -1, -1)
        self._frames: deque[tuple[float, np.ndarray]] = deque(maxlen=(STEPS + 1) * SLOTS_AN_INTERVAL)
        self._since: float | None = None

    def clear(self) -> None:
        """Forget all frames."""
        self._frames.clear()
        self._since = None

    def add(self, points: np.ndarray, time: float) -> None:
        """Take in a frame's points (478, 3)."""
        if len(self._frames) > 1 and self._frames[-1][0] < self._frames[-2][0] + self._spacing:
            self._frames.pop()  # too close to the one before to be remembered
        self._frames.append((time, points))
        self._since = time if self._since is None else self._since

    def tensor(self) -> tuple[np.ndarray | None, str]:
        """Return the newest frame's tensor (4, 2912) float32 and "", or None and why there is none."""
        times = np.array([time for time, _ in self._frames])  # oldest first
        now = times[-1]
        if now - self._since < self.span - ROUNDING:
            return None, f"filling: {now - self._since:.2f} of {self.span:.2f} s"
        wanted = now - self._ago
        # there is one on either side: the frames reach further back than what is wanted, and end with its last
        after = times.searchsorted(wanted).clip(1)
        late, early = times[after] - wanted, wanted - times[after - 1]
        # the older of two as near, whatever a clock's rounding makes of them
        nearest = np.where(early <= late + ROUNDING, after - 1, after)
        off = np.minimum(early, late)
        if off.max() > self._tolerance + ROUNDING:
            return None, f"no face within {self._tolerance:.2f} s of {self._ago[off.argmax()]:.2f} s ago"
        chosen = np.stack([self._frames[row][1] for row in nearest])
        return geometry.differences(geometry.normalise(chosen), PAIRS), ""
