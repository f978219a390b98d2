"""The default detector against MediaPipe's FaceLandmarker: the same pictures, the same bundle."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_utils import paths, workers
from fer_utils.data.pictures import Frame
from fer_utils.data.video import Video
from fer_utils.landmarks.face_landmarker import FaceLandmarker
from tests.landmarks.parity import both, distances

CLIPS = Path(__file__).parents[1] / "files" / "face_mesh"
# the mean and the largest distance from MediaPipe's points, in pixels of a picture 640 pixels wide
IMAGE, VIDEO = (0.2, 1.0), (0.3, 2.0)


@pytest.mark.parametrize("mode, limits", [("image", IMAGE), ("video", VIDEO)])
@pytest.mark.parametrize("clip", ["ckplus", "mmi", "infrared", "actor"])
def test_points_and_scores_are_those_of_mediapipe(clip, mode, limits):
    """Rendered actors; of the clip that ships, the beginning of a smile."""
    file = CLIPS / f"{clip}.mp4" if clip != "actor" else paths.ASSETS / "actor.mp4"
    frames = list(Video(file))[30:50] if clip == "actor" else list(Video(file))
    ours, scores, theirs, expected = both(frames, mode)
    off = distances(ours, theirs, frames[0].image.shape[1])
    assert off.mean() < limits[0] and off.max() < limits[1]
    assert np.abs(scores - expected).mean() < 0.005 and np.abs(scores - expected).max() < 0.1
    assert np.abs(ours - theirs)[..., 2].mean() < 0.5


def test_points_of_a_photograph_are_those_of_mediapipe(photograph):
    frames = [Frame(number, number / 25, np.roll(photograph, 3 * number, axis=1)) for number in range(4)]
    for mode, limits in (("image", IMAGE), ("video", VIDEO)):
        ours, scores, theirs, expected = both(frames, mode)
        off = distances(ours, theirs, 512)
        assert off.mean() < limits[0] and off.max() < limits[1]
        np.testing.assert_allclose(scores, expected, atol=0.02)


@pytest.mark.parametrize("x, y", [(190, 0), (205, 0), (0, 95)])
def test_points_of_a_face_at_the_edge_are_those_of_mediapipe(photograph, x, y):
    frames = [Frame(0, 0.0, np.ascontiguousarray(photograph[y:, x:]))]
    ours, _, theirs, _ = both(frames, "image")
    off = distances(ours, theirs, 512)
    assert off.mean() < IMAGE[0] and off.max() < IMAGE[1]


def test_points_of_a_moving_head_are_those_of_mediapipe():
    """A head that leaps and rolls. Where a coordinate turns back, the filter holds its point for some frames, and a
    rounding decides when it lets go: so a single point may be further off."""
    frames = list(Video(CLIPS / "moving.mp4"))
    ours, _, theirs, _ = both(frames, "video")
    off = distances(ours, theirs, 720)
    assert off.mean() < VIDEO[0] and np.quantile(off, 0.999) < VIDEO[1]


def test_blendshapes_of_a_smile(photograph):
    with FaceLandmarker("image", blendshapes=True) as landmarker:
        _, scores = landmarker.detect(photograph)
    assert scores.shape == (52,) and scores.dtype == np.float32 and ((scores >= 0) & (scores <= 1)).all()
    assert scores[[44, 45]].min() > 0.3  # mouthSmileLeft and mouthSmileRight: she smiles


def test_points_do_not_depend_on_the_threads(photograph, monkeypatch):
    found = []
    for threads in (1, 2):
        monkeypatch.setattr(workers, "threads", lambda threads=threads: threads)
        with FaceLandmarker("image") as landmarker:
            found.append(landmarker.detect(photograph)[0])
    np.testing.assert_allclose(*found, atol=1e-3)


def test_video_mode_smooths_over_time(photograph):
    draw = np.random.default_rng(0)
    frames = [cv2.add(photograph, draw.integers(0, 40, photograph.shape, np.uint8)) for _ in range(12)]
    jitter = {}
    for mode in ("image", "video"):
        with FaceLandmarker(mode) as landmarker:
            found = [landmarker.detect(frame, number / 25)[0] for number, frame in enumerate(frames)]
        jitter[mode] = np.diff(found[4:], axis=0).std()
    assert jitter["video"] < 0.7 * jitter["image"]
