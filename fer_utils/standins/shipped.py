"""The classifier that ships, trained on actors of two rigs: `python -m fer_utils.standins.shipped`.

Change of features → activations of the action units (linear) → emotions (small networks, averaged with their mirror
images). Settings were chosen by training on one rig and testing on the other; the file holds what both rigs give.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy.linalg import block_diag, eigh
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import f1_score
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from fer_utils import paths
from fer_utils.data.labels import EMOTIONS
from fer_utils.features import tensors
from fer_utils.features.tensors import DEFAULT
from fer_utils.models import model_files
from fer_utils.quiet import native_logs_hidden
from fer_utils.standins.action_units import UNITS
from fer_utils.standins.training_set import NOTHING, POSED, RIGS, WEAK, Samples, mirrored_columns, rendered, sample

ACTORS, RENDERED = 900, 200  # of each rig without pictures; drawn and found by both detectors
COMPONENTS = 100  # principal components that the units are read off
MEMBERS, HIDDEN, EPOCHS, BATCH, RATE, DECAY = 5, 128, 12, 256, 2e-3, 1e-2  # of the small networks
TRAINED_ON = "actors of two rigs (rendered stand-ins, no real faces)"
OTHER_SIDE = np.arange(2 * len(UNITS)).reshape(-1, 2)[:, ::-1].ravel()  # columns of the units, the sides exchanged


@dataclass(frozen=True)
class Shipped:
    """A fitted classifier.

    `units` (2912, 46) turns the change of features into unit activations, `layers` are each small network's weights and
    biases, and `temperature` calibrates their probabilities.
    """

    units: np.ndarray
    layers: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]
    temperature: float = 1.0

    def predict_proba(self, change: np.ndarray) -> np.ndarray:
        """Return probabilities (n, 7) of EMOTIONS for the changes (n, 2912) of the features."""
        units, members = change @ self.units, []
        for first, first_bias, second, second_bias in self.layers:
            logits = np.maximum(units @ first + first_bias, 0) @ second + second_bias
            members.append(softmax(logits / self.temperature, axis=1))
        return np.mean(members, axis=0)


def fit(samples: Samples, seed: int = 0) -> Shipped:
    """Fit the classifier to samples and their mirror images. The same seed and samples give the same weights."""
    units = _fit_units(samples)
    found = samples.change @ units
    scale = np.sqrt((found**2).mean(0))
    scale = (scale + scale[OTHER_SIDE]) / 2 + 1e-9  # alike on both sides
    units, found = units / scale, found / scale
    rows, names = np.concatenate([found, found[:, OTHER_SIDE]]), np.tile(samples.emotions, 2)
    layers = []
    for member in range(MEMBERS):
        network = MLPClassifier(
            (HIDDEN,), alpha=DECAY, batch_size=min(BATCH, len(rows)), learning_rate_init=RATE, max_iter=EPOCHS,
            random_state=seed + member,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a fixed number of epochs, on purpose
            network.fit(rows, names)
        (first, second), (first_bias, second_bias) = network.coefs_, network.intercepts_
        layers += [(side, first_bias, second, second_bias) for side in (first, first[OTHER_SIDE])]
    return Shipped(units.astype(np.float32), layers)


def calibrated(classifier: Shipped, samples: Samples) -> Shipped:
    """Return the classifier with the temperature that makes `samples` most likely."""
    tried = np.geomspace(0.5, 3.0, 40)
    column = np.searchsorted(EMOTIONS, samples.emotions)

    def loss(temperature: float) -> float:
        p = replace(classifier, temperature=temperature).predict_proba(samples.change)
        return -np.log(p[np.arange(len(column)), column]).mean()

    return replace(classifier, temperature=float(min(tried, key=loss)))


def part_of(samples: Samples, which: slice) -> Samples:
    """Return the part of the samples whose numbers, 0 to 24 for each actor, are in `which`."""
    rows = np.arange(len(samples)).reshape(-1, POSED + WEAK + NOTHING)[:, which].ravel()
    return Samples(samples.change[rows], samples.units[rows], samples.emotions[rows])


def accuracy(classifier: Shipped, samples: Samples) -> tuple[float, float]:
    """Return accuracy and macro-F1."""
    named = np.array(EMOTIONS)[classifier.predict_proba(samples.change).argmax(1)]
    return float((named == samples.emotions).mean()), float(f1_score(samples.emotions, named, average="macro"))


def train(
    path: Path, actors: int = ACTORS, drawn: int = RENDERED, seed: int = 0, log: Callable[[str], object] = print
) -> Path:
    """Train on `actors` of each rig and on `drawn` rendered ones, write the file and return `path`.

    Prints how each rig alone does on the other, and both on rendered actors that they have not seen.
    """
    sets = {rig: sample(rig, actors, seed) for rig in RIGS}
    log(f"{actors} actors of each rig, {len(sets['fields'])} samples each, seed {seed}")
    pictures, unseen = rendered(drawn, seed), rendered(max(drawn // 4, 1), seed + 1, found=1.0)
    log(f"{drawn} rendered actors, {len(pictures)} samples")
    temperatures = []
    with threadpool_limits(1):  # more would round differently
        for rig, other in zip(RIGS, RIGS[::-1], strict=True):
            fitted = calibrated(fit(sets[rig], seed), sets[other])
            temperatures.append(fitted.temperature)
            for name, part in (("posed", slice(0, POSED)), ("everyday", slice(POSED, POSED + WEAK))):
                right, f1 = accuracy(fitted, part_of(sets[other], part))
                log(f"trained on {rig}, tested on {other}, {name}: accuracy {right:.3f}, macro-F1 {f1:.3f}")
            log(f"temperature {fitted.temperature:.2f}")
        together = zip(*(vars(part).values() for part in (*sets.values(), pictures)), strict=True)
        shipped = fit(Samples(*map(np.concatenate, together)), seed)
        right, f1 = accuracy(shipped, unseen)
        log(
            f"trained on all, tested on {len(unseen)} rendered pairs of others: accuracy {right:.3f}, macro-F1 {f1:.3f}"
        )
    return write(replace(shipped, temperature=float(np.sqrt(np.prod(temperatures)))), path)


def write(classifier: Shipped, path: Path) -> Path:
    """Write the classifier as a LiteRT file, which takes the study's tensor (1, 4, 2912); return `path`."""
    from fer_utils.models.networks import tf  # takes seconds to import

    firsts, first_biases, seconds, second_biases = zip(*classifier.layers, strict=True)
    n_classes, n = len(EMOTIONS), len(classifier.layers)
    # each network sees its own hidden values alone
    second = (block_diag(*seconds) / classifier.temperature).astype(np.float32)
    average = np.tile(np.eye(n_classes, dtype=np.float32), (n, 1)) / n
    first, first_bias = np.concatenate(firsts, axis=1), np.concatenate(first_biases)
    second_bias = np.concatenate(second_biases) / classifier.temperature

    @tf.function(input_signature=[tf.TensorSpec((1, *tensors.shape()), tf.float32)])
    def probabilities(tensor):
        change = tensor[:, 0] + tensor[:, 1] + tensor[:, 2] + tensor[:, 3]
        hidden = tf.nn.relu(change @ classifier.units @ tf.constant(first, tf.float32) + first_bias.astype(np.float32))
        logits = tf.reshape(hidden @ second + second_bias.astype(np.float32), (n, n_classes))
        return tf.reshape(tf.nn.softmax(logits), (1, n * n_classes)) @ average

    with native_logs_hidden():
        content = tf.lite.TFLiteConverter.from_concrete_functions([probabilities.get_concrete_function()]).convert()
    with paths.replacing(path) as temporary:
        temporary.write_bytes(content)
        model_files.append(temporary, model_files.Facts("units", EMOTIONS, DEFAULT, "float32", TRAINED_ON))
    return path


