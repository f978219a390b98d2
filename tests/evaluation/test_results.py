"""Tables cut out of small summaries made by hand: the right rows, and no others."""

import numpy as np
import pandas as pd
import pytest

from fer_utils.errors import UserError
from fer_utils.evaluation import metrics, results, tables
from fer_utils.evaluation.cross_validation import BASE
from fer_utils.features import phases, tensors
from fer_utils.features.tensors import FeatureTable

RISE = 1 / (1 + np.exp(-np.linspace(-4, 5, 12)))
REST = {name: 0.5 for name in tables.SHOWN}


def row(accuracy, model="compact", variant=BASE, tested=None, protocol="grouped", select_on="validation", **columns):
    """One row of a summary; the interval is 0.1 to each side."""
    key = {"model": model, "variant": variant, "tested": tested or variant, "source": "toy", "target": "toy"}
    key |= {"protocol": protocol, "select_on": select_on}
    found = {"accuracy": accuracy, "accuracy_low": accuracy - 0.1, "accuracy_high": accuracy + 0.1}
    return {**key, **REST, **found, "sequences": 20, "seeds": 1, **columns}


def predicted(answers, model="compact", seed=0, folds="00001111", **columns):
    """Predictions for eight sequences of four people, all of them angry; an answer a letter."""
    key = {"model": model, "variant": BASE, "tested": BASE, "source": "toy", "target": "toy", "protocol": "grouped"}
    key["select_on"] = "validation"
    return pd.DataFrame(
        {
            **key,
            "seed": seed,
            "fold": [int(fold) for fold in folds],
            "id": [f"s{number // 2}/{number}" for number in range(8)],
            "subject": [f"s{number // 2}" for number in range(8)],
            "emotion": "a",
            "predicted": list(answers),
            **columns,
        }
    )


class TestSequences:
    @pytest.fixture
    def dataset(self, make_sequence, make_track):
        """Five sequences of three emotions; the first of anger is too short, the one of fear has no track."""
        sequences = [
            make_sequence("hidden", "anger"),
            make_sequence("s", "sadness"),
            make_sequence("a", "anger", apex="inside"),
            make_sequence("a later", "anger"),
            make_sequence("no track", "fear"),
        ]
        tracks = {
            "hidden": make_track([0, 1]),
            "s": make_track(RISE, seed=2, missing=[4]),
            "a": make_track(np.concatenate([RISE, RISE[::-1]]), seed=3),
            "a later": make_track(RISE, seed=4),
        }
        return sequences, tracks

    def test_the_first_usable_one_of_each_emotion_in_order(self, dataset):
        found = tensors.one_of_each(*dataset)
        assert [sequence.id for sequence, _ in found] == ["a", "s"]
        tracks = dataset[1]
        for (_, made), (name, apex) in zip(found, (("a", "inside"), ("s", "last")), strict=True):
            np.testing.assert_array_equal(made.tensor, tensors.sequence_features(tracks[name], apex).tensor)

    def test_curves_have_a_row_a_frame(self, dataset):
        table = results.curves(*dataset)
        assert table["id"].tolist() == ["a"] * 24 + ["s"] * 12
        assert table["emotion"].tolist() == ["anger"] * 24 + ["sadness"] * 12
        for name, apex in (("a", "inside"), ("s", "last")):
            rows, track = table[table["id"] == name].reset_index(drop=True), dataset[1][name]
            made = tensors.sequence_features(track, apex)
            assert rows["time"].tolist() == track.times.tolist()
            np.testing.assert_array_equal(rows["intensity"], made.phases.intensity)
            assert rows.index[rows["key_frame"]].tolist() == made.key_frames.tolist()
            phases = {"onset": made.phases.onset, "apex": made.phases.apex}
            if apex == "inside":
                phases["offset"] = made.phases.offset
            assert {phase: frame for frame, phase in enumerate(rows["phase"]) if phase} == phases
            assert phases["onset"] < phases["apex"] < phases.get("offset", 99)

    def test_the_opening_of_the_mouth_is_between_the_inner_lips(self, make_sequence, make_track):
        track = make_track(np.zeros(6))
        track.points[:, 13, :2] = 300, 300
        track.points[:, 14, 0] = 300
        track.points[:, 14, 1] = 300 + np.array([0, 3, 6, 12, 30, 60])
        across = np.hypot(59, 11)
        found = results.curves([make_sequence("a")], {"a": track})
        assert found["mouth_opening"].tolist() == pytest.approx(np.array([0, 3, 6, 12, 30, 60]) / across, abs=1e-5)

    @pytest.mark.parametrize("make", [tensors.one_of_each, results.curves])
    def test_no_face_anywhere(self, make_sequence, make_track, make):
        with pytest.raises(UserError, match="no sequence gives features"):
            make([make_sequence("a")], {"a": make_track(RISE, missing=range(12))})
        with pytest.raises(UserError, match="no sequence gives features"):
            make([make_sequence("a")], {})

    def test_coverage_of_the_variants(self):
        empty = np.array([], np.str_)
        fades = {name: phases.Phases(0, 2, 2, np.array([0, 1, last])) for name, last in (("c", 0.5), ("d", 0.9))}
        table = FeatureTable(np.zeros((3, 4, 6)), empty, empty, empty, {"a": "why", "b": "why"}, fades)
        found = results.coverage({BASE: table, "angles only": FeatureTable(np.zeros((2, 4, 3)), empty, empty, empty)})
        assert found.to_numpy().tolist() == [["61 landmarks", 3, 2, 1], ["angles only", 2, 0, 0]]
        assert list(found) == ["variant", "sequences", "refused", "low_apex"]


