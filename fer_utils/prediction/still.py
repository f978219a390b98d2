"""Single pictures: the points of a face, and, beside a neutral picture of the same person, its expression."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from fer_utils import paths
from fer_utils.data.pictures import read_picture
from fer_utils.errors import PredictError
from fer_utils.features.geometry import PAIRS, differences, normalise
from fer_utils.features.tensors import N_KEY_FRAMES
from fer_utils.landmarks.detectors import open_detector
from fer_utils.models import litert
from fer_utils.prediction.formats import check_replaceable
from fer_utils.realtime.csv_rows import describe_model

VIEWS = 8  # of a picture, over which points are averaged: it has no frames before and after it


def write(
    picture: Path,
    out: Path,
    neutral: Path | None = None,
    model: str = "",
    detector: str = "face_landmarker",
    name: str = "",
) -> tuple[list[Path], dict[str, float]]:
    """Write the points of a picture's face to the CSV file `out`: a row per point, `point, x, y, z` in pixels.

    With `neutral`, a picture of the same person at rest, write the probabilities of the expression to
    `<stem>.expression.csv` beside it. Return the files that were written, and the probabilities by class, if there are
    any. Error messages call the picture by its path, or by `name`. Raises PredictError if a picture cannot be read or
    shows no face, ModelFileError, OutputError.
    """
    if neutral is not None and neutral.exists() and neutral.samefile(picture):
        raise PredictError(f"--neutral {neutral}: the same picture; name one of the same person at rest")
    beside = out.with_name(f"{out.name.removesuffix('.csv')}.expression.csv")
    if neutral is not None:
        check_replaceable(beside)
    points = _points(picture, detector, name or str(picture))
    table = pd.DataFrame(points.round(3), columns=["x", "y", "z"])
    paths.write(out, table.to_csv(index_label="point", lineterminator="\n"))
    if neutral is None:
        return [out], {}
    classifier = litert.load_classifier(model)
    at_rest = _points(neutral, detector, str(neutral))
    values = np.asarray(classifier.predict_proba(pair_tensor(at_rest, points)[None]))[0]
    probabilities = dict(zip(map(str, classifier.classes), values.tolist(), strict=True))
    row = {"emotion": max(probabilities, key=probabilities.__getitem__)}
    row |= {f"p_{emotion}": f"{p:.4f}" for emotion, p in probabilities.items()}
    row["model"] = describe_model(classifier, paths.model(model))
    paths.write(beside, pd.DataFrame([row]).to_csv(index=False, lineterminator="\n"))
    return [out, beside], probabilities


def pair_tensor(neutral: np.ndarray, expressive: np.ndarray) -> np.ndarray:
    """Return the tensor (4, 2912) float32 of two faces, at rest and with an expression, points (478, 3) each.

    It is that of a face that goes from one to the other in four equal steps. Raises the same SequenceRefused as
    `normalise`.
    """
    first, last = normalise(np.stack([neutral, expressive]).astype(np.float64))
    steps = np.linspace(0, 1, N_KEY_FRAMES)[:, None, None]
    return differences(first + steps * (last - first), PAIRS)


def _points(picture: Path, detector: str, name: str) -> np.ndarray:
    if not picture.is_file():
        raise PredictError(f"{name}: no such file; name a picture")
    image, problem = read_picture(picture)
    if image is None:
        raise PredictError(
            f"{name}: cannot be read ({problem.removeprefix(f'{picture.name}: ')}); save it again as PNG or JPEG"
        )
    with open_detector(detector, "image", views=1 if detector == "mediapipe" else VIEWS) as finder:
        points, _ = finder.detect(image)
    if points is None:
        raise PredictError(f"{name}: no face found; name a picture with a face of at least 40 pixels from eye to eye")
    return points
