"""Two hours of stream: memory stays flat, nothing drifts, and what is found at the end is what was found at first."""

import gc
from itertools import chain
from pathlib import Path

import numpy as np
import psutil
import pytest

from fer_utils.data.video import Video
from fer_utils.features import tensors
from fer_utils.realtime.streaming import Recognizer
from tests.realtime.test_streaming import SAME, batch

pytestmark = pytest.mark.long

CLIPS = Path(__file__).parents[1] / "files" / "face_mesh"  # recorded from rendered actors, 20 frames each
FPS = 30
LOOP = 480  # frames
MEGABYTE = 2**20


class Softmax:
    """A classifier that keeps the newest tensor."""

    classes = ("anger", "fear", "surprise")

    def __init__(self):
        self.weights = np.random.default_rng(0).normal(0, 0.02, (np.prod(tensors.shape()), 3))
        self.newest = None

    def predict_proba(self, x):
        self.newest = x[0].copy()
        scores = np.exp(x.reshape(len(x), -1) @ self.weights)
        return scores / scores.sum(axis=1, keepdims=True)


def resident():
    gc.collect()
    return psutil.Process().memory_info().rss / MEGABYTE


def there_and_back(frames):
    return [*frames, *frames[::-1], *frames, *frames[::-1]]


@pytest.fixture(scope="module")
def loop():
    """Points (478, 3) or None: four faces one after the other; between them nobody is there for more than a second,
    and within each a face is missed for a moment."""
    made = []
    for name in ("ckplus", "mmi", "infrared", "moving"):
        points = np.load(CLIPS / f"{name}.npz", allow_pickle=False)["points"] / 32
        with_irises = np.concatenate([points, points[:, :10]], axis=1)  # which no feature looks at
        points = there_and_back(with_irises.astype(np.float32))
        points[30:33] = [None] * 3
        made += [*points, *[None] * 40]
    assert len(made) == LOOP
    return made


def outcome(found):
    """What is to be the same at one place of the loop, whenever that is."""
    return found.emotion, found.phase, found.why


@pytest.mark.parametrize("sampling", ["rest", "fixed"])
def test_two_hours_of_points(loop, sampling):
    classifier = Softmax()
    recognizer = Recognizer(classifier, sampling=sampling)
    n_loops = 2 * 3600 * FPS // LOOP
    for number in range(n_loops):
        times = (number * LOOP + np.arange(LOOP)) / FPS
        if number in (1, n_loops - 1):
            found, tensors = [], {}
            for row, (points, time) in enumerate(zip(loop, times.tolist(), strict=True)):
                found.append(recognizer.push_points(points, time))
                assert found[-1].time == time
                if found[-1].probabilities and row % 10 == 0:
                    tensors[row] = classifier.newest
            if number == 1:
                first, first_tensors = found, tensors
        else:
            for points, time in zip(loop, times.tolist(), strict=True):
                recognizer.push_points(points, time)
        if number == 20:
            before = resident()
    assert number * LOOP + LOOP == 216_000
    assert resident() - before < 10
    assert list(map(outcome, found)) == list(map(outcome, first))
    labelled = [row for row in range(LOOP) if first[row].probabilities]
    assert len(labelled) > 30 and len({first[row].phase for row in range(LOOP)}) > 2
    for row in range(LOOP):
        if row in labelled:
            assert found[row].probabilities == pytest.approx(first[row].probabilities, abs=1e-6)
        if first[row].intensity is not None:
            assert found[row].intensity == pytest.approx(first[row].intensity, abs=1e-6)
    assert tensors.keys() == first_tensors.keys() and len(tensors) > 2
    points = np.array([np.full((478, 3), np.nan, np.float32) if each is None else each for each in loop])
    for row, tensor in tensors.items():
        np.testing.assert_allclose(tensor, first_tensors[row], rtol=0, atol=1e-6)
        if sampling == "fixed":
            known = slice(max(row - 60, 0), row + 1)
            np.testing.assert_allclose(tensor, batch(points[known], times[known]), **SAME)


def test_minutes_of_frames():
    """With the network: a face that comes, goes and comes back every two seconds and a half."""
    frames = there_and_back([frame.image for frame in Video(CLIPS / "moving.mp4")])
    empty = [np.zeros_like(frames[0])] * 40
    seen = {}
    with Recognizer(Softmax(), detector="face_mesh") as recognizer:
        for number in range(60):
            for row, frame in enumerate(chain(frames, empty)):
                seen[number, row] = recognizer.push(frame, (number * 120 + row) / FPS)
                seen.pop((number - 2, row), None)
            if number == 10:
                before = resident()
        assert resident() - before < 10
    last, one_before = ([seen[number, row] for row in range(120)] for number in (59, 58))
    assert [each.points is None for each in last] == [False] * 80 + [True] * 40
    assert list(map(outcome, last)) == list(map(outcome, one_before))
    for late, early in zip(last, one_before, strict=True):
        if early.points is not None:
            np.testing.assert_array_equal(late.points, early.points)