class TestModels:
    def summary(self):
        return pd.DataFrame(
            [
                row(0.8),
                row(0.7, model="svm"),
                row(0.9, model="gram", variant="trajectory"),
                row(0.99, protocol="stratified"),
                row(0.98, select_on="test"),
                row(0.97, variant="angles only"),
                row(0.96, tested="20% of the way"),
            ]
        )

    def paper(self, tmp_path, *rows):
        tables.save(tmp_path, "mmi", False, {"summary": pd.DataFrame(rows)})
        return tmp_path, "mmi"

    def test_folds_of_people_and_whole_sequences_only_the_best_first(self, tmp_path):
        found = results.models(self.summary(), tmp_path, "mmi")
        assert found["model"].tolist() == ["gram", "compact", "svm"]
        assert found["accuracy"].tolist() == [0.9, 0.8, 0.7]
        assert found["accuracy_low"].tolist() == pytest.approx([0.8, 0.7, 0.6])
        assert list(found) == ["model", *tables.SHOWN]

    def test_the_papers_network_comes_from_notebook_03(self, tmp_path):
        rows = row(0.75, model="paper"), row(0.95, model="paper", protocol="stratified")
        found = results.models(self.summary(), *self.paper(tmp_path, *rows))
        assert found[["model", "accuracy"]].to_numpy().tolist() == [
            ["gram", 0.9],
            ["compact", 0.8],
            ["paper", 0.75],
            ["svm", 0.7],
        ]

    def test_a_model_that_both_notebooks_trained_is_shown_once(self, tmp_path):
        found = results.models(self.summary(), *self.paper(tmp_path, row(0.1, model="compact")))
        assert found["accuracy"].tolist() == [0.9, 0.8, 0.7]

    @pytest.mark.parametrize("column", ["variant", "protocol", "macro_f1_low"])
    def test_an_older_summary_is_named_and_the_others_go_on(self, tmp_path, capsys, column):
        older = pd.DataFrame([row(0.9, model="paper")]).drop(columns=column)
        tables.save(tmp_path, "mmi", False, {"summary": older})
        assert results.models(self.summary(), tmp_path, "mmi")["model"].tolist() == ["gram", "compact", "svm"]
        assert "mmi/summary.csv: written by an older version (no column " in capsys.readouterr().out

    def test_no_folds_of_people_could_be_made(self, tmp_path):
        found = results.models(pd.DataFrame([row(0.9, protocol="stratified")]), tmp_path, "mmi")
        assert found.empty and list(found) == ["model", *tables.SHOWN]


