"""What a recording showed as a whole: one row an expression."""

from __future__ import annotations

import numpy as np

from fer_utils.features import tensors
from fer_utils.features.geometry import PAIRS, SequenceRefused
from fer_utils.landmarks.track import N_POINTS, NO_FACE, LandmarkTrack
from fer_utils.realtime.evidence import SURE, UNSURE, Expression
from fer_utils.realtime.streaming import Recognition, Recognizer
from fer_utils.realtime.tracker import START, WEIGHTS

SHORT = 3.0  # seconds of a clip that is looked at as a whole if the stream finds nothing in it


class Verdict:
    """The expressions of one recording, in order: `add` every frame, then `end`.

    They are those of the stream. If it finds none in a clip of at most SHORT seconds, which may begin with hardly a
    frame at rest, the clip is taken as one sequence (`tensors.sequence_features`), from five frames on.
    """

    def __init__(self):
        self.expressions: list[Expression] = []
        self._times: list[float] = []
        self._points: list[np.ndarray | None] = []

    def add(self, seen: Recognition) -> None:
        """Take in what is known after a frame."""
        if seen.expression is not None:
            self.expressions.append(seen.expression)
        if self._times and seen.time - self._times[0] > SHORT:
            self._points.clear()
        elif not self._times or self._points:
            self._times.append(seen.time)
            self._points.append(seen.points)

    def end(self, recognizer: Recognizer) -> list[Expression]:
        """Return all expressions, the one that the recording ends in included."""
        if (last := recognizer.expression) is not None:
            self.expressions.append(last)
        if not self.expressions and self._points and recognizer.classifier is not None:
            self.expressions += self._as_a_whole(recognizer.classifier)
        return self.expressions

    def _as_a_whole(self, classifier) -> list[Expression]:
        none = np.full((N_POINTS, 3), np.nan, np.float32)
        points = np.array([none if each is None else each for each in self._points], np.float32)
        reasons = np.array([NO_FACE if each is None else "" for each in self._points], np.str_)
        times = np.array(self._times)
        try:
            made = tensors.sequence_features(LandmarkTrack(points, times, reasons, (0, 0)), "inside")
        except SequenceRefused:
            return []
        change = made.tensor[:, : len(PAIRS)].sum(axis=0)  # from the first key frame to the last
        intensity = float(np.abs(change) @ WEIGHTS)
        if intensity < START:
            return []
        probabilities = np.asarray(classifier.predict_proba(made.tensor[None]))[0]
        p = float(probabilities.max())
        emotion = str(classifier.classes[int(probabilities.argmax())]) if p >= SURE else UNSURE
        onset, apex, offset = (float(times[row]) for row in (made.phases.onset, made.phases.apex, made.phases.offset))
        return [Expression(onset, onset, apex, offset, emotion, p, intensity)]
