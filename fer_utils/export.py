"""Classifiers as LiteRT models, one file each: the fast way to classify a stream, a sequence at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from fer_utils import model_files, paths, splits
from fer_utils.errors import ModelFileError, first_line
from fer_utils.features import FeatureTable
from fer_utils.models import SequenceClassifier
from fer_utils.networks import keras, tf
from fer_utils.quiet import native_logs_hidden

Precision = Literal["int8", "float16", "float32"]
SIGN = b"TFL3"  # of LiteRT's flatbuffers, from their fifth byte on
LARGE = 10_000_000  # bytes of weights that no core's cache holds
PATIENCE = 60  # seconds that LiteRT may take for one sequence
# all that the networks here are made of, in any precision; others can loop, or take memory as their input says
OPERATORS = (
    *("ADD", "CONCATENATION", "DELEGATE", "DEQUANTIZE", "FULLY_CONNECTED", "LOGISTIC", "MUL", "RESHAPE", "SOFTMAX"),
    *("SPLIT", "STRIDED_SLICE", "SUB", "TANH", "TRANSPOSE", "UNPACK"),
)
FOREIGN, UNTRIED = 3, 4
TRIAL = f"""
import json, sys
sys.path[:] = json.loads(sys.argv[1])
try:
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    sys.exit({UNTRIED})
try:
    network = Interpreter(model_content=sys.stdin.buffer.read())
    if not {{each["op_name"] for each in network._get_ops_details()}} <= {{*{OPERATORS}}}:
        sys.exit({FOREIGN})
    network.allocate_tensors()
    for taken in network.get_input_details():
        network.set_tensor(taken["index"], np.zeros(taken["shape"], taken["dtype"]))
    network.invoke()
except Exception:
    sys.exit(0)  # the process that loads the model meets it too, and tells
"""


def write(
    classifier: SequenceClassifier, path: Path, precision: Precision = "int8", trained_on: str | None = None
) -> Path:
    """Write a fitted classifier as a LiteRT model, and return `path`.

    The file takes one tensor (1, steps, A) float32 as `features` makes it, since the scaler is part of it, and gives
    probabilities (1, C). `precision` is that of the large weights; with "int8" LiteRT rounds each layer's inputs to 8
    bits too, and all other computation is in float32. What it was trained on goes with it: `trained_on`, or else what
    the classifier says. The file is replaced as a whole or not at all. Raises ValueError for another precision,
    TrainingError for a classifier that was not fitted, ModelFileError for one whose `features` cannot be those that
    its network takes, OutputError where nothing can be written.
    """
    if precision not in get_args(Precision):
        raise ValueError(f"precision {precision!r}: must be one of {', '.join(get_args(Precision))}")
    facts = replace(classifier.facts(), precision=precision)
    if trained_on is not None:
        facts = replace(facts, trained_on=trained_on)
    with paths.replacing(path) as temporary:
        temporary.write_bytes(_converted(classifier, facts.shape, precision))
        model_files.append(temporary, facts, {})
    return path


def train(table: FeatureTable, path: Path, trained_on: str, epochs: int = 60) -> Path:
    """Write a classifier for streams, fitted to all people of a table for as many epochs as are best where a fifth of
    them only watch: the compact network with 8-bit weights. How good it is, is what cross-validation of that network
    says. Raises SplitError as `splits.inner` does, TrainingError, OutputError."""
    classifier = SequenceClassifier("compact", epochs)
    fit, validation = splits.inner(table.emotions, table.subjects)
    checked = table.x[validation], table.emotions[validation]
    classifier.fit(table.x[fit], table.emotions[fit], checked, refit=True)
    return write(classifier, path, trained_on=trained_on)


def load(path: Path) -> LiteClassifier | SequenceClassifier:
    """The classifier in a file that `write` wrote, or in a folder that `SequenceClassifier.save` wrote. Raises
    ModelFileError where it is not whole, not one of these, or made by a newer version."""
    return SequenceClassifier.load(path) if paths.is_folder(path) else LiteClassifier(path)


class LiteClassifier:
    """A classifier from a file that `write` wrote, run by LiteRT. Any number of threads may use it; they take turns.

    Attributes: `classes` (C,), `features` (the `features.Options` that it was trained on), `network`, `precision` and
    `trained_on`. Raises ModelFileError where the file is not such a model, whole, and of one piece. Nothing in it is
    executed but LiteRT's own operations, none of it before its checksum was found right, and at first in a process of
    its own: LiteRT does not check all that a made-up file may say, and can go down with the process or never end.
    """

    def __init__(self, path: Path):
        content, facts, _ = model_files.read(path, begins=SIGN)
        if problem := _problem(content):
            raise ModelFileError(f"{path}: {problem}")
        self.classes, self.features = np.array(facts.classes), facts.features
        self.network, self.precision, self.trained_on = facts.network, facts.precision, facts.trained_on
        # reading weights from memory takes most of a large network's time, and two cores read faster than one; a small
        # network is done before a second thread has begun
        threads = (os.cpu_count() or 1) if len(content) > LARGE else 1
        try:
            with native_logs_hidden():
                self._interpreter = Interpreter(model_content=content, num_threads=threads)
                self._interpreter.allocate_tensors()
            (taken,), (given,) = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        except Exception as error:  # whatever LiteRT does not understand, or another number of inputs and outputs
            reason = first_line(error)
            raise ModelFileError(f"{path}: LiteRT cannot run it ({reason}); export it anew") from None
        if {taken["dtype"], given["dtype"]} != {np.float32}:
            raise ModelFileError(f"{path}: inputs and outputs are not all float32; export it anew")
        model_files.check(path, facts, tuple(taken["shape"].tolist()[1:]), tuple(given["shape"].tolist()[1:]))
        self._shape, self._in, self._out = facts.shape, taken["index"], given["index"]
        self._one_at_a_time, self._path = threading.Lock(), path
        p = self.predict_proba(np.zeros((1, *self._shape), np.float32))
        if not (np.isfinite(p).all() and (p >= 0).all() and abs(p.sum() - 1) < 1e-3):
            raise ModelFileError(f"{path}: what it gives are not probabilities; export it anew")

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Probabilities (n, C) float32 of `classes` for tensors (n, steps, A). Raises ValueError for another shape,
        ModelFileError where LiteRT cannot run the network on them."""
        x = np.asarray(x, np.float32)
        if x.shape[1:] != self._shape:
            raise ValueError(f"tensors {x.shape}: must be (n, {', '.join(map(str, self._shape))})")
        found = np.empty((len(x), len(self.classes)), np.float32)
        with self._one_at_a_time:  # an interpreter holds one input
            for row in range(len(x)):
                self._interpreter.set_tensor(self._in, x[row : row + 1])
                try:
                    self._interpreter.invoke()
                except RuntimeError as error:
                    raise ModelFileError(f"{self._path}: LiteRT cannot run it ({first_line(error)})") from None
                found[row] = self._interpreter.get_tensor(self._out)[0]
        return found


