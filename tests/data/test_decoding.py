"""Times that rise, whatever the container says."""

import numpy as np
import pytest

from fer_utils.data.decoding import rising


def times(stamps, fps=10.0):
    return [time for time, _ in rising(((stamp, None) for stamp in stamps), 1 / fps)]


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ([0.5, 0.6, 0.8, 1.1, 1.2], [0.0, 0.1, 0.3, 0.6, 0.7]),  # a rate that varies
        ([0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.1, 0.2, 0.3, 0.4]),  # stamps that repeat: by the rate
        ([None, None, None, None, None], [0.0, 0.1, 0.2, 0.3, 0.4]),  # no stamps: by the rate
        ([0.0, 0.1, 0.1, 0.3, None], [0.0, 0.1, 0.2, 0.3, 0.4]),  # some repeated or missing
        ([0.0, 0.1, 0.1, 0.25, None], [0.0, 0.1, 0.2, 0.25, 0.35]),  # from a guessed time on it is no step
    ],
)
def test_odd_stamps(stamps, expected):
    assert times(stamps) == pytest.approx(expected)


def test_after_a_gap_times_do_not_leap_on():
    """Frames are lost in a stream whose pictures are not sent in their order: stamps go back after the leap."""
    stamps = [*np.arange(41) / 25, 2.88, 1.64, 2.92, 2.96, 3.0]
    assert times(stamps, 25.0) == pytest.approx([*np.arange(41) / 25, 2.88, 2.92, 2.96, 3.0, 3.04])


@pytest.mark.parametrize(
    ("fps", "expected"),
    [
        (600.0, np.arange(100) / 25),
        (25.0, [*np.arange(40) / 25, *(1.56 + 0.12 * np.arange(1, 21))]),
        (30.0, np.arange(100) / 30),
    ],
)
def test_frames_that_come_late_go_on_by_the_last_step(fps, expected):
    """H.264 in AVI: two frames wait for others before they are shown, and have no stamp."""
    stamps = [time + 0.08 for time in expected[:-2]] + [None, None]
    assert times(stamps, fps) == pytest.approx(expected)


def test_pictures_keep_their_places():
    assert [picture for _, picture in rising([(3.0, "a"), (None, "b"), (4.0, "c")], 0.1)] == ["a", "b", "c"]
