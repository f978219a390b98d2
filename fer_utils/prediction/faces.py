"""Several faces of one recording: a `Recognizer` for each."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import count

import numpy as np

from fer_utils.data.pictures import Frame
from fer_utils.models.units import UnitModel
from fer_utils.realtime.evidence import Expression
from fer_utils.realtime.streaming import Recognition, Recognizer
from fer_utils.realtime.verdict import Verdict


class Faces:
    """The faces that an open `detector` follows: a `Recognizer` and a `Verdict` for each.

    A face keeps its number as long as the detector knows it (see `open_detector`). Faces count from 1, the largest
    first. `several` says whether the detector follows more than one.
    """

    def __init__(self, detector, classifier, units: UnitModel | None = None, *, several: bool):
        self._detector, self._several, self._classifier, self._units = detector, several, classifier, units
        self._followed: dict[int, tuple[Recognizer, Verdict]] = {}
        self._numbers = defaultdict(count(1).__next__)  # ids of the detector → 1, 2, …
        self._size: tuple[int, int] | None = None

    def push(self, frame: Frame) -> list[Recognition]:
        """Return a `Recognition` for each face in a frame; one without points if it has none or could not be read."""
        if frame.image is None:
            return [Recognition(frame.time, why=frame.problem)]
        faces = self._points_by_number(frame)
        for number in faces:
            if number not in self._followed:
                self._followed[number] = Recognizer(self._classifier, units=self._units), Verdict()
        recognitions, missing = [], None
        for number, (recognizer, verdict) in self._followed.items():
            recognition = replace(recognizer.push_points(faces.get(number), frame.time), face=number)
            verdict.add(recognition)
            if recognition.points is not None:
                recognitions.append(recognition)
            else:
                missing = recognition
        return recognitions or [replace(missing, face=0) if missing else Recognition(frame.time, why="no face")]

    def end(self) -> list[Expression]:
        """Return the expressions of all faces, by their start."""
        expressions = [
            replace(expression, face=number)
            for number, (recognizer, verdict) in self._followed.items()
            for expression in verdict.end(recognizer)
        ]
        return sorted(expressions, key=lambda expression: (expression.start, expression.face))

    def _points_by_number(self, frame: Frame) -> dict[int, np.ndarray]:
        """Return the points of the frame's faces, by number."""
        if not self._several:  # whether it is still the same one is for the recognizer to say
            points, _ = self._detector.detect(frame.image, frame.time)
            return {} if points is None else {1: points}
        size = frame.image.shape[:2]
        if size != self._size:  # the detector starts again: these are other faces
            self._size = size
            self._numbers.clear()
        return {self._numbers[face.id]: face.points for face in self._detector.detect_all(frame.image, frame.time)}
