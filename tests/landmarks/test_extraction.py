"""Landmarks on a real photograph (scikit-image's astronaut), rows, reasons, the cache."""

import hashlib
import json
from importlib.metadata import version

import cv2
import numpy as np
import pytest

from fer_utils.data.pictures import Frame, Pictures
from fer_utils.data.sequence import Sequence
from fer_utils.data.video import Video
from fer_utils.errors import OutputError
from fer_utils.landmarks import extraction, face_landmarker, track
from fer_utils.landmarks.track import LandmarkTrack
from fer_utils.workers import pool

LEFT_EYE = 203, 101  # where a person sees it in the photograph, in pixels


@pytest.fixture(scope="module")
def folder(photograph, tmp_path_factory):
    """Six pictures: the photograph, drifting a pixel a frame; the third of them is no picture."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(6):
        moved = np.roll(photograph, number, axis=1)
        cv2.imwrite(str(folder / f"{number}.png"), moved)
    (folder / "2.png").write_bytes(b"not a picture")
    return folder


def pictures(folder) -> Pictures:
    return Pictures(tuple(sorted(folder.glob("*.png"))), 25.0)


def sequence(frames, name="a") -> Sequence:
    return Sequence("folder", f"folder/{name}", name, "happiness", frames)


def test_one_row_a_frame(folder, photograph):
    frames = [*pictures(folder), Frame(6, 0.24, np.zeros_like(photograph))]
    made = track.track(frames)
    assert made.points.shape == (7, 478, 3)
    assert made.times == pytest.approx(np.arange(7) * 0.04)
    assert made.found.tolist() == [True, True, False, True, True, True, False]
    assert "2.png" in made.reasons[2] and made.reasons[6] == "no face found"
    assert np.isnan(made.points[[2, 6]]).all()
    assert made.coverage == pytest.approx(5 / 7)
    assert made.size == (512, 512)
    # the photograph drifts a pixel a frame, and the points go with it
    drift = made.points[5, :, 0].mean() - made.points[0, :, 0].mean()
    assert drift == pytest.approx(5, abs=1.0)


def test_no_frames():
    made = track.track([])
    assert len(made) == 0 and made.coverage == 0.0 and made.points.shape == (0, 478, 3)


def test_timestamps_that_do_not_rise_are_taken(photograph):
    made = track.track([Frame(0, 0.0, photograph), Frame(1, 0.0, photograph), Frame(2, 0.0, photograph)])
    assert made.found.all()


def test_video_lying_on_its_side_is_turned(photograph, tmp_path):
    file = tmp_path / "turned.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 25, (512, 512))
    for _ in range(6):
        writer.write(np.ascontiguousarray(np.rot90(photograph)))
    writer.release()
    track, _ = extraction.cached_track(Video(file), tmp_path / "tracks")
    assert track.quarter_turns == 3
    assert np.hypot(*(track.points[0, 468, :2] - LEFT_EYE)) < 6
    assert LandmarkTrack.load(next((tmp_path / "tracks").glob("*.npz"))).quarter_turns == 3


def test_cache_is_keyed_by_content_and_options(folder, tmp_path):
    cache = tmp_path / "tracks"
    first, cached = extraction.cached_track(pictures(folder), cache)
    assert not cached and len(list(cache.iterdir())) == 1
    again, cached = extraction.cached_track(pictures(folder), cache)
    assert cached
    np.testing.assert_array_equal(again.points, first.points)
    assert again.reasons.tolist() == first.reasons.tolist() and again.size == first.size
    _, cached = extraction.cached_track(pictures(folder), cache, mode="image")
    assert not cached
    with_scores, cached = extraction.cached_track(pictures(folder), cache, blendshapes=True)
    assert not cached and with_scores.blendshapes.shape == (6, 52)
    assert extraction.cached_track(pictures(folder), cache, blendshapes=True)[0].blendshapes.shape == (6, 52)
    renamed = tmp_path / "renamed"
    renamed.mkdir()
    for file in folder.glob("*.png"):
        (renamed / file.name).write_bytes(file.read_bytes())
    assert extraction.cached_track(pictures(renamed), cache)[1]
    changed = pictures(renamed)
    changed.files[0].write_bytes(changed.files[1].read_bytes())
    assert not extraction.cached_track(changed, cache)[1]


def test_cache_tells_detectors_apart(folder, tmp_path):
    frames = pictures(folder)
    first, _ = extraction.cached_track(frames, tmp_path)
    fast, cached = extraction.cached_track(frames, tmp_path, detector="face_mesh")
    assert not cached and not np.array_equal(fast.points, first.points, equal_nan=True)
    again, cached = extraction.cached_track(frames, tmp_path, detector="face_mesh")
    assert cached
    np.testing.assert_array_equal(again.points, fast.points)
    done = extraction.extract([sequence(frames)], cache_dir=tmp_path, detector="face_mesh")
    np.testing.assert_array_equal(done.tracks["a"].points, fast.points)
    assert done.from_cache == 1
    with pytest.raises(ValueError, match="'retina'"):
        extraction.cached_track(frames, tmp_path, detector="retina")
    assert len(list(tmp_path.iterdir())) == 2


def test_tracks_that_mediapipe_made_are_not_taken_for_the_default_detectors(folder, tmp_path):
    """Tracks cached while MediaPipe ran the default detector are still those of `mediapipe`."""
    frames = pictures(folder)
    identity = ["face_landmarker", face_landmarker.MODEL_SHA256, "mediapipe", version("mediapipe")]
    key = {"frames": frames.digest(), "detector": identity, "mode": "video", "blendshapes": False}
    theirs = track.track(frames, detector="mediapipe")
    theirs.save(tmp_path / f"{hashlib.sha256(json.dumps(key).encode()).hexdigest()}.npz")
    assert not extraction.cached_track(frames, tmp_path)[1]
    found, cached = extraction.cached_track(frames, tmp_path, detector="mediapipe")
    assert cached
    np.testing.assert_array_equal(found.points, theirs.points)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 half a file"])
def test_damaged_cache_is_made_anew(folder, tmp_path, damage):
    good, _ = extraction.cached_track(pictures(folder), tmp_path)
    file = next(tmp_path.glob("*.npz"))
    whole = file.read_bytes()
    file.write_bytes(damage or whole[: len(whole) // 2])
    made, cached = extraction.cached_track(pictures(folder), tmp_path)
    assert not cached
    np.testing.assert_array_equal(made.points, good.points)
    assert extraction.cached_track(pictures(folder), tmp_path)[1]


def test_no_damage_to_a_cached_track_gets_through(folder, tmp_path):
    """Whatever a flipped byte does to the archive, it is a ValueError or harmless, never another error."""
    track.track(pictures(folder)).save(tmp_path / "track.npz")
    whole = (tmp_path / "track.npz").read_bytes()
    draw = np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        damaged = bytearray(whole)
        for place in draw.integers(0, len(whole), 3):
            damaged[place] ^= int(draw.integers(1, 256))
        (tmp_path / "damaged.npz").write_bytes(damaged)
        try:
            LandmarkTrack.load(tmp_path / "damaged.npz")
        except ValueError:
            refused += 1
    assert refused > 50


def test_pickles_are_not_loaded(tmp_path):
    np.savez(tmp_path / "evil.npz", points=np.array([{"code": 1}], dtype=object))
    with pytest.raises(ValueError, match=r"evil\.npz: not a landmark track"):
        LandmarkTrack.load(tmp_path / "evil.npz")


def test_cache_that_cannot_be_written(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        extraction.cached_track(pictures(folder), tmp_path / "file")


def test_extraction_counts_what_it_leaves_out(folder, tmp_path):
    empty = tmp_path / "broken.avi"
    empty.write_bytes(b"RIFF")
    sequences = [sequence(pictures(folder), "good"), sequence(Video(empty), "broken")]
    found = extraction.extract(sequences, cache_dir=tmp_path / "tracks")
    assert list(found.tracks) == ["good"] and found.from_cache == 0
    assert "broken.avi" in found.refused["broken"]
    assert found.coverage == pytest.approx(5 / 6)
    with pool(2) as workers:
        again = extraction.extract(sequences, workers, cache_dir=tmp_path / "tracks")
    assert again.from_cache == 1 and again.refused == found.refused
    np.testing.assert_array_equal(again.tracks["good"].points, found.tracks["good"].points)


def test_workers_find_the_same_points_as_this_process(folder, tmp_path):
    here = extraction.extract([sequence(pictures(folder))], cache_dir=tmp_path / "here")
    with pool(1) as workers:
        there = extraction.extract([sequence(pictures(folder))], workers, cache_dir=tmp_path / "there")
    np.testing.assert_array_equal(here.tracks["a"].points, there.tracks["a"].points)


def test_coverage_table(folder):
    made = track.track(pictures(folder))
    table = extraction.coverage_table(
        [sequence(pictures(folder), "a"), sequence(pictures(folder), "lost")], {"a": made}
    )
    assert table[["id", "frames", "found", "unreadable"]].values.tolist() == [["a", 6, 5, 1]]
    assert "2.png" in table.loc[0, "reason"]


def test_views_change_the_points_and_are_kept_apart(folder, tmp_path):
    alone, _ = extraction.cached_track(pictures(folder), tmp_path, mode="image")
    averaged, cached = extraction.cached_track(pictures(folder), tmp_path, mode="image", views=4)
    assert not cached
    frames = alone.found & averaged.found
    off = np.abs(averaged.points - alone.points)[frames, :, :2].mean()
    assert frames.sum() >= 4 and 0.02 < off < 2  # other points, of the same face
