"""Frames out of pictures and videos, sound and broken."""

import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_utils.data.video import Pictures, Video, read_ahead, read_picture, upright


def patterned(seed=0, width=64, height=48):
    """A smooth picture, BGR, that no two seeds share."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(small, (width, height))


def encoded(suffix, image=None):
    return cv2.imencode(suffix, patterned() if image is None else image)[1].tobytes()


def write_video(file, images, fps=25.0, fourcc="MJPG"):
    height, width = images[0].shape[:2]
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*fourcc), fps, (width, height))
    for image in images:
        writer.write(image)
    writer.release()
    return file


def cut(file, share):
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    return file


def with_preview(jpeg):
    """A JPEG with a whole smaller JPEG inside its header, as cameras write them."""
    preview = b"Exif\0\0" + encoded(".jpg", patterned(1, 16, 12))
    return jpeg[:2] + b"\xff\xe1" + (len(preview) + 2).to_bytes(2) + preview + jpeg[2:]


@pytest.fixture
def stamped(monkeypatch):
    """stamped(fps, promised, stamps): every video has this rate and count in its header, and frames with these stamps,
    in seconds, as OpenCV reports them."""

    def stamp(fps, promised, stamps):
        class Capture:
            def __init__(self, _):
                self.at = -1

            def isOpened(self):
                return True

            def read(self):
                self.at += 1
                return self.at < len(stamps), np.zeros((4, 4, 3), np.uint8)

            def get(self, what):
                known = {cv2.CAP_PROP_FPS: fps, cv2.CAP_PROP_FRAME_COUNT: promised}
                return known[what] if what in known else 1000 * stamps[self.at]

            def release(self):
                pass

        monkeypatch.setattr(cv2, "VideoCapture", Capture)

    return stamp


class TestPictures:
    def test_frames_keep_order_times_and_content(self, tmp_path):
        files = []
        for name, seed in (("z.png", 1), ("a.png", 2), ("größe 3.png", 3)):
            (tmp_path / name).write_bytes(encoded(".png", patterned(seed)))
            files.append(tmp_path / name)
        source = Pictures(tuple(files), fps=10.0)
        frames = list(source)
        assert len(source) == 3
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
        assert frames[2].problem == f"{files[2].name}: 32x24 pixels, where the sequence began with 64x48"
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
        assert read_picture(file) == (None, f"{file.name}: cut off, its end is missing: copy it anew")

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

    def test_a_folder(self, tmp_path):
        assert read_picture(tmp_path) == (None, f"{tmp_path.name}: Is a directory")


class TestVideo:
    images = tuple(np.full((48, 64, 3), 10 * index, np.uint8) for index in range(12))

    @pytest.mark.parametrize(("suffix", "fourcc"), [("avi", "MJPG"), ("mp4", "mp4v"), ("webm", "VP80")])
    def test_frames_keep_order_times_and_content(self, tmp_path, suffix, fourcc):
        file = write_video(tmp_path / f"ein Gesicht ü.{suffix}", self.images, 25.0, fourcc)
        frames = list(Video(file))
        assert [frame.index for frame in frames] == list(range(12))
        assert [frame.time for frame in frames] == pytest.approx(np.arange(12) / 25, abs=2e-3)
        assert [frame.image.mean() for frame in frames] == pytest.approx([10 * index for index in range(12)], abs=4.5)
        assert {frame.problem for frame in frames} == {""}
        assert Video(file).header() == (25.0, 12)
        assert Video(file).fps == 25.0

    def test_other_rates_are_read_from_the_header(self, tmp_path):
        frames = list(Video(write_video(tmp_path / "a.avi", self.images, 12.5)))
        assert frames[-1].time == pytest.approx(11 / 12.5)

    def test_quarter_turns_are_counter_clockwise(self, tmp_path):
        image = np.zeros((48, 64, 3), np.uint8)
        image[:, 32:] = 200  # the right half is bright: turned counter-clockwise, it is the upper half
        file = write_video(tmp_path / "a.avi", [image] * 3)
        turned = next(iter(Video(file, quarter_turns=1))).image
        assert turned.shape == (64, 48, 3)
        assert turned.flags.c_contiguous
        assert turned[:28].mean() > 190
        assert turned[36:].mean() < 10
        assert Video(file, 1).digest() != Video(file).digest()

    @pytest.mark.parametrize(("suffix", "fourcc"), [("avi", "MJPG"), ("avi", "XVID"), ("webm", "VP80")])
    def test_a_video_cut_off_says_so_and_keeps_what_is_whole(self, tmp_path, suffix, fourcc):
        images = [patterned(seed, 320, 240) for seed in range(12)]
        file = cut(write_video(tmp_path / f"a.{suffix}", images, 25.0, fourcc), 0.6)
        frames = list(Video(file))
        came = len(frames) - 1
        assert 4 < came < 10
        assert [frame.index for frame in frames] == list(range(came + 1))
        assert all(frame.image is not None and not frame.problem for frame in frames[:-2])
        for frame in frames[:-2]:
            assert np.abs(frame.image.astype(int) - images[frame.index]).mean() < 12
        assert frames[-2].image is None
        assert frames[-2].problem == f"{file.name}: the last frame before the video breaks off: may not be whole"
        assert frames[-1].image is None
        assert frames[-1].problem == f"{file.name}: the video ends early: {came} of 12 frames"
        assert frames[-1].time == pytest.approx(came / 25, abs=2e-3)

    def test_a_video_without_a_frame_has_one_row(self, tmp_path):
        file = cut(write_video(tmp_path / "a.webm", [patterned(i, 320, 240) for i in range(12)], 25.0, "VP80"), 0.05)
        (frame,) = Video(file)
        assert frame.image is None
        assert frame.problem == f"{file.name}: the video ends early: 0 of 12 frames"

    @pytest.mark.parametrize("content", [b"", b"no video", b"RIFF\0\0\0\0AVI "])
    def test_no_video_at_all(self, tmp_path, content):
        file = tmp_path / "a.avi"
        file.write_bytes(content)
        with pytest.raises(OSError, match=r"a\.avi: cannot be opened as a video"):
            list(Video(file))
        with pytest.raises(OSError, match=r"a\.avi: cannot be opened as a video"):
            Video(file).header()

    @pytest.mark.parametrize(
        ("promised", "stamps", "times"),
        [
            (8, [0.5, 0.6, 0.8, 1.1, 1.2], [0.0, 0.1, 0.3, 0.6, 0.7]),  # a rate that varies: the count is a duration
            (5, [0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.1, 0.2, 0.3, 0.4]),  # no stamps: by the rate
            (6, [0.0, 0.1, 0.1, 0.3, 0.0], [0.0, 0.1, 0.2, 0.3, 0.4]),  # some repeated; the header one too many
            (0, [0.0, 0.1, 0.2, 0.3, 0.4], [0.0, 0.1, 0.2, 0.3, 0.4]),  # a header that does not know
            (5, [0.0, 0.1, 0.1, 0.25, 0.0], [0.0, 0.1, 0.2, 0.25, 0.35]),  # from a guessed time on it is no step
        ],
    )
    def test_odd_headers_and_stamps_of_sound_videos(self, stamped, promised, stamps, times):
        stamped(10.0, promised, stamps)
        frames = list(Video(Path("a.webm")))
        assert [frame.time for frame in frames] == pytest.approx(times)
        assert [frame.problem for frame in frames] == [""] * 5

    def test_after_a_gap_times_do_not_leap_on(self, stamped):
        """Frames are lost in a stream whose pictures are not sent in their order: stamps go back after the leap."""
        stamps = [*np.arange(41) / 25, 2.88, 1.64, 2.92, 2.96, 3.0]
        stamped(25.0, 0, stamps)
        times = [frame.time for frame in Video(Path("a.ts"))]
        assert times == pytest.approx([*np.arange(41) / 25, 2.88, 2.92, 2.96, 3.0, 3.04])

    @pytest.mark.parametrize(("begins", "promised"), [(0.0, 52), (2.0, 102), (3600.0, 90050)])
    def test_a_part_of_a_longer_matroska_recording_is_whole(self, stamped, begins, promised):
        stamped(25.0, promised, begins + np.arange(50) / 25)
        frames = list(Video(Path("a.mkv")))
        assert len(frames) == 50 and {frame.problem for frame in frames} == {""}

    def test_an_interlaced_video_is_decoded(self):
        """Made by ffmpeg -f lavfi -i color=c=0x406080:s=96x64:r=25:d=0.2 -vf setfield=tff -c:v mpeg4
        -flags +ildct+ilme. Some versions of OpenCV give memory that nothing was written to."""
        frames = list(Video(Path(__file__).parents[1] / "files" / "interlaced.avi"))
        assert len(frames) == 5
        for frame in frames:
            assert np.abs(frame.image.astype(int) - (0x80, 0x60, 0x40)).max() < 6

    def test_a_side_longer_than_can_be_looked_at(self, tmp_path):
        (tmp_path / "a.png").write_bytes(encoded(".png", np.zeros((2, 40000, 3), np.uint8)))
        why = "a.png: 40000x2 pixels, 32766 a side can be looked at: scale it down"
        assert read_picture(tmp_path / "a.png") == (None, why)

    # H.264 in AVI: two frames wait for others before they are shown, and report 0
    late = staticmethod(lambda times: [time + 0.08 for time in times[:-2]] + [0.0, 0.0])
    varied = (*np.arange(40) / 25, *(1.56 + 0.12 * np.arange(1, 21)))

    @pytest.mark.parametrize(
        ("fps", "promised", "times"),
        [(600.0, 2400, np.arange(100) / 25), (25.0, 98, varied), (25.0, 102, varied), (30.0, 100, np.arange(100) / 30)],
    )
    def test_frames_that_come_late_go_on_by_the_last_step(self, stamped, fps, promised, times):
        stamped(fps, promised, self.late(times))
        frames = list(Video(Path("a.avi")))
        assert [frame.time for frame in frames] == pytest.approx(times)
        assert {frame.problem for frame in frames} == {""}

    @pytest.mark.parametrize(
        ("fps", "promised", "stamps"),
        [
            (600.0, 2400, late(np.arange(98) / 25)),  # of 100
            (600.0, 2400, late(np.arange(50) / 25)),
            (25.0, 102, late(varied[:-2])),
            (25.0, 100, np.arange(97) / 25),
            (25.0, 100, [*np.arange(90) / 25, 95 / 25]),  # what should come between was lost: no step
        ],
    )
    def test_a_long_step_does_not_hide_that_a_video_breaks_off(self, stamped, fps, promised, stamps):
        stamped(fps, promised, stamps)
        *whole, last, end = Video(Path("a.avi"))
        assert {frame.problem for frame in whole} == {""}
        assert "breaks off" in last.problem and last.image is None
        assert end.problem == f"a.avi: the video ends early: {len(stamps)} of {promised} frames"
        assert end.time - last.time == pytest.approx(last.time - whole[-1].time)

    @pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tiff"])
    @pytest.mark.parametrize("name", ["a{}", "clip.mp4"])
    def test_a_picture_is_no_video(self, tmp_path, suffix, name):
        file = tmp_path / name.format(suffix)
        file.write_bytes(encoded(suffix))
        with pytest.raises(OSError, match="cannot be opened as a video: it is a picture") as error:
            list(Video(file))
        assert str(error.value).startswith(f"{file}: ")
        file.write_bytes(with_preview(encoded(".jpg")))
        with pytest.raises(OSError, match="it is a picture"):
            Video(file).header()

    @pytest.mark.parametrize("name", ["raw.mjpeg", "raw.avi"])
    def test_jpegs_one_after_another_are_a_video(self, tmp_path, name):
        (tmp_path / name).write_bytes(b"".join(encoded(".jpg", image) for image in self.images))
        shown = [frame.image.mean() for frame in Video(tmp_path / name)]
        assert shown == pytest.approx([10 * index for index in range(12)], abs=4.5)

    def test_a_png_that_moves_is_a_video(self, tmp_path):
        animation = cv2.Animation()
        animation.frames, animation.durations = self.images[:6], [40] * 6
        assert cv2.imwriteanimation(str(tmp_path / "a.png"), animation)
        shown = [frame.image.mean() for frame in Video(tmp_path / "a.png")]
        assert shown == pytest.approx([10 * index for index in range(6)], abs=4.5)

    def test_the_decoders_are_silent(self, tmp_path):
        broken = cut(write_video(tmp_path / "a.avi", [patterned(i, 320, 240) for i in range(4)], 25.0, "XVID"), 0.6)
        (tmp_path / "a.png").write_bytes(encoded(".png")[:200])
        (tmp_path / "a.bmp").write_bytes(encoded(".bmp")[:200])
        code = (
            "import sys; from fer_utils.data.video import Video, read_picture\n"
            "list(Video(sys.argv[1])); read_picture(sys.argv[2]); read_picture(sys.argv[3])"
        )
        arguments = [broken, tmp_path / "a.png", tmp_path / "a.bmp"]
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == ("", "")


class TestUpright:
    """A dark picture with a bright top stands for an upright face."""

    @staticmethod
    def is_upright(image):
        height = len(image)
        return image[: height // 4].mean() > 150 and image[height // 4 :].mean() < 30

    @pytest.mark.parametrize("turns", [0, 1, 2, 3])
    def test_the_turn_is_found(self, tmp_path, turns):
        image = np.zeros((64, 64, 3), np.uint8)
        image[:16] = 200
        file = write_video(tmp_path / "a.avi", [np.ascontiguousarray(np.rot90(image, -turns))] * 3)
        video = upright(Video(file), self.is_upright)
        assert video == Video(file, turns)
        assert all(self.is_upright(frame.image) for frame in video)

    def test_without_a_face_nothing_is_turned(self, tmp_path):
        file = write_video(tmp_path / "a.avi", [np.zeros((48, 64, 3), np.uint8)] * 3)
        assert upright(Video(file), self.is_upright) == Video(file)

    def test_an_upright_clip_costs_one_look_a_frame(self, tmp_path):
        asked = []
        file = write_video(tmp_path / "a.avi", [np.zeros((48, 64, 3), np.uint8)] * 9)
        upright(Video(file), lambda image: asked.append(image.shape) or True, frames=4)
        assert asked == [(48, 64, 3)] * 4


class TestReadAhead:
    def test_all_frames_come_in_order_and_no_more_than_asked_for_are_read_ahead(self):
        read = []

        def frames():
            for number in range(7):
                read.append(number)
                yield number

        stream = read_ahead(frames(), count=3)
        assert next(stream) == 0
        stream.close()  # waits for those that were asked for
        assert read == [0, 1, 2, 3, 4, 5]
        assert list(read_ahead(range(7), count=3)) == list(range(7))
        assert list(read_ahead([])) == []

    def test_an_error_comes_where_the_frame_would_have(self):
        def frames():
            yield 0
            yield 1
            raise OSError("clip.mp4: gone")

        stream = read_ahead(frames())
        assert [next(stream), next(stream)] == [0, 1]
        with pytest.raises(OSError, match=r"clip\.mp4: gone"):
            next(stream)

    def test_frames_are_read_in_another_thread(self):
        (thread,) = read_ahead(threading.get_ident() for _ in range(1))
        assert thread != threading.get_ident()
