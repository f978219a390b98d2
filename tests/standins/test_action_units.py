"""Each action unit moves the landmarks that MediaPipe finds, the way FACS says."""

import numpy as np
import pytest

from fer_utils.data.labels import EMOTIONS
from fer_utils.landmarks import canonical
from fer_utils.landmarks.face_landmarker import FaceLandmarker
from fer_utils.standins.action_units import MEAN, ROW, UNITS, Rig
from fer_utils.standins.actors import make_actor
from fer_utils.standins.drawing.camera import Sensor, View
from fer_utils.standins.drawing.painter import Painter
from fer_utils.standins.performances import perform

SIZE = (640, 490)
VIEW = View(SIZE, (320, 215), 13.5)
ACTORS = (1, 4, 6, 9, 11)


def straight(points):
    """Points with the outer corners of the eyes at (-0.5, 0) and (0.5, 0), y up: all in inter-ocular distances."""
    right, left = points[33, :2], points[263, :2]
    across = left - right
    size = np.hypot(*across)
    cos, sin = across / size
    turned = (points[:, :2] - (right + left) / 2) @ np.array([[cos, -sin], [sin, cos]]) / size
    return turned * [1, -1]


def distance(p, a, b):
    return np.hypot(*(p[a] - p[b]))


MEASURES = {
    "inner brow": lambda p: p[[107, 336, 55, 285], 1].mean(),
    "outer brow": lambda p: p[[63, 293, 70, 300], 1].mean(),
    "between brows": lambda p: distance(p, 55, 285),
    "eye opening": lambda p: (distance(p, 159, 145) + distance(p, 386, 374)) / 2,
    "lower lid": lambda p: p[[145, 374], 1].mean(),
    "nose wings": lambda p: p[[129, 358], 1].mean(),
    "upper lip": lambda p: p[0, 1] - p[168, 1],
    "upper lip beside": lambda p: p[[40, 270], 1].mean() - p[168, 1],
    "lower lip": lambda p: p[17, 1] - p[168, 1],
    "mouth width": lambda p: distance(p, 61, 291),
    "mouth corners": lambda p: p[[61, 291], 1].mean() - p[1, 1],
    "mouth opening": lambda p: distance(p, 13, 14),
    "red of the lips": lambda p: distance(p, 0, 13) + distance(p, 14, 17),
    "chin": lambda p: p[152, 1] - p[1, 1],
    "chin to lip": lambda p: distance(p, 17, 199),
}

# unit -> what it changes: by at least so much upwards (or larger), in inter-ocular distances; below 0: downwards
MOVES = {
    1: {"inner brow": 0.025},
    2: {"outer brow": 0.035},
    4: {"inner brow": -0.028, "between brows": -0.008},
    5: {"eye opening": 0.02},
    6: {"lower lid": 0.008, "eye opening": -0.012},
    7: {"lower lid": 0.012, "eye opening": -0.022},
    9: {"nose wings": 0.005, "inner brow": -0.008, "mouth opening": 0.01},
    10: {"upper lip beside": 0.035, "mouth opening": 0.03},
    11: {"upper lip beside": 0.008},
    12: {"mouth corners": 0.06, "mouth width": 0.08},
    14: {"mouth width": 0.035, "red of the lips": -0.02},
    15: {"mouth corners": -0.018},
    16: {"lower lip": -0.05},
    17: {"lower lip": 0.015, "mouth corners": -0.015, "red of the lips": -0.01},
    18: {"mouth width": -0.1, "red of the lips": 0.015},
    20: {"mouth width": 0.1, "red of the lips": -0.02},
    23: {"mouth width": -0.025, "red of the lips": -0.025},
    24: {"red of the lips": -0.02},
    25: {"mouth opening": 0.035},
    26: {"mouth opening": 0.07, "chin": -0.05},
    27: {"mouth opening": 0.14, "chin": -0.1, "mouth width": -0.04},
    28: {"red of the lips": -0.07},
    43: {"eye opening": -0.06},
}


def full(unit, left=1.0, right=1.0):
    activation = np.zeros((len(UNITS), 2))
    activation[ROW[unit]] = right, left
    return activation


@pytest.fixture(scope="module")
def landmarker():
    with FaceLandmarker("image") as found:
        yield found


@pytest.fixture(scope="module")
def look(landmarker):
    """look(actor, activation): the points MediaPipe finds, straightened."""
    painters = {seed: Painter(make_actor(seed), SIZE) for seed in ACTORS}

    def find(seed, activation):
        points, _ = landmarker.detect(painters[seed].draw(activation, VIEW))
        assert points is not None, f"no face found: actor {seed}"
        return straight(points)

    return find


@pytest.fixture(scope="module")
def at_rest(look):
    return {seed: look(seed, np.zeros((len(UNITS), 2))) for seed in ACTORS}


def test_every_unit_is_tested():
    assert tuple(MOVES) == UNITS


