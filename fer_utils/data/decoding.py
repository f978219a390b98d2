"""What a container holds: its packets decoded, true times, and whether it breaks off."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from heapq import heappop, heappush
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

T = TypeVar("T")
FAR = 10.0  # seconds: the reader seeks to a frame farther ahead, and decodes up to a nearer one


def packets(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet]:
    """Yield the stream's packets, and an empty one after the last; continue after a part that cannot be read."""
    failed = False
    while True:
        try:
            for packet in container.demux(stream):
                failed = False
                yield packet
            return
        except av.FFmpegError:
            if failed:  # twice in a row: there is no more
                return
            failed = True


def decoded(
    container: InputContainer, stream: VideoStream, ending: Ending
) -> Iterator[tuple[float | None, VideoFrame | None]]:
    """Yield pictures with their stamps in seconds, or None without one; a damaged picture is None."""
    avi = container.format.name == "avi"  # AVI has no times; the stamps of its packets count frames
    torn: set[int | None] = set()  # stamps of packets that were cut off
    lost: list[int] = []  # a heap: stamps of packets that could not be decoded
    for packet in packets(container, stream):
        if ending.saw(packet):
            torn.add(packet.pts)
        try:
            pictures = packet.decode()
        except av.FFmpegError:
            pictures = []
            if packet.size and not packet.is_discard:
                stamp = packet.dts if avi else packet.pts
                heappush(lost, -1 if stamp is None else stamp)
        for picture in pictures:
            at = picture.dts if avi else picture.pts
            while lost and (at is None or lost[0] < at):  # damaged pictures keep their place in the order
                yield _seconds(heappop(lost), stream), None
            whole = not picture.is_corrupt and picture.pts not in torn
            yield _seconds(at, stream), picture if whole else None
    for stamp in sorted(lost):
        yield _seconds(stamp, stream), None


def pictures(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Yield what can be decoded, from the container's current place on."""
    for packet in packets(container, stream):
        try:
            yield from packet.decode()
        except av.FFmpegError:
            continue


def spread(container: InputContainer, stream: VideoStream, times: Iterable[float]) -> Iterator[VideoFrame]:
    """Yield the picture shown at each of some rising times, in seconds from the start."""
    at, step, start, timed = -1.0, 1 / rate(stream), None, False
    source = pictures(container, stream)
    for wanted in times:
        if timed and wanted - at > FAR:
            with suppress(av.FFmpegError):  # if the file cannot seek, decoding goes on
                container.seek(int((start + wanted) / stream.time_base), stream=stream)
                source, at = pictures(container, stream), wanted
        for picture in source:
            if start is None:
                start, timed = picture.time or 0.0, picture.time is not None
            at = at + step if picture.time is None else picture.time - start
            if at >= wanted - step / 2:
                yield picture
                break
        else:
            return


def rising(pictures: Iterable[tuple[float | None, T]], step: float) -> Iterator[tuple[float, T]]:
    """Yield each picture with a time from the first one on, in seconds; times rise.

    Containers with a variable rate keep true times. Others report no times or repeat them, and the last frames of H.264
    in AVI, which come late, have none. Such a picture follows the one before by the shortest of the last four steps,
    since the last step may be a gap. The first step is `step`.
    """
    steps = deque([step], maxlen=4)  # between the last frames with true stamps
    first, previous, rose = None, 0.0, True
    for stamp, picture in pictures:
        if first is None:
            first, time = stamp or 0.0, 0.0
        else:
            before, rose = rose, stamp is not None and stamp - first > previous
            time = stamp - first if rose else previous + min(steps)
            if before and rose:
                steps.append(time - previous)
        previous = time
        yield time, picture


class Ending:
    """Whether a video breaks off before the end that its file promises."""

    def __init__(self, container: InputContainer, stream: VideoStream, file: Path):
        self._format, self._file = container.format.name.split(",")[0], file
        self.promised = promised(container, stream)
        self._samples = len(stream.index_entries) if self._format == "mov" and stream.frames else 0
        self._ticks = stream.frames if self._format == "avi" else 0  # frames and gaps, which the header counts together
        self.packets, self._torn, self._stamps = 0, False, deque(maxlen=5)

    def saw(self, packet: av.Packet) -> bool:
        """Count a packet, keep its stamp, and return whether it is cut off."""
        torn = packet.is_corrupt and self._format != "mpegts"  # MPEG-TS marks gaps in this way
        if packet.size:
            self.packets += 1
            self._torn = torn
            if packet.dts is not None:
                self._stamps.append(packet.dts)
        return torn

    def is_early(self) -> bool:
        """Return whether the last packet came before the promised end."""
        if self._torn or not self.packets:
            return True
        if self._format == "avi":  # the last frame lasts for a step; a sound file's count may be one off
            stamps = list(self._stamps) or [0]
            step = min((after - before for before, after in pairwise(stamps)), default=1)
            return self._ticks - stamps[-1] - max(1, step) > 1
        if self._format == "matroska":
            return _segment_ends(self._file) > self._file.stat().st_size
        return self.packets < self._samples


def promised(container: InputContainer, stream: VideoStream) -> int:
    """Return how many frames the header promises, without those that an edit list hides; 0 if it does not say."""
    form = container.format.name.split(",")[0]
    if form == "mov" and stream.frames:
        entries = stream.index_entries
        return len(entries) - sum(bool(entries[number].flags & 2) for number in range(len(entries)))  # 2: hidden
    if form == "avi":
        return stream.frames
    if stream.duration:
        seconds = float(stream.duration * stream.time_base)
    else:
        seconds = _clock(stream.metadata.get("DURATION", ""))  # Matroska's length, counted from 0
        if not seconds and len(container.streams) == 1:
            seconds = (container.duration or 0) / av.time_base
        seconds -= float((stream.start_time or 0) * stream.time_base)
    return max(0, round(seconds * rate(stream)))


def _clock(text: str) -> float:
    """Return the seconds of a text such as 00:00:04.023; 0 for any other text."""
    try:
        hours, minutes, seconds = map(float, text.split(":"))
    except ValueError:
        return 0.0
    return 3600 * hours + 60 * minutes + seconds


def _segment_ends(file: Path) -> float:
    """Return the byte at which a Matroska file's segment ends; 0 if it does not say, as in a browser's recording."""

    def size(at: int) -> tuple[int, int]:
        """Return the number of variable length at a byte, and where it ends."""
        length = 9 - head[at].bit_length()
        value = int.from_bytes(head[at : at + length]) & (1 << 7 * length) - 1
        return (0 if value == (1 << 7 * length) - 1 else value), at + length

    with file.open("rb") as stream:
        head = stream.read(4096)
    try:
        length, at = size(4)
        if head[at + length : at + length + 4] != b"\x18\x53\x80\x67":
            return 0
        length, at = size(at + length + 4)
        return at + length if length else 0
    except IndexError:
        return 0


def rate(stream: VideoStream) -> float:
    """Return frames a second; 25 if the header says nothing usable: browsers write 1000, the tick of their clock."""
    fps = float(stream.guessed_rate or stream.average_rate or 0)
    return fps if 0 < fps < 1000 else 25.0


def _seconds(stamp: int | None, stream: VideoStream) -> float | None:
    return None if stamp is None else float(stamp * stream.time_base)
