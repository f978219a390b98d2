"""Beards and glasses: where they are drawn, what they follow, and that nobody has them by default."""

from functools import cache

import cv2
import numpy as np
import pytest

from fer_utils.standins.action_units import ROW, UNITS
from fer_utils.standins.actors import make_actor
from fer_utils.standins.drawing.camera import View, place
from tests.standins.worn import JAW, UPPER, WornPainter

VIEW = View((320, 240), (160, 100), 8.0)
ACTOR = make_actor(5)
REST = np.zeros((len(UNITS), 2))


@cache
def painter(**worn):
    return WornPainter(ACTOR, VIEW.size, **worn)


def draw(activation=REST, view=VIEW, **worn):
    return painter(**worn).draw(activation, view).astype(int)


def changed(activation=REST, view=VIEW, **worn):
    """Where the picture differs, (height, width) bool."""
    return (draw(activation, view, **worn) != draw(activation, view)).any(axis=2)


def row(vertex, activation=REST):
    return place(ACTOR.rig.deform(ACTOR.neutral, activation)[[vertex]], VIEW)[0, 1]


def unit(number, amount=1.0):
    activation = REST.copy()
    activation[ROW[number]] = amount
    return activation


def test_an_actor_without_them_is_drawn_as_ever():
    """The picture is as it was before there were any: mean grey of 4 x 3 fields."""
    fields = cv2.resize(draw(ACTOR.resting).mean(2).astype(np.float32), (4, 3), interpolation=cv2.INTER_AREA)
    before = [[49.97, 111.04, 117.47, 54.67], [47.21, 141.09, 165.18, 51.92], [47.92, 93.14, 97.03, 52.23]]
    np.testing.assert_allclose(fields, before, atol=0.1)


def test_a_beard_is_dark_and_covers_chin_cheeks_and_upper_lip_alone():
    different, picture = changed(beard=1.0), draw(beard=1.0)
    points = place(ACTOR.neutral, VIEW)[:, :2].round().astype(int)
    for vertex in (200, 152, 214, 434, 164):  # chin, its tip, both cheeks below the mouth, upper lip
        x, y = points[vertex]
        assert different[y - 2 : y + 3, x - 2 : x + 3].mean() > 0.9
        assert picture[y - 2 : y + 3, x - 2 : x + 3].mean() < 0.75 * np.mean(ACTOR.skin)
        assert picture[y - 4 : y + 5, x - 4 : x + 5].mean(2).std() > 4  # hairs, not one colour
    rows = np.nonzero(different)[0]
    assert rows.min() > row(234) - 6  # nothing above the ears
    inside = cv2.fillPoly(np.zeros(different.shape, np.uint8), [points[[*UPPER, *JAW[::-1]]]], 1)
    near = cv2.dilate(inside, np.ones((37, 37)))  # a beard of 1 cm, 8 pixels, and the blur
    assert not (different & (near == 0)).any()
    for vertex in (15, 4, 50, 280):  # red of the lower lip, tip of the nose, both cheekbones
        x, y = points[vertex]
        assert not different[y - 1 : y + 2, x - 1 : x + 2].all()


def test_a_beard_follows_the_jaw():
    dropped = row(152, unit(27)) - row(152)
    lowest = [np.nonzero(changed(activation, beard=1.0))[0].max() for activation in (REST, unit(27))]
    assert dropped > 5
    assert lowest[1] - lowest[0] == pytest.approx(dropped, abs=4)


def test_a_longer_beard_reaches_further():
    lowest = [np.nonzero(changed(beard=length))[0].max() for length in (0.3, 1.8)]
    assert lowest[1] - lowest[0] == pytest.approx(1.5 * VIEW.scale, abs=4)


def test_glasses_frame_the_eyes_alone():
    different = changed(glasses=True)
    rows = np.nonzero(different)[0]
    assert row(105) - 8 < rows.min() and rows.max() < row(50)  # from the brows to the cheekbones
    points = place(ACTOR.neutral, VIEW)[:, :2].round().astype(int)
    for x, y in points[[159, 386, 145, 374]]:  # behind a lens
        assert different[y - 2 : y + 3, x - 2 : x + 3].mean() > 0.5
    x, y = points[168]
    assert different[y - 8 : y + 9, x].any()  # the bridge


def test_glasses_move_with_the_head_and_not_with_the_lids_and_brows():
    def frame(activation=REST, view=VIEW):
        return draw(activation, view, glasses=True) - draw(activation, view) < -60

    still = frame()
    for number in (1, 2, 43):
        moved = frame(unit(number))
        assert (still & moved).sum() > 0.8 * still.sum(), number
    tilted = View(VIEW.size, VIEW.centre, VIEW.scale, roll=0.2)
    assert (still & frame(view=tilted)).sum() < 0.6 * still.sum()
