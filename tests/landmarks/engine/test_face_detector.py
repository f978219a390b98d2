"""The face detector on scikit-image's astronaut."""

import cv2
import numpy as np
import pytest

from fer_utils.landmarks.engine.face_detector import FaceDetector
from fer_utils.landmarks.face_landmarker import bundled


@pytest.fixture(scope="module")
def detector():
    return FaceDetector(bundled("face_detector"))


def test_window_of_a_photograph(detector, photograph):
    (window,) = detector.windows(photograph)
    assert np.hypot(window.x - 224, window.y - 128) < 10  # around the tip of the nose, where a person sees it
    assert 100 < window.side < 250 and abs(window.angle) < 0.15


def test_each_face_once_and_the_largest_first(detector, photograph):
    face = photograph[:300, 100:350]
    assert sorted(window.x for window in detector.windows(np.hstack([face, face]))) == pytest.approx([124, 374], abs=10)
    large = cv2.resize(face, None, fx=1.3, fy=1.3)[:300]
    for picture in (np.hstack([large, face]), np.hstack([face, large])):
        first, second = detector.windows(picture)
        assert first.side == pytest.approx(1.3 * second.side, rel=0.1)


def test_picture_without_a_face(detector):
    assert detector.windows(np.zeros((100, 200, 3), np.uint8)) == []
