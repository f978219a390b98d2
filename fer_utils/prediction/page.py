"""One HTML page a recording: intensity, expressions and action units over time. It works offline.

What it says is in `assets/page.html`.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from urllib.parse import quote

import cv2
import jinja2
import numpy as np
import pandas as pd

from fer_utils import paths
from fer_utils.plots.style import emotion_colour
from fer_utils.prediction.formats import Prediction, by_face, units

MOST = 20_000  # frames that are drawn; of a longer recording every second, third … frame


def write(
    prediction: Prediction, path: Path, trained_on: str = "", thumbnails: dict[int, np.ndarray] | None = None
) -> Path:
    """Write the page of a recording to `path`, whole or not at all, and return it.

    `trained_on` says on what the classifier was trained. Pictures of people are in the page only if `thumbnails` is
    given: BGR pictures by row of the expressions. Then the page also plays the recording, if that is a file.
    """
    faces = prediction.frames["face"]
    counts = faces.value_counts().drop(0, errors="ignore")
    main = int(counts.index[0]) if len(counts) else 1  # the face with the most frames
    by_time = faces.groupby(prediction.frames["time"]).max()
    link = ""
    if thumbnails is not None and prediction.recording.is_file():
        place = os.path.relpath(prediction.recording.resolve(), path.resolve().parent)
        link = quote(Path(place).as_posix(), errors="replace")
    pages = jinja2.Environment(loader=jinja2.FileSystemLoader(paths.ASSETS), autoescape=True, trim_blocks=True)
    text = pages.get_template("page.html").render(
        recording=prediction.recording.name,
        n_frames=len(by_time),
        with_face=(by_time > 0).sum(),
        several=faces.max() > 1,
        main=main,
        video=link,
        expressions=list(prediction.expressions.itertuples()),
        colour=emotion_colour,
        thumbnails={number: _jpeg(image) for number, image in (thumbnails or {}).items()},
        trained_on=trained_on,
        data=_data(prediction, main),
    )
    return paths.write(path, text)


def _jpeg(image: np.ndarray) -> str:
    scale = 72 / image.shape[0]
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return base64.b64encode(cv2.imencode(".jpg", small)[1].tobytes()).decode()


def _data(prediction: Prediction, face: int) -> dict:
    """Return what the page draws of a face."""
    frames = by_face(prediction.frames)[face]
    shown = frames.iloc[:: max(1, -(-len(frames) // MOST))]
    return {
        "time": [round(value, 3) for value in shown["time"].tolist()],
        "intensity": _rounded(shown["intensity"].where(shown["face"] > 0), 4),
        "units": [{"name": name.removesuffix("_r"), "value": _rounded(shown[name], 1)} for name in units(shown)],
        "expressions": [
            {"start": row.start, "end": row.end, "emotion": row.emotion, "colour": emotion_colour(row.emotion)}
            for row in prediction.expressions.itertuples()
            if row.face == face
        ],
    }


def _rounded(values: pd.Series, digits: int) -> list[float | None]:
    return [round(value, digits) if np.isfinite(value) else None for value in values.astype(float).tolist()]
