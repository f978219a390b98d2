"""Frames → points by MediaPipe's FaceLandmarker."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from importlib.metadata import version
from typing import Literal

import cv2
import numpy as np

from fer_utils import paths
from fer_utils.landmarks.face_mesh import read_model
from fer_utils.quiet import native_logs_hidden

if "tensorflow" in sys.modules:
    import mediapipe as mp
else:
    # MediaPipe imports TensorFlow, if it is there, for a decorator of its documentation: 0.5 s become 4 s, in every
    # worker. Hidden for the length of this import, TensorFlow can still be imported afterwards.
    sys.modules["tensorflow"] = None
    try:
        import mediapipe as mp
    finally:
        del sys.modules["tensorflow"]
from mediapipe.tasks.python.components.containers.landmark_c import MpNormalizedLandmarkC
from mediapipe.tasks.python.vision.face_landmarker import MpFaceLandmarkerResultC

MODEL = paths.ASSETS / "face_landmarker.task"
MODEL_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
# what the points depend on, for the cache's key
IDENTITY = ["face_landmarker", MODEL_SHA256, "mediapipe", version("mediapipe")]
NUMBERS_A_POINT = ctypes.sizeof(MpNormalizedLandmarkC) // 4  # x, y, z first, as float32

Mode = Literal["video", "image"]


@cache
def model_bundle() -> bytes:
    """The model bundle's bytes, after its hash was checked. Raises ModelFileError."""
    return read_model(MODEL, MODEL_SHA256)


class FaceLandmarker:
    """MediaPipe's FaceLandmarker for one stream of frames (`mode="video"`, tracking) or for single pictures.

    Use it as a context manager, one a stream: tracking state carries over from frame to frame.
    """

    def __init__(self, mode: Mode = "video", blendshapes: bool = False):
        vision = mp.tasks.vision
        if mode not in ("video", "image"):
            raise ValueError(f"mode {mode!r}: must be 'video' or 'image'")
        self.mode, self.blendshapes = mode, blendshapes
        options = vision.FaceLandmarkerOptions(
            base_options=mp.tasks.BaseOptions(model_asset_buffer=model_bundle()),
            running_mode=vision.RunningMode.VIDEO if mode == "video" else vision.RunningMode.IMAGE,
            output_face_blendshapes=blendshapes,
        )
        with native_logs_hidden():
            self._landmarker = vision.FaceLandmarker.create_from_options(options)
        self._last_ms = -1
        self._rgb: np.ndarray | None = None  # memory that is taken anew costs more than the conversion into it

    def __enter__(self) -> FaceLandmarker:
        return self

    def __exit__(self, *_) -> None:
        self._landmarker.close()

    def detect(self, image: np.ndarray, time: float = 0.0) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Points (478, 3) in pixels and blendshape scores (52,), if asked for, of the face in a BGR uint8 picture;
        None and None where there is no face. `time` in seconds matters in video mode only."""
        self._rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=self._rgb)
        picture = mp.Image(image_format=mp.ImageFormat.SRGB, data=self._rgb)
        # MediaPipe's own `detect_for_video` and `detect`, but for what they end with: there an object is made of each
        # point, which takes a fifteenth of all the time; here the numbers are copied in one go
        library, result = self._landmarker._lib, MpFaceLandmarkerResultC()
        given, taken = (self._landmarker._handle, picture._image_ptr, None), ctypes.byref(result)
        if self.mode == "video":
            # MediaPipe wants strictly rising whole milliseconds
            self._last_ms = max(self._last_ms + 1, round(time * 1000))
            library.MpFaceLandmarkerDetectForVideo(*given, self._last_ms, taken)
        else:
            library.MpFaceLandmarkerDetectImage(*given, taken)
        try:
            if not result.face_landmarks_count:
                return None, None
            points = _points(result.face_landmarks[0])
            scores = _scores(result.face_blendshapes[0]) if self.blendshapes else None
        finally:
            library.MpFaceLandmarkerCloseResult(taken)
        height, width = image.shape[:2]
        return points * np.array([width, height, width], np.float32), scores  # z is in units of the picture's width


def _points(found) -> np.ndarray:
    """(478, 3) float32 out of MediaPipe's memory."""
    content = ctypes.string_at(found.landmarks, found.landmarks_count * ctypes.sizeof(MpNormalizedLandmarkC))
    return np.frombuffer(content, np.float32).reshape(-1, NUMBERS_A_POINT)[:, :3]


def _scores(found) -> np.ndarray:
    """(52,) float32 out of MediaPipe's memory."""
    return np.array([found.categories[number].score for number in range(found.categories_count)], np.float32)
