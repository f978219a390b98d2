"""The report of a study: a small site, whole in its folder, made from the run's tables and figures.

What the pages say is in `assets/report.html`.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from pathlib import Path

import jinja2
import pandas as pd
from markupsafe import Markup
from pygments.formatters import HtmlFormatter

from fer_utils import paths
from fer_utils.data import registry
from fer_utils.data.sequence import STAND_IN
from fer_utils.errors import StudyError, first_line
from fer_utils.evaluation import tables
from fer_utils.evaluation.formatting import with_interval
from fer_utils.plots.registry import FIGURES, drawn
from fer_utils.study import findings, notebook_pages, record
from fer_utils.study.record import NotebookRun

TITLE = "Sequential facial expression analysis from geometric features"
MARK = (
    f"<b>{STAND_IN}</b>: these results come from rendered actors. They show that every stage runs; they say nothing "
    "about real faces, and are not comparable with published numbers."
)
_INTERVAL = re.compile(r"<td(?=[^>]*>[^<]*\[[+-]?[\d.]+, [+-]?[\d.]+\]</td>)")  # a cell that ends with an interval
QUICK = "<b>quick run</b>: few people and few epochs, to see whether everything runs. Its numbers mean nothing."


def write(done: list[NotebookRun], out: Path) -> Path:
    """Write the site into `out/report`; return its first page.

    There is a page for each dataset, for each executed notebook, for results across datasets, for speed and for the
    method. What an earlier run left in `out` of other datasets is not shown.
    """
    names = _datasets(done)
    links = {"index.html": "Report", **{f"{name}.html": registry.title(name) for name in names}}
    if paths.table(out, paths.ALL, "cross_summary").is_file():
        links["across.html"] = "Across datasets"
    links |= {"speed.html": "Speed and streams", "method.html": "The method"}
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(paths.ASSETS),
        autoescape=True,
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    pages.globals |= {
        "code_style": Markup(HtmlFormatter().get_style_defs(".highlight")),
        "done": done,
        "drawn": drawn,
        "figures": partial(_figures, out),
        "marks": _marks(done, out),
        "table": partial(_folded_table, out),
        "titles": registry.title,
    }
    template = pages.get_template("report.html")

    def write_page(address: str, page: str, title: str, links: dict[str, str] = links, **values) -> Path:
        text = template.render(page=page, title=title, links=links, **values)
        return paths.write(out / "report" / address, _INTERVAL.sub("<td style='white-space:nowrap'", text))

    there = [result for result in done if result.page]
    for result in there:
        notebook = notebook_pages.read(result.executed)
        # links lead to the same dataset's pages, if there are any
        near = sorted(there, key=lambda other: other.dataset == result.dataset)
        body = notebook_pages.to_html(notebook, {other.notebook: other.page for other in near})
        own = {address: f"↑ {title}" for address, title in links.items() if address == f"{result.dataset}.html"}
        title, back = notebook_pages.title(notebook) or result.notebook, {"index.html": "← Report", **own}
        write_page(result.page, "notebook", title, back, body=Markup(body))
    for name in names:
        facts = {"counts": record.counts(out, name), "left_out": _left_out(out, name)}
        write_page(f"{name}.html", "dataset", registry.title(name), place=name, **facts)
    for address in ("across.html", "speed.html", "method.html"):
        if address in links:
            write_page(address, address.removesuffix(".html"), links[address])
    return write_page(
        "index.html",
        "index",
        TITLE,
        sentences=findings.sentences(out, names),
        main_table=_html(findings.main_table(out, names)),
        claims=_claims(out),
        made_by=_made_by(out),
    )


def joined(done: list[NotebookRun], out: Path, kind: str) -> pd.DataFrame:
    """Return the tables of a kind of all datasets of the run, one below the other; empty if there are none."""
    parts = []
    for name in _datasets(done):
        with suppress(StudyError):  # missing or damaged: the first page says which notebook failed
            parts.append(tables.read_csv(paths.table(out, name, kind)).dropna(how="all", axis=1))
    parts = [table for table in parts if len(table)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def first_results(out: Path, dataset: str) -> list[str]:
    """Return a line for each protocol of a dataset's summary, such as "grouped folds: accuracy 74.6 [67.1, 81.8] %"."""
    columns = ["protocol", "accuracy", "accuracy_low", "accuracy_high", "data"]
    rows = tables.read(out, "summary", dataset)[columns].itertuples(index=False)
    return [f"{protocol} folds: accuracy {with_interval(*accuracy)} %, {data}" for protocol, *accuracy, data in rows]


