"""Frames with their times out of a video file, as PyAV (FFmpeg's libraries) decodes it. It knows nothing of faces."""

from __future__ import annotations

import codecs
import math
import mmap
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from fer_utils.data import decoding
from fer_utils.data.pictures import PNG, Frame, Pictures, digest, too_large

READER = 2  # part of the digest: to be raised when the same file gives other frames than before
SEVERAL_THREADS_FROM = 1_000_000  # pixels a frame; below, threads cost more than they save
T = TypeVar("T")


class Header(NamedTuple):
    """What a file's header says."""

    fps: float  # frames a second
    frames: int  # how many there should be; 0 if the header does not say


class Shown(NamedTuple):
    """What a file tells players to do to its frames."""

    turns: int  # quarter turns, counter-clockwise
    note: str  # for its user: what is done to the frames; empty if they are shown as they are stored


@dataclass(frozen=True)
class Video:
    """A sequence kept in a video file.

    Frames are shown as a player shows them: turned as the file says, with square pixels, without what an edit list
    hides. `quarter_turns` counter-clockwise turns by 90 degrees are added, for a file that does not say its turn.
    """

    file: Path
    quarter_turns: int = 0

    @property
    def fps(self) -> float:
        """Return frames a second as the file's header says; 25 if it says nothing usable. Raises OSError."""
        return self.header().fps

    def header(self) -> Header:
        """Return what the file's header says. Raises OSError if the file cannot be opened."""
        with opened(self.file) as (container, stream):
            return Header(decoding.rate(stream), decoding.promised(container, stream))

    def count(self) -> int:
        """Return how many frames are in the file, without decoding them. Raises OSError."""
        with opened(self.file) as (container, stream):
            return sum(packet.size > 0 and not packet.is_discard for packet in decoding.packets(container, stream))

    def shown(self) -> Shown:
        """Return what the file tells players to do to its frames. Raises OSError if it cannot be opened."""
        with opened(self.file) as (container, stream):
            picture = next(decoding.pictures(container, stream), None)
            width, height = stream.codec_context.width, stream.codec_context.height
            ratio, size = stream.sample_aspect_ratio, _square_size(width, height, stream.sample_aspect_ratio)
        turns, notes = round(picture.rotation / 90) % 4 if picture else 0, []
        if size != (width, height):
            shape = f"{ratio.numerator}:{ratio.denominator}"
            notes.append(f"{width}x{height} pixels of {shape} are shown as {size[0]}x{size[1]} square ones")
        if turns:
            notes.append(f"turned by {90 * turns}° counter-clockwise, as the file says")
        return Shown(turns, "; ".join(notes))

    def sample(self, count: int) -> Iterator[np.ndarray]:
        """Yield `count` frames, evenly spread, BGR uint8 (H, W, 3), or fewer if some are damaged. Raises OSError."""
        with opened(self.file) as (container, stream):
            frames = decoding.promised(container, stream) or self.count()
            reformatter, length = VideoReformatter(), frames / decoding.rate(stream)
            for picture in decoding.spread(container, stream, [(k + 0.5) * length / count for k in range(count)]):
                yield self._image(picture, stream, reformatter)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in the order in which they are shown; the first has time 0.

        A frame that cannot be decoded, or is damaged, has no image but a problem. If the video ends before its file
        says so, one more frame without image closes it. Raises OSError if the file cannot be opened.
        """
        name = Path(self.file).name
        with opened(self.file) as (container, stream):
            ending = decoding.Ending(container, stream, Path(self.file))
            reformatter, index, time, step = VideoReformatter(), 0, 0.0, 1 / decoding.rate(stream)
            decoded = decoding.decoded(container, stream, ending)
            for index, (time, picture) in enumerate(decoding.rising(decoded, step), 1):
                if picture is None:
                    yield Frame(index - 1, time, None, f"{name}: this frame is damaged: copy the video again")
                    continue
                size = _square_size(picture.width, picture.height, stream.sample_aspect_ratio)
                if problem := too_large(*size):
                    yield Frame(index - 1, time, None, f"{name}: {problem}")
                    return
                yield Frame(index - 1, time, self._image(picture, stream, reformatter))
            if ending.is_early():
                promised = ending.promised
                of = f"{index} of {promised} frames" if promised > index else f"after {index} frames"
                yield Frame(index, time + step if index else 0.0, None, f"{name}: the video ends early: {of}")

    def _image(self, picture: VideoFrame, stream: VideoStream, reformatter: VideoReformatter) -> np.ndarray:
        size = _square_size(picture.width, picture.height, stream.sample_aspect_ratio)
        image = reformatter.reformat(picture, *size, "bgr24", interpolation="BILINEAR", threads=1).to_ndarray()
        return np.ascontiguousarray(np.rot90(image, self.quarter_turns + round(picture.rotation / 90)))

    def digest(self) -> str:
        """Return the SHA-256 of the file's bytes, the turn and the reader's number."""
        return digest([self.file], f"reader={READER},quarter_turns={self.quarter_turns}")


@dataclass(frozen=True)
class Excerpt:
    """Some frames of a recording, by their numbers, with the times that they have in it."""

    recording: Pictures | Video
    numbers: tuple[int, ...]

    def __iter__(self) -> Iterator[Frame]:
        """Yield these frames in the recording's order. Raises OSError if a video cannot be opened."""
        return (frame for frame in islice(self.recording, max(self.numbers) + 1) if frame.index in self.numbers)

    def digest(self) -> str:
        """Return the SHA-256 of the recording's own digest and the numbers."""
        return digest([], f"recording={self.recording.digest()},frames={self.numbers}")


