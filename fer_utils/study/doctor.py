"""Checks of this machine, each with how to fix what is wrong."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import cv2
import pandas as pd
from packaging.requirements import Requirement
from packaging.version import Version

from fer_utils import kernels, paths
from fer_utils.errors import ModelFileError, OutputError

BACKEND = "tensorflow"  # with which `models.networks` runs Keras


@dataclass(frozen=True)
class Check:
    """One thing that was checked. `good` is None if it is missing and nothing needs it."""

    what: str
    good: bool | None
    found: str
    fix: str = ""

    @property
    def verdict(self) -> str:
        """`good` as a word."""
        return {True: "ok", False: "WRONG", None: "–"}[self.good]


def checks() -> Iterator[Check]:
    """Yield all checks of the machine, in the order in which a user would fix them."""
    yield _python()
    yield from _libraries()
    yield from _ambient()
    yield from _model()
    yield _folder("runs", paths.runs())
    yield _folder("data", paths.data())
    yield _camera()


def table(made: list[Check]) -> pd.DataFrame:
    """Return the checks as a table for reading."""
    rows = [(check.what, check.verdict, check.found, check.fix) for check in made]
    return pd.DataFrame(rows, columns=["what", "", "found", "how to fix it"])


def _python() -> Check:
    good = (3, 11) <= sys.version_info < (3, 14)
    return Check("Python", good, sys.version.split()[0], "" if good else "use Python 3.11, 3.12 or 3.13")


def _libraries() -> Iterator[Check]:
    for extra, needed_by in (("", ""), ("demo", "fer demo"), ("study", "fer study")):
        installed = {requirement: _installed(requirement.name) for requirement in _requirements(extra)}
        if extra and sum(not found for found in installed.values()) > len(installed) / 2:
            yield Check(f"fer-utils[{extra}]", None, f"not installed; only {needed_by} needs it")
            continue
        for requirement, found in installed.items():
            good = bool(found) and Version(found) in requirement.specifier
            fix = "" if good else "pip install --require-hashes -r requirements.lock"
            yield Check(f"{requirement.name} {requirement.specifier}", good, found or "missing", fix)
    try:
        yield Check(
            "one OpenCV", False, f"opencv-python {version('opencv-python')} overwrites opencv-contrib-python's files",
            "pip uninstall opencv-python && pip install --force-reinstall --no-deps opencv-contrib-python",
        )  # fmt: skip
    except PackageNotFoundError:
        yield Check("one OpenCV", True, f"cv2 {cv2.__version__}")


def _requirements(extra: str) -> list[Requirement]:
    """Return what the package itself requires or, with `extra`, what that extra adds."""
    declared = [each for each in map(Requirement, requires("fer-utils") or ()) if each.name != "fer-utils"]

    def holds(requirement: Requirement, extra: str) -> bool:
        return not requirement.marker or requirement.marker.evaluate({"extra": extra})

    return [each for each in declared if holds(each, extra) and not (extra and holds(each, ""))]


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _ambient() -> Iterator[Check]:
    """Yield settings outside the project that a user may not know of. None of them changes the study or the demo."""
    if _installed("keras"):
        overruled = [f"KERAS_BACKEND={name}"] if (name := os.environ.get("KERAS_BACKEND", BACKEND)) != BACKEND else []
        settings = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "keras.json"
        with suppress(OSError, ValueError, AttributeError):
            theirs = json.loads(settings.read_text(encoding="utf-8"))
            wanted = {"backend": BACKEND, "floatx": "float32", "image_data_format": "channels_last"}
            others = [key for key, value in wanted.items() if theirs.get(key, value) != value]
            overruled += [f"{key} {theirs[key]} in {settings}" for key in others]
        instead = f", not as {' and '.join(overruled)} would have it" if overruled else ""
        yield Check("Keras", True, f"runs on {BACKEND} in float32{instead}")
    if _installed("papermill"):
        other = kernels.foreign_kernel()
        found = f"JUPYTER_PATH or your home folder names {other}; fer study and fer demo run {sys.executable}"
        fix = "notebooks run by hand: python -m ipykernel install --user --name fer-utils, and choose that kernel"
        yield Check("kernel python3", None if other else True, found if other else sys.executable, fix if other else "")


def _model() -> Iterator[Check]:
    try:
        from fer_utils.landmarks import face_landmarker
    except (ImportError, OSError) as error:
        yield Check("LiteRT loads", False, str(error), "pip install --require-hashes -r requirements.lock")
        return
    try:
        with face_landmarker.FaceLandmarker("image"):
            yield Check("face landmarker", True, f"SHA-256 {face_landmarker.MODEL_SHA256[:12]}…, loads")
    except ModelFileError as error:
        yield Check("face landmarker", False, *str(error).split("; ", 1))


def _folder(name: str, path: Path) -> Check:
    try:
        paths.check_writable(path)
    except OutputError as error:
        return Check(f"{name} folder", False, str(error), f"set FER_{name.upper()} to a folder you can write")
    free = shutil.disk_usage(path).free / 1e9
    fix = "" if free > 2 else "free some disk space: a run needs about 2 GB"
    return Check(f"{name} folder", not fix, f"{path}, {free:.0f} GB free", fix)


def _camera() -> Check:
    # OpenCV prints a page of errors if there is no camera; on Linux, look for its device file first
    if sys.platform == "linux" and not list(Path("/dev").glob("video*")):
        return Check("camera", None, "none; only the webcam demo needs one")
    capture = cv2.VideoCapture(0)
    try:
        good = capture.isOpened() and capture.read()[0]
    finally:
        capture.release()
    return Check("camera", good, "gives pictures" if good else "gives no picture", "" if good else "allow its use")
