"""The wheel, installed in an environment of its own outside the clone."""

import csv
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fer_utils import paths
from fer_utils.data.video import Video


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    # built from a copy: setuptools leaves a folder build/ where it works
    copy = folder / "source"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=paths.root(), capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (paths.root() / name).is_file() and not name.startswith("tests/"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((paths.root() / name).read_bytes())
    subprocess.run([*command, str(copy)], check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.mark.long
def test_it_holds_notebooks_networks_and_published_numbers_and_no_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    notebooks = {f"fer_utils/notebooks/{path.name}" for path in paths.notebooks().glob("*.ipynb")}
    assert notebooks and notebooks <= set(names)
    assert {"fer_utils/figures/published.csv", "fer_utils/assets/face_landmarker.task"} <= set(names)
    assert not [name for name in names if name.startswith("tests/") or name.endswith("/demo.png")]


@pytest.mark.long
def test_it_predicts_without_the_study(wheel, tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FER_", "PYTHON"))}
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True, env=environment)
    bin_, here = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin"), tmp_path / "here"
    here.mkdir()
    subprocess.run([str(bin_ / "pip"), "install", "--quiet", str(wheel)], check=True, env=environment)
    size = sum(
        path.stat().st_size for path in (tmp_path / "venv").rglob("*") if path.is_file() and not path.is_symlink()
    )
    assert size < 750e6

    def fer(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [str(bin_ / "fer"), *arguments], cwd=here, env=environment, capture_output=True, text=True
        )

    done = fer("predict", str(paths.CLIP))
    assert done.returncode == 0, done.stderr
    with (here / "actor.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(1 for _ in Video(paths.CLIP)) and all(row["face"] == "1" for row in rows)
    assert "happiness" in {row["emotion"] for row in rows}
    study = fer("study")
    assert (study.returncode, study.stderr.count("\n")) == (2, 1) and "pip install 'fer-utils[study]'" in study.stderr
    doctor = fer("doctor")
    assert doctor.returncode == 0 and "WRONG" not in doctor.stdout and str(Path(here) / "runs") in doctor.stdout
