"""Classifiers by name: scaler, training, early stopping, memory."""

import random
import threading

import keras
import numpy as np
import pytest
from keras import layers

from fer_utils.errors import TrainingError
from fer_utils.models import classifiers
from fer_utils.models.classifiers import Recipe, SequenceClassifier

SETTINGS = {"epochs": 12, "batch_size": 8, "learning_rate": 0.02}
NAMES = np.array(["anger", "fear", "surprise"])


def small_network(steps, features, classes):
    return keras.Sequential(
        [
            keras.Input((steps, features, 1)),
            layers.Flatten(),
            layers.Dense(12, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )


@pytest.fixture(scope="module", autouse=True)
def small():
    """A network that is trained in no time, under a name of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            classifiers, "NETWORKS", {**classifiers.NETWORKS, "small": Recipe(small_network, 0.01, patience=10)}
        )
        yield


def separable(count, seed):
    """Tensors (count, 4, 6) whose features' units differ, and their emotions: each raises two of the six features."""
    draw = np.random.default_rng(seed)
    emotions = draw.permutation(np.resize(NAMES, count))
    x = draw.normal(size=(count, 4, 6))
    for number, name in enumerate(NAMES):
        x[emotions == name, :, 2 * number : 2 * number + 2] += 2
    return (x * [1, 10, 100, 0.1, 0.01, 1] + 5).astype(np.float32), emotions


def share_right(classifier, x, emotions):
    return (classifier.classes[classifier.predict_proba(x).argmax(axis=1)] == emotions).mean()


@pytest.fixture(scope="module")
def trained():
    """A classifier and its history."""
    classifier = SequenceClassifier("small", **SETTINGS)
    history = classifier.fit(*separable(60, 1), separable(30, 2))
    return classifier, history


class TestFit:
    def test_a_separable_problem_is_learnt_whatever_the_features_units(self, trained):
        classifier, history = trained
        assert share_right(classifier, *separable(60, 1)) > 0.95
        assert share_right(classifier, *separable(300, 3)) > 0.9
        assert history["loss"][-1] < history["loss"][0] / 2

    @pytest.mark.parametrize("name", ["compact", "mlp"])
    def test_the_other_networks_learn_it_too(self, name):
        classifier = classifiers.make(name, epochs=40, learning_rate=0.01, batch_size=16)
        classifier.fit(*separable(90, 1), separable(30, 2))
        assert share_right(classifier, *separable(300, 3)) > 0.9

    def test_history_has_a_value_an_epoch(self, trained):
        _, history = trained
        assert {name: len(values) for name, values in history.items()} == dict.fromkeys(
            ("loss", "accuracy", "val_loss", "val_accuracy"), 12
        )
        assert history["loss"][-1] < history["loss"][0]

    def test_every_fit_starts_anew(self):
        """The network is kept from fit to fit, its weights and the optimizer's state are not."""
        kept = SequenceClassifier("small", epochs=3, seed=5)
        kept.fit(*separable(48, 7), separable(12, 8))
        network = kept.model
        again = kept.fit(*separable(30, 1), separable(12, 2))
        weights = kept.model.get_weights()
        assert kept.model is network
        classifiers._kept_trainers.clear()
        fresh = SequenceClassifier("small", epochs=3, seed=5)
        once = fresh.fit(*separable(30, 1), separable(12, 2))
        assert fresh.model is not network and again == once
        for one, other in zip(weights, fresh.model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_a_classifier_stays_as_it_is_when_another_is_fitted(self):
        one, other = (SequenceClassifier("small", epochs=2, seed=7) for _ in range(2))
        one.fit(*separable(30, 1), separable(12, 2))
        before, x = one.model.get_weights(), separable(9, 3)[0]
        p = one.predict_proba(x)
        other.fit(*separable(60, 4), separable(12, 5))
        np.testing.assert_array_equal(one.predict_proba(x), p)
        for kept, weight in zip(before, one.model.get_weights(), strict=True):
            np.testing.assert_array_equal(kept, weight)
        assert np.abs(other.predict_proba(x) - p).max() > 1e-3

    @pytest.mark.parametrize("name", ["small", "compact"])  # compact: random numbers while it learns
    def test_a_kept_network_starts_as_a_new_one_of_that_seed_would(self, name):
        def fitted(seed):
            classifier = SequenceClassifier(name, epochs=3, seed=seed)
            return classifier, classifier.fit(*separable(30, 1), separable(12, 2))

        classifiers._kept_trainers.clear()
        first, expected = fitted(1)
        classifiers._kept_trainers.clear()
        for seed in (0, 2):
            _, other = fitted(seed)
            assert other != expected
        again, history = fitted(1)
        assert len(classifiers._kept_trainers) == 1 and history == expected
        for one, other in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_the_last_trainers_are_kept_and_no_more(self):
        classifiers._kept_trainers.clear()
        (x, names), (checked, theirs) = separable(12, 1), separable(6, 2)
        for features in (1, 2, 3, 4, 5, 2, 6):
            fitted = SequenceClassifier("small", epochs=1)
            fitted.fit(x[..., :features], names, (checked[..., :features], theirs))
        assert [features for _, _, features, _ in classifiers._kept_trainers] == [4, 5, 2, 6]

    def test_initial_weights_are_the_seeds_whatever_other_threads_draw(self):
        done, size = threading.Event(), (4, 300, 3)

        def draw():
            while not done.is_set():
                random.random()

        alone = classifiers._network("compact", size, 5).get_weights()
        other = threading.Thread(target=draw)
        other.start()
        try:
            beside = [classifiers._network("compact", size, 5).get_weights() for _ in range(3)]
        finally:
            done.set()
            other.join()
        for weights in beside:
            assert all(np.array_equal(one, two) for one, two in zip(alone, weights, strict=True))

    def test_two_seeds_differ(self):
        one, other = (SequenceClassifier("small", epochs=2, seed=seed) for seed in (0, 1))
        assert one.fit(*separable(30, 1), separable(12, 2)) != other.fit(*separable(30, 1), separable(12, 2))

    def test_classes_of_the_validation_part_have_a_probability_too(self):
        (x, emotions), (checked, names) = separable(30, 1), separable(12, 2)
        classifier = SequenceClassifier("small", epochs=2)
        classifier.fit(x[emotions != "fear"], emotions[emotions != "fear"], (checked, names))
        assert classifier.classes.tolist() == NAMES.tolist()
        assert classifier.predict_proba(x).shape == (30, 3)

    def test_the_weights_of_the_best_validation_epoch_are_kept(self):
        """Labels of the validation part that contradict the training: its loss rises as training goes on."""
        x, emotions = separable(60, 1)
        checked, names = separable(30, 2)
        wrong = np.roll(NAMES, 1)[np.searchsorted(NAMES, names)]
        classifier = SequenceClassifier("small", **{**SETTINGS, "epochs": 30}, patience=4)
        history = classifier.fit(x, emotions, (checked, wrong))
        best = int(np.argmin(history["val_loss"]))
        assert len(history["val_loss"]) == best + 1 + 4
        p = classifier.predict_proba(checked)
        loss = -np.log(p[np.arange(30), np.searchsorted(NAMES, wrong)]).mean()
        assert loss == pytest.approx(history["val_loss"][best], rel=1e-4)

    def test_the_epoch_of_the_highest_accuracy_is_kept_where_that_is_asked_for(self):
        """A third of the labels are wrong: to be sure of the others, which raises the accuracy, raises the loss."""
        x, emotions = separable(60, 1)
        checked, names = separable(30, 2)
        names[::3] = np.roll(NAMES, 1)[np.searchsorted(NAMES, names[::3])]
        classifier = SequenceClassifier("small", epochs=20, batch_size=8, learning_rate=0.005, patience=2)
        history = classifier.fit(x, emotions, (checked, names), keep="accuracy")
        best = int(np.argmax(history["val_accuracy"]))
        assert best != np.argmin(history["val_loss"]) and len(history["val_loss"]) == 20
        assert share_right(classifier, checked, names) == pytest.approx(history["val_accuracy"][best])
        p = classifier.predict_proba(checked)
        loss = -np.log(p[np.arange(30), np.searchsorted(NAMES, names)]).mean()
        assert loss == pytest.approx(history["val_loss"][best], rel=1e-4)

    def test_a_refit_is_a_fit_to_both_parts_for_as_many_epochs_as_were_best(self):
        (x, emotions), (checked, names) = separable(60, 1), separable(30, 2)
        names[::3] = np.roll(NAMES, 1)[np.searchsorted(NAMES, names[::3])]
        settings = {"batch_size": 8, "learning_rate": 0.002}
        refitted = SequenceClassifier("small", epochs=30, patience=4, **settings)
        history = refitted.fit(x, emotions, (checked, names), refit=True)
        best = int(np.argmin(history["val_loss"]))
        assert 0 < best < len(history["val_loss"]) - 1
        both = np.concatenate([x, checked]), np.concatenate([emotions, names])
        plain = SequenceClassifier("small", epochs=best + 1, **settings)
        assert np.argmin(plain.fit(*both, both)["val_loss"]) == best  # so that the last epoch's weights are kept
        np.testing.assert_array_equal(refitted.mean, plain.mean)
        for one, other in zip(refitted.model.get_weights(), plain.model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)

    @pytest.mark.parametrize("name", ["small", "logistic", "svm"])
    def test_validation_rows_that_are_not_finite_are_an_error(self, name):
        checked, names = separable(12, 2)
        checked[5, 0, 0] = np.inf
        with pytest.raises(TrainingError, match=r"^1 of 12 validation rows hold values that are not finite: leave"):
            classifiers.make(name).fit(*separable(30, 1), (checked, names))

    def test_one_emotion_alone_is_an_error(self):
        x, emotions = separable(30, 1)
        one = emotions == "fear"
        with pytest.raises(TrainingError, match=r"^'fear' is the only emotion to train on: a classifier needs two$"):
            SequenceClassifier("small").fit(x[one], emotions[one], (x, emotions))

    @pytest.mark.parametrize(("fitted", "checked"), [(0, 12), (30, 0)])
    def test_a_part_without_rows_is_an_error(self, fitted, checked):
        with pytest.raises(TrainingError, match=f"^{fitted} rows to train on, {checked} to validate: a network needs"):
            SequenceClassifier("small").fit(*separable(fitted, 1), separable(checked, 2))

    def test_the_scaler_sees_the_training_rows_only(self):
        x, emotions = separable(30, 1)
        x[..., 3] = 7.0  # a feature that never changes
        checked, names = separable(12, 2)
        classifier = SequenceClassifier("small", epochs=1)
        classifier.fit(x, emotions, (checked + 1000, names))
        np.testing.assert_allclose(classifier.mean, x.reshape(-1, 6).mean(axis=0), rtol=1e-5)
        spread = x.reshape(-1, 6).std(axis=0)
        np.testing.assert_allclose(classifier.scale, np.where(np.arange(6) == 3, 1, spread), rtol=1e-4)

    def test_values_that_are_not_finite_are_an_error(self):
        x, emotions = separable(30, 1)
        with pytest.raises(TrainingError, match=r"the loss is not finite in epoch \d: lower the learning rate"):
            SequenceClassifier("small", epochs=9, learning_rate=1e30).fit(x, emotions, separable(12, 2))
        x[[3, 7], 0, 1] = np.nan
        with pytest.raises(TrainingError, match="2 of 30 training rows hold values that are not finite"):
            SequenceClassifier("small", epochs=3).fit(x, emotions, separable(12, 2))

    def test_many_rows_are_predicted_in_order(self, trained):
        x, _ = separable(600, 5)
        together = trained[0].predict_proba(x)
        np.testing.assert_allclose(
            together[[0, 255, 256, 599]], trained[0].predict_proba(x[[0, 255, 256, 599]]), atol=1e-6
        )
        np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)


class TestMemory:
    def test_the_papers_network_is_refused_before_it_is_made_where_memory_is_short(self, monkeypatch):
        monkeypatch.setattr(classifiers.workers, "memory_free", lambda: 10**9)
        monkeypatch.setattr(classifiers.networks, "paper_network", lambda *_: pytest.fail("was made"))
        x = np.zeros((4, 4, 50082), np.float32)
        with pytest.raises(TrainingError, match=r"'paper' with 50082 features needs 23\.0 GB to train and 1\.0 GB are"):
            classifiers.make("paper").fit(x, NAMES[[0, 1, 0, 1]], (x, NAMES[[0, 1, 0, 1]]))

    def test_small_networks_are_not_refused(self, monkeypatch):
        monkeypatch.setattr(classifiers.workers, "memory_free", lambda: 0)
        SequenceClassifier("small", epochs=1).fit(*separable(12, 1), separable(6, 2))


class TestMake:
    def test_each_name_makes_a_classifier(self):
        for name in classifiers.NAMES:
            made = classifiers.make(name, seed=3)
            assert callable(made.fit) and callable(made.predict_proba)

    def test_an_unknown_name_is_an_error(self):
        with pytest.raises(TrainingError, match="model 'lstm' is unknown: choose one of paper, compact, mlp, graph"):
            classifiers.make("lstm")
