"""The report of a study: a page for each notebook, and an index of them with results and figures first."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pandas as pd
from nbconvert import HTMLExporter

from fer_utils import paths
from fer_utils.data.sequence import STAND_IN
from fer_utils.errors import StudyError, first_line
from fer_utils.evaluation import tables
from fer_utils.plots import captions

LEDGER = ("stage", "p50_ms", "p95_ms", "frames_per_s", "ratio", "note", "cpu", "cores", "commit")
REFUSED = "Runs that could not be made"
ABOUT = (
    *("dataset", "data", "model", "source", "target", "protocol", "variant", "tested", "select_on"),
    *("sequences", "subjects", "seeds"),
)
MEASURES = {
    "accuracy": "accuracy % [95 %]",
    "balanced_accuracy": "balanced accuracy % [95 %]",
    "macro_f1": "macro-F1 % [95 %]",
}


@dataclass
class NotebookRun:
    """One notebook's outcome. `error` is empty where it passed, else one line."""

    notebook: str
    dataset: str
    executed: Path
    seconds: float = 0.0
    error: str = ""
    page: Path | None = None


def write(done: list[NotebookRun], out: Path) -> Path:
    """A page for each executed notebook and an index of them, with results and figures first, under `out/report`."""
    exporter = HTMLExporter()
    # nothing in a page is fetched from elsewhere, so that it can be read offline
    for link in (
        "mathjax_url",
        "mermaid_js_url",
        "mermaid_layout_elk_js_url",
        "jquery_url",
        "require_js_url",
        "jupyter_widgets_base_url",
    ):
        setattr(exporter, link, "")
    for result in done:
        if not result.executed.is_file():
            continue
        notebook = nbformat.read(result.executed, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":  # progress bars and the libraries' own log lines
                cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        notebook.metadata["title"] = result.executed.stem
        result.page = out / "report" / f"{result.executed.stem}.html"
        with paths.replacing(result.page) as temporary:
            temporary.write_text(exporter.from_notebook_node(notebook)[0], encoding="utf-8")
    index = out / "report" / "index.html"
    with paths.replacing(index) as temporary:
        temporary.write_text("\n".join(_index(done, out)), encoding="utf-8")
    return index


def results(done: list[NotebookRun], out: Path) -> pd.DataFrame:
    """The summaries of a run's datasets, a row a dataset, model and protocol; empty where there are none."""
    return _tables(done, out, "summary")


def readable(found: pd.DataFrame) -> pd.DataFrame:
    """A table of results for reading: percentages with their intervals, and what distinguishes the rows."""
    always = ("dataset", "data", "model", "protocol", "sequences", "subjects")
    own = {"source", "target"} if (found["source"] == found["dataset"]).all() else set()  # they would repeat its name
    table = found[[name for name in ABOUT if name in always or (len(set(found[name])) > 1 and name not in own)]].copy()
    for name, title in MEASURES.items():
        low, high = found[f"{name}_low"], found[f"{name}_high"]
        table[title] = [
            f"{100 * value:.1f} [{100 * bottom:.1f}, {100 * top:.1f}]"
            for value, bottom, top in zip(found[name], low, high, strict=True)
        ]
    return table


def left_out(done: list[NotebookRun], out: Path) -> pd.DataFrame:
    """What the notebooks left out, with the stage and the reason; empty where nothing was."""
    return _tables(done, out, "left_out")


def outcome(done: list[NotebookRun]) -> pd.DataFrame:
    """A row a notebook: time and PASS or FAIL."""
    return pd.DataFrame(
        [(r.notebook, r.dataset, f"{r.seconds:.0f} s", "FAIL: " + r.error if r.error else "PASS") for r in done],
        columns=["notebook", "dataset", "time", "outcome"],
    )


def _datasets(done: list[NotebookRun]) -> list[str]:
    return list(dict.fromkeys(result.dataset for result in done if result.dataset))


def _tables(done: list[NotebookRun], out: Path, kind: str) -> pd.DataFrame:
    """All CSV of a kind that the run wrote."""
    found = []
    for name in _datasets(done):
        with suppress(StudyError):  # not there, or damaged: the notebook that writes it failed, which is said
            found.append(tables.read_csv(paths.table(out, name, kind)))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def _index(done: list[NotebookRun], out: Path) -> Iterator[str]:
    found, missing = results(done, out), left_out(done, out)
    yield "<!doctype html><html lang='en'><meta charset='utf-8'><title>Study</title><style>"
    yield "body{font:16px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;color:#222}"
    yield "table{border-collapse:collapse;margin:1rem 0}td,th{padding:.3rem .7rem;border-bottom:1px solid #ddd;"
    yield "text-align:left}.mark{background:#fdecea;border-left:4px solid #d55e00;padding:.6rem 1rem}"
    yield "img{max-width:100%}figcaption{font-size:.85rem;color:#666}</style>"
    yield "<h1>Sequential facial expression analysis from geometric features</h1>"
    if _is_rendered(done, out):
        yield f"<p class='mark'><b>{STAND_IN}</b>: these results come from rendered actors. They show that every stage "
        yield "runs; they say nothing about real faces, and are not to be set beside published numbers.</p>"
    yield "<h2>Claimed and found</h2><p>In %; the interval is over people.</p>"
    claimed = paths.table(out, paths.ALL, "claims")
    yield from _table(claimed, shown=_claims) if claimed.is_file() else ["<p>Not known, since notebook 06 failed.</p>"]
    yield from _table(paths.figures() / "published.csv", "What the paper and others published", _yardsticks)
    yield "<h2>Results</h2>"
    yield "<p>No results.</p>" if found.empty else _html(readable(found))
    yield from _pictures(out, paths.ALL, ["method"])
    for name in _datasets(done):
        yield f"<h2>{name}</h2>"
        yield from _pictures(out, name, captions.FIGURES)
        for kind, (title, shown) in SHOWN.items():
            yield from _table(paths.table(out, name, kind), title, shown)
    yield "<h2>Across datasets</h2>"
    yield from _pictures(out, paths.ALL, ["matrix", "composites"])
    yield from _table(paths.table(out, paths.ALL, "cross_summary"), "Results across datasets", readable)
    yield from _table(paths.table(out, paths.ALL, "cross_refused"), REFUSED)
    yield from _table(paths.table(out, paths.ALL, "cross_left_out"), "Sequences that are not among these", _rounded)
    yield "<h2>Real time</h2>"
    yield from _pictures(out, paths.ALL, ["ledger"])
    yield from _table(paths.table(out, paths.ALL, "bench"), "The ledger", _ledger)
    yield "<h2>Live</h2>"
    yield from _pictures(out, paths.ALL, ["stream"])
    yield "<h2>The paper's figures, and ours</h2>"
    yield from _pictures(out, paths.ALL, ["landmark_sets", "architecture"])
    yield "<h2>Left out</h2>"
    for name in _datasets(done):
        if not paths.table(out, name, "left_out").is_file():
            yield f"<p>{name}: not known, since notebook 01 failed.</p>"
        elif missing.empty or name not in set(missing["dataset"]):
            yield f"<p>{name}: nothing.</p>"
    yield from _frames(done, out)
    if not missing.empty:
        counts = missing.groupby(["dataset", "stage", "reason"], as_index=False).size()
        yield _html(counts.rename(columns={"size": "count"}))
    yield "<h2>Notebooks</h2><table><tr><th>notebook<th>dataset<th>time<th>outcome</tr>"
    for result, row in zip(done, outcome(done).itertuples(index=False), strict=True):
        name = html.escape(result.notebook)
        link = f"<a href='{html.escape(result.page.name)}'>{name}</a>" if result.page else name
        yield f"<tr><td>{link}<td>{row.dataset}<td>{row.time}<td>{html.escape(row.outcome)}</tr>"
    yield "</table></html>"


def _is_rendered(done: list[NotebookRun], out: Path) -> bool:
    """Whether a table of this run is a stand-in's. What an earlier run left there of other datasets does not count."""
    written = [paths.table(out, name, kind) for kind in tables.KINDS for name in _datasets(done)]
    written += [paths.table(out, paths.ALL, kind) for kind in tables.ACROSS]
    return any(STAND_IN in path.read_text(encoding="utf-8", errors="replace") for path in written if path.is_file())


def _frames(done: list[NotebookRun], out: Path) -> Iterator[str]:
    """What became of the frames of the sequences that were not left out, a line a dataset."""
    coverage = _tables(done, out, "coverage")
    counted = ["frames", "found", "unreadable"]
    if not {"dataset", *counted} <= set(coverage):  # failed, or an older version's
        return
    for name, counts in coverage.groupby("dataset", sort=False)[counted].sum().iterrows():
        frames, found, unreadable = counts.astype(int)
        without = f"{frames - found - unreadable} without a face, {unreadable} that could not be read"
        yield f"<p>{html.escape(str(name))}: {frames} frames in all other sequences, of them {without}.</p>"


def _table(path: Path, title: str = "", shown: Callable[[pd.DataFrame], pd.DataFrame] = pd.DataFrame) -> Iterator[str]:
    """A table of the run as it is `shown`, folded up under a title if it has one; nothing where it was not written or
    has no rows. One that cannot be shown, as of an older version, does not cost the page."""
    if not path.is_file():
        return
    try:
        table = tables.read_csv(path)
        content = _html(shown(table)) if len(table) else ""
    except (StudyError, KeyError, TypeError, ValueError) as error:
        content = f"<p>{html.escape(path.name)} cannot be shown: {html.escape(first_line(error))}</p>"
    if content:
        yield f"<details><summary>{title}</summary>{content}</details>" if title else content


def _claims(claims: pd.DataFrame) -> pd.DataFrame:
    return claims.astype({"sequences": "Int64"})


def _by_emotion(recalls: pd.DataFrame) -> pd.DataFrame:
    shares = recalls.pivot_table(index="emotion", columns=["model", "protocol"], values="recall", sort=False)
    shares.columns = [f"{model}, {protocol}" for model, protocol in shares.columns]
    return (100 * shares).round(1).add_suffix(" (%)").reset_index()


def _differences(pairs: pd.DataFrame) -> pd.DataFrame:
    numbers = ("difference", "difference_low", "difference_high", "p")
    found = pairs.reindex(columns=["model", "against", "sequences", "seeds", *numbers, "note"])
    known = found["p"].notna()
    in_words = [
        f"{100 * value:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
        for value, low, high in found[list(numbers[:3])].itertuples(index=False)
    ]
    counts = {name: found[name].map("{:g}".format).where(known, "") for name in ("sequences", "seeds")}
    return found[["model", "against"]].assign(
        **counts,
        **{"accuracy, difference in points [95 %]": pd.Series(in_words, found.index).where(known, found["note"])},
        p=found["p"].map("{:.2g}".format).where(known, ""),
    )


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns="dataset").round(4)


