"""Frames or points, one at a time → one emotion an expression, phase and intensity, by the batch's features."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from fer_utils.data.pictures import LONGEST_SIDE
from fer_utils.features import phases
from fer_utils.landmarks.detectors import open_detector
from fer_utils.landmarks.regions import LEFT_EYE_CORNER, RIGHT_EYE_CORNER
from fer_utils.landmarks.track import N_POINTS
from fer_utils.models.compatibility import check_stream_features
from fer_utils.models.units import UnitModel
from fer_utils.realtime.evidence import CALM, EARLY, ENOUGH, SURE, UNSURE, Expression, Ongoing
from fer_utils.realtime.sampling import ROUNDING, AtFixedTimes, SinceRest
from fer_utils.realtime.tracker import Tracker

INTERVAL = 0.4  # seconds from key frame to key frame (sec. 4.3 of arXiv:2512.05669)
EYES = [LEFT_EYE_CORNER, RIGHT_EYE_CORNER]
LEAP = 1.0  # inter-ocular distances by which an eye moves from one frame to the next: it is another face's
LOST = 1.0  # seconds without a face that are bridged: a late frame, a hand before the face
BACK = 1.6  # seconds: a time that goes back by more begins a new stream
NEUTRAL = "neutral: no expression to name"

Sampling = Literal["rest", "fixed"]


@dataclass(frozen=True)
class Recognition:
    """What is known after one frame.

    `points` (478, 3) in pixels, `phase` and `intensity` (see `tracker.Tracker`) are None if no face was found or the
    frame was refused. `probabilities` by class are there while there is an expression, `emotion` once they are worth a
    name. `why` says why there is no emotion, and is empty if there is one. `expression` is there in the first frame
    after an expression has ended. `units` are intensities of action units, 0 to 5, by names such as "AU12_left"; None
    if there is no face or no model of units. `face` is the face's number, if several are followed.
    """

    time: float
    points: np.ndarray | None = None
    probabilities: dict[str, float] | None = None
    emotion: str | None = None
    phase: phases.Phase | None = None
    intensity: float | None = None
    why: str = ""
    expression: Expression | None = None
    units: dict[str, float] | None = None
    face: int = 1


class Recognizer:
    """One stream of frames, or of points that were already found, with timestamps in seconds.

    The key frames are a recording's: from the face at rest to the newest frame, evenly in intensity. The classifier's
    probabilities are gathered from the onset on (see `evidence.Evidence`): an expression keeps its name to its end,
    and has none until there is enough evidence. A face that speaks or chews, and a head that is turned away, give no
    evidence. Our choices:

    - With `sampling="fixed"` the key frames are `interval` seconds apart, as in sec. 4.3 of arXiv:2512.05669, and each
      frame has its own label; there is none until the buffer is full.
    - If no face was seen for more than LOST seconds, or no frame came, everything is reset: the face at rest, phase,
      intensity. The same happens if an eye leaps, as when another face is followed; if the frames' size changes; or if
      time goes back by more than BACK: that is taken for a new stream. A frame whose time stands still or goes back by
      less is refused and changes nothing.

    Use it as a context manager if frames are pushed: that opens the `detector`, for one stream and one thread. A
    `classifier` has the names `classes` and gives their probabilities `predict_proba(x)` (1, C) for x (1, 4, 2912)
    float32; if it has `features`, these are the `tensors.Options` that it was trained on. It is tried once here, which
    also warms it up. Without one there are points, phase and intensity. Raises ModelFileError for a classifier of other
    features, ValueError for an unknown `sampling` or an `interval` that is not a positive number.

    `units`, a `models.units.UnitModel`, finds action units in each frame; without it there are none.
    """

    def __init__(
        self,
        classifier=None,
        detector: str = "face_landmarker",
        interval: float = INTERVAL,
        sampling: Sampling = "rest",
        units: UnitModel | None = None,
    ):
        if not (math.isfinite(interval) and interval > 0):
            raise ValueError(f"interval {interval}: must be a positive number of seconds")
        if sampling not in get_args(Sampling):
            raise ValueError(f"sampling {sampling!r}: must be one of {', '.join(get_args(Sampling))}")
        if classifier is not None:
            check_stream_features(classifier)
        self.classifier, self.detector, self.units = classifier, detector, units
        self._interval = interval if sampling == "fixed" else None
        self._detector = None
        self._time: float | None = None  # of the newest frame
        self._size: tuple[int, int] | None = None
        self._why_reset = ""  # why everything was reset, for the next outcome
        self._wanted_neutral = False
        self._failure = ""
        self._forget()

    def _forget(self) -> None:
        """Begin with a face of which nothing is known."""
        self._fixed = AtFixedTimes(self._interval) if self._interval else None
        self._since_rest, self._tracker = SinceRest(), Tracker()
        self._seen: float | None = None  # time of the newest frame with a face
        self._eyes: list[list[float]] | None = None  # (2, 3), their outer corners in that frame
        self._rested = 0.0  # time of the last frame at rest
        self._ongoing: Ongoing | None = None

    @property
    def expression(self) -> Expression | None:
        """The expression that is not over yet; None at rest, or if the face gives no evidence, as in speech."""
        if self._ongoing is None or (self.classifier is not None and self._ongoing.evidence.seconds < ENOUGH):
            return None
        return self._ongoing.expression_at(self._seen)

    def set_neutral(self) -> None:
        """Take the next face that is seen for the face at rest."""
        self._wanted_neutral = True

    def __enter__(self) -> Recognizer:
        if self._detector is not None:
            raise RuntimeError("this recognizer is open already: one stream each")
        if self._time is not None:
            self._reset("another stream")
            self._time = self._size = None
        self._detector = open_detector(self.detector)
        return self

    def __exit__(self, *_) -> None:
        detector, self._detector = self._detector, None
        if detector is not None:
            detector.__exit__(*_)

    def push(self, frame: np.ndarray, time: float) -> Recognition:
        """Return what is known after a BGR uint8 frame (height, width, 3).

        Of several faces, the detector's choice counts. Raises ValueError for a frame of another kind or a time that is
        not finite.
        """
        if self._detector is None:
            raise RuntimeError("frames need a detector: use `with Recognizer(...) as recognizer`, or push points")
        frame = np.asarray(frame)
        if frame.dtype != np.uint8 or frame.shape[2:] != (3,) or not frame.size:
            raise ValueError(f"frame of {frame.dtype}, shape {frame.shape}: must be BGR uint8 (height, width, 3)")
        if max(frame.shape) > LONGEST_SIDE:
            raise ValueError(f"frame of shape {frame.shape}: a side may have {LONGEST_SIDE} pixels")
        if (refused := self._refused(time)) is not None:
            return refused
        size = frame.shape[1::-1]
        if self._size not in (None, size):
            self._new_stream("frame size changed from {}x{} to {}x{}".format(*self._size, *size))
        self._size = size
        return self._push(self._detector.detect(frame, time)[0], time)

    def push_points(self, points: np.ndarray | None, time: float) -> Recognition:
        """Return what is known after a frame's points (478, 3) in pixels.

        None, or points that are not finite, mean that there is no face. Raises ValueError for points of another shape
        or a time that is not finite.
        """
        if points is not None:
            points = np.asarray(points)
            if points.shape != (N_POINTS, 3) or points.dtype.kind not in "fiu":
                raise ValueError(f"points of {points.dtype}, shape {points.shape}: must be numbers ({N_POINTS}, 3)")
        refused = self._refused(time)
        return self._push(points, time) if refused is None else refused

    def _refused(self, time: float) -> Recognition | None:
        if not math.isfinite(time):
            raise ValueError(f"time {time}: must be a finite number of seconds")
        if self._time is None or time > self._time:
            return None
        back = f"time {'stands still' if time == self._time else 'went back'}: {time:.2f} s after {self._time:.2f} s"
        if self._time - time <= BACK:
            return Recognition(time, why=f"{back}: frame refused")
        self._new_stream(back)
        return None

    def _push(self, points: np.ndarray | None, time: float) -> Recognition:
        problem, time, ended = _why_unusable(points), float(time), None
        if self._seen is not None and (gap := time - self._seen) > LOST + ROUNDING:
            alone = self._time == self._seen  # the frame before had a face
            ended = self._reset(f"{'no frame' if alone else 'no face'} for {gap:.2f} s, {LOST:.2f} s can be bridged")
        elif self._seen is not None and not problem and _eye_movement(self._eyes, points[EYES].tolist()) > LEAP:
            ended = self._reset("the face leapt and is taken for another")
        before, self._time = self._seen or time, time
        why_reset, self._why_reset = self._why_reset, ""
        if problem:
            return Recognition(time, why="; ".join(filter(None, (why_reset, problem))), expression=ended)
        self._seen, self._eyes = time, points[EYES].tolist()
        points64 = points.astype(np.float64)
        ended = ended or self._update(points64, before, time)
        if self._fixed:
            self._fixed.add(points64, time)
        probabilities, emotion, why = None, None, "no classifier"
        if self.classifier is not None:
            probabilities, emotion, why = self._at_fixed_times() if self._fixed else self._by_evidence()
        return Recognition(
            time, points, probabilities, emotion, self._tracker.phase, self._tracker.intensity, why_reset or why, ended,
            self._intensities(),
        )  # fmt: skip

    def _update(self, points: np.ndarray, before: float, time: float) -> Expression | None:
        """Bring tracker and evidence up to date; return the expression that has ended."""
        tracker, ended = self._tracker, None
        former = tracker.phase
        tracker.update(points, time)
        if self._wanted_neutral:
            self._wanted_neutral = False
            tracker.set_neutral()
        if self._ongoing is not None and (tracker.phase == "neutral" or (tracker.phase, former) == ("onset", "offset")):
            ended, self._ongoing = self.expression, None
        if tracker.phase == "neutral" and tracker.at_rest:
            self._since_rest, self._rested = SinceRest(), time
            return ended
        self._since_rest.add(tracker.values, tracker.intensity, tracker.rest)
        if tracker.phase == "neutral":
            return ended
        if self._ongoing is None:
            self._ongoing = Ongoing(self._rested, time, getattr(self.classifier, "classes", ()))
        self._ongoing.add_intensity(time, tracker.intensity)
        if self.classifier is not None and not self._fixed and tracker.phase != "offset" and not tracker.doubt:
            probabilities = self._probabilities(self._since_rest.tensor())
            if probabilities is not None:
                sure = EARLY if tracker.phase == "onset" else SURE + CALM * tracker.unrest
                self._ongoing.evidence.add(probabilities, tracker.intensity, time - before, sure, tracker.clarity)
        return ended

    def _by_evidence(self) -> tuple[dict[str, float] | None, str | None, str]:
        """Return probabilities by class, the emotion, and why there is none."""
        if self._ongoing is None:
            return None, None, NEUTRAL
        evidence = self._ongoing.evidence
        if not evidence.seconds:
            return None, None, f"{UNSURE}: {self._tracker.doubt or self._failure or 'the expression has just begun'}"
        probabilities = dict(zip(evidence.classes, evidence.probabilities.tolist(), strict=True))
        why = "" if evidence.emotion else f"{UNSURE}: {self._tracker.doubt or 'not enough evidence'}"
        return probabilities, evidence.emotion, why

    def _at_fixed_times(self) -> tuple[dict[str, float] | None, str | None, str]:
        """Return the same as `_by_evidence`, for one frame alone."""
        tensor, why = self._fixed.tensor()
        if tensor is None:
            return None, None, why
        if (values := self._probabilities(tensor)) is None:
            return None, None, self._failure
        probabilities = dict(zip(map(str, self.classifier.classes), values.tolist(), strict=True))
        if self._tracker.phase == "neutral":
            return probabilities, None, NEUTRAL
        return probabilities, max(probabilities, key=probabilities.__getitem__), ""

    def _intensities(self) -> dict[str, float] | None:
        """Return the intensities of action units; the face at rest, from which they are counted, shows none."""
        if self.units is None:
            return None
        change = self._since_rest.change()
        values = self.units.predict(change[None, None])[0] if change.any() else np.zeros(len(self.units.names))
        return dict(zip(self.units.names, values.tolist(), strict=True))

    def _probabilities(self, tensor: np.ndarray) -> np.ndarray | None:
        """Return what the classifier gives (C,), or None and set `_failure` if these are no probabilities."""
        values = np.asarray(self.classifier.predict_proba(tensor[None]))[0]
        right = values.min() >= 0 and abs(values.sum() - 1) < 1e-3  # neither if one is NaN
        self._failure = "" if right else "what the classifier gives are not probabilities"
        return values if right else None

    def _reset(self, reason: str) -> Expression | None:
        """Forget the face; return the expression that it showed."""
        ended = self.expression
        self._forget()
        self._why_reset = f"{reason}: reset"
        return ended

    def _new_stream(self, reason: str) -> None:
        self._reset(reason)
        if self._detector is not None:  # one a stream: it tracks, and its clock does not go back
            self._detector.__exit__(None, None, None)
            self._detector = open_detector(self.detector)


def _why_unusable(points: np.ndarray | None) -> str:
    """Return why points cannot be used; empty if they can."""
    if points is None:
        return "no face"
    if not np.isfinite(points).all():
        return "no face: points that are not finite"
    left, right = points[EYES, :2].tolist()
    return "no face: the eyes have no distance between them" if left == right else ""


def _eye_movement(before: list[list[float]], after: list[list[float]]) -> float:
    """Return how far the eye (of two, (2, 3)) that moved more has moved, in the smaller inter-ocular distance."""
    return max(map(math.dist, before, after)) / min(math.dist(*before), math.dist(*after))
