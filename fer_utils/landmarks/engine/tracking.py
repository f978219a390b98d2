"""The engine of the detectors: it finds faces in a stream of frames, follows them, and gives each its points."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

import numpy as np

from fer_utils.landmarks.detectors import Mode
from fer_utils.landmarks.engine.face_detector import FaceDetector
from fer_utils.landmarks.engine.identities import Identities, Look, is_same
from fer_utils.landmarks.engine.picture_network import LandmarkNetwork
from fer_utils.landmarks.engine.views import average_points
from fer_utils.landmarks.engine.windows import Window

# The detector is believed if it sees a face within REACH of the followed window's middle, but ASTRAY from the points;
# right points stay within 0.1 of what it sees, on clips of moving heads, rolls to 85° and profiles. In sides of the
# window.
REACH, ASTRAY = 0.6, 0.12


class Face(NamedTuple):
    """A face of one frame: points (478, 3) float32 in pixels, and its 52 blendshape scores if they were asked for.

    `id` stays the same while the face is followed, and after a short loss.
    """

    id: int
    points: np.ndarray
    scores: np.ndarray | None = None


class FaceTracker(AbstractContextManager):
    """One stream of frames (`mode="video"`) or single pictures (`mode="image"`). Use it as a context manager.

    While a face is followed, the window looked at comes from the points of the frame before. The face detector
    searches the whole frame if fewer than `faces` are followed: at first, when a face is lost, if the frames' size
    changed, and in every picture with `mode="image"`. Three things differ from MediaPipe:

    - If the network finds no face in the followed window, the same frame is searched, not the next.
    - The network takes half a face at the edge of its window for a whole one, and draws it in the wrong place. So if
      it is less sure, or the face moved far since the last frame, the detector is asked too.
    - Of several faces, the largest that the network confirms are followed, not those that the detector is surest of.

    With `views` above 1, points are averaged over so many views of each frame: see `average_points`. `searches`
    counts the frames that were searched.
    """

    def __init__(
        self,
        network: LandmarkNetwork,
        detector: FaceDetector,
        mode: Mode = "video",
        faces: int = 1,
        views: int = 1,
        smooth: bool = False,
        blendshapes: Callable[[np.ndarray], np.ndarray] | None = None,
    ):
        if mode not in ("video", "image"):
            raise ValueError(f"mode {mode!r}: must be 'video' or 'image'")
        if faces < 1 or views < 1:
            raise ValueError(f"faces={faces}, views={views}: must be at least 1")
        self.mode, self.faces, self.views, self.searches = mode, faces, views, 0
        self._network, self._detector = network, detector
        self._smooth, self._blendshapes = smooth and mode == "video", blendshapes
        self._identities = Identities()
        self._shape: tuple[int, ...] | None = None
        self._windows_found: list[Window] | None = None  # what the search of this frame found

    def __exit__(self, *_) -> None:
        self._network = self._detector = self._blendshapes = None
        self._identities = Identities()

    def detect(self, image: np.ndarray, time: float = 0.0) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Return the points (478, 3) float32 and the blendshape scores (52,) of the face that is followed longest.

        Points are in pixels, x to the right, y down, z in the same scale. Both are None if there is no face; scores
        are None if they were not asked for. `image` is BGR uint8; `time` is in seconds. Raises ValueError if the
        picture is not BGR uint8.
        """
        faces = self.detect_all(image, time)
        return (faces[0].points, faces[0].scores) if faces else (None, None)

    def detect_all(self, image: np.ndarray, time: float = 0.0) -> list[Face]:
        """Return up to `faces` faces of a BGR uint8 picture, by id: at first the largest has the lowest.

        Raises ValueError if the picture is not BGR uint8.
        """
        if image.dtype != np.uint8 or image.shape[2:] != (3,):
            raise ValueError(f"picture of {image.dtype}, shape {image.shape}: must be BGR uint8 (height, width, 3)")
        if self.mode == "image":
            self._identities = Identities()
        elif image.shape != self._shape:
            self._identities.forget()
        self._shape, self._windows_found = image.shape, None
        looks = {id: self._look_again(image, window) for id, window in self._identities.windows().items()}
        followed = self._identities.follow(image, {id: look for id, look in looks.items() if look is not None}, time)
        if len(followed) < self.faces:
            followed |= self._identities.meet(image, self._look_for_new(image, list(followed.values())), time)
        return [self._face(image, id, look, time) for id, look in sorted(followed.items())]

    def _face(self, image: np.ndarray, id: int, look: Look, time: float) -> Face:
        points = look.points
        if self.views > 1:
            points = average_points(self._network, image, points, self.views)
        if self._smooth:
            points = self._identities.smoother(id)(points, time)
        return Face(id, points, None if self._blendshapes is None else self._blendshapes(points))

    def _search(self, image: np.ndarray) -> list[Window]:
        if self._windows_found is None:
            self.searches += 1
            self._windows_found = [window for window, _ in self._detector.faces(image)]
        return self._windows_found

    def _look_for_new(self, image: np.ndarray, followed: list[Look]) -> list[Look]:
        """Return looks at the largest faces that are not followed, as many as are wanted."""
        looks = list(followed)
        for window in self._search(image):
            if len(looks) == self.faces:
                break
            if any(is_same(window, look.window) for look in looks):
                continue
            look = self._look(image, window)
            if look is not None and not any(is_same(look.window, other.window) for other in looks):
                looks.append(look)
        return looks[len(followed) :]

    def _look_again(self, image: np.ndarray, window: Window) -> Look | None:
        """Return a look at the last frame's window; or a better one, if the detector sees a face off its points."""
        look, network = self._look(image, window), self._network
        if look is None or (look.logit >= network.sure_logit and look.window.distance(window) <= network.long_way):
            return look
        seen = [other for other in self._search(image) if other.distance(window) < REACH]
        nearest = min(seen, key=lambda other: other.distance(look.window), default=look.window)
        better = self._look(image, nearest) if nearest.distance(look.window) > ASTRAY else None
        return better or look

    def _look(self, image: np.ndarray, window: Window) -> Look | None:
        """Return what the network sees in a window, or None if that is no face."""
        points, logit = self._network.look(image, window)
        return Look(points, Window.around_face(points), logit) if logit > 0 else None
