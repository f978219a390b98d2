"""Folds as jobs: what reaches fit and test, what is kept and taken again, and what happens when something fails."""

from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from fer_utils.errors import SplitError, StudyError, TrainingError
from fer_utils.evaluation import cross_validation, jobs, splits
from fer_utils.evaluation.cross_validation import BASE, Run
from fer_utils.evaluation.metrics import summary
from fer_utils.evaluation.splits import Scheme
from fer_utils.features import tensors
from fer_utils.features.tensors import FeatureTable
from fer_utils.models import classifiers, litert

NAMES = np.array(["anger", "disgust", "fear", "happiness"])


def make_table(n=80, shape=(4, 6), drop=()):
    """Row i holds i in its first number; a subject has four sequences."""
    kept = np.array([number for number in range(n) if number not in drop])
    x = np.zeros((len(kept), *shape), np.float32)
    x[:, 0, 0] = kept
    return FeatureTable(
        x,
        NAMES[kept % 4],
        np.array([f"s{number // 4:02d}" for number in kept]),
        np.array([f"r{n}" for n in kept]),
        datasets=np.full(len(kept), "toy"),
    )


class Oracle:
    """Names the true emotion of the row whose number it reads in the tensor, if it was trained on that emotion."""

    seen: ClassVar[list] = []  # one entry a fit
    kept: ClassVar[list] = []  # and what its epoch is chosen by

    def __init__(self, seed=0, **settings):
        self.seed, self.settings, self.recipe = seed, settings, {"epoch_limit": settings.get("epochs", 60)}
        self.weights = 12

    def fit(self, x, emotions, validation, keep="loss", refit=False):
        Oracle.kept.append((keep, refit))
        self.classes = np.unique(np.concatenate([emotions, validation[1]]))
        assert emotions.tolist() == NAMES[self.numbers(x) % 4].tolist()
        Oracle.seen.append((self.numbers(x).tolist(), self.numbers(validation[0]).tolist(), self.settings))
        return {"loss": [0.9, 0.7], "val_loss": [2.0, 1.0]}

    def predict_proba(self, x):
        right = NAMES[self.numbers(x) % 4][:, None] == self.classes
        return np.where(right, 0.75, 0.25 / len(self.classes))

    @staticmethod
    def numbers(x):
        return x[:, 0, 0].astype(int)


@pytest.fixture(autouse=True)
def oracle(monkeypatch):
    """`classifiers.make` gives oracles; "broken" ones cannot be trained."""

    def make(name, seed=0, **settings):
        if name == "broken":
            raise TrainingError("needs 23 GB")
        return Oracle(seed, **settings)

    monkeypatch.setattr(classifiers, "make", make)
    Oracle.seen.clear()
    Oracle.kept.clear()
    jobs.load_table.cache_clear()


def run(tmp_path, runs, tables=None, **options):
    tables = tables or {BASE: make_table()}
    schemes = {each.scheme for each in runs}
    folds = {scheme: splits.make(scheme.protocol, tables[BASE], seed=scheme.seed) for scheme in schemes}
    with ThreadPoolExecutor(1) as executor:
        return cross_validation.run(
            runs, tables, folds, tmp_path / "folds", options.pop("executor", executor), **options
        )


