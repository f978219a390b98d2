"""Folds that do not leak, and the manifest that writes them down and takes them back."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedKFold

from fer_utils.errors import SplitError
from fer_utils.evaluation import splits
from fer_utils.evaluation.splits import Scheme
from fer_utils.features.tensors import FeatureTable


def table_of(emotions, subjects, datasets=None):
    """A table of sequences named 000, 001, …, which pandas would make numbers of."""
    emotions, subjects = np.array(list(emotions), np.str_), np.array(list(subjects), np.str_)
    ids = np.array([f"{number:03d}" for number in range(len(emotions))], np.str_)
    return FeatureTable(np.zeros((len(ids), 4, 6), np.float32), emotions, subjects, ids, datasets=datasets)


def of(table, ids, name="subjects"):
    """The subjects, or what `name` names, of some ids of a table."""
    return getattr(table, name)[np.isin(table.ids, ids)]


def rows(n_subjects=17, seed=0):
    """A table of an unbalanced dataset: subjects show one to six emotions, happiness most often."""
    draw = np.random.default_rng(seed)
    names = np.array(["anger", "disgust", "fear", "happiness", "sadness", "surprise"])
    shown = [
        draw.choice(names, draw.integers(1, 7), replace=False, p=[0.1, 0.1, 0.1, 0.4, 0.1, 0.2])
        for _ in range(n_subjects)
    ]
    emotions = np.concatenate([*shown, np.repeat(["happiness", "surprise"], n_subjects)])
    subjects = [f"toy/s{number}" for number, each in enumerate(shown) for _ in each]
    subjects += [f"toy/s{number}" for number in range(n_subjects)] * 2
    return table_of(emotions, subjects, np.full(len(emotions), "toy"))


class TestMake:
    @pytest.mark.parametrize("protocol", ["stratified", "grouped"])
    @pytest.mark.parametrize("n_folds", [2, 5])
    @pytest.mark.parametrize("seed", [0, 7])
    def test_every_row_is_tested_once_and_trained_on_otherwise(self, protocol, n_folds, seed):
        table = rows()
        folds = splits.make(protocol, table, n_folds, seed)
        assert len(folds) == n_folds
        assert sorted(np.concatenate([split.test for split in folds])) == table.ids.tolist()
        for split in folds:
            assert (split.protocol, split.seed, split.source, split.target) == (protocol, seed, "toy", "toy")
            assert sorted([*split.fit, *split.validation, *split.test]) == table.ids.tolist()
            assert not set(of(table, split.fit)) & set(of(table, split.validation))

    def test_grouped_folds_share_no_subject_and_stratified_ones_do(self):
        table = rows()
        shared = {
            protocol: [
                len(set(of(table, split.train)) & set(of(table, split.test))) for split in splits.make(protocol, table)
            ]
            for protocol in splits.PROTOCOLS
        }
        assert shared["grouped"] == [0] * 5
        assert shared["leave-one-subject-out"] == [0] * 17
        assert min(shared["stratified"]) > 0

    def test_stratified_folds_keep_the_shares_of_the_emotions(self):
        table = rows(40)
        for test in (of(table, split.test, "emotions") for split in splits.make("stratified", table)):
            for name in set(table.emotions):
                assert abs((test == name).sum() - (table.emotions == name).sum() / 5) < 1

    def test_grouped_folds_keep_the_shares_as_well_as_subjects_allow(self):
        table = rows(40)
        for test in (of(table, split.test, "emotions") for split in splits.make("grouped", table)):
            assert abs(np.mean(test == "happiness") - np.mean(table.emotions == "happiness")) < 0.1
            assert 0.1 < len(test) / len(table) < 0.3

    @pytest.mark.parametrize("protocol", ["stratified", "grouped"])
    def test_the_seed_decides(self, protocol):
        def tests(seed):
            return [sorted(split.test) for split in splits.make(protocol, rows(), seed=seed)]

        assert tests(3) == tests(3)
        assert tests(3) != tests(4)

    @pytest.mark.parametrize("protocol", splits.PROTOCOLS)
    def test_a_fold_that_trains_without_an_emotion_says_so(self, protocol):
        table = rows()
        table.emotions[3] = "contempt"
        folds = splits.make(protocol, table)
        assert [split.untrained for split in folds] == ["contempt" if "003" in split.test else "" for split in folds]

    def test_it_is_printed_too(self, capsys):
        table = rows()
        table.emotions[3] = "contempt"
        splits.possible(table, [Scheme("grouped", 7)])
        said = "grouped, seed 7: 1 of 5 folds are tested on an emotion that they are not trained on: contempt\n"
        assert capsys.readouterr().out == said

    def test_each_person_is_a_fold_of_their_own(self):
        table = rows()
        folds = splits.make("leave-one-subject-out", table, n_folds=5)
        assert [set(of(table, split.test)) for split in folds] == [{name} for name in np.unique(table.subjects)]

    @pytest.mark.filterwarnings("ignore:The groups parameter is ignored")
    def test_a_splitter_that_leaks_is_found_out(self, monkeypatch):
        monkeypatch.setattr(splits, "StratifiedGroupKFold", StratifiedKFold)  # pays no heed to groups
        with pytest.raises(SplitError, match="on both sides of the split: toy/s"):
            splits.make("grouped", rows())
        with pytest.raises(SplitError, match="on both sides of the split: toy/s"):
            splits.validation_split(rows().emotions, rows().subjects)

    @pytest.mark.parametrize(
        ("protocol", "emotions", "subjects", "n_folds", "message"),
        [
            (
                "leave-one-out",
                "aabb" * 5,
                "abcdefghij" * 2,
                5,
                "protocol 'leave-one-out' is unknown: choose one of stratified, grouped, leave",
            ),
            ("grouped", "ab" * 10, "wxyz" * 5, 5, "4 subjects cannot be split into 5 folds"),
            ("stratified", "ab" * 2, "wxyz", 5, "4 sequences cannot be split into 5 folds"),
            ("stratified", "", "", 5, "0 sequences cannot be split into 5 folds"),
            ("grouped", "", "", 5, "0 subjects cannot be split into 5 folds"),
            ("grouped", "a" * 10, "abcdefghij", 5, r"only one emotion \(a\) is there: nothing to tell apart"),
            ("stratified", "a" * 10, "abcdefghij", 5, r"only one emotion \(a\) is there"),
            ("stratified", "aabbccdd", "abcdefgh", 5, "no emotion has 5 sequences"),
            ("grouped", "aabbccdd", "abcdefgh", 5, "no emotion has 5 sequences"),
            ("grouped", "aabbccdd", "abcdefgh", 1, "1 folds leave nothing to train on"),
            ("leave-one-subject-out", "abab", "wwww", 5, "1 subjects cannot be split into 2 folds"),
            (
                "leave-one-subject-out",
                "abab",
                "wwzz",
                5,
                r"fold 0 \(leave-one-subject-out\): a single subject cannot be",
            ),
        ],
    )
    def test_data_that_cannot_be_split(self, protocol, emotions, subjects, n_folds, message):
        with pytest.raises(SplitError, match=message) as raised:
            splits.make(protocol, table_of(emotions, subjects), n_folds)
        assert "\n" not in str(raised.value)


class TestInner:
    @pytest.mark.parametrize("seed", range(4))
    def test_a_fifth_of_the_subjects_validates_and_the_rest_is_fitted(self, seed):
        emotions, subjects = rows(20).emotions, rows(20).subjects
        fit, validation = splits.validation_split(emotions, subjects, seed)
        assert sorted([*fit, *validation]) == list(range(len(emotions)))
        assert not set(subjects[fit]) & set(subjects[validation])
        assert 3 <= len(set(subjects[validation])) <= 5

    def test_two_subjects_are_enough(self):
        subjects = np.array(list("xxxyy"))
        fit, validation = splits.validation_split(np.array(list("abcab")), subjects)
        assert {frozenset(subjects[fit]), frozenset(subjects[validation])} == {frozenset("x"), frozenset("y")}

    def test_few_sequences_of_each_emotion(self):
        fit, validation = splits.validation_split(np.array(list("aabbcc")), np.array(list("uvwxyz")))
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
            splits.validation_split(np.array(list(emotions)), np.array(list(subjects)))


def test_a_planted_subject_is_named():
    splits.check_disjoint(["s1", "s3", "s1"], ["s2", "s4", "s2"])
    with pytest.raises(SplitError, match=r"^on both sides of the split: s1, s2$"):
        splits.check_disjoint(["s1", "s2", "s3"], ["s1", "s4", "s2"])


class TestTransfer:
    """Two sets that film the same ten people, and one of others."""

    table = table_of(
        [("anger", "fear", "surprise")[n // 10 % 3] for n in range(168)],
        [f"p{n % 10}" for n in range(60)] * 2 + [f"q{n % 8}" for n in range(48)],
        np.repeat(["vis", "nir", "other"], [60, 60, 48]),
    )

    def test_strangers_are_one_fold(self):
        (split,) = splits.transfer(self.table, ("vis",), ("other",))
        assert (split.source, split.target, split.protocol, split.fold) == ("vis", "other", "cross-dataset", 0)
        assert set(of(self.table, split.train, "datasets")) == {"vis"} and len(split.train) == 60
        assert sorted(split.test) == self.table.ids[120:].tolist()

    def test_people_of_both_sets_are_never_on_both_sides(self):
        folds = splits.transfer(self.table, ("vis",), ("nir",))
        assert sorted(np.concatenate([split.test for split in folds])) == self.table.ids[60:120].tolist()
        everyone = set(self.table.subjects[:60])
        for split in folds:
            assert (split.source, split.target, split.protocol) == ("vis", "nir", "grouped")
            assert set(of(self.table, split.train, "datasets")) == {"vis"}
            assert set(of(self.table, split.train)) == everyone - set(of(self.table, split.test))

    def test_a_set_against_itself(self):
        for split in splits.transfer(self.table, ("vis",), ("vis",)):
            assert sorted([*split.train, *split.test]) == self.table.ids[:60].tolist()
            assert not set(of(self.table, split.train)) & set(of(self.table, split.test))

    def test_several_sets_have_one_name_whatever_their_order(self):
        for source in (("vis", "nir"), ("nir", "vis")):
            (split,) = splits.transfer(self.table, source, ("other",))
            assert (split.source, len(split.train)) == ("nir+vis", 120)

    def test_nothing_to_train_on(self):
        with pytest.raises(SplitError, match="0 rows to train on and 60 to test on"):
            splits.transfer(self.table, (), ("vis",))


class TestManifest:
    @pytest.fixture
    def made(self):
        return rows()

    @pytest.mark.parametrize("protocol", splits.PROTOCOLS)
    def test_comes_back_as_it_was(self, tmp_path, made, protocol):
        folds = splits.make(protocol, made, seed=3)
        splits.manifest({Scheme(protocol, 3): folds}, made).to_csv(tmp_path / "a.csv", index=False)
        again = splits.read_manifest(tmp_path / "a.csv", made)
        assert [(s.protocol, s.seed, s.fold, s.untrained) for s in again] == [
            (protocol, 3, number, "") for number in range(len(folds))
        ]
        for one, other in zip(folds, again, strict=True):
            assert (one.source, one.target) == (other.source, other.target) == ("toy", "toy")
            for part in splits.PARTS:
                assert getattr(one, part).tolist() == getattr(other, part).tolist()

    def change(self, tmp_path, made, protocol, edit):
        frame = splits.manifest({Scheme(protocol): splits.make(protocol, made)}, made)
        edit(frame).to_csv(tmp_path / "a.csv", index=False)
        return splits.read_manifest(tmp_path / "a.csv", made)

    def plant(self, frame):
        """One sequence of a subject who is tested in fold 0, moved to its training part."""
        tested = frame[(frame["fold"] == 0) & (frame["part"] == "test")]
        name = tested["subject"].value_counts().index[0]
        row = tested.index[tested["subject"] == name][0]
        frame.loc[row, "part"] = "fit"
        return frame

    def test_a_planted_subject_raises(self, tmp_path, made):
        message = r"a\.csv: fold 0 \(grouped, seed 0\): on both sides of the split: toy/s\d+$"
        with pytest.raises(SplitError, match=message):
            self.change(tmp_path, made, "grouped", self.plant)

    @pytest.mark.parametrize("name", ["grouped-stratified", "unstratified", "mine"])
    def test_a_planted_subject_raises_whatever_the_folds_are_called(self, tmp_path, made, name):
        with pytest.raises(SplitError, match="on both sides of the split"):
            self.change(tmp_path, made, "grouped", lambda frame: self.plant(frame).assign(protocol=name))

    def test_stratified_folds_may_share_people(self, tmp_path, made):
        assert len(self.change(tmp_path, made, "stratified", lambda frame: frame)) == 5

    @pytest.mark.parametrize(
        ("edit", "message"),
        [
            (lambda f: f.drop(columns="part"), "no split manifest, it lacks part"),
            (lambda f: f.assign(part="train"), "part 'train' is none of fit, validation, test"),
            (lambda f: f.assign(id="new"), "1 ids are not in the data, the first is new"),
            (
                lambda f: pd.concat([f, f[f["fold"] == 4].assign(fold=5)]),
                r"\d+ is tested in more than one fold \(grouped\): it would count twice",
            ),
            (lambda f: pd.concat([f, f.tail(1)]), r"fold 4 \(grouped, seed 0\): \d+ is there twice"),
            (
                lambda f: f[(f["part"] != "validation") | (f["fold"] != 1)],
                r"fold 1 \(grouped, seed 0\): nothing in val",
            ),
        ],
    )
    def test_what_is_wrong_is_named(self, tmp_path, made, edit, message):
        with pytest.raises(SplitError, match=rf"a\.csv: {message}"):
            self.change(tmp_path, made, "grouped", edit)

    def test_no_manifest_at_all(self, tmp_path, made):
        (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00nothing")
        for name in ("a.csv", "b.csv"):
            with pytest.raises(SplitError, match=name):
                splits.read_manifest(tmp_path / name, made)

    def test_a_dataset_takes_its_folds_from_a_manifest_and_says_so(self, tmp_path, made, capsys):
        own, _ = splits.for_dataset(made, n_folds=3, seed=2)
        stratified, grouped = Scheme("stratified", 2), Scheme("grouped", 2)
        assert {scheme: len(folds) for scheme, folds in own.items()} == {stratified: 3, grouped: 3}
        splits.manifest({grouped: own[grouped]}, made).to_csv(tmp_path / "a.csv", index=False)
        given, reasons = splits.for_dataset(made, str(tmp_path / "a.csv"), n_folds=5, seed=0, seeds=4)
        assert "a.csv: its folds are used, not `folds`, `seed` and `seeds`: grouped, seed 2, 3 folds\n" in (
            capsys.readouterr().out
        )
        assert reasons == {} and list(given) == [grouped]
        assert [split.test.tolist() for split in given[grouped]] == [split.test.tolist() for split in own[grouped]]

    def test_several_seeds_have_folds_of_their_own(self, made):
        several, _ = splits.for_dataset(made, n_folds=3, seed=2, seeds=2)
        names = [(name, seed) for seed in (2, 3) for name in ("stratified", "grouped")]
        assert list(several) == [Scheme(*name) for name in names]
        one, other = (set(several[Scheme("stratified", seed)][0].test) for seed in (2, 3))
        assert one != other and one == set(
            splits.for_dataset(made, n_folds=3, seed=2)[0][Scheme("stratified", 2)][0].test
        )


def test_two_people_leave_the_protocol_that_needs_more_and_the_other_goes_on(capsys):
    subjects = np.repeat(["s1", "s2"], 10)
    table = table_of(np.resize(["anger", "fear"], 20), subjects)
    made, reasons = splits.for_dataset(table)
    assert list(made) == [Scheme("stratified")] and list(reasons) == [Scheme("grouped")]
    said = capsys.readouterr().out
    assert said == (
        "grouped, seed 0: left out: 2 subjects cannot be split into 5 folds: give more data or fewer folds\n"
    )
    table = table_of(np.full(20, "anger"), subjects)
    with pytest.raises(SplitError, match=r"only one emotion \(anger\) is there: nothing to tell apart"):
        splits.for_dataset(table)
