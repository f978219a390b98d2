"""One face, frame by frame → its phase, its intensity, and what it looks like at rest."""

from __future__ import annotations

import math

import numpy as np

from fer_utils.features import geometry
from fer_utils.features.geometry import PAIRS, SETTLING, WITHOUT_LIDS
from fer_utils.features.phases import Phase

# All our choices. Intensities are in inter-ocular distances.
FOLLOWING = 0.08  # seconds, time constant of the points and of the rate of change
RELEARN = 8.0  # seconds, time constant with which the face at rest is kept up to date
HELD = 20.0  # seconds after which an expression that is still held is taken for the face at rest
START = 0.0038  # intensity above which an onset can start
ABOVE_REST = (
    1.8  # multiple of the median intensity at rest that an onset needs too: some points jitter more than others
)
TILT = 0.0007  # is added for each degree that the head is turned beyond FREE: the mesh bends with it
FREE = 2.5  # degrees
LOW = 0.6  # share of that threshold, below which the face is at rest again
PROMPT = 0.12  # seconds above LOW before an onset: what is shorter is jitter or a part of a blink
RISE = 0.015  # intensity a second: how fast a face must rise for a new onset out of an apex or offset
SLOWER = 0.4  # share of the steepest change so far: an onset or offset ends when the change is slower
DROP = 0.2  # share of the highest intensity by which it must fall for an offset to start
DRIFT = 0.00025  # intensity a second: how fast the median may change; an onset is too short to move it
FADING = 1.0  # seconds, time constant with which falls of the intensity are forgotten
RESTLESS = 0.3  # a face speaks or chews if its recent falls add up to more than this share of its intensity
TURNED = 25.0  # degrees by which a head is turned away: of its far side nothing is seen
LEARNING = 1.0  # seconds in which face and median at rest are learnt

SHUT = 0.6  # share of the lids' opening at rest: an eye below it, for no longer than BLINK, blinks
BLINK = 0.25  # seconds
OPENING = 0.1  # seconds after a blink in which the face still moves
UPPER, LOWER = (159, 386), (145, 374)  # the middles of the lids
WEIGHTS = WITHOUT_LIDS / WITHOUT_LIDS.sum()  # how much a pair counts in the intensity


