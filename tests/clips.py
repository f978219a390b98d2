"""Videos of any container, codec, rate, turn and shape of pixel, made by PyAV in the tests."""

from fractions import Fraction

import av
import cv2
import numpy as np


def patterned(seed=0, width=64, height=48):
    """A smooth picture, BGR, that no two seeds share."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(small, (width, height))


def record(
    file,
    images,
    codec="libx264",
    fps=25,
    times=None,
    rotation=0,
    ratio=None,
    sound=0.0,
    cover=None,
    options=None,
    container=None,
):
    """Write `images`, BGR, as a video; return its path.

    `times` in seconds give a variable rate; `rotation` and `ratio` are what the header says of the frames' turn
    (degrees counter-clockwise) and the width of a pixel over its height; `sound` is how many seconds of a tone go
    with it; `cover` is a picture that is added as a sound file's cover; `options` are the
    codec's, `container` the container's.
    """
    height, width = images[0].shape[:2] if len(images) else (48, 64)
    with av.open(str(file), "w", options=container or {}) as container:
        if len(images):
            stream = container.add_stream(codec, rate=fps, options=options or {})
            stream.width, stream.height = width, height
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            if ratio is not None:
                stream.sample_aspect_ratio = Fraction(*ratio)
            if times is not None:
                stream.codec_context.time_base = Fraction(1, 1000)
            if rotation:
                stream.set_display_rotation(rotation)
        if sound:
            tone = container.add_stream("libmp3lame" if str(file).endswith((".mp3", ".avi")) else "aac", rate=44100)
        if cover is not None:
            picture = container.add_stream("mjpeg", rate=1)
            picture.width, picture.height, picture.pix_fmt = cover.shape[1], cover.shape[0], "yuvj420p"
            picture.disposition = av.stream.Disposition.attached_pic
            container.mux(picture.encode(av.VideoFrame.from_ndarray(cover, "bgr24")))
            container.mux(picture.encode())
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "bgr24")
            if times is not None:
                frame.pts, frame.time_base = round(1000 * times[number]), Fraction(1, 1000)
            else:
                frame.pts, frame.time_base = number, 1 / Fraction(fps).limit_denominator(1000)
            container.mux(stream.encode(frame))
        if len(images):
            container.mux(stream.encode())
        if sound:
            for start in range(0, round(44100 * sound), 1024):
                wave = 0.1 * np.sin(0.06 * np.arange(start, start + 1024, dtype=np.float32))[None]
                block = av.AudioFrame.from_ndarray(wave.astype(np.float32), "fltp", "mono")
                block.sample_rate, block.pts = 44100, start
                container.mux(tone.encode(block))
            container.mux(tone.encode())
    return file


def cut(file, share):
    """Keep this share of a file's bytes."""
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    return file


def copied(source, target, start=0.0, seconds=None):
    """Copy the packets of a video from the key frame before `start` on, as `ffmpeg -ss … -c copy` does: what comes
    before `start` is hidden by an edit list in MP4."""
    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        stream = given.streams.video[0]
        out = made.add_stream_from_template(stream)
        given.seek(round(start * av.time_base))
        shift = round(start / stream.time_base)
        for packet in given.demux(stream):
            if not packet.size or (seconds and packet.pts >= shift + round(seconds / stream.time_base)):
                continue
            packet.pts, packet.stream = packet.pts - shift, out
            packet.dts = None if packet.dts is None else packet.dts - shift
            made.mux(packet)
    return target
