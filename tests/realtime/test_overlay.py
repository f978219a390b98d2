"""What is drawn on a frame."""

import numpy as np
import pytest

from fer_utils.plots import style
from fer_utils.realtime import overlay
from fer_utils.realtime.streaming import Recognition

GREY = np.full((240, 320, 3), 90, np.uint8)


def points():
    made = np.full((478, 3), 5.0)
    made[overlay.POINTS, 0] = np.linspace(150, 300, len(overlay.POINTS))
    made[overlay.POINTS, 1] = 200
    return made


def test_the_points_are_where_they_were_found():
    drawn = overlay.draw(GREY, Recognition(0.0, points=points()))
    assert (drawn[200, 150] != 90).any() and (drawn[200, 300] != 90).any()
    assert (drawn[150:190] == 90).all()  # nothing between the text and the points
    assert (drawn[5, 5] == 90).all()  # the other points are not drawn


def test_bars_are_as_long_as_the_probabilities():
    drawn = overlay.draw(GREY, Recognition(0.0, probabilities={"anger": 1.0, "fear": 0.5}, phase="apex"))
    lengths = [(drawn == style.bgr(style.EMOTION_COLOURS[name])).all(axis=2).sum(axis=1) for name in ("anger", "fear")]
    assert [int(rows.max()) for rows in lengths] == [61, 31]


def test_the_frame_itself_stays_as_it_was():
    before = GREY.copy()
    assert overlay.draw(GREY, Recognition(0.0, why="no face found")).shape == GREY.shape
    assert np.array_equal(GREY, before)


@pytest.mark.parametrize("recognition", [Recognition(0.0), Recognition(0.0, points=np.full((478, 3), -50.0))])
def test_nothing_to_draw(recognition):
    assert np.array_equal(overlay.draw(GREY, recognition), GREY)
