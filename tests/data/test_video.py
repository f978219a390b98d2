"""Frames out of videos, sound and broken, as players show them."""

import shutil
import struct
import subprocess
import sys
import threading
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from fer_utils.data.video import Excerpt, Video, read_ahead, turned
from tests.clips import copied, cut, patterned, record
from tests.data.test_pictures import encoded, with_preview


def write_video(file, images, fps=25.0, fourcc="MJPG"):
    height, width = images[0].shape[:2]
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*fourcc), fps, (width, height))
    for image in images:
        writer.write(image)
    writer.release()
    return file


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

    @pytest.mark.parametrize(
        ("name", "codec", "torn"),
        [
            ("a.avi", "mjpeg", 1),
            ("a.avi", "mpeg4", 1),
            ("a.webm", "libvpx", 0),
            ("a.mkv", "mpeg4", 0),
            ("a.mp4", "libx264", 1),
        ],
    )
    def test_a_video_cut_off_says_so_and_keeps_what_is_whole(self, tmp_path, name, codec, torn):
        """Matroska has whole frames only; of others the last one is torn."""
        images = [patterned(seed, 320, 240) for seed in range(12)]
        options = {"movflags": "faststart"} if name == "a.mp4" else None
        file = cut(record(tmp_path / name, images, codec, container=options), 0.6)
        *frames, end = Video(file)
        assert 4 < len(frames) < 10
        assert [frame.index for frame in [*frames, end]] == list(range(len(frames) + 1))
        whole = frames[: len(frames) - torn]
        assert all(frame.image is not None and not frame.problem for frame in whole)
        for frame in whole:
            assert np.abs(frame.image.astype(int) - images[frame.index]).mean() < 12
        for frame in frames[len(whole) :]:
            assert frame.image is None
            assert frame.problem == f"{name}: this frame is damaged: copy the video again"
        assert end.image is None
        assert end.problem == f"{name}: the video ends early: {len(frames)} of 12 frames"
        assert end.time == pytest.approx(frames[-1].time + 0.04, abs=2e-3)

    def test_a_video_without_a_frame_has_one_row(self, tmp_path):
        file = cut(write_video(tmp_path / "a.webm", [patterned(i, 320, 240) for i in range(12)], 25.0, "VP80"), 0.05)
        (frame,) = Video(file)
        assert frame.image is None
        assert frame.problem == f"{file.name}: the video ends early: 0 of 12 frames"

    def test_a_damaged_frame_keeps_its_place(self, tmp_path):
        file = record(tmp_path / "a.mp4", [patterned(seed, 320, 240) for seed in range(12)], "mjpeg")
        content = bytearray(file.read_bytes())
        starts = [at for at in range(len(content)) if content[at : at + 3] == b"\xff\xd8\xff"]
        content[starts[5] : starts[6]] = bytes(starts[6] - starts[5])
        file.write_bytes(content)
        frames = list(Video(file))
        assert [frame.index for frame in frames if frame.image is None] == [5]
        assert frames[5].problem == "a.mp4: this frame is damaged: copy the video again"
        assert [frame.time for frame in frames] == pytest.approx(np.arange(12) / 25, abs=2e-3)

    @pytest.mark.parametrize("content", [b"", b"no video", b"RIFF\0\0\0\0AVI "])
    def test_no_video_at_all(self, tmp_path, content):
        file = tmp_path / "a.avi"
        file.write_bytes(content)
        with pytest.raises(OSError, match=r"a\.avi: cannot be opened as a video"):
            list(Video(file))
        with pytest.raises(OSError, match=r"a\.avi: cannot be opened as a video"):
            Video(file).header()

    @pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "a.avi"])
    def test_a_variable_rate_keeps_its_times(self, tmp_path, name):
        times = [0.0, 0.04, 0.08, 0.2, 0.24, 0.6, 0.64, 0.68, 0.8, 1.0]
        codec = {"a.webm": "libvpx", "a.avi": "mjpeg"}.get(name, "libx264")
        frames = list(Video(record(tmp_path / name, self.images[:10], codec, times=times)))
        assert [frame.time for frame in frames] == pytest.approx(times, abs=2e-3)
        assert {frame.problem for frame in frames} == {""}

    @pytest.mark.parametrize("codec", ["mpeg4", "libx264"])
    @pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.flv", "a.avi"])
    def test_longer_sound_does_not_make_a_video_end_early(self, tmp_path, name, codec):
        if (name, codec) == ("a.flv", "mpeg4"):
            codec = "flv"
        file = record(tmp_path / name, [patterned(seed) for seed in range(20)], codec, sound=3.0)
        frames = list(Video(file))
        assert len(frames) == Video(file).count() == 20
        assert {frame.problem for frame in frames} == {""}
        assert frames[-1].time == pytest.approx(19 / 25, abs=0.05)

    @pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "ts"])
    def test_a_trimmed_copy_is_whole(self, tmp_path, suffix):
        """In MP4, an edit list hides what comes before the start and was copied for decoding only."""
        images = [patterned(seed) for seed in range(50)]
        source = record(tmp_path / "a.mp4", images, options={"g": "25", "bf": "0", "sc_threshold": "0"})
        file = copied(source, tmp_path / f"b.{suffix}", 1.2, 0.6)
        frames = list(Video(file))
        shown = images[30:45] if suffix in ("mp4", "mov") else images[25:45]
        assert len(frames) == len(shown) == (Video(file).count())
        assert {frame.problem for frame in frames} == {""}
        for frame, image in zip(frames, shown, strict=True):
            assert np.abs(frame.image.astype(int) - image).mean() < 12
        if suffix in ("mp4", "mov"):
            assert Video(file).header()[1] == 15

    def test_an_edit_list_can_hide_the_end(self, tmp_path):
        """As a telephone trims: all samples stay in the file."""
        file = record(tmp_path / "a.mp4", [patterned(seed) for seed in range(50)], options={"bf": "0"})
        content = bytearray(file.read_bytes())
        at = content.index(b"elst") + 12
        assert struct.unpack_from(">I", content, at) == (2000,)
        struct.pack_into(">I", content, at, 800)
        file.write_bytes(content)
        frames = list(Video(file))
        assert Video(file).header() == (25.0, 20) and len(frames) == 20
        assert {frame.problem for frame in frames} == {""}

    @pytest.mark.parametrize("begins", [2.0, 3600.0])
    def test_a_part_of_a_longer_recording_is_whole(self, tmp_path, begins):
        file = record(tmp_path / "a.mkv", self.images, "mpeg4", times=begins + np.arange(12) / 25)
        frames = list(Video(file))
        assert [frame.time for frame in frames] == pytest.approx(np.arange(12) / 25, abs=2e-3)
        assert {frame.problem for frame in frames} == {""}

    @pytest.mark.parametrize(("rotation", "turns"), [(90, 1), (-90, 3), (180, 2)])
    def test_a_turn_that_the_file_tells_is_made(self, tmp_path, rotation, turns):
        images = [patterned()] * 3
        (plain, *_), (turned, *_) = (
            Video(record(tmp_path / f"{degrees}.mp4", images, rotation=degrees)) for degrees in (0, rotation)
        )
        np.testing.assert_array_equal(turned.image, np.rot90(plain.image, turns))

    @pytest.mark.parametrize(
        ("size", "ratio", "expected"),
        [
            ((720, 576), (16, 15), ("16:15", 768, 576)),
            ((352, 576), (24, 11), ("24:11", 768, 576)),
            ((1440, 1080), (4, 3), ("4:3", 1920, 1080)),
            ((704, 480), (10, 11), ("10:11", 704, 528)),
            ((640, 480), (1279, 1280), ("", 640, 480)),
        ],
    )
    @pytest.mark.parametrize(("suffix", "codec"), [("mp4", "libx264"), ("avi", "mpeg4"), ("mkv", "mpeg4")])
    def test_pixels_that_are_not_square(self, tmp_path, suffix, codec, size, ratio, expected):
        """A circle as the camera saw it comes out as a circle."""
        width, height = expected[1:]
        seen = cv2.circle(np.zeros((height, width, 3), np.uint8), (width // 2, height // 2), 200, (255, 255, 255), -1)
        video = Video(record(tmp_path / f"a.{suffix}", [cv2.resize(seen, size)] * 2, codec, ratio=ratio))
        image = next(iter(video)).image
        shown = f"{size[0]}x{size[1]} pixels of {expected[0]} are shown as {width}x{height} square ones"
        assert video.shown() == (0, shown if expected[0] else "")
        assert image.shape == (height, width, 3)
        rows, columns = np.nonzero(image[:, :, 0] > 127)
        assert np.ptp(columns) == pytest.approx(400, abs=3) and np.ptp(rows) == pytest.approx(400, abs=3)

    @pytest.mark.parametrize(("name", "cover"), [("a.mp3", True), ("a.m4a", False)])
    def test_a_sound_file_is_no_video(self, tmp_path, name, cover):
        """With a cover, whose picture FFmpeg gives as a stream of one frame, and without."""
        record(tmp_path / name, [], sound=1.0, cover=patterned(1, 200, 200) if cover else None)
        with pytest.raises(OSError, match="cannot be opened as a video: there is only sound in it"):
            list(Video(tmp_path / name))

    def test_a_file_with_neither_pictures_nor_sound_is_no_video(self, tmp_path):
        """As a recorder leaves it that was stopped before the first frame."""
        with av.open(str(tmp_path / "a.mp4"), "w") as container:
            container.add_stream("mpeg4", rate=25)
            container.start_encoding()
        with pytest.raises(OSError, match="cannot be opened as a video: there is nothing to see in it"):
            list(Video(tmp_path / "a.mp4"))

    def test_an_interlaced_video_is_decoded(self):
        """Made by ffmpeg -f lavfi -i color=c=0x406080:s=96x64:r=25:d=0.2 -vf setfield=tff -c:v mpeg4
        -flags +ildct+ilme. Some versions of OpenCV give memory that nothing was written to."""
        frames = list(Video(Path(__file__).parents[1] / "files" / "interlaced.avi"))
        assert len(frames) == 5
        for frame in frames:
            assert np.abs(frame.image.astype(int) - (0x80, 0x60, 0x40)).max() < 6

    @pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tiff", ".webp", ".jp2"])
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
            "import sys; from fer_utils.data.video import Video; from fer_utils.data.pictures import read_picture\n"
            "list(Video(sys.argv[1])); read_picture(sys.argv[2]); read_picture(sys.argv[3])"
        )
        arguments = [broken, tmp_path / "a.png", tmp_path / "a.bmp"]
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == ("", "")


class TestSample:
    def test_pictures_are_spread_over_the_video(self, tmp_path):
        images = [np.full((48, 64, 3), 2 * number, np.uint8) for number in range(100)]
        video = Video(record(tmp_path / "a.mp4", images))
        assert [image.mean() for image in video.sample(4)] == pytest.approx([25, 75, 125, 175], abs=4)

    @pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts", "h264"])
    def test_far_places_are_sought(self, tmp_path, suffix):
        """If the file can be sought in; a raw stream is read to the place."""
        images = [np.full((48, 64, 3), number // 4, np.uint8) for number in range(800)]
        codec = "mpeg4" if suffix == "avi" else "libx264"
        video = Video(record(tmp_path / f"a.{suffix}", images, codec, options={"g": "50"}))
        assert [image.mean() for image in video.sample(2)] == pytest.approx([50, 150], abs=6)

    def test_what_was_done_to_the_frames_is_said(self, tmp_path):
        video = Video(record(tmp_path / "a.mp4", [patterned(0, 72, 58)] * 2, ratio=(16, 15), rotation=90))
        assert video.shown()[1] == (
            "72x58 pixels of 16:15 are shown as 77x58 square ones; turned by 90° counter-clockwise, as the file says"
        )
        assert Video(record(tmp_path / "b.mp4", [patterned()] * 2)).shown()[1] == ""


class TestExcerpt:
    images = tuple(np.full((48, 64, 3), 10 * index, np.uint8) for index in range(12))

    def test_frames_keep_number_time_and_content(self, tmp_path):
        video = Video(write_video(tmp_path / "a.avi", self.images))
        frames = list(Excerpt(video, (3, 4, 9)))
        assert [frame.index for frame in frames] == [3, 4, 9]
        assert [frame.time for frame in frames] == pytest.approx([3 / 25, 4 / 25, 9 / 25], abs=2e-3)
        assert [frame.image.mean() for frame in frames] == pytest.approx([30, 40, 90], abs=4.5)

    def test_its_digest_is_that_of_recording_and_numbers(self, tmp_path):
        video = Video(write_video(tmp_path / "a.avi", self.images))
        same = Video(shutil.copy(video.file, tmp_path / "b.avi"))
        digests = {Excerpt(*each).digest() for each in [(video, (3, 4)), (video, (3, 5)), (turned(video, 1), (3, 4))]}
        assert len(digests | {video.digest()}) == 4
        assert Excerpt(same, (3, 4)).digest() in digests


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

    @pytest.mark.parametrize("count", [1, 2, 3, 4])
    def test_an_error_comes_after_the_frames_decoded_before(self, count):
        def frames():
            yield 0
            yield 1
            raise OSError("clip.mp4: gone")

        stream = read_ahead(frames(), count)
        assert [next(stream), next(stream)] == [0, 1]
        with pytest.raises(OSError, match=r"clip\.mp4: gone"):
            next(stream)

    def test_frames_are_read_in_another_thread(self):
        (thread,) = read_ahead(threading.get_ident() for _ in range(1))
        assert thread != threading.get_ident()
