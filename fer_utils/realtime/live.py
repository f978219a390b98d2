"""One stream at a time, for the demo: it can be started and stopped, its model exchanged, and be recorded."""

from __future__ import annotations

import math
import threading
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_utils.errors import OutputError, UserError
from fer_utils.landmarks.detectors import open_detector
from fer_utils.landmarks.engine.tracking import Face, FaceTracker
from fer_utils.realtime.csv_rows import Recording, describe_model
from fer_utils.realtime.streaming import Recognition, Recognizer

SEARCH_EVERY, OTHERS_EVERY = 1.0, 0.25  # seconds from one look for a small face, or for other faces, to the next
MOST_FACES = 4  # faces that are shown
CLOSER = "the face is too small: come closer"


class Live:
    """A `Recognizer` that several threads may use: Jupyter handles a widget's messages in a thread of its own.

    It records only between `record` and `save`, and only points and probabilities, never pictures. `others` are the
    faces of the newest frames that are not followed: left, top, right and bottom in pixels.
    """

    def __init__(self, classifier, detector: str = "face_landmarker"):
        self._lock = threading.RLock()
        self._stream, self._recording = ExitStack(), None
        self._recognizer: Recognizer | None = None
        self._failure: OutputError | None = None  # of a recording, until `save` tells
        self._reset_search()
        self.classifier, self.detector = classifier, detector

    def use(self, classifier=None, detector: str | None = None) -> None:
        """Take another classifier or detector from the next start on, and end a stream that runs.

        Raises ModelFileError for a classifier that does not fit, and keeps the former one.
        """
        with self._lock:
            if classifier is not None:
                Recognizer(classifier)
            self.stop()
            self.classifier, self.detector = classifier or self.classifier, detector or self.detector

    def start(self) -> None:
        """Begin a new stream."""
        with self._lock:
            self.stop()
            self._recognizer = self._stream.enter_context(Recognizer(self.classifier, self.detector))
            self._face_finder = self._stream.enter_context(open_detector(mode="image", faces=MOST_FACES))

    def push(self, image: np.ndarray, time: float) -> Recognition:
        """Return what is known after a BGR uint8 frame (height, width, 3) taken at `time` in seconds.

        Raises OutputError, once, if a recording cannot go on; it is over then.
        """
        with self._lock:
            if self._recognizer is None:
                self.start()
            seen = self._recognizer.push(image, time)
            if abs(time - self._searched) > (SEARCH_EVERY if seen.points is None else OTHERS_EVERY):
                self._searched = time
                self._search(image, seen.points)
            if seen.points is None and self._hint:
                seen = replace(seen, why=self._hint)
            if self._recording is not None:
                try:
                    self._recording.add(seen)
                except OutputError as error:
                    recording, self._recording, self._failure = self._recording, None, error
                    with suppress(OutputError):
                        recording.__exit__(type(error), error, None)
                    raise
            return seen

    def _search(self, image: np.ndarray, followed: np.ndarray | None) -> None:
        """Look for other faces than the one that is followed (its points); if there is none, for a small one."""
        if followed is None:
            self.others, self._hint = [], CLOSER if _shows_small_face(image, self._face_finder) else ""
        else:
            self.others, self._hint = _boxes_of_others(self._face_finder.detect_all(image), followed), ""

    def set_neutral(self) -> None:
        """Take the next face that is seen for the face at rest."""
        with self._lock:
            if self._recognizer is not None:
                self._recognizer.set_neutral()

    def stop(self) -> None:
        """End the stream; a recording goes on with the next one."""
        with self._lock:
            self._recognizer = None
            self._stream.close()
            self._reset_search()

    def _reset_search(self) -> None:
        # when faces were last looked for besides the one that is followed, and what came of it
        self._searched, self._hint, self.others = -math.inf, "", []

    def record(self, path: Path) -> None:
        """Write a row for every frame from now on, until `save`. Raises OutputError."""
        with self._lock:
            if self._recording is not None:
                raise UserError(f"{self._recording.path}: still recording; save it first")
            self._failure = None
            model_note = describe_model(self.classifier)
            self._recording = Recording(path, self.classifier.classes, points=True, model=model_note).__enter__()

    def save(self) -> Recording | None:
        """End the recording, put its file in place and return it; None if nothing was being recorded.

        Raises OutputError, also if that had ended it before.
        """
        with self._lock:
            recording, self._recording = self._recording, None
            failure, self._failure = self._failure, None
            if recording is not None:
                recording.__exit__(None, None, None)
            if failure is not None:
                raise failure
            return recording


def _boxes_of_others(faces: list[Face], followed: np.ndarray) -> list[list[int]]:
    """Return the boxes of faces but that of the one whose points are given."""
    boxes = [[*face.points[:, :2].min(axis=0), *face.points[:, :2].max(axis=0)] for face in faces]
    x, y = followed[:, :2].mean(axis=0)
    return [[round(float(side)) for side in box] for box in boxes if not (box[0] < x < box[2] and box[1] < y < box[3])]


def _shows_small_face(image: np.ndarray, detector: FaceTracker) -> bool:
    """Return whether a part of the picture shows a face: in the whole, one below a quarter of its height is missed."""
    height, width = image.shape[:2]
    down, right = height // 2, width // 2
    parts = (
        image[top : top + down, left : left + right]
        for top in (0, down // 2, height - down)
        for left in (0, right // 2, width - right)
    )
    return any(detector.detect(np.ascontiguousarray(part))[0] is not None for part in parts)
