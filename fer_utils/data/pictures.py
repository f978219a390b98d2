"""One frame of a recording, and recordings kept as picture files. It knows nothing of faces."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

# `Frame.problem` says what is wrong with a file; the decoders would repeat it on the terminal without the file's name
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
# for pictures this small, one thread is faster than several that wait for each other and for the decoder
cv2.setNumThreads(1)

LONGEST_SIDE = 32766  # pixels: beyond that OpenCV inside MediaPipe ends the process
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Frame:
    """One frame of a sequence."""

    index: int
    time: float  # seconds from the start of the sequence
    image: np.ndarray | None  # BGR uint8 (H, W, 3); None if the frame could not be read
    problem: str = ""  # why it could not, in one line


@dataclass(frozen=True)
class Pictures:
    """A sequence kept as picture files, in the order given, `fps` of them a second."""

    files: tuple[Path, ...]
    fps: float

    def __iter__(self) -> Iterator[Frame]:
        """Yield one frame a file, always. A picture of another size than the first has no image but a problem.

        Of 16-bit pictures, all are scaled by the bits that the first one uses, so that they stay equally bright.
        """
        size = bits = None
        for index, file in enumerate(self.files):
            image, problem = _decode(file)
            if image is not None:
                height, width = image.shape[:2]
                size, bits = size or (width, height), bits or _bits_used(image)
                if (width, height) == size:
                    image = _to_eight_bits(image, bits)
                else:
                    problem = f"{file.name}: {width}x{height} pixels, but the sequence began with {size[0]}x{size[1]}"
                    image = None
            yield Frame(index, index / self.fps, image, problem)

    def count(self) -> int:
        """Return how many pictures there are."""
        return len(self.files)

    def digest(self) -> str:
        """Return the SHA-256 of the files' bytes and the frame rate: it depends on the frames, not on their place."""
        return digest(self.files, f"fps={self.fps!r}")


def read_picture(file: str | Path) -> tuple[np.ndarray | None, str]:
    """Return a picture as BGR uint8 (H, W, 3) and an empty string, or None and the reason in one line.

    A picture of 16 bits is scaled by the bits that it uses: cameras of 10, 12 or 14 bits write such files.
    """
    image, problem = _decode(file)
    return (None if image is None else _to_eight_bits(image, _bits_used(image))), problem


def _decode(file: str | Path) -> tuple[np.ndarray | None, str]:
    """Return a picture as BGR (H, W, 3) of any type and an empty string, or None and the reason in one line."""
    name = Path(file).name  # without the folder, so that a track's reasons stay right when recordings move
    try:
        data = np.fromfile(file, np.uint8)  # unlike cv2.imread, this takes any file name on any system
    except OSError as error:
        return None, f"{name}: {error.strerror or error}"
    if data.size == 0:
        return None, f"{name}: empty file"
    if data[:4].tobytes() == b"RIFF" and b"ANIM" in data[:64].tobytes():  # OpenCV would take its first frame alone
        return None, f"{name}: an animation: convert it to GIF or MP4"
    if _is_cut_off(data.tobytes()):
        return None, f"{name}: cut off, its end is missing: copy it again"
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error:
        image = None
    if image is None:
        return None, f"{name}: not a readable picture"
    problem = too_large(image.shape[1], image.shape[0])
    return (None, f"{name}: {problem}") if problem else (image, "")


def too_large(width: int, height: int) -> str:
    """Return why frames of this size cannot be used; empty if they can."""
    if max(width, height) <= LONGEST_SIDE:
        return ""
    return f"{width}x{height} pixels; at most {LONGEST_SIDE} a side can be used: scale it down"


def digest(files: Iterable[Path], options: str) -> str:
    """Return the SHA-256 of the files' bytes and of `options`."""
    result = hashlib.sha256(options.encode())
    for file in files:
        try:
            with Path(file).open("rb") as stream:
                result.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError:  # reading the frames reports it; once the file is back, the digest differs
            result.update(b"unreadable" + Path(file).name.encode(errors="surrogateescape"))
    return result.hexdigest()


def _bits_used(image: np.ndarray) -> int:
    """Return how many bits the values of a picture use: 8, or 10, 12, 14 or 16 as cameras have them."""
    largest = 0 if image.dtype.kind == "f" else int(image.max())
    return next(bits for bits in (8, 10, 12, 14, 16, 32) if largest < 1 << bits)


def _to_eight_bits(image: np.ndarray, bits: int) -> np.ndarray:
    """Return a picture as uint8; its values go up to 2^`bits`, or to 1 if they are floating-point."""
    if image.dtype == np.uint8:
        return image
    full = 1.0 if image.dtype.kind == "f" else (1 << bits) - 1
    return np.clip(np.nan_to_num(image * (255 / full)), 0, 255).astype(np.uint8)


def _is_cut_off(data: bytes) -> bool:
    """Return whether the end mark of a JPEG or PNG is missing: some decoders fill what is missing with grey.

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
        while data[at + 1 : at + 2] != b"\xda":  # until the scan: skip segments by their length, and filling bytes
            at += 1 if data[at + 1 : at + 2] == b"\xff" else 2 + int.from_bytes(data[at + 2 : at + 4])
            if at >= len(data):
                return True
        return b"\xff\xd9" not in data[at:]
    return False
