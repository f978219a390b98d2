"""What is recognised in a video file, a row a frame, and drawn on its frames; memory does not grow with its length."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from fer_utils import paths
from fer_utils.data.video import Video, read_ahead
from fer_utils.errors import OutputError, PredictError
from fer_utils.landmarks.upright import judge
from fer_utils.models import litert
from fer_utils.realtime import overlay
from fer_utils.realtime.evidence import Expression
from fer_utils.realtime.recording import Recording, described
from fer_utils.realtime.streaming import Recognition, Recognizer
from fer_utils.realtime.verdict import Verdict, write

CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
LONGEST = 60.0  # seconds that a picture is shown in a copy
FASTEST = 60  # frames a second of a copy: headers promise up to 1000, players and encoders keep up with less


def predict(
    video: Path,
    out: Path,
    drawn: Path | None = None,
    model: str = "",
    detector: str = "face_landmarker",
) -> tuple[int, int, list[Expression]]:
    """Write what is recognised in each frame of `video` to the CSV file `out` (columns: see `Recording`), a row an
    expression to the file beside it (see `expressions_file`), and with `drawn` a copy of the video with mesh and
    labels. Return how many frames there were, how many with a face, and the expressions.

    A frame that cannot be read has a row that says so. Each file is written whole or not at all. Raises PredictError
    if the video is not there, is none, or has no frames, or if a file would be written over another that is needed;
    ModelFileError for a model that does not fit; OutputError.
    """
    beside = expressions_file(out)
    _check(video, (out, beside, drawn), paths.model(model))
    frames, fps, promised = _opened(video)
    classifier = litert.load(paths.model(model))
    said = described(paths.model(model), classifier)
    with ExitStack() as stack:
        recognizer = stack.enter_context(Recognizer(classifier, detector))
        rows = stack.enter_context(Recording(out, classifier.classes, points=False, model=said))
        pictures = stack.enter_context(_Pictures(drawn, fps)) if drawn else None
        read, found, verdict = 0, 0, Verdict()
        for frame in tqdm(read_ahead(frames), video.name, total=promised or None, unit="frame"):
            if frame.image is None:
                rows.add(Recognition(frame.time, why=frame.problem))
                continue
            read += 1
            seen = recognizer.push(frame.image, frame.time)
            found += seen.points is not None
            rows.add(seen)
            verdict.add(seen)
            if pictures:
                pictures.add(overlay.draw(frame.image, seen, said), frame.time)
        if not read:
            raise PredictError(f"{video}: a video without a readable frame; record or copy it anew")
        if pictures:
            pictures.end()
        expressions = verdict.end(recognizer)
    write(expressions, beside, said)
    return rows.rows, found, expressions


def expressions_file(out: Path) -> Path:
    """Return the file beside a CSV of frames that holds a row an expression."""
    return out.with_name(f"{out.name.removesuffix('.csv')}.expressions.csv")


class _Pictures:
    """A video file that takes its size from its first frame. Its rate is constant, whatever that of the frames is:
    each is repeated or left out, so that it is shown from its time to the time of the next."""

    def __init__(self, path: Path, fps: float):
        self._path, self._fps, self._frames = path, min(fps, FASTEST), 0
        self._writer: cv2.VideoWriter | None = None
        self._time, self._left_out = -np.inf, 0.0

    def __enter__(self) -> _Pictures:
        self._replacing = paths.replacing(self._path)
        self._temporary = self._replacing.__enter__()
        return self

    def __exit__(self, *error) -> None:
        if self._writer is not None:
            self._writer.release()
            if error[0] is None and not self._whole():
                error = OSError, OSError("it is not whole"), None
        self._replacing.__exit__(*error)

    def add(self, image: np.ndarray, time: float) -> None:
        """The picture that is shown from `time` on, in seconds."""
        if self._writer is None:
            self._image = image
            self._size = image.shape[1::-1]
            code = cv2.VideoWriter_fourcc(*CODECS[self._path.suffix.lower()])
            self._writer = cv2.VideoWriter(str(self._temporary.absolute()), code, self._fps, self._size)
            if not self._writer.isOpened():
                raise OutputError(f"{self._path}: cannot be written as a video; choose another folder, or .avi")
        else:  # a damaged file's stamp can leap by years
            self._left_out += max(0.0, time - self._left_out - self._time - LONGEST)
            time -= self._left_out
        self._fill(time)
        self._image, self._time, self._step = image, time, time - self._time

    def end(self) -> None:
        """To be called after the last picture, which stays as long as the one before, but no more than a frame."""
        self._fill(self._time + min(self._step, 1 / self._fps))

    def _fill(self, until: float) -> None:
        # rounded up from 0.45 on: of frames at twice the rate, stamps in whole ms fall on either side of 0.5
        while self._frames < int(until * self._fps + 0.55):
            self._writer.write(self._image)
            self._frames += 1

    def _whole(self) -> bool:
        """Whether what was written arrived: OpenCV says nothing of a full disk."""
        try:
            return Video(self._temporary).header()[1] >= self._frames - 1  # a sound file's count may be one off
        except OSError:
            return False


def _check(video: Path, outputs: tuple[Path | None, ...], model: Path) -> None:
    """Raises PredictError where the files named cannot be what they are named for."""
    if not video.is_file():
        raise PredictError(f"{video}: {'a folder, not a video' if video.is_dir() else 'no such file'}; name a video")
    if not video.stat().st_size:
        raise PredictError(f"{video}: an empty file; record or copy it anew")
    drawn = outputs[-1]
    if drawn is not None and drawn.suffix.lower() not in CODECS:
        raise PredictError(f"{drawn}: must end in {' or '.join(CODECS)}")
    taken = {video.resolve(), model.resolve()}
    for path in outputs:
        if path is None:
            continue
        if path.resolve() in taken:
            raise PredictError(f"{path}: named twice; name another file")
        taken.add(path.resolve())
        # a device or a pipe would be replaced as a file is, a folder refused once all was done
        if path.exists() and not path.is_file():
            raise PredictError(f"{path}: not a file; name a file to write")
        try:
            str(path).encode()
        except UnicodeEncodeError:  # OpenCV would bring the process down
            raise PredictError(f"{str(path)!a}: a name that is not UTF-8; name another file") from None


def _opened(video: Path) -> tuple[Video, float, int]:
    """Return the video, set upright as the study does it, with what its header says; say how its frames are shown."""
    frames = Video(video)
    try:
        turns, note = judge(frames)
        for line in filter(None, (frames.shown().note, note)):
            print(f"{video.name}: {line}", file=sys.stderr)
        return replace(frames, quarter_turns=turns), *frames.header()
    except OSError as error:
        raise PredictError(str(error)) from None
