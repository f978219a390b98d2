"""Formulas of notebooks for pages that are read offline: browsers draw MathML without any script."""

from __future__ import annotations

import re

from latex2mathml import converter

_PARTS = re.compile(
    r"(?P<code>`+[^`]*`+)|\$\$(?P<block>.+?)\$\$|(?<![\w\\$])\$(?P<inline>[^\s$](?:[^$\n]*[^\s$])?)\$(?!\w)", re.DOTALL
)


def as_mathml(markdown: str) -> str:
    """Return the text of a Markdown cell with its LaTeX formulas, `$…$` and `$$…$$`, as MathML; code stays as it is."""
    return _PARTS.sub(_converted, markdown)


def _converted(part: re.Match) -> str:
    if part["code"]:
        return part[0]
    math = converter.convert(part["block"] or part["inline"], display="block" if part["block"] else "inline")
    return math.replace("*", "&#42;").replace("_", "&#95;")  # Markdown would read these as its own
