"""The report's pages: what stands first, what is marked, and what is missing. (`test_toy_study` reads a whole one.)"""

import re

import nbformat
import pandas as pd

from fer_utils import paths
from fer_utils.evaluation import tables
from fer_utils.plots.registry import FIGURES
from fer_utils.study import report
from fer_utils.study.report import NotebookRun

KEY = {"model": "paper", "variant": "61", "tested": "61", "select_on": "validation"}


def of(path, kind, rows, dataset="mmi", rendered=True, **columns):
    tables.save(path, dataset, rendered, {kind: pd.DataFrame(rows).assign(**columns)})


def run(tmp_path, dataset="mmi", notebook="02_visualize_features"):
    return NotebookRun(notebook, dataset, tmp_path / f"{notebook}_{dataset}.ipynb")


def written(tmp_path, done, name="index"):
    report.write(done, tmp_path)
    return (tmp_path / "report" / f"{name}.html").read_text(encoding="utf-8")


def cells(page):
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in re.findall(r"<tr.*?</tr>", page, re.S)]


def result(protocol, accuracy, dataset="mmi"):
    row = {**KEY, "source": dataset, "target": dataset, "protocol": protocol}
    row |= {name: 0.5 for name in tables.SHOWN} | {"sequences": 30, "subjects": 5, "emotions": 6}
    return row | {"accuracy": accuracy, "accuracy_low": accuracy - 0.1, "accuracy_high": accuracy + 0.1}


def test_findings_and_the_table_that_matters_come_first(tmp_path):
    of(tmp_path, "summary", [result("stratified", 0.75), result("grouped", 0.7)])
    pairs = [
        {"model": "compact", "against": "paper", "difference": -0.1, "p": 0.01},
        {"model": "paper", "against": "svm", "difference": 0.1, "p": 0.3},
    ]
    of(tmp_path, "open_pairs", pairs)
    page = written(tmp_path, [run(tmp_path)])
    first = page.index("it is right in 70.0 % on MMI (by guessing, in 1 of 6)")
    second = page.index("its accuracy changes by +5.0 points on MMI.")
    third = page.index("it is better in 1 of 2 paired tests and worse in 0 ")
    assert first < second < third < page.index("<table")
    of(tmp_path, "protocols", [result("stratified", 0.75)], against="grouped", difference=0.05, p=0.0421)
    assert "its accuracy changes by +5.0 points on MMI (p = 0.042)." in written(tmp_path, [run(tmp_path)])
    assert cells(page)[1][:3] == ["MMI", "70.0 [60.0, 80.0]", "75.0 [65.0, 85.0]"]
    assert page.index("<table") < page.index("<h2>The method") < page.index("<h2>Contents") < page.index("<h2>Note")


def test_first_results_are_a_line_a_protocol(tmp_path):
    of(tmp_path, "summary", [result("stratified", 0.75), result("grouped", 0.7)])
    assert report.first_results(tmp_path, "mmi") == [
        "stratified folds: accuracy 75.0 [65.0, 85.0] %, rendered stand-in",
        "grouped folds: accuracy 70.0 [60.0, 80.0] %, rendered stand-in",
    ]


def test_a_figure_is_copied_and_says_what_it_is_of_and_what_to_see(tmp_path):
    for name in ("ckplus", "mmi"):
        paths.figure(tmp_path, name, "confusion").parent.mkdir(parents=True)
        paths.figure(tmp_path, name, "confusion").write_bytes(name.encode())
    done = [run(tmp_path, name) for name in ("ckplus", "mmi")]
    for name, title in (("ckplus", "CK+"), ("mmi", "MMI")):
        page = written(tmp_path, done, name)
        assert page.count("<figure>") == 1 and f"src='figures/{name}/confusion.png'" in page
        assert f"<b>{title}: confusion matrices of the paper&#39;s network.</b> Rows are true" in page
        assert (tmp_path / f"report/figures/{name}/confusion.png").read_bytes() == name.encode()


def test_every_figure_is_on_one_page_with_a_caption_that_says_what_to_see(tmp_path):
    for name, entry in FIGURES.items():
        assert not entry.title.endswith(".") and entry.see.endswith(".") and len(entry.see.split()) >= 8
        path = paths.figure(tmp_path, paths.ALL if entry.across else "mmi", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    of(tmp_path, "cross_summary", [result("grouped", 0.5)], ["ckplus", "mmi"])
    report.write([run(tmp_path)], tmp_path)
    pages = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "report").glob("*.html"))
    for name in FIGURES:
        assert pages.count(f"/{name}.png'>") == 1, name


def test_emotions_pairs_and_the_ledger(tmp_path):
    both = [{"protocol": name, "emotion": "fear", "recall": value} for name, value in (("a", 0.125), ("b", 1.0))]
    of(tmp_path, "emotions", both, tested_times=8, precision=0.5, f1=0.2, **KEY)
    numbers = {"sequences": 72, "seeds": 3, "difference": 0.05, "difference_low": -0.01, "difference_high": 0.11}
    pairs = [{"model": "compact", "against": "svm", **numbers, "p": 0.0421}]
    of(tmp_path, "open_pairs", [*pairs, {"model": "compact", "against": "mlp", "note": "not the same folds"}])
    ledger = pd.DataFrame([{"stage": "drawing", "p50_ms": 0.678, "ratio": None, "cpu": "a CPU", "keras": "3"}])
    tables.write(ledger, paths.table(tmp_path, "all", "bench"))
    rows = cells(written(tmp_path, [run(tmp_path)], "mmi"))
    assert ["model", "protocol", "emotion", "tested", "precision, %", "recall, %", "F1, %"] in rows
    assert ["paper", "a", "fear", "8", "50.0", "12.5", "20.0"] in rows
    assert ["paper", "b", "fear", "8", "50.0", "100.0", "20.0"] in rows
    assert ["compact", "svm", "72", "3", "+5.0 [-1.0, +11.0]", "0.042", ""] in rows
    assert "<td style='white-space:nowrap'>+5.0 [" in (tmp_path / "report/mmi.html").read_text(encoding="utf-8")
    assert ["compact", "mlp", "", "", "", "", "not the same folds"] in rows
    rows = cells((tmp_path / "report/speed.html").read_text(encoding="utf-8"))
    assert ["stage", "p50_ms", "ratio"] in rows and ["drawing", "0.68", ""] in rows


