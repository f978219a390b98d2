"""The live demo: a camera's picture with mesh, probabilities and phase, and what can be chosen about it."""

from __future__ import annotations

import atexit
import html
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import ipywidgets as widgets
import pandas as pd

from fer_utils import paths
from fer_utils.data.video import Video
from fer_utils.errors import UserError
from fer_utils.landmarks.detectors import DETECTORS
from fer_utils.models import litert
from fer_utils.realtime.camera import Camera
from fer_utils.realtime.live import Live
from fer_utils.realtime.streaming import Recognition, Recognizer

SOURCES = {"this browser's camera": "browser", "a camera at the kernel": "kernel", "the rendered clip": "clip"}
SHIPPED = "the one that ships"


def clip(model: str = "", detector: str = "face_landmarker") -> Iterator[Recognition]:
    """Yield what is recognised in each frame of the rendered clip, without a browser. Raises ModelFileError."""
    with Recognizer(litert.load_classifier(model), detector) as recognizer:
        for frame in Video(paths.CLIP):
            yield recognizer.push(frame.image, frame.time)


def table(seen: list[Recognition]) -> pd.DataFrame:
    """Return a row per frame: time, emotion, phase, intensity, and the classes' probabilities if there are any."""
    facts = ("time", "emotion", "phase", "intensity")
    rows = [{name: getattr(each, name) for name in facts} | (each.probabilities or {}) for each in seen]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(facts))


class Demo(widgets.VBox):
    """The camera widget with its controls; display it in a notebook's cell, and press Start in the page.

    Nothing is on and nothing kept before a button is pressed. What Record writes, as CSV under the folder `out`, are
    points and probabilities, never pictures. `model` is the file of an exported classifier ("": the one that
    `fer demo --model` named, or the one that ships). A new Demo ends the one before: a cell that is run again does not
    leave a camera on. Raises ModelFileError for a model that is not there or does not fit, UserError for a `source`
    that is not one of SOURCES or an unknown detector.
    """

    _former: Demo | None = None

    def __init__(self, out: Path, model: str = "", source: str = "browser", detector: str = "face_landmarker"):
        if Demo._former is not None:
            Demo._former.end()
        for name, value, known in (("source", source, SOURCES.values()), ("detector", detector, tuple(DETECTORS))):
            if value not in known:
                raise UserError(f"{name} {value!r}: must be one of {', '.join(known)}")
        self.out = Path(out)
        path = paths.model(model)
        classifier = litert.LiteClassifier(path)
        Recognizer(classifier)  # raises here if it does not fit, not after Start
        self.live = Live(classifier, detector)
        self.camera = Camera(self.live, paths.CLIP, source=source, classes=[str(name) for name in classifier.classes])
        self._named = SHIPPED if path == paths.MODEL else str(path)

        self.source = widgets.Dropdown(options=SOURCES, value=source, description="Source")
        self.model = widgets.Combobox(
            value=self._named, options=list(dict.fromkeys([SHIPPED, self._named])), description="Model",
            placeholder="path of an exported model", continuous_update=False,
        )  # fmt: skip
        self.detector = widgets.Dropdown(options=tuple(DETECTORS), value=detector, description="Detector")
        self.mesh = widgets.Checkbox(value=True, description="mesh", indent=False, layout={"width": "80px"})
        self.record = widgets.ToggleButton(
            value=False, description="Record", icon="circle", tooltip="points and probabilities as CSV, no pictures"
        )
        self.neutral = widgets.Button(
            description="This is my neutral face", layout={"width": "190px"},
            tooltip="take the face as it is now for the face at rest",
        )  # fmt: skip
        self.message, self.note = widgets.Label(), widgets.HTML()  # HTML: a label cuts what does not fit
        self._say_what_it_is()
        widgets.link((self.source, "value"), (self.camera, "source"))
        widgets.link((self.mesh, "value"), (self.camera, "mesh"))
        self.model.observe(lambda change: self._choose(change["new"]), "value")
        self.detector.observe(lambda change: self._use(detector=change["new"]), "value")
        self.neutral.on_click(lambda _: self.live.set_neutral())
        self.record.observe(lambda change: self._record(change["new"]), "value")
        row = {"flex_flow": "row wrap", "align_items": "center"}
        super().__init__(
            [
                widgets.HBox([self.source, self.model, self.detector], layout=row),
                widgets.HBox([self.neutral, self.record, self.mesh, self.message], layout=row),
                self.camera,
                self.note,
            ]
        )
        Demo._former = self  # last: a demo that raised before this line cannot be ended
        atexit.register(self.live.save)  # before the interpreter goes
        atexit.register(self.live.stop)

    def end(self) -> None:
        """Turn everything off; a recording is saved."""
        self.record.value = False
        self.camera.stop()

    def _choose(self, name: str) -> None:
        """Take another model; if it does not fit, say so and keep the former."""
        name = name or SHIPPED
        if name == self._named:
            self.model.value = name
            return
        try:
            classifier = litert.LiteClassifier(paths.MODEL if name == SHIPPED else paths.expand_user(name))
            self._use(classifier)
        except (UserError, OSError, ValueError) as error:  # the last two: a name that no file can have
            self.message.value = str(error)
            self.model.value = self._named
            return
        self._named = self.model.value = name
        self.camera.classes = [str(each) for each in classifier.classes]
        self._say_what_it_is()

    def _use(self, classifier=None, detector: str | None = None) -> None:
        self.message.value = ""  # before a recording ends, which says where its file is
        self.record.value = False  # the file's columns are those of the former model
        self.live.use(classifier, detector)
        self.camera.stop("Press Start again.")

    def _record(self, wanted: bool) -> None:
        try:
            if wanted:
                path = self.out / f"recording_{datetime.now():%Y-%m-%d_%H-%M-%S}.csv"
                self.live.record(path)
                self.message.value = f"Recording points and probabilities, no pictures, to {path}"
            elif (recording := self.live.save()) is not None:
                self.message.value = f"{recording.rows} frames in {recording.path}"
        except UserError as error:
            self.message.value = str(error)
            self.record.value = False

    def _say_what_it_is(self) -> None:
        trained_on = html.escape(self.live.classifier.trained_on or "data unknown")
        what = "a demonstration, not a measurement of feelings"
        self.note.value = f"Trained on {trained_on}: {what}. Of several faces the one in the solid frame is followed."
