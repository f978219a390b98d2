"""Published numbers as they were published; and what is found set beside them, but for stand-ins."""

import pandas as pd
import pytest

from fer_utils import paths
from fer_utils.data import labels
from fer_utils.errors import StudyError
from fer_utils.evaluation import claims, tables
from fer_utils.evaluation.metrics import KEYS

ALL = "ckplus+oulu_vis+oulu_nir+mmi"
COMPOSITE, MERGED = ("ckplus+oulu_vis+oulu_nir", "mmi"), (ALL, ALL)
NAMES = ("ckplus", "oulu_vis", "oulu_nir", "mmi")

# table 5 and section 4.2 of the paper, in %
PAPER = {(name, name): value for name, value in zip(NAMES, (93, 79, 77, 68), strict=True)}
PAPER |= {COMPOSITE: 69.7, MERGED: 82.1}

# accuracies in % that others published: CK+, Oulu-CASIA VIS, MMI
FIELD = {
    ("DTGN (Jung)", 2015): (92.35, 74.17, 59.02),
    ("PHRNN (Zhang)", 2017): (96.36, 78.96, 76.17),
    ("Kacem", 2017): (96.87, 83.13, 79.19),
    ("DGNN", 2020): (96.02, None, 69.4),
    ("PHRNN-MSCNN", 2017): (98.5, 86.25, 81.18),
    ("STC-NLSTM", 2018): (99.8, 93.45, 84.53),
}


def write(folder, accuracy, low, high, dataset="ckplus", rendered=False, sides=None, protocols=("grouped",), **columns):
    """The summary of one dataset, or with `sides` the one across datasets, with a row per protocol."""
    source, target = sides or (dataset, dataset)
    rows = [
        {
            **{"model": "paper", "variant": "61 landmarks", "tested": "61 landmarks", "protocol": each},
            **{"source": source, "target": target},
            "select_on": "validation",
            **dict.fromkeys(tables.SHOWN, 1),
            **{"sequences": 327, "accuracy": accuracy, "accuracy_low": low, "accuracy_high": high},
            **columns,
        }
        for each in protocols
    ]
    kind, several = ("cross_summary", dataset.split("+")) if sides else ("summary", dataset)
    tables.save(folder, several, rendered, {kind: pd.DataFrame(rows)}, quick=columns.get("quick", False))
    return paths.table(folder, paths.ALL if sides else dataset, kind)


def found_for(table, dataset="ckplus", target=None):
    return table[(table["source"] == dataset) & (table["target"] == (target or dataset))].to_dict("records")


def claimed(table):
    return {(row.source, row.target): row.claimed for row in table.itertuples()}


class TestPublished:
    def test_the_papers_own_numbers(self):
        table = claims.published()
        paper = table[table["what"] == "paper"]
        assert {(row.source, row.target): row.accuracy for row in paper.itertuples()} == PAPER
        assert set(paper["method"]) == {"Koksal & Gumus"} and set(paper["year"]) == {2025}
        assert paper["reference"].str.startswith("arXiv:2512.05669").all()
        first_hand = paper[paper["provenance"] == "abstract (first hand)"]
        assert first_hand["source"].tolist() == first_hand["target"].tolist() == list(NAMES)

    def test_the_fields_numbers(self):
        table = claims.published()
        field = table[table["what"] == "yardstick"]
        expected = {
            (method, year, dataset): value
            for (method, year), values in FIELD.items()
            for dataset, value in zip(("ckplus", "oulu_vis", "mmi"), values, strict=True)
            if value is not None
        }
        found = {(row.method, row.year, row.target): row.accuracy for row in field.itertuples()}
        assert found == expected and len(field) == len(expected) == 17

    def test_protocol_kind_source_and_provenance_stand_beside_every_number(self):
        table = claims.published()
        assert set(table["what"]) == {"paper", "yardstick"}
        assert not table.isna().any().any()
        kinds = dict(zip(table["method"], table["kind"], strict=True))
        assert kinds["DTGN (Jung)"] == kinds["Koksal & Gumus"] == "landmarks"
        assert (kinds["PHRNN-MSCNN"], kinds["STC-NLSTM"]) == ("landmarks and pixels", "pixels")
        assert table.loc[table["method"] == "DTGN (Jung)", "protocol"].eq("10-fold").all()

    def test_a_damaged_file_is_named(self, monkeypatch, tmp_path):
        monkeypatch.setenv("FER_ROOT", str(tmp_path))
        with pytest.raises(StudyError, match=r"published\.csv: not there"):
            claims.published()


