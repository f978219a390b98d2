"""Writes `docs/api.md` from signatures and docstrings: `python -m fer_utils.study.api_page`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import fer_utils
from fer_utils import paths
from fer_utils.models.litert import LiteClassifier
from fer_utils.prediction.clip import Tables
from fer_utils.realtime.streaming import Recognition

GIVEN = (Recognition, Tables, LiteClassifier)  # what the public names return
HEAD = """# API

The public names, with `import fer_utils as fer`, and what they return. How they go together: the
[example in the README](../README.md#in-python). `python -m fer_utils.study.api_page` writes this page from the
docstrings.
"""


def text() -> str:
    """Return the page: signature, docstring and source of each public name, and the same of methods."""
    parts = [HEAD]
    for name in fer_utils.__all__:
        parts += _entry(f"fer.{name}", getattr(fer_utils, name))
    parts.append("# What they return\n")
    for kind in GIVEN:
        parts += _entry(kind.__name__, kind)
    return "\n".join(parts)


def write() -> Path:
    """Write the page and return its path."""
    path = paths.root() / "docs" / "api.md"
    path.write_text(text(), encoding="utf-8")
    return path


def _entry(name: str, value) -> Iterator[str]:
    yield f"## `{name}`\n\n```python\n{_signature(name, value)}\n```\n\n{_markdown(value)}\n"
    bases = value.__mro__[-2::-1] if inspect.isclass(value) else ()  # all but object, the first one first
    for method, known in {name: known for base in bases for name, known in vars(base).items()}.items():
        known = getattr(known, "__func__", known)  # of a class method, the function
        if method.startswith("_") or not inspect.getdoc(known):
            continue
        if inspect.isfunction(known) or isinstance(known, property):
            called = method if isinstance(known, property) else _signature(method, known)
            yield f"**`.{called}`** {_markdown(known)}\n"
    module = value.__module__
    yield f"Source: [`{module}`](../{module.replace('.', '/')}.py)\n"


def _signature(name: str, value) -> str:
    if inspect.isclass(value) and issubclass(value, Exception):
        return f"class {name}({value.__base__.__name__})"
    signature = inspect.signature(value)
    given = [each for key, each in signature.parameters.items() if key not in ("self", "cls")]
    written = re.sub(r"ForwardRef\((.+?)\)", r"\1", str(signature.replace(parameters=given)))  # of a named tuple
    return name + re.sub(r"(: |-> )'([^']*)'", r"\1\2", written)  # annotations are strings


def _markdown(value) -> str:
    """Return a docstring as Markdown; sections of NumPy's style become lists."""
    lines = re.sub(r"^(\w+)\n-+$", r"\1:\n", inspect.getdoc(value), flags=re.M)
    return re.sub(r"^(\w+) : (.+)\n    ", r"- `\1`, \2: ", lines, flags=re.M).replace("\n    ", "\n  ")


if __name__ == "__main__":
    print(write())
