"""What is recognised in one recording: a row per frame, a row per expression, and files made of these.

Memory does not grow with the recording's length, unless another tool's points are asked for.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from tqdm import tqdm

from fer_utils import paths
from fer_utils.data import tree
from fer_utils.data.pictures import Frame, Pictures
from fer_utils.data.sequence import LeftOut, Skipped
from fer_utils.data.video import Video, is_picture, is_utf8, read_ahead
from fer_utils.errors import PredictError
from fer_utils.landmarks.detectors import open_detector
from fer_utils.landmarks.extraction import PICTURES_FPS
from fer_utils.landmarks.upright import find_turns
from fer_utils.models import litert
from fer_utils.models.units import UnitModel
from fer_utils.prediction import page
from fer_utils.prediction.copies import CODECS, DrawnCopy
from fer_utils.prediction.faces import Faces
from fer_utils.prediction.formats import FORMATS, POINTS_68, Prediction, check_replaceable
from fer_utils.realtime import overlay
from fer_utils.realtime.csv_rows import Recording, describe_model, write_expressions
from fer_utils.realtime.evidence import Expression

WORDS = ("emotion", "phase", "why", "model")  # the columns that hold no numbers


@dataclass(frozen=True)
class Settings:
    """How recordings are looked at, and what is written besides the two tables."""

    model: str = ""  # a classifier's file; empty: the one that ships
    detector: str = "face_landmarker"
    formats: tuple[str, ...] = ()  # names of FORMATS
    report: bool = False  # adds a page
    show_subjects: bool = False  # allows pictures of people on that page
    faces: int = 1  # how many faces of a frame are followed


@dataclass(frozen=True)
class Outcome:
    """The result of one recording."""

    frames: int
    with_face: int  # frames with a face
    unread: int  # frames that could not be read
    problem: str  # why the last of these could not: that the video ends early, if it does
    expressions: list[Expression]
    files: list[Path]  # that were written


class Tables(NamedTuple):
    """A row per frame and a row per expression; `docs/columns.md` explains the columns."""

    frames: pd.DataFrame
    expressions: pd.DataFrame


def predict(recording: str | Path, model: str = "", detector: str = "face_landmarker", faces: int = 1) -> Tables:
    """Return what is recognised in a video file or a folder of pictures: two data frames, `frames` and `expressions`.

    Raises PredictError if the recording cannot be read, ModelFileError for a model that does not fit.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "clip.csv"
        write(paths.expand_user(recording), out, Settings(model, detector, faces=faces), progress=False)
        return Tables(_read_table(out), _read_table(expressions_file(out)))


def write(
    recording: Path,
    out: Path,
    settings: Settings | None = None,
    drawn: Path | None = None,
    progress: bool = True,
    name: str = "",
) -> Outcome:
    """Write a row per frame to the CSV file `out`, and a row per expression to the file beside it.

    `expressions_file` names the second. The formats and the page that `settings` name are written beside these, and
    with `drawn` a copy of the video with mesh and labels. A frame that cannot be read has a row that says so. Each file
    is written whole or not at all. If `out` is standard output or another stream, rows of frames are all that is
    written. Error messages call the recording by its path, or by `name`.

    Raises PredictError if the recording is not there, is none, or has no frames, or if a file would be written over one
    that is needed or, beside `out`, one of another origin; ModelFileError for a model that does not fit; OutputError.
    """
    settings, name = settings or Settings(), name or str(recording)
    model = paths.model(settings.model)
    files = {} if paths.is_stream(out) else _files_beside(out, settings)
    beside = [*chain(*files.values())]
    outputs = [path for path in (out, drawn, *beside) if path]
    _check(recording, name, outputs, drawn, model)
    for path in filter(None, (drawn, *beside)):  # files that nobody named, and a video, which may be a recording
        check_replaceable(path)
    frames, fps, expected = _open_frames(recording, name)
    classifier = litert.load_classifier(model)
    model_note = describe_model(classifier, model)
    points: list[np.ndarray] | None = [] if settings.formats and files else None
    with ExitStack() as stack:
        units = UnitModel.load(paths.ACTION_UNITS)
        detector = stack.enter_context(open_detector(settings.detector, faces=settings.faces))
        faces = Faces(detector, classifier, units, several=settings.faces > 1)
        rows = stack.enter_context(Recording(out, classifier.classes, False, model_note, units.names))
        copy = stack.enter_context(DrawnCopy(drawn, fps)) if drawn else None
        n_read = with_face = n_frames = 0
        problem = ""
        shown = tqdm(read_ahead(frames), Path(name).name, total=expected or None, unit="frame", disable=not progress)
        for frame in shown:
            n_frames += 1
            seen = faces.push(frame)
            n_read += frame.image is not None
            problem = frame.problem.removeprefix(f"{recording.name}: ") or problem
            with_face += any(each.points is not None for each in seen)
            for each in seen:
                rows.add(each)
                if points is not None:
                    points.append(_points_68(each.points))
            if copy and frame.image is not None:
                copy.add(overlay.draw_all(frame.image, seen, model_note), frame.time)
        if not n_read:
            raise PredictError(f"{name}: no frame of it can be read ({problem or 'it holds none'}); copy it again")
        if copy:
            copy.end()
        expressions = faces.end()
    if files:
        write_expressions(expressions, *files["expressions"], model_note)
    if len(files) > 1:
        points_68 = np.array(points or [], np.float32).reshape(-1, len(POINTS_68), 2)
        prediction = Prediction(recording, _read_table(out), _read_table(*files["expressions"]), points_68)
        for kind in settings.formats:
            FORMATS[kind].write(prediction, *files[kind])
        if settings.report:
            pictures = _pictures_at(frames, prediction.expressions["apex"]) if settings.show_subjects else None
            page.write(prediction, *files["report"], getattr(classifier, "trained_on", ""), pictures)
    written = [path for path in outputs if not paths.is_stream(path)]
    return Outcome(n_frames, with_face, n_frames - n_read, problem, expressions, written)


