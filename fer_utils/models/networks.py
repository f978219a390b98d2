"""The networks: the paper's, a compact one with the same inputs, and a plain perceptron to compare them with."""

from __future__ import annotations

import os
from contextlib import suppress

import numpy as np

from fer_utils.errors import UserError
from fer_utils.landmarks import regions
from fer_utils.quiet import native_logs_hidden

BACKEND = ("tensorflow", "float32", "channels_last")
# a user's keras.json and KERAS_BACKEND may ask for another backend or float type, in which nothing here runs; below a
# KERAS_HOME that is no folder there is no keras.json
_OURS = {"KERAS_BACKEND": "tensorflow", "KERAS_HOME": os.devnull}
_theirs = {name: os.environ.get(name) for name in _OURS}
os.environ.update(_OURS)

with native_logs_hidden():  # a machine without a GPU is told so, five times
    import keras
    import tensorflow as tf
    from keras import layers, ops

    with suppress(RuntimeError):  # too late where TensorFlow has been used before
        for gpu in tf.config.list_physical_devices("GPU"):  # several processes share it
            tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.list_logical_devices()
for _name, _value in _theirs.items():
    os.environ.pop(_name) if _value is None else os.environ.update({_name: _value})
if (_found := (keras.config.backend(), keras.config.floatx(), keras.config.image_data_format())) != BACKEND:
    raise UserError(
        f"Keras was imported before fer_utils and runs on {', '.join(_found)}, not on {', '.join(BACKEND)}: "
        "import fer_utils first, or set KERAS_BACKEND=tensorflow and remove keras.json"
    )
tf.get_logger().setLevel("ERROR")  # it warns of networks traced one after the other: each is another fold's


class PointwiseConvLSTM1D(layers.Layer):
    """`keras.layers.ConvLSTM1D` with a kernel of 1, faster: (n, steps, features, 1) → (n, features, filters).

    A kernel of 1 mixes no neighbours, so the layer is one LSTM cell of `filters` units that all features share. Here a
    step is one small matrix product over all features; Keras runs two convolutions for each of four gates. Same
    weights in the same shapes and order, same gates (sigmoid, tanh), same initial values.
    """

    def __init__(self, filters: int, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, input_shape):
        """Make the weights, in the shapes and order of Keras' layer."""
        self.kernel = self.add_weight((1, 1, 4 * self.filters), "glorot_uniform", name="kernel")
        self.recurrent_kernel = self.add_weight(
            (1, self.filters, 4 * self.filters), "orthogonal", name="recurrent_kernel"
        )
        self.bias = self.add_weight((4 * self.filters,), self._forget_bias, name="bias")

    def call(self, x):
        """Return the last hidden state (n, features, filters)."""
        steps, features = x.shape[1], x.shape[2]
        # rows of gates, columns of values: every operation runs along the long axis
        weights = ops.transpose(ops.concatenate([self.kernel[0], self.bias[None], self.recurrent_kernel[0]]))
        one = ops.ones_like(ops.reshape(x[:, 0], (1, -1)))
        hidden = carry = None
        for step in range(steps):
            given = [ops.reshape(x[:, step], (1, -1)), one]
            # einsum, for the sake of its gradient: matmul's takes twice as long to sum over the long axis
            if step == 0:  # hidden and carry are zero
                gates = ops.einsum("gi,ip->gp", weights[:, :2], ops.concatenate(given))
            else:
                gates = ops.einsum("gi,ip->gp", weights, ops.concatenate([*given, hidden]))
            i, f, c, o = ops.split(gates, 4)
            new = ops.sigmoid(i) * ops.tanh(c)
            carry = new if step == 0 else ops.sigmoid(f) * carry + new
            hidden = ops.sigmoid(o) * ops.tanh(carry)
        return ops.reshape(ops.transpose(hidden), (-1, features, self.filters))

    def _forget_bias(self, shape, dtype=None):
        """Return ones for the forget gate, else zeros, as in Keras."""
        return ops.concatenate(
            [ops.zeros(self.filters, dtype), ops.ones(self.filters, dtype), ops.zeros(2 * self.filters, dtype)]
        )


class WideDense(layers.Dense):
    """`keras.layers.Dense`, trained faster where the rows are few and the kernel is large."""

    def call(self, inputs, training=None):
        """Return the activations (n, units)."""
        if not training:
            return super().call(inputs)
        return self.activation(_product(inputs, tf.convert_to_tensor(self.kernel.value)) + self.bias)


