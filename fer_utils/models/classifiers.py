"""Classifiers by name; and the one around a network: scaler and training."""

from __future__ import annotations

import random
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal
from unittest import mock

import numpy as np

from fer_utils import workers
from fer_utils.errors import ModelFileError, TrainingError
from fer_utils.features import tensors
from fer_utils.models import baselines, networks
from fer_utils.models.model_files import Facts
from fer_utils.models.networks import keras, tf
from fer_utils.models.training import Trainer, predictor


@dataclass(frozen=True)
class Recipe:
    """How a network is made, of steps, features and classes, and the settings that suit it: our choices."""

    make: Callable[[int, int, int], keras.Model]
    learning_rate: float
    patience: int


# A public re-implementation guesses a rate of 1e-3 for the paper's network; on the stand-in it takes longer than
# 1e-4 and ends at twice the validation loss. The paper's network is at its best after some 5 epochs. The compact one,
# half of whose inputs are left out in training, goes up and down for longer.
NETWORKS: Mapping[str, Recipe] = {
    "paper": Recipe(networks.paper_network, 1e-4, patience=5),
    "compact": Recipe(networks.compact_network, 1e-3, patience=10),
    "mlp": Recipe(networks.perceptron, 1e-4, patience=10),
    "graph": Recipe(networks.graph_network, 1e-3, patience=10),
}
NAMES = (*NETWORKS, *baselines.BASELINES)


def make(name: str, seed: int = 0, **settings):
    """Return a classifier by name: anything with `fit(x, emotions, validation)`, `predict_proba(x)` and `classes`.

    `settings` are those of `SequenceClassifier`; the baselines, which have no epochs, ignore them. Raises TrainingError
    for an unknown name.
    """
    if name in NETWORKS:
        return SequenceClassifier(name, seed=seed, **settings)
    if name in baselines.BASELINES:
        return baselines.Baseline(name)
    raise TrainingError(f"model {name!r} is unknown: choose one of {', '.join(NAMES)}")


class SequenceClassifier:
    """A network with the scaler and the class names that belong to it.

    Parameters
    ----------
    name : one of NETWORKS
    epochs, batch_size, learning_rate, patience
        Training ends after `epochs`, or `patience` epochs without one that is better on the validation part; the best
        one's weights are kept. Rate and patience are the network's own by default. Our choices: the paper gives none.
        32 is what a public re-implementation guesses.
    seed
        Two fits with one seed on one machine give the same weights.

    Set two attributes before the classifier is exported: `features`, the `tensors.Options` of the tensors (by default
    the study's), and `trained_on`, a few words on the data.
    """

    def __init__(
        self,
        name: str = "paper",
        epochs: int = 60,
        batch_size: int = 32,
        learning_rate: float | None = None,
        patience: int | None = None,
        seed: int = 0,
    ):
        self.name, self.epochs, self.batch_size, self.seed = name, epochs, batch_size, seed
        self.learning_rate = learning_rate or NETWORKS[name].learning_rate
        self.patience = patience or NETWORKS[name].patience
        self.model: keras.Model | None = None
        self.features, self.trained_on = tensors.DEFAULT, ""

    @property
    def recipe(self) -> dict[str, float]:
        """How it is trained, for tables."""
        return {
            "epoch_limit": self.epochs,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "patience": self.patience,
        }

    @property
    def weights(self) -> int:
        """How many numbers the trained network keeps, without the scaler's."""
        return self.model.count_params()

    def fit(
        self,
        x: np.ndarray,
        emotions: np.ndarray,
        validation: tuple[np.ndarray, np.ndarray],
        keep: Literal["loss", "accuracy"] = "loss",
        refit: bool = False,
    ) -> dict[str, list[float]]:
        """Train on tensors x (n, steps, A) and their emotion names; return the history, a value per epoch.

        The scaler is fitted to `x` only, not to the validation part. `keep` says which epoch's weights are kept: that
        of the lowest validation loss, or that of the highest validation accuracy, for which all epochs are run. With
        `refit` the validation part only chooses the number of epochs: scaler and network are then fitted again on both
        parts, for that many epochs. Every call starts from the same initial weights. Raises TrainingError if
        either part is empty, values are not finite, or the loss runs away.
        """
        if not (len(x) and len(validation[0])):
            raise TrainingError(f"{len(x)} rows to train on, {len(validation[0])} to validate: a network needs both")
        baselines.check_finite(training=x, validation=validation[0])
        if len(alone := sorted(set(map(str, emotions)))) == 1:
            raise TrainingError(f"{alone[0]!r} is the only emotion to train on: a classifier needs two")
        self.classes = np.unique(np.concatenate([emotions, validation[1]]))
        self._fit_scaler(x)
        trainer = _trainer(self, *x.shape[1:], len(self.classes))
        self.model, self._predict = trainer.network, trainer.predict
        trainer.restart()
        rows, checked = self._rows(x, emotions), self._rows(*validation)
        shuffle = np.random.default_rng(self.seed)
        history, best, highest = [], 0, -np.inf
        for epoch in range(self.epochs):
            loss, accuracy = trainer.epoch(*rows, shuffle.permutation(len(x)), self.batch_size, self.learning_rate)
            val_loss, val_accuracy = map(float, trainer.evaluate(*checked))
            if not np.isfinite([loss, val_loss]).all():
                raise TrainingError(f"the loss is not finite in epoch {epoch + 1}: lower the learning rate")
            logs = {"loss": loss, "accuracy": accuracy, "val_loss": val_loss, "val_accuracy": val_accuracy}
            history.append(logs)
            score = val_accuracy if keep == "accuracy" else -val_loss
            if score > highest:
                best, highest, weights = epoch, score, None if refit else trainer.weights()
            elif keep == "loss" and epoch - best >= self.patience:
                break
        if refit:
            x, emotions = np.concatenate([x, validation[0]]), np.concatenate([emotions, validation[1]])
            self._fit_scaler(x)
            trainer.restart()
            rows, shuffle = self._rows(x, emotions), np.random.default_rng(self.seed)
            for _ in range(best + 1):
                trainer.epoch(*rows, shuffle.permutation(len(x)), self.batch_size, self.learning_rate)
        else:
            trainer.set_weights(weights)
        return {name: [epoch[name] for epoch in history] for name in history[0]}

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Return probabilities (n, C) of `classes` for tensors (n, steps, A)."""
        starts = range(0, len(x), 256)
        return np.concatenate([self._predict(self._scaled(x[at : at + 256])).numpy() for at in starts])

    def facts(self) -> Facts:
        """Return what its files say of it.

        Raises TrainingError before `fit`; ModelFileError if the network does not take tensors of the `features` that it
        is said to be trained on.
        """
        if self.model is None:
            raise TrainingError(f"the network {self.name!r} was not trained: call fit first")
        facts = Facts(self.name, tuple(self.classes.tolist()), self.features, "float32", self.trained_on)
        if facts.shape != (taken := tuple(self.model.input_shape[1:3])):
            raise ModelFileError(
                f"{self.name}: takes tensors {taken}, its features have {facts.shape}; set `features` to the options "
                "of the features that it was trained on"
            )
        return facts

    def _fit_scaler(self, x: np.ndarray) -> None:
        self.mean = x.mean(axis=(0, 1))
        spread = x.std(axis=(0, 1))
        self.scale = np.where(spread > 0, spread, 1).astype(np.float32)

    def _rows(self, x: np.ndarray, emotions: np.ndarray) -> tuple[tf.Tensor, tf.Tensor]:
        """Return scaled tensors and class numbers in TensorFlow's memory: they go there once, not every epoch."""
        return tf.constant(self._scaled(x)), tf.constant(np.searchsorted(self.classes, emotions))

    def _scaled(self, x: np.ndarray) -> np.ndarray:
        return ((x - self.mean) / self.scale).astype(np.float32)[..., None]


