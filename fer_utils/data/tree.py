"""Folders as datasets come in: listings without clutter, the search for a known folder, the mark of a stand-in."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fer_utils.data.pictures import Pictures
from fer_utils.data.sequence import DatasetError, LeftOut, Skipped
from fer_utils.data.video import Video, is_utf8

# suffixes of the pictures that OpenCV reads and the videos that PyAV reads; in lower case
# fmt: off
PICTURES = (
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".avif", ".jp2", ".ppm", ".pgm",
)
VIDEOS = (
    ".avi", ".mp4", ".m4v", ".mov", ".qt", ".webm", ".mkv", ".mpg", ".mpeg", ".mpe", ".m1v", ".m2v", ".vob", ".ts",
    ".mts", ".m2ts", ".wmv", ".asf", ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".ogm", ".mxf", ".dv", ".divx", ".y4m",
    ".ivf", ".h264", ".264", ".h265", ".265", ".hevc", ".mjpg", ".mjpeg", ".gif", ".apng",
)
# fmt: on
# how far below the root a known folder is searched: archives unpack into folders of their own name, some of them twice
DEPTH = 5
MANIFEST = "manifest.json"  # of a stand-in, at its root
LARGEST_MANIFEST = 1_000_000  # bytes; a stand-in's has some thousand
CLUTTER = {"thumbs.db", "desktop.ini", "__macosx"}  # files and folders that file managers make


@contextmanager
def leaving_out(path: Path, skipped: list[Skipped]) -> Iterator[None]:
    """Add the path to `skipped`, with the reason, if the block raises LeftOut."""
    try:
        yield
    except LeftOut as reason:
        skipped.append(Skipped(path, str(reason)))


def by_number(path: Path) -> tuple:
    """Return a sort key that reads digits as numbers: 2.png comes before 10.png, with or without leading zeros."""
    parts = re.split(r"([0-9]+)", path.stem.casefold())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], path.name


def entries(folder: Path, wanted: Callable[[Path], bool] = lambda path: True) -> list[Path]:
    """Return what is in a folder in the order of `by_number`, without hidden files and file managers' own files.

    A folder that does not exist holds nothing. Raises LeftOut if it cannot be read.
    """
    try:
        shown = [path for path in folder.iterdir() if not path.name.startswith(".")]
        paths = [path for path in shown if path.name.casefold() not in CLUTTER and wanted(path)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LeftOut(f"folder cannot be read ({error.strerror})") from None
    return sorted(paths, key=by_number)


def files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Return the files of a folder with one of these suffixes, in any case, and links that lead nowhere.

    A missing frame is then seen where it is read. Raises LeftOut if the folder cannot be read.
    """
    return entries(folder, lambda path: path.suffix.casefold() in suffixes and (path.is_file() or not path.exists()))


def child(folder: Path, name: str) -> Path:
    """Return the path of this name in a folder, in the case that it has there. Raises LeftOut for an unreadable one."""
    there = entries(folder, lambda path: path.name.casefold() == name.casefold())
    return folder / name if folder / name in there or not there else there[0]


def kinds(paths: Iterable[Path]) -> str:
    """Return how many paths there are of each kind, the most frequent first: ".png (12), folders (2)"."""
    counts = Counter("folders" if path.is_dir() else path.suffix.casefold() or "no suffix" for path in paths)
    return ", ".join(f"{kind} ({count})" for kind, count in counts.most_common())


def folders(folder: Path, skipped: list[Skipped]) -> list[Path]:
    """Return the folders in a folder. One that cannot be read, or is a link back up, is added to `skipped`."""
    kept = []
    with leaving_out(folder, skipped):
        for path in entries(folder, Path.is_dir):
            if path.is_symlink() and folder.resolve().is_relative_to(path.resolve()):
                skipped.append(Skipped(path, "a link back to a folder above it: remove it"))
            else:
                kept.append(path)
    return kept


def pictures(folder: Path, fps: float, skipped: list[Skipped] | None = None) -> Pictures:
    """Return the pictures of a folder as a sequence, ordered by the numbers in their names.

    Its other files are added to `skipped`. Raises LeftOut for fewer than two pictures, or one that is there twice.
    """
    _check_name(folder)
    if skipped is not None:
        others = entries(folder, lambda path: path.suffix.casefold() not in PICTURES and path.is_file())
        skipped += [Skipped(path, f"not a picture that can be read ({path.suffix or 'no suffix'})") for path in others]
    images = files(folder, PICTURES)
    if len(images) < 2:
        raise LeftOut(f"{len(images) or 'no'} picture{'s' * (not images)} in the folder, at least 2 are needed")
    stems = Counter(path.stem.casefold() for path in images)
    if twice := next((stem for stem, count in stems.items() if count > 1), None):
        raise LeftOut(f"pictures of one name and several kinds ({twice}.*): keep one kind")
    if twice := next((path.name for path in images if _original(path) in stems), None):
        raise LeftOut(f"a picture that is there twice ({twice}): remove the copies, or give each a number of its own")
    return Pictures(tuple(sorted(images, key=_by_second) if _in_seconds(images) else images), fps)


