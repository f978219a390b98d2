"""Actors as additional rows: a weight that helps is found inside the training part."""

from dataclasses import replace

import numpy as np
import pytest

from fer_utils.evaluation import augmentation, splits
from fer_utils.evaluation.splits import Scheme
from fer_utils.features.tensors import FeatureTable


def table_of(n, way, seed=0, noise=1.0, extra=()):
    """Emotions that differ along one direction, by subjects of four sequences each."""
    draw = np.random.default_rng(seed)
    emotions = np.concatenate([np.resize(["anger", "fear"], n), np.array(extra, np.str_)]).astype("<U9")
    x = draw.normal(0, noise, (len(emotions), 4, 20)).astype(np.float32)
    x[emotions == "fear", :, 0] += way
    subjects = np.array([f"s{seed}_{number // 4}" for number in range(len(emotions))])
    ids = np.array([f"r{number}" for number in range(len(emotions))])
    return FeatureTable(x, emotions, subjects, ids, datasets=np.full(len(ids), "toy"))


@pytest.fixture(scope="module")
def few():
    table = table_of(40, 0.6)
    return table, {Scheme(name): splits.make(name, table) for name in ("grouped", "stratified")}


def accuracy(predictions):
    return (predictions["predicted"] == predictions["emotion"]).mean()


def test_actors_who_show_the_same_help(few):
    helped = augmentation.run(few[0], table_of(400, 0.6, seed=5), few[1])[0]
    alone = augmentation.run(few[0], table_of(4, 0.6, seed=5), few[1])[0]
    assert accuracy(helped) > accuracy(alone)
    assert (helped["weight"] > 0).any() and set(helped["weight"]) <= set(augmentation.WEIGHTS)
    assert sorted(helped["id"]) == sorted(few[0].ids) and set(helped["protocol"]) == {"grouped"}


def test_actors_who_show_the_opposite_are_left_out(few):
    table = table_of(80, 3.0)
    folds = {Scheme("grouped"): splits.make("grouped", table)}
    assert set(augmentation.run(table, table_of(400, -3.0, seed=5), folds)[0]["weight"]) == {0.0}


def test_emotions_that_the_recordings_lack_are_not_added(few):
    actors = table_of(40, 0.6, seed=5, extra=["contempt"] * 30)
    found = augmentation.run(few[0], actors, few[1])[0]
    assert "p_contempt" not in found and set(found["predicted"]) <= {"anger", "fear"}


def test_a_training_part_of_one_emotion_names_it():
    """Of three people who show one emotion each, two can be alike."""
    table = table_of(12, 0.6)
    table = replace(table, emotions=np.repeat(["anger", "fear", "anger"], 4))
    folds = {Scheme("grouped"): splits.make("grouped", table, 3)}
    found = augmentation.run(table, table_of(40, 0.6, seed=5), folds)[0]
    alone = found[found["emotion"] == "fear"]  # trained on the two others
    assert sorted(found["id"]) == sorted(table.ids) and set(alone["weight"]) == {0.0}
    assert set(alone["predicted"]) == {"anger"}


def test_without_an_actor_of_these_emotions_all_weights_are_0(few):
    actors = replace(table_of(8, 0.6, seed=5), emotions=np.full(8, "contempt"))
    found, _ = augmentation.run(few[0], actors, few[1])
    assert set(found["weight"]) == {0.0} and len(found) == len(few[0])
