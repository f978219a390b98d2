"""The camera widget.

Frames of the browser's camera come in and are answered; or pictures of a camera or clip on the kernel's side go out.
`assets/camera.js` draws, and turns the camera on and off.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import anywidget
import cv2
import numpy as np
import traitlets

from fer_utils import paths
from fer_utils.data.video import Video
from fer_utils.errors import first_line
from fer_utils.landmarks import regions
from fer_utils.landmarks.canonical import SKIN
from fer_utils.plots import style
from fer_utils.realtime.live import Live
from fer_utils.realtime.streaming import Recognition

SOURCES = ("browser", "kernel", "clip")
UNSEEN = 3  # pictures that no page has acknowledged, after which the kernel's source ends
ACKNOWLEDGED_WITHIN = 2.0  # seconds
ENDS_WITHIN = 5.0  # seconds that a camera may take to be released
ELSEWHERE = "Stopped: the demo was started again, or in another page."


class Camera(anywidget.AnyWidget):
    """A camera's picture with what `live` recognises in it, in every page that displays this widget.

    No frame is ever part of the widget's state, which notebooks save: frames and answers are messages. Every frame is
    answered, even if recognising it fails, since the page waits for the answer. Of several pages the one whose
    button was pressed last has the stream. `clip` is the video file of the source "clip".
    """

    _esm = paths.ASSETS / "camera.js"
    _css = paths.ASSETS / "camera.css"

    source = traitlets.Enum(SOURCES, "browser").tag(sync=True)
    width = traitlets.Int(320).tag(sync=True)
    height = traitlets.Int(240).tag(sync=True)
    quality = traitlets.Float(0.8).tag(sync=True)  # of the JPEG that is sent to the kernel
    # frames on their way at once: two hide the delay of the way, three that of a distant kernel
    window = traitlets.Int(2).tag(sync=True)
    patience = traitlets.Float(10.0).tag(sync=True)  # seconds without an answer after which the camera is turned off
    mesh = traitlets.Bool(True).tag(sync=True)
    span = traitlets.Float(10.0).tag(sync=True)  # seconds of the intensity's curve
    classes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    edges = traitlets.Bytes().tag(sync=True)  # uint16, two points a line of the mesh
    dots = traitlets.Dict().tag(sync=True)  # colour → the points of a region
    colours = traitlets.Dict(style.EMOTION_COLOURS).tag(sync=True)  # emotion → the colour of its bar

    def __init__(self, live: Live, clip: Path, **traits):
        dots = {colour: list(regions.by_region()[name]) for name, colour in style.REGION_COLOURS.items()}
        super().__init__(edges=_edges(), dots=dots, **traits)
        self.live, self.clip = live, clip
        self.device = 0  # number of the kernel's camera
        self._lock = threading.RLock()
        self._page, self._run = "", 0  # whose stream it is, and that page's number for it
        self._player: _Player | None = None
        self._former: threading.Thread | None = None
        self.on_msg(self._receive)
        self.observe(lambda _: self.stop(), "source")

    def stop(self, note: str = "", error: bool = False) -> None:
        """End the stream, wherever its camera is. `note` is shown there."""
        with self._lock:
            player, self._player = self._player, None
            if player is not None:
                player.halt()
                self._former = player.thread
            self.live.stop()
            if self._page:
                self.send({"kind": "stop", "note": note, "error": error, "page": self._page, "run": self._run})
            self._page = ""

    def _receive(self, _, message: dict, buffers: list) -> None:
        kind, page, run = message.get("kind"), message.get("page", ""), message.get("run", 0)
        if kind == "seen":
            if (player := self._player) is not None:
                player.seen.set()
        elif kind == "start":
            self._start(page, run, message.get("source", self.source))
        elif kind == "stop":
            # any page may stop the kernel's pictures; a page's camera is stopped by that page alone
            if (page, run) == (self._page, self._run) or self.source != "browser":
                self.stop()
        elif kind == "frame":
            self._frame(page, run, message, buffers[0])

    def _start(self, page: str, run: int, source: str) -> None:
        with self._lock:
            self.stop(ELSEWHERE)
            if source != self.source:  # another was chosen, and the page did not know of it yet when Start was pressed
                self.send({"kind": "stop", "note": "", "error": False, "again": True, "page": page, "run": run})
                return
            self._page, self._run = page, run
            try:
                self.live.start()
            except Exception as error:  # shown in the page: nobody reads a kernel's log
                self.stop(first_line(error), error=True)
                return
            if self.source != "browser":
                self._player = _Player(self, self._former)

    def _frame(self, page: str, run: int, message: dict, data) -> None:
        with self._lock:
            if (page, run) != (self._page, self._run):  # on its way when the stream ended
                self.send({"kind": "stop", "note": ELSEWHERE, "error": False, "page": page, "run": run})
                return
            try:
                image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
                if image is None:
                    raise ValueError("a frame that is no picture")
                answer, points = _answer(self.live.push(image, message["time"]), image, self.live.others)
            except Exception as error:  # whatever it is, the page waits for an answer
                answer = {"error": first_line(error), "time": message.get("time", 0.0), "width": 1, "height": 1}
                points = b""
            self.send({"kind": "answer", "page": page, "number": message.get("number"), **answer}, buffers=[points])


class _Player:
    """A thread that sends the pictures of the kernel's camera, or of the clip over and over, at their own pace."""

    def __init__(self, camera: Camera, former: threading.Thread | None):
        self.seen, self._halted = threading.Event(), threading.Event()
        self._camera, self._former = camera, former
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def halt(self) -> None:
        self._halted.set()
        self.seen.set()

    def _run(self) -> None:
        camera = self._camera
        if self._former is not None:
            self._former.join(ENDS_WITHIN)  # a camera can be open once
        try:
            note, error = self._play(camera.device if camera.source == "kernel" else camera.clip)
        except Exception as problem:  # shown in the page: nobody reads a thread's log
            note, error = first_line(problem), True
        with camera._lock:
            if not self._halted.is_set():
                camera.stop(note, error)

    def _play(self, source: int | Path) -> tuple[str, bool]:
        """Play until halted, or until there is no more; return why that was, and whether it is an error."""
        clip, unseen = isinstance(source, Path), 0
        step = 1 / Video(source).fps if clip else 0.0  # a camera keeps its own pace
        last = time.monotonic()
        with closing(_looped_frames(source, step) if clip else _camera_frames(source)) as pictures:
            for number, (at, image) in enumerate(pictures):
                if not self._send(number, image, at):
                    return "", False
                unseen = 0 if self.seen.wait(ACKNOWLEDGED_WITHIN) else unseen + 1
                if unseen == UNSEEN:
                    return "Stopped: no page shows it.", False
                if self._halted.wait(max(0.0, last + step - time.monotonic())):
                    return "", False
                last = max(last + step, time.monotonic() - step)
        return f"{source}: no frame can be read." if clip else "The camera was taken away.", True

    def _send(self, number: int, image: np.ndarray, at: float) -> bool:
        """Send a picture with what is recognised in it; return False if the player was halted."""
        camera = self._camera
        width = min(camera.width, image.shape[1])
        image = cv2.resize(image, (width, round(image.shape[0] * width / image.shape[1])))
        with camera._lock:
            if self._halted.is_set():
                return False
            self.seen.clear()
            answer, points = _answer(camera.live.push(image, at), image, camera.live.others)
            jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, round(100 * camera.quality)])[1]
            whose = {"page": camera._page, "run": camera._run}
            camera.send({"kind": "picture", "number": number, **whose, **answer}, buffers=[points, jpeg.tobytes()])
        return True


