"""Where things lie. Every path of the project comes from here; each root can be moved by an environment variable."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from fer_utils.errors import OutputError

ALL = "all"  # stands for a dataset in the paths of what belongs to no single one
_unfinished: set[Path] = set()  # temporary files into which this process writes now, by `replacing`
_LEFTOVER = re.compile(r"\..*\.[0-9a-f]{12}(\.\w+)?")
# names of open descriptors: opening one again would empty a file that output is redirected to
_DESCRIPTOR = re.compile(r"/dev/(stdout|stderr)|/(?:dev|proc/self)/fd/([0-9]+)")
STANDARD_OUTPUT = Path("/dev/stdout")  # on any system
PACKAGE = Path(__file__).resolve().parent
ASSETS = PACKAGE / "assets"
MODEL = ASSETS / "units.tflite"  # the classifier that ships
ACTION_UNITS = ASSETS / "action_units.npz"  # the model of action units that ships
CLIP = ASSETS / "actor.mp4"  # a rendered actor goes through expressions


def root() -> Path:
    """Return the clone that the package was installed from; the current folder for a wheel (FER_ROOT overrides)."""
    clone = PACKAGE.parent
    return _from_environment("FER_ROOT", clone if (clone / "pyproject.toml").is_file() else Path.cwd())


def data() -> Path:
    """Return the folder of datasets: licensed ones, and stand-ins under `rendered/` (FER_DATA overrides)."""
    return _from_environment("FER_DATA", root() / "data")


def runs() -> Path:
    """Return the folder of all runs (FER_RUNS overrides)."""
    return _from_environment("FER_RUNS", root() / "runs")


def run(name: str = "") -> Path:
    """Return the folder of one run: the folder named, or `lab` under `runs()` for notebooks run by hand."""
    return expand_user(name).resolve() if name else runs() / "lab"


def table(out: Path, dataset: str, kind: str) -> Path:
    """Return the path of a table of the run `out`; `dataset` is `ALL` for those of several datasets."""
    return out / "tables" / dataset / f"{kind}.csv"


def figure(out: Path, dataset: str, name: str) -> Path:
    """Return the path of a figure of the run `out`; its SVG, if it has one, lies beside it."""
    return out / "figures" / dataset / f"{name}.png"


def folds(out: Path, dataset: str) -> Path:
    """Return the folder of a run's finished folds, and of the features that they were made of."""
    return out / "folds" / dataset


def trained(out: Path, dataset: str) -> Path:
    """Return the path of the classifier for streams that a run trains on all of a dataset."""
    return out / "models" / dataset / "compact.tflite"


def executed(out: Path, notebook: str, dataset: str) -> Path:
    """Return the path of a notebook's executed copy of the run `out`; `dataset` is empty for one about all of them."""
    return out / "notebooks" / f"{'_'.join(filter(None, (notebook, dataset)))}.ipynb"


def tracks() -> Path:
    """Return the cache of landmark tracks, shared by all runs (FER_TRACKS overrides)."""
    return _from_environment("FER_TRACKS", runs() / "tracks")


def model(name: str = "") -> Path:
    """Return the file of the classifier for a stream: the one named, else the one that ships (FER_MODEL overrides)."""
    return expand_user(name).resolve() if name else _from_environment("FER_MODEL", MODEL)


def notebooks() -> Path:
    """Return the folder of the notebooks: the clone's, or the one in the wheel."""
    return _shipped("notebooks")


def figures() -> Path:
    """Return the folder of the repository's figures and of the published numbers, which alone are in the wheel."""
    return _shipped("figures")


