"""The demo without a browser: every frame is answered, nothing is kept unasked, and mistakes are one line."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress

import cv2
import nbformat
import numpy as np
import pandas as pd
import psutil
import pytest

from fer_utils import paths
from fer_utils.data.video import Video
from fer_utils.errors import ModelFileError, StudyError, UserError
from fer_utils.realtime import camera, demo, serving
from fer_utils.realtime.live import Live
from fer_utils.realtime.streaming import Recognition, Recognizer
from fer_utils.study import runner
from tests.standins import reel

POINTS = 478 * 2 * 2  # bytes of an answer's points


class Sure:
    """A classifier that is sure of the second of its classes."""

    def __init__(self, *classes):
        self.classes = classes or ("anger", "happiness")

    def predict_proba(self, x):
        return np.eye(len(self.classes))[[1]]


class Misfit:
    """A classifier for other tensors."""

    classes = ("anger",)

    def predict_proba(self, x):
        raise ValueError("another shape")


@pytest.fixture(scope="module")
def frames():
    """The clip's first 75 frames, and the same as JPEG."""
    images = [frame.image for frame in list(Video(paths.CLIP))[:75]]
    return images, [cv2.imencode(".jpg", image)[1].tobytes() for image in images]


@pytest.fixture
def widget():
    """A camera whose messages to the page are kept in `sent`."""
    made = camera.Camera(Live(Sure()), paths.CLIP, classes=["anger", "happiness"])
    made.sent = []
    made.send = lambda message, buffers=(): made.sent.append((message, buffers))
    yield made
    made.stop()


@pytest.fixture
def shown(tmp_path, monkeypatch):
    """A demo; `sent` are its camera's messages."""
    made = demo.Demo(tmp_path)
    made.sent = []
    monkeypatch.setattr(made.camera, "send", lambda message, buffers=(): made.sent.append((message, buffers)))
    yield made
    made.end()


def receive(widget, kind, page="a", run=1, buffers=(), **message):
    widget._receive(widget, {"kind": kind, "page": page, "run": run, **message}, list(buffers))


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


class TestCamera:
    def test_every_frame_has_its_answer(self, widget, frames):
        images, jpegs = frames
        receive(widget, "start")
        for number, jpeg in enumerate(jpegs):
            receive(widget, "frame", buffers=[jpeg], number=number, time=number / 25)
        answers = [message for message, _ in widget.sent]
        assert [each["number"] for each in answers] == list(range(75))
        assert {(each["page"], each["width"], each["height"]) for each in answers} == {("a", 320, 240)}
        assert all(len(buffers[0]) == POINTS for _, buffers in widget.sent)
        assert answers[-1]["probabilities"] == pytest.approx({"anger": 0, "happiness": 1}, abs=1e-5)
        points = np.frombuffer(widget.sent[-1][1][0], "<i2").reshape(-1, 2) / 8
        with Recognizer() as alone:
            for number, image in enumerate(images):
                seen = alone.push(image, number / 25)
        # as JPEG the picture is another by a little
        assert np.abs(points - seen.points[:, :2]).max() < 2

    def test_so_has_one_that_is_no_picture_or_makes_the_stream_fail(self, widget, frames, monkeypatch):
        receive(widget, "start")
        receive(widget, "frame", buffers=[b"no picture"], number=1, time=0.0)
        receive(widget, "frame", buffers=[frames[1][0]], number=2, time=float("nan"))

        def broken(*_):
            raise RuntimeError("first line\nsecond line")

        monkeypatch.setattr(widget.live, "push", broken)
        receive(widget, "frame", buffers=[frames[1][0]], number=3, time=0.2)
        assert [message["number"] for message, _ in widget.sent] == [1, 2, 3]
        first, second, third = (message["error"] for message, _ in widget.sent)
        assert "no picture" in first and "finite" in second and third == "first line"

    def test_no_face(self, widget):
        receive(widget, "start")
        black = cv2.imencode(".jpg", np.zeros((240, 320, 3), np.uint8))[1].tobytes()
        receive(widget, "frame", buffers=[black], number=1, time=0.0)
        message, buffers = widget.sent[-1]
        assert message["why"] == "no face" and buffers == [b""] and message["intensity"] is None

    def test_the_page_started_last_has_the_stream(self, widget, frames):
        receive(widget, "start", page="a")
        receive(widget, "start", page="b")
        stop, _ = widget.sent[-1]
        assert (stop["kind"], stop["page"], stop["run"]) == ("stop", "a", 1) and "another page" in stop["note"]
        receive(widget, "frame", page="a", buffers=[frames[1][0]], number=1, time=0.0)
        assert widget.sent[-1][0]["kind"] == "stop"  # it has not heard yet: told again
        receive(widget, "stop", page="a")  # no longer its stream
        receive(widget, "frame", page="b", buffers=[frames[1][0]], number=1, time=0.0)
        assert widget.sent[-1][0]["kind"] == "answer"

    def test_no_frame_is_in_the_state_that_a_notebook_saves(self, widget, frames):
        receive(widget, "start")
        before = widget.get_state()
        receive(widget, "frame", buffers=[frames[1][0]], number=1, time=0.0)
        assert widget.get_state() == before
        assert not {"frame", "picture", "points"} & set(before)

    def test_stop_closes_the_detector(self, widget):
        receive(widget, "start")
        assert widget.live._recognizer is not None
        receive(widget, "stop")
        assert widget.live._recognizer is None

    def test_a_start_that_crosses_the_choice_of_another_source_is_made_again(self, widget):
        widget.source = "clip"
        receive(widget, "start", source="browser")
        stop, _ = widget.sent[-1]
        assert (stop["kind"], stop["page"], stop["run"], stop["again"]) == ("stop", "a", 1, True)
        assert widget.live._recognizer is None and widget._player is None
        receive(widget, "start", run=2, source="clip")
        assert widget.live._recognizer is not None and widget._player is not None

    def test_the_mesh_is_of_lines_between_points_of_the_face(self, widget):
        edges = np.frombuffer(widget.edges, "<u2").reshape(-1, 2)
        assert len(edges) > 1200 and edges.max() < 468 and len(np.unique(edges, axis=0)) == len(edges)
        assert sum(map(len, widget.dots.values())) == 61


