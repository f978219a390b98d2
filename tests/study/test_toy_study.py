"""Every notebook runs at toy size, through the runner, and the report holds what it should."""

import re

import nbformat
import pandas as pd
import pytest

from fer_utils import paths
from fer_utils.errors import StudyError
from fer_utils.evaluation import tables
from fer_utils.plots.registry import drawn
from fer_utils.study import record, runner

TOY = {
    **{"subjects": 5, "epochs": 2, "folds": 2, "seeds": 1, "models": ["compact"], "frames": 5, "actors": 2},
    "questions": ["leakage", "early", "importance", "units"],
}
KINDS = ("results", "predictions", "history", "summary", "coverage", "open_predictions", "open_importance", "splits")
WRITERS = ("01_extract_landmarks", "03_train_convlstm", "03b_open_questions")  # the notebooks that write these tables


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The folder of these studies and of their stand-ins."""
    home = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_DATA", str(home / "data"))
        patch.setenv("FER_RUNS", str(home / "runs"))
        yield home


@pytest.fixture(scope="module")
def toy(home):
    """How the notebooks of one study at toy size ended, and its folder."""
    return runner.run(["ckplus", "mmi"], out=home / "first", settings=TOY, jobs=2)


@pytest.fixture(scope="module")
def again(toy, home):
    """The same study again of one dataset, as far as its tables are compared."""
    with pytest.MonkeyPatch.context() as fewer:
        fewer.setattr(runner, "PER_DATASET", WRITERS)
        fewer.setattr(runner, "LAST", ())
        return runner.run(["ckplus"], out=home / "second", settings=TOY, jobs=1)


def outputs(executed) -> str:
    """All that a notebook's cells printed."""
    notebook = nbformat.read(executed, as_version=4)
    return "\n".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))


def test_every_notebook_passes(toy):
    first, _ = toy
    per_dataset = list(runner.PER_DATASET)
    assert [(run.notebook, run.error) for run in first] == [
        (notebook, "") for notebook in (*runner.FIRST, *per_dataset, *per_dataset, *runner.ACROSS, *runner.LAST)
    ]
    assert {path.stem for path in paths.notebooks().glob("*.ipynb")} == set(runner.NOTEBOOKS)


def test_tables_and_figures(toy):
    _, out = toy
    folds = tables.read(out, "results", "ckplus")
    assert list(folds["protocol"]) == ["stratified"] * 2 + ["grouped"] * 2
    assert set(folds["data"]) == {"rendered stand-in"}
    assert (folds.loc[folds["protocol"] == "grouped", "subjects_shared"] == 0).all()
    assert folds["tensorflow"].str.startswith("2.").all()
    assert folds["commit"].notna().all()
    predictions = tables.read(out, "predictions", "ckplus")
    assert predictions.groupby("protocol")["id"].nunique().eq(predictions["id"].nunique()).all()
    assert folds["n_test"].sum() == len(predictions)
    summary = tables.read(out, "summary", "ckplus").set_index("protocol")
    grouped = predictions[predictions["protocol"] == "grouped"]
    assert summary.loc["grouped", "accuracy"] == pytest.approx(
        (grouped["emotion"] == grouped["predicted"]).mean(), 1e-4
    )
    assert summary.loc["grouped", "accuracy_low"] <= summary.loc["grouped", "accuracy"]
    cross = tables.read(out, "cross_summary")
    assert {("ckplus", "mmi"), ("mmi", "mmi"), ("ckplus+mmi", "ckplus+mmi")} <= set(
        zip(cross["source"], cross["target"], strict=True)
    )
    assert set(cross["emotions"]) == {6}  # no contempt
    helped = tables.read_csv(paths.table(out, "all", "helped"))
    assert {*zip(helped["model"], helped["against"], strict=True)} == {("compact", "paper"), ("by units", "paper")}
    assert set(helped["data"]) == {"rendered stand-in"}
    claims = tables.read_csv(paths.table(out, "all", "claims"))
    assert set(claims["verdict"]) == {"needs the licensed data"} and claims["difference"].isna().all()
    assert len(claims[claims["source"] == "ckplus"]) == 2  # one a protocol


def test_the_manifest_holds_every_row_once_a_fold(toy):
    _, out = toy
    manifest, predictions = (tables.read(out, kind, "ckplus") for kind in ("splits", "predictions"))
    assert (
        manifest.groupby(["protocol", "fold"])["id"].agg(["size", "nunique"]).eq(predictions["id"].nunique()).all(None)
    )
    tested = manifest[manifest["part"] == "test"].set_index(["protocol", "id"])["fold"]
    assert predictions.set_index(["protocol", "id"])["fold"].sort_index().equals(tested.sort_index())


