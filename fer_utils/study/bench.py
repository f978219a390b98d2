"""How fast each stage is, compared with the bare networks and with other libraries.

Stages that a ratio compares take turns, so that the ratio holds on a busy machine too. The classifiers are in no ratio
and come afterwards, one by one: the 200 MB of the paper's weights push everything else out of the processor's caches.
"""

from __future__ import annotations

import importlib.util
import math
import os
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import islice, product
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
import pandas as pd
from ai_edge_litert.interpreter import Interpreter
from tqdm import tqdm

from fer_utils import paths
from fer_utils.data.labels import EMOTIONS
from fer_utils.data.video import Video, read_ahead
from fer_utils.errors import first_line
from fer_utils.evaluation import tables
from fer_utils.features import tensors
from fer_utils.landmarks import face_mesh
from fer_utils.landmarks.detectors import open_detector
from fer_utils.landmarks.engine.picture_network import read_model
from fer_utils.landmarks.face_landmarker import model_bundle
from fer_utils.landmarks.mediapipe_task import load_mediapipe
from fer_utils.models import classifiers, export, litert, networks
from fer_utils.models.training import Trainer
from fer_utils.realtime import overlay
from fer_utils.realtime.streaming import Recognizer
from fer_utils.standins.source import inventory
from fer_utils.study.record import header
from fer_utils.workers import pool, threads

WARM_UP = 30  # frames at the start that are not counted
BLOCK, AHEAD = 50, 4  # frames of a block of a whole stream, and how many are decoded meanwhile in one go
LIMITS = {"face_mesh": "limit: bare FaceMesh network, one thread", "face_landmarker": "limit: MediaPipe alone"}
DETECTORS = ("face_mesh", "face_landmarker")
# the networks, and the precisions in which LiteRT runs them (the paper's in float16 is as slow as in float32)
EXPORTED = {"compact": ("int8", "float16", "float32"), "paper": ("int8", "float32")}
TRAINING = ("training: paper's network, plain Keras", "training: paper's network, here")
LIVE = "compact int8"  # the classifier of the whole streams
REAL_TIME = 165.0  # frames a second that the paper reports, with an RTX 3060 (sec. 4.3; second hand)

Classifier = classifiers.SequenceClassifier | litert.LiteClassifier


