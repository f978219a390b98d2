"""MediaPipe's own FaceLandmarker, to compare the default detector with. Needs the package mediapipe."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

import cv2
import numpy as np

from fer_utils.errors import UserError
from fer_utils.landmarks.detectors import Mode
from fer_utils.landmarks.face_landmarker import MODEL_SHA256, model_bundle
from fer_utils.quiet import native_logs_hidden

try:
    VERSION = version("mediapipe")
except PackageNotFoundError:
    raise UserError("detector 'mediapipe': not installed; pip install mediapipe, or use 'face_landmarker'") from None
# what the points depend on, for the cache's key
IDENTITY = ["face_landmarker", MODEL_SHA256, "mediapipe", VERSION]


def load_mediapipe() -> ModuleType:
    """Import MediaPipe without TensorFlow, which can be imported afterwards: 0.5 s instead of 4 s.

    MediaPipe imports TensorFlow, if it is installed, for a decorator of its documentation.
    """
    if "tensorflow" not in sys.modules:
        sys.modules["tensorflow"] = None
    try:
        import mediapipe
    finally:
        if sys.modules["tensorflow"] is None:
            del sys.modules["tensorflow"]
    return mediapipe


class MediaPipeLandmarker(AbstractContextManager):
    """MediaPipe's FaceLandmarker for one stream of frames (`mode="video"`) or for single pictures (`mode="image"`).

    Use it as a context manager, one a stream: tracking state carries over from frame to frame. Raises ModelFileError
    if the bundle is missing or damaged, ValueError for an unknown mode, several faces or several views.
    """

    def __init__(self, mode: Mode = "video", blendshapes: bool = False, faces: int = 1, views: int = 1):
        if mode not in ("video", "image"):
            raise ValueError(f"mode {mode!r}: must be 'video' or 'image'")
        if faces != 1 or views != 1:
            raise ValueError(f"faces={faces}, views={views}: 'mediapipe' takes one; use 'face_landmarker'")
        self.mode, self.blendshapes = mode, blendshapes
        self._mp = load_mediapipe()
        vision = self._mp.tasks.vision
        options = vision.FaceLandmarkerOptions(
            base_options=self._mp.tasks.BaseOptions(model_asset_buffer=model_bundle()),
            running_mode=vision.RunningMode.VIDEO if mode == "video" else vision.RunningMode.IMAGE,
            output_face_blendshapes=blendshapes,
        )
        with native_logs_hidden():
            self._landmarker = vision.FaceLandmarker.create_from_options(options)
        self._last_ms = -1

    def __exit__(self, *_) -> None:
        self._landmarker.close()

    def detect(self, image: np.ndarray, time: float = 0.0) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Return what `FaceTracker.detect` returns, of MediaPipe's face."""
        picture = self._mp.Image(image_format=self._mp.ImageFormat.SRGB, data=cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        if self.mode == "video":
            # MediaPipe wants strictly rising whole milliseconds
            self._last_ms = max(self._last_ms + 1, round(time * 1000))
            result = self._landmarker.detect_for_video(picture, self._last_ms)
        else:
            result = self._landmarker.detect(picture)
        if not result.face_landmarks:
            return None, None
        height, width = image.shape[:2]
        size = np.array([width, height, width], np.float32)  # z is in units of the picture's width
        points = np.array([(point.x, point.y, point.z) for point in result.face_landmarks[0]], np.float32) * size
        if not self.blendshapes:
            return points, None
        return points, np.array([category.score for category in result.face_blendshapes[0]], np.float32)