class TestPairs:
    def test_the_network_and_the_papers_against_every_other_once(self, tmp_path):
        mine = pd.concat([predicted("aaaaaaab"), predicted("aaaabbbb", model="svm")])
        tables.save(tmp_path, "mmi", False, {"predictions": predicted("aaaaaabb", model="paper")})
        found = results.pairs(mine, tmp_path, "mmi", "compact")
        assert found[["model", "against", "difference"]].to_numpy().tolist() == [
            ["compact", "svm", 0.375],  # 7 and 4 of 8
            ["compact", "paper", 0.125],
            ["paper", "svm", 0.25],
        ]
        assert found["sequences"].tolist() == [8, 8, 8]

    def test_where_the_network_is_the_papers_there_is_one_row_a_model(self, tmp_path):
        mine = pd.concat([predicted("aaaaaaab", model="paper"), predicted("aaaabbbb", model="svm")])
        tables.save(tmp_path, "mmi", False, {"predictions": predicted("bbbbbbbb", model="paper")})
        found = results.pairs(mine, tmp_path, "mmi", "paper")
        assert found[["model", "against", "difference"]].to_numpy().tolist() == [["paper", "svm", 0.375]]

    def test_other_protocols_variants_and_choices_of_the_epoch_take_no_part(self, tmp_path):
        wrong = [
            predicted("bbbbbbbb", protocol="stratified"),
            predicted("bbbbbbbb", select_on="test"),
            predicted("bbbbbbbb", tested="20% of the way"),
            predicted("bbbbbbbb", variant="angles only", tested="angles only"),
        ]
        paths = predicted("aaaaaabb", model="gram", variant="trajectory", tested="trajectory")
        mine = pd.concat([predicted("aaaaaaab"), *wrong, paths])
        found = results.pairs(mine, tmp_path, "mmi", "compact")
        assert found[["model", "against", "difference"]].to_numpy().tolist() == [["compact", "gram", 0.125]]

    def test_other_folds_give_a_note_instead_of_a_number(self, tmp_path):
        mine = pd.concat([predicted("aaaaaaab"), predicted("aaaabbbb", model="svm", folds="11110000")])
        found = results.pairs(mine, tmp_path, "mmi", "compact")
        assert found[["model", "against"]].to_numpy().tolist() == [["compact", "svm"]]
        assert found["note"].iloc[0].startswith("not the same folds")
        assert "difference" not in found

    def test_older_predictions_are_named_and_the_others_go_on(self, tmp_path, capsys):
        mine = pd.concat([predicted("aaaaaaab"), predicted("aaaabbbb", model="svm")])
        older = predicted("aaaaaabb", model="paper").drop(columns="seed")
        tables.save(tmp_path, "mmi", False, {"predictions": older})
        assert results.pairs(mine, tmp_path, "mmi", "compact")["against"].tolist() == ["svm"]
        path = tmp_path / "tables/mmi/predictions.csv"
        said = f"{path}: written by an older version (no column seed); run its notebook again\n"
        assert capsys.readouterr().out == said

    def test_one_model_alone_has_no_pairs(self, tmp_path):
        assert results.pairs(predicted("aaaaaaab"), tmp_path, "mmi", "compact").empty


class TestHelped:
    datasets = ("ckplus", "mmi")

    def write(self, out, answers):
        """Predictions of both datasets; the people of one are not those of the other."""
        for name in self.datasets:
            frames = [predicted(*each[:2], **each[2]) for each in answers]
            frames = [frame.assign(subject=name + frame["subject"]) for frame in frames]
            tables.save(out, name, name == "mmi", {"open_predictions": pd.concat(frames)})
            paper = predicted("aaaaaaaa", model="paper")
            tables.save(out, name, name == "mmi", {"predictions": paper.assign(subject=name + paper["subject"])})

    def test_each_is_compared_with_what_it_replaces_on_all_datasets(self, tmp_path):
        same = {"variant": "8 views", "tested": "8 views"}
        self.write(
            tmp_path,
            [
                ("bbbbbbbb", "compact", {}),
                ("aaaaaabb", "compact", same),
                ("aaaaaaab", "logistic", {}),
                ("aaaaaaaa", "logistic + actors", {}),
                ("aaaaaaaa", "gram", {"variant": "trajectory", "tested": "trajectory"}),
                ("aaaaaaaa", "compact", {"variant": BASE, "tested": "20% of the way"}),
                ("bbbbbbbb", "majority", {}),
                ("aaaaaaaa", "human units", {"variant": "action units", "tested": "action units"}),
            ],
        )
        found = results.helped(tmp_path, self.datasets)
        rows = found[["differs", "model", "variant", "against", "difference", "verdict"]].to_numpy().tolist()
        assert rows == [
            ["model", "gram", "trajectory", "paper", 0.0, "no clear difference"],
            ["model", "logistic + actors", BASE, "paper", 0.0, "no clear difference"],
            ["model", "logistic", BASE, "paper", -0.125, "no clear difference"],
            ["model", "compact", BASE, "paper", -1.0, "worse"],
            ["features", "compact", "8 views", BASE, 0.75, "better"],
            ["actors", "logistic + actors", BASE, "logistic", 0.125, "no clear difference"],
        ]
        assert found["sequences"].tolist() == [16] * 6
        # eight people with one answer each way: 2 of 2 ** 8 exchanges are as large
        assert found["p"][3] == pytest.approx(2 / 256, rel=0.3)

    def test_what_cannot_be_compared_says_why(self, tmp_path):
        self.write(tmp_path, [("aaaaaaaa", "compact", {}), ("aaaaaaaa", "svm", {"folds": "11110000"})])
        found = results.helped(tmp_path, (*self.datasets, "oulu_vis")).set_index("model")
        assert found["verdict"]["compact"] == "no clear difference"
        assert found["verdict"]["svm"].startswith("not the same folds") and np.isnan(found["difference"]["svm"])

    def test_nothing_was_asked(self, tmp_path):
        assert results.helped(tmp_path, self.datasets).empty


