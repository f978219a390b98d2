"""The report of a study: a small site, whole in its folder, made from the run's tables and figures."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fer_utils import paths
from fer_utils.data import registry
from fer_utils.data.sequence import STAND_IN
from fer_utils.errors import StudyError, first_line
from fer_utils.evaluation import tables
from fer_utils.evaluation.reading import with_interval
from fer_utils.plots.registry import drawn
from fer_utils.study import findings, notebook_pages, record, site

TITLE = "Sequential facial expression analysis from geometric features"
MARK = (
    f"<b>{STAND_IN}</b>: these results come from rendered actors. They show that every stage runs; they say nothing "
    "about real faces, and are not comparable with published numbers."
)
QUICK = "<b>quick run</b>: few people and few epochs, to see whether everything runs. Its numbers mean nothing."
METHOD = """A detector finds 478 points of the face in every frame; 61 of them are used. Inside five groups of regions,
one for each group of action units, every two points give a distance and an angle: 1456 pairs, 2912 numbers. Five key
frames are picked between neutral and apex, evenly in intensity, and the changes from one to the next are what the
network sees: a tensor of shape (4, 2912). The network is trained on some people and tested on others."""


TABLE = """Accuracy in %, with its 95 % interval over people. <i>New people</i>: nobody is in training and in test.
<i>People also in training</i>: folds of sequences, as the paper's may be."""
ACTORS = {
    "actor_transfer": "From actors to recordings, back, and both together",
    "actor_parts": "From one rig to the other: what is lost by units, geometry and detector",
    "exactness": "Errors of found points on rendered faces, in % of the distance of the eyes' outer corners",
}
CONTENTS = {
    "across.html": "trained on one, tested on another",
    "speed.html": "milliseconds a stage, and a stream frame by frame",
    "method.html": "the points, the pairs and the network",
}


@dataclass(frozen=True)
class NotebookRun:
    """One notebook's outcome. `error` is empty if it passed, else one line."""

    notebook: str
    dataset: str
    executed: Path
    seconds: float = 0.0
    error: str = ""


def write(done: list[NotebookRun], out: Path) -> Path:
    """Write the site into `out/report`; return its first page.

    There is a page for each dataset, for each executed notebook, for results across datasets, for speed and for the
    method. What an earlier run left in `out` of other datasets is not shown.
    """
    report, marks = out / "report", _marks(done, out)
    names = _datasets(done)
    pages = {f"{name}.html": (registry.title(name), _dataset(name, done, out)) for name in names}
    if paths.table(out, paths.ALL, "cross_summary").is_file():
        pages["across.html"] = ("Across datasets", _across(done, out))
    pages["speed.html"] = ("Speed and streams", _speed(done, out))
    pages["method.html"] = ("The method", _method(out))
    links = [("index.html", "Report"), *((address, title) for address, (title, _) in pages.items())]
    there = [result for result in done if result.executed.is_file()]
    for result in there:
        notebook = notebook_pages.read(result.executed)
        # links lead to the same dataset's pages, if there are any
        near = sorted(there, key=lambda other: other.dataset == result.dataset)
        addresses = {other.notebook: f"{other.executed.stem}.html" for other in near}
        title, body = notebook_pages.title(notebook) or result.notebook, notebook_pages.to_html(notebook, addresses)
        address = report / f"{result.executed.stem}.html"
        paths.write(address, site.page(title, [body], _back(result, links), marks))
    for address, (title, body) in pages.items():
        paths.write(report / address, site.page(title, [f"<h1>{html.escape(title)}</h1>", *body], links, marks))
    first = [f"<h1>{TITLE}</h1>", *_index(done, out, links[1:])]
    return paths.write(report / "index.html", site.page(TITLE, first, links, marks))


def joined(done: list[NotebookRun], out: Path, kind: str) -> pd.DataFrame:
    """Return the tables of a kind of all datasets of the run, one below the other; empty if there are none."""
    found = [table for name in _datasets(done) if len(table := _read(out, name, kind).dropna(how="all", axis=1))]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def first_results(out: Path, dataset: str) -> list[str]:
    """Return a line for each protocol of a dataset's summary, such as "grouped folds: accuracy 74.6 [67.1, 81.8] %"."""
    columns = ["protocol", "accuracy", "accuracy_low", "accuracy_high", "data"]
    rows = tables.read(out, "summary", dataset)[columns].itertuples(index=False)
    return [f"{protocol} folds: accuracy {with_interval(*accuracy)} %, {data}" for protocol, *accuracy, data in rows]


