"""The paper's network against a cell written out in NumPy; training, saving, and files that are no model."""

import json
import shutil

import keras
import numpy as np
import pytest
from keras import layers

from fer_utils.errors import ModelFileError, OutputError, TrainingError
from fer_utils.evaluation import cross_validate
from fer_utils.features import FeatureTable
from fer_utils.models import SequenceClassifier, paper_network

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


def separable(count, seed):
    """Tensors (count, 4, 6) whose features' units differ, and their emotions: each raises two of the six features."""
    draw = np.random.default_rng(seed)
    emotions = draw.permutation(np.resize(NAMES, count))
    x = draw.normal(size=(count, 4, 6))
    for number, name in enumerate(NAMES):
        x[emotions == name, :, 2 * number : 2 * number + 2] += 2
    return (x * [1, 10, 100, 0.1, 0.01, 1] + 5).astype(np.float32), emotions


@pytest.fixture(scope="module")
def trained():
    """A classifier, its history and the epochs that it told of."""
    told = []
    classifier = SequenceClassifier(small_network, **SETTINGS)
    history = classifier.fit(*separable(60, 1), separable(30, 2), on_epoch=lambda *each: told.append(each))
    return classifier, history, told


@pytest.fixture
def saved(trained, tmp_path):
    trained[0].save(tmp_path / "model")
    return tmp_path / "model"


class TestPaperNetwork:
    def test_weights_counted_by_hand(self):
        network = paper_network(4, 2912, 7)
        cell = 4 * 8 * (1 + 8 + 1)  # four gates of 8 filters, each from the input, 8 states and a bias
        dense = (2912 * 8 + 1) * 2048 + (2048 + 1) * 1024 + (1024 + 1) * 7
        assert [layer.count_params() for layer in network.layers][:2] == [320, 0]
        assert network.count_params() == cell + dense == 49_817_927
        assert network.input_shape == (None, 4, 2912, 1)
        assert network.output_shape == (None, 7)

    def test_layers_and_activations(self):
        network = paper_network(2, 3, 4)
        assert [type(layer).__name__ for layer in network.layers] == [
            "ConvLSTM1D",
            "Flatten",
            "Dense",
            "Dense",
            "Dense",
        ]
        assert [layer.activation.__name__ for layer in network.layers[2:]] == ["relu", "relu", "softmax"]

    def test_the_first_layer_is_one_lstm_cell_shared_by_all_features(self):
        layer = paper_network(3, 5, 2).layers[0]
        draw = np.random.default_rng(0)
        kernel, recurrent, bias = (draw.normal(size=weight.shape) for weight in layer.get_weights())
        assert (kernel.shape, recurrent.shape, bias.shape) == ((1, 1, 32), (1, 8, 32), (32,))
        layer.set_weights([kernel, recurrent, bias])
        x = draw.normal(size=(2, 3, 5)).astype(np.float32)

        def sigmoid(z):
            return 1 / (1 + np.exp(-z))

        expected = np.zeros((2, 5, 8))
        for sample in range(2):
            for feature in range(5):
                state = memory = np.zeros(8)
                for step in range(3):
                    gates = x[sample, step, feature] * kernel[0, 0] + state @ recurrent[0] + bias
                    enter, forget, new, out = np.split(gates, 4)
                    memory = sigmoid(forget) * memory + sigmoid(enter) * np.tanh(new)
                    state = sigmoid(out) * np.tanh(memory)
                expected[sample, feature] = state
        np.testing.assert_allclose(np.array(layer(x[..., None])), expected, atol=1e-5)