@pytest.mark.parametrize("unit", UNITS)
def test_found_landmarks_move_as_the_unit_says(unit, look, at_rest):
    seen = {seed: look(seed, full(unit)) for seed in ACTORS}
    for name, least in MOVES[unit].items():
        measure = MEASURES[name]
        moved = np.mean([measure(seen[seed]) - measure(at_rest[seed]) for seed in ACTORS])
        assert moved * np.sign(least) >= abs(least), f"AU{unit} moves {name} by {moved:+.3f}"


@pytest.mark.parametrize(("unit", "right", "left"), [(12, 61, 291), (15, 61, 291), (14, 61, 291), (2, 63, 293)])
def test_one_side_moves_alone(unit, right, left, look, at_rest):
    moved = np.mean([np.abs(look(seed, full(unit, right=0.0)) - at_rest[seed]).sum(1) for seed in ACTORS], axis=0)
    assert moved[left] > 1.5 * moved[right]


def test_found_shapes_follow_the_drawn_ones(landmarker):
    names = ("mouth opening", "mouth width", "brow height")
    measures = [MEASURES[names[0]], MEASURES[names[1]], lambda p: (distance(p, 159, 105) + distance(p, 386, 334)) / 2]
    errors = []
    for seed in (100, 103, 107):
        actor, rng = make_actor(seed), np.random.default_rng(seed)
        painter = Painter(actor, SIZE)
        for emotion in EMOTIONS:
            performance = perform(actor, emotion, VIEW, rng)
            sensor = Sensor(rng, SIZE)
            for frame in (0, (performance.onset + performance.apex) // 2, performance.apex):
                activation, view = performance.activation[frame], performance.views[frame]
                found, _ = landmarker.detect(sensor.expose(painter.draw(activation, view)))
                pair = straight(found), straight(painter.landmarks(activation, view))
                errors.append([measure(pair[0]) - measure(pair[1]) for measure in measures])
    for name, worst in zip(names, np.abs(errors).max(0), strict=True):
        assert worst < 0.08, f"{name} is found {worst:.3f} off"


def test_lips_meet_at_rest_and_never_cross():
    for seed in range(20):
        neutral = make_actor(seed).neutral
        upper, lower = canonical.UPPER_LIP[3, 1:-1], canonical.LOWER_LIP[3, 1:-1]
        np.testing.assert_allclose(neutral[upper, 1], neutral[lower, 1], atol=1e-6)
        for unit in (17, 24):
            face = MEAN.deform(neutral, full(unit))
            assert (face[upper, 1] - face[lower, 1]).min() > -1e-9


def test_lids_close_and_never_cross():
    for seed in range(20):
        neutral = make_actor(seed).neutral
        face = MEAN.deform(neutral, full(43) + full(7) + full(6))
        for side in (canonical.RIGHT, canonical.LEFT):
            gap = face[canonical.UPPER_LID[side, 1:-1], 1] - face[canonical.LOWER_LID[side, 1:-1], 1]
            assert np.abs(gap).max() < 1e-6


def test_the_contour_of_the_jaw_is_bone():
    """Only the jaw's own turn moves it: AU 17 raises the skin of the chin above it."""
    neutral = make_actor(4).neutral
    for unit in (15, 16, 17, 20, 24, 25):
        moved = np.abs(MEAN.deform(neutral, full(unit)) - neutral)
        assert moved[[152, 148, 377, 176, 400]].max() < 0.01
    assert (MEAN.deform(neutral, full(17)) - neutral)[18, 1] > 0.3
    assert (MEAN.deform(neutral, full(26)) - neutral)[152, 1] < -0.5


def test_inner_brows_go_up_and_together_under_both_muscles():
    neutral = make_actor(4).neutral
    moved = MEAN.deform(neutral, full(1) + full(4)) - neutral
    assert moved[[107, 336], 1].min() > 0.3
    assert moved[107, 0] > 0.1


def test_every_actor_moves_in_a_way_of_its_own():
    neutral = make_actor(4).neutral
    smiles = np.array([Rig(np.random.default_rng(seed)).deform(neutral, full(12)) - neutral for seed in range(40)])
    corners = smiles[:, 291]
    mean = (MEAN.deform(neutral, full(12)) - neutral)[291]
    np.testing.assert_allclose(corners.mean(0), mean, atol=0.25)
    assert (corners.std(0)[:2] > 0.15).all()
    assert (corners[:, :2] > 0).all()  # out and up, in everybody


def test_open_mouth_is_an_oval():
    """The lower lip hangs as a bow: between its corners nothing sticks up into the opening."""
    face = MEAN.deform(make_actor(4).neutral, full(27))
    lower = face[canonical.LOWER_LIP[3], 1]
    assert (np.diff(lower[:6]) < 0).all()
    assert (np.diff(lower[5:]) > 0).all()
    assert (np.diff(lower, 2) > -0.1).all()