def _looped_frames(clip: Path, step: float) -> Iterator[tuple[float, np.ndarray]]:
    """Yield the pictures of a clip with their times, `step` seconds apart, without an end if there are any."""
    number = -1
    while True:
        before = number
        for frame in Video(clip):
            if frame.image is not None:
                number += 1
                yield number * step, frame.image
        if number == before:
            return


def _camera_frames(device: int) -> Iterator[tuple[float, np.ndarray]]:
    """Yield the pictures of a camera with their times, until it is taken away. Raises OSError if there is none."""
    capture = cv2.VideoCapture(device)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest frame, not one that waited
    try:
        if not capture.isOpened():
            fix = "plug one in there, or choose the browser's camera"
            raise OSError(f"The kernel's machine has no camera {device}: {fix}.")
        began = time.monotonic()
        while (read := capture.read())[0]:
            yield time.monotonic() - began, read[1]
    finally:
        capture.release()


def _answer(seen: Recognition, image: np.ndarray, others: list[list[int]]) -> tuple[dict, bytes]:
    """Return what the page shows of a recognition: a message, and points (478, 2) in eighths of a pixel as int16."""
    answer = {name: getattr(seen, name) for name in ("time", "emotion", "phase", "intensity", "probabilities", "why")}
    answer |= {"others": others, "width": image.shape[1], "height": image.shape[0]}
    if seen.points is None:
        return answer, b""
    return answer, np.clip(np.rint(seen.points[:, :2] * 8), -(2**15), 2**15 - 1).astype("<i2").tobytes()


def _edges() -> bytes:
    """Return the lines of the face mesh's triangles, each once: (n, 2) uint16."""
    pairs = np.concatenate([SKIN[:, [0, 1]], SKIN[:, [1, 2]], SKIN[:, [2, 0]]])
    return np.unique(np.sort(pairs, axis=1), axis=0).astype("<u2").tobytes()
