"""Several faces of one recording, each with a number of its own."""

import numpy as np
import pandas as pd
import pytest

from fer_utils import paths
from fer_utils.data.pictures import Frame
from fer_utils.data.video import Video
from fer_utils.landmarks.detectors import open_detector
from fer_utils.models import litert
from fer_utils.prediction.faces import Faces


@pytest.fixture(scope="module")
def scene():
    """Two of the rendered actor beside each other, who smiles on the left only; then the right one leaves."""
    clip = [frame.image for frame in Video(paths.CLIP)][:110]
    pairs = [np.hstack([image, clip[0]]) for image in clip]
    for image in pairs[100:]:
        image[:, clip[0].shape[1] :] = 90
    return [Frame(number, number / 25, image) for number, image in enumerate(pairs)]


def test_each_face_has_its_rows_and_its_expressions(scene):
    with open_detector(faces=2) as detector:
        faces = Faces(detector, litert.load_classifier(), several=True)
        rows = [
            {"time": seen.time, "face": seen.face, "x": seen.points[:, 0].mean(), "emotion": seen.emotion}
            for frame in scene
            for seen in faces.push(frame)
        ]
        expressions = faces.end()
    table = pd.DataFrame(rows)
    assert table.groupby("face")["time"].agg(["size", "max"]).to_numpy().tolist() == [
        [110, 109 / 25],
        [100, 99 / 25],
    ] or (table.groupby("face").size().tolist() == [100, 110])
    sides = table.groupby("face")["x"].agg(["min", "max"])
    assert ((sides["max"] - sides["min"]) < 30).all()  # no face changes sides
    smiling = table.groupby("face")["x"].mean().idxmin()
    assert [(each.emotion, each.face) for each in expressions] == [("happiness", smiling)]


def test_one_face_is_number_one_and_none_is_zero(scene):
    with open_detector() as detector:
        faces = Faces(detector, None, several=False)
        assert [seen.face for seen in faces.push(scene[0])] == [1]
        (none,) = faces.push(Frame(1, 0.04, np.full((90, 90, 3), 60, np.uint8)))
        (unread,) = faces.push(Frame(2, 0.08, None, "cannot be read"))
    assert none.points is None and "no face" in none.why and (unread.points, unread.why) == (None, "cannot be read")
