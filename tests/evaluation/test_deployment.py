"""The classifier for streams is fitted on everyone."""

import numpy as np
import pytest

from fer_utils.errors import SplitError
from fer_utils.evaluation import deployment
from fer_utils.features import tensors
from fer_utils.features.tensors import FeatureTable
from fer_utils.models import litert


def test_a_classifier_for_streams_is_trained_on_all_but_the_people_who_stop_it(tmp_path):
    draw = np.random.default_rng(0)
    emotions, subjects = np.resize(["anger", "fear"], 60), np.array([f"s{number // 6}" for number in range(60)])
    x = draw.normal(0, 0.02, (60, *tensors.shape())).astype(np.float32)
    x[emotions == "fear", :, :200] += 0.05
    table = FeatureTable(x, emotions, subjects, np.array([f"r{number}" for number in range(60)]))
    found = litert.LiteClassifier(deployment.train(table, tmp_path / "models" / "toy.tflite", "sixty rows", epochs=8))
    assert (found.network, found.precision, found.trained_on) == ("compact", "int8", "sixty rows")
    assert (found.classes[found.predict_proba(x).argmax(axis=1)] == emotions).mean() > 0.95
    with pytest.raises(SplitError, match="a single subject"):
        deployment.train(FeatureTable(x, emotions, np.full(60, "s0"), table.ids), tmp_path / "x.tflite", "")