FrameSource = Pictures | Video | Excerpt


def turned(frames: Pictures | Video, quarter_turns: int) -> Pictures | Video:
    """Return a video with its frames turned, counter-clockwise; pictures as they are."""
    return replace(frames, quarter_turns=quarter_turns) if isinstance(frames, Video) else frames


@contextmanager
def opened(file: str | Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video file and its first stream of moving pictures. Raises OSError if there is none."""
    file = Path(file)
    cannot = f"{file}: cannot be opened as a video"
    if not is_utf8(file):
        raise OSError(f"{str(file)!a}: a name that is not UTF-8; rename it")
    if file.is_file() and _is_text(file):  # a play list would make FFmpeg open other files
        raise OSError(f"{cannot}: it is text")
    if file.is_file() and is_picture(file):  # FFmpeg would read it as a video of one frame
        raise OSError(f"{cannot}: it is a picture")
    try:
        # absolute: 12:30.mp4 alone would be an address with the protocol 12
        container = av.open(str(file.absolute()), metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError):
        raise OSError(f"{cannot}; copy it again or convert it to AVI or MP4") from None
    with container:
        # a sound file's cover is not a video
        streams = [video for video in container.streams.video if not video.disposition & Disposition.attached_pic]
        if not streams:
            found = "only sound" if container.streams.audio else "nothing to see"
            raise OSError(f"{cannot}: there is {found} in it; name the file with the pictures")
        stream = streams[0]
        context = stream.codec_context
        if context is None:
            raise OSError(f"{cannot}: its codec is not known; convert it to AVI or MP4")
        if context.width * context.height >= SEVERAL_THREADS_FROM:
            stream.thread_type = "AUTO"
        else:
            context.thread_count = 1
        yield container, stream


def is_picture(file: Path) -> bool:
    """Return whether a file is a single picture; an animated PNG, or several JPEGs in a row, is not."""
    head = _head(file)
    if head.startswith(b"\xff\xd8\xff"):
        with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(b"\xff\xd9\xff\xd8\xff") < 0
    webp = head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    heif = head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"mif1", b"avif")
    plain = head.startswith((b"BM", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP  "))
    return webp or heif or plain or (head.startswith(PNG) and b"acTL" not in head)


def read_ahead(frames: Iterable[T], count: int = 4) -> Iterator[T]:
    """Yield the same frames, decoded by a thread while the caller works on those before them.

    The thread decodes `count` frames at a time, and at most twice as many are in memory. A thread that woke for each
    frame would disturb the detector's own threads. An error is raised after the frames decoded before it.
    """

    def frames_and_error() -> Iterator[T | Exception]:
        try:
            yield from frames
        except Exception as error:  # of any kind: it is raised in the caller's thread
            yield error

    source = frames_and_error()
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(lambda: list(islice(source, count)))
        while some := coming.result():
            coming = thread.submit(lambda: list(islice(source, count)))
            for frame in some:
                if isinstance(frame, Exception):
                    raise frame
                yield frame


def _square_size(width: int, height: int, ratio) -> tuple[int, int]:
    """Return a frame's size with square pixels, given their width to height; no side gets shorter.

    A ratio within 1 % of square is an encoder's rounding, one beyond four is damage.
    """
    ratio = float(ratio or 1)
    if not 0.25 <= ratio <= 4 or math.isclose(ratio, 1, rel_tol=0.01):
        return width, height
    return (round(width * ratio), height) if ratio > 1 else (width, round(height / ratio))


def is_utf8(path: Path) -> bool:
    """Return whether a path can be written into a table: names of files may be any bytes."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_text(file: Path) -> bool:
    head = _head(file)
    if b"\0" in head or head.startswith(b"YUV4MPEG2"):
        return False
    with suppress(UnicodeDecodeError):
        return bool(codecs.getincrementaldecoder("utf-8")().decode(head))
    return False


def _head(file: Path) -> bytes:
    """Return the first bytes of a file; none if it cannot be read."""
    with suppress(OSError), file.open("rb") as stream:
        return stream.read(4096)
    return b""
