"""The colours that figures and the demo share can be told apart, by colour-blind readers too."""

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest

from fer_utils.data.labels import EMOTIONS
from fer_utils.plots import style

# Machado, Oliveira & Fernandes 2009 (doi:10.1109/TVCG.2009.113), severity 1: linear RGB as it is seen
SEEN = {
    "all colours": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = TO_XYZ.sum(axis=1)


def linear(colour):
    values = np.array(style.bgr(colour)[::-1]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    x, y, z = np.cbrt(TO_XYZ @ np.clip(rgb, 0, 1) / WHITE)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_every_emotion_has_a_colour_and_a_marker_of_its_own():
    assert tuple(style.EMOTION_COLOURS) == tuple(style.EMOTION_MARKERS) == EMOTIONS
    for values in (style.EMOTION_COLOURS, style.EMOTION_MARKERS):
        assert len(set(values.values())) == 7
    assert style.emotion_colour("happiness") == "#E69F00" and style.emotion_marker("happiness") == "o"
    assert style.emotion_colour("boredom") == style.GREY and style.emotion_marker("boredom") == "."


@pytest.mark.parametrize("eye", SEEN)
def test_colours_of_emotions_differ_for_every_eye(eye):
    """Side by side, 2 to 3 units of CIELAB are just noticed; lines in a figure need several times that."""
    for one, other in combinations(style.EMOTION_COLOURS.values(), 2):
        seen = [lab(np.array(SEEN[eye]) @ linear(colour)) for colour in (one, other)]
        assert np.linalg.norm(seen[0] - seen[1]) > 16, (one, other)


def test_opencv_takes_blue_first():
    assert style.bgr("#0072B2") == (178, 114, 0)


def test_the_demo_does_not_load_matplotlib_for_its_colours():
    code = "import sys, fer_utils.plots.style; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
