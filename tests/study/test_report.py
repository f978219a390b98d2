"""The report's first page: figures with their names, and what could not be made. (`test_study` reads a whole one.)"""

import re

import pandas as pd

from fer_utils import paths
from fer_utils.evaluation import tables
from fer_utils.study import report
from fer_utils.study.report import NotebookRun


def test_a_figure_says_what_it_is_of(tmp_path):
    """Those of two datasets look alike."""
    for name in ("ckplus", "mmi"):
        (tmp_path / f"figures/{name}").mkdir(parents=True)
        (tmp_path / f"figures/{name}/confusion.png").touch()
    page = report.write(
        [NotebookRun("03", name, tmp_path / "03.ipynb") for name in ("ckplus", "mmi")], tmp_path
    ).read_text("utf-8")
    for name in ("ckplus", "mmi"):
        assert (
            f"src='../figures/{name}/confusion.png'" in page and f"<figcaption>{name}: confusion</figcaption>" in page
        )


def of(path, kind, rows, **columns):
    tables.save(path, "mmi", True, {kind: pd.DataFrame(rows).assign(**columns)})


def cells(page):
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in re.findall(r"<tr.*?</tr>", page, re.S)]


def test_recalls_pairs_and_the_ledger_are_on_the_first_page(tmp_path):
    recall = {"variant": "61", "tested": "61", "select_on": "validation", "model": "paper", "tested_times": 8}
    both = [{"protocol": name, "emotion": "fear", "recall": value} for name, value in (("a", 0.125), ("b", 1.0))]
    of(tmp_path, "recalls", both, **recall)
    numbers = {"sequences": 72, "seeds": 3, "difference": 0.05, "difference_low": -0.01, "difference_high": 0.11}
    pairs = [{"model": "compact", "against": "svm", **numbers, "p": 0.0421}]
    of(tmp_path, "open_pairs", [*pairs, {"model": "compact", "against": "mlp", "note": "not the same folds"}])
    ledger = pd.DataFrame([{"stage": "drawing", "p50_ms": 0.678, "ratio": None, "cpu": "a CPU", "keras": "3"}])
    tables.write(ledger, paths.table(tmp_path, "all", "bench"))
    page = report.write([NotebookRun("02", "mmi", tmp_path / "02.ipynb")], tmp_path).read_text(encoding="utf-8")
    rows = cells(page)
    assert ["emotion", "paper, a (%)", "paper, b (%)"] in rows and ["fear", "12.5", "100.0"] in rows
    assert ["compact", "svm", "72", "3", "+5.0 [-1.0, +11.0]", "0.042"] in rows
    assert ["compact", "mlp", "", "", "not the same folds", ""] in rows
    assert ["stage", "p50_ms", "ratio", "cpu"] in rows and ["drawing", "0.68", "", "a CPU"] in rows


def test_a_table_of_an_older_version_does_not_cost_the_page(tmp_path):
    of(tmp_path, "recalls", [{"emotion": "fear"}])
    of(tmp_path, "open_importance", [{"regions": "nose", "lost": 0.125}])
    paths.table(tmp_path, "mmi", "summary").write_bytes(b"\xff\x00")
    page = report.write([NotebookRun("02", "mmi", tmp_path / "02.ipynb")], tmp_path).read_text(encoding="utf-8")
    assert "recalls.csv cannot be shown" in page and "0.125" in page and "No results." in page
    assert "<b>rendered stand-in</b>" in page  # in whichever table


def test_a_stand_in_of_an_earlier_run_does_not_mark_real_results(tmp_path):
    tables.save(tmp_path, "ckplus", True, {"coverage": pd.DataFrame({"id": ["a"]})})
    tables.save(tmp_path, "mmi", False, {"coverage": pd.DataFrame({"id": ["b"]})})
    marked = [
        "rendered stand-in"
        in report.write([NotebookRun("01", name, tmp_path / "01.ipynb")], tmp_path).read_text("utf-8")
        for name in ("ckplus", "mmi")
    ]
    assert marked == [True, False]


def test_runs_across_datasets_that_could_not_be_made_are_shown(tmp_path):
    refused = pd.DataFrame({"model": ["paper"], "protocol": ["all merged, grouped"], "reason": ["needs 23 GB"]})
    tables.save(tmp_path, ["ckplus", "mmi"], True, {"cross_refused": refused})
    page = report.write([], tmp_path).read_text(encoding="utf-8")
    assert "Runs that could not be made" in page and "needs 23 GB" in page
    tables.save(tmp_path, ["ckplus", "mmi"], True, {"cross_refused": refused[:0]})
    assert "Runs that could not be made" not in report.write([], tmp_path).read_text(encoding="utf-8")
