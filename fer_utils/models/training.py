"""Training of a network whose data fit in memory: epochs as one graph call each, and Adam in one pass."""

from __future__ import annotations

from itertools import chain

from fer_utils.models.networks import keras, tf

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7  # Adam's, as in Keras


class Trainer:
    """Train a Keras network with cross-entropy and Adam; `restart` sets it back to its initial weights.

    The mathematics is that of Keras' `compile` with Adam and `fit`; what differs is the time. An epoch is one call into
    TensorFlow, so that a small network is not held up by Python; and Adam reads and writes each weight once, in
    TensorFlow's own kernel, where Keras makes some ten passes over them, which for 50 million weights is half of the
    time. A trainer is kept from fold to fold: TensorFlow 2.21 does not free what a traced step has used.
    """

    def __init__(self, network: keras.Model):
        self.network = network
        self._initial = [variable.numpy() for variable in network.variables]
        weights = [variable.value for variable in network.trainable_variables]
        self._slots = [(tf.Variable(tf.zeros_like(w)), tf.Variable(tf.zeros_like(w))) for w in weights]
        self._weights = weights
        self._steps = tf.Variable(0.0, trainable=False)
        rows = tf.TensorSpec((None, *network.input_shape[1:]), tf.float32)
        names, number = tf.TensorSpec((None,), tf.int64), tf.TensorSpec((), tf.int64)
        self._epoch = tf.function(self._epoch, input_signature=[rows, names, names, number, tf.TensorSpec(())])
        self.evaluate = tf.function(self._evaluate, input_signature=[rows, names])
        self.predict = predictor(network)

    def start_from(self, other: keras.Model) -> None:
        """Start again from the weights and the state of the random numbers of another network of the same make."""
        self._initial = [variable.numpy() for variable in other.variables]

    def restart(self) -> None:
        """Go back to the initial weights."""
        for variable, value in zip(self.network.variables, self._initial, strict=True):
            variable.assign(value)
        for slot in (*chain.from_iterable(self._slots), self._steps):
            slot.assign(tf.zeros_like(slot))

    def epoch(self, x, y, order, batch_size: int, learning_rate: float) -> tuple[float, float]:
        """Train on all rows once, in the order given, and return the mean loss and accuracy.

        `x` is (n, steps, A, 1), `y` (n,) class numbers. Loss and accuracy of each batch are those before its step.
        """
        loss, hits = self._epoch(x, y, order, batch_size, learning_rate)
        return float(loss) / len(order), float(hits) / len(order)

    def weights(self) -> list:
        """Return a copy of the weights, for `set_weights`."""
        return [tf.identity(weight) for weight in self._weights]

    def set_weights(self, weights: list) -> None:
        """Set the weights to those that `weights` returned."""
        for weight, value in zip(self._weights, weights, strict=True):
            weight.assign(value)

    def _epoch(self, x, y, order, batch_size, learning_rate):
        loss, hits = tf.constant(0.0), tf.constant(0.0)
        for start in tf.range(0, tf.size(order, tf.int64), batch_size):
            rows = order[start : start + batch_size]
            true = tf.gather(y, rows)
            with tf.GradientTape() as tape:
                p = self.network(tf.gather(x, rows), training=True)
                losses = keras.losses.sparse_categorical_crossentropy(true, p)
                mean = tf.reduce_mean(losses)
            self._adam(tape.gradient(mean, self._weights), learning_rate)
            loss += tf.reduce_sum(losses)
            hits += _hits(p, true)
        return loss, hits

    def _evaluate(self, x, y):
        """Return mean loss and accuracy on rows (n, steps, A, 1) and class numbers (n,)."""
        p = self.network(x, training=False)
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, p))
        return loss, _hits(p, y) / tf.cast(tf.size(y), tf.float32)

    def _adam(self, gradients, learning_rate):
        self._steps.assign_add(1.0)
        powers = {"beta1_power": tf.pow(BETA_1, self._steps), "beta2_power": tf.pow(BETA_2, self._steps)}
        settings = {"lr": learning_rate, "beta1": BETA_1, "beta2": BETA_2, "epsilon": EPSILON}
        for weight, (m, v), gradient in zip(self._weights, self._slots, gradients, strict=True):
            tf.raw_ops.ResourceApplyAdam(var=weight.handle, m=m.handle, v=v.handle, grad=gradient, **powers, **settings)


def predictor(network: keras.Model):
    """Return the network as one graph call: rows (n, steps, A, 1) → probabilities (n, C)."""
    rows = tf.TensorSpec((None, *network.input_shape[1:]), tf.float32)
    return tf.function(lambda x: network(x, training=False), input_signature=[rows])


def _hits(p, true):
    return tf.reduce_sum(tf.cast(tf.equal(tf.argmax(p, axis=1), true), tf.float32))
