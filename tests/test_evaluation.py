"""Splits that do not leak, metrics worked out by hand, intervals over subjects, and the tables."""

import copy
import shutil
import subprocess
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedKFold

from fer_utils import evaluation
from fer_utils.errors import OutputError, SplitError
from fer_utils.features import FeatureTable
from fer_utils.phases import Phases


def rows(n_subjects=17, seed=0):
    """Emotions and subjects of an unbalanced dataset: subjects show one to six emotions, happiness most often."""
    draw = np.random.default_rng(seed)
    names = np.array(["anger", "disgust", "fear", "happiness", "sadness", "surprise"])
    shown = [
        draw.choice(names, draw.integers(1, 7), replace=False, p=[0.1, 0.1, 0.1, 0.4, 0.1, 0.2])
        for _ in range(n_subjects)
    ]
    emotions = np.concatenate([*shown, np.repeat(["happiness", "surprise"], n_subjects)])
    subjects = [f"toy/s{number}" for number, each in enumerate(shown) for _ in each]
    return emotions, np.array(subjects + [f"toy/s{number}" for number in range(n_subjects)] * 2)


def outcome(true, predicted, subjects, **columns):
    """Predictions as `cross_validate` returns them, a letter an emotion."""
    frame = {"emotion": list(true), "predicted": list(predicted), "subject": list(subjects)}
    return pd.DataFrame({"model": "paper", "protocol": "grouped", **frame, **columns})


class TestOuterFolds:
    @pytest.mark.parametrize("protocol", ["stratified", "grouped"])
    @pytest.mark.parametrize("n_folds", [2, 5])
    @pytest.mark.parametrize("seed", [0, 7])
    def test_every_row_is_tested_once_and_trained_on_otherwise(self, protocol, n_folds, seed):
        emotions, subjects = rows()
        folds = list(evaluation.outer_folds(protocol, emotions, subjects, n_folds, seed))
        assert len(folds) == n_folds
        assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(emotions)))
        for train, test in folds:
            assert sorted([*train, *test]) == list(range(len(emotions)))

    def test_grouped_folds_share_no_subject_and_stratified_ones_do(self):
        emotions, subjects = rows()
        shared = {
            protocol: [
                len(set(subjects[train]) & set(subjects[test]))
                for train, test in evaluation.outer_folds(protocol, emotions, subjects)
            ]
            for protocol in evaluation.PROTOCOLS
        }
        assert shared["grouped"] == [0] * 5
        assert min(shared["stratified"]) > 0

    def test_stratified_folds_keep_the_shares_of_the_emotions(self):
        emotions, subjects = rows(40)
        for _, test in evaluation.outer_folds("stratified", emotions, subjects):
            for name in set(emotions):
                assert abs((emotions[test] == name).sum() - (emotions == name).sum() / 5) < 1

    def test_grouped_folds_keep_the_shares_as_well_as_subjects_allow(self):
        emotions, subjects = rows(40)
        for _, test in evaluation.outer_folds("grouped", emotions, subjects):
            assert abs(np.mean(emotions[test] == "happiness") - np.mean(emotions == "happiness")) < 0.1
            assert 0.1 < len(test) / len(emotions) < 0.3

    @pytest.mark.parametrize("protocol", ["stratified", "grouped"])
    def test_the_seed_decides(self, protocol):
        def tests(seed):
            return [sorted(test) for _, test in evaluation.outer_folds(protocol, *rows(), seed=seed)]

        assert tests(3) == tests(3)
        assert tests(3) != tests(4)

    @pytest.mark.parametrize("protocol", ["stratified", "grouped"])
    def test_a_fold_that_trains_without_an_emotion_says_so_once(self, protocol):
        emotions, subjects = rows()
        emotions = emotions.astype("<U12")
        emotions[3] = "contempt"
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            folds = list(evaluation.outer_folds(protocol, emotions, subjects))
        (number,) = (number for number, (_, test) in enumerate(folds) if 3 in test)
        assert [str(each.message) for each in said] == [f"fold {number} ({protocol}) is trained without contempt"]

    @pytest.mark.filterwarnings("ignore:The groups parameter is ignored")
    def test_a_splitter_that_leaks_is_found_out(self, monkeypatch):
        monkeypatch.setattr(evaluation, "StratifiedGroupKFold", StratifiedKFold)  # pays no heed to groups
        with pytest.raises(SplitError, match="on both sides of the split: toy/s"):
            list(evaluation.outer_folds("grouped", *rows()))
        with pytest.raises(SplitError, match="on both sides of the split: toy/s"):
            evaluation.inner_split(*rows())

    @pytest.mark.parametrize(
        ("protocol", "emotions", "subjects", "n_folds", "message"),
        [
            ("leave-one-out", "aabb" * 5, "abcdefghij" * 2, 5, "protocol 'leave-one-out' is unknown: choose one of"),
            ("grouped", "ab" * 10, "wxyz" * 5, 5, "4 subjects cannot be split into 5 folds"),
            ("stratified", "ab" * 2, "wxyz", 5, "4 sequences cannot be split into 5 folds"),
            ("stratified", "", "", 5, "0 sequences cannot be split into 5 folds"),
            ("grouped", "", "", 5, "0 subjects cannot be split into 5 folds"),
            ("grouped", "a" * 10, "abcdefghij", 5, r"only one emotion \(a\) is there: nothing to tell apart"),
            ("stratified", "a" * 10, "abcdefghij", 5, r"only one emotion \(a\) is there"),
            ("stratified", "aabbccdd", "abcdefgh", 5, "no emotion has 5 sequences"),
            ("grouped", "aabbccdd", "abcdefgh", 5, "no emotion has 5 sequences"),
            ("grouped", "aabbccdd", "abcdefgh", 1, "1 folds leave nothing to train on"),
        ],
    )
    def test_data_that_cannot_be_split(self, protocol, emotions, subjects, n_folds, message):
        with pytest.raises(SplitError, match=message) as raised:
            list(evaluation.outer_folds(protocol, np.array(list(emotions)), np.array(list(subjects)), n_folds))
        assert "\n" not in str(raised.value)


