"""What a network has to beat: classifiers from kept libraries, in the shape of `models.SequenceClassifier`."""

from __future__ import annotations

import os
import warnings

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from fer_utils.errors import TrainingError

NAMES = ("majority", "logistic", "svm", "minirocket")


def check_finite(**parts: np.ndarray) -> None:
    """Raises TrainingError where tensors (n, steps, A), by the name of their part, hold NaN or infinity."""
    for name, rows in parts.items():
        if wrong := int((~np.isfinite(rows).all(axis=(1, 2))).sum()):
            raise TrainingError(f"{wrong} of {len(rows)} {name} rows hold values that are not finite: leave them out")


class Baseline:
    """A scikit-learn classifier of tensors (n, steps, A). There is no early stopping in it, so it is fitted on the
    training and the validation part together, the rows that a network is given for both."""

    def __init__(self, pipeline):
        self.pipeline = pipeline

    def fit(self, x, emotions, validation) -> dict[str, list[float]]:
        check_finite(training=x, validation=validation[0])
        try:
            self.pipeline.fit(np.concatenate([x, validation[0]]), np.concatenate([emotions, validation[1]]))
        except ValueError as error:  # a single class, for one
            raise TrainingError(f"cannot be fitted: {str(error).splitlines()[0]}") from None
        self.classes = self.pipeline.classes_
        return {}

    def predict_proba(self, x) -> np.ndarray:
        """Probabilities (n, C) of `classes`; 1 for the class that a classifier without probabilities names."""
        if hasattr(self.pipeline, "predict_proba"):
            return self.pipeline.predict_proba(x)
        return (self.pipeline.predict(x)[:, None] == self.classes).astype(float)


def make(name: str, seed: int = 0) -> Baseline:
    """The most frequent class; a logistic regression on the change from the first key frame to the last; an SVM with
    RBF kernel on the whole tensor; MiniRocket on the points' paths (see `features.Options`).

    Raises TrainingError where MiniRocket's library is not installed.
    """
    if name == "majority":
        return Baseline(DummyClassifier(strategy="prior"))
    if name == "logistic":
        return Baseline(
            make_pipeline(FunctionTransformer(_change), StandardScaler(), LogisticRegression(max_iter=2000))
        )
    if name == "svm":
        # the margin's side decides, as in SVC itself: its probabilities are a second model, fitted by chance
        return Baseline(make_pipeline(FunctionTransformer(_flat), StandardScaler(), SVC(C=10)))
    # Numba compiles once a machine: at this level in half the time, to code that is fast enough
    os.environ.setdefault("NUMBA_OPT", "1")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from sktime.transformations.panel.rocket import MiniRocketMultivariate
    except ImportError:
        raise TrainingError("minirocket: sktime and numba are not installed; pip install -e '.[baselines]'") from None
    # the transform's features are shares between 0 and 1: scaled, not centred
    ridge = make_pipeline(StandardScaler(with_mean=False), RidgeClassifierCV(alphas=np.logspace(-3, 3, 10)))
    return Baseline(_AfterTransform(MiniRocketMultivariate(random_state=seed), ridge))


class _AfterTransform:
    """A classifier behind sktime's transform, which scikit-learn's own pipeline does not take."""

    def __init__(self, transform, classifier):
        self.transform, self.classifier = transform, classifier

    def fit(self, x, emotions):
        self.classifier.fit(self.transform.fit_transform(_channels_first(x)).to_numpy(), emotions)
        self.classes_ = self.classifier.classes_

    def predict(self, x):
        return self.classifier.predict(self.transform.transform(_channels_first(x)).to_numpy())


def _change(x):
    return x.sum(axis=1)  # of the differences from key frame to key frame


def _flat(x):
    return x.reshape(len(x), -1)


def _channels_first(x):
    return np.ascontiguousarray(x.transpose(0, 2, 1))