@pytest.mark.parametrize("protocol", splits.PROTOCOLS)
def test_test_rows_reach_neither_fit_nor_validation(tmp_path, protocol):
    outcome = run(tmp_path, [Run("paper", protocol)])
    tested = outcome.predictions.groupby("fold")["id"].agg(list)
    assert sorted(np.concatenate(tested)) == sorted(make_table().ids)
    for ids, (fitted, validated, _) in zip(tested, Oracle.seen, strict=True):
        rows = [int(name[1:]) for name in ids]
        assert sorted([*rows, *fitted, *validated]) == list(range(80))
        people = [{row // 4 for row in part} for part in (fitted, validated, rows)]
        assert not people[0] & people[1]
        if protocol != "stratified":
            assert not (people[0] | people[1]) & people[2]


def test_a_row_a_fold_a_sequence_and_an_epoch(tmp_path):
    outcome = run(tmp_path, [Run("paper", "grouped"), Run("paper", "stratified")], settings={"epochs": 7})
    assert outcome.folds["fold"].tolist() == [0, 1, 2, 3, 4] * 2
    assert outcome.folds["protocol"].tolist() == ["grouped"] * 5 + ["stratified"] * 5
    assert set(outcome.predictions["source"]) == set(outcome.predictions["target"]) == {"toy"}
    assert outcome.folds["n_fit"].tolist() == [len(fitted) for fitted, *_ in Oracle.seen]
    assert (outcome.folds["n_fit"] + outcome.folds["n_validation"] + outcome.folds["n_test"]).eq(80).all()
    assert outcome.folds.groupby("protocol")["subjects_shared"].sum().gt(0).to_dict() == {
        "grouped": False, "stratified": True,
    }  # fmt: skip
    assert set(outcome.folds["accuracy"]) == {1.0} and set(outcome.folds["epochs"]) == {2}
    assert set(outcome.folds["epoch_limit"]) == set(summary(outcome.predictions)["epoch_limit"]) == {7}
    for row in outcome.predictions.itertuples():
        number = int(row.id[1:])
        assert (row.emotion, row.predicted, row.subject) == (
            NAMES[number % 4],
            NAMES[number % 4],
            f"s{number // 4:02d}",
        )
        assert getattr(row, f"p_{row.emotion}") == 0.75
    assert outcome.history[["fold", "epoch", "val_loss"]].head(4).to_numpy().tolist() == [
        [0, 1, 2], [0, 2, 1], [1, 1, 2], [1, 2, 1],
    ]  # fmt: skip
    assert outcome.costs["fold"].tolist() == [0, 1, 2, 3, 4] * 2
    assert set(outcome.costs["weights"]) == {12} and outcome.costs["seconds"].gt(0).all()
    assert all(settings == {"epochs": 7} for *_, settings in Oracle.seen)


def test_an_emotion_that_training_lacks_is_told_and_has_probability_zero(tmp_path):
    table = make_table()
    table.emotions[5] = "contempt"
    folds = {Scheme("grouped"): splits.make("grouped", table)}
    with ThreadPoolExecutor(1) as executor, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Oracle, "fit", lambda self, x, emotions, validation, refit: setattr(
            self, "classes", np.unique(np.concatenate([emotions, validation[1]]))) or {})  # fmt: skip
        outcome = cross_validation.run([Run("paper", "grouped")], {BASE: table}, folds, tmp_path / "folds", executor)
    row = outcome.predictions.set_index("id").loc["r5"]
    assert (row["emotion"], row["p_contempt"]) == ("contempt", 0)
    without = outcome.folds.set_index("fold")["untrained"]
    assert without[row["fold"]] == "contempt" and (without == "").sum() == 4


def test_the_best_epoch_on_test_is_chosen_by_the_test_rows(tmp_path):
    outcome = run(tmp_path, [Run("paper", "grouped", select_on="test")])
    tested = outcome.predictions.groupby("fold")["id"].agg(list)
    for ids, (fitted, checked, _) in zip(tested, Oracle.seen, strict=True):
        assert sorted(checked) == sorted(int(name[1:]) for name in ids)
        assert sorted([*fitted, *checked]) == list(range(80))  # all training rows are trained on
    assert set(outcome.predictions["select_on"]) == {"test"}
    assert Oracle.kept == [("accuracy", False)] * 5


def test_a_network_is_fitted_on_all_training_rows_in_the_end(tmp_path):
    run(tmp_path, [Run("paper", "grouped")])
    assert Oracle.kept == [("loss", True)] * 5


def test_test_rows_that_are_not_finite_are_told(tmp_path):
    table = make_table()
    table.x[7, 1, 2] = np.nan
    runs = [Run("paper", "grouped"), Run("paper", "grouped", variant="whole")]
    outcome = run(tmp_path, runs, {BASE: table, "whole": make_table()})
    assert outcome.refused["variant"].tolist() == [BASE]
    assert outcome.refused["reason"].iloc[0] == "1 of 16 test rows hold values that are not finite: leave them out"
    assert set(outcome.predictions["variant"]) == {"whole"}


def test_the_same_models_are_tested_with_other_features(tmp_path):
    """The other table holds other numbers, so that the oracle is wrong there, and lacks a row."""
    other = make_table(drop=[7])
    other.x[:, 0, 0] += 1
    outcome = run(tmp_path, [Run("paper", "grouped", tested=("noisy",))], {BASE: make_table(), "noisy": other})
    assert len(Oracle.seen) == 5
    accuracy = outcome.predictions.assign(right=lambda p: p["predicted"] == p["emotion"]).groupby("tested")["right"]
    assert accuracy.mean().to_dict() == {BASE: 1.0, "noisy": 0.0}
    assert accuracy.size().to_dict() == {BASE: 80, "noisy": 79}
    assert set(outcome.predictions["variant"]) == {BASE}


def test_a_fold_that_other_features_lack_has_no_result_and_the_rest_goes_on(tmp_path):
    (first, *_) = splits.make("grouped", make_table())
    other = make_table(drop=[int(name[1:]) for name in first.test])
    outcome = run(tmp_path, [Run("paper", "grouped", tested=("short",))], {BASE: make_table(), "short": other})
    short = outcome.folds[outcome.folds["tested"] == "short"]
    assert short["n_test"].tolist()[0] == 0 and short["accuracy"].isna().tolist() == [True] + [False] * 4
    assert (outcome.predictions["tested"] == "short").sum() == 80 - len(first.test)


def test_a_variant_that_lacks_rows_is_trained_and_tested_without_them(tmp_path):
    outcome = run(
        tmp_path, [Run("paper", "grouped", 0, "short")], {BASE: make_table(), "short": make_table(drop=[0, 9])}
    )
    assert set(make_table().ids) - set(outcome.predictions["id"]) == {"r0", "r9"}
    assert all(not {0, 9} & {*fitted, *validated} for fitted, validated, _ in Oracle.seen)


def test_importance_is_lost_with_the_features_that_decide(tmp_path):
    """The oracle reads the first feature alone: the first pair's distance, inside the left eye."""
    table = make_table(shape=(4, 2912))
    outcome = run(tmp_path, [Run("paper", "grouped", importance=True)], {BASE: table})
    lost = outcome.importance.groupby(["values", "regions"])["lost"].mean()
    assert lost["distances", "left eye"] > 0.5
    assert lost.drop(("distances", "left eye")).eq(0).all()
    assert outcome.importance.groupby("fold")["n_features"].sum().eq(2912).all()


class TestResuming:
    def test_what_is_done_is_not_done_again(self, tmp_path):
        first = run(tmp_path, [Run("paper", "grouped")])
        kept = sorted((tmp_path / "folds").glob("*.json"))
        assert len(kept) == 5
        kept[2].unlink()
        kept[3].write_text(kept[3].read_text()[:-20])  # cut off
        Oracle.seen.clear()
        again = run(tmp_path, [Run("paper", "grouped")])
        assert len(Oracle.seen) == 2
        for part in ("folds", "predictions", "history"):
            pd.testing.assert_frame_equal(getattr(first, part), getattr(again, part))

    @pytest.mark.parametrize("change", ["seed", "settings", "data", "code"])
    def test_what_was_made_otherwise_is_made_anew(self, tmp_path, monkeypatch, change):
        run(tmp_path, [Run("paper", "grouped")])
        Oracle.seen.clear()
        table = make_table()
        if change == "data":
            table.x[3, 1, 1] = 1e-3
        if change == "code":
            monkeypatch.setattr(jobs, "_code_and_libraries", lambda: ["other"])
        options = {"settings": {"epochs": 3}} if change == "settings" else {}
        run(tmp_path, [Run("paper", "grouped", seed=int(change == "seed"))], {BASE: table}, **options)
        assert len(Oracle.seen) == 5

    def test_an_interruption_keeps_the_folds_that_were_done(self, tmp_path):
        class Interrupted(Executor):
            """Does two jobs; the third never ends."""

            def __init__(self):
                self.done = 0

            def submit(self, function, job):
                future = Future()
                self.done += 1
                if self.done <= 2:
                    future.set_result(function(job))
                else:
                    future.set_exception(KeyboardInterrupt())
                return future

        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, [Run("paper", "grouped")], executor=Interrupted())
        kept = list((tmp_path / "folds").glob("*.json"))
        assert len(kept) <= 2  # whatever order they are seen in
        Oracle.seen.clear()
        assert len(run(tmp_path, [Run("paper", "grouped")]).folds) == 5
        assert len(Oracle.seen) == 5 - len(kept)


