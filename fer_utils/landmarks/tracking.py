"""The engine of the detectors: it finds faces in a stream of frames, follows them, and gives each its points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from fer_utils.landmarks.detectors import Mode
from fer_utils.landmarks.face_detector import FaceDetector
from fer_utils.landmarks.smoothing import OneEuroFilter
from fer_utils.landmarks.views import average_points
from fer_utils.landmarks.windows import Window

# The detector is believed if it sees a face within REACH of the followed window's middle, but ASTRAY from the points;
# right points stay within 0.1 of what it sees, on clips of moving heads, rolls to 85° and profiles. In sides of the
# window.
REACH, ASTRAY = 0.6, 0.12


class LandmarkNetwork(Protocol):
    """What differs from one generation of the landmark network to the next.

    Attributes
    ----------
    sure : float
        The logit from which the points of a followed face are right without a check.
    hurried : float
        A face that moved farther than this since the last frame, in sides of its window, is checked.
    """

    sure: float
    hurried: float

    def look(self, image: np.ndarray, window: Window, mirrored: bool = False) -> tuple[np.ndarray, float]:
        """Return the points (478, 3) in pixels of the frame and the logit of there being a face.

        `mirrored` shows the network the window's mirror image; its points come in the order of that image.
        """


class Face(NamedTuple):
    """A face of one frame: points (478, 3) float32 in pixels, and its 52 blendshape scores if they were asked for.

    `id` stays the same while the face is followed.
    """

    id: int
    points: np.ndarray
    scores: np.ndarray | None = None


class _Look(NamedTuple):
    points: np.ndarray
    window: Window  # where to look for this face in the next frame
    logit: float


@dataclass
class _Followed:
    id: int
    look: _Look
    smooth: OneEuroFilter = field(default_factory=OneEuroFilter)


class FaceTracker:
    """One stream of frames (`mode="video"`) or single pictures (`mode="image"`). Use it as a context manager.

    While a face is followed, the window looked at comes from the points of the frame before. The face detector
    searches the whole frame if there is no such window: at first, after a frame without a face, if the frames' size
    changed, and in every picture with `mode="image"`. Three things differ from MediaPipe:

    - If the network finds no face in the followed window, the same frame is searched, not the next.
    - The network takes half a face at the edge of its window for a whole one, and draws it in the wrong place. So if
      it is less sure, or the face moved far since the last frame, the detector is asked too.
    - Of several faces, the largest that the network confirms is followed, not the one that the detector is surest of.

    With `views` above 1, points are averaged over so many views of each frame: see `views.average_points`. `searches`
    counts the frames that were searched.
    """

    def __init__(
        self,
        network: LandmarkNetwork,
        detector: FaceDetector,
        mode: Mode = "video",
        views: int = 1,
        smooth: bool = False,
        blendshapes: Callable[[np.ndarray], np.ndarray] | None = None,
    ):
        if mode not in ("video", "image"):
            raise ValueError(f"mode {mode!r}: must be 'video' or 'image'")
        if views < 1:
            raise ValueError(f"views {views}: must be at least 1")
        self.mode, self.views, self.searches = mode, views, 0
        self._network, self._detector = network, detector
        self._smooth, self._blendshapes = smooth and mode == "video", blendshapes
        self._followed: _Followed | None = None
        self._shape: tuple[int, ...] | None = None

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self._network = self._detector = self._blendshapes = self._followed = None

    def detect(self, image: np.ndarray, time: float = 0.0) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Return the points (478, 3) float32 and the blendshape scores (52,) of the followed face.

        Points are in pixels, x to the right, y down, z in the same scale. Both are None if there is no face; scores
        are None if they were not asked for. `image` is BGR uint8; `time` in seconds matters for smoothing alone.
        Raises ValueError if the picture is not BGR uint8.
        """
        if image.dtype != np.uint8 or image.shape[2:] != (3,):
            raise ValueError(f"picture of {image.dtype}, shape {image.shape}: must be BGR uint8 (height, width, 3)")
        before = self._followed if self.mode == "video" and image.shape == self._shape else None
        self._shape = image.shape
        look = None if before is None else self._again(image, before.look.window)
        if look is None:
            before = None
            looks = (self._look(image, window) for window in self._search(image))
            look = next((seen for seen in looks if seen is not None), None)
        if look is None:
            self._followed = None
            return None, None
        self._followed = before or _Followed(0, look)
        self._followed.look = look
        points = look.points
        if self.views > 1:
            points = average_points(self._network, image, points, self.views)
        if self._smooth:
            points = self._followed.smooth(points, time)
        return points, None if self._blendshapes is None else self._blendshapes(points)

    def _search(self, image: np.ndarray) -> list[Window]:
        self.searches += 1
        return self._detector.windows(image)

    def _again(self, image: np.ndarray, window: Window) -> _Look | None:
        """Return a look at the last frame's window; or a better one, if the detector sees a face off its points."""
        look = self._look(image, window)
        if look is None or (look.logit >= self._network.sure and look.window.distance(window) <= self._network.hurried):
            return look
        seen = [found for found in self._search(image) if found.distance(window) < REACH]
        nearest = min(seen, key=lambda found: found.distance(look.window), default=look.window)
        better = self._look(image, nearest) if nearest.distance(look.window) > ASTRAY else None
        return better or look

    def _look(self, image: np.ndarray, window: Window) -> _Look | None:
        """Return what the network sees in a window, or None if that is no face."""
        points, logit = self._network.look(image, window)
        if logit <= 0:
            return None
        return _Look(points, Window.around_face(points), logit)
