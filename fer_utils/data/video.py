"""Frames with timestamps out of a list of pictures or a video file. Knows no faces."""

from __future__ import annotations

import codecs
import hashlib
import mmap
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

# what is wrong with a file is told by `Frame.problem`; the decoders would tell it again on the terminal, file unnamed
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
# pictures as small as these are done sooner by one thread than by several that wait for each other, and for the one
# that decodes; a program that works on larger ones beside can set it anew
cv2.setNumThreads(1)


LONGEST_SIDE = 32766  # pixels: beyond that OpenCV inside MediaPipe ends the process
MATROSKA = (".mkv", ".webm")
PNG = b"\x89PNG\r\n\x1a\n"
T = TypeVar("T")


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
        """One frame a file, always. A picture whose size is not the first one's has no image but a problem."""
        size = None
        for index, file in enumerate(self.files):
            image, problem = read_picture(file)
            if image is not None:
                height, width = image.shape[:2]
                size = size or (width, height)
                if (width, height) != size:
                    problem = f"{file.name}: {width}x{height} pixels, where the sequence began with {size[0]}x{size[1]}"
                    image = None
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
        """Frames a second as the file's header says; 25 where it says nothing usable. Raises OSError."""
        return self.header()[0]

    def header(self) -> tuple[float, int]:
        """Frames a second, and how many frames there should be (0 where the header does not say).

        Raises OSError where the file cannot be opened.
        """
        capture = opened(self.file)
        try:
            return _header(capture)
        finally:
            capture.release()

    def __iter__(self) -> Iterator[Frame]:
        """Raises OSError where the file cannot be opened.

        Of a video that ends before its header says so, the last frame decoded, which may be half a frame, has no
        image, and one more frame without image closes it, whose problem says how many were promised and came.
        """
        capture = opened(self.file)
        try:
            fps, promised = _header(capture)
            held, first, previous, risen = None, 0.0, -1.0, True
            steps = deque([1 / fps], maxlen=4)  # between the last frames whose stamps are true
            while True:
                good, image = capture.read()
                if not good:
                    break
                # containers with a variable rate keep true times; others report nothing or repeat themselves, and of
                # H.264 in AVI the last frames, which come late, report 0
                stamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                if held is None:
                    if problem := _too_large(image):
                        yield Frame(0, 0.0, None, f"{self.file.name}: {problem}")
                        return
                    first, time = stamp, 0.0
                else:
                    yield held
                    before, risen = risen, stamp - first > previous
                    time = stamp - first if risen else previous + min(steps)  # the last step may be a gap
                    if before and risen:
                        steps.append(time - previous)
                index = held.index + 1 if held else 0
                held, previous = Frame(index, time, np.ascontiguousarray(np.rot90(image, self.quarter_turns))), time
        finally:
            capture.release()
        came = held.index + 1 if held else 0
        # a header's count may be one off in a sound file, and means a duration where the rate varies or is wrong: then
        # the last frame lasts for a step, the shortest of the last ones, as frames are missing where a video breaks
        # off. Matroska counts the duration from 0, wherever the first frame is, and some frames too many.
        late, over = (first, 3) if Path(self.file).suffix.casefold() in MATROSKA else (0.0, 1)
        rest = promised / fps - late - previous
        if held and (promised - came <= 1 or rest <= over / fps + max(1 / fps, min(steps))):
            yield held
            return
        if held:
            problem = f"{self.file.name}: the last frame before the video breaks off: may not be whole"
            yield replace(held, image=None, problem=problem)
        end = previous + steps[-1] if held else 0.0
        yield Frame(came, end, None, f"{self.file.name}: the video ends early: {came} of {max(promised, 1)} frames")

    def digest(self) -> str:
        """SHA-256 of the file's bytes and the turn."""
        return _digest([self.file], f"quarter_turns={self.quarter_turns}")


FrameSource = Pictures | Video


def opened(file: str | Path) -> cv2.VideoCapture:
    """The video file, opened. Raises OSError where that cannot be done."""
    file = Path(file)
    try:
        str(file).encode()
    except UnicodeEncodeError:  # OpenCV would bring the process down
        raise OSError(f"{str(file)!a}: a name that is not UTF-8; rename it") from None
    if file.is_file() and _is_text(file):  # FFmpeg would draw it as a terminal does
        raise OSError(f"{file}: cannot be opened as a video: it is text")
    if file.is_file() and _is_picture(file):  # FFmpeg would take it for a video of one frame, whatever its name
        raise OSError(f"{file}: cannot be opened as a video: it is a picture")
    capture = cv2.VideoCapture(str(file.absolute()))  # 12:30.mp4 alone would be an address with the protocol 12
    if not capture.isOpened():
        raise OSError(f"{file}: cannot be opened as a video; copy it anew or convert it to AVI or MP4")
    return capture