class TestTable:
    def test_nothing_was_run(self, tmp_path):
        table = claims.table(tmp_path)
        assert list(table) == list(claims.COLUMNS)
        assert claimed(table) == PAPER
        assert set(table["verdict"]) == {"needs the licensed data"}
        assert table.drop(columns=["source", "target", "claimed", "verdict"]).isna().all().all()

    def test_a_stand_ins_number_is_not_shown_beside_the_papers(self, tmp_path):
        write(tmp_path, 0.815, 0.755, 0.869, rendered=True)
        (row,) = found_for(claims.table(tmp_path))
        assert row["data"] == "rendered stand-in"
        assert all(pd.isna(row[name]) for name in ("found", "interval", "difference"))
        assert row["verdict"] == "needs the licensed data"

    @pytest.mark.parametrize(
        ("accuracy", "low", "high", "difference", "verdict"),
        [
            (0.9, 0.87, 0.929, -3.0, "claimed more than is found: above the interval"),
            (0.92, 0.89, 0.95, -1.0, "agrees: inside the interval"),
            (0.9, 0.87, 0.93, -3.0, "agrees: inside the interval"),  # its ends belong to it
            (0.951, 0.93, 0.97, 2.1, "agrees: inside the interval"),
            (0.9567, 0.931, 0.98, 2.7, "claimed less than is found: below the interval"),
        ],
    )
    def test_a_real_number_is_compared(self, tmp_path, accuracy, low, high, difference, verdict):
        write(tmp_path, accuracy, low, high)
        (row,) = found_for(claims.table(tmp_path))
        assert row["claimed"] == 93
        assert row["found"] == pytest.approx(round(100 * accuracy, 1))
        assert row["difference"] == pytest.approx(difference)
        assert (row["verdict"], row["data"]) == (verdict, "real")
        assert (row["protocol"], row["model"], row["sequences"]) == ("grouped", "paper", 327)

    @pytest.mark.parametrize(
        ("columns", "said"),
        [
            ({"quick": True}, "a quick run"),
            ({"sequences": 40}, "40 of 327 sequences"),
            ({"sequences": 294}, "294 of 327 sequences"),
            ({"subjects": 10}, "10 of 118 people"),
            ({"emotions": 6}, "contempt missing"),
            ({"epoch_limit": 5}, "5 epochs"),
            ({"sequences": 40, "emotions": 6, "epoch_limit": 5}, "40 of 327 sequences, contempt missing, 5 epochs"),
            ({"sequences": 300, "subjects": 110, "emotions": 7, "epoch_limit": 60, "quick": False}, ""),
        ],
    )
    def test_too_little_is_not_judged(self, tmp_path, columns, said):
        write(tmp_path, 0.9, 0.87, 0.91, **columns)
        seen = [name for name in labels.EMOTIONS if name != "contempt"]
        tables.save(tmp_path, "ckplus", False, {"emotions": pd.DataFrame({"emotion": seen, **dict.fromkeys(KEYS, "")})})
        (row,) = found_for(claims.table(tmp_path))
        assert row["verdict"] == (f"not judged: {said}" if said else "claimed more than is found: above the interval")
        assert row["found"] == 90 and pd.isna(row["difference"]) == bool(said)

    def test_too_little_of_other_sets(self, tmp_path):
        write(tmp_path, 0.9, 0.87, 0.91, dataset="mmi", sequences=100, emotions=4)
        write(tmp_path, 0.9, 0.87, 0.91, sides=MERGED, dataset=ALL, sequences=400)
        table = claims.table(tmp_path)
        assert found_for(table, "mmi")[0]["verdict"] == "not judged: 100 of about 205 sequences, 4 of 6 emotions"
        assert found_for(table, *MERGED)[0]["verdict"] == "not judged: 400 of about 1474 sequences"

    def test_people_who_are_all_alike_give_no_interval_to_judge_by(self, tmp_path):
        write(tmp_path, 1.0, 1.0, 1.0)
        (row,) = found_for(claims.table(tmp_path))
        assert row["verdict"] == "not judged: all people have the same result, so there is no interval"

    def test_too_few_people_for_an_interval(self, tmp_path):
        write(tmp_path, 0.9, float("nan"), float("nan"))
        (row,) = found_for(claims.table(tmp_path))
        assert row["verdict"] == "not judged: fewer than 5 people, so there is no interval"
        assert row["found"] == 90 and not row["interval"]

    def test_every_protocol_has_a_row_and_the_other_sets_stay_open(self, tmp_path):
        write(tmp_path, 0.7, 0.6, 0.8, dataset="mmi", protocols=("stratified", "grouped"))
        write(tmp_path, 0.7, 0.6, 0.8, dataset="oulu_vis", rendered=True)
        table = claims.table(tmp_path)
        assert [row["protocol"] for row in found_for(table, "mmi")] == ["stratified", "grouped"]
        assert [row["difference"] for row in found_for(table, "mmi")] == pytest.approx([2, 2])
        assert claimed(table) == PAPER and len(table) == 7
        compared = table[table["difference"].notna()]
        assert set(compared["source"]) == set(compared["target"]) == {"mmi"}
        assert set(table.loc[table["difference"].isna(), "verdict"]) == {"needs the licensed data"}

    @pytest.mark.parametrize(("sides", "difference"), [(COMPOSITE, 15.3), (MERGED, 2.9)])
    def test_composites_come_from_the_summary_across_datasets(self, tmp_path, sides, difference):
        write(tmp_path, 0.85, 0.83, 0.87, dataset=ALL, sides=sides, protocols=("grouped", "stratified"), sequences=1474)
        table = claims.table(tmp_path)
        rows = found_for(table, *sides)
        assert [row["protocol"] for row in rows] == ["grouped", "stratified"]
        assert [row["difference"] for row in rows] == pytest.approx([difference] * 2)
        assert {row["verdict"] for row in rows} == {"claimed less than is found: below the interval"}
        assert [row["verdict"] for row in found_for(table, "mmi")] == ["needs the licensed data"]

    @pytest.mark.parametrize("sides", [("ckplus+oulu_vis", "mmi"), ("ckplus+mmi", "ckplus+mmi"), COMPOSITE[::-1]])
    def test_other_composites_are_not_the_papers(self, tmp_path, sides):
        write(tmp_path, 0.7, 0.6, 0.8, sides=sides)
        for claim in (COMPOSITE, MERGED):
            (row,) = found_for(claims.table(tmp_path), *claim)
            assert row["verdict"] == "needs the licensed data" and pd.isna(row["found"])

    def test_a_summary_of_an_older_version_is_named_and_the_others_go_on(self, tmp_path):
        path = write(tmp_path, 0.9, 0.8, 1)
        frame = pd.read_csv(path).drop(columns="variant")
        frame.to_csv(path, index=False)
        write(tmp_path, 0.7, 0.6, 0.8, dataset="mmi")
        table = claims.table(tmp_path)
        (row,) = found_for(table)
        message = f"not known: {path}: written by an older version (no column variant); run its notebook again"
        assert row["verdict"] == message and pd.isna(row["found"])
        assert found_for(table, "mmi")[0]["difference"] == 2

    def test_what_was_studied_but_not_found_does_not_need_data(self, tmp_path):
        for name, rendered in (("ckplus", False), ("mmi", True)):
            tables.save(tmp_path, name, rendered, {"coverage": pd.DataFrame({"id": ["a"]})})
        verdicts = claims.table(tmp_path).set_index(["source", "target"])["verdict"]
        assert verdicts.pop(("ckplus", "ckplus")) == "not known: the notebook that measures it failed or was not run"
        assert set(verdicts) == {"needs the licensed data"}

    @pytest.mark.parametrize("missing", ["accuracy_low", "seeds"])
    def test_a_summary_that_lacks_a_number_is_named_too(self, tmp_path, missing):
        path = write(tmp_path, 0.9, 0.8, 1)
        pd.read_csv(path).drop(columns=missing).to_csv(path, index=False)
        (row,) = found_for(claims.table(tmp_path))
        assert f"{path}: written by an older version (no column {missing})" in row["verdict"]

    def test_what_an_earlier_study_left_of_other_sets_does_not_count(self, tmp_path):
        write(tmp_path, 0.9, 0.8, 1)
        write(tmp_path, 0.7, 0.6, 0.8, dataset="mmi")
        table = claims.table(tmp_path, ["ckplus"])
        assert found_for(table)[0]["found"] == 90
        (row,) = found_for(table, "mmi")
        assert row["verdict"] == "needs the licensed data" and pd.isna(row["found"])

    def test_it_can_be_written_and_read(self, tmp_path):
        write(tmp_path, 0.9, 0.87, 0.929)
        path = tables.write(claims.table(tmp_path), tmp_path / "claims.csv")
        again = pd.read_csv(path)
        assert again["difference"].tolist()[:1] == [-3] and again["difference"].isna().sum() == 5
