"""LiteRT networks that look at a square of a picture, and those of them that draw the points of a face in it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from fer_utils.errors import ModelFileError
from fer_utils.landmarks.engine.windows import Window


def read_model(path: Path, sha256: str) -> bytes:
    """Return the bytes of a model file of the package. Raises ModelFileError if its hash is not the expected one."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path}: {error.strerror}; restore it: git checkout -- fer_utils/assets") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ModelFileError(f"{path}: not the expected model; restore it: git checkout -- fer_utils/assets")
    return content


class PictureNetwork:
    """A LiteRT network whose input is a square RGB picture of `side` by `side` pixels.

    `low` and `high` are the numbers that stand for 0 and 255; outside the frame it sees the frame's nearest pixel, or
    black if `border` is `cv2.BORDER_CONSTANT`. `threads` is how many threads the network may use.
    """

    def __init__(self, content: bytes, threads: int = 1, low: float = 0.0, border: int = cv2.BORDER_REPLICATE):
        self._interpreter = Interpreter(model_content=content, num_threads=threads)
        self._interpreter.allocate_tensors()
        (given,) = self._interpreter.get_input_details()
        self._input, self.side = given["index"], int(given["shape"][1])
        self._outputs = [details["index"] for details in self._interpreter.get_output_details()]
        self._low, self._border = low, border
        self._cut, self._rgb = (np.empty((self.side, self.side, 3), np.uint8) for _ in range(2))

    def run(self, image: np.ndarray, to_frame: np.ndarray) -> list[np.ndarray]:
        """Return the outputs for a window of a BGR uint8 picture; `to_frame` is the window's map (3, 4)."""
        self._cut_out(image, to_frame)
        cv2.cvtColor(self._cut, cv2.COLOR_BGR2RGB, dst=self._rgb)
        tensor = self._interpreter.tensor(self._input)()[0]
        np.multiply(self._rgb, np.float32((1 - self._low) / 255), out=tensor)
        if self._low:
            tensor += np.float32(self._low)
        del tensor  # LiteRT does not run while a view of its memory is held
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]

    def _cut_out(self, image: np.ndarray, to_frame: np.ndarray) -> None:
        size, flags = (self.side, self.side), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cv2.warpAffine(image, to_frame[:2, [0, 1, 3]], size, dst=self._cut, flags=flags, borderMode=self._border)


class LandmarkNetwork(PictureNetwork):
    """A network that draws the points of the face in a window. A subclass is one generation of it."""

    sure_logit: float  # from which the points of a followed face are right without a check
    long_way: float  # a face that moved farther since the last frame, in sides of its window, is checked

    def look(self, image: np.ndarray, window: Window, mirrored: bool = False) -> tuple[np.ndarray, float]:
        """Return the points (478, 3) in pixels of the frame and the logit of there being a face.

        `mirrored` shows the network the window's mirror image; its points come in the order of that image.
        """
        to_frame = window.to_frame(self.side, mirrored)
        mesh, logit, *_ = self.run(image, to_frame)
        return cv2.transform(mesh.reshape(-1, 1, 3), to_frame)[:, 0], logit.item()
