"""Methods on trajectories: what turns, places and sizes of the face do not change, and what time does not."""

import numpy as np
import pytest

from fer_utils.models import baselines, trajectories


def tensors(count, seed, steps=6, points=9):
    """Tensors (count, steps, 2 · points) of two emotions: the first points move apart, or up."""
    draw = np.random.default_rng(seed)
    face = np.random.default_rng(9).normal(size=(points, 2))
    emotions = np.resize(["anger", "fear"], count)
    way = np.zeros((count, points, 2))
    way[emotions == "anger", :3, 0] = [-1, 0, 1]
    way[emotions == "fear", :3, 1] = 1
    course = np.linspace(0, 1, steps)[None, :, None, None]
    x = face + draw.normal(0, 0.1, (count, 1, points, 2)) + course * way[:, None]
    return (x + draw.normal(0, 0.02, x.shape)).reshape(count, steps, -1).astype(np.float32), emotions


def moved(x):
    """Turned by 40 degrees, twice as large, and elsewhere."""
    cos, sin = np.cos(0.7), np.sin(0.7)
    points = x.reshape(*x.shape[:2], -1, 2) @ np.array([[cos, sin], [-sin, cos]])
    return (2 * points + [5, -3]).reshape(x.shape)


@pytest.mark.parametrize("name", ["gram", "kendall"])
def test_two_expressions_are_told_apart(name):
    baseline = baselines.Baseline(name)
    x, emotions = tensors(30, 0)
    baseline.fit(x[:20], emotions[:20], (x[20:], emotions[20:]))
    other, truth = tensors(20, 1)
    right = baseline.classes[baseline.predict_proba(other).argmax(axis=1)] == truth
    assert right.mean() >= 0.9
    np.testing.assert_array_equal(baseline.predict_proba(moved(other)), baseline.predict_proba(other))


class TestTrajectoryDistances:
    def test_a_trajectory_is_no_way_from_itself_moved(self):
        x, _ = tensors(4, 0)
        distances = trajectories.trajectory_distances(x, moved(x))
        assert np.abs(np.diagonal(distances)).max() < 1e-6
        assert (distances + np.eye(4) > 1e-3).all()

    def test_it_is_symmetric(self):
        x, _ = tensors(5, 0)
        distances = trajectories.trajectory_distances(x, x)
        np.testing.assert_allclose(distances, distances.T, atol=1e-8)

    def test_waiting_costs_nothing(self):
        """Aligned in time: a frame may be seen for longer."""
        x, _ = tensors(1, 0)
        slow = np.repeat(x, 2, axis=1)
        assert trajectories.trajectory_distances(x, slow)[0, 0] == pytest.approx(0, abs=1e-6)


def test_tangents_start_at_nothing_and_know_no_turn_or_size():
    x, _ = tensors(6, 0)
    tangents = trajectories.KendallTangents().fit(x)
    found = tangents.transform(x)
    assert found.shape == (6, 6 * 18)
    assert np.abs(found[:, :18]).max() == 0  # the first step
    np.testing.assert_allclose(tangents.transform(moved(x)), found, atol=1e-6)


def frames_of(trajectory):
    """Its frames, each with its mean at 0 and a size of 1."""
    points = trajectory.reshape(len(trajectory), -1, 2).astype(float)
    points = points - points.mean(axis=1, keepdims=True)
    return points / np.linalg.norm(points, axis=(1, 2), keepdims=True)


def test_kendall_is_the_formula_of_the_method_page():
    x, _ = tensors(6, 0)
    tangents = trajectories.KendallTangents().fit(x)
    m = tangents.mean_
    z = np.array([frames_of(trajectory) for trajectory in x]) @ [1, 1j]
    a = (z * m.conj()).sum(axis=-1, keepdims=True)
    rho = np.arccos(np.abs(a))
    v = rho / np.sin(rho) * (z * a.conj() / np.abs(a) - m * np.cos(rho))
    v = v - v[:, :1]
    features = np.concatenate([v.real, v.imag], axis=-1).reshape(len(x), -1)
    np.testing.assert_allclose(tangents.transform(x), features, atol=1e-6)


def test_gram_is_the_formula_of_the_method_page():
    x, _ = tensors(2, 0, steps=1)
    (u, size, _), (other, other_size, _) = (np.linalg.svd(frames_of(one)[0], full_matrices=False) for one in x)
    left, cosines, right = np.linalg.svd(u.T @ other)
    r, r_other = left.T @ np.diag(size**2) @ left, right @ np.diag(other_size**2) @ right.T
    forms = np.log(np.linalg.eigvals(np.linalg.inv(r) @ r_other).real)
    d2 = (np.arccos(np.minimum(cosines, 1)) ** 2).sum() + 0.1 * (forms**2).sum()
    assert trajectories.trajectory_distances(x[:1], x[1:])[0, 0] == pytest.approx(d2, rel=1e-5)