class TestKernelSource:
    def test_the_clip_plays_until_stopped(self, widget):
        widget.source = "clip"
        receive(widget, "start")
        wait_for(lambda: widget.sent)
        for number in range(5):
            wait_for(lambda number=number: len(widget.sent) > number)
            receive(widget, "seen", number=number)
        message, (points, jpeg) = widget.sent[4]
        assert message["kind"] == "picture" and message["time"] == pytest.approx(4 / 25) and len(points) == POINTS
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (240, 320, 3)
        thread = widget._player.thread
        receive(widget, "stop", page="another that watches")
        thread.join(5)
        assert not thread.is_alive() and widget.live._recognizer is None

    def test_it_ends_where_no_page_looks(self, widget, monkeypatch):
        monkeypatch.setattr(camera, "ACKNOWLEDGED_WITHIN", 0.05)
        widget.source = "clip"
        receive(widget, "start")
        wait_for(lambda: widget.sent and widget.sent[-1][0]["kind"] == "stop")
        assert "no page shows it" in widget.sent[-1][0]["note"]
        assert sum(message["kind"] == "picture" for message, _ in widget.sent) == camera.UNSEEN

    def test_a_camera_is_not_opened_again_before_it_was_released(self, widget, frames, monkeypatch):
        held, opened = [], []

        class Device:
            """A camera that can be open once, and takes its time."""

            def __init__(self, _):
                self.free = not held
                opened.append(self.free)
                held.append(self)

            def isOpened(self):
                return self.free

            def read(self):
                time.sleep(0.3)
                return True, frames[0][0]

            def release(self):
                held.remove(self)

            def set(self, *_):
                pass

            def get(self, _):
                return 25.0

        monkeypatch.setattr(camera.cv2, "VideoCapture", Device)
        widget.source = "kernel"
        for count in (1, 2, 3):
            receive(widget, "start")
            wait_for(lambda count=count: len(opened) == count)
        receive(widget, "stop")
        wait_for(lambda: not held)
        assert opened == [True, True, True]

    @pytest.mark.parametrize(("source", "words"), [("kernel", "no camera 99"), ("clip", "cannot be opened")])
    def test_what_is_not_there_is_said(self, widget, tmp_path, source, words):
        widget.device, widget.clip, widget.source = 99, tmp_path / "gone.mp4", source
        receive(widget, "start")
        wait_for(lambda: widget.sent)
        message, _ = widget.sent[-1]
        assert message["kind"] == "stop" and message["error"] and words in message["note"]
        assert widget._player is None and widget.live._recognizer is None


