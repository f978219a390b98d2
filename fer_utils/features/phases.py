"""Expression intensity over time → onset, apex, offset → the choice of key frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter1d

SMOOTHING = 0.06  # seconds, standard deviation of the Gaussian; our choice
SLOW = 0.3  # of the steepest change on a flank, below which the flank has ended; our choice

# Of the tracker, all our choices, tuned on the MMI stand-in. Intensities are in inter-ocular distances.
FOLLOWING = 0.05  # seconds, time constant of the distances and of the rate of change
REST, HELD = 1.0, 30.0  # seconds in which the neutral reference follows the face, in neutral and in other phases
START = 0.005  # intensity above which an onset can start
ABOVE_REST = 4.0  # times the mean intensity in neutral, which it must pass too: points tremble, some more than others
TREMBLE = 1.5 * START  # intensity that is counted in that mean at most: more is an expression too slow to be seen
RISE = 0.015  # intensity a second by which it must rise besides
SLOWER = 0.4  # as SLOW; more, because what has happened is seen late
DROP = 0.2  # of the highest intensity, by which it falls for an offset to start

Phase = Literal["neutral", "onset", "apex", "offset"]
Apex = Literal["last", "inside"]
Spacing = Literal["intensity", "time"]


@dataclass(frozen=True)
class Phases:
    """Frames at which an expression starts, is first at its full strength, and has gone; and the smoothed intensity
    (T,) they were read off. `offset` is the last frame where the recording ends before the face is back."""

    onset: int
    apex: int
    offset: int
    intensity: np.ndarray


def find(intensity: np.ndarray, times: np.ndarray, apex: Apex = "last") -> Phases:
    """Onset, apex and offset, without labels, from the intensity (T,) at rising `times` (T,) in seconds.

    As in arXiv:2512.05669 they are read off the change from frame to frame; how is our choice. The onset's flank is
    where the intensity passes half of its height for the last time before its highest value; the face is at rest before
    and at its apex after the flank, which ends where the change has fallen below 0.3 of its steepest. The fall is read
    likewise.

    `apex` says where it is to be expected: the "last" frame (CK+, Oulu-CASIA), whatever the flank, or "inside" (MMI).
    """
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    width = SMOOTHING / step if step > 0 else 1.0
    smooth = gaussian_filter1d(np.asarray(intensity, float), width, mode="nearest")
    change = gaussian_filter1d(np.asarray(intensity, float), width, order=1, mode="nearest")
    last = len(smooth) - 1
    if apex == "last":
        return Phases(_flank(smooth, change)[0], last, last, smooth)
    peak = int(np.argmax(smooth))
    onset, top = _flank(smooth[: peak + 1], change[: peak + 1])
    offset, _ = _flank(smooth[peak:][::-1], -change[peak:][::-1])
    return Phases(onset, top, last - offset, smooth)


def key_frames(phases: Phases, count: int = 5, spacing: Spacing = "intensity") -> np.ndarray:
    """`count` strictly rising frame numbers from onset to apex, evenly spaced in intensity or in time.

    Where onset and apex are closer than that, neutral frames before the onset (then frames after the apex) fill up.
    Raises ValueError where the sequence has fewer than `count` frames.
    """
    total = len(phases.intensity)
    if total < count:
        raise ValueError(f"{total} frames cannot give {count} key frames")
    apex = max(phases.apex, count - 1)
    onset = min(phases.onset, apex - count + 1)
    if spacing == "time":
        chosen = np.round(np.linspace(onset, apex, count)).astype(int)
    elif spacing == "intensity":
        rising = np.maximum.accumulate(phases.intensity[onset : apex + 1])
        wanted = np.linspace(rising[0], rising[-1], count)
        chosen = onset + np.searchsorted(rising, wanted - 1e-12)
        chosen[0], chosen[-1] = onset, apex
    else:
        raise ValueError(f"spacing {spacing!r}: must be 'intensity' or 'time'")
    for place in range(1, count):  # strictly rising, and leaving room for those to come
        lowest, highest = chosen[place - 1] + 1, apex - (count - 1 - place)
        chosen[place] = min(max(chosen[place], lowest), highest)
    return chosen


class Tracker:
    """`phase` and `intensity` of one face so far, frame by frame, where the frames to come are not known.

    The mean change of distances is small in neutral, rises in onset, peaks at the apex and decays in offset (sec. 4.3
    of arXiv:2512.05669). Here it is the mean absolute change, in inter-ocular distances, of smoothed distances from a
    running reference. The face is taken to be at rest after the first `settling` frames, whose intensity is 0, and an
    expression held for half a minute becomes the reference. Phases come as neutral → onset → apex → offset → neutral,
    or from offset back to onset where the face rises again; all about 0.1 s late, the onset of a weak expression 0.3 s.
    All but the first sentence is our choice.
    """

    def __init__(self, settling: int = 0):
        self.phase: Phase = "neutral"
        self.intensity = self._rate = self._at_rest = 0.0
        self._count = -settling

    def update(self, distances: np.ndarray, time: float) -> None:
        """Go on by one frame with its distances (P,) in inter-ocular distances; `time` in seconds must rise."""
        self._count += 1
        if self._count <= 1:
            self._smooth = self._rest = distances
            self._time = time
            return
        step, self._time = time - self._time, time
        share = 1 - math.exp(-step / FOLLOWING)
        self._smooth = self._smooth + share * (distances - self._smooth)
        change = self._smooth - self._rest
        before, self.intensity = self.intensity, float(np.abs(change).mean())
        self._rate += share * ((self.intensity - before) / step - self._rate)
        neutral = self.phase == "neutral"
        follow = 1 - math.exp(-step / (REST if neutral else HELD))
        self._rest = self._rest + change * max(neutral / self._count, follow)  # at first the mean of all frames
        self._at_rest += neutral * follow * (min(self.intensity, TREMBLE) - self._at_rest)
        self._advance(self.intensity, self._rate)

    def _advance(self, level: float, rate: float) -> None:
        if self.phase == "neutral":
            if level > max(START, ABOVE_REST * self._at_rest) and rate > RISE:
                self.phase, self._peak, self._steepest = "onset", level, rate
        elif self.phase == "onset":
            self._peak, self._steepest = max(self._peak, level), max(self._steepest, rate)
            if rate < SLOWER * self._steepest:
                self.phase = "apex"
        elif self.phase == "apex":
            self._peak = max(self._peak, level)
            if level < (1 - DROP) * self._peak and rate < 0:
                self.phase, self._lowest, self._steepest = "offset", level, rate
        else:
            self._lowest, self._steepest = min(self._lowest, level), min(self._steepest, rate)
            if level < self._peak / 2 and rate > SLOWER * self._steepest:
                self.phase = "neutral"
            elif level > self._lowest + DROP * self._peak and rate > RISE:
                self.phase, self._peak, self._steepest = "onset", level, rate


def _flank(smooth: np.ndarray, change: np.ndarray) -> tuple[int, int]:
    """First and last frame of the last flank on which `smooth` rises to its final value."""
    low = np.flatnonzero(smooth < (smooth.min() + smooth[-1]) / 2)
    middle = int(low[-1]) + 1 if low.size else 0
    still = np.flatnonzero(change <= 0)
    start = still[still < middle].max(initial=-1) + 1
    stop = still[still >= middle].min(initial=len(change))
    slow = np.flatnonzero(change < SLOW * change[start:stop].max(initial=0))
    return int(slow[slow < middle].max(initial=0)), int(slow[slow >= middle].min(initial=len(change) - 1))