def test_a_run_that_cannot_be_made_is_listed_and_the_others_go_on(tmp_path):
    outcome = run(tmp_path, [Run("broken", "grouped"), Run("paper", "grouped")])
    assert outcome.refused.to_dict("records") == [
        {
            "model": "broken",
            "variant": BASE,
            "source": "toy",
            "target": "toy",
            "protocol": "grouped",
            "select_on": "validation",
            "seed": 0,
            "reason": "needs 23 GB",
        }
    ]
    assert set(outcome.folds["model"]) == {"paper"} and len(outcome.folds) == 5
    assert all("needs 23 GB" not in path.read_text() for path in (tmp_path / "folds").glob("*.json"))


def test_a_run_whose_folds_cannot_be_made_is_listed_and_the_others_go_on(tmp_path):
    folds = {Scheme("grouped"): splits.make("grouped", make_table())}
    runs = [Run("paper", "leave-one-subject-out"), Run("paper", "grouped")]
    with ThreadPoolExecutor(1) as executor:
        outcome = cross_validation.run(runs, {BASE: make_table()}, folds, tmp_path, executor)
    assert outcome.refused[["protocol", "reason"]].to_numpy().tolist() == [
        ["leave-one-subject-out", "its folds cannot be made"]
    ]
    assert set(outcome.folds["protocol"]) == {"grouped"} and len(outcome.folds) == 5


