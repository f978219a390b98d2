"""The baselines see what they are said to see, and learn it."""

import numpy as np
import pytest

from fer_utils.errors import TrainingError
from fer_utils.models import baselines

NAMES = np.array(["anger", "fear", "surprise"])


def tensors(count, seed):
    """Tensors (count, 4, 6): each emotion has a direction in which the features change from step to step."""
    draw = np.random.default_rng(seed)
    emotions = draw.permutation(np.resize(NAMES, count))
    x = draw.normal(size=(count, 4, 6))
    for number, name in enumerate(NAMES):
        x[emotions == name, :, 2 * number] += 2
    return x.astype(np.float32), emotions


def share_right(baseline, x, emotions):
    return (baseline.classes[baseline.predict_proba(x).argmax(axis=1)] == emotions).mean()


@pytest.mark.parametrize("name", ["logistic", "svm"])
def test_a_separable_problem_is_learnt(name):
    baseline = baselines.Baseline(name)
    assert baseline.fit(*tensors(60, 0), tensors(30, 1)) == {}
    assert share_right(baseline, *tensors(300, 2)) > 0.9
    np.testing.assert_allclose(baseline.predict_proba(tensors(9, 3)[0]).sum(axis=1), 1)


def test_the_majority_class_is_that_of_training_and_validation_together():
    x = np.zeros((5, 4, 6), np.float32)
    baseline = baselines.Baseline("majority")
    baseline.fit(x, np.array(["anger", "anger", "fear", "fear", "fear"]), (x[:2], np.array(["anger", "anger"])))
    np.testing.assert_allclose(baseline.predict_proba(x[:2]), [[4 / 7, 3 / 7]] * 2)


def test_logistic_regression_sees_the_change_from_first_to_last_key_frame_only():
    x, emotions = tensors(60, 0)
    baseline = baselines.Baseline("logistic")
    baseline.fit(x, emotions, tensors(30, 1))
    other = x[:, ::-1].copy()  # the same steps in another order
    other[:, 0] += 5
    other[:, 1] -= 5
    np.testing.assert_allclose(baseline.predict_proba(other), baseline.predict_proba(x), atol=1e-4)


def test_how_many_numbers_are_kept():
    counts = {}
    for name in ("majority", "logistic", "svm", "gram", "kendall"):
        baseline = baselines.Baseline(name)
        baseline.fit(*tensors(30, 0), tensors(30, 1))
        counts[name] = baseline.weights
    assert (counts["majority"], counts["logistic"]) == (3, 3 * (6 + 1))  # of three emotions, six features
    support = baselines.Baseline("svm")
    support.fit(*tensors(30, 0), tensors(30, 1))
    vectors = len(support.pipeline[-1].support_)
    assert counts["svm"] == vectors * 6 + vectors * 2 + 3  # six features, two weights each; three pairs of emotions
    assert counts["gram"] > 60 * 24 and counts["kendall"] > 3


def test_values_that_are_not_finite_are_an_error():
    x, emotions = tensors(12, 0)
    x[3, 1, 2] = np.inf
    with pytest.raises(TrainingError, match="1 of 12 training rows hold values that are not finite"):
        baselines.Baseline("svm").fit(x, emotions, tensors(9, 1))


def test_a_single_class_is_an_error():
    x, _ = tensors(12, 0)
    with pytest.raises(TrainingError, match=r"cannot be fitted: The number of classes has to be greater than one"):
        baselines.Baseline("svm").fit(x, np.full(12, "anger"), (x[:3], np.full(3, "anger")))
