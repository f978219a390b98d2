"""The classifier for streams: fitted on everyone, once cross-validation has said how good it is."""

from __future__ import annotations

from pathlib import Path

from fer_utils.evaluation import splits
from fer_utils.features.tensors import FeatureTable
from fer_utils.models import export
from fer_utils.models.classifiers import SequenceClassifier


def train(table: FeatureTable, path: Path, trained_on: str, epochs: int = 60) -> Path:
    """Write a classifier for streams, the compact network with 8-bit weights, and return `path`.

    It is fitted to all people of the table. The number of epochs is the best one for a fifth of them when it is fitted
    to the others. Raises SplitError as `splits.validation_split` does, TrainingError, OutputError.
    """
    classifier = SequenceClassifier("compact", epochs)
    classifier.trained_on = trained_on
    fit, validation = splits.validation_split(table.emotions, table.subjects)
    checked = table.x[validation], table.emotions[validation]
    classifier.fit(table.x[fit], table.emotions[fit], checked, refit=True)
    return export.write(classifier, path)
