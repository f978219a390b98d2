"""Synthetic faces: 478 points on a jittered grid that move along one direction, as far as a level says."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from skimage import data
from threadpoolctl import threadpool_limits

from fer_utils.data.pictures import Pictures
from fer_utils.data.sequence import Sequence
from fer_utils.landmarks import regions
from fer_utils.landmarks.track import N_POINTS, LandmarkTrack


def _face():
    jitter = np.random.default_rng(0).uniform(-3, 3, (N_POINTS, 3))
    grid = np.stack([np.arange(N_POINTS) % 22, np.arange(N_POINTS) // 22, np.zeros(N_POINTS)], axis=1)
    face = 200 + 10 * grid + jitter
    # on free places of the grid's last, unfinished row: level but for a small roll, 60 pixels apart
    face[regions.LEFT_EYE_CORNER, :2] = 370, 410
    face[regions.RIGHT_EYE_CORNER, :2] = 429, 421
    return face


def pytest_collection_modifyitems(items):
    """The longest file first: a file stays with one worker, and the other one takes the rest meanwhile."""
    items.sort(key=lambda item: item.path.name != "test_toy_study.py")


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Small matrices: on busy cores, threads that wait for each other cost ten times what they give."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def make_track():
    """make(levels, ...): a track whose points are the face plus `levels` (T,) times a direction that `seed` gives."""

    def make(levels, times=None, missing=(), seed=1):
        levels = np.asarray(levels, float)
        direction = np.random.default_rng(seed).uniform(-1.5, 1.5, (N_POINTS, 3))
        points = (_face() + levels[:, None, None] * direction).astype(np.float32)
        reasons = np.array([""] * len(levels), dtype="<U13")
        points[list(missing)], reasons[list(missing)] = np.nan, "no face found"
        times = np.arange(len(levels)) / 30 if times is None else np.asarray(times, float)
        return LandmarkTrack(points, times, reasons, (640, 490))

    return make


@pytest.fixture(scope="session")
def make_sequence():
    """make(id, ...): a labelled sequence; without `files` it has no frames."""

    def make(id, emotion="anger", subject="toy/s1", files=(), **options):
        return Sequence("toy", subject, id, emotion, Pictures(tuple(files), 30.0), **options)

    return make


@pytest.fixture
def no_windows():
    """Figures are drawn without a display, and closed afterwards."""
    before = plt.get_backend()
    plt.switch_backend("Agg")
    yield
    plt.close("all")
    plt.switch_backend(before)


@pytest.fixture(scope="session")
def photograph():
    """The one real face that the tests look at, BGR uint8 (512, 512, 3): scikit-image's astronaut."""
    return np.ascontiguousarray(data.astronaut()[..., ::-1])