MOST_KEPT = 4  # trainers of small networks, for the next folds: to trace a network takes as long as to train it
# trainer, seed, and the classifier that uses its network; by network, steps, features and classes
_kept_trainers: dict[tuple, tuple[Trainer, int, weakref.ref]] = {}


def _trainer(classifier: SequenceClassifier, steps: int, features: int, classes: int) -> Trainer:
    """Return the trainer of a network of this size, with the initial weights of the classifier's seed."""
    name, seed, size = classifier.name, classifier.seed, (steps, features, classes)
    tf.config.experimental.enable_op_determinism()
    if kept := _kept_trainers.pop((name, *size), None):
        trainer, its_seed, owner = kept
        if (other := owner()) not in (None, classifier):  # it still uses the network, and gets a copy
            other.model = keras.models.clone_model(trainer.network)
            other.model.set_weights(trainer.network.get_weights())
            other._predict = predictor(other.model)
        if its_seed != seed:
            trainer.start_from(_network(name, size, seed))
    else:
        if "paper" in (name, *(other for other, *_ in _kept_trainers)):
            _kept_trainers.clear()  # first, so that two large networks are never there at once
        elif len(_kept_trainers) == MOST_KEPT:
            del _kept_trainers[next(iter(_kept_trainers))]
        _check_memory(name, features, classes)
        trainer = Trainer(_network(name, size, seed))
    _kept_trainers[name, *size] = trainer, seed, weakref.ref(classifier)
    return trainer


def _check_memory(name: str, features: int, classes: int) -> None:
    """Raise TrainingError if memory is short for the paper's network; the others are small."""
    # seven times its weights: the gradient, two moments of Adam, and the initial, current, best and next best weights
    needed = 7 * 4 * networks.paper_weights(features, classes) if name == "paper" else 0
    if needed > (free := workers.memory_free()):
        raise TrainingError(
            f"the network {name!r} with {features} features needs {needed / 1e9:.1f} GB to train and "
            f"{free / 1e9:.1f} GB are free for it: use fewer --jobs, more memory, or a smaller set of landmarks"
        )


def _network(name: str, size: tuple[int, int, int], seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    # Keras draws its layers' seeds from Python's own generator, from which other threads, as a Dask worker's, draw too
    with mock.patch("keras.src.random.seed_generator.python_random", random.Random(seed)):
        return NETWORKS[name].make(*size)
