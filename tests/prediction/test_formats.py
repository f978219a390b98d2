"""Files of other tools, read back by their own readers where there are any."""

import json

import numpy as np
import pandas as pd
import pytest
from pympi.Elan import Eaf

from fer_utils.prediction import formats
from fer_utils.prediction.formats import Prediction


@pytest.fixture
def prediction(tmp_path):
    """Four frames at 10 a second; the third without a face."""
    recording = tmp_path / "Łódź clip.mp4"
    recording.write_bytes(b"")
    frames = pd.DataFrame(
        {
            "time": [0.0, 0.1, 0.2, 0.3],
            "face": [1, 1, 0, 1],
            "phase": ["neutral", "onset", None, "apex"],
            "AU12_r": [0.0, 1.5, np.nan, 3.25],
            "AU12_left_r": [0.0, 1.0, np.nan, 3.0],
        }
    )
    expressions = pd.DataFrame(
        {"start": [0.1], "onset": [0.1], "apex": [0.3], "end": [0.4], "emotion": ["happiness"], "probability": [0.9],
         "intensity": [0.0512], "face": [1]}
    )  # fmt: skip
    points = np.arange(4 * 68 * 2, dtype=np.float32).reshape(4, 68, 2)
    points[2] = np.nan
    return Prediction(recording, frames, expressions, points)


def test_openface_has_its_columns_and_zeros_where_no_face_is(prediction, tmp_path):
    formats.openface(prediction, tmp_path / "clip.openface.csv")
    table = pd.read_csv(tmp_path / "clip.openface.csv")
    names = [f"{axis}_{n}" for axis in "xy" for n in range(68)]
    assert table.columns.tolist() == ["frame", "face_id", "timestamp", "confidence", "success", *names, "AU12_r"]
    assert table["frame"].tolist() == [1, 2, 3, 4] and table["timestamp"].tolist() == [0.0, 0.1, 0.2, 0.3]
    assert table["success"].tolist() == [1, 1, 0, 1] and table["AU12_r"].tolist() == [0, 1.5, 0, 3.25]
    assert (table.loc[2, names] == 0).all()
    assert table.loc[1, ["x_8", "y_8"]].tolist() == prediction.points[1, 8].tolist()
    assert formats.POINTS_68[8] == 152  # the chin


def test_the_68_points_are_different_and_mirror_each_other():
    assert len(formats.POINTS_68) == len(set(formats.POINTS_68)) == 68
    assert [len(part) for part in (formats.JAW, formats.BROWS, formats.NOSE, formats.EYES)] == [17, 10, 9, 12]
    assert [len(part) for part in (formats.OUTER_LIPS, formats.INNER_LIPS)] == [12, 8]


def test_elan_reads_its_tiers_back(prediction, tmp_path):
    formats.elan(prediction, tmp_path / "clip.eaf")
    read = Eaf(str(tmp_path / "clip.eaf"))
    assert set(read.get_tier_names()) == {"expression", "phase", "AU12"}
    assert [row[:3] for row in read.get_annotation_data_for_tier("expression")] == [(100, 400, "happiness")]
    assert sorted(row[:3] for row in read.get_annotation_data_for_tier("phase")) == [
        (100, 200, "onset"),
        (300, 400, "apex"),
    ]
    assert sorted(row[:2] for row in read.get_annotation_data_for_tier("AU12")) == [(100, 200), (300, 400)]
    (linked,) = read.get_linked_files()
    assert linked["MEDIA_URL"] == prediction.recording.resolve().as_uri() and linked["MIME_TYPE"] == "video/mp4"


def test_elan_has_tiers_for_each_of_several_faces(prediction, tmp_path):
    other = prediction.frames.iloc[:2].assign(face=2, phase=["apex", "apex"], AU12_r=[2.0, 0.5])
    frames = pd.concat([prediction.frames, other]).sort_values("time", kind="stable", ignore_index=True)
    expressions = pd.concat([prediction.expressions, prediction.expressions.assign(face=2, emotion="fear")])
    path = tmp_path / "clip.eaf"
    formats.elan(Prediction(prediction.recording, frames, expressions, prediction.points), path)
    read = Eaf(str(path))
    tiers = {name: sorted(row[:3] for row in read.get_annotation_data_for_tier(name)) for name in read.get_tier_names()}
    assert tiers == {
        "expression of face 1": [(100, 400, "happiness")],
        "expression of face 2": [(100, 400, "fear")],
        "phase of face 1": [(100, 200, "onset"), (300, 400, "apex")],
        "phase of face 2": [(0, 200, "apex")],
        "AU12 of face 1": [(100, 200, "AU12"), (300, 400, "AU12")],
        "AU12 of face 2": [(0, 100, "AU12")],
    }


def test_bids_events_and_their_dictionary(prediction, tmp_path):
    table, columns = tmp_path / "clip_events.tsv", tmp_path / "clip_events.json"
    formats.bids(prediction, table, columns)
    events = pd.read_csv(table, sep="\t")
    assert events.columns[:3].tolist() == ["onset", "duration", "trial_type"]  # as BIDS demands
    assert events.to_dict("records") == [
        {
            "onset": 0.1,
            "duration": 0.3,
            "trial_type": "happiness",
            "apex": 0.3,
            "probability": 0.9,
            "intensity": 0.0512,
            "face": 1,
        }
    ]
    known = json.loads(columns.read_text())
    assert set(known) == set(events.columns) and all("Description" in value for value in known.values())


@pytest.mark.parametrize("name", formats.FORMATS)
def test_a_recording_without_a_frame_or_an_expression_gives_empty_files(prediction, tmp_path, name):
    empty = Prediction(prediction.recording, prediction.frames[:0], prediction.expressions[:0], prediction.points[:0])
    paths = [tmp_path / f"empty{ending}" for ending in formats.FORMATS[name].endings]
    formats.FORMATS[name].write(empty, *paths)
    assert all(path.is_file() for path in paths)
