"""Frames or points, one at a time → probabilities, phase and intensity, by a sliding buffer of the batch's features."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fer_utils.data.pictures import LONGEST_SIDE
from fer_utils.errors import ModelFileError, first_line
from fer_utils.features import geometry, phases, tensors
from fer_utils.landmarks.detectors import open_detector
from fer_utils.landmarks.regions import LEFT_EYE_CORNER, RIGHT_EYE_CORNER
from fer_utils.landmarks.track import N_POINTS

INTERVAL = 0.4  # seconds from key frame to key frame (sec. 4.3 of arXiv:2512.05669)
STEPS, PAIRS = tensors.N_KEY_FRAMES - 1, geometry.PAIRS
EYES = [LEFT_EYE_CORNER, RIGHT_EYE_CORNER]
SLOTS_AN_INTERVAL = 80  # frames remembered in an interval at most: of faster streams, some are not
LEAP = 1.0  # inter-ocular distances by which an eye moves from one frame to the next: it is another face's
ROUNDING = 1e-6  # seconds: clocks that count from 1970 have no finer steps
# what a classifier's training features must share with the stream's; the others do not change what a column means
_FORM = ("landmarks", "pairs", "values", "normalised", "n_key_frames")


@dataclass(frozen=True)
class Recognition:
    """What is known after one frame.

    `points` (478, 3) in pixels, `phase` and `intensity` (see `Recognizer`) are None where no face was found or the
    frame was refused; `probabilities` by class are there once the buffer is full; `emotion` is the most probable class
    unless the face is neutral. `why` says why there is no emotion, and is empty where there is one.
    """

    time: float
    points: np.ndarray | None = None
    probabilities: dict[str, float] | None = None
    emotion: str | None = None
    phase: phases.Phase | None = None
    intensity: float | None = None
    why: str = ""


class Recognizer:
    """One stream of frames, or of points that were already found, with timestamps in seconds.

    The classifier sees what sec. 4.3 of arXiv:2512.05669 describes: the changes between five key frames, `interval`
    apart, the last of which is the newest frame. They are what `geometry.differences` makes of `geometry.upright`
    of those frames; each frame's distances and angles are computed once. Our choices:

    - A key frame is the one with a face nearest to its time, the older of two as near. Where there is none within a
      quarter of `interval` there is no label. Missing frames are not interpolated.
    - Where no face was seen for more than `geometry.MAX_GAP`, be it that no frame came, all is started anew: buffer,
      phase, intensity; so at least 5 frames a second are needed. So is it where an eye leaps, as when another face is
      followed; where the frames' size changes; or where time goes back by more than the buffer holds: that is taken for
      a new stream. A frame whose time stands still or goes back by less is refused and changes nothing.
    - Phase and intensity are those of `phases.Tracker`, from the pairs' distances in space, each frame's in units of
      its own inter-ocular distance. (The intensity of `geometry.intensity` wants the whole sequence.)

    Use it as a context manager where frames are pushed: that opens the `detector`, for one stream and one thread. A
    `classifier` has the names `classes` and gives their probabilities `predict_proba(x)` (1, C) for x (1, 4, 2912)
    float32; if it has `features`, these are the `tensors.Options` that it was trained on. It is tried once here, which
    also warms it up. Without one there are points, phase and intensity. Raises ModelFileError for a classifier of other
    features, ValueError for an interval that is not a positive number.
    """

    def __init__(self, classifier=None, detector: str = "face_landmarker", interval: float = INTERVAL):
        if not (math.isfinite(interval) and interval > 0):
            raise ValueError(f"interval {interval}: must be a positive number of seconds")
        if classifier is not None:
            _check_fit(classifier)
        self.classifier, self.detector = classifier, detector
        self._buffer, self._tracker = _Buffer(interval), phases.Tracker(geometry.SETTLING)
        self._detector = None
        self._time: float | None = None  # of the newest frame, and of the newest with a face
        self._seen: float | None = None
        self._eyes: np.ndarray | None = None  # (2, 3), their outer corners in the newest frame with a face
        self._size: tuple[int, int] | None = None
        self._news = ""  # why all was started anew, for the next outcome

    def __enter__(self) -> Recognizer:
        if self._detector is not None:
            raise RuntimeError("this recognizer is open already: one stream each")
        if self._time is not None:
            self._start_anew("another stream")
            self._time = self._size = None
        self._detector = open_detector(self.detector)
        return self

    def __exit__(self, *_) -> None:
        detector, self._detector = self._detector, None
        if detector is not None:
            detector.__exit__(*_)

    def push(self, frame: np.ndarray, time: float) -> Recognition:
        """What is known after a BGR uint8 frame (height, width, 3). Of several faces the detector's choice counts.
        Raises ValueError for a frame of another kind or a time that is not finite."""
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
        """What is known after a frame's points (478, 3) in pixels; None, or any that are not finite, mean no face.
        Raises ValueError for points of another shape or a time that is not finite."""
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
        if self._time - time <= self._buffer.span:
            return Recognition(time, why=f"{back}: frame refused")
        self._new_stream(back)
        return None

    def _push(self, points: np.ndarray | None, time: float) -> Recognition:
        problem = _problem(points)
        if self._seen is not None and (gap := time - self._seen) > geometry.MAX_GAP + ROUNDING:
            bridged = f"{geometry.MAX_GAP:.2f} s can be bridged"
            alone = self._time == self._seen  # the frame before had a face
            self._start_anew(f"{'no frame' if alone else 'no face'} for {gap:.2f} s, {bridged}")
        elif self._seen is not None and not problem and _leap(self._eyes, points[EYES]) > LEAP:
            self._start_anew("the face leapt and is taken for another")
        self._time, news, self._news = time, self._news, ""
        if problem:
            return Recognition(time, why="; ".join(filter(None, (news, problem))))
        self._seen, self._eyes = time, points[EYES]
        self._tracker.update(self._buffer.add(points.astype(np.float64), time), time)
        phase, intensity = self._tracker.phase, self._tracker.intensity
        probabilities, why = self._classified()
        emotion = None if why else max(probabilities, key=probabilities.__getitem__)
        return Recognition(time, points, probabilities, emotion, phase, intensity, news or why)

    def _classified(self) -> tuple[dict[str, float] | None, str]:
        """Probabilities by class, and why they name no emotion, if so."""
        if self.classifier is None:
            return None, "no classifier"
        tensor, why = self._buffer.tensor()
        if tensor is None:
            return None, why
        found = np.asarray(self.classifier.predict_proba(tensor[None]))[0]
        if not (found.min() >= 0 and abs(found.sum() - 1) < 1e-3):  # nor where one is NaN
            return None, "what the classifier gives are not probabilities"
        probabilities = dict(zip(map(str, self.classifier.classes), found.tolist(), strict=True))
        return probabilities, "neutral: no expression to name" if self._tracker.phase == "neutral" else ""

    def _start_anew(self, reason: str) -> None:
        self._buffer.clear()
        self._tracker = phases.Tracker(geometry.SETTLING)
        self._seen, self._news = None, f"{reason}: started anew"

    def _new_stream(self, reason: str) -> None:
        self._start_anew(reason)
        if self._detector is not None:  # one a stream: it tracks, and its clock does not go back
            self._detector.__exit__(None, None, None)
            self._detector = open_detector(self.detector)


class _Buffer:
    """Distances and angles of the last frames with a face, in arrays that are made once."""

    def __init__(self, interval: float):
        self.span, self._tolerance, self._spacing = STEPS * interval, interval / 4, interval / SLOTS_AN_INTERVAL
        self._ago = interval * np.arange(STEPS, -1, -1)
        self._times = np.empty((STEPS + 1) * SLOTS_AN_INTERVAL)
        self._features = np.empty((len(self._times), 2, len(PAIRS)))
        self._eyes = np.empty((len(self._times), 2))  # distance in pixels and roll
        self.clear()

    def clear(self) -> None:
        self._times[:] = -np.inf
        self._newest = 0
        self._since: float | None = None

    def add(self, points: np.ndarray, time: float) -> np.ndarray:
        """Take a frame in; return its distances (P,) in space, in inter-ocular distances."""
        newest = self._newest
        if self._times[newest] >= self._times[newest - 1] + self._spacing:  # else the newest is not remembered
            newest = self._newest = (newest + 1) % len(self._times)
        distances, angles = self._features[newest]
        across, down, depth = geometry.offsets(points, PAIRS)  # once for all: the streams' most frequent work
        squares = across * across + down * down
        np.sqrt(squares, out=distances)  # eq. 1
        np.arctan2(across, down, out=angles)  # eq. 2
        x, y, z = np.diff(points[EYES], axis=0)[0]
        self._eyes[newest] = math.hypot(x, y), math.atan2(y, x)
        self._times[newest] = time
        self._since = time if self._since is None else self._since
        return np.sqrt(squares + depth * depth) / math.hypot(x, y, z)

    def tensor(self) -> tuple[np.ndarray | None, str]:
        """The newest frame's tensor (4, 2912) float32, or None and why there is none."""
        now = self._times[self._newest]
        if now - self._since < self.span - ROUNDING:
            return None, f"filling: {now - self._since:.2f} of {self.span:.2f} s"
        start = self._newest + 1
        times = np.concatenate([self._times[start:], self._times[:start]])  # oldest first
        wanted = now - self._ago
        # there is always one on either side: the slots reach further back than what is wanted, and end with its last
        after = times.searchsorted(wanted)
        late, early = times[after] - wanted, wanted - times[after - 1]
        # the older of two as near, whatever a clock's rounding makes of them
        nearest = np.where(early <= late + ROUNDING, after - 1, after)
        off = np.minimum(early, late)
        if off.max() > self._tolerance + ROUNDING:
            return None, f"no face within {self._tolerance:.2f} s of {self._ago[off.argmax()]:.2f} s ago"
        slots = (nearest + start) % len(times)
        scale, roll = self._eyes[slots[0]]
        distances, angles = self._features[slots].swapaxes(0, 1)
        # as `geometry.upright` has it: distances shrink, angles turn, but those of points in one place are 0
        if not distances.all():
            angles = np.where(distances > 0, angles + roll, 0)
        turns = angles[1:] - angles[:-1]
        far = np.abs(turns) >= np.pi
        if far.any():
            turns[far] = geometry.wrap(turns[far])
        return np.concatenate([(distances[1:] - distances[:-1]) / scale, turns], axis=1, dtype=np.float32), ""