def _ledger(bench: pd.DataFrame) -> pd.DataFrame:
    return bench[[name for name in LEDGER if name in bench]].round(2)


def _yardsticks(published: pd.DataFrame) -> pd.DataFrame:
    return published[["method", "year", "source", "target", "protocol", "accuracy", "reference"]]


# tables of a dataset, by kind, with their titles
SHOWN: Mapping[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame]]] = {
    "recalls": ("Recall by emotion", _by_emotion),
    "refused": (REFUSED, pd.DataFrame),
    "open_summary": ("Models, leakage, ablations, early recognition, noise", readable),
    "open_pairs": (
        "Pairs of models, compared person by person on the same folds; p is not corrected for the number of pairs",
        _differences,
    ),
    "open_importance": ("What decides: accuracy lost, its spread and share of the folds", _rounded),
    "open_features": ("How many sequences each variant of the features has", _rounded),
    "phase_errors": ("Onset, apex and offset: errors in frames", _rounded),
    "open_refused": (REFUSED, pd.DataFrame),
}


def _html(table: pd.DataFrame) -> str:
    return table.to_html(index=False, border=0, na_rep="")


def _pictures(out: Path, dataset: str, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if paths.figure(out, dataset, name).is_file():
            called = html.escape(f"{dataset}: {name}")
            image = f"<img src='../figures/{dataset}/{name}.png' alt='{called}'>"
            yield f"<figure>{image}<figcaption>{called}</figcaption></figure>"
