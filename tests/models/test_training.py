"""The trainer against Keras' own compile and fit."""

import keras
import numpy as np
import pytest
from keras import layers

from fer_utils.models import networks
from fer_utils.models.training import Trainer, predictor


def small_network():
    """With the paper's two layers in it."""
    return keras.Sequential(
        [
            keras.Input((3, 6, 1)),
            networks.PointwiseConvLSTM1D(4),
            layers.Flatten(),
            networks.WideDense(12, activation="relu"),
            layers.Dense(3, activation="softmax"),
        ]
    )


@pytest.fixture
def data():
    draw = np.random.default_rng(0)
    y = draw.integers(0, 3, 50)
    x = draw.normal(size=(50, 3, 6, 1)) + y[:, None, None, None]
    return x.astype(np.float32), y


@pytest.fixture
def trainer():
    keras.utils.set_random_seed(3)
    return Trainer(small_network())


def test_epochs_are_those_of_keras_with_adam(trainer, data):
    x, y = data
    theirs = keras.models.clone_model(trainer.network)
    theirs.set_weights(trainer.network.get_weights())
    theirs.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(x))
        found = trainer.epoch(x, y, order, 16, 0.01)  # the last batch has 2 rows
        expected = theirs.fit(x[order], y[order], batch_size=16, shuffle=False, verbose=0).history
        assert found == pytest.approx([expected["loss"][0], expected["accuracy"][0]], abs=1e-5)
    for one, other in zip(trainer.network.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert float(trainer.evaluate(x, y)[0]) == pytest.approx(theirs.evaluate(x, y, verbose=0)[0], abs=1e-5)


def test_restart_forgets_weights_and_the_optimizers_moments(trainer, data):
    x, y = data
    order = np.arange(len(x))
    first = [trainer.epoch(x, y, order, 16, 0.01) for _ in range(3)]
    trainer.restart()
    assert [trainer.epoch(x, y, order, 16, 0.01) for _ in range(3)] == first


def test_weights_are_copies_and_can_be_set_back(trainer, data):
    x, y = data
    before = trainer.evaluate(x, y)
    kept = trainer.weights()
    trainer.epoch(x, y, np.arange(len(x)), 16, 0.05)
    assert float(trainer.evaluate(x, y)[0]) < float(before[0])
    trainer.set_weights(kept)
    assert trainer.evaluate(x, y) == before


def test_only_the_rows_of_the_order_are_trained_on(trainer, data):
    x, y = data
    x, y = x.copy(), y.copy()
    x[40:] = np.nan
    loss, accuracy = trainer.epoch(x, y, np.arange(40), 16, 0.01)
    assert np.isfinite(loss) and 0 <= accuracy <= 1
    assert np.isfinite(predictor(trainer.network)(x[:40])).all()


def test_dropout_works_while_training_only(data):
    x, y = data
    keras.utils.set_random_seed(0)
    trainer = Trainer(networks.compact_network(3, 6, 3))
    assert trainer.evaluate(x, y) == trainer.evaluate(x, y)
    order = np.arange(len(x))
    assert trainer.epoch(x, y, order, 50, 0.0) != trainer.epoch(x, y, order, 50, 0.0)
