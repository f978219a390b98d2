"""What is published of a run: small pages without a machine's folders, and nothing of a run that says nothing."""

import json

import nbformat
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fer_utils import paths
from fer_utils.errors import StudyError
from fer_utils.evaluation import tables
from fer_utils.study import publish
from tests.study.test_report import result


@pytest.fixture
def finished(tmp_path, monkeypatch):
    """A run of one dataset with one notebook, and the clone that it is published in."""
    monkeypatch.setenv("FER_ROOT", str(tmp_path / "clone"))
    run = tmp_path / "clone/runs/study"
    summary = pd.DataFrame([result("stratified", 0.75), result("grouped", 0.7)])
    open_summary = pd.DataFrame([{**result("grouped", 0.6), "model": "compact", "variant": "61 landmarks"}])
    models = open_summary[["model", *tables.SHOWN]].assign(weights=221_000, seconds=3.25)
    pair = {"against": "grouped", "difference": 0.05, "difference_low": -0.01, "difference_high": 0.11, "p": 0.2}
    protocols = summary[:1].assign(**pair)
    named = {"summary": summary, "open_summary": open_summary.assign(tested="61 landmarks"), "open_models": models}
    tables.save(run, "mmi", True, {**named, "protocols": protocols, "open_protocols": protocols[:0]})
    tables.write(
        pd.DataFrame([{"stage": "drawing", "p50_ms": 0.678, "p95_ms": 1, "frames_per_s": 1470}]),
        paths.table(run, "all", "bench"),
    )
    compared = {"differs": "model", "model": "gram", "variant": "trajectory", "against": "paper", "data": "rendered"}
    helped = pd.DataFrame([{**compared, "sequences": 20, "seeds": 1, **pair, "against": "paper", "verdict": "worse"}])
    tables.write(helped, paths.table(run, "all", "helped"))
    html = "<style>th {color: red}</style><table><tr><td>1</td></tr></table>"
    shown = nbformat.v4.new_output("execute_result", {"text/html": html, "text/plain": "1"})
    said = nbformat.v4.new_output("stream", name="stdout", text=f"{run}/tables\n")
    given = nbformat.v4.new_code_cell(f"out = '{run}'", metadata={"tags": ["injected-parameters"]})
    cells = [
        nbformat.v4.new_markdown_cell("# 01 · Points\n\n[Next](02_features.ipynb)"),
        given,
        nbformat.v4.new_code_cell("1", outputs=[said, shown]),
    ]
    (run / "notebooks").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), run / "notebooks/01_points_mmi.ipynb")
    record = {
        "started": "2025-12-05T10:00:00+00:00",
        "seconds": 90,
        "settings": {},
        "made_by": {"cpu": "a CPU", "commit": "abc"},
        "datasets": {"mmi": {"data": "rendered stand-in"}},
        "notebooks": [{"notebook": "01_points", "dataset": "mmi", "seconds": 12, "error": ""}],
    }
    (run / "run.json").write_text(json.dumps(record))
    return run


def test_results_and_notebooks(finished):
    publish.publish(finished)
    docs = paths.root() / "docs"
    text = (docs / "results.md").read_text(encoding="utf-8")
    assert text.index("**rendered stand-in**") < text.index("| MMI | 70.0 [60.0, 80.0] | 75.0 [65.0, 85.0] |")
    assert "| 221,000 | 3.25 |" in text and "| +5.0 [-1.0, +11.0] | 0.2 |" in text
    assert "| model | gram | trajectory | paper | 20 | 1 | +5.0 [-1.0, +11.0] | 0.2 | worse |" in text
    assert "| cpu | a CPU |" in text and "| drawing | 0.68 | 1 | 1470 |" in text and "| day | 2025-12-05 |" in text
    page = (docs / "notebooks/01_points.md").read_text(encoding="utf-8")
    assert (
        "# 01 · Points" in page
        and "[Next](02_features.md)" in page
        and "MMI (rendered stand-in)" in page
        and "<table>" in page
    )
    assert str(finished.parents[1]) not in page and "<style" not in page and "runs/study/tables" in page
    assert "[01 · Points](01_points.md) | 12 s |" in (docs / "notebooks/README.md").read_text(encoding="utf-8")


def test_pictures_of_the_repository_are_those_of_the_run(finished):
    shown = paths.figures() / "confusion_mmi.png"
    for path, content in ((shown, b"old"), (paths.figure(finished, "mmi", "confusion"), b"new")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (paths.figures() / "demo.png").write_bytes(b"made by hand")
    publish.publish(finished)
    assert shown.read_bytes() == b"new" and (paths.figures() / "demo.png").read_bytes() == b"made by hand"


@pytest.mark.parametrize(
    ("part", "value", "why"),
    [
        ("settings", {"quick": True}, "a quick run, whose numbers mean nothing"),
        ("notebooks", [{"notebook": "03", "dataset": "mmi", "seconds": 1, "error": "x"}], "03 mmi failed"),
    ],
)
def test_a_run_that_says_nothing_is_not_published(finished, part, value, why):
    record = json.loads((finished / "run.json").read_text())
    (finished / "run.json").write_text(json.dumps({**record, part: value}))
    with pytest.raises(StudyError, match=why):
        publish.publish(finished)
    assert not (paths.root() / "docs").exists()


def test_a_folder_without_a_study(tmp_path):
    with pytest.raises(StudyError, match=r"run\.json: cannot be read"):
        publish.publish(tmp_path)


def test_large_pictures_are_stored_in_few_colours():
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8))
    stream = publish.io.BytesIO()
    image.save(stream, "PNG")
    packed = publish._small(stream.getvalue())
    assert len(packed) < len(stream.getvalue()) / 2 and packed.startswith(b"\x89PNG")
    assert publish._small(b"few bytes") == b"few bytes"
