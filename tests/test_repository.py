"""What must hold of the files of the repository themselves."""

import hashlib
import json
import re
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fer_utils import paths
from fer_utils.landmarks import face_landmarker
from fer_utils.plots.registry import FIGURES
from fer_utils.study import runner

ROOT = paths.root()
NOTEBOOKS = sorted(paths.notebooks().glob("*.ipynb"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()


def locked() -> dict[str, str]:
    """Package → version; of a package locked for several Pythons, one of its versions."""
    return {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", LOCK, re.M)}


def number(notebook) -> str:
    return notebook.stem.split("_")[0]


def cells_of(notebook) -> tuple[list[dict], list[dict]]:
    """All cells, and those of code."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return cells, [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_clean(notebook):
    cells, code = cells_of(notebook)
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
    assert cells[0]["cell_type"] == "markdown" and "".join(cells[0]["source"]).startswith(f"# {number(notebook)} · ")
    tagged = [cell for cell in code if "parameters" in cell["metadata"].get("tags", [])]
    assert len(tagged) == 1 and tagged[0] is code[0]
    for line in "".join(tagged[0]["source"]).splitlines():
        value = r"(\"[^\"]*\"|[\d.]+|True|False|{})"
        assert re.fullmatch(rf"\w+ = ({value}|\[({value}(, {value})*)?\])(  # .+)?", line), line
    for cell in code:  # a function hides what it does, unless it is the method itself, and short
        lines = "".join(cell["source"]).splitlines()
        defined = any(re.match(r"\s*(def|class) ", line) for line in lines)
        assert not defined or ("method" in cell["metadata"].get("tags", []) and len(lines) <= 15), lines
    prose = sum(cell["cell_type"] == "markdown" for cell in cells)
    assert prose >= len(code) / 3


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_figure_of_results_is_marked_and_saved(notebook):
    """`charts` and `schematics.important_…` draw numbers and do not know whether these are a stand-in's. (The ledger's
    are times.)"""
    for cell in cells_of(notebook)[1]:
        source = "".join(cell["source"])
        drawn = len(re.findall(r"\b(?:charts\.(?!ledger)\w+|schematics\.important_\w+|faces\.stream)\(", source))
        marked = len(re.findall(r"\bfaces\.mark\(", source))
        assert drawn <= marked, source  # figures that a cell draws itself are marked besides
        assert drawn <= len(re.findall(r"\bfaces\.save\(", source)), source
        trained = number(notebook) in ("03", "03b", "03c", "04")  # a quick run's figures say so
        assert not (trained and re.search(r"faces\.mark\(.*, rendered\)", source)), source


def test_the_registry_lists_the_figures_that_the_notebooks_draw_in_their_order():
    saved = [
        (name, number(notebook), place == "paths.ALL")
        for notebook in NOTEBOOKS
        for cell in cells_of(notebook)[1]
        for place, name in re.findall(r"faces\.save\(.*?, out, ([\w.]+), \"(\w+)\"", "".join(cell["source"]))
    ]
    assert saved == [(name, entry.notebook, entry.across) for name, entry in FIGURES.items()]


def test_the_study_runs_every_notebook():
    assert sorted(path.stem for path in NOTEBOOKS) == sorted(set(runner.NOTEBOOKS))


def test_contributing_names_files_and_definitions_that_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    recipes = [row for row in text.split("## Recipes")[1].splitlines() if row.startswith("| a")]
    assert len(recipes) == 13
    for line in text.splitlines():
        named = re.findall(r"`([^`]+)`", line)
        files = [ROOT / name for name in named if re.fullmatch(r"[\w./]+(/|\.\w+)", name) and "/" in name]
        assert all(path.exists() for path in files), line
        if line in recipes:  # what is to be changed is in one of the files
            sources = "".join(path.read_text(encoding="utf-8") for path in files if path.suffix == ".py")
            wanted = [name for name in named if re.fullmatch(r"[A-Z]\w+|\w+_\w+", name)]
            assert all(re.search(rf"\b{name}\b", sources) for name in wanted), line


@pytest.mark.parametrize("command", ["check", "format --check"])
def test_ruff(command):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command.split(), "."], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_lock_holds_every_dependency_with_hashes_and_names_no_index():
    pins = locked()
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *(line for extra in extras.values() for line in extra)]
    for requirement in map(Requirement, wanted):
        if requirement.name == "fer-utils":  # an extra that holds another one
            continue
        assert pins[canonicalize_name(requirement.name)] in requirement.specifier
    entries = re.split(r"^(?=[\w.-]+==)", LOCK, flags=re.M)[1:]
    assert len(entries) > 100 and all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in LOCK and "index" not in LOCK.split("absl-py")[0]
    assert "opencv-python" not in pins and "opencv-contrib-python" in pins


def test_environment_agrees_with_the_project():
    environment = (ROOT / "environment.yml").read_text()
    python = re.search(r"- python (\S+)", environment)[1]
    assert python == PROJECT["requires-python"].replace(" ", "")
    lines = [line.strip() for line in environment.splitlines() if line.strip().startswith("-")]
    assert lines[-1] == "- -r requirements.lock"  # the same lock, and nothing beside it
    assert [line for line in lines if not line.startswith(("- python", "- pip", "- -r"))] == [
        "- conda-forge",
        "- nodefaults",
    ]


def test_makefile_supports_the_pythons_of_the_project():
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"for p in (.+); do", makefile)[1].split() == ["python3", "python3.13", "python3.12", "python3.11"]
    assert "(3, 11) <= sys.version_info < (3, 14)" in makefile and PROJECT["requires-python"] == ">=3.11,<3.14"


def test_model_bundle_is_the_published_one():
    content = face_landmarker.MODEL.read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (3_758_596, face_landmarker.MODEL_SHA256)
    notice = (face_landmarker.MODEL.parent / "NOTICE.md").read_text()
    assert "Google" in notice and "Apache-2.0" in notice and face_landmarker.MODEL_SHA256 in notice


def test_no_large_files():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    large = [
        name
        for name in listed.stdout.split("\0")
        if name and (ROOT / name).is_file() and (ROOT / name).stat().st_size > 1.5e6
    ]
    assert large == ["fer_utils/assets/face_landmarker.task"]
