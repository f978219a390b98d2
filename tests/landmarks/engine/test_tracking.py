"""What following does when a face moves, is lost or is not alone, with both generations of the landmark network
(scikit-image's astronaut)."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_utils.data.pictures import Frame
from fer_utils.data.video import Video
from fer_utils.landmarks.detectors import open_detector
from fer_utils.landmarks.track import track

CLIPS = Path(__file__).parents[2] / "files" / "face_mesh"


@pytest.fixture(scope="module", params=["face_landmarker", "face_mesh"])
def detector(request):
    return request.param


@pytest.fixture(scope="module")
def expected(detector, photograph):
    """Where the points are in the photograph, (478, 3)."""
    return detected(detector, photograph)


def detected(detector, image):
    with open_detector(detector, "image") as mesh:
        points, scores = mesh.detect(image)
    assert scores is None
    return points


def moved(image, x, y=0):
    return cv2.warpAffine(image, np.float32([[1, 0, x], [0, 1, y]]), image.shape[1::-1])


def eye_distance(points):
    return np.hypot(*(points[33] - points[263])[:2])


def error(points, true):
    """Mean distance of the network's points from the true ones, over the distance between the outer eye corners."""
    return np.hypot(*(points - true)[:468, :2].T).mean() / eye_distance(true)


def test_a_tracked_face_is_searched_for_once(detector):
    frames = list(Video(CLIPS / "mmi.mp4"))
    with open_detector(detector) as mesh:
        for frame in frames:
            mesh.detect(frame.image)
        assert mesh.searches == 1
    with open_detector(detector, "image") as mesh:
        for frame in frames[:3]:
            mesh.detect(frame.image)
        assert mesh.searches == 3


@pytest.mark.parametrize("mode", ["image", "video"])
def test_eyes_nose_and_mouth_are_where_they_are(detector, photograph, mode):
    with open_detector(detector, mode) as mesh:
        points, _ = mesh.detect(photograph)
    assert points.shape == (478, 3) and points.dtype == np.float32 and not np.isnan(points).any()
    # where a person sees them, within a tenth of the distance between the irises, 44 pixels
    for found, seen in [
        (points[468], (203, 101)),
        (points[473], (247, 103)),
        (points[[13, 14]].mean(axis=0), (224, 146)),
        (points[1], (224, 128)),
    ]:
        assert np.hypot(*(found[:2] - seen)) < 4.4
    assert points[1, 2] < points[[33, 263], 2].min()  # the tip of the nose is nearer than the eyes


@pytest.mark.parametrize("roll", [-60, -30, 30, 60])
def test_rolled_head(detector, photograph, expected, roll):
    turn = cv2.getRotationMatrix2D((224, 128), roll, 1)
    points = detected(detector, cv2.warpAffine(photograph, turn, (512, 512)))
    true = expected.copy()
    true[:, :2] = expected[:, :2] @ turn[:, :2].T + turn[:, 2]
    assert error(points, true) < 0.05
    assert np.corrcoef(points[:, 2], expected[:, 2])[0, 1] > 0.99