class TestFit:
    def test_a_separable_problem_is_learnt_whatever_the_features_units(self, trained):
        classifier, history, _ = trained
        x, emotions = separable(60, 1)
        assert (classifier.classes[classifier.predict_proba(x).argmax(axis=1)] == emotions).mean() > 0.95
        x, emotions = separable(300, 3)
        assert (classifier.classes[classifier.predict_proba(x).argmax(axis=1)] == emotions).mean() > 0.9
        assert history["loss"][-1] < history["loss"][0] / 2

    def test_history_has_a_value_an_epoch_and_each_epoch_is_told(self, trained):
        _, history, told = trained
        assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
        assert {len(values) for values in history.values()} == {12}
        assert [epoch for epoch, _ in told] == list(range(12))
        assert [logs["val_loss"] for _, logs in told] == history["val_loss"]
        assert [logs["accuracy"] for _, logs in told] == history["accuracy"]

    def test_loss_and_accuracy_are_those_of_all_training_rows(self):
        x, emotions = separable(30, 1)
        classifier = SequenceClassifier(small_network, epochs=1, batch_size=8, learning_rate=1e-9)
        history = classifier.fit(x, emotions, separable(12, 2))
        probabilities = classifier.predict_proba(x)
        own = probabilities[np.arange(30), np.searchsorted(NAMES, emotions)]
        assert history["loss"] == pytest.approx([-np.log(own).mean()], rel=1e-3)
        assert history["accuracy"] == pytest.approx([np.mean(NAMES[probabilities.argmax(axis=1)] == emotions)])

    def test_every_fit_starts_anew(self):
        """The network is kept from fit to fit, its weights and the optimizer's state are not."""
        x, emotions = separable(30, 1)
        kept, fresh = (SequenceClassifier(small_network, epochs=3, seed=5) for _ in range(2))
        kept.fit(*separable(48, 7), separable(12, 8))
        network = kept.model
        again, once = (each.fit(x, emotions, separable(12, 2)) for each in (kept, fresh))
        assert kept.model is network and again == once
        for one, other in zip(kept.model.get_weights(), fresh.model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
        kept.fit(x[emotions != NAMES[0]], emotions[emotions != NAMES[0]], (x[:1], NAMES[1:2]))
        assert kept.model is not network and kept.predict_proba(x).shape == (30, 2)

    def test_a_loss_that_is_not_a_number_is_an_error(self):
        x, emotions = separable(30, 1)
        with pytest.raises(TrainingError, match=r"the loss is not finite in epoch \d: lower the learning rate"):
            SequenceClassifier(small_network, epochs=9, learning_rate=1e30).fit(x, emotions, separable(12, 2))
        x[[3, 7], 0, 1] = np.nan
        with pytest.raises(TrainingError, match="2 of 30 training rows hold values that are not finite"):
            SequenceClassifier(small_network, epochs=3).fit(x, emotions, separable(12, 2))

    def test_validation_is_measured_with_the_weights_that_are_kept(self, trained):
        classifier, history, _ = trained
        x, emotions = separable(30, 2)
        own = classifier.predict_proba(x)[np.arange(30), np.searchsorted(NAMES, emotions)]
        assert min(history["val_loss"]) == pytest.approx(-np.log(own).mean(), rel=1e-3)

    def test_probabilities(self, trained):
        classifier, *_ = trained
        assert classifier.classes.tolist() == NAMES.tolist()
        x, _ = separable(300, 3)
        probabilities = classifier.predict_proba(x)
        assert probabilities.shape == (300, 3)
        assert probabilities.sum(axis=1) == pytest.approx(np.ones(300), abs=1e-5)
        np.testing.assert_allclose(probabilities[250:270], classifier.predict_proba(x[250:270]), atol=1e-6)

    def test_one_seed_gives_one_model_and_another_seed_another(self, trained):
        def weights(classifier):
            return np.concatenate([weight.ravel() for weight in classifier.model.get_weights()])

        again, other = (SequenceClassifier(small_network, **SETTINGS, seed=seed) for seed in (0, 1))
        for classifier in (other, again):
            classifier.fit(*separable(60, 1), separable(30, 2))
        np.testing.assert_array_equal(weights(again), weights(trained[0]))
        assert not np.allclose(weights(other), weights(trained[0]), atol=0.1)

    def test_the_scaler_sees_the_training_part_only(self):
        x, emotions = separable(24, 1)
        x[:, :, 5] = 0  # a feature that never changes
        classifier = SequenceClassifier(small_network, epochs=1)
        classifier.fit(x, emotions, (1e6 + separable(12, 2)[0], emotions[:12]))
        assert classifier.mean == pytest.approx(x.reshape(-1, 6).mean(axis=0), rel=1e-4)
        assert classifier.scale[:5] == pytest.approx(x.reshape(-1, 6).std(axis=0)[:5], rel=1e-3)
        assert classifier.scale[5] == 1

    def test_an_emotion_that_only_validation_has_is_a_class(self):
        x, emotions = separable(24, 1)
        fit, validation = np.flatnonzero(emotions != "fear"), np.flatnonzero(emotions == "fear")
        classifier = SequenceClassifier(small_network, epochs=1)
        classifier.fit(x[fit], emotions[fit], (x[validation], emotions[validation]))
        assert classifier.classes.tolist() == NAMES.tolist()

    def test_training_ends_by_patience_with_the_best_epochs_weights(self):
        seen = []
        x, emotions = separable(60, 1)
        # validation labels that contradict the training labels: the better the fit, the worse they are met
        contrary = np.roll(NAMES, 1)[np.searchsorted(NAMES, emotions)]
        classifier = SequenceClassifier(small_network, epochs=30, batch_size=8, learning_rate=0.02, patience=2)
        history = classifier.fit(
            x, emotions, (x, contrary), on_epoch=lambda *_: seen.append(classifier.model.get_weights())
        )
        best = int(np.argmin(history["val_loss"]))
        assert len(seen) == len(history["loss"]) == best + 1 + 2 < 30
        for kept, at_best, at_last in zip(classifier.model.get_weights(), seen[best], seen[-1], strict=True):
            np.testing.assert_array_equal(kept, at_best)
            assert not np.array_equal(kept, at_last)


def test_cross_validation_of_a_separable_problem():
    x, emotions = separable(60, 1)
    subjects = np.array([f"toy/s{number % 6}" for number in range(60)])
    table = FeatureTable(x, emotions, subjects, np.arange(60).astype(str))
    outcome = cross_validate(table, SequenceClassifier(small_network, **SETTINGS), "grouped", n_folds=2)
    assert outcome.folds["accuracy"].min() > 0.8
    probabilities = outcome.predictions[[f"p_{name}" for name in NAMES]].to_numpy()
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(60), abs=1e-4)
    assert NAMES[probabilities.argmax(axis=1)].tolist() == outcome.predictions["predicted"].tolist()
    assert outcome.history.groupby("fold").size().tolist() == outcome.folds["epochs"].tolist()