def outcome(done: list[NotebookRun]) -> pd.DataFrame:
    """Return a row a notebook: time and PASS or FAIL."""
    return pd.DataFrame(
        [(r.notebook, r.dataset, f"{r.seconds:.0f} s", "FAIL: " + r.error if r.error else "PASS") for r in done],
        columns=["notebook", "dataset", "time", "outcome"],
    )


def _index(done: list[NotebookRun], out: Path, links: list[tuple[str, str]]) -> Iterator[str]:
    names = _datasets(done)
    if failed := [f"{run.notebook} {run.dataset}".strip() for run in done if run.error]:
        yield f"<p class='mark'><b>{len(failed)} notebooks failed</b>: {html.escape(', '.join(failed))}.</p>"
    yield "<h2>What was found</h2>"
    yield from (f"<p>{html.escape(text)}</p>" for text in findings.sentences(out, names))
    found = findings.main_table(out, names)
    yield "<p>No results.</p>" if found.empty else site.table(found) + f"<p class='note'>{TABLE}</p>"
    yield f"<h2>The method</h2><p>{METHOD}</p>"
    yield from site.figures(out, paths.ALL, ["method"])
    yield "<h2>Contents</h2><ul>"
    for address, title in links:
        about = CONTENTS.get(address, "its recordings, features, results and open questions")
        yield f"<li><a href='{address}'>{html.escape(title)}</a>: {about}</li>"
    yield "</ul><h2>The paper's claims</h2>"
    yield from _claimed(out)
    yield "<h2>Notebooks</h2><div class='wide'><table><tr><th>notebook<th>dataset<th>time<th>outcome</tr>"
    for run, row in zip(done, outcome(done).itertuples(index=False), strict=True):
        yield f"<tr><td>{_link(run)}<td>{registry.title(run.dataset)}"
        yield f"<td>{row.time}<td>{html.escape(row.outcome)}</tr>"
    yield "</table></div><h2>How it was made</h2>"
    yield from _made_by(out)


def _marks(done: list[NotebookRun], out: Path) -> list[str]:
    """Return the warnings of every page. What an earlier run left of other datasets does not count."""
    written = [paths.table(out, name, kind) for kind in tables.KINDS for name in _datasets(done)]
    written += [paths.table(out, paths.ALL, kind) for kind in tables.ACROSS]
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in written if path.is_file()]
    marks = [MARK] if any(STAND_IN in text for text in texts) else []
    with suppress(StudyError):
        marks += [QUICK] if record.read(out)["settings"].get("quick") else []
    return marks


