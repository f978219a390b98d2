"""Tracks of many sequences, by worker processes, and the cache in which they are kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from fer_utils import paths
from fer_utils.data import tree
from fer_utils.data.pictures import Frame
from fer_utils.data.sequence import LeftOut, Sequence
from fer_utils.data.video import FrameSource
from fer_utils.errors import PredictError
from fer_utils.landmarks.detectors import Mode, identity
from fer_utils.landmarks.track import NO_FACE, LandmarkTrack, track
from fer_utils.landmarks.upright import set_upright

PICTURES_FPS = 25.0  # of a folder of pictures that says nothing of its rate; our choice


def track_recording(
    recording: str | Path | Iterable[Frame], detector: str = "face_landmarker", mode: Mode = "video"
) -> LandmarkTrack:
    """Return the track of one recording, set upright if it is a video that lies on its side.

    `recording` is a video file, a folder of pictures (in the order of the numbers in their names, 25 a
    second), or frames. Raises PredictError if there is no such file, or if it cannot be read.
    """
    if isinstance(recording, str | Path):
        path = paths.expand_user(recording)
        if not path.exists():
            raise PredictError(f"{path}: no such file or folder; name a video or a folder of pictures")
        try:
            recording = set_upright(tree.pictures(path, PICTURES_FPS) if path.is_dir() else tree.video(path))
        except (LeftOut, OSError) as error:
            raise PredictError(f"{path}: {error}") from None
    return track(recording, detector, mode=mode)


def cached_track(frames: FrameSource, cache_dir: Path, **options) -> tuple[LandmarkTrack, bool]:
    """Return the track of `frames`, and whether it came from the cache; the options are those of `track`.

    The cache's key is the frames' content, the detector's version and model, and its options. So a renamed folder finds
    its tracks again, and a changed option does not. Raises OSError if the frames cannot be opened, or change while they
    are read.
    """
    path = _cache_file(frames, cache_dir, **options)
    if (kept := _load_cached(path)) is not None:
        return kept, True
    made = track(set_upright(frames), **options)
    if _cache_file(frames, cache_dir, **options) != path:
        raise OSError("its files changed while they were read: run again when they are complete")
    made.save(path)
    return made, False


def _cache_file(
    frames: FrameSource,
    cache_dir: Path,
    detector: str = "face_landmarker",
    mode: Mode = "video",
    blendshapes: bool = False,
    views: int = 1,
) -> Path:
    key = {"frames": frames.digest(), "detector": identity(detector), "mode": mode, "blendshapes": blendshapes}
    key |= {"views": views} if views > 1 else {}
    return cache_dir / f"{hashlib.sha256(json.dumps(key).encode()).hexdigest()}.npz"


def _load_cached(path: Path) -> LandmarkTrack | None:
    try:
        return LandmarkTrack.load(path)
    except (OSError, ValueError):  # not there, or damaged: it is made again
        return None


@dataclass(frozen=True)
class Extraction:
    """Tracks by sequence id, how many of them were read from the cache, and the sequences that gave none, with why."""

    tracks: Mapping[str, LandmarkTrack]
    from_cache: int
    refused: Mapping[str, str]

    @property
    def coverage(self) -> float:
        """Share of all frames in which a face was found."""
        frames = sum(len(track) for track in self.tracks.values())
        return sum(int(track.found.sum()) for track in self.tracks.values()) / frames if frames else 0.0


def extract(
    sequences: list[Sequence], executor: Executor | None = None, cache_dir: Path | None = None, **options
) -> Extraction:
    """Return the tracks of many sequences, by the workers of `executor` or in this process, with a progress bar.

    The options are those of `track`. A sequence whose frames cannot be opened is refused with a reason; the others go
    on.
    """
    options["cache_dir"] = cache_dir or paths.tracks()
    # cached tracks are read here, since workers take seconds to start
    kept = {sequence.id: _load_cached(_cache_file(sequence.frames, **options)) for sequence in sequences}
    missing = [sequence for sequence in sequences if kept[sequence.id] is None]
    find = partial(_track_or_reason, **options)
    made = (executor.map if executor else map)(find, [sequence.frames for sequence in missing])
    refused = {}
    progress = tqdm(made, "landmarks", total=len(sequences), initial=len(sequences) - len(missing), unit="sequence")
    for sequence, (new, reason) in zip(missing, progress, strict=True):
        kept[sequence.id] = new
        if new is None:
            refused[sequence.id] = reason
    tracks = {name: track for name, track in kept.items() if track is not None}
    return Extraction(tracks, len(sequences) - len(missing), refused)


def coverage_table(sequences: Iterable[Sequence], tracks: Mapping[str, LandmarkTrack]) -> pd.DataFrame:
    """Return a row per sequence: its frames, in how many of them a face was found, and how many could not be read.

    It also has the first reason of a frame without a face, the frames' size, and by how many degrees,
    counter-clockwise, they were set upright.
    """
    rows = []
    for name in (sequence.id for sequence in sequences if sequence.id in tracks):
        track = tracks[name]
        unreadable = ~np.isin(track.reasons, ("", NO_FACE))
        reason = next(filter(None, track.reasons.tolist()), "")
        size = "{}x{}".format(*track.size)
        rows.append((name, len(track), track.found.sum(), unreadable.sum(), reason, size, 90 * track.quarter_turns))
    return pd.DataFrame(rows, columns=["id", "frames", "found", "unreadable", "reason", "size", "turned"])


def _track_or_reason(frames: FrameSource, **options) -> tuple[LandmarkTrack | None, str]:
    try:
        return cached_track(frames, **options)[0], ""
    except OSError as error:
        return None, str(error)
