"""What is asked, of which features, in which folds: people in two sets are one person, and nobody is on both sides."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from fer_utils.data.pictures import Pictures
from fer_utils.errors import SplitError, StudyError
from fer_utils.evaluation import experiments
from fer_utils.evaluation.cross_validation import BASE, Run
from fer_utils.evaluation.splits import Scheme
from fer_utils.features import tensors
from fer_utils.features.tensors import FeatureTable
from fer_utils.landmarks import extraction
from fer_utils.landmarks.extraction import Extraction

RISE = 1 / (1 + np.exp(-np.linspace(-4, 5, 14)))
LEVELS = np.concatenate([np.zeros(10), 8 * RISE])
EMOTIONS = ("anger", "fear", "happiness")


@pytest.fixture(scope="module")
def small(make_sequence, make_track):
    """Three sequences of one person and their tracks."""
    sequences = [make_sequence(name, name) for name in EMOTIONS]
    return sequences, {each.id: make_track(LEVELS, seed=number) for number, each in enumerate(sequences)}


def table(n=4, refused=()):
    names = np.array([f"r{number}" for number in range(n)])
    return FeatureTable(np.zeros((n, 4, 6), np.float32), names, names, names, dict(refused))


class TestVariants:
    def test_every_question_has_its_features(self, small, monkeypatch):
        asked = []

        def extract(sequences, executor, **how):
            asked.append(how)
            return Extraction(small[1], 0, {})

        monkeypatch.setattr(extraction, "extract", extract)
        with ThreadPoolExecutor(1) as executor:
            made, noise = experiments.variants(experiments.QUESTIONS, *small, executor)
        assert all(len(each) == 3 for each in made.values())
        shapes = {name: each.x.shape[1:] for name, each in made.items()}
        assert shapes[BASE] == (4, 2912) and shapes["trajectory"] == (8, 122)
        assert (shapes["122 landmarks"], shapes["250 landmarks"]) == ((4, 11862), (4, 50082))
        assert shapes["distances only"] == shapes["angles only"] == (4, 1456)
        assert shapes["all pairs"] == (4, 3660) and shapes["not normalised"] == (4, 2912)
        assert [shapes[f"{count} key frames"][0] for count in (3, 7, 9)] == [2, 6, 8]
        assert asked == [{"mode": "image"}, {"mode": "image", "views": 8}, {"detector": "face_mesh"}]
        early, noisy = ([name for name in made if end in name] for end in ("of the way", "x jitter"))
        assert early == ["20% of the way", "40% of the way", "60% of the way", "80% of the way"]
        assert noisy == ["2 x jitter", "4 x jitter", "8 x jitter", "16 x jitter"]
        assert noise == tensors.detector_noise(*small)
        assert (
            len({each.x.tobytes() for name, each in made.items() if name not in experiments.DETECTION}) == len(made) - 3
        )

    def test_image_mode_looks_at_the_key_frames_alone(self, small, monkeypatch):
        """If it finds the same points there, the features are the same."""
        sequences, tracks = small
        short = replace(sequences[0], id="short")
        tracks = {**tracks, "short": tensors.first_frames(tracks[sequences[0].id], 3)}

        def extract(shown, executor, **how):
            if how.get("mode") != "image":
                return Extraction(tracks, 0, {})
            cut = {}
            for sequence in shown:
                track, numbers = tracks[sequence.id], list(sequence.frames.numbers)
                assert sequence.frames.recording == Pictures((), 30.0) and len(numbers) == 5
                parts = {name: getattr(track, name)[numbers] for name in ("points", "times", "reasons")}
                cut[sequence.id] = replace(track, **parts)
            return Extraction(cut, 0, {})

        monkeypatch.setattr(extraction, "extract", extract)
        with ThreadPoolExecutor(1) as executor:
            made, _ = experiments.variants(("detection",), [*sequences, short], tracks, executor)
        assert made["8 views"].ids.tolist() == made[BASE].ids.tolist() == [sequence.id for sequence in sequences]
        assert made["8 views"].refused == {"short": "3 frames, 5 key frames need at least as many"}
        for name in ("image mode", "8 views"):
            np.testing.assert_allclose(made[name].x, made[BASE].x, atol=2e-3)  # each is normalised by its first frame
        assert np.abs(made[BASE].x).max() > 0.1

    def test_a_key_frame_without_a_face_or_that_cannot_be_opened_is_counted(self, small, monkeypatch):
        """Points held from the key frame before would be an expression that stands still."""
        sequences, tracks = small
        lost, gone, kept = (sequence.id for sequence in sequences)

        def extract(shown, executor, **how):
            if how.get("mode") != "image":
                return Extraction({name: tracks[name] for name in (lost, kept)}, 0, {gone: "cannot be opened"})
            cut = {}
            for sequence in shown:
                track, numbers = tracks[sequence.id], list(sequence.frames.numbers)
                parts = {name: getattr(track, name)[numbers] for name in ("points", "times", "reasons")}
                cut[sequence.id] = replace(track, **parts)
            cut[lost].points[-1], cut[lost].reasons[-1] = np.nan, "no face found"
            assert cut[lost].times[-1] - cut[lost].times[-2] <= tensors.DEFAULT.max_gap
            return Extraction({name: cut[name] for name in (lost, kept)}, 0, {gone: "cannot be opened"})

        monkeypatch.setattr(extraction, "extract", extract)
        with ThreadPoolExecutor(1) as executor:
            made, _ = experiments.variants(("detection",), sequences, tracks, executor)
        for name in ("image mode", "8 views"):
            assert made[name].ids.tolist() == list(made[name].phases) == [kept]
            assert set(made[name].refused) == {lost, gone} and made[name].refused[gone] == "cannot be opened"
        assert made["face_mesh"].refused == {gone: "cannot be opened"}

    def test_only_what_is_asked(self, small):
        with ThreadPoolExecutor(1) as executor:
            assert list(experiments.variants((), *small, executor)[0]) == [BASE]
            assert list(experiments.variants(("leakage", "importance"), *small, executor)[0]) == [BASE]

    def test_an_unknown_question(self, small):
        with pytest.raises(StudyError, match=r"^question 'colour' is unknown: choose from models, leakage, landmark"):
            experiments.variants(("leakage", "colour"), *small, None)


class TestRuns:
    def test_what_is_asked_with_every_seed_and_what_once(self):
        names = (BASE, "trajectory", "122 landmarks", "angles only", "8 views", "20% of the way", "2 x jitter")
        runs = experiments.runs(experiments.QUESTIONS, {name: table() for name in names}, seeds=3)
        tested = ("20% of the way", "2 x jitter")
        for seed in range(3):
            assert Run("compact", "grouped", seed, tested=tested, importance=True) in runs
            assert Run("compact", "stratified", seed) in runs
            assert Run("compact", "grouped", seed, select_on="test") in runs
            simple = [(run.model, run.variant) for run in runs if run.seed == seed and run.model != "compact"]
            others = [(name, BASE) for name in ("majority", "logistic", "svm", "mlp")]
            if seed == 0:
                others += [(name, changed) for name in ("logistic", "svm") for changed in ("122 landmarks", "8 views")]
                others += [(name, "trajectory") for name in ("gram", "kendall", "graph")]
            assert sorted(simple) == sorted(others)
        assert [run.seed for run in runs if run.protocol == "leave-one-subject-out"] == [0]
        once = [(run.variant, run.seed) for run in runs if run.variant != BASE and run.model == "compact"]
        assert once == [("122 landmarks", 0), ("angles only", 0), ("8 views", 0)]

    def test_the_question_about_the_epoch_alone(self):
        runs = experiments.runs(("early",), {BASE: table(), "20% of the way": table()}, seeds=1, network="paper")
        assert runs == [Run("paper", "grouped", tested=("20% of the way",))]

    def test_points_found_in_another_way_are_compared_with_the_study_s_own(self):
        """Each model that is tried with them is tried without, whatever else is asked."""
        runs = experiments.runs(("detection",), {name: table() for name in (BASE, *experiments.DETECTION)}, seeds=1)
        tried = {}
        for run in runs:
            tried.setdefault(run.model, []).append(run.variant)
        simple = [BASE, "image mode", "8 views"]
        assert tried == {"compact": [*simple, "face_mesh"], "logistic": simple, "svm": simple}

    def test_no_sequence_counts_twice_in_a_result(self):
        """What tells results apart is in no two runs the same."""
        names = (
            BASE,
            "trajectory",
            *experiments.SETS,
            *experiments.ABLATIONS,
            *experiments.DETECTION,
            "20% of the way",
            "2 x jitter",
        )
        runs = experiments.runs(experiments.QUESTIONS, {name: table() for name in names}, seeds=3)
        keys = [
            (run.model, run.variant, tested, run.protocol, run.select_on, run.seed)
            for run in runs
            for tested in (run.variant, *run.tested)
        ]
        assert len(set(keys)) == len(keys)

    def test_a_variant_that_no_sequence_gives_is_told_and_left_out(self, capsys):
        """A network without a row to be fitted on would end all runs."""
        why = {"r0": "6 frames, 9 key frames need at least as many"}
        empty = {name: table(0, why) for name in ("9 key frames", "20% of the way")}
        runs = experiments.runs(("ablations", "early"), {BASE: table(), "3 key frames": table(), **empty}, seeds=1)
        assert [run.variant for run in runs] == [BASE, "3 key frames"]
        assert runs[0].tested == ()
        said = "9 key frames: left out: no sequence gives it; 6 frames, 9 key frames need at least as many\n"
        assert said in capsys.readouterr().out

    def test_folds_that_can_be_made(self, capsys):
        emotions, people = np.resize(["anger", "fear"], 20), np.repeat(["s1", "s2"], 10)
        few = FeatureTable(np.zeros((20, 4, 6), np.float32), emotions, people, np.arange(20).astype(str))
        planned = [Run("compact", "grouped"), Run("compact", "stratified", 1), Run("compact", "leave-one-subject-out")]
        made, reasons = experiments.folds(few, planned)
        assert list(made) == [Scheme("stratified", 1)]
        assert reasons[Scheme("grouped")].startswith("2 subjects cannot be split into 5 folds")
        said = capsys.readouterr().out.splitlines()
        assert [line.split(":")[0] for line in said] == ["grouped, seed 0", "leave-one-subject-out, seed 0"]
        with pytest.raises(SplitError, match="2 subjects cannot be split into 5 folds"):
            experiments.folds(few, planned[:1])


class TestMerge:
    def sequences(self, make_sequence, owner, people, emotions):
        return [make_sequence(f"{who} {name}", name, f"{owner}/{who}") for who in people for name in emotions]

    def test_people_of_two_sets_are_one_and_emotions_are_those_of_all(self, make_sequence, make_track):
        found = {
            "oulu_vis": self.sequences(make_sequence, "oulu", ("P1", "P2"), EMOTIONS),
            "oulu_nir": self.sequences(make_sequence, "oulu", ("P1", "P2"), EMOTIONS),
            "ckplus": self.sequences(make_sequence, "ckplus", ("P1",), (*EMOTIONS[1:], "contempt")),
        }
        track = make_track(LEVELS)
        tracks = {name: {each.id: track for each in those} for name, those in found.items()}
        del tracks["oulu_nir"]["P2 fear"]
        merged, left_out = experiments.merge(found, tracks)
        assert set(merged.emotions) == {"fear", "happiness"}
        assert merged.datasets.tolist() == ["oulu_vis"] * 4 + ["oulu_nir"] * 3 + ["ckplus"] * 2
        assert merged.ids.tolist()[3:5] == ["oulu_vis/P2 happiness", "oulu_nir/P1 fear"]
        vis, nir = (set(merged.subjects[merged.datasets == name]) for name in ("oulu_vis", "oulu_nir"))
        assert vis == nir
        assert set(merged.subjects) == {"oulu/P1", "oulu/P2", "ckplus/P1"}
        assert left_out.to_numpy().tolist() == [
            ["oulu_vis", "anger is not in all of the datasets", 2],
            ["oulu_nir", "anger is not in all of the datasets", 2],
            ["oulu_nir", "no landmarks", 1],
            ["ckplus", "contempt is not in all of the datasets", 1],
        ]

    def test_too_few_emotions_in_common(self, make_sequence):
        found = {
            "mmi": self.sequences(make_sequence, "mmi", ("a",), EMOTIONS[:2]),
            "ckplus": self.sequences(make_sequence, "ckplus", ("b",), EMOTIONS[1:]),
        }
        with pytest.raises(StudyError, match="mmi, ckplus: fewer than two emotions are in all of them"):
            experiments.merge(found, {"mmi": {}, "ckplus": {}})


@pytest.fixture
def merged():
    """Ten people filmed twice, seven others, eight more; three emotions each."""
    owners = {"oulu_vis": ("oulu", 10), "oulu_nir": ("oulu", 10), "ckplus": ("ckplus", 7), "mmi": ("mmi", 8)}
    rows = [
        (name, f"{owner}/{number}", emotion)
        for name, (owner, count) in owners.items()
        for number in range(count)
        for emotion in EMOTIONS
    ]
    datasets, people, emotions = (np.array(column) for column in zip(*rows, strict=True))
    ids = np.array([f"{number}" for number in range(len(rows))])
    return FeatureTable(np.zeros((len(rows), 4, 6), np.float32), emotions, people, ids, datasets=datasets)


def of(table, ids, name):
    return getattr(table, name)[np.isin(table.ids, ids)]


class TestAcross:
    def test_every_set_is_trained_on_and_tested_on_and_nobody_is_on_both_sides(self, merged):
        made = {
            scheme: folds for scheme, folds in experiments.cross_folds(merged)[0].items() if len(scheme.source) == 1
        }
        names = ("oulu_vis", "oulu_nir", "ckplus", "mmi")
        assert {(*scheme.source, *scheme.target) for scheme in made} == set(product(names, names))
        for (protocol, _, (source,), (target,)), folds in made.items():
            tested = np.concatenate([split.test for split in folds])
            assert sorted(tested) == sorted(merged.ids[merged.datasets == target])
            same_people = source == target or ("oulu" in source and "oulu" in target)
            assert (protocol, len(folds)) == (("grouped", 5) if same_people else ("cross-dataset", 1))
            for split in folds:
                assert (split.protocol, split.source, split.target) == (protocol, source, target)
                assert set(of(merged, split.train, "datasets")) == {source}
                assert not set(of(merged, split.train, "subjects")) & set(of(merged, split.test, "subjects"))

    def test_the_composites(self, merged):
        made = {
            scheme: folds for scheme, folds in experiments.cross_folds(merged)[0].items() if len(scheme.source) != 1
        }
        everything = "ckplus+oulu_vis+oulu_nir+mmi"
        assert [(folds[0].source, folds[0].target, folds[0].protocol, len(folds)) for folds in made.values()] == [
            ("ckplus+oulu_vis+oulu_nir", "mmi", "cross-dataset", 1),
            (everything, everything, "grouped", 5),
            (everything, everything, "stratified", 5),
        ]
        (tested,), grouped, stratified = made.values()
        assert set(of(merged, tested.test, "datasets")) == {"mmi"}
        assert set(of(merged, tested.train, "datasets")) == {"oulu_vis", "oulu_nir", "ckplus"}
        shared = [
            [set(of(merged, split.train, "subjects")) & set(of(merged, split.test, "subjects")) for split in folds]
            for folds in (grouped, stratified)
        ]
        assert not any(shared[0]) and any(shared[1])

    def test_of_two_sets_there_is_no_composite_but_the_merged(self, merged):
        kept = np.isin(merged.datasets, ("ckplus", "mmi"))
        part = FeatureTable(*(getattr(merged, name)[kept] for name in ("x", "emotions", "subjects", "ids")),
                            datasets=merged.datasets[kept])  # fmt: skip
        made, reasons = experiments.cross_folds(part)
        composites = [(folds[0].source, folds[0].protocol) for scheme, folds in made.items() if not scheme.source]
        assert composites == [("ckplus+mmi", "grouped"), ("ckplus+mmi", "stratified")] and reasons == {}
        assert len(made) == 4 + 2

    def test_one_model_in_the_matrix_and_several_in_the_composites(self, merged):
        made, _ = experiments.cross_folds(merged)
        runs = experiments.cross_runs(made, "compact", ["compact", "paper"])
        assert len(runs) == 16 + 2 + 2 + 1 and len(set(runs)) == len(runs)
        paper = [(len(run.source), run.protocol) for run in runs if run.model == "paper"]
        assert paper == [(3, "cross-dataset"), (0, "grouped")]
