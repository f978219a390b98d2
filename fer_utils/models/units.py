"""Intensities of action units out of the study's features, left and right apart, and emotion by way of them.

Intensities go from 0 (not seen) to 5, FACS's letters A to E as 1 to 5. Sides are the person's own. Prediction needs
NumPy alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_utils import paths
from fer_utils.errors import ModelFileError, TrainingError, first_line

HIGHEST = 5.0
LEVEL_B = 2.0  # from here on a unit counts as shown, as is usual where coders agree
PENALTY = 1000.0  # of the ridge regression, on standardised features: our choice, on the CK+ and MMI stand-ins
FOLDS = 5  # of people, for the calibration
MIN_CORRELATION = 0.3  # of found and known intensities; from here on, the found ones get the spread of the known ones
MOST_NAMED = 4  # units that an explanation names at most
# the arrays of a model's file, and their NumPy types: texts, and numbers of 4 or 2 bytes
STORED = {"names": "U", "mean": "f4", "scale": "f4", "weights": "f2", "emotions": "U", "by_units": "f4"}


@dataclass(frozen=True)
class UnitModel:
    """A ridge regression of all units at once on the change from the first key frame to the last, calibrated.

    Calibrated means that a line maps each unit's values to intensities, fitted on people who were left out.
    `names` are columns such as "AU12_left"; `emotions` the classes of a logistic regression on the intensities.
    """

    names: tuple[str, ...]
    mean: np.ndarray  # (A,)
    scale: np.ndarray  # (A,)
    weights: np.ndarray  # (A + 1, units), the intercept last
    emotions: tuple[str, ...]
    by_units: np.ndarray  # (units + 1, emotions), the intercept last

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return intensities (n, units), 0 to 5, of tensors (n, steps, A)."""
        change = (x.sum(axis=1) - self.mean) / self.scale
        return np.clip(change @ self.weights[:-1] + self.weights[-1], 0, HIGHEST)

    def emotion_proba(self, intensities: np.ndarray) -> np.ndarray:
        """Return probabilities (n, emotions), by way of intensities (n, units)."""
        scores = intensities @ self.by_units[:-1] + self.by_units[-1]
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)

    def explain(self, intensities: np.ndarray) -> str:
        """Return the emotion of one face's intensities (units,) and the units that speak for it most.

        They are written as "happiness, since AU 6 and 12".
        """
        winner = int(self.emotion_proba(intensities[None])[0].argmax())
        against = self.by_units[:-1, winner] - self.by_units[:-1].mean(axis=1)
        support: dict[int, float] = {}
        for name, value, weight in zip(self.names, intensities, against, strict=True):
            unit = int(name[2:4])
            support[unit] = support.get(unit, 0.0) + value * weight * (value >= 1)
        best = sorted((unit for unit in support if support[unit] > 0), key=lambda unit: -support[unit])[:MOST_NAMED]
        if not best:
            return f"{self.emotions[winner]}, though no unit speaks for it"
        *others, last = map(str, sorted(best))
        named = f"{', '.join(others)} and {last}" if others else last
        return f"{self.emotions[winner]}, since AU {named}"

    def save(self, path: Path) -> Path:
        """Write the model as one `.npz` file without pickles, its large weights in 16 bits; return `path`."""
        with paths.replacing(path) as temporary:
            np.savez_compressed(temporary, **{name: np.array(vars(self)[name], kind) for name, kind in STORED.items()})
        return path

    @classmethod
    def load(cls, path: Path) -> UnitModel:
        """Return what `save` wrote. Raises ModelFileError if the file is missing, damaged or something else."""
        try:
            with np.load(path, allow_pickle=False) as arrays:
                stored = {name: arrays[name] for name in STORED}
            texts = {name: tuple(stored.pop(name).tolist()) for name in ("names", "emotions")}
            return cls(**texts, **{name: values.astype(np.float32) for name, values in stored.items()})
        except Exception as error:  # no file, or whatever a damaged one makes zipfile and NumPy stumble over
            raise ModelFileError(f"{path}: not a model of action units ({first_line(error)}); train it again") from None


def fit(
    x: np.ndarray, intensities: np.ndarray, names: tuple[str, ...], emotions: np.ndarray, subjects: np.ndarray
) -> UnitModel:
    """Fit a model on tensors (n, steps, A) with known intensities (n, units), emotions and subjects.

    Calibration and the step from units to emotions are learnt from intensities that are predicted for people who are
    left out. Raises TrainingError if there are fewer than two people or emotions.
    """
    from sklearn.linear_model import LogisticRegression, Ridge  # training alone needs it
    from sklearn.model_selection import GroupKFold

    people = len(set(subjects.tolist()))
    if people < 2 or len(set(emotions.tolist())) < 2:
        raise TrainingError("a model of action units needs two people and two emotions: give more data")
    change = x.sum(axis=1)
    mean, spread = change.mean(axis=0), change.std(axis=0)
    scale = np.where(spread > 0, spread, 1)
    change = (change - mean) / scale
    unseen = np.zeros_like(intensities, float)
    for rows, others in GroupKFold(min(FOLDS, people)).split(change, groups=subjects):
        unseen[others] = Ridge(PENALTY).fit(change[rows], intensities[rows]).predict(change[others])
    slope, offset = _calibration_lines(unseen, intensities)
    ridge = Ridge(PENALTY).fit(change, intensities)
    weights = np.concatenate([ridge.coef_.T, ridge.intercept_[None]]) * slope
    weights[-1] += offset
    calibrated = np.clip(unseen * slope + offset, 0, HIGHEST)
    logistic = LogisticRegression(max_iter=5000).fit(calibrated, emotions)
    coefficients = np.concatenate([logistic.coef_.T, logistic.intercept_[None]])
    if len(logistic.classes_) == 2:  # one row stands for both
        coefficients = np.concatenate([-coefficients / 2, coefficients / 2], axis=1)
    return UnitModel(names, mean, scale, weights, tuple(logistic.classes_.tolist()), coefficients)


def _calibration_lines(predicted: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return slope and offset (units,) of the lines from predicted to known."""
    # On them both have the same mean and spread: a least-squares line would pull all to the mean, and weak units would
    # never be seen. It is taken if both hardly agree: a larger spread would only enlarge noise.
    spread, wanted = predicted.std(axis=0), known.std(axis=0)
    shared = ((predicted - predicted.mean(axis=0)) * (known - known.mean(axis=0))).mean(axis=0)
    safe = np.where((spread > 0) & (wanted > 0), spread, 1)
    correlation = shared / (safe * np.where(wanted > 0, wanted, 1))
    slope = np.where(correlation > MIN_CORRELATION, wanted / safe, np.maximum(shared, 0) / safe**2)
    return slope, known.mean(axis=0) - slope * predicted.mean(axis=0)
