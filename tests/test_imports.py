"""A stage of the pipeline imports only those before it and the root modules; no part grows too large."""

import ast

import pytest

from fer_utils import paths

PACKAGE = paths.root() / "fer_utils"
# a part may import itself, the root modules and these
MAY_IMPORT = {
    "data": (),
    "landmarks": ("data",),
    "features": ("data", "landmarks"),
    "models": ("data", "landmarks", "features"),
    "evaluation": ("data", "landmarks", "features", "models"),
    "plots": ("data", "landmarks", "features", "models"),  # figures are drawn from tables: it computes no results
    "realtime": ("data", "landmarks", "features", "models", "plots"),
    "prediction": ("data", "landmarks", "features", "models", "plots", "realtime"),
    "standins": ("data", "landmarks", "features", "models"),
}
ROOT = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "cli"}


def imported(path) -> set[str]:
    """The parts and root modules that a module imports, at its top or later."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module == "fer_utils":
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").startswith("fer_utils."):
            names.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            names |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("fer_utils.")}
        assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path}: a relative import"
    return names


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_a_part_imports_only_what_it_may(part):
    allowed = {part, *MAY_IMPORT[part], *ROOT}
    for path in sorted((PACKAGE / part).rglob("*.py")):
        assert imported(path) <= allowed, path


def test_every_part_is_held_and_the_root_modules_import_none():
    parts = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert parts == {*MAY_IMPORT, "study"}
    for name in ROOT:
        assert imported(PACKAGE / f"{name}.py") <= ROOT, name


def test_parts_and_modules_stay_small():
    for part in {path.parent for path in PACKAGE.rglob("__init__.py")} - {PACKAGE}:
        assert len(list(part.glob("[!_]*.py"))) <= 12, part
    for path in PACKAGE.rglob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, path


def test_what_is_imported_is_found(tmp_path):
    """The test would pass if it saw nothing."""
    module = tmp_path / "a.py"
    module.write_text("from fer_utils import paths\ndef f():\n    from fer_utils.plots import faces\n")
    assert imported(module) == {"paths", "plots"}