def test_a_table_of_an_older_version_does_not_cost_the_page(tmp_path):
    of(tmp_path, "emotions", [{"emotion": "fear"}])
    of(tmp_path, "open_importance", [{"regions": "nose", "lost": 0.125}])
    paths.table(tmp_path, "mmi", "summary").write_bytes(b"\xff\x00")
    page = written(tmp_path, [run(tmp_path)])
    assert "No results." in page and "<b>rendered stand-in</b>" in page  # in whichever table
    page = written(tmp_path, [run(tmp_path)], "mmi")
    assert "emotions.csv cannot be shown" in page and "12.5" in page and "<b>rendered stand-in</b>" in page


def test_a_stand_in_of_an_earlier_run_does_not_mark_real_results(tmp_path):
    of(tmp_path, "coverage", [{"id": "a"}], "ckplus")
    of(tmp_path, "coverage", [{"id": "b"}], "mmi", rendered=False)
    marked = ["rendered stand-in" in written(tmp_path, [run(tmp_path, name)]) for name in ("ckplus", "mmi")]
    assert marked == [True, False]


def test_a_quick_run_says_so_on_every_page(tmp_path):
    (tmp_path / "run.json").write_text('{"settings": {"quick": true}, "started": "", "seconds": 60, "made_by": {}}')
    for name in ("index", "mmi", "speed", "method"):
        assert "<b>quick run</b>" in written(tmp_path, [run(tmp_path)], name)


def test_claims_are_shown_of_real_data_alone(tmp_path):
    rows = [{"source": "mmi", "data": "rendered stand-in", "sequences": 3, "verdict": "needs the licensed data"}]
    table = paths.table(tmp_path, "all", "claims")
    tables.write(pd.DataFrame(rows), table)
    page = written(tmp_path, [run(tmp_path)])
    assert "compared with real recordings alone" in page and "needs the licensed data" not in page
    tables.write(pd.DataFrame([*rows, {"source": "mmi", "data": "real", "sequences": 3, "verdict": "agrees"}]), table)
    page = written(tmp_path, [run(tmp_path)])
    assert "agrees" in page and "compared with real recordings alone" not in page


def test_runs_across_datasets_that_could_not_be_made_are_shown(tmp_path):
    refused = pd.DataFrame({"model": ["paper"], "protocol": ["grouped"], "reason": ["needs 23 GB"]})
    across = {"cross_summary": pd.DataFrame([result("grouped", 0.5)]), "cross_refused": refused}
    tables.save(tmp_path, ["ckplus", "mmi"], True, across)
    page = written(tmp_path, [], "across")
    assert "Runs that could not be made" in page and "needs 23 GB" in page
    tables.save(tmp_path, ["ckplus", "mmi"], True, {"cross_refused": refused[:0]})
    assert "Runs that could not be made" not in written(tmp_path, [], "across")


def test_a_notebooks_page_has_a_way_back_and_its_formulas(tmp_path):
    text = "# 02 · Features\n\n$$d_{ij} = \\sqrt{(x_i - x_j)^2}$$ and $a_i * b_j$, but `$HOME` and $5 stay."
    text += " [Next](03_train_convlstm.ipynb), [more](06_paper_figures.ipynb)"
    code = nbformat.v4.new_code_cell("1 + 1", outputs=[nbformat.v4.new_output("stream", name="stderr", text="3it/s]")])
    made = run(tmp_path)
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text), code]), made.executed)
    others = [run(tmp_path, name, "03_train_convlstm") for name in ("ckplus", "mmi", "oulu_vis")]
    for other in others:
        nbformat.write(nbformat.v4.new_notebook(), other.executed)
    page = written(tmp_path, [made, *others], made.executed.stem)
    assert 'href="03_train_convlstm_mmi.html"' in page and 'href="index.html">more' in page
    assert "<a href='index.html'>← Report</a>" in page and "<a href='mmi.html'>↑ MMI</a>" in page
    assert page.count("<math") == 2 and "<msqrt>" in page and "$$" not in page and "<em>" not in page
    assert "<code>$HOME</code>" in page and "$5 stay" in page and "it/s]" not in page
    assert f"href='{made.executed.stem}.html'" in (tmp_path / "report/index.html").read_text(encoding="utf-8")


def test_pages_are_made_for_phones_and_print(tmp_path):
    made = run(tmp_path)
    cell = nbformat.v4.new_markdown_cell("# a <title>")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), made.executed)
    page = written(tmp_path, [made], made.executed.stem)
    assert "width=device-width" in page and "@media print" in page and "<title>a &lt;title&gt;</title>" in page
    assert "http" not in page
