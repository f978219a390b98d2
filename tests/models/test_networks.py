"""The paper's layer against Keras' own and against a cell written out in NumPy; the networks' sizes."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from fer_utils.models import networks


def gradients(layer, x, upstream):
    """Of the sum of upstream times the layer's output: of its weights, and of x."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
        total = tf.reduce_sum(y * upstream)
    return y.numpy(), [each.numpy() for each in tape.gradient(total, [*layer.trainable_variables, x])]


def small_cell(draw, steps, features):
    layer = networks.PointwiseConvLSTM1D(8)
    layer.build((None, steps, features, 1))
    layer.set_weights([draw.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer


class TestPointwiseConvLSTM1D:
    @pytest.mark.parametrize("steps", [1, 4])
    def test_outputs_and_gradients_are_those_of_keras_layer(self, steps):
        draw = np.random.default_rng(0)
        ours, theirs = small_cell(draw, steps, 40), layers.ConvLSTM1D(8, 1)
        theirs.build((None, steps, 40, 1))
        theirs.set_weights(ours.get_weights())
        x = draw.normal(size=(5, steps, 40, 1)).astype(np.float32)
        upstream = draw.normal(size=(5, 40, 8)).astype(np.float32)
        (y, found), (expected_y, expected) = (gradients(each, x, upstream) for each in (ours, theirs))
        np.testing.assert_allclose(y, expected_y, atol=1e-5)
        assert len(found) == len(expected) == 4
        for one, other in zip(found, expected, strict=True):
            assert np.abs(other).max() > 0.1 or steps == 1  # one step leaves the recurrent kernel alone
            np.testing.assert_allclose(one, other, atol=1e-5 * max(1, np.abs(other).max()))

    def test_weights_have_the_shapes_and_initial_values_of_keras_layer(self):
        ours, theirs = networks.PointwiseConvLSTM1D(8), layers.ConvLSTM1D(8, 1)
        for each in (ours, theirs):
            each.build((None, 4, 10, 1))
        assert [w.shape for w in ours.get_weights()] == [w.shape for w in theirs.get_weights()]
        (_, recurrent, bias), (_, _, expected) = ours.get_weights(), theirs.get_weights()
        np.testing.assert_array_equal(bias, expected)
        np.testing.assert_allclose(recurrent[0] @ recurrent[0].T, np.eye(8), atol=1e-5)  # orthogonal

    def test_one_lstm_cell_is_shared_by_all_features(self):
        draw = np.random.default_rng(0)
        layer = small_cell(draw, 3, 5)
        kernel, recurrent, bias = layer.get_weights()
        x = draw.normal(size=(2, 3, 5)).astype(np.float32)

        def sigmoid(z):
            return 1 / (1 + np.exp(-z))

        expected = np.zeros((2, 5, 8))
        for sample in range(2):
            for feature in range(5):
                state = memory = np.zeros(8)
                for step in range(3):
                    gates = x[sample, step, feature] * kernel[0, 0] + state @ recurrent[0] + bias
                    enter, forget, new, out = np.split(gates, 4)
                    memory = sigmoid(forget) * memory + sigmoid(enter) * np.tanh(new)
                    state = sigmoid(out) * np.tanh(memory)
                expected[sample, feature] = state
        np.testing.assert_allclose(np.array(layer(x[..., None])), expected, atol=1e-5)


class TestWideDense:
    @pytest.mark.parametrize("rows", [1, 3, 32])
    def test_outputs_and_gradients_are_those_of_dense(self, rows):
        draw = np.random.default_rng(1)
        ours, theirs = networks.WideDense(30, activation="relu"), layers.Dense(30, activation="relu")
        for each in (ours, theirs):
            each.build((None, 70))
        ours.set_weights([draw.normal(size=weight.shape) for weight in ours.get_weights()])
        theirs.set_weights(ours.get_weights())
        x = draw.normal(size=(rows, 70)).astype(np.float32)
        upstream = draw.normal(size=(rows, 30)).astype(np.float32)
        (y, found), (expected_y, expected) = (gradients(each, x, upstream) for each in (ours, theirs))
        np.testing.assert_allclose(y, expected_y, rtol=1e-5, atol=1e-5)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(y, ours(x), rtol=1e-5, atol=1e-5)  # as when it is not trained


class TestNetworks:
    def test_the_papers_weights_counted_by_hand(self):
        network = networks.paper_network(4, 2912, 7)
        cell = 4 * 8 * (1 + 8 + 1)  # four gates of 8 filters, each from the input, 8 states and a bias
        dense = (2912 * 8 + 1) * 2048 + (2048 + 1) * 1024 + (1024 + 1) * 7
        assert [layer.count_params() for layer in network.layers][:2] == [320, 0]
        assert network.count_params() == cell + dense == 49_817_927
        assert network.count_params() == networks.paper_weights(2912, 7)
        assert (network.input_shape, network.output_shape) == ((None, 4, 2912, 1), (None, 7))

    def test_the_papers_layers_and_activations(self):
        network = networks.paper_network(2, 3, 4)
        names = ["PointwiseConvLSTM1D", "Flatten", "WideDense", "WideDense", "Dense"]
        assert [type(layer).__name__ for layer in network.layers] == names
        assert [layer.activation.__name__ for layer in network.layers[2:]] == ["relu", "relu", "softmax"]

    def test_with_keras_layers_the_papers_network_gives_the_same(self):
        plain = networks.paper_network(3, 20, 4, plain=True)
        ours = networks.paper_network(3, 20, 4)
        ours.set_weights(plain.get_weights())
        x = np.random.default_rng(2).normal(0, 3, (6, 3, 20, 1)).astype(np.float32)
        for training in (False, True):
            found, expected = ours(x, training=training), plain(x, training=training)
            assert np.ptp(expected) > 0.02
            np.testing.assert_allclose(found, expected, atol=1e-5)

    def test_the_compact_network_is_a_fiftieth_of_the_papers_or_less(self):
        network = networks.compact_network(4, 2912, 7)
        lstm = 4 * 64 * (64 + 64 + 1)
        assert network.count_params() == (2912 + 1) * 64 + lstm + (64 + 1) * 7 == 219_911
        assert 50 * network.count_params() < networks.paper_weights(2912, 7)
        assert (network.input_shape, network.output_shape) == ((None, 4, 2912, 1), (None, 7))

    def test_the_perceptron_sees_all_steps_at_once(self):
        network = networks.perceptron(4, 10, 3)
        assert network.count_params() == (4 * 10 + 1) * 64 + (64 + 1) * 32 + (32 + 1) * 3
        assert (network.input_shape, network.output_shape) == ((None, 4, 10, 1), (None, 3))


class TestHalfDropout:
    def test_half_of_the_values_are_left_out_and_the_others_doubled(self):
        tf.keras.utils.set_random_seed(0)
        layer, x = networks.HalfDropout(), tf.random.stateless_normal((50, 4, 501), (1, 2))
        masks = []
        for _ in range(2):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x, training=True)
            masks.append(y.numpy() != 0)
            np.testing.assert_array_equal(y, np.where(masks[-1], 2 * x, 0))
            np.testing.assert_array_equal(tape.gradient(y, x), 2 * masks[-1])
            assert masks[-1].mean(axis=(0, 1)) == pytest.approx(0.5, abs=0.15)  # each column, of 200 values
            assert masks[-1].mean() == pytest.approx(0.5, abs=0.005)
        assert (masks[0] == masks[1]).mean() == pytest.approx(0.5, abs=0.01)
        neighbours = masks[0].reshape(-1)
        assert (neighbours[1:] == neighbours[:-1]).mean() == pytest.approx(0.5, abs=0.01)

    def test_one_seed_gives_the_same_twice_and_all_is_kept_after_training(self):
        x, found = tf.ones((3, 7)), []
        for seed in (1, 1, 2):
            tf.keras.utils.set_random_seed(seed)
            found.append(networks.HalfDropout()(x, training=True).numpy().tolist())
        assert found[0] == found[1] != found[2]
        np.testing.assert_array_equal(networks.HalfDropout()(x), x)


class TestAmbientSettings:
    """In processes of their own: Keras reads its settings when it is imported."""

    @staticmethod
    def run(code, **variables):
        code = f"import fer_utils.errors as errors\n{code}"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **variables}
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @pytest.mark.parametrize("variables", [{"KERAS_BACKEND": "torch"}, {"KERAS_BACKEND": "nonsense"}, {}])
    def test_the_backend_and_the_float_type_are_ours(self, tmp_path, variables):
        settings = {"backend": "jax", "floatx": "float16", "image_data_format": "channels_first"}
        (tmp_path / "keras.json").write_text(json.dumps(settings))
        variables = {**variables, "KERAS_HOME": str(tmp_path)}
        code = (
            "import os; from fer_utils.models.networks import keras; config = keras.config\n"
            "print(config.backend(), config.floatx(), config.image_data_format(), os.environ['KERAS_HOME'])"
        )
        assert self.run(code, **variables) == f"tensorflow float32 channels_last {tmp_path}"

    def test_what_was_set_before_is_refused(self):
        code = (
            "import keras; keras.config.set_floatx('float64')\n"
            "try:\n    import fer_utils.models.networks\nexcept errors.UserError as error:\n    print(error)"
        )
        assert self.run(code, KERAS_BACKEND="tensorflow").startswith(
            "Keras was imported before fer_utils and runs on tensorflow, float64, channels_last, not on tensorflow, "
        )