def test_nothing_could_be_made(tmp_path):
    with pytest.raises(StudyError, match="none of the 1 runs could be made; the first: needs 23 GB"):
        run(tmp_path, [Run("broken", "grouped")])


def test_a_classifier_for_streams_is_trained_on_all_but_the_people_who_stop_it(tmp_path):
    draw = np.random.default_rng(0)
    emotions, subjects = np.resize(["anger", "fear"], 60), np.array([f"s{number // 6}" for number in range(60)])
    x = draw.normal(0, 0.02, (60, *tensors.shape())).astype(np.float32)
    x[emotions == "fear", :, :200] += 0.05
    table = FeatureTable(x, emotions, subjects, np.array([f"r{number}" for number in range(60)]))
    path = cross_validation.train_for_streams(table, tmp_path / "models" / "toy.tflite", "sixty rows", epochs=8)
    found = litert.LiteClassifier(path)
    assert (found.network, found.precision, found.trained_on) == ("compact", "int8", "sixty rows")
    assert (found.classes[found.predict_proba(x).argmax(axis=1)] == emotions).mean() > 0.95
    with pytest.raises(SplitError, match="a single subject"):
        alone = FeatureTable(x, emotions, np.full(60, "s0"), table.ids)
        cross_validation.train_for_streams(alone, tmp_path / "x.tflite", "")
