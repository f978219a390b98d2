"""Executed notebooks as pages: HTML for a run's report, Markdown for the repository."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from pathlib import Path

import nbformat
from latex2mathml import converter
from nbconvert import HTMLExporter, MarkdownExporter

_FORMULAS = re.compile(
    r"(?P<code>`+[^`]*`+)|\$\$(?P<block>.+?)\$\$|(?<![\w\\$])\$(?P<inline>[^\s$](?:[^$\n]*[^\s$])?)\$(?!\w)", re.DOTALL
)
_LINK = re.compile(r"\]\((\w+)\.ipynb\)")
_DOCUMENT = re.compile(r"\[([^\]]+)\]\(\.\./(docs/\w+\.md)\)")
_STYLE = re.compile(r"<style\b.*?</style>\s*", re.S)


def read(path: Path) -> nbformat.NotebookNode:
    """Read an executed notebook without what its libraries and progress bars wrote to standard error."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    return notebook


def to_html(notebook: nbformat.NotebookNode, pages: Mapping[str, str]) -> str:
    """Return the body of a page, with formulas as MathML, which browsers draw without a script.

    Links to other notebooks lead to their `pages`, by name, or to the report. A document of the repository, which is
    elsewhere, is named instead.
    """
    exporter = HTMLExporter(
        template_name="basic", exclude_anchor_links=True, exclude_input_prompt=True, exclude_output_prompt=True
    )
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = as_mathml(cell.source)
            cell.source = _LINK.sub(lambda link: f"]({pages.get(link[1], 'index.html')})", cell.source)
            cell.source = _DOCUMENT.sub(r"\1 (`\2`)", cell.source)
    return exporter.from_notebook_node(notebook)[0]


def to_markdown(notebook: nbformat.NotebookNode, name: str) -> tuple[str, dict[str, bytes]]:
    """Return a page for a folder in `docs/`, and its pictures by the file names that the page links to."""
    notebook = copy.deepcopy(notebook)
    notebook.cells = [cell for cell in notebook.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    exporter = MarkdownExporter()
    resources = {"unique_key": name, "output_files_dir": f"{name}_files"}
    text, resources = exporter.from_notebook_node(notebook, resources)
    # repository sites would show a style sheet as text
    text = _LINK.sub(r"](\1.md)", _STYLE.sub("", text)).replace("](../docs/", "](../")
    return text, resources["outputs"]


def title(notebook: nbformat.NotebookNode) -> str:
    """Return the notebook's heading."""
    first = next((cell.source for cell in notebook.cells if cell.cell_type == "markdown"), "")
    return first.partition("\n")[0].lstrip("# ")


def as_mathml(markdown: str) -> str:
    """Return the text of a Markdown cell with its LaTeX formulas, `$…$` and `$$…$$`, as MathML; code stays as it is."""
    return _FORMULAS.sub(_converted, markdown)


def _converted(part: re.Match) -> str:
    if part["code"]:
        return part[0]
    math = converter.convert(part["block"] or part["inline"], display="block" if part["block"] else "inline")
    return math.replace("*", "&#42;").replace("_", "&#95;")  # Markdown has a meaning of its own for them
