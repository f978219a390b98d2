"""Folders as datasets come in. `write_pictures` and `write_video` are for the tests of the readers too."""

import random
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_utils.data import tree
from fer_utils.data.sequence import DatasetError, LeftOut
from fer_utils.data.video import Video

PARSER = settings(derandomize=True, deadline=None, max_examples=100)


def write_pictures(folder, names, size=(16, 12)):
    """Small pictures under these names, each brighter than the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    for level, name in enumerate(names):
        image = np.full((*size[::-1], 3), 20 * (level % 12), np.uint8)
        (folder / name).write_bytes(cv2.imencode(Path(name).suffix, image)[1].tobytes())


def write_video(file, frames=4, size=(32, 24)):
    """A small MJPG clip at 25 frames a second."""
    file.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, size)
    for level in range(frames):
        writer.write(np.full((*size[::-1], 3), 20 * level, np.uint8))
    writer.release()


def unreadable(monkeypatch, folder):
    """Make a folder one that the user may not read; the tests may run as root, who may read all."""
    iterdir = Path.iterdir

    def refusing(path):
        if path == folder:
            raise PermissionError(13, "Permission denied")
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", refusing)


@PARSER
@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 12)), unique_by=lambda pair: pair[0]), st.randoms())
def test_names_are_ordered_by_their_number_whatever_the_padding(pairs, shuffler):
    numbered = {Path(f"S005_001_{number:0{width}d}.png"): number for number, width in pairs}
    paths = list(numbered)
    shuffler.shuffle(paths)
    assert [numbered[path] for path in sorted(paths, key=tree.by_number)] == sorted(numbered.values())


@pytest.mark.parametrize("name", ["2 (1).png", "2(1).png", "2 - Copy.png", "2 copy 2.png"])
def test_a_copy_of_a_picture_is_no_frame(tmp_path, name):
    write_pictures(tmp_path, ["1.png", "2.png", name])
    with pytest.raises(LeftOut, match="a picture that is there twice"):
        tree.pictures(tmp_path, 25.0)
    (tmp_path / "2.png").rename(tmp_path / "3.png")  # a name that only looks like a copy's
    assert tree.pictures(tmp_path, 25.0).count() == 3


def test_a_link_that_leads_nowhere_is_a_frame_that_is_missing(tmp_path):
    write_pictures(tmp_path, ["1.png", "2.png"])
    (tmp_path / "3.png").symlink_to("gone.png")
    *_, last = tree.pictures(tmp_path, 25.0)
    assert last.image is None and last.problem.startswith("3.png: No such file")


@PARSER
@given(st.lists(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=12)))
def test_any_names_have_one_order(names):
    paths = [Path(name) for name in names]
    shuffled = random.Random(0).sample(paths, len(paths))
    assert sorted(shuffled, key=tree.by_number) == sorted(paths, key=tree.by_number)


def test_prefixes_in_another_case_do_not_part_the_numbers():
    paths = [Path("IMG10.png"), Path("img2.png"), Path("Img1.png")]
    assert [path.name for path in sorted(paths, key=tree.by_number)] == ["Img1.png", "img2.png", "IMG10.png"]


def test_clutter_is_not_listed(tmp_path):
    for name in (".DS_Store", "._a10.png", "Thumbs.db", "thumbs.DB", "desktop.ini", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "folder.png").mkdir()
    write_pictures(tmp_path, ["a10.PNG", "a9.png", "ä 1.jpeg"])
    names = [path.name for path in tree.pictures(tmp_path, 25.0).files]
    assert names == ["a9.png", "a10.PNG", "ä 1.jpeg"]
    assert tree.folders(tmp_path, []) == [tmp_path / "folder.png"]


def test_fewer_than_two_pictures_are_no_sequence(tmp_path):
    with pytest.raises(LeftOut, match=r"^no pictures in the folder, at least 2 are needed$"):
        tree.pictures(tmp_path, 25.0)
    write_pictures(tmp_path, ["1.png"])
    with pytest.raises(LeftOut, match=r"^1 picture in the folder, at least 2 are needed$"):
        tree.pictures(tmp_path, 25.0)


def test_a_video_must_open_and_have_two_frames(tmp_path):
    write_video(tmp_path / "a.avi", 2)
    assert tree.video(tmp_path / "a.avi") == Video(tmp_path / "a.avi")
    write_video(tmp_path / "b.avi", 1)
    with pytest.raises(LeftOut, match=r"^1 frame in the video"):
        tree.video(tmp_path / "b.avi")
    (tmp_path / "c.avi").write_bytes(b"nothing")
    with pytest.raises(LeftOut, match=r"^cannot be opened as a video: it is text$"):
        tree.video(tmp_path / "c.avi")


def test_a_link_upwards_is_left_out(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "loop").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "b" / "self").symlink_to("self")
    (tmp_path / "a" / "b" / "aside").symlink_to(tmp_path, target_is_directory=True)
    skipped = []
    assert tree.folders(tmp_path / "a" / "b", skipped) == []
    assert {entry.path.name for entry in skipped} == {"loop", "aside"}
    assert {entry.reason for entry in skipped} == {"a link back to a folder above it: remove it"}


def test_a_folder_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    unreadable(monkeypatch, tmp_path)
    skipped = []
    assert tree.folders(tmp_path, skipped) == []
    assert [(entry.path, entry.reason) for entry in skipped] == [
        (tmp_path, "folder cannot be read (Permission denied)")
    ]


class TestSearch:
    def test_down_to_the_stated_depth_and_not_into_what_was_found(self, tmp_path):
        near, far = tmp_path / "1/2/3/4/X", tmp_path / "one/two/three/four/five/x"
        (near / "x").mkdir(parents=True)
        far.mkdir(parents=True)
        assert tree.search(tmp_path, tree.named("x")) == [near]
        assert tree.search(tmp_path / "one", tree.named("x")) == [far]
        assert tree.search(near, tree.named("x")) == [near]

    def test_links_in_circles_end(self, tmp_path):
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
        (tmp_path / "a" / "to b").symlink_to(tmp_path / "b")
        (tmp_path / "b" / "to a").symlink_to(tmp_path / "a")
        (tmp_path / "b" / "x").mkdir()
        assert tree.search(tmp_path, tree.named("x")) == [tmp_path / "b" / "x"]

    def test_a_folder_is_found_once_whatever_links_lead_to_it(self, tmp_path):
        (tmp_path / "data" / "x").mkdir(parents=True)
        (tmp_path / "link").symlink_to(tmp_path / "data")
        assert len(tree.search(tmp_path, tree.named("x"))) == 1


class TestStandIns:
    def test_the_manifest_may_be_a_few_folders_above(self, tmp_path):
        frames = tmp_path / "set" / "Emotion"
        frames.mkdir(parents=True)
        assert not tree.is_rendered(frames)
        (tmp_path / "set" / "manifest.json").write_text('{"rendered": true}')
        assert tree.is_rendered(frames)
        assert not tree.is_rendered(tmp_path)

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"rendered": 1}', '{"rendered": false}', "[" * 100_000])
    def test_other_manifests_say_nothing(self, tmp_path, content):
        (tmp_path / "manifest.json").write_text(content)
        assert not tree.is_rendered(tmp_path)

    def test_real_recordings_go_first_and_two_copies_are_one_too_many(self, tmp_path):
        for name in ("a", "b", "c"):
            (tmp_path / name).mkdir()
        (tmp_path / "a" / "manifest.json").write_text('{"rendered": true}')
        a, b, c = (tmp_path / name for name in "abc")
        assert tree.only([a], "the frames", tmp_path) == a
        assert tree.only([a, b], "the frames", tmp_path) == b
        with pytest.raises(DatasetError, match=r"more than one copy of the frames here, .*/b and .*/c; name one"):
            tree.only([a, b, c], "the frames", tmp_path)


@pytest.mark.parametrize("suffix", [".webp", ".jfif", ".avif", ".ppm", ".TIFF"])
def test_a_folder_may_mix_what_can_be_read(tmp_path, suffix):
    write_pictures(tmp_path, [f"{number}.jpg" for number in range(1, 4)])
    for number in range(4, 9):
        form = ".jpg" if suffix == ".jfif" else suffix.lower()
        (tmp_path / f"{number}{suffix}").write_bytes(cv2.imencode(form, np.zeros((12, 16, 3), np.uint8))[1].tobytes())
    found = tree.pictures(tmp_path, 25.0)
    assert [path.stem for path in found.files] == [str(number) for number in range(1, 9)]
    assert [frame.problem for frame in found] == [""] * 8


def test_what_cannot_be_read_is_listed(tmp_path):
    write_pictures(tmp_path, ["1.png", "2.png"])
    for name in ("3.heic", "4.heic", "notes", "Thumbs.db", ".hidden"):
        (tmp_path / name).write_bytes(b"?")
    skipped = []
    assert tree.pictures(tmp_path, 25.0, skipped).count() == 2
    assert [(left_out.path.name, left_out.reason) for left_out in skipped] == [
        ("3.heic", "not a picture that can be read (.heic)"),
        ("4.heic", "not a picture that can be read (.heic)"),
        ("notes", "not a picture that can be read (no suffix)"),
    ]


@pytest.mark.parametrize(
    "names",
    [
        [f"frame_{number / 25:g}" for number in range(60)],  # 0, 0.04, 0.08 … 0.2 …
        [f"frame_{number / 25}" for number in range(60)],  # 0.0, 0.04 …
        [f"t{number / 4}" for number in range(9)],  # 0.0, 0.25, 0.5 …
        [f"{number / 30:.3f}" for number in range(60)],
        [f"clip.{number}" for number in range(1, 30)],
        [f"1.{number}" for number in range(1, 30)],
        [f"take2.1.{number}" for number in range(5, 13)],
        [f"1.{number:03d}" for number in range(60)],
    ],
)
def test_frames_named_by_seconds_or_numbers(tmp_path, names):
    write_pictures(tmp_path, [f"{name}.png" for name in names])
    assert [path.stem for path in tree.pictures(tmp_path, 25.0).files] == names
