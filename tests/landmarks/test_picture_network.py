"""What is cut out of a picture for a network, and the files of networks."""

import cv2
import numpy as np
import pytest

from fer_utils.errors import ModelFileError
from fer_utils.landmarks import face_landmarker, face_mesh
from fer_utils.landmarks.picture_network import PictureNetwork, read_model
from fer_utils.landmarks.windows import Window


@pytest.mark.parametrize("border", [cv2.BORDER_REPLICATE, cv2.BORDER_CONSTANT])
def test_what_is_cut_out_is_what_opencv_cuts_from_the_whole_picture(border):
    """Though only the pixels around the window are looked at, and the rest is of an older frame."""
    network = PictureNetwork(read_model(face_mesh.MODEL, face_mesh.MODEL_SHA256))
    draw = np.random.default_rng(0)
    how = {"dsize": (192, 192), "flags": cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, "borderMode": border}
    for _ in range(100):
        height, width = draw.integers(2, 400, 2)
        picture = cv2.blur(draw.integers(0, 256, (height, width, 3), np.uint8), (3, 3))
        network._picture = draw.integers(0, 256, (height, width, 4), np.uint8)
        # inside, across an edge, and wholly outside
        window = Window(*draw.uniform(-200, 600, 2), draw.uniform(1, 500), draw.uniform(-4, 4))
        to_frame = window.to_frame(192)
        to = to_frame[:2, [0, 1, 3]]
        cut = cv2.warpAffine(network._four_channels(picture, to_frame), to, **how)
        np.testing.assert_array_equal(cut[:, :, 2::-1], cv2.warpAffine(picture, to, **how))


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