@pytest.mark.long
def test_folds_are_taken_from_an_earlier_study(toy, tmp_path):
    _, out = toy
    earlier = tmp_path / "earlier"
    manifest = pd.read_csv(paths.table(out, "ckplus", "splits"), dtype=str)
    written = paths.table(earlier, "ckplus", "splits")
    tables.write(manifest[manifest["protocol"] == "grouped"].assign(protocol="mine"), written)
    values = {"dataset": "ckplus", "out": str(tmp_path), "subjects": 5, "epochs": 1, "model": "compact"}
    given = runner._given(earlier, ["ckplus"], earlier)  # this study's own folder may be the earlier one's
    record.forget(earlier, ["ckplus"])
    assert not written.exists()
    run = runner.run_notebook("03_train_convlstm", "ckplus", {**values, "splits": given["ckplus"]}, tmp_path)
    assert run.error == ""
    made = tables.read(tmp_path, "predictions", "ckplus")
    theirs = tables.read(out, "predictions", "ckplus")
    assert set(made["protocol"]) == {"mine"}
    folds = theirs[theirs["protocol"] == "grouped"].set_index("id")["fold"].sort_index()
    assert made.set_index("id")["fold"].sort_index().equals(folds)
    with pytest.raises(StudyError, match=r"mmi/splits\.csv: cannot be read \(No such file or directory\); --splits"):
        runner._given(tmp_path, ["ckplus", "mmi"][1:], tmp_path)


@pytest.mark.long
def test_same_seed_gives_the_same_tables(toy, again):
    (_, first), (_, second) = toy, again
    for table in KINDS:
        assert paths.table(first, "ckplus", table).read_bytes() == paths.table(second, "ckplus", table).read_bytes()


@pytest.mark.long
def test_second_run_takes_the_cached_tracks(toy, again):
    (first, _), (second, out) = toy, again
    assert [run.error for run in second] == [""] * (1 + len(WRITERS))
    assert re.search(r"\b0 tracks came from the cache", outputs(first[1].executed))
    count = re.search(r"(\d+) tracks came from the cache", outputs(second[1].executed))
    assert int(count[1]) == len(tables.read(out, "coverage", "ckplus"))


def test_report_is_marked_whole_and_fetches_nothing(toy):
    first, out = toy
    report = out / "report"
    pages = {path.name: path.read_text(encoding="utf-8") for path in report.glob("*.html")}
    index = pages["index.html"]
    assert "rendered stand-in" in index and "PASS" in index and "it is right in" in index
    shown = [figure for page in pages.values() for figure in re.findall(r"<img src='([^']+)'", page)]
    assert len(shown) == len(set(shown)) and all((report / figure).is_file() for figure in shown)
    assert {f"figures/{path.relative_to(out / 'figures')}" for path in out.glob("figures/*/*.png")} == set(shown)
    for name, page in pages.items():
        for address in re.findall(r"href='([^'#:]+)'", page):
            assert (report / address).is_file(), (name, address)
        assert name == "index.html" or "href='index.html'" in page
        assert "rendered stand-in" in page
    for run in first:
        address = f"{run.executed.stem}.html"
        assert f"href='{address}'" in index
        page = pages[address]
        assert "data:image/png;base64" in page or run.notebook == "00_check_setup"
        assert not re.findall(r"""(?:src|href)=["']https?://[^"']+\.(?:js|css|mjs)""", page)
        assert not re.findall(r"""import\s[^;]*["']https?://""", page)
        assert "it/s]" not in page and "fold/s" not in page  # progress bars are not results


def test_notebooks_with_widgets_run_too(toy, tmp_path):
    """As in JupyterLab by Run All: the same cells give widgets instead of figures."""
    values = {"dataset": "ckplus", "out": str(tmp_path), "subjects": TOY["subjects"], "interactive": True}
    for notebook in runner.PER_DATASET[:2]:
        run = runner.run_notebook(notebook, "ckplus", values, tmp_path)
        assert run.error == ""
        assert "application/vnd.jupyter.widget-view+json" in run.executed.read_text()


def test_all_that_the_notebooks_write_is_known_and_listed(toy):
    _, out = toy
    index = (out / "README.md").read_text(encoding="utf-8")
    for folder, of_one, of_all in (
        ("tables", tables.KINDS, tables.ACROSS),
        ("figures", drawn("mmi"), drawn(paths.ALL)),
    ):
        written = {path.relative_to(out / folder).with_suffix("") for path in out.glob(f"{folder}/*/*")}
        assert {str(path) for path in written} == {
            *(f"{name}/{kind}" for kind in of_one for name in ("ckplus", "mmi")),
            *(f"all/{kind}" for kind in of_all),
        }
        for path in written:
            assert f"]({folder}/{path}." in index
    assert "](models/mmi/compact.tflite) |" in index and "| folds/ |" in index


def test_what_made_a_run_is_recorded(toy):
    first, out = toy
    run = record.read(out)
    assert run["settings"] == {"data": "", "jobs": 2, **TOY}
    assert [(each["notebook"], each["dataset"], each["error"]) for each in run["notebooks"]] == [
        (each.notebook, each.dataset, each.error) for each in first
    ]
    predictions = tables.read(out, "predictions", "mmi")
    known = run["datasets"]["mmi"]
    assert known["data"] == "rendered stand-in" and known["people"] == predictions["subject"].nunique() == 5
    assert known["found"] <= known["frames"] == tables.read(out, "coverage", "mmi")["frames"].sum()
    assert {"commit", "tensorflow", "cpu"} <= set(run["made_by"]) and run["seconds"] > 0
