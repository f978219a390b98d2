"""One face at rest, smiling and speaking: what the tracker makes of its points."""

import numpy as np
import pytest

from fer_utils.realtime.tracker import Tracker

FPS = 30


@pytest.fixture
def track(make_track):
    """track(*(seconds, level)): a tracker that has seen a face move in straight lines to these levels."""

    def go(*moves):
        levels = [0.0]
        for seconds, level in moves:
            levels += np.linspace(levels[-1], level, round(seconds * FPS) + 1)[1:].tolist()
        points = make_track(levels).points
        tracker = Tracker()
        for row, each in enumerate(points.astype(float)):
            tracker.update(each, row / FPS)
        return tracker

    return go


def test_a_face_that_rises_once_and_stays_is_not_doubted(track):
    assert track((1.5, 0), (0.4, 1), (0.5, 1)).doubt == ""


@pytest.mark.parametrize(("fallen", "doubted"), [(0.9, False), (0.2, True)])
def test_a_face_that_falls_and_rises_again_speaks(track, fallen, doubted):
    tracker = track((1.5, 0), (0.3, 1), (0.2, fallen), (0.2, 1))
    assert (tracker.doubt == "the face does not keep still, as in speech") == doubted


def test_the_unrest_grows_with_the_falls(track):
    still, little, much = (track((1.5, 0), (0.3, 1), (0.2, fallen), (0.2, 1)).unrest for fallen in (1, 0.8, 0.6))
    assert still < 0.05 < little < much < 1


def test_falls_are_forgotten(track):
    assert track((1.5, 0), (0.3, 1), (0.2, 0.4), (0.2, 1), (1.5, 1)).doubt == ""
