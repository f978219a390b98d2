"""The public API: the names at the top of the package, and what they give together."""

import re
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest

import fer_utils as fer
from fer_utils import paths
from fer_utils.errors import PredictError


def test_names_are_loaded_when_they_are_used():
    heavy = "{'tensorflow', 'keras', 'mediapipe', 'cv2', 'numpy'}"
    code = f"import sys, fer_utils as fer; assert not {heavy} & set(sys.modules); fer.load_classifier(); "
    code += "print(sorted({'tensorflow', 'keras', 'mediapipe'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_name_is_there_and_no_other():
    assert all(getattr(fer, name).__name__ in (name, "track_recording") for name in fer.__all__)
    assert set(fer.__all__) <= set(dir(fer))
    with pytest.raises(AttributeError, match="no attribute 'trak'"):
        fer.trak  # noqa: B018


def test_from_a_clip_to_an_emotion():
    track = fer.track(str(paths.CLIP))
    assert track.points.shape == (len(track), 478, 3) and track.coverage == 1
    tensor = fer.extract_features(track)
    assert tensor.shape == (4, 2912) and tensor.dtype == np.float32
    classifier = fer.load_classifier()
    probabilities = classifier.predict_proba(tensor[None])
    assert probabilities.shape == (1, len(classifier.classes)) and probabilities.sum() == pytest.approx(1, abs=1e-5)
    with fer.Recognizer(classifier) as recognizer:
        seen = recognizer.push_points(track.points[0], track.times[0])
    np.testing.assert_array_equal(seen.points, track.points[0])


def test_the_example_of_the_readme_runs(tmp_path, monkeypatch, photograph, capsys):
    example = re.search(r"```python\n(.*?)```", (paths.root() / "README.md").read_text(encoding="utf-8"), re.S)[1]
    shutil.copy(paths.CLIP, tmp_path / "clip.mp4")
    monkeypatch.chdir(tmp_path)
    known = {"image": photograph}
    exec(example, known)
    assert "happiness" in capsys.readouterr().out
    assert len(known["frames"]) == len(known["track"]) and "happiness" in set(known["expressions"]["emotion"])
    assert known["seen"].points.shape == (478, 3)


def test_a_folder_of_pictures_is_a_recording(tmp_path, photograph):
    for number in range(2):
        cv2.imwrite(str(tmp_path / f"{number}.png"), photograph)
    track = fer.track(tmp_path, mode="image")
    assert track.coverage == 1 and track.times.tolist() == [0, 0.04]
    np.testing.assert_array_equal(track.points[0], track.points[1])


def test_what_is_no_recording_is_one_line(tmp_path):
    with pytest.raises(PredictError, match=r"no\.mp4: no such file or folder; name a video"):
        fer.track(tmp_path / "no.mp4")
    with pytest.raises(PredictError, match="no pictures in the folder"):
        fer.track(tmp_path)
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(PredictError, match=r"text\.mp4: cannot be opened as a video"):
        fer.track(tmp_path / "text.mp4")


def test_too_few_frames_are_refused_with_a_reason():
    track = fer.LandmarkTrack(np.zeros((3, 478, 3), np.float32), np.arange(3) / 25, np.array(["", "", ""]), (9, 9))
    with pytest.raises(fer.SequenceRefused, match="3 frames, 5 key frames need at least as many"):
        fer.extract_features(track)
