"""Actors, their expressions and their timing."""

import numpy as np
import pytest

from fer_utils.data.labels import EMOTIONS
from fer_utils.standins import muscles
from fer_utils.standins.action_units import ROW, UNITS
from fer_utils.standins.actors import make_actor, near_infrared
from fer_utils.standins.drawing.camera import Sensor, View, place
from fer_utils.standins.drawing.painter import Painter
from fer_utils.standins.expressions import (
    COMPLETED,
    COUNTED,
    STRAYS,
    VARIANTS,
    express,
    intensity_code,
)
from fer_utils.standins.performances import minimum_jerk, perform

VIEW = View((320, 240), (160, 105), 6.5)


def test_a_seed_is_a_person():
    one, again, other = make_actor(5), make_actor(5), make_actor(6)
    np.testing.assert_array_equal(one.neutral, again.neutral)
    assert np.abs(one.neutral - other.neutral).mean() > 0.05


def test_near_infrared_keeps_the_person_and_evens_the_skin():
    dark, light = sorted((make_actor(seed) for seed in range(12)), key=lambda actor: sum(actor.skin))[::11]
    np.testing.assert_array_equal(near_infrared(dark).neutral, dark.neutral)
    assert sum(light.skin) - sum(dark.skin) > 200
    assert abs(sum(near_infrared(light).skin) - sum(near_infrared(dark).skin)) < 120
    assert min(near_infrared(dark).skin) > 150


def test_tables_name_known_units():
    named = {unit for variants in VARIANTS.values() for _, units in variants for unit in units}
    named |= {unit for counted in COUNTED.values() for unit in counted} | set(STRAYS)
    named |= {units for completed in COMPLETED.values() for _, units, _ in completed}
    flat = {unit for one in named for unit in (one if isinstance(one, tuple) else (one,))}
    assert flat | {14, 12} <= set(UNITS)
    assert tuple(VARIANTS) == EMOTIONS
    assert set(COUNTED) == set(EMOTIONS) - {"contempt"}
    for muscular in muscles.UNIT_CHANCES.values():
        assert set(muscular) <= set(UNITS)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_expressions_vary_around_their_prototype(emotion):
    actor, rng = make_actor(3), np.random.default_rng(0)
    shown = np.array([express(emotion, actor, rng) for _ in range(300)])
    assert shown.min() >= 0
    assert shown.max() <= 1
    core = {"anger": 4, "disgust": 9, "fear": 5, "happiness": 6, "sadness": 15, "surprise": 5, "contempt": 14}[emotion]
    share = (shown[:, ROW[core]].max(1) > 0.05).mean()
    assert 0.5 < share < 1.0  # usual, and sometimes missing
    sides = np.abs(shown[:, :, 0] - shown[:, :, 1]).max(1)
    assert (np.median(sides) > 0.2) == (emotion == "contempt")


def test_posed_expressions_are_stronger_and_more_complete():
    actor = make_actor(3)
    ways = {}
    for way in ("posed", "everyday"):
        rng = np.random.default_rng(0)
        ways[way] = {e: np.array([express(e, actor, rng, way) for _ in range(200)]).max(2) for e in EMOTIONS}
    for emotion in EMOTIONS:
        posed, everyday = (ways[way][emotion] for way in ("posed", "everyday"))
        assert posed.sum(1).mean() > 1.3 * everyday.sum(1).mean()
    shown = {unit: ways["posed"]["happiness"][:, ROW[unit]] > 0.05 for unit in (6, 12, 25)}
    assert (shown[6] & shown[12] & shown[25]).mean() > 0.6
    angry = ways["posed"]["anger"][:, [ROW[17], ROW[23], ROW[24]]] > 0.05
    assert angry.any(1).mean() > 0.97


def test_intensity_codes_are_facs_letters():
    assert [intensity_code(value) for value in (0.0, 0.1, 0.3, 0.5, 0.7, 1.0)] == [0, 1, 2, 3, 4, 5]


def test_minimum_jerk_is_slow_fast_slow():
    t = np.linspace(-0.5, 1.5, 201)
    curve = minimum_jerk(t)
    speed = np.diff(curve)
    assert (curve[0], curve[100], curve[-1]) == (0.0, 0.5, 1.0)
    assert (speed >= 0).all()
    assert speed.argmax() in (99, 100)
    assert speed[50:55].max() < 0.1 * speed.max()


@pytest.mark.parametrize("returns", [False, True])
def test_truth_is_what_is_shown(returns):
    actor = make_actor(8)
    for seed in range(20):
        one = perform(actor, "surprise", VIEW, np.random.default_rng(seed), returns)
        level = (one.activation - actor.resting).clip(0).sum((1, 2))
        assert level[: one.onset + 1].max() == 0
        assert level[one.onset + 2] > 0
        assert level[one.apex] == pytest.approx(level.max())
        assert level[one.apex - 1] < level[one.apex]
        if returns:
            assert one.apex < one.offset < len(one)
            np.testing.assert_allclose(level[one.offset :], 0, atol=1e-12)
            assert level[one.offset - 2] > 0
        else:
            assert one.offset is None
            assert 10 <= len(one) <= 24
            assert level[-1] == pytest.approx(level.max())


def test_head_turns_as_said():
    nose, left_ear = np.array([[0, 0, 7.0]]), np.array([[7.5, 0, -2.0]])
    still = place(nose, VIEW)[0]
    assert place(nose, View(VIEW.size, VIEW.centre, VIEW.scale, yaw=0.2))[0, 0] > still[0]
    assert place(nose, View(VIEW.size, VIEW.centre, VIEW.scale, pitch=0.2))[0, 1] > still[1]
    rolled = View(VIEW.size, VIEW.centre, VIEW.scale, roll=0.2)
    assert place(left_ear, rolled)[0, 1] < place(left_ear, VIEW)[0, 1]


def test_pictures_repeat_to_the_byte_and_show_the_face():
    actor = make_actor(2)
    first, second = (Painter(actor, VIEW.size).draw(actor.resting, VIEW) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (first.shape, first.dtype) == ((240, 320, 3), np.uint8)
    cheek = place(actor.neutral[[50]], VIEW)[0].round().astype(int)
    wall = first[5, 5].astype(int)
    assert np.abs(first[cheek[1], cheek[0]].astype(int) - wall).max() > 30


def test_noise_grows_with_light():
    sensor = Sensor(np.random.default_rng(0), (320, 240), dark=0.5, bright=3.0)
    for level, expected in ((40, 0.5 + 2.5 * 40 / 255), (200, 0.5 + 2.5 * 200 / 255)):
        noisy = sensor.expose(np.full((240, 320), level, np.uint8)).astype(float)
        assert noisy.mean() == pytest.approx(level, abs=0.1)
        assert noisy.std() == pytest.approx(expected, abs=0.15)
