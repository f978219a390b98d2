"""Pictures of every kind, whole and damaged."""

import cv2
import numpy as np
import pytest

from fer_utils.data.pictures import Pictures, read_picture
from tests.clips import cut, patterned


def encoded(suffix, image=None):
    return cv2.imencode(suffix, patterned() if image is None else image)[1].tobytes()


def with_preview(jpeg):
    """A JPEG with a whole smaller JPEG inside its header, as cameras write them."""
    preview = b"Exif\0\0" + encoded(".jpg", patterned(1, 16, 12))
    return jpeg[:2] + b"\xff\xe1" + (len(preview) + 2).to_bytes(2) + preview + jpeg[2:]


class TestPictures:
    def test_frames_keep_order_times_and_content(self, tmp_path):
        files = []
        for name, seed in (("z.png", 1), ("a.png", 2), ("größe 3.png", 3)):
            (tmp_path / name).write_bytes(encoded(".png", patterned(seed)))
            files.append(tmp_path / name)
        source = Pictures(tuple(files), fps=10.0)
        frames = list(source)
        assert source.count() == 3
        assert [frame.index for frame in frames] == [0, 1, 2]
        assert [frame.time for frame in frames] == pytest.approx([0.0, 0.1, 0.2])
        for frame, seed in zip(frames, (1, 2, 3), strict=True):
            np.testing.assert_array_equal(frame.image, patterned(seed))

    def test_grey_pictures_come_with_three_channels(self, tmp_path):
        (tmp_path / "a.png").write_bytes(encoded(".png", np.full((48, 64), 70, np.uint8)))
        (frame,) = Pictures((tmp_path / "a.png",), 25.0)
        assert frame.image.shape == (48, 64, 3)
        assert (frame.image == 70).all()

    def test_a_bad_picture_keeps_its_row_and_names_its_file(self, tmp_path):
        files = [tmp_path / f"{index}.png" for index in range(5)]
        files[0].write_bytes(b"")
        files[1].write_bytes(encoded(".png"))
        files[2].write_bytes(encoded(".png", patterned(0, 32, 24)))
        files[3].write_bytes(encoded(".png"))
        frames = list(Pictures(tuple(files), 25.0))
        assert [frame.image is not None for frame in frames] == [False, True, False, True, False]
        assert frames[0].problem == f"{files[0].name}: empty file"
        assert frames[2].problem == f"{files[2].name}: 32x24 pixels, but the sequence began with 64x48"
        assert frames[4].problem == f"{files[4].name}: No such file or directory"
        assert [frame.problem for frame in frames if frame.image is not None] == ["", ""]

    def test_digest_follows_content_order_and_rate_not_names(self, tmp_path):
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir()
            for index in range(2):
                (tmp_path / folder / f"{folder}{index}.png").write_bytes(encoded(".png", patterned(index)))
        one, two = (tuple(sorted((tmp_path / folder).iterdir())) for folder in ("one", "two"))
        digest = Pictures(one, 25.0).digest()
        assert Pictures(two, 25.0).digest() == digest
        assert Pictures(one[::-1], 25.0).digest() != digest
        assert Pictures(one, 30.0).digest() != digest
        one[0].unlink()
        assert Pictures(one, 25.0).digest() != digest


class TestReadPicture:
    @pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".bmp", ".tif"])
    def test_sound(self, tmp_path, suffix):
        file = tmp_path / f"Gesicht 1 ü{suffix}"
        file.write_bytes(encoded(suffix))
        image, problem = read_picture(file)
        assert problem == ""
        assert image.shape == (48, 64, 3)
        assert np.abs(image.astype(int) - patterned()).mean() < 8

    @pytest.mark.parametrize("suffix", [".png", ".jpg"])
    @pytest.mark.parametrize("share", [0.03, 0.3, 0.9, 0.999])
    @pytest.mark.parametrize("filling", [b"", b"\0" * 5000])
    def test_cut_off(self, tmp_path, suffix, share, filling):
        file = tmp_path / f"a{suffix}"
        content = encoded(suffix)
        file.write_bytes(content[: int(len(content) * share)] + filling)
        assert read_picture(file) == (None, f"{file.name}: cut off, its end is missing: copy it again")

    @pytest.mark.parametrize("suffix", [".png", ".jpg"])
    def test_bytes_after_the_end_do_no_harm(self, tmp_path, suffix):
        (tmp_path / "a").write_bytes(encoded(suffix) + b"\0\xff\xda junk")
        assert read_picture(tmp_path / "a")[0].shape == (48, 64, 3)

    def test_the_end_of_a_preview_is_not_the_end_of_the_picture(self, tmp_path):
        file = tmp_path / "a.jpg"
        file.write_bytes(with_preview(encoded(".jpg")))
        assert read_picture(file)[0].shape == (48, 64, 3)
        cut(file, 0.9)
        assert "cut off" in read_picture(file)[1]

    @pytest.mark.parametrize("content", [b"no picture", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM"])
    def test_no_picture_at_all(self, tmp_path, content):
        (tmp_path / "a.png").write_bytes(content)
        image, problem = read_picture(tmp_path / "a.png")
        assert image is None
        assert problem.startswith("a.png: ")

    def test_an_animation_is_not_taken_for_its_first_frame(self, tmp_path):
        file = tmp_path / "a.webp"
        file.write_bytes(b"RIFF!R\0\0WEBPVP8X\n\0\0\0\x12" + bytes(9) + b"ANIM" + bytes(90))
        assert read_picture(file) == (None, "a.webp: an animation: convert it to GIF or MP4")

    def test_a_folder(self, tmp_path):
        assert read_picture(tmp_path) == (None, f"{tmp_path.name}: Is a directory")

    def test_a_side_longer_than_can_be_looked_at(self, tmp_path):
        (tmp_path / "a.png").write_bytes(encoded(".png", np.zeros((2, 40000, 3), np.uint8)))
        why = "a.png: 40000x2 pixels; at most 32766 a side can be used: scale it down"
        assert read_picture(tmp_path / "a.png") == (None, why)


class TestSixteenBits:
    """Cameras write 10, 12 or 14 bits into files of 16."""

    @pytest.mark.parametrize(("bits", "suffix"), [(8, ".png"), (10, ".png"), (12, ".tif"), (14, ".png"), (16, ".tif")])
    def test_pictures_are_as_bright_as_the_camera_saw_them(self, tmp_path, bits, suffix):
        seen = patterned()
        seen[0, 0] = 255
        stored = np.rint(seen / 255 * ((1 << bits) - 1)).astype(np.uint16)
        (tmp_path / f"a{suffix}").write_bytes(encoded(suffix, stored))
        image, problem = read_picture(tmp_path / f"a{suffix}")
        assert problem == "" and image.dtype == np.uint8
        assert np.abs(image.astype(int) - seen).max() <= 1

    def test_a_sequence_keeps_its_brightness(self, tmp_path):
        """The second frame is darker, and stays so; a highlight in the third does not darken the rest."""
        for number, (level, highlight) in enumerate([(1000, 1000), (200, 200), (500, 1500)]):
            picture = np.full((12, 16), level, np.uint16)
            picture[0, 0] = highlight
            (tmp_path / f"{number}.png").write_bytes(encoded(".png", picture))
        frames = list(Pictures(tuple(sorted(tmp_path.iterdir())), 25.0))
        assert [int(frame.image[5, 5, 0]) for frame in frames] == [249, 49, 124]
        assert frames[2].image[0, 0, 0] == 255
