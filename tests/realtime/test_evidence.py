"""Probabilities of frames → the name of an expression, by hand."""

import numpy as np
import pytest

from fer_utils.realtime.evidence import AHEAD, EARLY, ENOUGH, LONGEST, SURE, Evidence

FEAR, SURPRISE = np.array([0.8, 0.1, 0.1]), np.array([0.1, 0.2, 0.7])


@pytest.fixture
def evidence():
    return Evidence(("fear", "happiness", "surprise"))


def test_the_mean_of_log_probabilities_counts_by_time_and_intensity(evidence):
    evidence.add(FEAR, 0.01, 0.3)
    evidence.add(SURPRISE, 0.02, 0.1)  # 16 times as much a second
    weights = np.array([0.3, 1.6]) / 1.9
    expected = np.exp(weights @ np.log([FEAR, SURPRISE]))
    assert evidence.probabilities == pytest.approx(expected / expected.sum())
    assert evidence.seconds == pytest.approx(0.4)


def test_nothing_is_known_at_first_and_a_probability_of_0_rules_nothing_out(evidence):
    assert evidence.probabilities == pytest.approx([1 / 3] * 3)
    evidence.add(np.array([0, 1, 0.0]), 0.01, 0.1)
    evidence.add(FEAR, 0.05, 1)
    assert evidence.probabilities.argmax() == 0


@pytest.mark.parametrize(
    ("clarity", "sure", "probability", "seconds", "named"),
    [
        (3, SURE, SURE + 0.01, ENOUGH, True),
        (3, SURE, SURE - 0.01, 2, False),
        (3, SURE, 0.9, ENOUGH - 0.02, False),
        (1, SURE, 0.9, LONGEST - 0.02, False),  # weak: it waits longer
        (1, SURE, 0.9, LONGEST, True),
        (3, EARLY, EARLY - 0.01, 2, False),  # what is to come may change it
        (3, EARLY, EARLY + 0.01, ENOUGH, True),
    ],
)
def test_when_an_expression_is_named(evidence, clarity, sure, probability, seconds, named):
    rest = (1 - probability) / 2
    for _ in range(round(seconds * 100)):
        evidence.add(np.array([rest, probability, rest]), 0.02, 0.01, sure, clarity)
    assert (evidence.emotion == "happiness") == named


@pytest.mark.parametrize(("second", "named"), [(0.5 - AHEAD - 0.01, True), (0.5 - AHEAD + 0.01, False)])
def test_two_that_are_about_as_probable_are_no_name(evidence, second, named):
    evidence.add(np.array([0.5, second, 0.5 - second]), 0.02, 1.0)
    assert (evidence.emotion == "fear") == named


def test_a_single_class_has_no_other_to_be_ahead_of():
    evidence = Evidence(("happiness",))
    evidence.add(np.array([1.0]), 0.05, ENOUGH)
    assert evidence.emotion == "happiness"


def test_a_name_is_kept_until_another_is_clearly_better(evidence):
    evidence.add(FEAR, 0.02, 0.3)
    assert evidence.emotion == "fear"
    while evidence.probabilities.argmax() == 0:
        evidence.add(SURPRISE, 0.02, 0.01)
    assert evidence.emotion == "fear"
    evidence.add(SURPRISE, 0.02, 0.3)
    assert evidence.emotion == "surprise"
