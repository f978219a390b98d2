"""The default detector: the networks of MediaPipe's FaceLandmarker, run by LiteRT."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from importlib.metadata import version

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from fer_utils import paths, workers
from fer_utils.landmarks.detectors import Mode
from fer_utils.landmarks.engine.face_detector import FaceDetector
from fer_utils.landmarks.engine.picture_network import LandmarkNetwork, read_model
from fer_utils.landmarks.engine.tracking import FaceTracker
from fer_utils.quiet import native_logs_hidden

MODEL = paths.ASSETS / "face_landmarker.task"
MODEL_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
# what the points depend on, for the cache's key; the number rises when the same frames give other points
IDENTITY = ["face_landmarker", 2, MODEL_SHA256, "ai-edge-litert", version("ai-edge-litert")]

# the points that the blendshape network takes; MediaPipe, face_blendshapes_graph.cc
# fmt: off
BLENDSHAPE_POINTS = np.array([
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80,
    81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153,
    154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251,
    263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318,
    321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385, 386,
    387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
])
# fmt: on


@cache
def model_bundle() -> bytes:
    """Return the bundle's bytes, after its hash was checked. Raises ModelFileError."""
    return read_model(MODEL, MODEL_SHA256)


def bundled(name: str) -> bytes:
    """Return the bytes of one network of the bundle. Raises ModelFileError."""
    with zipfile.ZipFile(io.BytesIO(model_bundle())) as files:
        return files.read(f"{name}.tflite")


def networks() -> tuple[LandmarkNetwork, FaceDetector]:
    """Return the bundle's landmark network and its face detector. Raises ModelFileError."""
    return _Network(bundled("face_landmarks_detector"), workers.threads()), FaceDetector(bundled("face_detector"))


class FaceLandmarker(FaceTracker):
    """478 points of a face, by the networks that MediaPipe's FaceLandmarker runs, and its 52 blendshape scores.

    In video mode points are smoothed over time as MediaPipe smooths them. `faces`, `views`, and how it follows a
    face: see `FaceTracker`. Raises ModelFileError if the bundle is missing or damaged, ValueError for an unknown mode.
    """

    def __init__(self, mode: Mode = "video", blendshapes: bool = False, faces: int = 1, views: int = 1):
        with native_logs_hidden():
            scorer = Blendshapes(bundled("face_blendshapes")) if blendshapes else None
            super().__init__(*networks(), mode, faces, views, smooth=True, blendshapes=scorer)


class _Network(LandmarkNetwork):
    # Measured on windows moved off four rendered faces and a photograph: points that are wrong by more than a tenth of
    # the distance between the eyes have a logit of at most 10; right ones 20 and more on still heads, 14 on one that
    # leaps and rolls. So a face that moved needs no other check.
    sure_logit, long_way = 12.0, np.inf


class Blendshapes:
    """The 52 scores (52,) float32 of points (478, 3) in pixels."""

    def __init__(self, content: bytes):
        self._interpreter = Interpreter(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        (self._input,) = (details["index"] for details in self._interpreter.get_input_details())
        (self._output,) = (details["index"] for details in self._interpreter.get_output_details())

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Return the scores."""
        self._interpreter.set_tensor(self._input, points[None, BLENDSHAPE_POINTS, :2])
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output)