def _back(result: NotebookRun, links: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the links from a notebook's page to the report and to its dataset."""
    own = [(address, f"↑ {title}") for address, title in links if address == f"{result.dataset}.html"]
    return [("index.html", "← Report"), *own]


def _claimed(out: Path) -> Iterator[str]:
    try:
        claims = tables.read_csv(paths.table(out, paths.ALL, "claims"))
    except StudyError:
        yield "<p>Not known, since notebook 06 failed.</p>"
        return
    real = claims[claims["data"] == "real"] if "data" in claims else claims[:0]
    if real.empty:
        yield "<p>They are compared with real recordings alone, and this run has none: "
        yield "<code>fer study --data FOLDER</code> takes yours.</p>"
    else:
        yield "<p>In %; the interval is over people.</p>"
        yield site.table(claims.astype({"sequences": "Int64"}))
    yield from _table(paths.figures() / "published.csv", "What the paper and others published", findings.yardsticks)


def _made_by(out: Path) -> Iterator[str]:
    try:
        run = record.read(out)
    except StudyError:
        return
    facts = {"started": run["started"], "time": f"{run['seconds'] / 60:.0f} min", **run["made_by"]}
    rows = pd.DataFrame(facts.items(), columns=["what", "value"])
    yield "<p>All numbers lie in <code>tables/</code>, beside the folder of this page; for a paper as LaTeX, too. "
    yield f"<code>{record.RUN}</code> has the settings.</p>"
    yield site.table(rows, "Machine and versions")


def _dataset(name: str, done: list[NotebookRun], out: Path) -> Iterator[str]:
    yield _in_full([run for run in done if run.dataset == name])
    yield "<h2>Recordings</h2>"
    yield from _counts(name, out)
    yield "<h2>From faces to features</h2>"
    yield from site.figures(out, name, drawn(name, "01", "02"))
    yield from _shown(out, name, "phase_errors")
    yield "<h2>The paper's network</h2>"
    yield from site.figures(out, name, drawn(name, "03"))
    yield from _shown(out, name, "emotions", "protocols", "refused")
    yield "<h2>Open questions</h2>"
    yield from site.figures(out, name, drawn(name, "03b"))
    yield from _shown(out, name, "open_models", "open_pairs", "open_protocols", "open_features")
    yield from site.figures(out, name, drawn(name, "03c"))
    yield from _shown(out, name, "open_importance", "open_units", "open_summary", "open_refused")


def _counts(name: str, out: Path) -> Iterator[str]:
    if counts := record.counts(out, name):
        without = counts["frames"] - counts["found"] - counts["unreadable"]
        yield f"<p>{counts['sequences']} sequences of {counts['people']} people ({counts['data']}). "
        yield f"Of {counts['frames']} frames, {without} show no face and {counts['unreadable']} cannot be read.</p>"
    if not paths.table(out, name, "left_out").is_file():
        yield "<p>What was left out is not known, since notebook 01 failed.</p>"
        return
    missing = _read(out, name, "left_out")
    if missing.empty:
        yield "<p>Nothing was left out.</p>"
    else:
        yield "<p>Left out:</p>"
        yield site.table(missing.groupby(["stage", "reason"], as_index=False).size().rename(columns={"size": "count"}))


def _across(done: list[NotebookRun], out: Path) -> Iterator[str]:
    yield "<p>Trained on one set of people, camera and light, tested on another.</p>"
    yield _in_full([run for run in done if run.notebook in ("04_cross_dataset", "04b_real_and_drawn")])
    yield from site.figures(out, paths.ALL, drawn(paths.ALL, "04"))
    yield from _table(paths.table(out, paths.ALL, "cross_summary"), "All numbers", findings.readable)
    for kind, title in ACTORS.items():
        yield from _table(paths.table(out, paths.ALL, kind), title, findings.rounded)
    yield from _table(paths.table(out, paths.ALL, "cross_refused"), findings.REFUSED)
    yield from _table(paths.table(out, paths.ALL, "cross_left_out"), "Sequences that take no part", findings.rounded)


def _speed(done: list[NotebookRun], out: Path) -> Iterator[str]:
    yield _in_full([run for run in done if run.notebook in ("05_real_time", "07_webcam_demo")])
    yield from site.figures(out, paths.ALL, drawn(paths.ALL, "05"))
    yield from _table(paths.table(out, paths.ALL, "bench"), "All stages", findings.ledger)
    yield from site.figures(out, paths.ALL, drawn(paths.ALL, "07", "04b"))


def _method(out: Path) -> Iterator[str]:
    yield f"<p>{METHOD}</p>"
    yield from site.figures(out, paths.ALL, [name for name in drawn(paths.ALL, "06") if name != "method"])


def _in_full(runs: list[NotebookRun]) -> str:
    """Return links to the notebooks of these runs."""
    links = [_link(run) for run in runs if run.executed.is_file()]
    return f"<p>In full: {', '.join(links)}.</p>" if links else ""


def _link(run: NotebookRun) -> str:
    """Return a link to a notebook's page, or its name alone if it was not executed."""
    name = html.escape(run.notebook)
    return f"<a href='{html.escape(run.executed.stem)}.html'>{name}</a>" if run.executed.is_file() else name


def _datasets(done: list[NotebookRun]) -> list[str]:
    return list(dict.fromkeys(result.dataset for result in done if result.dataset))


def _read(out: Path, name: str, kind: str) -> pd.DataFrame:
    """Return a table; an empty one if it is missing or damaged, since the first page says which notebook failed."""
    with suppress(StudyError):
        return tables.read_csv(paths.table(out, name, kind))
    return pd.DataFrame()


def _shown(out: Path, name: str, *kinds: str) -> Iterator[str]:
    for kind in kinds:
        title, shown = findings.OF_A_DATASET[kind]
        yield from _table(paths.table(out, name, kind), title, shown)


def _table(path: Path, title: str, shown: Callable[[pd.DataFrame], pd.DataFrame] = pd.DataFrame) -> Iterator[str]:
    """Yield a table of the run as it is `shown`, folded up under a title; nothing if it is missing or has no rows.

    If it cannot be shown, such as a table of an older version, a line says so and the page goes on.
    """
    if not path.is_file():
        return
    try:
        table = tables.read_csv(path)
        if len(table):
            yield site.table(shown(table), title)
    except (StudyError, KeyError, TypeError, ValueError) as error:
        yield f"<p>{html.escape(path.name)} cannot be shown: {html.escape(first_line(error))}</p>"