class TestLive:
    def test_records_only_between_record_and_save(self, frames, tmp_path):
        live = Live(Sure())
        for number, image in enumerate(frames[0]):
            if number == 10:
                live.record(tmp_path / "r.csv")
            if number == 50:
                assert not (tmp_path / "r.csv").exists()
                assert live.save().rows == 40
            live.push(image, number / 25)
        live.stop()
        table = pd.read_csv(tmp_path / "r.csv")
        np.testing.assert_allclose(table["time"], np.arange(10, 50) / 25, atol=1e-4)
        assert list(table.columns[:7]) == ["time", "face", "emotion", "phase", "intensity", "p_anger", "p_happiness"]
        assert table.shape[1] == 7 + 3 * 61 + 2
        assert (table["x263"] - table["x33"]).between(20, 120).all()
        assert live.save() is None

    def test_a_face_that_is_too_small_is_asked_to_come_closer(self, photograph):
        """The detector finds faces from about a quarter of the picture's height on."""
        live = Live(Sure())
        for share, why in ((0.3, None), (0.15, "the face is too small: come closer"), (0, "no face")):
            image = np.full((480, 640, 3), 90, np.uint8)
            if share:
                size = round(512 * share * 480 / 170)  # the face is 170 pixels high in 512
                image[100 : 100 + size, 200 : 200 + size] = cv2.resize(photograph, (size, size))[: 480 - 100]
            live.start()
            seen = live.push(image, 0.0)
            assert (seen.points is None) == (why is not None)
            assert why is None or seen.why == why
        live.stop()

    def test_other_faces_have_their_boxes(self, widget, frames):
        image = frames[0][0]
        small = cv2.resize(image, None, fx=0.8, fy=0.8)
        both = np.full((240, 320 + small.shape[1], 3), 90, np.uint8)
        both[:, :320] = image
        both[: small.shape[0], 320:] = small
        receive(widget, "start")
        for number, seen in enumerate((both, both, image)):
            receive(widget, "frame", buffers=[cv2.imencode(".png", seen)[1].tobytes()], number=number, time=number / 2)
        (first, points), (second, _), (alone, _) = ((message, buffers[0]) for message, buffers in widget.sent)
        assert np.frombuffer(points, "<i2").reshape(-1, 2)[:, 0].max() / 8 < 320  # the larger one is followed
        ((left, top, right, bottom),) = first["others"]
        assert 320 < left < right < both.shape[1] and 0 < top < bottom < small.shape[0]
        assert second["others"] == first["others"] and alone["others"] == []
        receive(widget, "frame", buffers=[cv2.imencode(".png", both)[1].tobytes()], number=3, time=1.5)
        receive(widget, "frame", buffers=[cv2.imencode(".png", image)[1].tobytes()], number=4, time=-5.0)  # a new clock
        assert len(widget.sent[-2][0]["others"]) == 1 and widget.sent[-1][0]["others"] == []

    def test_the_face_at_rest_can_be_set(self, frames):
        live = Live(Sure())
        live.set_neutral()  # before there is a stream: nothing happens
        seen = [live.push(image, number / 25) for number, image in enumerate(frames[0][:60])]  # the smile is held
        assert seen[-1].phase in ("onset", "apex")
        live.set_neutral()
        assert live.push(frames[0][60], 60 / 25).phase == "neutral"
        live.stop()

    def test_one_recording_at_a_time(self, tmp_path):
        live = Live(Sure())
        live.record(tmp_path / "r.csv")
        with pytest.raises(UserError, match="still recording"):
            live.record(tmp_path / "s.csv")
        live.save()

    def test_a_classifier_that_does_not_fit_leaves_the_former(self):
        former = Sure()
        live = Live(former)
        with pytest.raises(ModelFileError):
            live.use(Misfit())
        assert live.classifier is former

    def test_threads_take_turns(self, frames):
        live = Live(Sure())
        failed = []

        def push(first):
            try:
                for number, image in enumerate(frames[0][:15]):
                    live.push(image, number / 25 + first)
                    if number == 7:
                        live.use(detector="face_mesh")
            except Exception as error:
                failed.append(error)

        threads = [threading.Thread(target=push, args=(first / 100,)) for first in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        live.stop()
        assert failed == []


class TestDemo:
    def test_says_what_the_model_is(self, shown):
        assert "rendered stand-ins" in shown.note.value
        assert "not a measurement of feelings" in shown.note.value
        assert shown.camera.source == "browser" and shown.live._recognizer is None

    def test_a_new_one_ends_the_former(self, shown, tmp_path):
        receive(shown.camera, "start")
        demo.Demo(tmp_path)
        assert shown.live._recognizer is None

    @pytest.mark.parametrize("wrong", [{"source": "webcam"}, {"detector": "mesh"}])
    def test_parameters_that_are_not_known(self, tmp_path, wrong):
        ((name, value),) = wrong.items()
        with pytest.raises(UserError, match=f"^{name} '{value}': must be one of (browser|face_landmarker), "):
            demo.Demo(tmp_path, **wrong)

    def test_controls_reach_the_camera(self, shown):
        receive(shown.camera, "start")
        shown.source.value = "clip"
        assert shown.camera.source == "clip" and shown.live._recognizer is None
        shown.mesh.value = False
        assert shown.camera.mesh is False
        receive(shown.camera, "start")
        shown.detector.value = "face_mesh"
        assert shown.live.detector == "face_mesh" and shown.sent[-1][0]["kind"] == "stop"

    def test_a_model_that_is_not_there_is_said_and_the_former_kept(self, shown, tmp_path):
        name, classifier = shown.model.value, shown.live.classifier
        shown.model.value = str(tmp_path / "gone.tflite")
        assert "gone.tflite" in shown.message.value and shown.model.value == name
        assert shown.live.classifier is classifier
        shown.model.value = str(shutil.copy(paths.model(), tmp_path / "own.tflite"))
        assert shown.live.classifier is not classifier and shown.message.value == ""

    def test_record_button(self, shown, tmp_path, frames):
        receive(shown.camera, "start")
        assert not list(tmp_path.iterdir())
        shown.record.value = True
        receive(shown.camera, "frame", buffers=[frames[1][0]], number=1, time=0.0)
        shown.record.value = False
        (file,) = tmp_path.iterdir()
        assert len(pd.read_csv(file)) == 1 and shown.message.value == f"1 frames in {file}"

    def test_a_recording_that_another_detector_ends_is_said(self, shown, tmp_path):
        shown.record.value = True
        shown.detector.value = "face_mesh"
        (file,) = tmp_path.iterdir()
        assert shown.record.value is False and shown.message.value == f"0 frames in {file}"

    def test_a_folder_that_cannot_be_written(self, shown, tmp_path):
        (tmp_path / "file").write_text("")
        shown.out = tmp_path / "file"
        shown.record.value = True
        assert shown.record.value is False and "cannot be written" in shown.message.value

    def test_a_model_that_does_not_fit(self, tmp_path):
        (tmp_path / "text.tflite").write_text("no model")
        with pytest.raises(ModelFileError, match=r"text\.tflite"):
            demo.Demo(tmp_path, str(tmp_path / "text.tflite"))
        demo.Demo(tmp_path).end()  # the cell is run again with a model that fits


def test_the_table_has_its_columns_without_rows():
    known = ["time", "emotion", "phase", "intensity"]
    assert demo.table([]).columns.tolist() == demo.table([Recognition(0.0)]).columns.tolist() == known


def test_the_clip_that_ships_is_the_one_that_is_drawn():
    shipped = [frame.image for frame in Video(paths.CLIP)]
    drawn = reel.pictures(fps=1)
    for number, (image, _) in enumerate(drawn):
        assert np.abs(shipped[number * reel.FPS].astype(int) - image).mean() < 4
    assert number + 1 == len(shipped) // reel.FPS
    assert paths.CLIP.stat().st_size < 300_000


@pytest.mark.parametrize("interactive", [False, True])
def test_the_notebook_runs_without_a_browser(tmp_path, interactive):
    run = runner.run_notebook("07_webcam_demo", "", {"out": str(tmp_path), "interactive": interactive}, tmp_path)
    assert run.error == ""
    assert (tmp_path / "figures" / "all" / "stream.png").is_file()
    cells = nbformat.read(run.executed, as_version=4).cells
    kinds = {kind for cell in cells for output in cell.get("outputs", []) for kind in output.get("data", {})}
    assert ("application/vnd.jupyter.widget-view+json" in kinds) == interactive
    assert "image/jpeg" not in kinds


class TestServing:
    def test_jupyterlab_on_this_machine_alone(self):
        command = serving.command()
        assert "jupyterlab" in command and "--ip=127.0.0.1" in command and command[-1].endswith(serving.NOTEBOOK)
        assert any("NoDelay" in each for each in command)
        assert not any("token" in each or "password" in each for each in command)

    def test_voila_is_asked_for_a_token_or_said_to_be_missing(self, monkeypatch):
        pytest.importorskip("voila")
        command = serving.command(app=True)
        assert command[-1] == str(serving.PAGE) and serving.PAGE.is_file()
        assert "--Voila.ip=127.0.0.1" in command and "--Voila.auto_token=True" in command
        # the kernel of a page that was closed does not stay
        assert "--MappingKernelManager.cull_idle_timeout=30" in command
        monkeypatch.setattr(serving.importlib.util, "find_spec", lambda name: None)
        with pytest.raises(StudyError, match=r"pip install 'fer-utils\[demo\]'"):
            serving.command(app=True)

    def test_the_model_is_looked_at_before_anything_is_started(self, monkeypatch, tmp_path):
        monkeypatch.setattr(serving.subprocess, "Popen", lambda *_, **__: pytest.fail("started"))
        with pytest.raises(ModelFileError, match="gone"):
            serving.serve(model=tmp_path / "gone.tflite")

    @pytest.mark.long
    @pytest.mark.skipif(sys.platform == "win32", reason="terminals and process groups are POSIX's")
    def test_ctrl_c_ends_the_server_and_its_kernels_without_a_question(self, monkeypatch, tmp_path):
        for kind in ("CONFIG", "DATA", "RUNTIME"):
            monkeypatch.setenv(f"JUPYTER_{kind}_DIR", str(tmp_path / kind))
        monkeypatch.setenv("BROWSER", "true")
        terminal, log = os.openpty(), tmp_path / "log"
        with log.open("wb") as stream:
            demo = [sys.executable, "-c", "import sys; from fer_utils import cli; sys.exit(cli.main(['demo']))"]
            server = subprocess.Popen(demo, stdin=terminal[1], stdout=stream, stderr=stream, start_new_session=True)
        try:
            wait_for(lambda: "?token=" in log.read_text() or server.poll() is not None, 180)
            address, token = re.search(r"(http://127\S+?/)lab\S*\?token=(\w+)", log.read_text()).groups()
            kernel = urllib.request.Request(f"{address}api/kernels?token={token}", method="POST")

            def kernel_started():  # the address is printed before anything listens there
                with suppress(urllib.error.URLError):
                    return urllib.request.urlopen(kernel, timeout=60).status == 201

            wait_for(kernel_started, 180)
            children = psutil.Process(server.pid).children(recursive=True)
            os.killpg(server.pid, signal.SIGINT)
            assert server.wait(180) == 130
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGKILL)
            for end in terminal:
                os.close(end)
        assert len(children) >= 2  # JupyterLab and the kernel
        assert psutil.wait_procs(children, timeout=10)[1] == []
        assert log.read_text().endswith("fer: interrupted\n")

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to handle")
    def test_a_server_does_not_outlive_the_command(self):
        server = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(300)"]
        code = "from fer_utils import cli; from fer_utils.realtime import serving; "
        code += f"serving.command = lambda app: {server!r}; cli.main(['demo'])"
        demo = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
        try:
            assert demo.stdout.readline() == b"up\n"
            demo.terminate()
            demo.communicate(timeout=20)  # until nobody has the pipe open
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(demo.pid, signal.SIGKILL)

    def test_no_notebook(self, monkeypatch, tmp_path):
        monkeypatch.setenv("FER_ROOT", str(tmp_path))
        with pytest.raises(StudyError, match="run from a clone"):
            serving.command()