def _problem(points: np.ndarray | None) -> str:
    """Why points cannot be used; empty where they can."""
    if points is None:
        return "no face"
    if not np.isfinite(points).all():
        return "no face: points that are not finite"
    left, right = points[EYES, :2]
    return "no face: the eyes have no distance between them" if (left == right).all() else ""


def _leap(before: np.ndarray, after: np.ndarray) -> float:
    """How far the eye (of two, (2, 3)) that moved more has moved, in the smaller face's inter-ocular distances."""
    return max(map(math.dist, before, after)) / min(math.dist(*before), math.dist(*after))


def _check_fit(classifier) -> None:
    """Raises ModelFileError where the classifier was not made for the stream's features."""
    options = getattr(classifier, "features", None) or tensors.DEFAULT
    for name in _FORM:
        theirs, ours = getattr(options, name), getattr(tensors.DEFAULT, name)
        if theirs != ours:
            what = "landmark set" if name == "landmarks" else "form of features"
            raise ModelFileError(f"exported for another {what}: {name} {theirs!r}, the stream has {ours!r}; train anew")
    shape, n_classes = tensors.shape(), len(classifier.classes)
    try:
        given = np.shape(classifier.predict_proba(np.zeros((1, *shape), np.float32)))
    except Exception as error:  # whatever a network of another shape stumbles over
        reason = first_line(error)
        raise ModelFileError(f"exported for another landmark set: no tensor {shape} goes in ({reason})") from None
    if given != (1, n_classes):
        raise ModelFileError(f"exported with other classes: {given} probabilities for {n_classes} names; train it anew")