class Tracker:
    """`phase`, `intensity` and `shape` of one face so far.

    Each frame is held steady on the face at rest (see `geometry.steady`) and smoothed: that is `shape` (478, 3), in
    inter-ocular distances of the face at rest. The intensity is the mean absolute change of its pairs' distances since
    rest: small in neutral, rising in onset, highest at the apex, falling in offset (sec. 4.3 of arXiv:2512.05669).

    The face is taken to be at rest at first; `rest` (478, 3) is the mean of the first second and follows slowly, but
    only while the intensity says that the face is at rest. An onset begins where the intensity has been above a low
    threshold for a moment and passes a high one; the thresholds are multiples of the median intensity at rest. Phases
    come as neutral → onset → apex → offset → neutral, or from offset back to onset if the face rises again.
    """

    def __init__(self):
        self.phase: Phase = "neutral"
        self.intensity = self.turned = 0.0  # `turned`: degrees by which the head is turned since rest
        self.threshold = START
        self.rest: np.ndarray | None = None
        self._falls = self._quiet = 0.0  # `_quiet`: what jitter alone makes of `_falls`
        self._shut_since, self._blinked = math.inf, -math.inf
        self._frames = 0

    @property
    def values(self) -> np.ndarray:
        """The distances and angles (2P,) of `shape`: see `geometry.values`."""
        return np.concatenate([self._newest, np.arctan2(*self._offsets)])

    @property
    def doubt(self) -> str:
        """Why what is seen now may be no expression; empty if nothing speaks against it."""
        if self._time - self._blinked < OPENING:
            return "the eyes blink"
        if self.turned > TURNED:
            return "the head is turned away"
        return "the face does not keep still, as in speech" if self.unrest > 1 else ""

    @property
    def unrest(self) -> float:
        """How restless the face is: from 0, if its intensity has not fallen, to 1 and more in speech."""
        return max(0.0, self._falls - self._quiet) / (RESTLESS * max(self.intensity, 1e-9))

    @property
    def clarity(self) -> float:
        """The intensity as a multiple of the threshold of an onset."""
        return self.intensity / self.threshold

    @property
    def at_rest(self) -> bool:
        """Whether the intensity is below the lower threshold."""
        return self.intensity - self._floor < LOW * self.threshold

    def set_neutral(self) -> None:
        """Take the face as it is now for the face at rest, and start to learn it."""
        self.rest = self.shape = geometry.upright(self.shape[None])[0]
        self._offsets = geometry.offsets(self.rest[:, :2], PAIRS)
        self._newest = self._distances = np.hypot(*self._offsets)
        self.phase, self.intensity, self._floor = "neutral", 0.0, 0.0
        self._learnt = self._below = self._time
        self._turn_at_rest: np.ndarray | None = None  # how the head is turned at rest
        self._count = 1

    def update(self, points: np.ndarray, time: float) -> None:
        """Go on by one frame with its points (478, 3) in pixels; `time` in seconds must rise."""
        self._frames += 1
        if self._frames <= SETTLING + 1:
            self.shape, self._time, self._rate, self._median = geometry.upright(points[None])[0], time, 0.0, 0.0
            self.set_neutral()
            return
        step, self._time = time - self._time, time
        (turn,), (middle,), centre = geometry.pose(points[None], self.rest)
        share = 1 - math.exp(-step / FOLLOWING)
        self.shape = self.shape + share * ((points - middle) @ turn + centre - self.shape)
        turn = turn / math.sqrt((turn * turn).sum() / 3)  # without its scale
        self._turn_at_rest = turn if self._turn_at_rest is None else self._turn_at_rest
        self.turned = math.degrees(math.acos(min(1.0, max(-1.0, ((turn * self._turn_at_rest).sum() - 1) / 2))))
        self._offsets = across, down = geometry.offsets(self.shape[:, :2], PAIRS)
        self._newest = distances = np.sqrt(across * across + down * down)
        before, self.intensity = self.intensity, float(np.abs(distances - self._distances) @ WEIGHTS)
        self._rate += share * ((self.intensity - before) / step - self._rate)
        self._watch_for_blinks()
        self._falls = self._falls * math.exp(-step / FADING) + max(0.0, before - self.intensity)
        self._update_phase(self.intensity - self._floor, self._rate, time)
        if self.phase == "neutral":
            if self.intensity - self._floor < self.threshold:
                self._update_rest(distances, turn, step)
        elif time - self._since > HELD:
            self.set_neutral()

    def _watch_for_blinks(self) -> None:
        if _lid_opening(self.shape) > SHUT * _lid_opening(self.rest):
            self._shut_since = math.inf
        else:
            self._shut_since = min(self._shut_since, self._time)
            if self._time - self._shut_since < BLINK:
                self._blinked = self._time

    def _update_rest(self, distances: np.ndarray, turn: np.ndarray, step: float) -> None:
        """Bring the face at rest up to date."""
        self._count += 1
        share = max(1 / self._count, 1 - math.exp(-step / RELEARN))
        self.rest = self.rest + share * (self.shape - self.rest)
        self._turn_at_rest = self._turn_at_rest + share * (turn - self._turn_at_rest)
        self._distances = self._distances + share * (distances - self._distances)
        self._floor -= share * self._floor  # what is left of an expression becomes a part of the face at rest
        self._floor = min(self._floor, self.intensity)
        most = step * DRIFT * (20 if self._time - self._learnt < LEARNING else 1)
        self._quiet += share * (self._falls - self._quiet)
        self._median += min(max(self.intensity - self._median, -most), most)

    def _update_phase(self, level: float, rate: float, time: float) -> None:
        # while few frames are averaged in it, the face at rest has jitter of its own
        self.threshold = max(START, ABOVE_REST * self._median) * (1 + 2 / self._count)
        self.threshold += TILT * max(0.0, self.turned - FREE)
        low = level < LOW * self.threshold
        if self.phase == "neutral":
            self._below = time if low else self._below
            if level > self.threshold and time - self._below > PROMPT and time - self._blinked > OPENING:
                self.phase, self._since, self._peak, self._steepest = "onset", time, level, rate
            return
        self._peak = max(self._peak, level)
        if low:
            self.phase = "neutral"
        elif self.phase == "onset":
            self._steepest = max(self._steepest, rate)
            if rate < SLOWER * self._steepest:
                self.phase, self._settled = "apex", level
        elif self.phase == "apex":
            if level > (1 + DROP) * self._settled and rate > RISE:
                self.phase, self._steepest = "onset", rate  # it had only paused
            elif level < (1 - DROP) * self._peak and rate < 0:
                self.phase, self._lowest, self._steepest = "offset", level, rate
        else:
            self._lowest, self._steepest = min(self._lowest, level), min(self._steepest, rate)
            if level < self._peak / 2 and rate > SLOWER * self._steepest:
                self.phase = "neutral"
            elif level > self._lowest + DROP * self._peak and rate > RISE:
                self.phase, self._since, self._peak, self._steepest = "onset", time, level, rate
        if self.phase == "neutral":
            self._floor, self._below, self._count = self.intensity, time, math.inf


def _lid_opening(shape: np.ndarray) -> float:
    """Return how far the lids of both eyes are apart, together."""
    return sum(shape[low, 1] - shape[high, 1] for low, high in zip(LOWER, UPPER, strict=True))