def test_leakage_by_folds_and_by_the_rows_that_choose_the_epoch():
    summary = pd.DataFrame(
        [
            row(0.8),
            row(0.85, protocol="stratified"),
            row(0.9, select_on="test"),
            row(0.75, protocol="leave-one-subject-out"),
            row(0.1, model="svm"),
            row(0.2, variant="angles only"),
            row(0.3, tested="20% of the way"),
        ]
    )
    found = results.leakage(summary, "compact")
    assert found[["protocol", "select_on", "accuracy"]].to_numpy().tolist() == [
        ["grouped", "validation", 0.8],
        ["stratified", "validation", 0.85],
        ["grouped", "test", 0.9],
        ["leave-one-subject-out", "validation", 0.75],
    ]
    assert list(found) == ["protocol", "select_on", *tables.SHOWN]


def test_folds_of_sequences_are_compared_with_folds_of_people():
    """Over four people who are all a little better if they are in training too: of 16 exchanges, two are as large."""
    found = results.protocols(
        pd.concat(
            [
                predicted("aabaabaa"),
                predicted("aaaaaaaa", protocol="stratified", folds="01010101"),
                predicted("bbbbbbbb", select_on="test"),
                predicted("bbbbbbbb", variant="angles only", tested="angles only", protocol="stratified"),
                predicted("bbbbbbbb", model="svm", protocol="stratified"),  # which has no folds of people
            ]
        )
    )
    assert found[["model", "protocol", "select_on", "against", "difference"]].to_numpy().tolist() == [
        ["compact", "stratified", "validation", "grouped", 0.25],
        ["compact", "grouped", "test", "grouped", -0.75],
    ]
    assert found["p"].iloc[1] == pytest.approx(2 / 16, abs=0.02) and found["sequences"].tolist() == [8, 8]


class TestOverview:
    def cost(self, model, weights, seconds, **columns):
        key = {"variant": BASE, "protocol": "grouped", "select_on": "validation"} | columns
        return {"model": model, **key, "weights": weights, "seconds": seconds}

    def test_all_about_models_in_one_table(self, tmp_path):
        models = pd.DataFrame([row(0.8), row(0.75, model="paper"), row(0.7, model="svm"), row(0.6, model="by units")])
        pair = {"difference_low": -0.1, "difference_high": 0.2, "p": 0.5}
        pairs = pd.DataFrame(
            [
                {"model": "compact", "against": "svm", "difference": 0.1, **pair},
                {"model": "compact", "against": "paper", "difference": 0.05, **pair},
                {"model": "paper", "against": "svm", "difference": 0.05, **pair, "p": 0.25},
            ]
        )
        costs = [self.cost("compact", 200, seconds) for seconds in (1, 2, 9)]
        costs += [self.cost("compact", 300, 99, variant="angles only"), self.cost("compact", 200, 99, protocol="x")]
        costs += [
            self.cost("svm", 39, 0.5),
            self.cost("svm", 40, 0.5),
            {"model": "by units", "weights": 7, "seconds": 0.1},
        ]
        of_03 = [self.cost("paper", 5000, 60), self.cost("paper", 5000, 90, protocol="stratified")]
        of_03 = pd.DataFrame(of_03).assign(tested=BASE, source="mmi", target="mmi")
        tables.save(tmp_path, "mmi", False, {"costs": of_03})
        found = results.overview(models, pairs, pd.DataFrame(costs), tmp_path, "mmi").set_index("model")
        assert found["weights"].to_dict() == {"compact": 200, "paper": 5000, "svm": 40, "by units": 7}
        assert found["seconds"].to_dict() == {"compact": 2, "paper": 60, "svm": 0.5, "by units": 0.1}
        shown = found[["difference", "difference_low", "difference_high", "p"]]
        assert shown.loc["compact"].tolist() == [0.05, -0.1, 0.2, 0.5]  # minus the paper's network
        assert shown.loc["svm"].tolist() == [-0.05, -0.2, 0.1, 0.25]  # turned round
        assert shown.loc[["paper", "by units"]].isna().all(axis=None)
        assert set(found["compared_with"].dropna()) == {"paper"}

    def test_no_pairs(self, tmp_path):
        costs = pd.DataFrame([self.cost("compact", 200, 1)])
        found = results.overview(pd.DataFrame([row(0.8)]), pd.DataFrame(), costs, tmp_path, "mmi")
        assert found[["weights", "seconds"]].to_numpy().tolist() == [[200, 1]] and "p" not in found


