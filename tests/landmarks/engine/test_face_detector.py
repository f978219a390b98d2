"""The face detector on scikit-image's astronaut."""

import math

import cv2
import numpy as np
import pytest

from fer_utils.landmarks.engine.face_detector import FaceDetector
from fer_utils.landmarks.face_landmarker import bundled
from fer_utils.landmarks.mediapipe_task import load_mediapipe


@pytest.fixture(scope="module")
def detector():
    return FaceDetector(bundled("face_detector"))


def test_window_of_a_photograph(detector, photograph):
    ((window, _),) = detector.faces(photograph)
    assert np.hypot(window.x - 224, window.y - 128) < 10  # around the tip of the nose, where a person sees it
    assert 100 < window.side < 250 and abs(window.angle) < 0.15


def test_each_face_once_and_the_largest_first(detector, photograph):
    face = photograph[:300, 100:350]
    middles = sorted(window.x for window, _ in detector.faces(np.hstack([face, face])))
    assert middles == pytest.approx([124, 374], abs=10)
    large = cv2.resize(face, None, fx=1.3, fy=1.3)[:300]
    for picture in (np.hstack([large, face]), np.hstack([face, large])):
        (first, _), (second, _) = detector.faces(picture)
        assert first.side == pytest.approx(1.3 * second.side, rel=0.1)


def test_picture_without_a_face(detector):
    assert detector.faces(np.zeros((100, 200, 3), np.uint8)) == []


def test_eyes_are_where_mediapipe_finds_them(detector, photograph):
    """The window's angle is that of the line between the eyes, and its middle that of the box."""
    mediapipe = load_mediapipe()
    vision = mediapipe.tasks.vision
    model = mediapipe.tasks.BaseOptions(model_asset_buffer=bundled("face_detector"))
    with vision.FaceDetector.create_from_options(vision.FaceDetectorOptions(base_options=model)) as theirs:
        for picture in (photograph, photograph[20:501, 33:], cv2.resize(photograph, (320, 240))):
            rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
            (face,) = theirs.detect(mediapipe.Image(mediapipe.ImageFormat.SRGB, rgb)).detections
            height, width = picture.shape[:2]
            left, right = ((point.x * width, point.y * height) for point in face.keypoints[:2])
            ((window, logit),) = detector.faces(picture)
            assert window.angle == pytest.approx(math.atan2(right[1] - left[1], right[0] - left[0]), abs=5e-4)
            assert 1 / (1 + math.exp(-logit)) == pytest.approx(face.categories[0].score, abs=1e-3)
