"""A copy of a video with what was recognised drawn on its frames."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.codec.context import Flags

from fer_utils import paths
from fer_utils.errors import OutputError

# of each suffix the codec, its pixels and options: H.264 for players and browsers, pictures on their own for editors
CODECS = {
    ".mp4": ("libx264", "yuv420p", {"preset": "veryfast", "crf": "20"}),
    ".avi": ("mjpeg", "yuvj420p", {}),
}
QUALITY = 2 * 118  # of mjpeg: its scale of 1 to 31, in FFmpeg's units
LONGEST = 60.0  # seconds that a picture is shown
FASTEST = 60  # frames a second: headers promise up to 1000, players and encoders keep up with less
MARK = "drawn by fer-utils"  # in the file's metadata, so that no other video is ever replaced


def is_copy(path: Path) -> bool:
    """Return whether a file is a copy that `DrawnCopy` wrote."""
    try:
        with av.open(str(path.absolute())) as container:
            return container.metadata.get("comment") == MARK
    except (av.FFmpegError, OSError):
        return False


class DrawnCopy:
    """A video file that takes its size from its first frame; a context manager.

    The file is there only if the block ends well. Its rate is constant, whatever that of the frames is: each is
    repeated or left out, so that it is shown from its time to the time of the next. Raises OutputError as soon as
    something cannot be written.
    """

    def __init__(self, path: Path, fps: float):
        self._path, self._fps, self._frames = path, min(fps, FASTEST), 0
        self._container: av.container.OutputContainer | None = None
        self._time, self._left_out = -np.inf, 0.0

    def __enter__(self) -> DrawnCopy:
        with ExitStack() as stack:
            self._temporary = stack.enter_context(paths.replacing(self._path))
            stack.push(self._close)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error) -> bool | None:
        return self._stack.__exit__(*error)

    def add(self, image: np.ndarray, time: float) -> None:
        """Show a picture, BGR uint8 (H, W, 3), from `time` on, in seconds."""
        if self._container is None:
            self._image = image
            self._open(*image.shape[1::-1])
        else:  # a damaged file's stamp can leap by years
            self._left_out += max(0.0, time - self._left_out - self._time - LONGEST)
            time -= self._left_out
        self._fill(time)
        self._image, self._time, self._step = image, time, time - self._time

    def end(self) -> None:
        """Show the last picture as long as the one before, but no more than a frame; in all at least one frame."""
        self._fill(max(self._time + min(self._step, 1 / self._fps), 1 / self._fps))
        self._mux(None)

    def _open(self, width: int, height: int) -> None:
        codec, pixels, options = CODECS[self._path.suffix.lower()]
        try:
            self._container = av.open(str(self._temporary.absolute()), "w")
            self._container.metadata["comment"] = MARK
            self._stream = self._container.add_stream(
                codec, Fraction(self._fps).limit_denominator(1001), options=options
            )
            # an odd row or column has no colour of its own
            self._stream.width, self._stream.height, self._stream.pix_fmt = width & ~1, height & ~1, pixels
            if codec == "mjpeg":
                self._stream.codec_context.flags |= Flags.qscale
                self._stream.codec_context.global_quality = QUALITY
        except (av.FFmpegError, ValueError) as error:
            raise OutputError(f"{self._path}: cannot be written as a video ({error}); name another file") from None

    def _fill(self, until: float) -> None:
        # rounded up from 0.45 on: of frames at twice the rate, stamps in whole ms fall on either side of 0.5
        while self._frames < int(until * self._fps + 0.55):
            image = np.ascontiguousarray(self._image[: self._stream.height, : self._stream.width])
            frame = av.VideoFrame.from_ndarray(image, "bgr24")
            frame.pts = self._frames
            self._mux(frame)
            self._frames += 1

    def _mux(self, frame: av.VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except av.FFmpegError as error:
            reason = error.strerror or error
            raise OutputError(f"{self._path}: cannot be written ({reason}); free space or name another file") from None

    def _close(self, *error) -> None:
        if self._container is not None:
            try:
                self._container.close()
            except av.FFmpegError:
                if error[0] is None:  # else it is known already
                    raise
