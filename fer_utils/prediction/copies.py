"""A copy of a video with what was recognised drawn on its frames."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from fer_utils import paths
from fer_utils.data.video import Video
from fer_utils.errors import OutputError

CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
LONGEST = 60.0  # seconds that a picture is shown in a copy
FASTEST = 60  # frames a second of a copy: headers promise up to 1000, players and encoders keep up with less


class DrawnCopy:
    """A video file that takes its size from its first frame. Its rate is constant, whatever that of the frames is:
    each is repeated or left out, so that it is shown from its time to the time of the next."""

    def __init__(self, path: Path, fps: float):
        self._path, self._fps, self._frames = path, min(fps, FASTEST), 0
        self._writer: cv2.VideoWriter | None = None
        self._time, self._left_out = -np.inf, 0.0

    def __enter__(self) -> DrawnCopy:
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
