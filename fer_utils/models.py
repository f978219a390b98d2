"""The paper's network, and the classifier around it: scaler, training, saving."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fer_utils import paths
from fer_utils.errors import ModelFileError, TrainingError
from fer_utils.quiet import native_logs_hidden

with native_logs_hidden():  # a machine without a GPU is told so, five times
    import keras
    import tensorflow as tf
    from keras import layers

    tf.config.list_logical_devices()


def paper_network(steps: int, features: int, classes: int) -> keras.Model:
    """Figure 3 of arXiv:2512.05669: ConvLSTM1D (8 filters, kernel 1) → Flatten → 2048 → 1024 → softmax.

    Input (steps, features, 1): the ConvLSTM walks over the steps in time, and its kernel of 1 over the features, so
    every feature passes through the same 8-unit cell. Equations 3–7 of the paper show peepholes; the Keras layer that
    its figure names has none. 49.8 million weights for 2912 features and 7 classes.
    """
    return keras.Sequential(
        [
            keras.Input((steps, features, 1)),
            layers.ConvLSTM1D(8, 1),
            layers.Flatten(),
            layers.Dense(2048, activation="relu"),
            layers.Dense(1024, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )


class SequenceClassifier:
    """A network with the scaler and the class names that belong to it.

    Parameters
    ----------
    network : callable (steps, features, classes) → keras.Model
    epochs, batch_size, learning_rate, patience
        Training ends after `epochs`, or `patience` epochs without a lower loss on the validation part, whose best
        epoch's weights are kept. Our choices: the paper gives none. 32 is what a public re-implementation guesses; its
        rate of 1e-3 was tried, and on the stand-in ends at twice the validation loss of 1e-4, later.
    seed
        Two fits with one seed on one machine give the same weights.
    """

    def __init__(
        self,
        network: Callable[[int, int, int], keras.Model] = paper_network,
        epochs: int = 60,
        batch_size: int = 32,
        learning_rate: float = 1e-4,
        patience: int = 10,
        seed: int = 0,
    ):
        self.network, self.epochs, self.batch_size = network, epochs, batch_size
        self.learning_rate, self.patience, self.seed = learning_rate, patience, seed
        self.model: keras.Model | None = None

    def fit(
        self,
        x: np.ndarray,
        emotions: np.ndarray,
        validation: tuple[np.ndarray, np.ndarray],
        on_epoch: Callable[[int, dict[str, float]], None] = lambda epoch, logs: None,
    ) -> dict[str, list[float]]:
        """Train on tensors x (n, steps, A) and their emotion names; return the history, a value an epoch.

        The scaler sees `x` only: neither the validation part nor anything held out. `on_epoch(epoch, logs)` is called
        after every epoch, for progress bars. Every call starts anew, from the same initial weights.
        """
        if wrong := int((~np.isfinite(x).all(axis=(1, 2))).sum()):
            raise TrainingError(f"{wrong} of {len(x)} training rows hold values that are not finite: leave them out")
        self.classes = np.unique(np.concatenate([emotions, validation[1]]))
        self.mean = x.mean(axis=(0, 1))
        spread = x.std(axis=(0, 1))
        self.scale = np.where(spread > 0, spread, 1).astype(np.float32)
        self._start(x.shape[1], x.shape[2], len(self.classes))
        x, y = self._scaled(x), np.searchsorted(self.classes, emotions)
        checked = self._scaled(validation[0]), np.searchsorted(self.classes, validation[1])
        shuffle = np.random.default_rng(self.seed)
        history, best = [], None
        # a plain loop over rows in memory: `Model.fit` builds an input pipeline that this size of data does not need
        for epoch in range(self.epochs):
            order = shuffle.permutation(len(x))
            logs = {"loss": 0.0, "accuracy": 0.0}
            for start in range(0, len(x), self.batch_size):
                rows = order[start : start + self.batch_size]
                self.model.reset_metrics()  # Keras does this itself, or not, from version to version
                batch = self.model.train_on_batch(x[rows], y[rows], return_dict=True)
                for name, value in batch.items():
                    logs[name] += float(value) * len(rows) / len(x)
            self.model.reset_metrics()
            for name, value in self.model.test_on_batch(*checked, return_dict=True).items():
                logs[f"val_{name}"] = float(value)
            if not np.isfinite([logs["loss"], logs["val_loss"]]).all():
                raise TrainingError(f"the loss is not finite in epoch {epoch + 1}: lower the learning rate")
            history.append(logs)
            on_epoch(epoch, history[-1])
            if best is None or history[-1]["val_loss"] < history[best]["val_loss"]:
                best, weights = epoch, self.model.get_weights()
            elif epoch - best >= self.patience:
                break
        self.model.set_weights(weights)
        return {name: [epoch[name] for epoch in history] for name in history[0]}

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Probabilities (n, C) of `classes` for tensors (n, steps, A)."""
        scaled = self._scaled(x)
        parts = [self.model.predict_on_batch(scaled[start : start + 256]) for start in range(0, len(x), 256)]
        return np.concatenate(parts)

    def save(self, folder: Path) -> None:
        """Write `model.keras` (network), `scaler.npz` and `classes.json` into `folder`."""
        with paths.replacing(folder / "model.keras") as temporary:
            self.model.save(temporary)
        with paths.replacing(folder / "scaler.npz") as temporary:
            np.savez(temporary, mean=self.mean, scale=self.scale)
        with paths.replacing(folder / "classes.json") as temporary:
            temporary.write_text(json.dumps(self.classes.tolist()), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> SequenceClassifier:
        """What `save` wrote. Raises ModelFileError, naming the folder, where it is not a whole model or its parts do
        not fit. Nothing in the files is executed: Keras' safe mode, no pickles."""
        classifier = cls()
        try:
            classifier.model = keras.saving.load_model(folder / "model.keras", safe_mode=True)
            with np.load(folder / "scaler.npz", allow_pickle=False) as arrays:
                classifier.mean, classifier.scale = arrays["mean"], arrays["scale"]
            classifier.classes = np.array(json.loads((folder / "classes.json").read_text(encoding="utf-8")))
        except Exception as error:  # whatever a damaged file makes Keras, zipfile, zlib and NumPy stumble over
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise ModelFileError(f"{folder}: not a saved model ({reason}); train it anew") from None
        scaler, classes = classifier.mean.shape, classifier.classes.shape
        given, taken = classifier.model.output_shape[1:], classifier.model.input_shape[2:]
        fits = classifier.scale.shape == scaler and taken == (*scaler, 1) and given == classes
        if not fits or not len(scaler) == len(classes) == 1:
            raise ModelFileError(f"{folder}: network, scaler and classes do not belong together; train it anew")
        return classifier

    def _start(self, steps: int, features: int, classes: int) -> None:
        """Bring network and optimizer into the state that the seed gives.

        A network of the right size is kept and set back: TensorFlow 2.21 does not free what a traced training step has
        used (0.6 GB a fold), and tracing it anew takes seconds.
        """
        if self.model is not None and self.model.input_shape[1:] + self.model.output_shape[1:] == (
            steps, features, 1, classes,
        ):  # fmt: skip
            self.model.set_weights(self._initial)
            for variable in self.model.optimizer.variables:
                variable.assign(keras.ops.zeros_like(variable))
            self.model.optimizer.learning_rate = self.learning_rate
            return
        keras.utils.set_random_seed(self.seed)
        tf.config.experimental.enable_op_determinism()
        self.model = self.network(steps, features, classes)
        self.model.compile(
            keras.optimizers.Adam(self.learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        self.model.optimizer.build(self.model.trainable_variables)
        self._initial = self.model.get_weights()

    def _scaled(self, x: np.ndarray) -> np.ndarray:
        return ((x - self.mean) / self.scale)[..., None]
