"""The FaceMesh network against MediaPipe's own: recorded clips of rendered actors."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from fer_utils.data.video import Video
from fer_utils.landmarks import face_mesh
from fer_utils.landmarks.face_mesh import FaceMesh

CLIPS = Path(__file__).parents[1] / "files" / "face_mesh"


@pytest.mark.parametrize("clip", ["ckplus", "mmi", "infrared", "moving"])
def test_points_are_those_of_mediapipe(clip):
    recorded = np.load(CLIPS / f"{clip}.npz")["points"] / 32
    frames = list(Video(CLIPS / f"{clip}.mp4"))
    assert len(frames) == len(recorded) == 20
    with FaceMesh() as mesh:
        found = np.array([mesh.detect(frame.image)[0][:468] for frame in frames])
    eyes = np.hypot(*(recorded[:, 33] - recorded[:, 263])[:, :2].T)
    errors = np.hypot(*(found - recorded)[..., :2].T).mean(axis=0) / eyes
    # the aim is 0.01; measured 0.0003 to 0.0006, and 0.0009 in the worst frame
    assert errors.mean() < 0.003 and errors.max() < 0.005
    assert np.abs(found - recorded)[..., 2].mean() / eyes[0] < 0.003


def test_iris_points_are_the_middle_of_the_eye(photograph):
    with FaceMesh("image") as mesh:
        points, _ = mesh.detect(photograph)
    corners, lids = points[[33, 133, 263, 362]], points[[159, 145, 386, 374]]
    for iris, corner, lid in ((points[468:473], corners[:2], lids[:2]), (points[473:], corners[2:], lids[2:])):
        assert (iris == iris[0]).all()
        assert corner[:, 0].min() < iris[0, 0] < corner[:, 0].max() and lid[0, 1] < iris[0, 1] < lid[1, 1]


def test_network_is_the_published_one():
    content = face_mesh.MODEL.read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (1_242_398, face_mesh.MODEL_SHA256)
    assert face_mesh.MODEL_SHA256 in (face_mesh.MODEL.parent / "NOTICE.md").read_text()