def expressions_file(out: Path) -> Path:
    """Return the file beside a CSV of frames that holds a row per expression."""
    return out.with_name(f"{out.name.removesuffix('.csv')}.expressions.csv")


def _files_beside(out: Path, settings: Settings) -> dict[str, list[Path]]:
    """Return the files beside a CSV of frames: of "expressions", of each format, and of the "report"."""
    endings = {name: FORMATS[name].endings for name in settings.formats}
    if settings.report:
        endings["report"] = (".html",)
    stem = out.name.removesuffix(".csv")
    own = {name: [out.with_name(f"{stem}{ending}") for ending in some] for name, some in endings.items()}
    return {"expressions": [expressions_file(out)], **own}


def _pictures_at(frames: Iterable[Frame], times: pd.Series) -> dict[int, np.ndarray]:
    """Return the picture that is nearest to each time, by the time's number."""
    best: dict[int, tuple[float, np.ndarray]] = {}
    for frame in frames if len(times) else ():
        for number, time in enumerate(times):
            off = abs(frame.time - time)
            if frame.image is not None and (number not in best or off < best[number][0]):
                best[number] = off, frame.image
    return {number: image for number, (_, image) in best.items()}


def _read_table(path: Path) -> pd.DataFrame:
    """Read a table that `csv_rows` wrote: an empty cell is NaN in a column of numbers, else None."""
    table = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=dict.fromkeys(WORDS, object))
    return table.assign(**{name: table[name].where(table[name].notna(), None) for name in WORDS if name in table})


def _points_68(points: np.ndarray | None) -> np.ndarray:
    return np.full((len(POINTS_68), 2), np.nan, np.float32) if points is None else points[POINTS_68, :2]


def _check(recording: Path, name: str, outputs: list[Path], drawn: Path | None, model: Path) -> None:
    """Raise PredictError if the files named cannot be what they are named for."""
    if not is_utf8(recording):
        raise PredictError(f"{str(recording)!a}: a name that is not UTF-8; rename it")
    if not recording.exists():
        raise PredictError(f"{name}: no such file; name a video or a folder of pictures")
    if paths.is_stream(recording):  # a video is read more than once
        raise PredictError(f"{name}: a pipe or a device; name a file, or - for what is piped in")
    if not os.access(recording, os.R_OK):
        raise PredictError(f"{name}: may not be read; change its permissions")
    if recording.is_file() and not recording.stat().st_size:
        raise PredictError(f"{name}: an empty file; record or copy it again")
    if recording.is_file() and is_picture(recording):
        raise PredictError(f"{name}: one picture, not a recording; name it alone and without --out")
    if drawn is not None and drawn.suffix.lower() not in CODECS:
        raise PredictError(f"{drawn}: must end in {' or '.join(CODECS)}")
    taken = {recording.resolve(), model.resolve()}
    for path in outputs:
        if path.resolve() in taken:
            raise PredictError(f"{path}: named twice; name another file")
        taken.add(path.resolve())
        if path.is_dir():  # else it is refused only after all the work
            raise PredictError(f"{path}: a folder; name a file to write")
        if not is_utf8(path):
            raise PredictError(f"{str(path)!a}: a name that is not UTF-8; name another file")


def _open_frames(recording: Path, name: str) -> tuple[Video | Pictures, float, int]:
    """Return the frames, set upright as the study does it, their rate and how many are promised; say what is odd."""
    called = Path(name).name
    try:
        if recording.is_dir():
            skipped: list[Skipped] = []
            pictures = tree.pictures(recording, PICTURES_FPS, skipped)
            if skipped:
                print(f"{called}: {len(skipped)} left out, the first: {skipped[0].path.name}", file=sys.stderr)
            return pictures, PICTURES_FPS, pictures.count()
        frames = Video(recording)
        turns, note = find_turns(frames)
        for line in filter(None, (frames.shown().note, note)):
            print(f"{called}: {line}", file=sys.stderr)
        return replace(frames, quarter_turns=turns), *frames.header()
    except (LeftOut, OSError) as error:
        raise PredictError(f"{name}: {str(error).removeprefix(f'{recording}: ')}") from None
