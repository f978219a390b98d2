"""The file of a classifier: its LiteRT network, then a zip archive with facts about it, then a checksum."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

from fer_utils.errors import ModelFileError, first_line
from fer_utils.features import tensors

FORMAT = 1  # rises when an older reader would misread a file
SIGN = b"TFL3"  # of LiteRT's flatbuffers, from their fifth byte on
FACTS = "fer.json"
LARGEST = 2**32  # bytes; the paper's network for 250 landmarks has 3.3 billion
FACTS_LIMIT = 1_000_000  # bytes; those of seven classes are some 500
CHECKSUM_LENGTH = 64  # bytes at the end of a file: the SHA-256 of all before them, in hexadecimal digits


@dataclass(frozen=True)
class Facts:
    """What a file says of its classifier.

    `network` is its name in `classifiers.NETWORKS`; `precision` that of its weights; `features` are the options of the
    features that it was trained on; `trained_on` says in words on which data.
    """

    network: str
    classes: tuple[str, ...]
    features: tensors.Options
    precision: str
    trained_on: str

    @property
    def shape(self) -> tuple[int, int]:
        """(steps, A) of a tensor."""
        return tensors.shape(self.features)


def append(path: Path, facts: Facts) -> None:
    """Put an archive with the facts at the end of the .tflite file `path`, and its checksum.

    TensorFlow Lite's metadata lie in the same place. LiteRT does not see them. Nothing is compressed.
    """
    text = json.dumps({"format": FORMAT, "shape": facts.shape, **asdict(facts)}, indent=1, ensure_ascii=False)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(FACTS), text.encode())  # of no date: equal classifiers give equal files
        archive.comment = bytes(CHECKSUM_LENGTH)  # the last bytes of an archive, and free for any use
    with path.open("r+b") as file:
        digest = _digest(memoryview(file.read())[:-CHECKSUM_LENGTH])
        file.seek(-CHECKSUM_LENGTH, io.SEEK_END)
        file.write(digest)


def read(path: Path) -> tuple[bytes, Facts]:
    """Return all bytes of a classifier's file, and its facts.

    The checksum is compared first, so that nothing of a damaged file is used. Raises ModelFileError, naming the file,
    if it is missing, damaged or not a LiteRT model, was made by a newer version of this package, or holds facts that
    cannot be true.
    """
    try:
        if path.exists() and not path.is_file():  # of a device or a pipe there is no end
            raise OSError(0, "not a file")
        with path.open("rb") as file:
            if file.read(8)[4:] != SIGN:
                raise ModelFileError(f"{path}: not a LiteRT model; name a .tflite file that this project exported")
            if file.seek(0, io.SEEK_END) > LARGEST:
                raise OSError(0, f"larger than {LARGEST} bytes")
            file.seek(0)
            content = file.read()
    except (OSError, ValueError, MemoryError) as error:
        reason = first_line(error)
        raise ModelFileError(f"{path}: {reason}; name the file of an exported or saved classifier") from None
    if _digest(memoryview(content)[:-CHECKSUM_LENGTH]) != content[-CHECKSUM_LENGTH:]:
        if FACTS.encode() not in content[-FACTS_LIMIT:]:
            raise ModelFileError(f"{path}: no {FACTS} in it: cut short, or not of this project; export or train again")
        raise ModelFileError(f"{path}: damaged, its bytes do not match its checksum; copy, export or train it again")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            info = archive.getinfo(FACTS)
            # what is not compressed cannot grow while it is read
            if info.compress_type != zipfile.ZIP_STORED or info.file_size > FACTS_LIMIT:
                raise ValueError(f"{FACTS} is compressed or larger than {FACTS_LIMIT} bytes")
            return content, _facts(archive.read(info))
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from None
    except Exception as error:  # whatever a made-up archive makes zipfile and json stumble over
        reason = first_line(error)
        raise ModelFileError(f"{path}: not a classifier of this project ({reason}); export or train it again") from None


def _digest(content: bytes | memoryview) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _facts(text: bytes) -> Facts:
    said = json.loads(text)
    if said["format"] > FORMAT:
        raise ModelFileError(f"format {said['format']}, this version reads up to {FORMAT}; update fer-utils")
    features = tensors.Options(**said["features"])
    facts = Facts(said["network"], tuple(said["classes"]), features, said["precision"], said["trained_on"])
    texts = facts.network, facts.precision, facts.trained_on, *facts.classes
    if not all(isinstance(text, str) for text in texts) or len(set(facts.classes)) < len(facts.classes):
        raise ValueError(f"{FACTS}: a name is not a text, or a class is there twice")
    return facts
