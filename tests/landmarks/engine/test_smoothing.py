"""The one-euro filter against its definition, coordinate by coordinate."""

import math

import numpy as np
import pytest

from fer_utils.landmarks.engine.smoothing import OneEuroFilter


def test_values_of_the_definition():
    """Points in a box of 100 by 50: size 75; the third point moves by 3 pixels to the right in 0.1 s."""
    points = np.float32([[0, 0, 0], [100, 50, 0], [50, 25, 7]])
    smooth = OneEuroFilter()
    np.testing.assert_array_equal(smooth(points, 0.5), points)
    moved = points.copy()
    moved[2, 0] += 3

    def weight(cutoff):
        return 1 / (1 + 10 / (2 * math.pi * cutoff))  # at 10 frames a second

    speed = weight(1.0) * 3 / 75 * 10
    expected = 50 + weight(0.05 + 80 * speed) * 3
    found = smooth(moved, 0.6)
    assert found[2, 0] == pytest.approx(expected, abs=1e-4) and 51 < expected < 53
    np.testing.assert_allclose(np.delete(found, 6), np.delete(points, 6), atol=1e-5)


def test_jitter_is_damped_and_movement_followed():
    draw = np.random.default_rng(0)
    face = draw.uniform(0, 100, (478, 3)).astype(np.float32)
    still = [face + draw.normal(0, 0.2, face.shape).astype(np.float32) for _ in range(50)]
    smooth = OneEuroFilter()
    found = [smooth(points, 0.04 * number) for number, points in enumerate(still)]
    assert np.std(found[25:], axis=0).mean() < 0.6 * np.std(still[25:], axis=0).mean()
    moving = [face + np.float32(number) for number in range(50)]  # a pixel a frame
    smooth = OneEuroFilter()
    found = [smooth(points, 0.04 * number) for number, points in enumerate(moving)]
    assert np.abs(found[-1] - moving[-1]).max() < 1


def test_second_frame_after_time_zero():
    """As in MediaPipe: it counts as a thirtieth of a second later, whatever its time."""
    points = np.float32([[0, 0, 0], [100, 50, 0], [50, 25, 7]])
    moved = points + np.float32([[0, 0, 0], [0, 0, 0], [3, 0, 0]])
    found = []
    for time in (1 / 30, 0.5):
        smooth = OneEuroFilter()
        smooth(points, 0.0)
        found.append(smooth(moved, time))
    np.testing.assert_array_equal(*found)


def test_stream_that_starts_again():
    points = np.float32([[0, 0, 0], [10, 10, 10]])
    smooth, fresh = OneEuroFilter(), OneEuroFilter()
    for number in range(5):
        smooth(points + number**2, 3 + 0.04 * number)
    for number in range(5):
        np.testing.assert_array_equal(smooth(points + number, 0.04 * number), fresh(points + number, 0.04 * number))


def test_frame_whose_time_does_not_rise_is_returned_as_it_is():
    smooth, points = OneEuroFilter(), np.float32([[0, 0, 0], [10, 10, 10]])
    smooth(points, 0.2)
    for time in (0.2, 0.1):
        np.testing.assert_array_equal(smooth(points + 5, time), points + 5)
