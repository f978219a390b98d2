"""Tables of a run: what is written comes back, and what cannot be read is named with its file."""

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from fer_utils import paths
from fer_utils.errors import OutputError, StudyError
from fer_utils.evaluation import results, tables
from tests.evaluation.test_results import row


class TestSave:
    frame = pd.DataFrame({"fold": [0, 1], "accuracy": [2 / 3, 1.0]})

    @pytest.mark.parametrize(("rendered", "mark"), [(True, "rendered stand-in"), (False, "real")])
    def test_dataset_and_mark_come_first(self, tmp_path, rendered, mark):
        tables.save(tmp_path / "new", "ckplus", rendered, {"history": self.frame})
        text = f"dataset,data,fold,accuracy\nckplus,{mark},0,0.666667\nckplus,{mark},1,1\n"
        assert (tmp_path / "new/tables/ckplus/history.csv").read_bytes().decode() == text
        assert list(self.frame) == ["fold", "accuracy"]

    def test_provenance_comes_last(self, tmp_path):
        tables.save(tmp_path, "mmi", False, {"results": self.frame})
        table = pd.read_csv(tmp_path / "tables/mmi/results.csv")
        made_by = ["commit", "python", "fer_utils", "ai_edge_litert", "tensorflow", "keras", "numpy", "scikit_learn",
                   "opencv_contrib_python"]  # fmt: skip
        assert list(table) == ["dataset", "data", "fold", "accuracy", "quick", *made_by]
        assert table["numpy"].tolist() == [np.__version__] * 2
        assert table["commit"].notna().all()

    def test_tables_of_several_datasets_name_them_all(self, tmp_path):
        tables.save(tmp_path, ["mmi", "ckplus"], True, {"cross_splits": self.frame})
        found = tables.read(tmp_path, "cross_splits")
        assert found["dataset"].tolist() == ["mmi+ckplus"] * 2

    def test_what_was_written_is_listed(self, tmp_path):
        listed = tables.save(tmp_path, "mmi", True, {"history": self.frame, "refused": self.frame[:0]})
        assert listed["file"].tolist() == ["tables/mmi/history.csv", "tables/mmi/refused.csv"]
        assert listed["rows"].tolist() == [2, 0]

    @pytest.mark.parametrize(("dataset", "kind"), [("mmi", "cross_summary"), (["mmi"], "summary"), ("mmi", "new")])
    def test_a_table_that_the_index_does_not_know(self, tmp_path, dataset, kind):
        with pytest.raises(ValueError, match=f"{kind}: no such table; add a line to fer_utils.evaluation.tables"):
            tables.save(tmp_path, dataset, True, {"history": self.frame, kind: self.frame})
        assert not list(tmp_path.iterdir())

    def test_an_old_table_stays_whole_until_the_new_one_is(self, tmp_path):
        class Unwritable:
            def __str__(self):
                raise RuntimeError("no text")

        path = tables.write(self.frame, tmp_path / "a.csv")
        before = path.read_bytes()
        with pytest.raises(RuntimeError, match="no text"):
            tables.write(pd.DataFrame({"a": [1, Unwritable()]}), path)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]

    def test_a_folder_that_is_a_file(self, tmp_path):
        (tmp_path / "taken").write_text("a file")
        with pytest.raises(OutputError, match=r"taken/a\.csv: cannot be written"):
            tables.write(self.frame, tmp_path / "taken" / "a.csv")


class TestCommit:
    def test_outside_a_checkout(self, monkeypatch, tmp_path):
        monkeypatch.setenv("FER_ROOT", str(tmp_path))
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
        assert tables.versions()["commit"] == "unknown"

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
        commit = tables.versions()["commit"]
        assert commit == git("rev-parse", "HEAD")[:12]
        (tmp_path / "file").write_text("two")
        assert tables.versions()["commit"] == f"{commit}-dirty"