class TestInnerSplit:
    @pytest.mark.parametrize("seed", range(4))
    def test_a_fifth_of_the_subjects_validates_and_the_rest_is_fitted(self, seed):
        emotions, subjects = rows(20)
        fit, validation = evaluation.inner_split(emotions, subjects, seed)
        assert sorted([*fit, *validation]) == list(range(len(emotions)))
        assert not set(subjects[fit]) & set(subjects[validation])
        assert 3 <= len(set(subjects[validation])) <= 5

    def test_two_subjects_are_enough(self):
        subjects = np.array(list("xxxyy"))
        fit, validation = evaluation.inner_split(np.array(list("abcab")), subjects)
        assert {frozenset(subjects[fit]), frozenset(subjects[validation])} == {frozenset("x"), frozenset("y")}

    def test_few_sequences_of_each_emotion(self):
        fit, validation = evaluation.inner_split(np.array(list("aabbcc")), np.array(list("uvwxyz")))
        assert len(fit) == len(validation) == 3

    @pytest.mark.parametrize(
        ("emotions", "subjects", "message"),
        [
            ("abab", "xxxx", "a single subject cannot be divided into training and validation"),
            ("", "", "a single subject cannot be divided"),
            ("abcd", "wxyz", "no emotion has two sequences to divide into training and validation"),
        ],
    )
    def test_too_little(self, emotions, subjects, message):
        with pytest.raises(SplitError, match=message):
            evaluation.inner_split(np.array(list(emotions)), np.array(list(subjects)))