def _problem(content: bytes) -> str:
    """What came of a model in a process of its own, and the mend; empty where LiteRT ran it, or refused it itself."""
    made_up = "it was made up or changed, export it anew"
    try:
        trial = subprocess.run(
            [sys.executable, "-P", "-c", TRIAL, json.dumps([place for place in sys.path if place])],
            input=content,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return f"LiteRT does not end on it; {made_up}"
    except (OSError, TypeError) as error:  # no interpreter, as where Python is part of another program
        return f"cannot be tried in a process of its own ({first_line(error)}); load it where Python can start itself"
    if trial.returncode in (1, 2, UNTRIED):  # so end an interpreter that cannot start, and programs that are none
        return "cannot be tried in a process of its own: Python or LiteRT does not start there; run `fer doctor`"
    if trial.returncode == FOREIGN:
        return f"holds operations that no network of this project has; {made_up}"
    return f"LiteRT breaks down on it; {made_up}" if trial.returncode else ""


def _converted(classifier: SequenceClassifier, shape: tuple[int, int], precision: Precision) -> bytes:
    """The flatbuffer of scaler and network for one tensor at a time: a fixed size, for which LiteRT plans all memory
    and XNNPACK all operations ahead."""

    # in two parts, since "float16" rounds the scaler too, and a mean may be many times as large as the spread around it
    mean = classifier.mean.astype(np.float16).astype(np.float32)
    rest = (classifier.mean - mean).astype(np.float32)

    def scaled_and_classified(x):
        return classifier.model(((x - mean - rest) / classifier.scale)[..., None], training=False)

    with tempfile.TemporaryDirectory() as folder, native_logs_hidden():
        # by way of a SavedModel: converted from a function, a Keras 3 network loses its weights
        archive = keras.export.ExportArchive()
        archive.track(classifier.model)
        archive.add_endpoint("serve", scaled_and_classified, input_signature=[tf.TensorSpec((1, *shape), tf.float32)])
        try:
            archive.write_out(folder, verbose=False)
        except tf.errors.OpError:
            raise OSError(f"TensorFlow cannot write into {tempfile.gettempdir()}") from None
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        return converter.convert()