class TestFiles:
    def test_a_round_trip_gives_the_same_probabilities(self, trained, saved):
        x, _ = separable(20, 4)
        loaded = SequenceClassifier.load(saved)
        np.testing.assert_array_equal(loaded.predict_proba(x), trained[0].predict_proba(x))
        assert loaded.classes.tolist() == NAMES.tolist()
        assert sorted(path.name for path in saved.iterdir()) == ["classes.json", "model.keras", "scaler.npz"]

    @pytest.mark.parametrize("name", ["model.keras", "scaler.npz", "classes.json"])
    @pytest.mark.parametrize("share", [None, 0, 0.5])
    def test_a_file_missing_empty_or_cut_off(self, saved, name, share):
        content = (saved / name).read_bytes()
        (saved / name).unlink()
        if share is not None:
            (saved / name).write_bytes(content[: int(len(content) * share)])
        refused(saved)

    def test_no_folder(self, tmp_path):
        refused(tmp_path / "nowhere")

    @pytest.mark.parametrize("lengths", [(5, 5), (6, 5), (5, 6), (1, 1)])
    def test_a_scaler_of_another_length(self, saved, lengths):
        np.savez(saved / "scaler.npz", mean=np.ones(lengths[0]), scale=np.ones(lengths[1]))
        refused(saved)

    @pytest.mark.parametrize("shape", [(), (6, 2)])
    def test_a_scaler_of_another_shape(self, saved, shape):
        np.savez(saved / "scaler.npz", mean=np.ones(shape), scale=np.ones(shape))
        refused(saved)

    def test_a_scaler_with_a_part_missing(self, saved):
        np.savez(saved / "scaler.npz", mean=np.ones(6))
        refused(saved)

    def test_pickles_are_not_opened(self, saved, tmp_path):
        class Trap:
            def __reduce__(self):
                return exec, (f"open({str(tmp_path / 'sprung')!r}, 'w')",)

        np.savez(saved / "scaler.npz", mean=np.array([Trap()] * 6), scale=np.ones(6))
        refused(saved)
        assert not (tmp_path / "sprung").exists()

    @pytest.mark.parametrize("classes", [["anger", "fear"], ["anger", "fear", "joy", "rage"]])
    def test_classes_of_another_count(self, saved, classes):
        (saved / "classes.json").write_text(json.dumps(classes))
        refused(saved)

    @pytest.mark.parametrize("classes", [{"anger": 1}, 3, "ang"])
    def test_classes_that_are_no_list(self, saved, classes):
        (saved / "classes.json").write_text(json.dumps(classes))
        refused(saved)

    @pytest.mark.parametrize("shape", [(3,), (4, 7, 1), (4, 6, 1, 1)])
    def test_another_network(self, saved, shape):
        other = keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(3)])
        other.save(saved / "model.keras")
        refused(saved)

    def test_code_in_a_model_is_not_run(self, saved):
        network = [keras.Input((4, 6, 1)), layers.Flatten(), layers.Lambda(lambda x: x), layers.Dense(3)]
        keras.Sequential(network).save(saved / "model.keras")
        refused(saved)

    def test_saving_where_a_file_is(self, trained, tmp_path):
        (tmp_path / "taken").write_text("a file")
        with pytest.raises(OutputError, match="cannot be written"):
            trained[0].save(tmp_path / "taken")

    def test_saving_over_an_older_model(self, trained, saved):
        other = saved.parent / "other"
        shutil.copytree(saved, other)
        (other / "classes.json").write_text(json.dumps(["x"]))
        trained[0].save(other)
        assert SequenceClassifier.load(other).classes.tolist() == NAMES.tolist()


def refused(folder):
    """One line that names the folder."""
    with pytest.raises(ModelFileError) as raised:
        SequenceClassifier.load(folder)
    assert str(raised.value).startswith(f"{folder}: ")
    assert "\n" not in str(raised.value)
