"""Samples of moving meshes for the classifier that ships."""

import numpy as np
import pytest

from fer_utils.data.labels import EMOTIONS
from fer_utils.features import tensors
from fer_utils.landmarks.canonical import LOWER_LIP, MIRROR, UPPER_LIP
from fer_utils.standins import muscles, training_set
from fer_utils.standins.action_units import ROW, UNITS
from fer_utils.standins.actors import make_actor
from fer_utils.standins.training_set import NOTHING, POSED, RIGS, WEAK, change, mirrored_columns, sample


@pytest.fixture(scope="module", params=RIGS)
def samples(request):
    return sample(request.param, 4, seed=1)


def test_a_seed_gives_the_same_samples_and_another_other_ones(samples):
    again = sample("fields", 2, seed=1)
    np.testing.assert_array_equal(again.change, sample("fields", 2, seed=1).change)
    assert np.abs(again.change - sample("fields", 2, seed=2).change).max() > 0.05


def test_every_actor_shows_all_emotions(samples):
    n = POSED + WEAK + NOTHING
    assert samples.change.shape == (4 * n, tensors.shape()[1])
    assert samples.units.shape == (4 * n, len(UNITS), 2)
    assert np.isfinite(samples.change).all()
    for actor in range(4):
        assert set(samples.emotions[actor * n : actor * n + POSED]) == set(EMOTIONS)


def test_what_is_no_expression_smiles_in_nobody():
    rng = np.random.default_rng(0)
    shown = np.array([training_set.no_expression(rng) for _ in range(200)])
    assert shown[:, ROW[12]].max() == shown[:, ROW[4]].max() == shown[:, ROW[1]].max() == 0
    assert (shown.max((1, 2)) == 0).mean() > 0.1
    assert shown[:, ROW[43]].max() > 0.8


def test_what_passes_by_itself_is_lids_and_parted_lips_and_rare():
    rng = np.random.default_rng(0)
    rest, apex = np.array([training_set.in_passing(rng) for _ in range(2000)]).swapaxes(0, 1)
    lids, lips = ROW[43], [ROW[25], ROW[26]]
    assert (rest[:, lids, 0] > 0).mean() == pytest.approx(training_set.BLINKS, abs=0.02)
    assert (apex[:, lids, 0] > 0).mean() == pytest.approx(training_set.BLINKS, abs=0.02)
    assert (rest[:, lips[0], 0] > 0).mean() == pytest.approx(training_set.APART, abs=0.02)
    others = np.delete(np.arange(len(UNITS)), [lids, *lips])
    assert rest[:, others].max() == apex[:, others].max() == apex[:, lips].max() == 0


def test_lids_that_were_lowered_at_rest_count_as_less_of_their_unit():
    units = sample("fields", 20, seed=2).units[:, ROW[43]]
    assert (units < -0.1).any(axis=1).mean() == pytest.approx(training_set.BLINKS, abs=0.03)


def test_the_change_is_the_sum_of_the_steps_of_a_tensor():
    actor = make_actor(3)
    smile = np.zeros((len(UNITS), 2))
    smile[ROW[12]] = 1
    rest, apex = (actor.rig.deform(actor.neutral, a) * [1, -1, -1] for a in (0 * smile, smile))
    path = rest + np.linspace(0, 1, 5)[:, None, None] * (apex - rest)
    from fer_utils.features import geometry

    steps = geometry.differences(geometry.normalise(path), geometry.PAIRS)
    np.testing.assert_allclose(change(rest, apex), steps.sum(0), atol=0.02)


def test_mirrored_columns_are_those_of_the_mirrored_face():
    rng = np.random.default_rng(0)
    actor = make_actor(2)
    lifted = np.zeros((len(UNITS), 2))
    lifted[ROW[12], 0] = lifted[ROW[2], 1] = 0.8
    rest, apex = (actor.rig.deform(actor.neutral, a) * [1, -1, -1] + rng.normal(0, 0.01) for a in (0 * lifted, lifted))
    columns, signs = mirrored_columns()
    mirrored = change(rest[MIRROR] * [-1, 1, 1], apex[MIRROR] * [-1, 1, 1])
    # the eyes are made level again, and angles near ±π may turn the other way round
    off = np.abs(change(rest, apex)[columns] * signs - mirrored)
    assert np.median(off) < 1e-4
    assert (off > 0.05).mean() < 0.01


def test_people_of_the_second_rig_are_awake_and_silent():
    faces = np.array([muscles.make_face(np.random.default_rng(seed)) for seed in range(30)])
    gaps = faces[:, UPPER_LIP[3, 1:-1], 1] - faces[:, LOWER_LIP[3, 1:-1], 1]
    np.testing.assert_allclose(gaps, 0, atol=1e-9)
    eyes = (faces[:, 159, 1] - faces[:, 145, 1]) / np.abs(faces[:, 33, 0] - faces[:, 263, 0])
    assert 0.05 < eyes.min() < eyes.max() < 0.2
    assert (faces.std(0) > 0.05).all(axis=1).mean() > 0.9


def test_rendered_samples_lie_between_what_was_drawn_and_what_was_found():
    drawn, seen = (training_set.rendered(2, found=found) for found in (0.0, 1.0))
    assert len(drawn) == len(seen) == 8  # two expressions, two detectors
    np.testing.assert_array_equal(drawn.change[0], drawn.change[1])  # the truth is the same for both detectors
    assert np.abs(seen.change[0] - seen.change[1]).max() > 0.005
    likeness = [np.corrcoef(a, b)[0, 1] for a, b in zip(drawn.change[::2], seen.change[::2], strict=True)]
    assert np.mean(likeness) > 0.5
    mixed = training_set.rendered(1)
    assert len(mixed) == 8  # two shares of each
    np.testing.assert_array_equal(mixed.change, training_set.rendered(1).change)