class TestRead:
    def test_what_was_written_comes_back(self, tmp_path):
        written = pd.DataFrame([row(0.75, accuracy_sd_seeds=np.nan), row(0.5, model="svm", accuracy_sd_seeds=0.25)])
        tables.save(tmp_path, "mmi", True, {"open_summary": written})
        found = tables.read(tmp_path, "open_summary", "mmi")
        pd.testing.assert_frame_equal(found[list(written)], written, check_dtype=False)
        assert found["dataset"].tolist() == ["mmi"] * 2 and tables.rendered(found)

    @pytest.mark.parametrize("name", ["NA", "null", "nan"])
    def test_a_name_that_looks_like_nothing_stays_a_name(self, tmp_path, name):
        tables.save(tmp_path, "folder", False, {"coverage": pd.DataFrame({"subject": [name]})})
        assert tables.read(tmp_path, "coverage", "folder")["subject"].tolist() == [name]

    @pytest.mark.parametrize("column", ["variant", "tested", "select_on"])
    def test_a_file_of_an_older_version_is_named_with_its_missing_column(self, tmp_path, column):
        older = pd.DataFrame([row(0.9)]).drop(columns=column)
        tables.save(tmp_path, "ckplus", False, {"summary": older})
        path = paths.table(tmp_path, "ckplus", "summary")
        with pytest.raises(StudyError) as raised:
            tables.read(tmp_path, "summary", "ckplus")
        assert str(raised.value) == f"{path}: written by an older version (no column {column}); run its notebook again"

    def test_the_first_version_had_neither_variant_nor_mark(self, tmp_path):
        path = paths.table(tmp_path, "mmi", "summary")
        path.parent.mkdir(parents=True)
        path.write_text("model,protocol,accuracy\npaper,grouped,0.7\n")
        with pytest.raises(StudyError, match=r"summary\.csv: written by an older version \(no column dataset\)"):
            tables.read(tmp_path, "summary", "mmi")

    def test_tables_that_are_no_results_need_no_model(self, tmp_path):
        tables.save(tmp_path, "mmi", False, {"phases": pd.DataFrame({"lost": [0.1]})})
        assert tables.read(tmp_path, "phases", "mmi")["lost"].tolist() == [0.1]

    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(StudyError) as raised:
            tables.read(tmp_path, "summary", "mmi")
        assert (
            str(raised.value)
            == f"{tmp_path / 'tables/mmi/summary.csv'}: not there; run the notebook that writes it first"
        )

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00broken", b"a,b\n1,2\n1,2,3\n"])
    def test_a_damaged_file(self, tmp_path, content):
        path = paths.table(tmp_path, "mmi", "summary")
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        with pytest.raises(StudyError, match=r"summary\.csv: cannot be read \(.+\); run its notebook again") as raised:
            tables.read(tmp_path, "summary", "mmi")
        assert "\n" not in str(raised.value)

    def test_a_folder_in_its_place(self, tmp_path):
        with pytest.raises(StudyError, match="cannot be read"):
            tables.read_csv(tmp_path)

    @pytest.mark.parametrize(("kind", "column"), [("open_summary", "macro_f1_low"), ("open_importance", "sd")])
    def test_a_column_that_figures_need_is_missed_before_they_are_drawn(self, tmp_path, kind, column):
        table = pd.DataFrame([row(0.9)]) if kind == "open_summary" else results.importance(pd.DataFrame())
        for name, older in (("ckplus", [column]), ("mmi", [])):
            tables.save(tmp_path, name, False, {kind: table.drop(columns=older)})
        assert len(tables.read(tmp_path, kind, "mmi")) == len(table)
        message = rf"ckplus/{kind}\.csv: written by an older version \(no column {column}\); run its notebook again"
        with pytest.raises(StudyError, match=message):
            tables.read(tmp_path, kind, "ckplus")

    def test_one_rendered_row_marks_the_table(self):
        assert not tables.rendered(pd.DataFrame({"data": ["real", "real"]}))
        assert tables.rendered(pd.DataFrame({"data": ["real", "rendered stand-in"]}))
        assert not tables.rendered(pd.DataFrame({"data": []}))


def test_a_table_without_the_network_that_was_asked_is_refused(tmp_path):
    tables.save(tmp_path, "mmi", True, {"open_summary": pd.DataFrame([row(0.9, model="svm")])})
    with pytest.raises(StudyError, match=r"open_summary\.csv: holds baselines only, not the network"):
        tables.read(tmp_path, "open_summary", "mmi")
