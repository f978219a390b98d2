"""Formulas of notebooks for pages that are read offline: browsers draw MathML without any script."""

from __future__ import annotations

import re

from latex2mathml import converter

_PARTS = re.compile(r"(?P<code>`+[^`]*`+)|\$\$(?P<block>.+?)\$\$|\$(?P<inline>[^$\n]+)\$", re.DOTALL)


def as_mathml(markdown: str) -> str:
    """Return the text of a Markdown cell with its LaTeX formulas, `$…$` and `$$…$$`, as MathML; code stays as it is."""
    return _PARTS.sub(_converted, markdown)


def _converted(part: re.Match) -> str:
    if part["code"]:
        return part[0]
    return converter.convert(part["block"] or part["inline"], display="block" if part["block"] else "inline")