@pytest.mark.parametrize("scale", [0.4, 2.0])
def test_depth_grows_with_the_face(detector, photograph, expected, scale):
    points = detected(detector, cv2.resize(photograph, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    assert error(points, expected * scale) < 0.05
    assert np.ptp(points[:, 2]) == pytest.approx(scale * np.ptp(expected[:, 2]), rel=0.08)


@pytest.mark.parametrize("x, y", [(0, 30), (0, 45), (0, -70), (45, 0), (60, 0), (80, 0), (150, 20)])
def test_face_that_leaps_is_not_drawn_where_it_was(detector, photograph, expected, x, y):
    """Up to half of the region's side the network is taken in, and draws the face at the region's middle."""
    after = moved(photograph, x, y)
    with open_detector(detector) as mesh:
        mesh.detect(photograph)
        points, _ = mesh.detect(after)
        assert error(points, expected + np.array([x, y, 0])) < 0.05 and mesh.searches == 2
        mesh.detect(after)
        assert mesh.searches == 2


def test_lost_face_is_found_again(detector, photograph, expected):
    black = np.zeros_like(photograph)
    noise = np.random.default_rng(0).integers(0, 256, photograph.shape, dtype=np.uint8)
    with open_detector(detector) as mesh:
        assert mesh.detect(photograph)[0] is not None and mesh.searches == 1
        for gone in (black, noise):
            assert mesh.detect(gone) == (None, None)
        assert mesh.searches == 3
        points, _ = mesh.detect(moved(photograph, 100))
        assert error(points, expected + np.array([100, 0, 0])) < 0.05 and mesh.searches == 4


def test_changed_frame_size(detector, photograph, expected):
    half = cv2.resize(photograph, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    with open_detector(detector) as mesh:
        mesh.detect(photograph)
        points, _ = mesh.detect(half)
        assert mesh.searches == 2 and error(points, expected / 2) < 0.05
        assert error(mesh.detect(photograph)[0], expected) < 0.05 and mesh.searches == 3
        # even where the face is where it was
        assert error(mesh.detect(photograph[:500, :500])[0], expected) < 0.05 and mesh.searches == 4


def test_of_two_faces_the_larger_is_followed(detector, photograph):
    face = photograph[:300, 100:350]
    large = cv2.resize(face, None, fx=1.3, fy=1.3)[:300]
    for mode in ("image", "video"):
        for left, right, middle in ((large, face, 160), (face, large, 410)):
            with open_detector(detector, mode) as mesh:
                xs = [mesh.detect(np.hstack([left, right]))[0][1, 0] for _ in range(3)]
            assert xs == pytest.approx([middle] * 3, abs=4)


def test_the_followed_face_is_kept_when_a_larger_one_comes(detector, photograph):
    face = photograph[:300, 100:350]
    large = cv2.resize(face, None, fx=1.3, fy=1.3)[:300]
    alone, both = np.hstack([face, np.zeros_like(large)]), np.hstack([face, large])
    with open_detector(detector) as mesh:
        xs = [mesh.detect(image)[0][1, 0] for image in (alone, both, both)]
        assert xs == pytest.approx([124] * 3, abs=4)
        # and when it goes, the other one is found, in the same frame
        assert mesh.detect(np.hstack([np.zeros_like(face), large]))[0][1, 0] == pytest.approx(410, abs=4)


@pytest.mark.parametrize("x, y", [(170, 0), (190, 0), (0, 80), (0, 95)])
def test_face_at_the_edge(detector, photograph, expected, x, y):
    """The head begins at 170 and the brow at 88: what is beside the picture is guessed."""
    points = detected(detector, photograph[y:, x:])
    assert error(points, expected - np.array([x, y, 0])) < 0.03


def test_huge_picture(detector, photograph, expected):
    points = detected(detector, cv2.resize(photograph, None, fx=8, fy=8))
    assert error(points, expected * 8) < 0.03


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 400, 3), (400, 3, 3)])
def test_picture_too_small_for_a_face(detector, shape):
    assert detected(detector, np.zeros(shape, np.uint8)) is None


@pytest.mark.parametrize("image", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 3))])
def test_picture_of_another_kind(detector, image):
    with pytest.raises(ValueError, match=r"must be BGR uint8 \(height, width, 3\)"):
        detected(detector, image)


def test_track(detector, photograph):
    frames = [Frame(n, n / 25, moved(photograph, n)) for n in range(4)]
    frames[2] = Frame(2, 0.08, np.zeros_like(photograph))
    found = track(frames, detector=detector)
    assert found.found.tolist() == [True, True, False, True] and found.reasons[2] == "no face found"
    assert found.points.shape == (4, 478, 3) and np.isnan(found.points[2]).all()
    assert found.blendshapes is None and found.size == (512, 512)
    assert (found.points[3] - found.points[0])[:, 0].mean() == pytest.approx(3, abs=1.0)