def _fit_units(samples: Samples) -> np.ndarray:
    """Return weights (2912, 46) of the regression of all units on COMPONENTS of the features, alike on both sides."""
    columns, signs = mirrored_columns()
    scale = np.sqrt((samples.change**2).mean(0))
    scale = np.sqrt((scale**2 + scale[columns] ** 2) / 2) + 1e-9
    scaled, shown = samples.change / scale, samples.units.reshape(len(samples), -1)
    inner, outer = scaled.T @ scaled / len(samples), scaled.T @ shown / len(samples)
    inner = (inner + inner[np.ix_(columns, columns)] * signs * signs[:, None]) / 2
    outer = (outer + (outer[columns] * signs[:, None])[:, OTHER_SIDE]) / 2
    size, component = eigh(inner, subset_by_index=[len(inner) - COMPONENTS, len(inner) - 1])
    return component @ ((component.T @ outer) / (size[:, None] + 1e-6)) / scale[:, None]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train the classifier that ships on rendered actors of two rigs.")
    parser.add_argument("--actors", type=int, default=ACTORS, metavar="N", help=f"of each rig; {ACTORS} by default")
    parser.add_argument("--rendered", type=int, default=RENDERED, metavar="N", help=f"drawn; {RENDERED} by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=paths.MODEL, metavar="FILE", help="the one that ships by default")
    given = parser.parse_args()
    print(train(given.out, given.actors, given.rendered, given.seed, log=partial(print, flush=True)))
