"""The MMI stand-in: rendered actors, neutral to apex to neutral, in the layout of MMI (Pantic et al., 2005).

`Sessions/101/` holds session.xml (the view), S001-001.avi, S001-001.xml (the emotion) and, for every other clip,
S001-001-oao_aucs.xml (onset, apex and offset of its action units).
"""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from fer_utils.data.labels import EMOTIONS
from fer_utils.data.readers.mmi import CODES
from fer_utils.standins.action_units import UNITS
from fer_utils.standins.actors import make_actor, seeds
from fer_utils.standins.drawing.camera import Sensor, View
from fer_utils.standins.drawing.painter import Painter
from fer_utils.standins.expressions import intensity_code
from fer_utils.standins.performances import FPS, Performance, perform
from fer_utils.standins.truth import truth_row

SUBJECTS = 12
SIZE = (720, 576)
CODE = {emotion: code for code, emotion in CODES.items()}
FRONTAL, PROFILE, DUAL = 0, 1, 2
DATASET = 3


def write(root: Path, seed: int, number: int) -> list[dict]:
    """Write all clips of one subject; return their rows of the truth.

    Every subject shows the six emotions to the camera. The first one's first clip lies on its side, and three more
    clips of theirs are not for use: one in profile, one with both views in a picture, one without a label.
    """
    actor_seed, order_seed = seeds(seed, DATASET, number)
    rng = np.random.default_rng(order_seed)
    painter = Painter(make_actor(actor_seed), SIZE)
    view = View(SIZE, (360 + rng.uniform(-25, 25), 245 + rng.uniform(-12, 12)), rng.uniform(14.0, 16.5))
    emotions = [emotion for emotion in EMOTIONS if emotion in CODE]
    clips = [(emotions[k], FRONTAL, True) for k in rng.permutation(len(emotions))]
    if number == 1:
        clips += [("happiness", PROFILE, True), ("surprise", DUAL, True), ("anger", FRONTAL, False)]
    rows = []
    for take, (emotion, seen, labelled) in enumerate(clips, start=1):
        performance = perform(painter.actor, emotion, view, rng, returns=True)
        session, clip = root / "Sessions" / f"{100 * number + take}", f"S{number:03d}-{take:03d}"
        session.mkdir(parents=True)
        _write_video(session / f"{clip}.avi", _pictures(painter, performance, seen, rng), number == take == 1)
        _write_xml(session, clip, performance, seen, labelled, marked=bool(take % 2))
        used = labelled and seen == FRONTAL
        rows.append(truth_row("mmi", f"mmi/S{number:03d}", f"{session.name}/{clip}", performance, used))
    return rows


def _pictures(painter: Painter, performance: Performance, seen: int, rng: np.random.Generator):
    """Yield the frames in turn, with noise, in one of the three views."""
    sensor = Sensor(rng, SIZE, dark=0.5, bright=2.0)
    # a camera at the actor's left; the face stays in the middle of the picture
    side = replace(performance, views=[view.moved(-1.25, 0.0, 0.0, right=5.0) for view in performance.views])
    if seen == DUAL:
        half = SIZE[0] // 4
        pairs = zip(performance.frames(painter), side.frames(painter), strict=True)
        images = (np.hstack([image[:, half:-half] for image in pair]) for pair in pairs)
    else:
        images = (side if seen == PROFILE else performance).frames(painter)
    return (sensor.expose(image) for image in images)


def _write_video(file: Path, images, on_its_side: bool) -> None:
    size = SIZE[::-1] if on_its_side else SIZE
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"MJPG"), FPS, size)
    try:
        if not writer.isOpened():
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(file))
        for image in images:
            writer.write(cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE) if on_its_side else image)
    finally:
        writer.release()


def _write_xml(session: Path, clip: str, performance: Performance, seen: int, labelled: bool, marked: bool) -> None:
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    label = f'  <Metatag Name="Emotion" Value="{CODE[performance.emotion]}"/>\n' if labelled else ""
    (session / f"{clip}.xml").write_text(f"{head}<Annotation>\n{label}</Annotation>\n")
    named = f'  <annotation filename="{clip}-oao_aucs.xml"/>\n' if marked else ""
    track = f'  <track type="Video" filename="{clip}.avi" view="{seen}"/>\n'
    (session / "session.xml").write_text(f'{head}<session sessionId="{session.name}">\n{track}{named}</session>\n')
    if marked:
        shown = [unit for unit, sides in zip(UNITS, performance.shown, strict=True) if intensity_code(sides.max())]
        units = "".join(_markers(unit, performance) for unit in shown)
        (session / f"{clip}-oao_aucs.xml").write_text(f"{head}<Annotation>\n{units}</Annotation>\n")


def _markers(unit: int, performance: Performance) -> str:
    """Return one unit's phases; frames count from 1 there."""
    phases = (("onset", performance.onset), ("apex", performance.apex), ("offset", performance.offset))
    marks = "".join(f'    <Marker Frame="{frame + 1}" Type="{phase}"/>\n' for phase, frame in phases)
    return f'  <ActionUnit Number="{unit}">\n{marks}  </ActionUnit>\n'
