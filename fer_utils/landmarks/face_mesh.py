"""The fast detector: the first-generation FaceMesh network, at about a third of the cost of `face_landmarker`.

The numbers of its window are those of `mp.solutions.face_mesh.FaceMesh(max_num_faces=1, refine_landmarks=False)` in
MediaPipe 0.10.21, read off its graph `face_landmark_front_cpu`. As there, points are not smoothed over time.
"""

from __future__ import annotations

import numpy as np

from fer_utils import paths, workers
from fer_utils.landmarks import face_landmarker
from fer_utils.landmarks.detectors import Mode
from fer_utils.landmarks.engine.face_detector import FaceDetector
from fer_utils.landmarks.engine.picture_network import LandmarkNetwork, read_model
from fer_utils.landmarks.engine.tracking import FaceTracker
from fer_utils.landmarks.engine.windows import Window
from fer_utils.quiet import native_logs_hidden

MODEL = paths.ASSETS / "face_landmark.tflite"
MODEL_SHA256 = "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814"
# what the points depend on, for the cache's key; the number rises when the same frames give other points
IDENTITY = ["face_mesh", 2, MODEL_SHA256, *face_landmarker.IDENTITY]

_EYE_CONTOURS = np.array(
    [
        [33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173],  # around iris points 468 to 472
        [263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398],  # around 473 to 477
    ]
)


class FaceMesh(FaceTracker):
    """478 points of a face by the FaceMesh network, which has no iris points and no blendshapes.

    In their place, 468 to 472 and 473 to 477 are the mean of the 16 points of that eye's contour: a face has no NaN,
    but these points do not follow the gaze. `faces`, `views`, and how it follows a face: see `FaceTracker`.
    Raises ModelFileError if a model file is missing or damaged, ValueError for an unknown mode or blendshapes.
    """

    def __init__(self, mode: Mode = "video", blendshapes: bool = False, faces: int = 1, views: int = 1):
        if blendshapes:
            raise ValueError("blendshapes=True: 'face_mesh' gives none; leave them out, or use 'face_landmarker'")
        with native_logs_hidden():
            network = _Network(read_model(MODEL, MODEL_SHA256), workers.threads())
            super().__init__(network, FaceDetector(face_landmarker.bundled("face_detector")), mode, faces, views)


class _Network(LandmarkNetwork):
    # of a profile the network is surer than 6, though its points may be wrong at any logit: see `long_way`
    sure_logit, long_way = 6.0, 0.03

    def look(self, image: np.ndarray, window: Window, mirrored: bool = False) -> tuple[np.ndarray, float]:
        """Return what `LandmarkNetwork.look` returns, whose 468 points are followed by those of the irises."""
        mesh, logit = super().look(image, window, mirrored)
        return np.concatenate([mesh, mesh[_EYE_CONTOURS].mean(axis=1).repeat(5, axis=0)]), logit
