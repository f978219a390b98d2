"""The page of a recording: complete in one file, without pictures of people by default, and it draws."""

import json
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from fer_utils.prediction import page
from fer_utils.prediction.formats import Prediction


@pytest.fixture
def prediction(tmp_path):
    recording = tmp_path / "a <b> & c.mp4"
    recording.write_bytes(b"")
    frames = pd.DataFrame(
        {"time": np.arange(50) / 25, "face": 1, "intensity": np.linspace(0, 0.08, 50), "phase": "onset",
         "AU12_r": np.linspace(0, 4, 50), "AU12_left_r": 0.0}
    )  # fmt: skip
    frames.loc[7, ["face", "intensity"]] = 0, np.nan
    expressions = pd.DataFrame(
        {"start": [0.4], "onset": [0.44], "apex": [1.2], "end": [1.96], "emotion": ["happiness"],
         "probability": [0.91], "intensity": [0.08], "face": [1]}
    )  # fmt: skip
    return Prediction(recording, frames, expressions, np.zeros((50, 478, 3), np.float32))


def data_of(text: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])


def test_it_says_what_was_found_and_escapes_names(prediction, tmp_path):
    text = page.write(prediction, tmp_path / "page.html", trained_on="actors <1>").read_text(encoding="utf-8")
    assert "<h1>a &lt;b&gt; &amp; c.mp4</h1>" in text and "actors &lt;1&gt;" in text
    assert "1 expression; a face in 49 of 50 frames." in text
    assert '<button data-time="1.200">0.40 – 1.96 s</button>' in text and "<td>0.91</td>" in text
    data = data_of(text)
    assert data["intensity"][7] is None and data["intensity"][49] == 0.08
    assert [unit["name"] for unit in data["units"]] == ["AU12"]


def test_of_several_faces_the_one_seen_longest_has_the_curves(prediction, tmp_path):
    frames = pd.concat([prediction.frames, prediction.frames.iloc[:20].assign(face=2, intensity=0.01)])
    expressions = pd.concat([prediction.expressions, prediction.expressions.assign(face=2, emotion="fear")])
    both = Prediction(prediction.recording, frames.sort_values("time", kind="stable"), expressions, prediction.points)
    text = page.write(both, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "2 expressions; a face in 50 of 50 frames. The curves are those of face 1," in text
    assert "</span>happiness, face 1</td>" in text and "</span>fear, face 2</td>" in text
    data = data_of(text)
    assert len(data["time"]) == 50 and data["intensity"][49] == 0.08 and data["intensity"][7] is None
    assert [each["emotion"] for each in data["expressions"]] == ["happiness"]


def test_pictures_of_people_are_there_only_if_they_are_given(prediction, tmp_path):
    plain = page.write(prediction, tmp_path / "plain.html").read_text(encoding="utf-8")
    assert "<img" not in plain and "<video" not in plain and "http" not in plain.replace("http-equiv", "")
    shown = page.write(prediction, tmp_path / "shown.html", thumbnails={0: np.zeros((90, 60, 3), np.uint8)})
    text = shown.read_text(encoding="utf-8")
    assert text.count("data:image/jpeg;base64,") == 1 and '<video src="a%20%3Cb%3E%20%26%20c.mp4"' in text


def test_a_long_recording_is_thinned(prediction, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "MOST", 20)
    data = data_of(page.write(prediction, tmp_path / "page.html").read_text(encoding="utf-8"))
    assert len(data["time"]) == 17 and data["time"][1] == pytest.approx(3 / 25)


def test_nothing_found(prediction, tmp_path):
    empty = Prediction(prediction.recording, prediction.frames[:0], prediction.expressions[:0], prediction.points[:0])
    text = page.write(empty, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "No expressions; a face in 0 of 0 frames." in text and "None was found." in text


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium")
@pytest.mark.parametrize("width", [390, 1200])
def test_a_browser_draws_it_without_sideways_scrolling(prediction, tmp_path, width):
    written = page.write(prediction, tmp_path / "page.html")
    # what the page measures of itself stands in its title when it is dumped
    measured = "[document.documentElement.scrollWidth <= innerWidth, canvas.height > 0].join()"
    script = f"<script>document.title = {measured}</script>"
    written.write_text(written.read_text(encoding="utf-8").replace("</html>", script + "</html>"), encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900", "--dump-dom"]
    done = subprocess.run([*command, written.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    assert "<title>true,true</title>" in done.stdout
