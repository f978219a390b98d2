"""The frame of the report's pages: style, navigation, tables and figures. A page fetches nothing from elsewhere."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd
from pygments.formatters import HtmlFormatter

from fer_utils import paths
from fer_utils.data import registry
from fer_utils.plots.registry import FIGURES

# readable at 390 pixels, with wide tables and figures that scroll sideways, and in print
STYLE = """
body{font:17px/1.6 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:0 1rem 3rem;color:#222}
h1{font-size:1.7rem;line-height:1.25}h2{margin-top:2.5rem;border-bottom:1px solid #ddd}h1,h2,h3{overflow-wrap:anywhere}
nav{margin:0 -1rem;padding:.6rem 1rem;background:#f4f4f4;font-size:.95rem}nav a{margin-right:1rem;white-space:nowrap}
a{color:#0b5a94}.mark{background:#fdecea;border-left:4px solid #d55e00;padding:.6rem 1rem}
.wide{overflow-x:auto}table{border:0;border-collapse:collapse;margin:.5rem 0;font-size:.88rem}
td,th{padding:.25rem .6rem;border:0;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
figure{margin:1.5rem 0}img{max-width:100%;height:auto}figcaption,.note{font-size:.92rem;color:#444}
details{margin:.8rem 0}summary{cursor:pointer}code,pre{font-size:.85rem}pre{overflow-x:auto;margin:0;padding:.6rem}
.input{background:#f7f7f7;border-left:3px solid #0b5a94;margin:1rem 0}.input pre{font-size:.78rem}
.output_area{margin:.5rem 0;overflow-x:auto}
.output_subarea pre{white-space:pre-wrap}math[display=block]{overflow-x:auto;margin:1rem 0}
@media(max-width:40rem){body{font-size:16px}.wide img{max-width:44rem}.wide td,.wide th{padding:.25rem}
figure .wide::after{content:"Scroll sideways, or tap to open.";position:sticky;left:0;font-size:.8rem;color:#444}}
@media print{nav,summary{display:none}body{max-width:none;font-size:11pt}figure,table{break-inside:avoid}
details::details-content{content-visibility:visible;display:block;height:auto}.wide img{width:auto;max-width:100%}}
"""


def page(title: str, body: Iterable[str], links: Iterable[tuple[str, str]] = (), marks: Iterable[str] = ()) -> str:
    """Return a whole page: `links` (address, name) for its navigation, `marks` are warnings at its top."""
    navigation = "".join(f"<a href='{address}'>{html.escape(name)}</a> " for address, name in links)
    return "\n".join(
        [
            "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
            "<meta name='viewport' content='width=device-width, initial-scale=1'>",
            f"<title>{html.escape(title)}</title><style>{STYLE}{HtmlFormatter().get_style_defs('.highlight')}</style>",
            f"</head><body>{f'<nav>{navigation}</nav>' if navigation else ''}",
            *(f"<p class='mark'>{mark}</p>" for mark in marks),
            *body,
            "</body></html>",
        ]
    )


def table(frame: pd.DataFrame, title: str = "") -> str:
    """Return a table, folded up under `title` if it has one."""
    rows = re.sub(r"(?<=[a-z])\+(?=[a-z])", "+<wbr>", frame.to_html(index=False, border=0, na_rep=""))  # ckplus+mmi
    content = f"<div class='wide'>{rows}</div>"
    return f"<details><summary>{html.escape(title)}</summary>{content}</details>" if title else content


def figures(out: Path, dataset: str, names: Iterable[str]) -> Iterator[str]:
    """Yield the run's figures with title and caption, copied into the report; nothing for those that are missing."""
    for name in names:
        drawn = paths.figure(out, dataset, name)
        if not drawn.is_file():
            continue
        with paths.replacing(paths.figure(out / "report", dataset, name)) as temporary:
            shutil.copyfile(drawn, temporary)
        title = FIGURES[name].title
        if dataset != paths.ALL:
            title = f"{registry.title(dataset)}: {title[0].lower()}{title[1:]}"
        alt, address = html.escape(title, quote=True), f"figures/{dataset}/{drawn.name}"
        yield f"<figure><div class='wide'><a href='{address}'><img src='{address}' alt='{alt}'></a></div>"
        yield f"<figcaption><b>{alt}.</b> {html.escape(FIGURES[name].see)}</figcaption></figure>"
