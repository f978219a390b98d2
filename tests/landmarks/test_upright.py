"""Which way is up, told by faces: a photograph, the shipped clip, rendered actors of varied skin and hair."""

import cv2
import numpy as np
import pytest
from skimage import data as pictures

from fer_utils import paths
from fer_utils.data.pictures import Frame, Pictures
from fer_utils.data.video import Video
from fer_utils.landmarks.face_landmarker import networks
from fer_utils.landmarks.upright import find_turns, look_around, set_upright
from fer_utils.standins.actors import make_actor
from fer_utils.standins.drawing.camera import View
from fer_utils.standins.drawing.painter import Painter
from tests.clips import record

LYING = {1: 270, 2: 180, 3: 90}  # of frames turned so many times counter-clockwise, what sets them upright


def actor(seed, size=(320, 240)):
    """A picture of an actor at rest."""
    painter = Painter(make_actor(seed), size)
    return painter.draw(painter.actor.resting, View(size, (size[0] / 2, size[1] / 2), 6.0, yaw=0.2, roll=0.1))


@pytest.fixture(scope="module")
def faces(photograph):
    """Six frames of each: a photograph that drifts, the shipped clip, actors."""
    clip = [frame.image for frame in Video(paths.CLIP)][:60:10]
    drifting = [np.roll(photograph, shift, axis=1) for shift in range(6)]
    return {"astronaut": drifting, "clip": clip, **{f"actor {seed}": [actor(seed)] * 6 for seed in (3, 4, 7)}}


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("black", [0, 10])
@pytest.mark.parametrize("name", ["astronaut", "clip", "actor 3", "actor 4", "actor 7"])
def test_a_video_is_set_upright(faces, tmp_path, name, black, turns):
    images = [np.zeros_like(faces[name][0])] * black + faces[name]
    video = Video(record(tmp_path / "a.mp4", [np.rot90(image, turns) for image in images]))
    assert set_upright(video) == Video(video.file, -turns % 4)
    expected = f"turned by {LYING[turns]}° counter-clockwise, to set faces upright" if turns else ""
    assert find_turns(video) == (-turns % 4, expected)


def test_small_photographs_of_faces():
    """A hundred people in 25 x 25 pixels; the detector alone has one of them upside down, the network nine."""
    network, detector = networks()
    for face in pictures.lfw_subset()[:100:7]:
        picture = np.full((480, 640, 3), round(255 * np.median(face)), np.uint8)
        picture[90:390, 170:470] = cv2.resize(255 * face, (300, 300), interpolation=cv2.INTER_CUBIC)[..., None].clip(
            0, 255
        )
        assert look_around(picture, network, detector).argmax() == 0


def test_a_file_that_says_which_way_is_up_is_believed(faces, tmp_path):
    """Stored upright, the frames are shown upside down, as the file says: so someone hangs there."""
    video = Video(record(tmp_path / "a.mp4", faces["astronaut"], rotation=180))
    note = "faces lie upside down although the file sets its frames upright by 180°: left as it is"
    assert find_turns(video) == (0, note)
    turned = Video(record(tmp_path / "b.mp4", [np.rot90(image) for image in faces["astronaut"]], rotation=-90))
    assert find_turns(turned) == (0, "")
    assert turned.shown()[1] == "turned by 270° counter-clockwise, as the file says"


def test_frames_in_which_someone_lies_down_are_outvoted(faces, tmp_path):
    images = [*faces["clip"] * 3, *(np.ascontiguousarray(image[::-1, ::-1]) for image in faces["clip"])]
    turns, note = find_turns(Video(record(tmp_path / "a.mp4", images)))
    assert turns == 0
    assert note.endswith("frames looked at, the face lies otherwise")


def test_without_a_face_nothing_is_turned(tmp_path):
    video = Video(record(tmp_path / "a.mp4", [np.zeros((48, 64, 3), np.uint8)] * 3))
    assert find_turns(video) == (0, "")


def test_a_face_that_comes_late_is_found(faces, tmp_path):
    images = [np.zeros_like(faces["clip"][0])] * 100 + [np.rot90(image, 2) for image in faces["clip"]]
    assert find_turns(Video(record(tmp_path / "a.mp4", images)))[0] == 2


def test_other_frames_are_left_as_they_are():
    frames = [Frame(0, 0.0, None, "gone")]
    assert set_upright(frames) is frames
    assert set_upright(Pictures((), 25.0)) == Pictures((), 25.0)
