"""Times of what runs on every frame. In the suite each runs once, untimed; to time them:

python -m pytest tests/study/test_benchmarks.py --benchmark-enable
"""

import itertools

import numpy as np
import pytest

from fer_utils.features import tensors
from fer_utils.models import classifiers, export, litert
from fer_utils.realtime.streaming import Recognizer

FRAMES_A_SECOND = 30


@pytest.fixture(scope="module")
def moving(make_track):
    """Two seconds of a face that goes from neutral to an apex."""
    levels = np.interp(np.arange(60) / FRAMES_A_SECOND, [0.5, 1.5], [0, 10])
    return make_track(levels, np.arange(60) / FRAMES_A_SECOND)


@pytest.fixture(scope="module")
def tensor():
    return np.random.default_rng(0).normal(0, 0.02, (1, *tensors.shape())).astype(np.float32)


@pytest.fixture(scope="module")
def tensorflow(tensor):
    x, emotions = np.repeat(tensor, 7, axis=0), np.array([f"emotion {number}" for number in range(7)])
    classifier = classifiers.make("compact", epochs=1)
    classifier.fit(x, emotions, (x, emotions))
    return classifier


@pytest.fixture(scope="module")
def lite(tensorflow, tmp_path_factory):
    return litert.LiteClassifier(export.write(tensorflow, tmp_path_factory.mktemp("benchmarks") / "compact.tflite"))


def test_sequence_features(benchmark, moving):
    assert benchmark(tensors.sequence_features, moving).tensor.shape == (4, 2912)


@pytest.mark.parametrize("kind", ["tensorflow", "lite"])
def test_classifier(benchmark, request, tensor, kind):
    found = benchmark(request.getfixturevalue(kind).predict_proba, tensor)
    assert found.shape == (1, 7) and found.sum() == pytest.approx(1)


@pytest.mark.parametrize("kind", ["no classifier", "lite"])
def test_recognizer(benchmark, request, moving, kind):
    """A frame of a stream whose buffer is full."""
    recognizer = Recognizer(None if kind == "no classifier" else request.getfixturevalue(kind))
    numbers = itertools.count()

    def push():
        number = next(numbers)
        return recognizer.push_points(moving.points[number % len(moving)], number / FRAMES_A_SECOND)

    for _ in range(60):
        push()
    last = benchmark(push)
    assert last.intensity is not None and (last.probabilities is None) == (kind == "no classifier")
