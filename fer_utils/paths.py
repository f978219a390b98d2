"""Where things lie. Every path of the project comes from here; each root can be moved by an environment variable."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fer_utils.errors import OutputError

ALL = "all"  # in a run's folder, the place of what belongs to no single dataset
_LEFTOVER = re.compile(r"\..*\.[0-9a-f]{12}(\.\w+)?")
PACKAGE = Path(__file__).resolve().parent
ASSETS = PACKAGE / "assets"
MODEL = ASSETS / "compact.tflite"  # the classifier that ships
UNITS = ASSETS / "units.npz"  # the model of action units that ships
CLIP = ASSETS / "actor.mp4"  # a rendered actor goes through expressions


def root() -> Path:
    """The clone that the package was installed from; the current folder if it came as a wheel (FER_ROOT overrides)."""
    clone = PACKAGE.parent
    return _place("FER_ROOT", clone if (clone / "pyproject.toml").is_file() else Path.cwd())


def data() -> Path:
    """Datasets: a user's licensed ones, and the stand-ins under `rendered/` (FER_DATA overrides)."""
    return _place("FER_DATA", root() / "data")


def runs() -> Path:
    """What runs write (FER_RUNS overrides)."""
    return _place("FER_RUNS", root() / "runs")


def run(name: str = "") -> Path:
    """The folder of one run: the folder named, or `lab` under `runs()` for notebooks run by hand."""
    return at_home(name).resolve() if name else runs() / "lab"


def table(out: Path, dataset: str, kind: str) -> Path:
    """A table of the run `out`; `dataset` is `ALL` for those of several datasets."""
    return out / "tables" / dataset / f"{kind}.csv"


def figure(out: Path, dataset: str, name: str) -> Path:
    """A figure of the run `out`; its SVG, if it has one, lies beside it."""
    return out / "figures" / dataset / f"{name}.png"


def folds(out: Path, dataset: str) -> Path:
    """The folder of a run's finished folds, and of the features that they were made of."""
    return out / "folds" / dataset


def trained(out: Path, dataset: str) -> Path:
    """The classifier for streams that a run trains on all of a dataset."""
    return out / "models" / dataset / "compact.tflite"


def tracks() -> Path:
    """The cache of landmark tracks, shared by all runs (FER_TRACKS overrides)."""
    return _place("FER_TRACKS", runs() / "tracks")


def model(name: str = "") -> Path:
    """The file of the classifier for a stream: the one named, else the one that ships (FER_MODEL overrides)."""
    return at_home(name).resolve() if name else _place("FER_MODEL", MODEL)


def notebooks() -> Path:
    """The notebooks: the clone's, or those in the wheel."""
    return _shipped("notebooks")


def figures() -> Path:
    """The figures that the repository shows, and the published numbers, which alone are in the wheel."""
    return _shipped("figures")


def at_home(path: str | Path) -> Path:
    """`path` with a leading ~ or ~name replaced by that home folder; as it is where there is no such person."""
    with suppress(RuntimeError):
        return Path(path).expanduser()
    return Path(path)


def is_folder(path: Path) -> bool:
    """False also where the system does not let anyone look."""
    with suppress(OSError, ValueError):
        return path.is_dir()
    return False


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary sibling of `path` to write into; it takes the place of `path` only if the block ends well.

    A reader sees the old file or the whole new one, never a half. Missing folders are made. Raises OutputError.
    """
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(6)}{path.suffix}")  # as _LEFTOVER has it
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"{path}: cannot be written ({reason}); free space or choose another folder") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what `replacing` could not, of processes that were killed while they wrote into `folder` or below it. To
    be called where nobody else writes."""
    for path in folder.rglob(".*"):
        if _LEFTOVER.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Make `folder` if need be. Raises OutputError where nothing can be written into it."""
    probe = folder / f".{secrets.token_hex(6)}"
    with replacing(probe) as temporary:
        temporary.touch()
    probe.unlink()


def _shipped(name: str) -> Path:
    """A folder of the clone; in a wheel it lies inside the package."""
    folder = root() / name
    return folder if folder.is_dir() or not (PACKAGE / name).is_dir() else PACKAGE / name


def _place(variable: str, default: Path) -> Path:
    value = os.environ.get(variable)
    return at_home(value).resolve() if value else default
