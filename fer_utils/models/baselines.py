"""What a network has to beat: classifiers from kept libraries, in the shape of `classifiers.SequenceClassifier`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.feature_selection import VarianceThreshold
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from fer_utils.errors import TrainingError, first_line
from fer_utils.models.trajectories import GramTrajectories, KendallTangents

TRAJECTORY = "trajectory"  # the variant of the features that methods on trajectories of points take


def check_finite(**parts: np.ndarray) -> None:
    """Raise TrainingError if tensors (n, steps, A), by the name of their part, hold NaN or infinity."""
    for name, rows in parts.items():
        if wrong := int((~np.isfinite(rows).all(axis=(1, 2))).sum()):
            raise TrainingError(f"{wrong} of {len(rows)} {name} rows hold values that are not finite: leave them out")


class Baseline:
    """A scikit-learn classifier of tensors (n, steps, A), by its name in BASELINES.

    It has no early stopping, so it is fitted to the training and the validation part together. A network is given the
    same rows.
    """

    def __init__(self, name: str):
        self.pipeline = BASELINES[name]()

    def fit(self, x, emotions, validation) -> dict[str, list[float]]:
        """Fit to both parts; the history is empty. Raises TrainingError if it cannot be fitted."""
        check_finite(training=x, validation=validation[0])
        try:
            self.pipeline.fit(np.concatenate([x, validation[0]]), np.concatenate([emotions, validation[1]]))
        except ValueError as error:  # a single class, for one
            raise TrainingError(f"cannot be fitted: {first_line(error)}") from None
        self.classes = self.pipeline.classes_
        return {}

    def predict_proba(self, x) -> np.ndarray:
        """Return probabilities (n, C) of `classes`; a classifier without them gives 1 to the class that it names."""
        if hasattr(self.pipeline, "predict_proba"):
            return self.pipeline.predict_proba(x)
        return (self.pipeline.predict(x)[:, None] == self.classes).astype(float)

    @property
    def weights(self) -> int:
        """How many numbers the fitted classifier keeps, without those of scalers.

        They are coefficients, or the rows that it compares with and their weights.
        """
        return _count_numbers(self.pipeline)


# of scikit-learn's fitted classifiers, and of `GramTrajectories`
_NUMBERS = ("coef_", "intercept_", "support_vectors_", "dual_coef_", "class_prior_", "trajectories_")


def _count_numbers(estimator: BaseEstimator) -> int:
    parts = [step for _, step in getattr(estimator, "steps", ())] + [getattr(estimator, "svm_", None)]
    own = sum(vars(estimator)[name].size for name in _NUMBERS if name in vars(estimator))
    return own + sum(_count_numbers(part) for part in parts if part is not None)


def _change(x):
    return x.sum(axis=1)  # of the differences from key frame to key frame


# What makes each baseline's scikit-learn classifier.
# Logistic regression and SVM see the change from the first key frame to the last: with the whole tensor, the kernel
# would compare the noise of each step. The SVM gives no probabilities: they would be a second model, fitted by chance.
BASELINES: Mapping[str, Callable[[], BaseEstimator]] = {
    # the most frequent emotion
    "majority": lambda: DummyClassifier(strategy="prior"),
    "logistic": lambda: make_pipeline(
        FunctionTransformer(_change), StandardScaler(), LogisticRegression(max_iter=2000)
    ),
    # an RBF kernel
    "svm": lambda: make_pipeline(FunctionTransformer(_change), StandardScaler(), SVC(C=10)),
    # on the variant TRAJECTORY
    "gram": GramTrajectories,
    "kendall": lambda: make_pipeline(KendallTangents(), VarianceThreshold(1e-14), StandardScaler(), SVC(C=10)),
}