def expand_user(path: str | Path) -> Path:
    """Return `path` with a leading ~ or ~name replaced by that home folder, if there is such a person."""
    with suppress(RuntimeError):
        return Path(path).expanduser()
    return Path(path)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary file to write into; it takes the place of `path` only if the block ends well.

    A reader sees the old file or the whole new one, never a half. Links are followed. What is not a regular file (a
    device, a pipe, STANDARD_OUTPUT) is written to, never replaced. Missing folders are made; `check_output` checks
    those that a user names. Raises OutputError; BrokenPipeError if nobody reads a pipe any more.
    """
    temporary = None
    try:
        path = _link_target(path)
        if path.is_dir():
            raise OutputError(f"{path}: cannot be written, as it is a folder; name a file")
        if is_stream(path):
            with tempfile.TemporaryDirectory() as folder:
                temporary = Path(folder) / f"stream{path.suffix}"
                yield temporary
                with temporary.open("rb") as content, _open_stream(path) as sink:
                    shutil.copyfileobj(content, sink)
            return
        # as _LEFTOVER has it; a name that is as long as it may be leaves no room for a token
        temporary = path.with_name(f".{path.stem[:40]}.{secrets.token_hex(6)}{path.suffix}")
        path.parent.mkdir(parents=True, exist_ok=True)
        _unfinished.add(temporary)
        yield temporary
        temporary.replace(path)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _not_written(path, error) from error
    finally:
        with suppress(OSError):
            if temporary is not None:
                temporary.unlink(missing_ok=True)
                _unfinished.discard(temporary)


def write(path: Path, content: str | bytes) -> Path:
    """Write a whole file as `replacing` does, and return its path; text as UTF-8, with escapes for what has none."""
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode(errors="backslashreplace") if isinstance(content, str) else content)
    return path


def is_stream(path: Path) -> bool:
    """Return whether a path is a device, a pipe or another thing to write to that no file may replace."""
    return bool(_DESCRIPTOR.fullmatch(path.as_posix())) or (path.exists() and not path.is_file() and not path.is_dir())


def check_output(path: Path) -> None:
    """Make the folder of a file that a user named, if it lies in the current folder; say so on standard error.

    Raises OutputError if a folder elsewhere is missing.
    """
    if not is_stream(path):
        _make_named(path.parent, path.resolve().parent.is_relative_to(Path.cwd()))


def check_output_folder(path: Path) -> None:
    """Make a folder that a user named, say so on standard error, and check that it can be written.

    Raises OutputError if it cannot, or if the folder that it would lie in is missing outside the current folder.
    """
    inside = path.resolve().is_relative_to(Path.cwd()) or any(path.is_relative_to(place) for place in (runs(), data()))
    _make_named(path, inside or path.absolute().parent.is_dir())
    check_writable(path)


def _make_named(folder: Path, may_be_made: bool) -> None:
    if folder.is_dir():
        return
    if folder.exists():
        raise OutputError(f"{folder}: a file; name a folder")
    if not may_be_made:
        raise OutputError(f"{folder}: no such folder; make it first, or name another")
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror}); name another folder") from None
    print(f"made the folder {folder}", file=sys.stderr)


def _link_target(path: Path) -> Path:
    """Return what a link leads to in the end; a name of a descriptor, which is a link too, stays."""
    for _ in range(40):
        if _DESCRIPTOR.fullmatch(path.as_posix()) or not path.is_symlink():
            return path
        path = path.parent / path.readlink()
    raise OutputError(f"{path}: a link that leads in a circle; name another file")


def _open_stream(path: Path) -> BinaryIO:
    """Open a stream for writing; a descriptor that is open already is used as it stands."""
    if match := _DESCRIPTOR.fullmatch(path.as_posix()):
        sys.stdout.flush()
        number = {"stdout": 1, "stderr": 2}.get(match[1]) or int(match[2])
        return os.fdopen(os.dup(number), "wb")
    return path.open("wb")


def remove_unfinished() -> None:
    """Remove what this process is writing by `replacing`: for one that ends at once, without unwinding."""
    for path in tuple(_unfinished):
        with suppress(OSError):
            path.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left half written in `folder` or below it; nobody else may write there now."""
    for path in folder.rglob(".*"):
        if _LEFTOVER.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Make `folder` if need be. Raises OutputError if nothing can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise _not_written(folder, error) from None


def _not_written(path: Path, error: OSError) -> OutputError:
    return OutputError(f"{path}: cannot be written ({error.strerror or error}); free space or choose another folder")


def _shipped(name: str) -> Path:
    """Return a folder of the clone; in a wheel it lies inside the package."""
    folder = root() / name
    return folder if folder.is_dir() or not (PACKAGE / name).is_dir() else PACKAGE / name


def _from_environment(variable: str, default: Path) -> Path:
    value = os.environ.get(variable)
    return expand_user(value).resolve() if value else default
