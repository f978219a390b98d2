"""Classifiers from LiteRT files: the fast way to classify a stream, a sequence at a time. Needs no TensorFlow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from fer_utils import paths
from fer_utils.errors import ModelFileError, first_line
from fer_utils.models import model_files
from fer_utils.quiet import native_logs_hidden

LARGE = 10_000_000  # bytes; larger weights do not fit into a core's cache
PATIENCE = 60  # seconds that LiteRT may take for one sequence
# the operations of the networks here, in any precision; others can loop for ever, or take as much memory as their
# input asks for
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
    if not {{operation["op_name"] for operation in network._get_ops_details()}} <= {{*{OPERATORS}}}:
        sys.exit({FOREIGN})
    network.allocate_tensors()
    for taken in network.get_input_details():
        network.set_tensor(taken["index"], np.zeros(taken["shape"], taken["dtype"]))
    network.invoke()
except Exception:
    sys.exit(0)  # the process that loads the model meets the same error, and reports it
"""


def load_classifier(path: str | Path = "") -> LiteClassifier:
    """Return the classifier that ships, or the one in the file `path`.

    It has `classes` (C,), and `predict_proba(x)`, which takes tensors (n, 4, 2912) and returns probabilities (n, C).
    Raises the same ModelFileError as `LiteClassifier`.
    """
    return LiteClassifier(paths.model(str(path)))


class LiteClassifier:
    """A classifier from a file that `export.write` wrote, run by LiteRT.

    Any number of threads may use it; they take turns.

    Attributes: `classes` (C,), `features` (the `tensors.Options` that it was trained on), `network`, `precision` and
    `trained_on`.

    A file holds operations of LiteRT and no other code. Its checksum is compared first. Then it is tried in a separate
    process, since LiteRT can crash or hang on a file that was made up. Raises ModelFileError if the file is not such a
    model, is damaged, or fails the trial.
    """

    def __init__(self, path: Path):
        content, facts = model_files.read(path)
        if problem := _trial_problem(content):
            raise ModelFileError(f"{path}: {problem}")
        self.classes, self.features = np.array(facts.classes), facts.features
        self.network, self.precision, self.trained_on = facts.network, facts.precision, facts.trained_on
        # a large network spends most of its time reading weights from memory, which several cores do faster; a small
        # one is done before a second thread has begun
        threads = (os.cpu_count() or 1) if len(content) > LARGE else 1
        try:
            with native_logs_hidden():
                self._interpreter = Interpreter(model_content=content, num_threads=threads)
                self._interpreter.allocate_tensors()
            (taken,), (given,) = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        except Exception as error:  # whatever LiteRT does not understand, or another number of inputs and outputs
            raise ModelFileError(f"{path}: LiteRT cannot run it ({first_line(error)}); export it again") from None
        forms = [(part["dtype"], *part["shape"].tolist()) for part in (taken, given)]
        if forms != [(np.float32, 1, *facts.shape), (np.float32, 1, len(facts.classes))]:
            raise ModelFileError(
                f"{path}: takes {forms[0][1:]} and gives {forms[1][1:]}, which are not the {facts.shape} features and "
                f"{len(facts.classes)} classes that it names, or not float32; export it again"
            )
        self._shape, self._in, self._out = facts.shape, taken["index"], given["index"]
        self._one_at_a_time, self._path = threading.Lock(), path
        p = self.predict_proba(np.zeros((1, *self._shape), np.float32))
        if not (np.isfinite(p).all() and (p >= 0).all() and abs(p.sum() - 1) < 1e-3):
            raise ModelFileError(f"{path}: its outputs are not probabilities; export it again")

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Return probabilities (n, C) float32 of `classes` for tensors (n, steps, A).

        Raises ValueError for another shape, ModelFileError if LiteRT cannot run the network on them.
        """
        x = np.asarray(x, np.float32)
        if x.shape[1:] != self._shape:
            raise ValueError(f"tensors {x.shape}: must be (n, {', '.join(map(str, self._shape))})")
        probabilities = np.empty((len(x), len(self.classes)), np.float32)
        with self._one_at_a_time:  # an interpreter holds one input
            for row in range(len(x)):
                self._interpreter.set_tensor(self._in, x[row : row + 1])
                try:
                    self._interpreter.invoke()
                except RuntimeError as error:
                    raise ModelFileError(f"{self._path}: LiteRT cannot run it ({first_line(error)})") from None
                probabilities[row] = self._interpreter.get_tensor(self._out)[0]
        return probabilities


def _trial_problem(content: bytes) -> str:
    """Run a model in a separate process; return what went wrong and how to fix it, or ""."""
    made_up = "it was made up or changed, export it again"
    try:
        trial = subprocess.run(
            [sys.executable, "-P", "-c", TRIAL, json.dumps([place for place in sys.path if place])],
            input=content,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return f"LiteRT does not finish with it; {made_up}"
    except (OSError, TypeError) as error:  # no interpreter, as where Python is part of another program
        return f"cannot be tried in a process of its own ({first_line(error)}); load it where Python can start itself"
    if trial.returncode in (1, 2, UNTRIED):  # Python cannot start, or `sys.executable` is another program
        return "cannot be tried in a process of its own: Python or LiteRT does not start there; run `fer doctor`"
    if trial.returncode == FOREIGN:
        return f"holds operations that no network of this project has; {made_up}"
    return f"LiteRT crashes on it; {made_up}" if trial.returncode else ""