def test_a_planted_subject_is_named():
    subjects = np.array(["s1", "s2", "s3", "s1", "s4", "s2"])
    evaluation.check_disjoint(subjects, np.array([0, 2, 3]), np.array([1, 4, 5]))
    with pytest.raises(SplitError, match=r"^on both sides of the split: s1, s2$"):
        evaluation.check_disjoint(subjects, np.array([0, 1, 2]), np.array([3, 4, 5]))


class TestMetrics:
    def test_by_hand(self):
        values = evaluation.metrics(np.array(list("aaabbc")), np.array(list("aabbcc")))
        # a: precision 1, recall 2/3; b: 1/2, 1/2; c: 1/2, 1
        assert values["accuracy"] == pytest.approx(4 / 6)
        assert values["macro_f1"] == pytest.approx((4 / 5 + 1 / 2 + 2 / 3) / 3)

    def test_an_emotion_that_is_only_predicted_counts_as_zero(self):
        values = evaluation.metrics(np.array(list("aab")), np.array(list("acb")))
        assert values == {"accuracy": pytest.approx(2 / 3), "macro_f1": pytest.approx((2 / 3 + 1 + 0) / 3)}

    def test_a_small_class_weighs_as_much_as_a_large_one(self):
        values = evaluation.metrics(np.array(["a"] * 98 + ["b"] * 2), np.array(["a"] * 100))
        assert values == {"accuracy": pytest.approx(0.98), "macro_f1": pytest.approx((196 / 198) / 2)}

    def test_confusion(self):
        counts = evaluation.confusion(outcome("aabbbd", "abbcba", "sssttt"))
        assert counts.index.tolist() == counts.columns.tolist() == ["a", "b", "c", "d"]
        assert counts.to_numpy().tolist() == [[1, 1, 0, 0], [0, 2, 1, 0], [0, 0, 0, 0], [1, 0, 0, 0]]


class TestIntervals:
    def test_all_correct(self):
        intervals = evaluation.bootstrap_intervals(outcome("abcabc", "abcabc", "sssttt"))
        assert intervals == {"accuracy": (1, 1), "macro_f1": (1, 1)}

    def test_subjects_are_drawn_not_sequences(self):
        """One subject all right, one all wrong: a draw of two is 0, 1/2 or 1, with 1/4, 1/2, 1/4. Drawn one by one,
        200 sequences would stay near 1/2."""
        intervals = evaluation.bootstrap_intervals(outcome("ab" * 100, "ab" * 50 + "ba" * 50, "s" * 100 + "t" * 100))
        assert intervals == {"accuracy": (0, 1), "macro_f1": (0, 1)}

    def test_a_single_subject_has_no_spread(self):
        intervals = evaluation.bootstrap_intervals(outcome("aabb", "aaba", "ssss"))
        assert intervals["accuracy"] == pytest.approx((3 / 4, 3 / 4))
        assert intervals["macro_f1"] == pytest.approx(((4 / 5 + 2 / 3) / 2,) * 2)

    def test_the_same_draws_one_by_one(self):
        draw = np.random.default_rng(5)
        true = draw.choice(list("abcd"), 40)
        predicted = np.where(draw.random(40) < 0.6, true, draw.choice(list("abcde"), 40))
        subjects = draw.choice(["s1", "s2", "s3", "s4", "s5", "s6"], 40)
        true[subjects == "s1"] = "f"  # some draws are without this emotion
        predictions = outcome(true, predicted, subjects)
        names = sorted(set(predictions["subject"]))
        slow = []
        for times in np.random.default_rng(9).multinomial(len(names), [1 / len(names)] * len(names), 60):
            drawn = np.repeat(names, times)
            sample = pd.concat([predictions[predictions["subject"] == name] for name in drawn])
            slow.append(evaluation.metrics(sample["emotion"].to_numpy(), sample["predicted"].to_numpy()))
        intervals = evaluation.bootstrap_intervals(predictions, resamples=60, seed=9)
        for name, interval in intervals.items():
            assert interval == pytest.approx(np.percentile([each[name] for each in slow], [2.5, 97.5]), abs=1e-12)
            assert interval[0] < interval[1]

    def test_the_seed_decides(self):
        predictions = outcome("ab" * 30, "ab" * 17 + "ba" * 13, [f"s{number % 13}" for number in range(60)])
        first, again, other = (evaluation.bootstrap_intervals(predictions, 200, seed) for seed in (1, 1, 2))
        assert first == again != other


