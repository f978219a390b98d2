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
from fer_utils.prediction.formats import check_replaceable


def run(arguments: argparse.Namespace) -> int:
    """Predict as `fer predict` was told; return the exit status: 1 if any of several recordings failed."""
    if address := next((path for path in arguments.inputs if path.as_posix().startswith(("http:/", "https:/"))), None):
        raise PredictError(f"{address}: an address of the web; download the recording, and name its file")
    if Path("-") in arguments.inputs:
        return _predict_piped(arguments)
    return _run(arguments, arguments.inputs)


def _run(arguments: argparse.Namespace, inputs: list[Path], name: str = "") -> int:
    """Predict on `inputs`; messages call the one input by its path, or by `name`."""
    formats = tuple(dict.fromkeys(name for name in arguments.format if name != "csv"))
    model = str(arguments.model or "")
    settings = Settings(model, arguments.detector, formats, arguments.report, arguments.show_subjects, arguments.faces)
    if arguments.show_subjects and not arguments.report:
        raise PredictError("--show-subjects: only with --report; add it")
    if arguments.faces > 1 and arguments.detector == "mediapipe":
        raise PredictError("--faces: mediapipe follows one; leave it out, or name another detector")
    if (arguments.out or len(inputs) > 1) and all(path.is_file() and is_picture(path) for path in inputs):
        fix = "name it alone and without --out, or name the folder of a recording's pictures"
        raise PredictError(f"{name or inputs[0]}: one picture; {fix}")
    if arguments.out or len(inputs) > 1 or (inputs[0].is_dir() and many.recordings(inputs) != inputs):
        return _predict_several(inputs, arguments, settings, name)
    if inputs[0].is_file() and is_picture(inputs[0]):
        return _predict_picture(inputs[0], arguments, model, name or str(inputs[0]))
    if arguments.neutral:
        raise PredictError(f"--neutral {arguments.neutral}: only for a single picture; leave it out")
    return _predict_one(inputs[0], arguments, settings, name)


def _predict_piped(arguments: argparse.Namespace) -> int:
    """Predict on the video that comes by standard input: a copy of it, since a video is read more than once."""
    if len(arguments.inputs) > 1:
        raise PredictError("-: only as the one input; name the others in a command of their own")
    if sys.stdin.isatty():
        raise PredictError("-: nothing is piped in; name a file, or pipe a video in")
    if arguments.show_subjects or "elan" in arguments.format:
        raise PredictError("-: files of ELAN and pages with subjects link to the video; save it, and name its file")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / (arguments.file.stem if arguments.file else "stdin")  # pages name it
        with paths.replacing(copy) as temporary, temporary.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        return _run(arguments, [copy], name="-")


def _predict_one(recording: Path, arguments: argparse.Namespace, settings: Settings, name: str) -> int:
    out = _output_file(recording, arguments)
    if paths.is_stream(out) and (settings.formats or settings.report):
        raise PredictError("-o: a stream takes the rows alone, no --format or --report; name a file or leave these out")
    for path in filter(None, (out, arguments.video)):
        paths.check_output(path)
    outcome = clip.write(recording, out, settings, arguments.video, name=name)
    text = sys.stderr if paths.is_stream(out) else sys.stdout
    found = f"a face in {outcome.with_face}" if outcome.with_face else "no face in any"
    unread = f", {outcome.unread} could not be read ({outcome.problem})" if outcome.unread else ""
    count = len(outcome.expressions)
    expressions = f"{count or 'no'} expression{'s' if count != 1 else ''}"
    print(f"{Path(name or recording).name}: {found} of {outcome.frames} frames{unread}, {expressions}", file=text)
    if outcome.with_face:
        followed = "the largest face was followed" if settings.faces == 1 else f"up to {settings.faces} faces"
        print(f"  {followed}", file=text)
    for each in outcome.expressions:
        who = f"face {each.face}, " if settings.faces > 1 else ""
        shown = f"{who}{each.emotion} ({each.probability:.0%}), apex at {each.apex:.2f} s"
        print(f"  {each.start:.2f} to {each.end:.2f} s  {shown}", file=text)
    for path in outcome.files:
        print(path, file=text)
    return 0


def _predict_several(inputs: list[Path], arguments: argparse.Namespace, settings: Settings, name: str) -> int:
    if not arguments.out:
        count = len(many.recordings(inputs))
        said = f"{count} recording{'s' * (count > 1)}{' in the folder' * (len(inputs) == 1)}"
        raise PredictError(f"{said}: name a folder for their files with --out DIR")
    for option, value in (("-o", arguments.file), ("--video", arguments.video), ("--neutral", arguments.neutral)):
        if value:
            raise PredictError(f"{option} {value}: only for one input, without --out; leave it out")
    table = many.predict(inputs, arguments.out, settings, arguments.jobs, name)
    print(table.drop(columns="output").to_string(index=False))
    print(arguments.out / many.SUMMARY)
    return int((table["output"] == "").any())


def _predict_picture(picture: Path, arguments: argparse.Namespace, model: str, called: str) -> int:
    options = {"--video": arguments.video, "--report": arguments.report, "--faces": arguments.faces > 1}
    options["--format"] = set(arguments.format) - {"csv"}
    if unusable := next((name for name, value in options.items() if value), ""):
        raise PredictError(f"{unusable}: only for recordings, and {called} is one picture; leave it out")
    out = _output_file(picture, arguments)
    paths.check_output(out)
    files, probabilities = still.write(picture, out, arguments.neutral, model, arguments.detector, called)
    for name, p in sorted(probabilities.items(), key=lambda pair: -pair[1]):
        print(f"  {name:10s} {p:.0%}")
    if not probabilities:
        print(f"{called}: points of one picture; its expression needs --neutral, the same person at rest")
    for path in files:
        print(path)
    return 0


def _output_file(recording: Path, arguments: argparse.Namespace) -> Path:
    """Return where the rows go. Raises PredictError if that is somebody else's file that nobody named."""
    out = arguments.file or Path(f"{many.stem(recording)}.csv")
    if not arguments.file:
        check_replaceable(out)
    elif out.suffix != ".csv" and not paths.is_stream(out):
        raise PredictError(f"-o {out}: must end in .csv")
    return out