def _is_text(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            head = stream.read(4096)
        return (
            not head.startswith(b"YUV4MPEG2")
            and b"\0" not in head
            and bool(codecs.getincrementaldecoder("utf-8")().decode(head))
        )
    except (OSError, UnicodeDecodeError):
        return False


def _is_picture(file: Path) -> bool:
    """Whether it begins as a PNG, JPEG, BMP or TIFF does; not a PNG that moves, nor JPEGs one after another."""
    try:
        with file.open("rb") as stream:
            head = stream.read(4096)
            if head.startswith(b"\xff\xd8\xff"):
                with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    return content.find(b"\xff\xd9\xff\xd8\xff") < 0
    except OSError:
        return False
    return head.startswith((b"BM", b"II*\0", b"MM\0*")) or (head.startswith(PNG) and b"acTL" not in head)


def upright(video: Video, is_upright: Callable[[np.ndarray], bool], frames: int = 5) -> Video:
    """The video with the `quarter_turns` that set it upright; as it is where no turn does better.

    `is_upright` takes an image, BGR uint8 (H, W, 3), and tells whether it shows an upright face: this module knows
    none. It is asked about the first `frames` frames, as they are, then turned. Raises OSError.
    """
    images = [frame.image for frame in islice(replace(video, quarter_turns=0), frames) if frame.image is not None]
    best, turns = 0, 0
    for turn in (0, 1, 3, 2):
        votes = sum(bool(is_upright(np.ascontiguousarray(np.rot90(image, turn)))) for image in images)
        if votes > best:
            best, turns = votes, turn
        if best == len(images):
            break
    return replace(video, quarter_turns=turns)


def read_ahead(frames: Iterable[T], count: int = 4) -> Iterator[T]:
    """The same frames, decoded by a thread while those before them are worked on; what goes wrong with one is raised
    where it would have come. `count` are decoded in one go, and twice as many in memory at most: a thread that wakes
    for each of them gets in the way of a detector's own."""
    source = iter(frames)

    def some() -> tuple[list[T], Exception | None]:
        taken: list[T] = []
        try:
            for frame in islice(source, count):
                taken.append(frame)
        except Exception as error:
            return taken, error
        return taken, None

    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(some)
        while True:
            taken, error = coming.result()
            if taken and error is None:
                coming = thread.submit(some)
            yield from taken
            if error is not None:
                raise error
            if not taken:
                return


def read_picture(file: str | Path) -> tuple[np.ndarray | None, str]:
    """A picture as BGR uint8 (H, W, 3) and an empty string, or None and the reason in one line."""
    name = Path(file).name  # not the folder: tracks and their reasons are kept when recordings move
    try:
        data = np.fromfile(file, np.uint8)  # unlike cv2.imread, this takes any file name on any system
    except OSError as error:
        return None, f"{name}: {error.strerror or error}"
    if data.size == 0:
        return None, f"{name}: empty file"
    if _is_cut_off(data.tobytes()):
        return None, f"{name}: cut off, its end is missing: copy it anew"
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        return None, f"{name}: not a readable picture"
    problem = _too_large(image)
    return (None, f"{name}: {problem}") if problem else (image, "")


def _too_large(image: np.ndarray) -> str:
    """Why a picture is not taken for its size; empty where it is."""
    height, width = image.shape[:2]
    if max(width, height) <= LONGEST_SIDE:
        return ""
    return f"{width}x{height} pixels, {LONGEST_SIDE} a side can be looked at: scale it down"


def _is_cut_off(data: bytes) -> bool:
    """Whether the end mark of a JPEG or PNG is missing: some decoders fill what is missing with grey and say nothing.

    Bytes after the end mark do no harm, and the mark inside an embedded preview does not count.
    """
    if data.startswith(PNG):
        at = 8
        while data[at + 4 : at + 8] != b"IEND":
            at += 12 + int.from_bytes(data[at : at + 4])
            if at >= len(data):
                return True
        return len(data) < at + 12
    if data.startswith(b"\xff\xd8\xff"):
        at = 2
        while data[at + 1 : at + 2] != b"\xda":  # the scan, after segments with their length and bytes of filling
            at += 1 if data[at + 1 : at + 2] == b"\xff" else 2 + int.from_bytes(data[at + 2 : at + 4])
            if at >= len(data):
                return True
        return b"\xff\xd9" not in data[at:]
    return False


def _header(capture: cv2.VideoCapture) -> tuple[float, int]:
    fps, frames = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    if not 0 < fps < 1000:  # browsers write 1000, the tick of their clock
        return 25.0, 0
    return fps, int(frames) if 0 < frames < 1e7 else 0


def _digest(files, options: str) -> str:
    digest = hashlib.sha256(options.encode())
    for file in files:
        try:
            with Path(file).open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError:  # reading the frames will tell of it; with the file back, the digest is another
            digest.update(b"unreadable" + Path(file).name.encode(errors="surrogateescape"))
    return digest.hexdigest()
