"""What `fer predict` does with the command line's choices."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from fer_utils import paths
from fer_utils.data.video import is_picture
from fer_utils.errors import PredictError
from fer_utils.prediction import clip, many, still
from fer_utils.prediction.clip import Settings


def run(chosen: argparse.Namespace) -> int:
    """Predict as `fer predict` was told; return the exit status: 1 if any of several recordings failed."""
    if Path("-") in chosen.inputs:
        return _piped(chosen)
    return _run(chosen, chosen.inputs)


def _run(chosen: argparse.Namespace, inputs: list[Path], piped: bool = False) -> int:
    formats = tuple(dict.fromkeys(name for name in chosen.format if name != "csv"))
    model = str(chosen.model or "")
    settings = Settings(model, chosen.detector, formats, chosen.report, chosen.show_subjects, chosen.faces)
    if chosen.show_subjects and not chosen.report:
        raise PredictError("--show-subjects: only with --report; add it")
    if chosen.faces > 1 and chosen.detector == "mediapipe":
        raise PredictError("--faces: mediapipe follows one; leave it out, or name another detector")
    if chosen.out or len(inputs) > 1 or (inputs[0].is_dir() and many.recordings(inputs) != inputs):
        return _several(inputs, chosen, settings, piped)
    if inputs[0].is_file() and is_picture(inputs[0]):
        return _picture(inputs[0], chosen, model)
    if chosen.neutral:
        raise PredictError(f"--neutral {chosen.neutral}: only for a single picture; leave it out")
    return _one(inputs[0], chosen, settings)


def _piped(chosen: argparse.Namespace) -> int:
    """Predict on the video that comes by standard input: a copy of it, since a video is read more than once."""
    if len(chosen.inputs) > 1:
        raise PredictError("-: only as the one input; name the others in a command of their own")
    if sys.stdin.isatty():
        raise PredictError("-: nothing is piped in; name a file, or pipe a video in")
    if chosen.show_subjects or "elan" in chosen.format:
        raise PredictError("-: files of ELAN and pages with subjects link to the video; save it, and name its file")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "stdin"
        with copy.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        try:
            return _run(chosen, [copy], piped=True)
        except PredictError as error:
            raise PredictError(str(error).replace(str(copy), "-")) from None


def _one(recording: Path, chosen: argparse.Namespace, settings: Settings) -> int:
    out = _default(recording, chosen)
    for path in filter(None, (out, chosen.video)):
        paths.check_output(path)
    outcome = clip.write(recording, out, settings, chosen.video)
    text = sys.stderr if paths.is_stream(out) else sys.stdout
    count, frames = len(outcome.expressions), outcome.frames
    faces = (
        f"a face in {outcome.with_face} of {frames} frames"
        if outcome.with_face
        else f"no face in any of {frames} frames"
    )
    unread = f", {outcome.unread} could not be read" if outcome.unread else ""
    print(f"{recording.name}: {faces}{unread}, {count or 'no'} expression{'s' if count != 1 else ''}", file=text)
    print("  the largest face was followed" if settings.faces == 1 else f"  up to {settings.faces} faces", file=text)
    for each in outcome.expressions:
        who = f"face {each.face}, " if settings.faces > 1 else ""
        shown = f"{who}{each.emotion} ({each.probability:.0%}), apex at {each.apex:.2f} s"
        print(f"  {each.start:.2f} to {each.end:.2f} s  {shown}", file=text)
    for path in outcome.files:
        print(path, file=text)
    return 0


def _several(inputs: list[Path], chosen: argparse.Namespace, settings: Settings, piped: bool) -> int:
    if not chosen.out:
        raise PredictError(f"{len(many.recordings(inputs))} recordings: name a folder for their files with --out DIR")
    for name, value in (("-o", chosen.file), ("--video", chosen.video), ("--neutral", chosen.neutral)):
        if value:
            raise PredictError(f"{name} {value}: only for one input; leave it out")
    table = many.predict(inputs, chosen.out, settings, chosen.jobs, piped)
    print(table.drop(columns="output").to_string(index=False))
    print(chosen.out / many.SUMMARY)
    return int((table["problem"] != "").any())


def _picture(picture: Path, chosen: argparse.Namespace, model: str) -> int:
    options = {"--video": chosen.video, "--report": chosen.report, "--faces": chosen.faces > 1}
    options["--format"] = set(chosen.format) - {"csv"}
    if unfit := next((name for name, value in options.items() if value), ""):
        raise PredictError(f"{unfit}: only for recordings, and {picture} is one picture; leave it out")
    out = _default(picture, chosen)
    paths.check_output(out)
    files, probabilities = still.write(picture, out, chosen.neutral, model, chosen.detector)
    for name, p in sorted(probabilities.items(), key=lambda pair: -pair[1]):
        print(f"  {name:10s} {p:.0%}")
    if not probabilities:
        print(f"{picture}: points of one picture; its expression needs --neutral, the same person at rest")
    for path in files:
        print(path)
    return 0


def _default(recording: Path, chosen: argparse.Namespace) -> Path:
    """Return where the rows go. Raises PredictError if that is somebody else's file that nobody named."""
    out = chosen.file or Path(f"{many.stems([recording])[0]}.csv")
    if not chosen.file and out.is_file():
        with out.open("rb") as file:
            if not file.read(12).startswith((b"time,face,", b"point,x,y,z")):
                raise PredictError(f"{out}: there already, and not by fer predict; name another file with -o")
    return out
