"""One HTML page a recording: intensity, expressions and action units over time. It works offline."""

from __future__ import annotations

import base64
import html
import json
import os
from pathlib import Path
from string import Template
from urllib.parse import quote

import cv2
import numpy as np
import pandas as pd

from fer_utils import paths
from fer_utils.plots.style import emotion_colour
from fer_utils.prediction.formats import Prediction, by_face, units

TEMPLATE = paths.ASSETS / "page.html"
MOST = 20_000  # frames that are drawn; of a longer recording every second, third … frame


def write(
    prediction: Prediction, path: Path, trained_on: str = "", thumbnails: dict[int, np.ndarray] | None = None
) -> Path:
    """Write the page of a recording to `path`, whole or not at all, and return it.

    `trained_on` says on what the classifier was trained. Pictures of people are in the page only if `thumbnails` is
    given: BGR pictures by row of the expressions. Then the page also plays the recording, if that is a file.
    """
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=html.escape(prediction.recording.name),
        summary=_summary(prediction),
        video="" if thumbnails is None else _video(prediction.recording, path),
        expressions=_table(prediction, thumbnails or {}),
        footer=_footer(trained_on),
        data=json.dumps(_data(prediction)).replace("</", "<\\/"),
    )
    with paths.replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")
    return path


def _summary(prediction: Prediction) -> str:
    frames = prediction.frames.groupby("time")["face"].max()
    count = len(prediction.expressions)
    text = (
        f"{count or 'No'} expression{'s' * (count != 1)}; a face in {int((frames > 0).sum())} of {len(frames)} frames."
    )
    if _has_several_faces(prediction):
        text += f" The curves are those of face {_main_face(prediction)}, which was seen longest."
    return text


def _has_several_faces(prediction: Prediction) -> bool:
    return prediction.frames["face"].max() > 1


def _main_face(prediction: Prediction) -> int:
    """Return the number of the face with the most frames."""
    counts = prediction.frames["face"].value_counts().drop(0, errors="ignore")
    return int(counts.index[0]) if len(counts) else 1


def _footer(trained_on: str) -> str:
    source = f"The classifier was trained on: {html.escape(trained_on)}. " if trained_on else ""
    return f"{source}Expressions are not feelings: decide nothing about a person by this page."


def _video(recording: Path, page: Path) -> str:
    if not recording.is_file():
        return ""
    link = quote(Path(os.path.relpath(recording.resolve(), page.resolve().parent)).as_posix(), errors="replace")
    return f'<video src="{link}" controls muted playsinline></video>'


def _table(prediction: Prediction, thumbnails: dict[int, np.ndarray]) -> str:
    expressions = prediction.expressions
    if expressions.empty:
        return "<p>None was found.</p>"
    rows = []
    for number, row in enumerate(expressions.itertuples()):
        colour = emotion_colour(row.emotion)
        picture = f"<td>{_picture(thumbnails[number])}</td>" if number in thumbnails else "<td></td>" * bool(thumbnails)
        name = html.escape(row.emotion) + (f", face {row.face}" if _has_several_faces(prediction) else "")
        rows.append(
            f'<tr>{picture}<td><span class="dot" style="background:{colour}"></span>{name}</td>'
            f'<td><button data-time="{row.apex:.3f}">{row.start:.2f} – {row.end:.2f} s</button></td>'
            f"<td>{row.probability:.2f}</td><td>{row.intensity:.3f}</td></tr>"
        )
    head = "<th></th>" * bool(thumbnails) + "<th>expression</th><th>time</th><th>probability</th><th>intensity</th>"
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _picture(image: np.ndarray) -> str:
    scale = 72 / image.shape[0]
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    content = base64.b64encode(cv2.imencode(".jpg", small)[1].tobytes()).decode()
    return f'<img src="data:image/jpeg;base64,{content}" alt="the face at the apex">'


def _data(prediction: Prediction) -> dict:
    main = _main_face(prediction)
    frames = by_face(prediction.frames)[main]
    shown = frames.iloc[:: max(1, -(-len(frames) // MOST))]
    return {
        "time": [round(value, 3) for value in shown["time"].tolist()],
        "intensity": _rounded(shown["intensity"].where(shown["face"] > 0), 4),
        "units": [{"name": name.removesuffix("_r"), "value": _rounded(shown[name], 1)} for name in units(shown)],
        "expressions": [
            {"start": row.start, "end": row.end, "emotion": row.emotion, "colour": emotion_colour(row.emotion)}
            for row in prediction.expressions.itertuples()
            if row.face == main
        ],
    }


def _rounded(values: pd.Series, digits: int) -> list[float | None]:
    return [round(value, digits) if np.isfinite(value) else None for value in values.astype(float).tolist()]