def _original(path: Path) -> str | None:
    """Return the stem of the file that a file manager copied to this one, going by its name."""
    copied = re.fullmatch(r"(.+?)( ?\([0-9]+\)| - copy.*| copy.*)", path.stem.casefold())
    return copied and copied[1]


def _in_seconds(files: list[Path]) -> bool:
    """Return whether names end in decimal seconds (0.04, 0.2, 1.0) and not in a number after a dot (1.9, 1.10)."""
    ends = [re.search(r"([0-9]+)(?:\.([0-9]+))?$", path.stem) for path in files]
    parts = [end[2] for end in ends if end and end[2]]
    if not all(ends) or len(set(map(len, parts))) < 2:
        return False
    if any(part.startswith("0") and len(part) > 1 for part in parts):
        return True
    if any(part.endswith("0") and len(part) > 1 for part in parts):  # seconds do not end in 0
        return False
    counted = {}
    for end in ends:
        counted.setdefault(int(end[1]), []).append(int(end[2] or 0))
    return any(max(numbers) - min(numbers) >= len(numbers) for numbers in counted.values())


def _by_second(path: Path) -> tuple:
    """Return a sort key that reads the number at the end of a name as seconds."""
    start, seconds = re.fullmatch(r"(.*?)([0-9]+(?:\.[0-9]+)?)", path.stem).groups()
    return by_number(Path(start))[0], float(seconds), path.name


def video(file: Path) -> Video:
    """Return a video file as a sequence. Raises LeftOut if it cannot be opened or holds fewer than two frames."""
    _check_name(file)
    clip = Video(file)
    try:
        count = clip.header().frames
    except OSError as error:
        raise LeftOut(str(error).removeprefix(f"{file}: ")) from None
    if count == 1:
        raise LeftOut("1 frame in the video, at least 2 are needed")
    return clip


def search(
    root: Path, matches: Callable[[Path], bool], depth: int = DEPTH, skipped: list[Skipped] | None = None
) -> list[Path]:
    """Return the folders at most `depth` below the root, or the root itself, for which `matches` holds, nearest first.

    What lies below a match is not searched. No folder is entered twice, even if links lead to it. Those that cannot be
    read are added to `skipped`.
    """
    matching, seen, level = [], set(), [root]
    for below_root in range(depth + 1):
        below = []
        for folder in level:
            real = folder.resolve()
            if real in seen:
                continue
            seen.add(real)
            if matches(folder):
                matching.append(folder)
            elif below_root < depth:
                below += folders(folder, [] if skipped is None else skipped)
        level = below
    return matching


def named(*names: str, holding: Callable[[Path], bool] | None = None) -> Callable[[Path], bool]:
    """Return a test for `search` that holds for folders with one of these names, in any case.

    With `holding`, it holds for those alone that have a folder inside for which `holding` holds.
    """

    def matches(folder: Path) -> bool:
        if folder.name.casefold() not in {name.casefold() for name in names}:
            return False
        return holding is None or any(map(holding, folders(folder, [])))

    return matches


def real_first(candidates: Iterable[Path]) -> list[Path]:
    """Return those of the folders that hold real recordings; if there are none, all of them."""
    candidates = list(candidates)
    return [path for path in candidates if not is_rendered(path)] or candidates


def only(candidates: Iterable[Path], what: str, root: Path) -> Path:
    """Return the one folder that `real_first` leaves. Raises DatasetError if it leaves two."""
    left = real_first(candidates)
    if len(left) > 1:
        raise DatasetError(f"{root}: more than one copy of {what} here, {left[0]} and {left[1]}; name one of them")
    return left[0]


def is_rendered(folder: Path) -> bool:
    """Return whether a manifest in this folder, or at most two above it, says that the pictures are rendered stand-ins.

    It looks no further up: a user's own recordings somewhere below a stand-in must not count as rendered.
    """
    folder = folder.resolve()
    return any(read_manifest(place) for place in (folder, *folder.parents[:2]))


def read_manifest(folder: Path) -> dict:
    """Return the manifest of a stand-in, which says what it holds; empty if the folder is not a whole one."""
    file = folder / MANIFEST
    try:
        if not file.is_file() or file.stat().st_size > LARGEST_MANIFEST:
            return {}
        content = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) and content.get("rendered") is True else {}


def _check_name(path: Path) -> None:
    if not is_utf8(path):
        raise LeftOut("its name is not UTF-8: rename it")
