"""Expression intensity over time → onset, apex, offset → the choice of key frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter1d

SMOOTHING = 0.05  # seconds, standard deviation of the Gaussian; our choice
ONSET_SHARE = 0.1  # of the way from rest to apex, below which the face counts as neutral; our choice

Spacing = Literal["intensity", "time"]


@dataclass(frozen=True)
class Phases:
    """Frames at which an expression starts, is strongest and has gone, and the smoothed intensity (T,) they were read
    off. `offset` is the first frame back at neutral, or the last frame where the recording ends before."""

    onset: int
    apex: int
    offset: int
    intensity: np.ndarray


def find(intensity: np.ndarray, times: np.ndarray, apex: str = "last") -> Phases:
    """Onset, apex and offset, without labels, from the intensity (T,) at `times` (T,) in seconds.

    `apex` says where it is to be expected: the "last" frame (CK+, Oulu-CASIA) or "inside" (MMI), where the intensity
    is highest. Onset is the last frame before the apex in which the intensity is within a tenth of the way from rest
    (its lowest value before the apex) to apex; offset likewise after it.
    """
    smooth = _smooth(intensity, times)
    peak = len(smooth) - 1 if apex == "last" else int(np.argmax(smooth))
    rest = smooth[: peak + 1].min()
    quiet = np.flatnonzero(smooth <= rest + ONSET_SHARE * (smooth[peak] - rest))
    before, after = quiet[quiet < peak], quiet[quiet > peak]
    return Phases(
        onset=int(before[-1]) if before.size else 0,
        apex=peak,
        offset=int(after[0]) if after.size else len(smooth) - 1,
        intensity=smooth,
    )


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


def _smooth(intensity: np.ndarray, times: np.ndarray) -> np.ndarray:
    step = np.median(np.diff(times)) if len(times) > 1 else 1.0
    return gaussian_filter1d(np.asarray(intensity, float), SMOOTHING / step, mode="nearest")
