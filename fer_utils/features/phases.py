"""Expression intensity over time → onset, apex, offset → the choice of key frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

SMOOTHING = 0.06  # seconds, standard deviation of the Gaussian; our choice
FASTEST = 1000  # frames a second: the memory of the smoothing grows with it, and stamps that are closer are broken
SLOW = 0.3  # of the steepest change on a flank, below which the flank has ended; our choice
LOW_APEX = 0.7  # of the highest intensity: an apex below it is reported; our choice

Phase = Literal["neutral", "onset", "apex", "offset"]
Apex = Literal["last", "inside"]
Spacing = Literal["intensity", "time"]


@dataclass(frozen=True)
class Phases:
    """Frames at which an expression starts, is first at its full strength, and has gone.

    They were read off the smoothed `intensity` (T,). `offset` is the last frame if the recording ends before the face
    is back at rest.
    """

    onset: int
    apex: int
    offset: int
    intensity: np.ndarray

    @property
    def apex_share(self) -> float:
        """The intensity at the apex, as a share of the highest.

        Below LOW_APEX the recording does not end at the apex, although its dataset says so.
        """
        highest = float(self.intensity.max())
        return float(self.intensity[self.apex]) / highest if highest > 0 else 1.0


def find(intensity: np.ndarray, times: np.ndarray, apex: Apex = "last") -> Phases:
    """Return onset, apex and offset, without labels, from the intensity (T,) at rising `times` (T,) in seconds.

    As in arXiv:2512.05669 they are read off the change from frame to frame; how is our choice. The face is at rest
    before the last steep rise to the highest intensity, and at its apex after it. The rise begins and ends where the
    change is less than SLOW of its largest. The fall is read in the same way.

    `apex` says where to expect it: the "last" frame (CK+, Oulu-CASIA), however the face moves, or "inside" (MMI).
    """
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    width = min(SMOOTHING / step, SMOOTHING * FASTEST) if step > 0 else 1.0
    smooth, change = _smoothed(np.asarray(intensity, float), width)
    last = len(smooth) - 1
    if apex == "last":
        return Phases(_flank(smooth, change)[0], last, last, smooth)
    peak = int(np.argmax(smooth))
    onset, top = _flank(smooth[: peak + 1], change[: peak + 1])
    offset, _ = _flank(smooth[peak:][::-1], -change[peak:][::-1])
    return Phases(onset, top, last - offset, smooth)


def key_frames(phases: Phases, count: int = 5, spacing: Spacing = "intensity") -> np.ndarray:
    """Return `count` strictly rising frame numbers from onset to apex, evenly spaced in intensity or in time.

    Where onset and apex are closer than that, neutral frames before the onset (then frames after the apex) fill up.
    Raises ValueError if the sequence has fewer than `count` frames.
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
        raise ValueError(f"spacing {spacing!r}: must be one of {', '.join(map(repr, get_args(Spacing)))}")
    for place in range(1, count):  # strictly rising, and leaving room for those to come
        lowest, highest = chosen[place - 1] + 1, apex - (count - 1 - place)
        chosen[place] = min(max(chosen[place], lowest), highest)
    return chosen


def _smoothed(values: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Return values (T,) filtered by a Gaussian of standard deviation `width` frames, and by its derivative."""
    # as SciPy's `gaussian_filter1d`; frames before and after are paired, so that the change of a constant is exactly 0
    reach = int(4 * width + 0.5)
    steps = np.arange(1, reach + 1)
    weights = np.exp(-0.5 * (steps / width) ** 2)
    weights /= 1 + 2 * weights.sum()
    around = sliding_window_view(np.pad(values, reach, mode="edge"), 2 * reach + 1)
    before, after = around[:, :reach][:, ::-1], around[:, reach + 1 :]
    smooth = (1 - 2 * weights.sum()) * values + (before + after) @ weights
    return smooth, (after - before) @ (weights * steps / width**2)


def _flank(smooth: np.ndarray, change: np.ndarray) -> tuple[int, int]:
    """Return first and last frame of the last flank on which `smooth` rises to its final value."""
    low = np.flatnonzero(smooth < (smooth.min() + smooth[-1]) / 2)
    middle = int(low[-1]) + 1 if low.size else 0
    still = np.flatnonzero(change <= 0)
    start = still[still < middle].max(initial=-1) + 1
    stop = still[still >= middle].min(initial=len(change))
    slow = np.flatnonzero(change < SLOW * change[start:stop].max(initial=0))
    return int(slow[slow < middle].max(initial=0)), int(slow[slow >= middle].min(initial=len(change) - 1))
