"""Whether a classifier takes the features that a stream makes."""

from __future__ import annotations

import numpy as np

from fer_utils.errors import ModelFileError, first_line
from fer_utils.features import tensors

# what a classifier's training features must share with the stream's; the others do not change what a column means
_FORM = ("landmarks", "pairs", "values", "normalised", "n_key_frames")


def check_stream_features(classifier) -> None:
    """Raise ModelFileError if the classifier was not made for the stream's features."""
    options = getattr(classifier, "features", None) or tensors.DEFAULT
    for name in _FORM:
        theirs, ours = getattr(options, name), getattr(tensors.DEFAULT, name)
        if theirs != ours:
            what = "landmark set" if name == "landmarks" else "form of features"
            raise ModelFileError(
                f"exported for another {what}: {name} {theirs!r}, the stream has {ours!r}; train again"
            )
    shape, n_classes = tensors.shape(), len(classifier.classes)
    try:
        given = np.shape(classifier.predict_proba(np.zeros((1, *shape), np.float32)))
    except Exception as error:  # whatever a network of another shape stumbles over
        reason = first_line(error)
        raise ModelFileError(f"exported for another landmark set: no tensor {shape} goes in ({reason})") from None
    if given != (1, n_classes):
        raise ModelFileError(
            f"exported with other classes: {given} probabilities for {n_classes} names; train it again"
        )
