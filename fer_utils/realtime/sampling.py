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
        self._rise: list[tuple[float, np.ndarray]] = []  # intensities, rising, and values

    def add(self, values: np.ndarray, level: float, rest: np.ndarray) -> None:
        """Take in a frame's distances and angles (2P,) and its intensity; `rest` (478, 3) is the face at rest."""
        if not self._rise:
            # if a rise has fewer frames than there are key frames, the first key frames are at rest
            self._rise = [(0.0, geometry.values(rest, PAIRS))] * STEPS
        elif len(self._rise) > STEPS + RUNGS:
            levels = [level for level, _ in self._rise[STEPS:]]
            kept = np.unique(np.searchsorted(levels, np.linspace(levels[0], levels[-1], RUNGS // 2)))
            self._rise = self._rise[:STEPS] + [self._rise[STEPS + row] for row in kept]
        highest = self._rise[-1][0]
        self._newest, self._level = values, level
        if level > highest or len(self._rise) == STEPS:
            self._level = max(level, highest)
            self._rise.append((self._level, values))

    def tensor(self) -> np.ndarray:
        """Return the tensor (4, 2912) float32 of the newest frame. A frame must have been added."""
        levels = np.array([level for level, _ in self._rise])
        below = max(STEPS, int(np.searchsorted(levels, self._level)))
        rise = phases.Phases(STEPS - 1, below, below, np.append(levels[:below], self._level))
        chosen = phases.key_frames(rise, N_KEY_FRAMES)[:-1]
        return geometry.changes(np.stack([*(self._rise[row][1] for row in chosen), self._newest]))

    def change(self) -> np.ndarray:
        """Return the change (2912,) from the face at rest to the newest frame; zeros at rest."""
        if not self._rise:
            return np.zeros(2 * len(PAIRS), np.float32)
        return geometry.changes(np.stack([self._rise[0][1], self._newest]))[0]


class AtFixedTimes:
    """Key frames `interval` seconds apart, the last of which is the newest (sec. 4.3 of arXiv:2512.05669).

    A key frame is the frame with a face nearest to its time, the older of two as near.
    """

    def __init__(self, interval: float):
        self.span, self._tolerance, self._spacing = STEPS * interval, interval / 4, interval / SLOTS_AN_INTERVAL
        self._ago = interval * np.arange(STEPS, -1, -1)
        self._frames: deque[tuple[float, np.ndarray]] = deque(maxlen=(STEPS + 1) * SLOTS_AN_INTERVAL)
        self._since: float | None = None

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