def run(frames: int = 300, jobs: int | None = None, clips: list[str] | None = None) -> pd.DataFrame:
    """Measure all stages and return the ledger, a row per stage: p50 and p95 in ms, frames a second, and their ratio.

    The frames come from `clips`, over and over; by default from rendered ones in the layout of MMI (720x576, 25 frames
    a second). If the clips differ in size, those of the most frequent size are taken, since a stream has one size. The
    classifiers are trained for one epoch: their speed does not depend on their weights. Training is timed in four
    rounds, in fewer if there are fewer than 300 frames.
    """
    clips = _of_one_size(clips or [str(sequence.frames.file) for sequence in inventory("mmi", subjects=1).sequences])
    with tempfile.TemporaryDirectory() as folder:
        by_name = _classifiers(Path(folder))
        rows = _stages(clips, by_name[LIVE], frames)
        rows += _detectors_and_streams(clips, by_name[LIVE], frames)
        rows += [_alone(name, classifier, frames) for name, classifier in by_name.items()]
        rows += _training(rounds=1 + min(frames, 300) // 100) + _alternatives(clips)
        rows += _processes(clips, str(Path(folder) / f"{LIVE}.tflite"), frames, jobs or os.cpu_count() or 1)
    table = pd.DataFrame(rows)
    return table.assign(ratio=table.apply(lambda row: _ratio(row, table), axis=1))


def aims(table: pd.DataFrame) -> pd.DataFrame:
    """Compare the ledger with the project's aims, which a server that is not busy should reach."""
    rate, ms = (table.set_index("stage")[column] for column in ("frames_per_s", "p50_ms"))
    mesh, landmarker = (rate[f"whole stream, {name}, {LIVE}"] for name in DETECTORS)
    wanted = 1.9 if threads() > 1 else 1.3  # the default detector has two threads where there are two cores
    rows = [
        ("whole stream with face_mesh / bare FaceMesh network, one thread", mesh / rate[LIMITS["face_mesh"]], 0.7),
        ("whole stream with face_landmarker / MediaPipe alone", landmarker / rate[LIMITS["face_landmarker"]], wanted),
        ("whole stream with face_landmarker, frames a second", landmarker, REAL_TIME),
        ("training the paper's network / plain Keras", ms[TRAINING[0]] / ms[TRAINING[1]], 2),
        ("1 ms / Recognizer without detector and classifier", 1 / ms["features: Recognizer"], 1),
    ]
    return pd.DataFrame([(*row, "met" if row[1] >= row[2] else "missed") for row in rows],
                        columns=["aim", "found", "wanted", "outcome"])  # fmt: skip


def _stages(clips: list[str], live: Classifier, frames: int) -> list[dict]:
    """Measure what is done with a frame before and after its landmarks are found."""
    spent: dict[str, list[float]] = defaultdict(list)

    def timed(stage: str, step: Callable, *values):
        start = perf_counter()
        outcome = step(*values)
        spent[stage].append(perf_counter() - start)
        return outcome

    features_only, classifying, reader = Recognizer(), Recognizer(live), _frames(clips)
    with open_detector("face_mesh") as detector:
        for number in tqdm(range(WARM_UP + frames), "stages", unit="frame", file=sys.stderr):
            if number == WARM_UP:
                spent.clear()
            time = number / 25
            frame = timed("decode", next, reader)
            points, _ = detector.detect(frame, time)
            timed("features: Recognizer", features_only.push_points, points, time)
            timed("drawing", overlay.draw, frame, classifying.push_points(points, time))
    return [_row(stage, times) for stage, times in spent.items()]


def _detectors_and_streams(clips: list[str], live: Classifier, frames: int) -> list[dict]:
    """Measure, in turn, the limits, detection alone, and streams from file to label with frames decoded meanwhile."""
    spent: dict[str, list[float]] = defaultdict(list)
    network, decoded = _bare_network(), list(islice(_frames(clips), BLOCK))
    with ExitStack() as stack:
        steps: dict[str, Callable[[np.ndarray, float], object]] = {
            LIMITS["face_mesh"]: lambda frame, time: network(),
            LIMITS["face_landmarker"]: stack.enter_context(_mediapipe_alone()),
        }
        for name in DETECTORS:
            steps[f"landmarks: {name}"] = stack.enter_context(open_detector(name)).detect
        for name in DETECTORS:
            reader = stack.enter_context(closing(read_ahead(_frames(clips), AHEAD)))
            push = stack.enter_context(Recognizer(live, name)).push
            steps[f"whole stream, {name}, {LIVE}"] = lambda _, time, push=push, reader=reader: push(next(reader), time)
        for block in tqdm(range(1 + math.ceil(frames / BLOCK)), "streams", unit="block", file=sys.stderr):
            if block == 1:  # the first warms up
                spent.clear()
            for stage, step in steps.items():
                for number in range(-2 * AHEAD, BLOCK):  # what was decoded while others ran is not counted
                    time = (block * (2 * AHEAD + BLOCK) + 2 * AHEAD + number) / 25
                    took = _seconds(step, decoded[number % len(decoded)], time)
                    if number >= 0:
                        spent[stage].append(took)
    return [_row(stage, times[:frames]) for stage, times in spent.items()]


def _alone(name: str, classifier: Classifier, frames: int) -> dict:
    x = np.random.default_rng(0).normal(0, 0.02, (1, *tensors.shape())).astype(np.float32)
    times = [_seconds(classifier.predict_proba, x) for _ in range(WARM_UP + frames)]
    return _row(f"classifier: {name}", times[WARM_UP:])


def _training(rounds: int, rows: int = 160) -> list[dict]:
    """Measure a training step of 32 sequences on all cores, by plain Keras and by `training.Trainer`."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(rows, *tensors.shape(), 1)).astype(np.float32)
    y, order = draw.integers(0, 7, rows), np.arange(rows)
    plain = networks.paper_network(*tensors.shape(), 7, plain=True)
    plain.compile("adam", "sparse_categorical_crossentropy")
    trainer = Trainer(classifiers.NETWORKS["paper"].make(*tensors.shape(), 7))
    ways = (lambda: plain.fit(x, y, batch_size=32, verbose=0), lambda: trainer.epoch(x, y, order, 32, 1e-4))
    # each round trains both in turn; the first traces the networks and is not counted
    took = [[_seconds(way) * 32 / rows for way in ways] for _ in range(rounds + 1)][1:]
    measured = [_row(stage, list(times)) for stage, times in zip(TRAINING, zip(*took, strict=True), strict=True)]
    return [row | {"frames_per_s": float("nan"), "note": "ms a step of 32 sequences"} for row in measured]


def _processes(clips: list[str], classifier: str, frames: int, most: int) -> list[dict]:
    """Measure streams in one process, and in `most` at once, each with one thread; the slowest one counts."""
    rows = []
    with pool(most) as workers:
        rounds = product(DETECTORS, sorted({1, most}), (frames,))
        for detector, count, length in ((DETECTORS[0], most, WARM_UP), *rounds):
            running = [workers.submit(_stream, clips, classifier, detector, length) for _ in range(count)]
            took = [future.result() for future in running]
            stage = f"whole streams, {detector}, {LIVE}, {count} process{'es' * (count > 1)}"
            rows.append({"stage": stage, "frames_per_s": count * length / max(took), "frames": count * length})
    return rows[1:]  # the first round starts the processes


def _stream(clips: list[str], classifier: str, detector: str, frames: int) -> float:
    """Return the seconds that `frames` frames take from file to label, without the warm-up."""
    reader = _frames(clips)
    with Recognizer(litert.LiteClassifier(Path(classifier)), detector) as recognizer:
        for number in range(WARM_UP + frames):
            if number == WARM_UP:
                start = perf_counter()
            recognizer.push(next(reader), number / 25)
        return perf_counter() - start


def _alternatives(clips: list[str], frames: int = 20) -> list[dict]:
    """Measure other libraries that name the emotions in a picture, if they are installed."""
    makers: dict[str, tuple[str, Callable[[], Callable]]] = {"fer (PyPI)": ("fer", _fer), "py-feat": ("feat", _py_feat)}
    rows = []
    for name, (module, make) in makers.items():
        if importlib.util.find_spec(module) is None:
            rows.append({"stage": f"instead: {name}", "note": "not installed"})
            continue
        try:
            recognise = make()
            times = [_seconds(recognise, frame) for frame in islice(_frames(clips), frames + 3)]
            rows.append(_row(f"instead: {name}", times[3:]))
        except Exception as error:  # whatever fails in it, such as a download that is not allowed
            rows.append({"stage": f"instead: {name}", "note": f"does not run: {first_line(error)}"})
    return rows


def _fer() -> Callable:
    from fer.fer import FER

    return FER().detect_emotions


def _py_feat() -> Callable:
    from feat import Detector

    detector = Detector(device="cpu")
    return lambda frame: detector.detect_image(frame[:, :, ::-1])


def _classifiers(folder: Path) -> dict[str, Classifier]:
    """Return the networks, trained on noise for one epoch, and what they are exported to in `folder`, by name."""
    draw = np.random.default_rng(0)
    x = draw.normal(0, 0.02, (32, *tensors.shape())).astype(np.float32)
    emotions = np.resize(EMOTIONS, len(x))
    by_name: dict[str, Classifier] = {}
    for name, precisions in EXPORTED.items():
        by_name[f"{name} TensorFlow"] = fitted = classifiers.make(name, epochs=1)
        fitted.trained_on = "noise"
        fitted.fit(x, emotions, (x, emotions))
        for precision in tqdm(precisions, f"export of {name}", unit="file", file=sys.stderr):
            called = f"{name} {precision}"
            path = export.write(fitted, folder / f"{called}.tflite", precision)
            by_name[called] = litert.LiteClassifier(path)
    return by_name


def _frames(clips: list[str]) -> Iterator[np.ndarray]:
    while True:
        for clip in clips:
            yield from (frame.image for frame in Video(Path(clip)) if frame.image is not None)


def _of_one_size(clips: list[str]) -> list[str]:
    sizes = [next(_frames([clip])).shape for clip in clips]
    ((frequent, _),) = Counter(sizes).most_common(1)
    return [clip for clip, size in zip(clips, sizes, strict=True) if size == frequent]


def _bare_network() -> Callable[[], None]:
    """Return the FaceMesh network alone, on a picture that is already cut and scaled."""
    interpreter = Interpreter(model_content=read_model(face_mesh.MODEL, face_mesh.MODEL_SHA256), num_threads=1)
    interpreter.allocate_tensors()
    tensor = interpreter.get_input_details()[0]
    interpreter.set_tensor(tensor["index"], np.full(tensor["shape"], 0.5, np.float32))
    return interpreter.invoke


@contextmanager
def _mediapipe_alone() -> Iterator[Callable[[np.ndarray, float], object]]:
    """Yield MediaPipe's detector in video mode, as its documentation uses it: picture in, its own result out."""
    mp = load_mediapipe()
    vision = mp.tasks.vision
    options = vision.FaceLandmarkerOptions(
        base_options=mp.tasks.BaseOptions(model_asset_buffer=model_bundle()), running_mode=vision.RunningMode.VIDEO
    )
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        yield lambda frame, time: landmarker.detect_for_video(
            mp.Image(image_format=mp.ImageFormat.SRGB, data=cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)), round(time * 1000)
        )


def _seconds(step: Callable, *values) -> float:
    start = perf_counter()
    step(*values)
    return perf_counter() - start


def _row(stage: str, seconds: list[float]) -> dict:
    """Return a row; its rate is that of all frames together, since some frames wait for others to be decoded."""
    p50, p95 = np.percentile(seconds, [50, 95]) * 1000
    n = len(seconds)
    return {"stage": stage, "p50_ms": p50, "p95_ms": p95, "frames_per_s": n / sum(seconds), "frames": n}


def _ratio(row: pd.Series, table: pd.DataFrame) -> float:
    """Return a stage's rate as a share of the limit of its detector."""
    for detector, limit in LIMITS.items():
        if detector in row["stage"] and not row["stage"].startswith("whole streams"):
            return row["frames_per_s"] / table.loc[table["stage"] == limit, "frames_per_s"].iloc[0]
    return float("nan")


def write(table: pd.DataFrame, out: Path) -> Path:
    """Write the ledger as CSV, with the machine in every row, and return its path."""
    return tables.write(table.assign(**header()), paths.table(out, paths.ALL, "bench"))
