"""What faces do that is no expression: who moves what."""

import numpy as np
import pytest

from fer_utils.standins.action_units import ROW
from fer_utils.standins.actors import make_actor
from fer_utils.standins.drawing.camera import View
from tests.standins import everyday

VIEW = View((320, 240), (160, 100), 6.6)
ACTOR = make_actor(5)


def behaved(habit, seed=0):
    return everyday.behave(ACTOR, habit, VIEW, np.random.default_rng(seed), seconds=12)


def added(performance):
    """Units (T, n) beyond the face at rest, without the lids', the stronger side."""
    units = np.delete(performance.activation - ACTOR.resting, ROW[43], axis=1)
    return units.max(axis=2)


@pytest.mark.parametrize("habit", everyday.HABITS)
def test_the_first_second_is_at_rest_and_the_length_is_as_asked(habit):
    performance = behaved(habit)
    assert len(performance) == 300 and len(performance.views) == len(performance.gazes) == 300
    assert added(performance)[:25].max() < 1e-9
    assert performance.activation.min() >= 0 and performance.activation.max() <= 1
    assert performance.emotion == habit and not performance.shown.any()


@pytest.mark.parametrize("habit", everyday.HABITS)
def test_everybody_blinks(habit):
    closed = behaved(habit).activation[:, ROW[43], 0] > 0.7
    blinks = np.flatnonzero(np.diff(closed.astype(int)) == 1)
    assert 2 <= len(blinks) <= 7
    assert closed.mean() < 0.1


def test_speech_opens_the_mouth_several_times_a_second_and_chewing_more_slowly():
    def openings(habit):
        jaw = behaved(habit).activation[25:, ROW[26], 0] - ACTOR.resting[ROW[26], 0]
        return (np.diff((jaw > 0.1).astype(int)) == 1).sum() / 11

    assert 2 < openings("speak") < 6
    assert 0.5 < openings("chew") < 1.5


@pytest.mark.parametrize(
    ("habit", "yaw", "pitch"),
    [("rest", 0.1, 0.1), ("look about", 0.4, 0.3), ("nod", 0.2, 0.3), ("turn away", 0.9, 0.1)],
)
def test_how_far_the_head_turns(habit, yaw, pitch):
    turns = np.array([[abs(view.yaw), abs(view.pitch)] for view in behaved(habit, 1).views]).max(axis=0)
    assert yaw / 5 < turns[0] < yaw and pitch / 5 < turns[1] < pitch


def test_an_unknown_habit():
    with pytest.raises(
        ValueError, match=r"habit 'sleep': must be one of rest, speak, chew, look about, nod, turn away"
    ):
        behaved("sleep")
