"""Fitted networks → LiteRT files, one each, which `litert` reads."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from fer_utils import paths
from fer_utils.models import model_files
from fer_utils.models.classifiers import SequenceClassifier
from fer_utils.models.networks import keras, tf
from fer_utils.quiet import native_logs_hidden

Precision = Literal["int8", "float16", "float32"]


def write(classifier: SequenceClassifier, path: Path, precision: Precision = "int8") -> Path:
    """Write a fitted classifier as a LiteRT model, and return `path`.

    The file takes one tensor (1, steps, A) float32 as `features` makes it, since the scaler is part of it, and gives
    probabilities (1, C). `precision` is that of the large weights; with "int8" LiteRT rounds each layer's inputs to 8
    bits too, and all other computation is in float32. The classifier's `trained_on` goes with it. The file is replaced
    as a whole or not at all. Raises ValueError for another precision, TrainingError for a classifier that was not
    fitted, ModelFileError for one whose `features` cannot be those that its network takes, OutputError where nothing
    can be written.
    """
    if precision not in get_args(Precision):
        raise ValueError(f"precision {precision!r}: must be one of {', '.join(get_args(Precision))}")
    facts = replace(classifier.facts(), precision=precision)
    with paths.replacing(path) as temporary:
        temporary.write_bytes(_converted(classifier, facts.shape, precision))
        model_files.append(temporary, facts)
    return path


def _converted(classifier: SequenceClassifier, shape: tuple[int, int], precision: Precision) -> bytes:
    """Return the flatbuffer of scaler and network, which takes one tensor at a time: LiteRT then plans all ahead."""
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