@tf.custom_gradient
def _product(x, kernel):
    """Multiply x (n, k) by kernel (k, m)."""
    # the same sums as `tf.matmul`, which with 32 rows on a CPU takes a fifth longer, and twice as long for x's gradient

    def gradient(upstream):
        of_x = tf.transpose(tf.einsum("km,nm->kn", kernel, upstream))
        # the kernel's gradient comes last: its update has to copy the kernel where something still reads it
        with tf.control_dependencies([of_x]):
            return of_x, tf.matmul(x, upstream, transpose_a=True)

    return tf.raw_ops.BatchMatMulV3(x=x[None], y=kernel[None], Tout=kernel.dtype)[0], gradient


class HalfDropout(layers.Layer):
    """`keras.layers.Dropout(0.5)`, faster: a random bit a value, where Keras draws a number."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, x, training=None):
        """Set half of the values to zero and double the others, in training only."""
        if not training:
            return x
        size, seed = tf.size(x), tf.cast(self.seed_generator.next(), tf.int32)
        words = tf.random.stateless_uniform([(size + 3) // 4], seed, None, None, tf.int32)
        kept = tf.reshape(tf.bitcast(words, tf.int8), [-1])[:size] < 0  # the highest bit of each byte
        return tf.where(tf.reshape(kept, tf.shape(x)), 2 * x, tf.zeros_like(x))


def paper_network(steps: int, features: int, classes: int, plain: bool = False) -> keras.Model:
    """Return figure 3 of arXiv:2512.05669: ConvLSTM1D (8 filters, kernel 1) → Flatten → 2048 → 1024 → softmax.

    Input (steps, features, 1): the ConvLSTM walks over the steps in time, and its kernel of 1 over the features, so
    every feature passes through the same 8-unit cell. Equations 3–7 of the paper show peepholes; the Keras layer that
    its figure names has none. 49.8 million weights for 2912 features and 7 classes. With `plain` it is made of Keras'
    own layers, to compare with: the same weights in the same order.
    """
    dense = layers.Dense if plain else WideDense
    return keras.Sequential(
        [
            keras.Input((steps, features, 1)),
            layers.ConvLSTM1D(8, 1) if plain else PointwiseConvLSTM1D(8),
            layers.Flatten(),
            dense(2048, activation="relu"),
            dense(1024, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def paper_weights(features: int, classes: int) -> int:
    """Return how many weights `paper_network` has, without making it."""
    recurrent = 4 * 8 * (1 + 8 + 1)
    return recurrent + (8 * features + 1) * 2048 + (2048 + 1) * 1024 + (1024 + 1) * classes


def compact_network(steps: int, features: int, classes: int) -> keras.Model:
    """Return a network with 226 times fewer weights: Dense 64, shared by all steps → LSTM of 64 → softmax.

    Our choice, for use where the paper's network is too large to be trained often or run fast. In training, half of the
    inputs of each layer are left out, since these datasets have few sequences.
    """
    return keras.Sequential(
        [
            keras.Input((steps, features, 1)),
            layers.Reshape((steps, features)),
            HalfDropout(),
            layers.Dense(64, activation="relu"),
            HalfDropout(),
            layers.LSTM(64, unroll=True),
            HalfDropout(),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def perceptron(steps: int, features: int, classes: int) -> keras.Model:
    """Return a network that knows nothing of time: all steps' features at once → 64 → 32 → softmax."""
    return keras.Sequential(
        [
            keras.Input((steps, features, 1)),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(32, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def _neighbours(count: int) -> np.ndarray:
    """Return the share (N, N) of each landmark in its own region's mean; its own if they are no set of `regions`."""
    if count not in regions.SIZES:
        return np.eye(count, dtype=np.float32)
    region = np.array([regions.region_of(index) for index in regions.landmarks(count)])
    same = (region[:, None] == region).astype(np.float32)
    return same / same.sum(axis=1, keepdims=True)


def graph_network(steps: int, features: int, classes: int) -> keras.Model:
    """Return a small graph convolution network over landmarks and time, for trajectories (steps, 2N).

    The way of each landmark since the first step → twice: each landmark beside its region's mean → a convolution over
    three steps, shared by all landmarks → mean over the steps → softmax. 17 thousand weights for 61 landmarks.
    """
    points = keras.Input((steps, features, 1))
    x = layers.Reshape((steps, features // 2, 2))(points)
    x = x - x[:, :1]
    for channels in (16, 32):
        region_means = ops.einsum("pq,nsqc->nspc", _neighbours(features // 2), x)
        x = layers.Concatenate()([x, region_means])
        x = layers.Conv2D(channels, (3, 1), padding="same", activation="relu")(x)
    x = layers.Flatten()(layers.AveragePooling2D((steps, 1))(x))
    return keras.Model(points, layers.Dense(classes, activation="softmax")(HalfDropout()(x)))
