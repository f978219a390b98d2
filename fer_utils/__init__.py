"""Sequential facial expression analysis from geometric features (arXiv:2512.05669).

The package is grouped by stage, and a stage imports only those above it:

    data        a folder                →  sequences of frames, with emotion and subject
    landmarks   frames                  →  a track: points (T, 478, 3) in pixels
    features    a track                 →  a tensor (4, 2912): distances and angles, their changes between key frames
    models      tensors                 →  probabilities of seven emotions
    evaluation  tensors, people         →  tables: folds, accuracies, intervals
    plots       tables, tracks          →  figures
    realtime    frames as they come     →  labels; the demo
    prediction  recordings              →  tables of frames and expressions, files of other tools
    standins    a seed                  →  rendered recordings whose truth is known
    study       parameters              →  a run's folder and its report

The names below are the public API. Each is imported when it is first used: `import fer_utils` loads neither TensorFlow
nor MediaPipe.
"""

import os
from importlib import import_module

# TensorFlow greets every process with a page of notes on its build; warnings and errors still show
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# a picture of a megabyte can unpack to gigabytes; OpenCV reads its limit when it is imported
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**27))

_HOMES = {
    "FaceLandmarker": "landmarks.face_landmarker",
    "open_detector": "landmarks.detectors",
    "LandmarkTrack": "landmarks.track",
    "track": "landmarks.extraction:track_recording",
    "SequenceRefused": "features.geometry",
    "extract_features": "features.tensors",
    "load_classifier": "models.litert",
    "Recognizer": "realtime.streaming",
    "predict": "prediction.clip",
}

__all__ = list(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'fer_utils' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(import_module(f"fer_utils.{module}"), attribute or name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