def outcome(done: list[NotebookRun]) -> pd.DataFrame:
    """Return a row a notebook: time and PASS or FAIL."""
    rows = [(each.notebook, each.dataset, each.time, each.outcome) for each in done]
    return pd.DataFrame(rows, columns=["notebook", "dataset", "time", "outcome"])


def _marks(done: list[NotebookRun], out: Path) -> list[Markup]:
    """Return the warnings of every page. What an earlier run left of other datasets does not count."""
    written = [paths.table(out, name, kind) for kind in tables.KINDS for name in _datasets(done)]
    written += [paths.table(out, paths.ALL, kind) for kind in tables.ACROSS]
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in written if path.is_file()]
    marks = [Markup(MARK)] if any(STAND_IN in text for text in texts) else []
    with suppress(StudyError):
        marks += [Markup(QUICK)] if record.read(out)["settings"].get("quick") else []
    return marks


def _claims(out: Path) -> Markup | None:
    """Return the table of claims, empty if none is about real data; None if it was not made."""
    try:
        claims = tables.read_csv(paths.table(out, paths.ALL, "claims"))
    except StudyError:
        return None
    real = "data" in claims and (claims["data"] == "real").any()
    return _html(claims.astype({"sequences": "Int64"})) if real else Markup()


def _made_by(out: Path) -> Markup:
    try:
        run = record.read(out)
    except StudyError:
        return Markup()
    facts = {"started": run["started"], "time": f"{run['seconds'] / 60:.0f} min", **run["made_by"]}
    return _folded("Machine and versions", pd.DataFrame(facts.items(), columns=["what", "value"]))


def _left_out(out: Path, name: str) -> Markup | None:
    """Return how many recordings were left out, by reason; None if that is not known."""
    path = paths.table(out, name, "left_out")
    if not path.is_file():
        return None
    try:
        missing = tables.read_csv(path)
    except StudyError:
        return Markup()
    return _html(missing.groupby(["stage", "reason"], as_index=False).size().rename(columns={"size": "count"}))


def _datasets(done: list[NotebookRun]) -> list[str]:
    return list(dict.fromkeys(result.dataset for result in done if result.dataset))


def _folded_table(out: Path, kind: str, place: str = paths.ALL) -> Markup:
    """Return a table of the run as readers see it, folded up; nothing if it is missing or has no rows.

    If it cannot be shown, such as a table of an older version, a line says so and the page goes on.
    """
    title, shown = findings.TABLES[kind]
    path = paths.figures() / "published.csv" if kind == "published" else paths.table(out, place, kind)
    if not path.is_file():
        return Markup()
    try:
        table = tables.read_csv(path)
        return _folded(title, shown(table)) if len(table) else Markup()
    except (StudyError, KeyError, TypeError, ValueError) as error:
        return Markup("<p>{} cannot be shown: {}</p>").format(path.name, first_line(error))


def _folded(title: str, frame: pd.DataFrame) -> Markup:
    return Markup("<details><summary>{}</summary>{}</details>\n").format(title, _html(frame))


def _html(frame: pd.DataFrame) -> Markup:
    """Return a table; nothing if it has no rows."""
    rows = re.sub(r"(?<=[a-z])\+(?=[a-z])", "+<wbr>", frame.to_html(index=False, border=0, na_rep=""))  # ckplus+mmi
    return Markup(f"<div class='wide'>{rows}</div>" if len(frame) else "")


def _figures(out: Path, place: str, *names: str) -> Markup:
    """Return the run's figures with title and caption, copied into the report; nothing for those that are missing."""
    shown = Markup()
    for name in names:
        source = paths.figure(out, place, name)
        if not source.is_file():
            continue
        paths.write(paths.figure(out / "report", place, name), source.read_bytes())
        title = FIGURES[name].title
        if place != paths.ALL:
            title = f"{registry.title(place)}: {title[0].lower()}{title[1:]}"
        shown += Markup(
            "<figure><div class='wide'><a href='{address}'><img src='{address}' alt='{title}'></a></div>\n"
            "<figcaption><b>{title}.</b> {see}</figcaption></figure>\n"
        ).format(address=f"figures/{place}/{source.name}", title=title, see=FIGURES[name].see)
    return shown
