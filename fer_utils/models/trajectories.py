"""Two published methods on trajectories of landmarks: what the field makes of the same folds.

Both take tensors (n, steps, 2N): the points of each frame, x and y of one point side by side, as `geometry.trajectory`
returns them. Both are scikit-learn classifiers.
"""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

SPREAD = 0.1  # weight of the covariances in a distance; Kacem et al. chose it for each dataset, here it is fixed
MEAN_ROUNDS = 5  # of the iteration that finds a mean shape


class GramTrajectories(ClassifierMixin, BaseEstimator):
    """Trajectories of landmark Gram matrices, aligned in time, and a support vector machine on their proximities.

    The proximities are those to all training trajectories (Kacem et al., arXiv:1707.06440). A frame is the Gram matrix
    of its centred points, which does not depend on their turn. The squared distance of two frames is that of their
    subspaces on the Grassmann manifold plus SPREAD times that of their aligned covariances. The distance of two
    trajectories is the least sum along a path of dynamic time warping.
    """

    def fit(self, x: np.ndarray, emotions: np.ndarray) -> GramTrajectories:
        """Fit on tensors (n, steps, 2N) and emotions (n,)."""
        self.trajectories_ = x
        self.svm_ = make_pipeline(StandardScaler(), SVC(kernel="linear")).fit(trajectory_distances(x, x), emotions)
        self.classes_ = self.svm_.classes_
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the emotion of each tensor."""
        return self.svm_.predict(trajectory_distances(x, self.trajectories_))


def trajectory_distances(x: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the distances (n, m) of trajectories (n, steps, 2N) and (m, steps, 2N), aligned in time."""
    count = others.shape[1]
    subspaces = _decomposed(others)
    aligned = []
    for trajectory in x:
        frames = _frame_distances(_decomposed(trajectory[None]), subspaces)  # (steps, m, count)
        frames = frames.reshape(len(trajectory), len(others), count)
        total = np.full((len(trajectory) + 1, len(others), count + 1), np.inf)
        total[0, :, 0] = 0
        for i in range(len(trajectory)):
            for j in range(count):
                best = np.minimum(np.minimum(total[i, :, j + 1], total[i + 1, :, j]), total[i, :, j])
                total[i + 1, :, j + 1] = frames[i, :, j] + best
        aligned.append(total[-1, :, -1])
    return np.array(aligned)


def _points(x: np.ndarray) -> np.ndarray:
    """Return centred points (n, N, 2) of size 1, of all frames of tensors (…, 2N)."""
    points = x.reshape(-1, x.shape[-1] // 2, 2).astype(float)
    points = points - points.mean(axis=1, keepdims=True)
    return points / np.maximum(np.linalg.norm(points, axis=(1, 2), keepdims=True), 1e-12)


def _decomposed(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the subspaces (n, N, 2) and the variances (n, 2) in them of all frames: their Gram matrices' two parts."""
    bases, sizes, _ = np.linalg.svd(_points(x), full_matrices=False)
    return bases, np.maximum(sizes, 1e-6) ** 2


def _frame_distances(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return squared distances (n, m) of frames.

    Singular values and eigenvalues of 2 x 2 matrices are written out: LAPACK takes 20 times as long for as many of
    them. The product of two bases is a rotation plus a mirror image, each times a length. The singular values are the
    sum and the difference of these lengths; the part with the larger one aligns the bases.
    """
    (a, b), (c, d) = np.einsum("api,bpj->ijab", one[0], other[0], optimize=True)
    rotation, mirror = np.hypot(a + d, c - b) / 2, np.hypot(a - d, b + c) / 2
    cosines = np.stack([rotation + mirror, np.abs(rotation - mirror)])
    grassmann = (np.arccos(np.minimum(cosines, 1)) ** 2).sum(axis=0)
    # the eigenvalues of R⁻¹R' from its trace and determinant; `along` is a squared entry of the aligning matrix
    longer = np.maximum(np.maximum(rotation, mirror), 1e-12)
    along = (np.where(rotation >= mirror, a + d, a - d) / longer / 2) ** 2
    (s, t), (u, v) = 1 / one[1].T[:, :, None], other[1].T[:, None]
    half = (along * (s * u + t * v) + (1 - along) * (s * v + t * u)) / 2
    product = s * t * u * v
    larger = half + np.sqrt(np.maximum(half**2 - product, 0))
    return grassmann + SPREAD * (np.log(larger) ** 2 + np.log(product / larger) ** 2)


class KendallTangents(TransformerMixin, BaseEstimator):
    """Trajectories in Kendall's space of shapes, seen from the mean shape at rest of the training part.

    A frame is its place in the tangent space there, less that of the first frame (after Ben Tanfous et al.,
    arXiv:1908.03231, who learn a dictionary in it).
    """

    def fit(self, x: np.ndarray, emotions: np.ndarray | None = None) -> KendallTangents:
        """Find the mean shape of the first frames of tensors (n, steps, 2N)."""
        shapes = _as_complex(x[:, 0])
        mean = shapes[0]
        for _ in range(MEAN_ROUNDS):
            mean = (shapes * _rotation(shapes, mean)).mean(axis=0)
            mean /= np.linalg.norm(mean)
        self.mean_ = mean
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Return (n, steps · 2N)."""
        shapes = _as_complex(x)
        near = np.clip(np.abs(shapes @ self.mean_.conj()), 0, 1)[:, None]
        away = np.arccos(near) / np.maximum(np.sqrt(1 - near**2), 1e-9)
        tangents = ((shapes * _rotation(shapes, self.mean_) - near * self.mean_) * away).reshape(*x.shape[:2], -1)
        tangents = tangents - tangents[:, :1]
        return np.concatenate([tangents.real, tangents.imag], axis=-1).reshape(len(x), -1)


def _as_complex(x: np.ndarray) -> np.ndarray:
    points = _points(x)
    return points[..., 0] + 1j * points[..., 1]


def _rotation(shapes: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return what turns each shape (n, N) onto the mean, (n, 1)."""
    phase = shapes @ mean.conj()
    return (phase.conj() / np.maximum(np.abs(phase), 1e-12))[:, None]
