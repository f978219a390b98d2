"""Points averaged over views of a photograph (scikit-image's astronaut)."""

import cv2
import numpy as np
import pytest

from fer_utils.landmarks.detectors import open_detector
from fer_utils.landmarks.engine.views import MIRROR, average_points


def test_mirror_is_its_own_inverse():
    assert MIRROR.shape == (478,) and (MIRROR[MIRROR] == np.arange(478)).all()
    assert MIRROR[[33, 61, 70, 468, 469]].tolist() == [263, 291, 300, 473, 476]
    assert MIRROR[[1, 13, 152]].tolist() == [1, 13, 152]  # nose, lips and chin are in the middle


@pytest.mark.parametrize("name", ["face_landmarker", "face_mesh"])
@pytest.mark.parametrize("views", [2, 8])
def test_averaged_points_are_those_of_the_face(photograph, name, views):
    """A mirror image whose points kept their order would put each eye half way to the other."""
    with open_detector(name, "image") as one, open_detector(name, "image", views=views) as several:
        plain, averaged = one.detect(photograph)[0], several.detect(photograph)[0]
    assert averaged.shape == (478, 3) and averaged.dtype == np.float32
    off = np.hypot(*(averaged - plain)[:, :2].T)
    assert 0.05 < off.mean() < 1.5 and off.max() < 4  # the distance between the eyes is 60 pixels


def test_averaged_points_depend_less_on_how_the_face_lies(photograph):
    """Points of the picture turned and enlarged, mapped back, come nearer to those of the picture as it is."""
    spread = {}
    for views in (1, 8):
        with open_detector("face_landmarker", "image", views=views) as detector:
            first, _ = detector.detect(photograph)
            differences = []
            for angle, scale in ((4, 1.0), (-3, 1.06), (0, 0.93), (7, 1.1)):
                to = cv2.getRotationMatrix2D((224, 128), angle, scale)
                points, _ = detector.detect(cv2.warpAffine(photograph, to, (512, 512)))
                back = cv2.invertAffineTransform(to)
                differences.append(points[:, :2] @ back[:, :2].T + back[:, 2] - first[:, :2])
        spread[views] = np.std(differences)
    assert spread[8] < 0.85 * spread[1]


def test_views_without_a_face_are_left_out(photograph):
    class Blind:
        def look(self, image, window, mirrored=False):
            return np.zeros((478, 3), np.float32), -1.0

    points = np.random.default_rng(0).uniform(0, 100, (478, 3)).astype(np.float32)
    np.testing.assert_array_equal(average_points(Blind(), photograph, points), points)


@pytest.mark.parametrize("name", ["face_landmarker", "face_mesh", "mediapipe"])
@pytest.mark.parametrize("option", ["views", "faces"])
def test_number_that_there_is_not(name, option):
    with pytest.raises(ValueError, match=f"{option}=0"):
        open_detector(name, "image", **{option: 0})
