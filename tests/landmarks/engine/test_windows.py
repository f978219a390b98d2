"""Where a network looks."""

import math

import numpy as np
import pytest

from fer_utils.landmarks.engine.windows import Window


def test_corners_of_a_turned_window():
    to_frame = Window(100, 50, 20, math.pi / 2).to_frame(10)
    corners = np.array([[0, 0, 0, 1], [10, 0, 0, 1], [5, 5, 3, 1]]) @ to_frame.T
    # a quarter turn clockwise: the upper left corner is at the upper right; z by the same scale
    np.testing.assert_allclose(corners, [[110, 40, 0], [110, 60, 0], [100, 50, 6]], atol=1e-5)


def test_window_around_a_face_is_turned_with_its_eyes():
    points = np.float32([[10, 20], [50, 40], [30, 10]])
    window = Window.around(points, np.float32([20, 20]), np.float32([30, 30]))
    assert window == pytest.approx((30, 25, 1.5 * 40, math.pi / 4))


def test_distance_is_in_sides_of_the_other():
    assert Window(0, 0, 5).distance(Window(30, 40, 100)) == pytest.approx(0.5)