def test_ablations_are_trained_and_tested_with_the_same_features_and_have_one_seed():
    def rows(hits, **values):
        key = ("compact", *2 * (BASE,), *2 * ("toy",), "grouped", "validation")
        named = dict(zip(metrics.KEYS, key, strict=True)) | values
        named = {"seed": 0, **named} | ({"tested": named["variant"]} if "tested" not in values else {})
        people = [{"id": f"r{n}", "subject": f"s{n // 2}", "emotion": "fear"} for n in range(10)]
        return [named | row | {"predicted": "fear" if n < hits else "anger"} for n, row in enumerate(people)]

    predictions = pd.DataFrame(
        [
            *rows(8),
            *rows(1, seed=1),
            *rows(6, variant="122 landmarks"),
            *rows(7, variant="angles only"),
            *rows(1, model="svm"),
            *rows(2, protocol="stratified"),
            *rows(3, tested="20% of the way"),
            *rows(4, select_on="test"),
        ]
    )
    found = results.ablations(predictions, "compact")
    assert found[["variant", "accuracy", "seeds", "sequences"]].to_numpy().tolist() == [
        ["61 landmarks", 0.8, 1, 10],
        ["angles only", 0.7, 1, 10],
        ["122 landmarks", 0.6, 1, 10],
    ]
    assert list(found) == ["variant", *tables.SHOWN]


class TestConditions:
    def test_every_kind_starts_at_what_the_model_was_trained_with(self):
        summary = pd.DataFrame(
            [
                row(0.8),
                row(0.5, tested="40% of the way"),
                row(0.3, tested="20% of the way"),
                row(0.6, tested="8 x jitter"),
                row(0.7, tested="2 x jitter"),
                row(0.1, model="svm", tested="20% of the way"),
                row(0.2, variant="angles only"),
                row(0.2, variant="angles only", tested="20% of the way"),
                row(0.9, select_on="test"),
                row(0.95, protocol="stratified"),
            ]
        )
        found = results.conditions(summary, "compact")
        assert found[["kind", "amount", "accuracy"]].to_numpy().tolist() == [
            ["share of the way seen", 0.2, 0.3],
            ["share of the way seen", 0.4, 0.5],
            ["share of the way seen", 1.0, 0.8],
            ["times the detector jitter (added noise)", 0.0, 0.8],
            ["times the detector jitter (added noise)", 2.0, 0.7],
            ["times the detector jitter (added noise)", 8.0, 0.6],
        ]
        assert found["accuracy_high"].tolist() == pytest.approx([0.4, 0.6, 0.9, 0.9, 0.8, 0.7])

    def test_a_kind_that_was_not_asked_about_is_left_out(self):
        found = results.conditions(pd.DataFrame([row(0.8), row(0.7, tested="2 x jitter")]), "compact")
        assert found[["kind", "amount"]].to_numpy().tolist() == [
            ["times the detector jitter (added noise)", 0],
            ["times the detector jitter (added noise)", 2],
        ]

    @pytest.mark.parametrize("rows", [[row(0.8)], [row(0.8, model="svm")]])
    def test_none_was_asked_about(self, rows):
        found = results.conditions(pd.DataFrame(rows), "compact")
        assert len(found) == 0
        assert list(found) == ["kind", "amount", *tables.SHOWN]