def test_summary_has_a_row_a_model_and_protocol():
    stratified = outcome("abab", "abab", "sstt", protocol="stratified")
    grouped = outcome("abab", "abba", "sstt")
    compact = outcome("abc", "abb", "stu", model="compact")
    summary = evaluation.summary(pd.concat([stratified, grouped, compact]))
    assert summary[["model", "protocol"]].to_numpy().tolist() == [
        ["paper", "stratified"],
        ["paper", "grouped"],
        ["compact", "grouped"],
    ]
    assert summary[["sequences", "subjects", "emotions"]].to_numpy().tolist() == [[4, 2, 2], [4, 2, 2], [3, 3, 3]]
    assert summary["accuracy"].tolist() == pytest.approx([1, 0.5, 2 / 3])
    assert summary["macro_f1"].tolist() == pytest.approx([1, 0.5, (1 + 2 / 3 + 0) / 3])
    assert summary[["accuracy_low", "accuracy_high"]].to_numpy().tolist() == [[1, 1], [0, 1], [0, 1]]
    for _, row in summary.iterrows():
        assert row["macro_f1_low"] <= row["macro_f1"] <= row["macro_f1_high"]


class TestWriteCsv:
    frame = pd.DataFrame({"fold": [0, 1], "accuracy": [2 / 3, 1.0]})

    @pytest.mark.parametrize(("rendered", "mark"), [(True, "rendered stand-in"), (False, "real")])
    def test_dataset_and_mark_come_first(self, tmp_path, rendered, mark):
        path = evaluation.write_csv(self.frame, tmp_path / "new" / "results.csv", "ckplus", rendered)
        text = f"dataset,data,fold,accuracy\nckplus,{mark},0,0.666667\nckplus,{mark},1,1\n"
        assert path.read_bytes().decode() == text
        assert list(self.frame) == ["fold", "accuracy"]

    def test_provenance_comes_last(self, tmp_path):
        table = pd.read_csv(evaluation.write_csv(self.frame, tmp_path / "a.csv", "mmi", False, provenance=True))
        made_by = ["commit", "python", "fer_utils", "mediapipe", "tensorflow", "keras", "numpy", "scikit_learn"]
        assert list(table) == ["dataset", "data", "fold", "accuracy", *made_by]
        assert table["numpy"].tolist() == [np.__version__] * 2
        assert table["commit"].notna().all()

    def test_an_old_table_stays_whole_until_the_new_one_is(self, tmp_path):
        class Unwritable:
            def __str__(self):
                raise RuntimeError("no text")

        path = evaluation.write_csv(self.frame, tmp_path / "a.csv", "mmi", False)
        before = path.read_bytes()
        with pytest.raises(RuntimeError, match="no text"):
            evaluation.write_csv(pd.DataFrame({"a": [1, Unwritable()]}), path, "mmi", False)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]

    def test_a_folder_that_is_a_file(self, tmp_path):
        (tmp_path / "taken").write_text("a file")
        with pytest.raises(OutputError, match=r"taken/a\.csv: cannot be written"):
            evaluation.write_csv(self.frame, tmp_path / "taken" / "a.csv", "mmi", False)


class TestCommit:
    def test_outside_a_checkout(self, monkeypatch, tmp_path):
        monkeypatch.setenv("FER_ROOT", str(tmp_path))
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
        assert evaluation.versions()["commit"] == "unknown"

    @pytest.mark.skipif(not shutil.which("git"), reason="needs git")
    def test_changed_files_are_told(self, monkeypatch, tmp_path):
        def git(*arguments):
            who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
            command = ["git", "-C", str(tmp_path), *who, *arguments]
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

        git("init")
        (tmp_path / "file").write_text("one")
        git("add", "file")
        git("commit", "-m", "one")
        monkeypatch.setenv("FER_ROOT", str(tmp_path))
        commit = evaluation.versions()["commit"]
        assert commit == git("rev-parse", "HEAD")[:12]
        (tmp_path / "file").write_text("two")
        assert evaluation.versions()["commit"] == f"{commit}-dirty"


