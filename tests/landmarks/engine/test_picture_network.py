"""What is cut out of a picture for a network, and the files of networks."""

import cv2
import numpy as np
import pytest

from fer_utils.errors import ModelFileError
from fer_utils.landmarks import face_landmarker, face_mesh
from fer_utils.landmarks.engine.picture_network import PictureNetwork, read_model
from fer_utils.landmarks.engine.windows import Window


@pytest.mark.parametrize("border, outside", [(cv2.BORDER_REPLICATE, 1.0), (cv2.BORDER_CONSTANT, 0.0)])
def test_what_the_network_sees_beside_the_frame(border, outside):
    """A window of 20 pixels whose left half is beside a white frame."""
    network = PictureNetwork(face_landmarker.bundled("face_detector"), border=border)
    network.run(np.full((40, 40, 3), 255, np.uint8), Window(0, 20, 20).to_frame(network.side))
    given = network._interpreter.get_tensor(network._input)[0]
    assert (given[:, :50] == outside).all() and (given[:, 70:] == 1.0).all()


@pytest.mark.parametrize("low, expected", [(0.0, [1.0, 0.0, 0.2]), (-1.0, [1.0, -1.0, -0.6])])
def test_what_the_network_is_given(low, expected):
    """Red, green, blue, between `low` and 1, of a picture whose colours are blue, green, red."""
    network = PictureNetwork(face_landmarker.bundled("face_detector"), low=low)
    picture = np.full((40, 40, 3), (51, 0, 255), np.uint8)
    network.run(picture, Window(20, 20, 10).to_frame(network.side))
    given = network._interpreter.get_tensor(network._input)[0]
    np.testing.assert_allclose(given, np.broadcast_to(expected, given.shape), atol=1e-6)


def test_damaged_and_missing_file(tmp_path):
    damaged = tmp_path / "face_landmark.tflite"
    damaged.write_bytes(face_mesh.MODEL.read_bytes()[:-1] + b"!")
    with pytest.raises(ModelFileError, match=r"face_landmark\.tflite: not the expected.*git checkout"):
        read_model(damaged, face_mesh.MODEL_SHA256)
    damaged.unlink()
    with pytest.raises(ModelFileError, match="No such file"):
        read_model(damaged, face_mesh.MODEL_SHA256)