class TestImportance:
    def test_the_mean_the_spread_and_how_often_anything_was_lost(self):
        found = pd.DataFrame(
            {
                "values": ["distances", "angles", "distances", "angles", "distances", "distances"],
                "regions": ["nose", "nose", "nose", "nose", "mouth", "mouth"],
                "n_features": [45, 45, 45, 45, 120, 120],
                "lost": [0.1, 0.0, 0.3, -0.2, 0.5, 0.0],
            }
        )
        table = results.importance(found)
        assert table[["values", "regions", "n_features"]].to_numpy().tolist() == [
            ["distances", "mouth", 120],
            ["distances", "nose", 45],
            ["angles", "nose", 45],
        ]
        assert table["lost"].tolist() == pytest.approx([0.25, 0.2, -0.1])
        assert table["sd"].tolist() == pytest.approx([0.125**0.5, 0.02**0.5, 0.02**0.5])  # of n − 1
        assert table["stable"].tolist() == [0.5, 1, 0]
        assert table["folds"].tolist() == [2, 2, 2]

    def test_none_was_asked_about(self, tmp_path):
        table = results.importance(pd.DataFrame())
        assert list(table) == ["values", "regions", "n_features", "lost", "sd", "stable", "folds"]
        tables.save(tmp_path, "mmi", True, {"open_importance": table})
        assert tables.read(tmp_path, "open_importance", "mmi").empty


def test_the_network_that_was_asked_is_the_first_that_is_no_baseline():
    assert results.studied_network(pd.DataFrame([row(0.9, model="svm"), row(0.5, model="paper")])) == "paper"


def test_landmark_sets_are_of_the_models_that_were_tried_with_several():
    found = pd.DataFrame(
        [
            {
                **dict(
                    zip(metrics.KEYS, (model, variant, variant, "toy", "toy", "grouped", "validation"), strict=True)
                ),
                **{"seed": seed, "id": name, "subject": name, "emotion": "fear"},
                "predicted": "fear" if right else "anger",
            }
            for model, variant, seed, rights in (
                ("compact", "61 landmarks", 0, (1, 1)),
                ("compact", "61 landmarks", 1, (0, 0)),  # another seed does not count
                ("compact", "250 landmarks", 0, (0, 0)),
                ("mlp", "61 landmarks", 0, (1, 1)),
                ("svm", "61 landmarks", 0, (1, 0)),
                ("svm", "122 landmarks", 0, (1, 1)),
            )
            for name, right in zip("ab", rights, strict=True)
        ]
    )
    table = results.landmark_sets(found)
    assert table[["model", "variant", "accuracy"]].to_numpy().tolist() == [
        ["compact", "61 landmarks", 1.0],
        ["compact", "250 landmarks", 0.0],
        ["svm", "61 landmarks", 0.5],
        ["svm", "122 landmarks", 1.0],
    ]


class TestAcrossDatasets:
    summary = pd.DataFrame(
        [
            row(0.8, source="ckplus", target="ckplus"),
            row(0.5, source="ckplus", target="oulu_vis", protocol="cross-dataset"),
            row(0.4, source="oulu_vis", target="ckplus", protocol="cross-dataset"),
            row(0.6, source="ckplus+oulu_vis", target="mmi", protocol="cross-dataset"),
            row(0.65, source="ckplus+oulu_vis", target="mmi", protocol="cross-dataset", model="paper"),
            row(0.7, source="ckplus+mmi", target="ckplus+mmi"),
            row(0.75, source="ckplus+mmi", target="ckplus+mmi", protocol="stratified"),
        ]
    )

    def test_the_matrix_has_a_row_a_pair_of_single_sets(self):
        found = results.matrix(self.summary)
        assert found[["source", "target", "accuracy"]].to_numpy().tolist() == [
            ["ckplus", "ckplus", 0.8],
            ["ckplus", "oulu_vis", 0.5],
            ["oulu_vis", "ckplus", 0.4],
        ]
        assert list(found) == ["source", "target", "protocol", "model", *tables.SHOWN]

    def test_the_composites_are_the_rest(self):
        found = results.composites(self.summary)
        assert found[["source", "target", "protocol", "model", "accuracy"]].to_numpy().tolist() == [
            ["ckplus+oulu_vis", "mmi", "cross-dataset", "compact", 0.6],
            ["ckplus+oulu_vis", "mmi", "cross-dataset", "paper", 0.65],
            ["ckplus+mmi", "ckplus+mmi", "grouped", "compact", 0.7],
            ["ckplus+mmi", "ckplus+mmi", "stratified", "compact", 0.75],
        ]

    def test_one_without_the_other(self):
        """As when the matrix's model could not be trained."""
        composites = self.summary[self.summary["source"] == "ckplus+mmi"]
        assert results.matrix(composites).empty
        assert {"source", "target", "accuracy"} <= set(results.matrix(composites))
        assert results.composites(self.summary[:3]).empty