class Oracle:
    """Knows each row by the number in its tensor and names the true emotion, if it was there in training.

    Keeps, fold by fold, the rows that it was fitted, validated and tested with.
    """

    epochs = 3

    def __init__(self, truth):
        self.truth, self.fits, self.folds = truth, 0, []

    def fit(self, x, emotions, validation, on_epoch):
        self.fits += 1
        self.fitted, self.validated = self.numbers(x), self.numbers(validation[0])
        assert emotions.tolist() == self.truth[self.fitted].tolist()
        assert validation[1].tolist() == self.truth[self.validated].tolist()
        self.classes = np.unique(np.concatenate([emotions, validation[1]]))
        for epoch in range(2):  # ends early
            on_epoch(epoch, {"loss": 1.0, "val_loss": 2.0, "val_accuracy": 0.5})
        return {"loss": [0.9, 0.7], "val_loss": [2.0, 1.0]}

    def predict_proba(self, x):
        self.tested = self.numbers(x)
        self.folds.append(copy.copy(self))
        right = self.truth[self.tested][:, None] == self.classes
        return np.where(right, 0.75, 0.25 / len(self.classes))

    @staticmethod
    def numbers(x):
        assert x.shape[1:] == (4, 6)
        return x[:, 0, 0].astype(int)


class TestCrossValidate:
    @staticmethod
    def run(protocol, rare=False, seed=0):
        emotions, subjects = rows()
        emotions = emotions.astype("<U12")
        if rare:
            emotions[3] = "contempt"
        x = np.zeros((len(emotions), 4, 6), np.float32)
        x[:, 0, 0] = np.arange(len(emotions))
        table = FeatureTable(x, emotions, subjects, np.array([f"row {number}" for number in range(len(emotions))]))
        oracle = Oracle(emotions)
        return evaluation.cross_validate(table, oracle, protocol, seed=seed), oracle.folds, table

    @pytest.mark.parametrize("protocol", ["stratified", "grouped"])
    def test_test_rows_reach_neither_fit_nor_validation(self, protocol):
        _, made, table = self.run(protocol)
        assert [oracle.fits for oracle in made] == [1, 2, 3, 4, 5]
        assert sorted(np.concatenate([oracle.tested for oracle in made])) == list(range(len(table)))
        for oracle in made:
            assert sorted([*oracle.fitted, *oracle.validated, *oracle.tested]) == list(range(len(table)))
            subjects = [set(table.subjects[part]) for part in (oracle.fitted, oracle.validated, oracle.tested)]
            assert not subjects[0] & subjects[1]
            if protocol == "grouped":
                assert not (subjects[0] | subjects[1]) & subjects[2]

    @pytest.mark.parametrize("protocol", ["stratified", "grouped"])
    def test_a_row_a_fold(self, protocol):
        outcome, made, table = self.run(protocol)
        assert outcome.folds["fold"].tolist() == [0, 1, 2, 3, 4]
        assert set(zip(outcome.folds["model"], outcome.folds["protocol"], strict=True)) == {("paper", protocol)}
        for part, column in (("fitted", "n_fit"), ("validated", "n_validation"), ("tested", "n_test")):
            assert outcome.folds[column].tolist() == [len(getattr(oracle, part)) for oracle in made]
        tested = [set(table.subjects[oracle.tested]) for oracle in made]
        trained = [set(table.subjects[[*oracle.fitted, *oracle.validated]]) for oracle in made]
        assert outcome.folds["subjects_test"].tolist() == [len(subjects) for subjects in tested]
        assert outcome.folds["subjects_shared"].tolist() == [len(a & b) for a, b in zip(tested, trained, strict=True)]
        assert (outcome.folds["subjects_shared"].sum() > 0) == (protocol == "stratified")
        assert set(outcome.folds["epochs"]) == {2}
        assert set(outcome.folds["accuracy"]) == set(outcome.folds["macro_f1"]) == {1.0}

    def test_a_row_a_sequence_with_its_own_names(self):
        outcome, _, table = self.run("grouped")
        assert sorted(outcome.predictions["id"]) == sorted(table.ids)
        for row in outcome.predictions.itertuples():
            number = int(row.id.removeprefix("row "))
            assert (row.emotion, row.subject) == (table.emotions[number], table.subjects[number])
            assert row.predicted == row.emotion
            assert getattr(row, f"p_{row.emotion}") == 0.75
        assert outcome.predictions.groupby("subject")["fold"].nunique().max() == 1

    def test_a_row_a_fold_and_epoch(self):
        outcome, *_ = self.run("grouped")
        history = outcome.history
        assert list(history) == ["model", "protocol", "fold", "epoch", "loss", "val_loss"]
        assert history[["fold", "epoch"]].to_numpy().tolist() == [
            [fold, epoch] for fold in range(5) for epoch in (1, 2)
        ]
        assert history["val_loss"].tolist() == [2.0, 1.0] * 5

    def test_an_emotion_that_training_lacks_has_probability_zero(self):
        with pytest.warns(UserWarning, match="is trained without contempt"):
            outcome, made, _ = self.run("grouped", rare=True)
        predictions = outcome.predictions.set_index("id")
        row = predictions.loc["row 3"]
        assert (row["emotion"], row["p_contempt"]) == ("contempt", 0)
        assert row["predicted"] != "contempt"
        (fold,) = (number for number, oracle in enumerate(made) if 3 in oracle.tested)
        assert "contempt" not in made[fold].classes
        others = predictions[predictions["fold"] != fold]
        assert (others["p_contempt"] > 0).all()
        assert (others["predicted"] == others["emotion"]).all()
        assert outcome.folds["accuracy"][fold] == pytest.approx(1 - 1 / len(made[fold].tested))

    def test_the_seed_decides(self):
        first, again, other = (self.run("grouped", seed=seed)[0] for seed in (0, 0, 1))
        pd.testing.assert_frame_equal(first.predictions, again.predictions)
        pd.testing.assert_frame_equal(first.folds, again.folds)
        assert first.predictions["id"].tolist() != other.predictions["id"].tolist()

    def test_shows_its_progress(self, capfd):
        self.run("stratified")
        shown = capfd.readouterr().err
        assert "stratified, fold 5 of 5" in shown
        assert "2/3" in shown
        assert "val_accuracy=0.500" in shown


class TestPhaseErrors:
    def test_found_minus_known_in_frames(self):
        curve = np.zeros(9)
        found = {"a": Phases(1, 5, 8, curve), "b": Phases(4, 6, 8, curve)}
        truth = pd.DataFrame(
            {"emotion": ["fear", "anger"], "onset": [2, 1], "apex": [5, 3], "offset": [7, np.nan]}, index=["a", "b"]
        )
        errors = evaluation.phase_errors(found, truth).set_index("id")
        assert errors[["onset_error", "apex_error"]].to_numpy().tolist() == [[-1, 0], [3, 3]]
        assert errors.loc["a", "offset_error"] == 1 and np.isnan(errors.loc["b", "offset_error"])
        assert errors["emotion"].tolist() == ["fear", "anger"]
        summary = evaluation.phase_summary(errors).set_index("phase")
        assert summary["sequences"].tolist() == [2, 2, 1]
        assert summary["median_absolute_error"].tolist() == [2, 1.5, 1]
        assert summary["within_2_frames"].tolist() == [0.5, 0.5, 1.0]
