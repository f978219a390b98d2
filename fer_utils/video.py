"""Frames with timestamps out of a list of pictures or a video file. Knows no faces."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np


@dataclass(frozen=True)
class Frame:
    """One frame of a sequence.

    `image` is BGR uint8 (H, W, 3), or None where the frame could not be read; then `problem` says why in one line.
    `time` is in seconds from the start of the sequence.
    """

    index: int
    time: float
    image: np.ndarray | None
    problem: str = ""


@dataclass(frozen=True)
class Pictures:
    """A sequence kept as picture files, in the order given, `fps` of them a second."""

    files: tuple[Path, ...]
    fps: float

    def __iter__(self) -> Iterator[Frame]:
        for index, file in enumerate(self.files):
            image, problem = read_picture(file)
            yield Frame(index, index / self.fps, image, problem)

    def __len__(self) -> int:
        return len(self.files)

    def digest(self) -> str:
        """SHA-256 of the files' bytes and the frame rate: what the frames are, not where they lie."""
        return _digest(self.files, f"fps={self.fps!r}")


@dataclass(frozen=True)
class Video:
    """A sequence kept in a video file. `quarter_turns` counter-clockwise turns by 90 degrees set it upright."""

    file: Path
    quarter_turns: int = 0

    @property
    def fps(self) -> float:
        """Frames a second as the file's header says; 25 where it says nothing usable."""
        capture = cv2.VideoCapture(str(self.file))
        try:
            fps = capture.get(cv2.CAP_PROP_FPS)
        finally:
            capture.release()
        return fps if 0 < fps < 1000 else 25.0

    def __iter__(self) -> Iterator[Frame]:
        """Raises OSError where the file cannot be opened. A video that ends before its header says so closes with
        one frame without image, whose problem says how many frames were promised and how many came."""
        capture = cv2.VideoCapture(str(self.file))
        try:
            if not capture.isOpened():
                raise OSError(f"{self.file}: cannot be opened as a video; copy it anew or convert it to AVI or MP4")
            fps, promised = self.fps, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
            index, previous = 0, -1.0
            while True:
                good, image = capture.read()
                if not good:
                    break
                # containers with a variable rate keep true times; others report nothing or repeat themselves
                stamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                time = stamp if stamp > previous else (previous + 1 / fps if index else 0.0)
                yield Frame(index, time, np.rot90(image, self.quarter_turns) if self.quarter_turns else image)
                index, previous = index + 1, time
        finally:
            capture.release()
        if index == 0 or promised - index > 1:  # a header's count may be one off in a sound file
            yield Frame(index, previous + 1 / fps, None, f"video ends early: {index} of {max(promised, 1)} frames")

    def digest(self) -> str:
        """SHA-256 of the file's bytes and the turn."""
        return _digest([self.file], f"quarter_turns={self.quarter_turns}")


FrameSource = Pictures | Video


def read_picture(file: str | Path) -> tuple[np.ndarray | None, str]:
    """A picture as BGR uint8 (H, W, 3) and an empty string, or None and the reason in one line."""
    try:
        data = np.fromfile(file, np.uint8)  # unlike cv2.imread, this takes any file name on any system
    except OSError as error:
        return None, f"{file}: {error.strerror or error}"
    if data.size == 0:
        return None, f"{file}: empty file"
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    return (image, "") if image is not None else (None, f"{file}: not a readable picture")


def _digest(files, options: str) -> str:
    digest = hashlib.sha256(options.encode())
    for file in files:
        digest.update(hashlib.sha256(Path(file).read_bytes()).digest())
    return digest.hexdigest()
