"""CK+ (extended Cohn-Kanade): `cohn-kanade-images/S005/001/*.png`, labels in `Emotion/S005/001/*_emotion.txt`."""

from __future__ import annotations

import re
from pathlib import Path

from fer_utils.data import labels, tree
from fer_utils.data.sequence import Dataset, Inventory, LeftOut, MissingDataset, Sequence, Skipped

# our choice: the pictures carry no rate; they were digitised from NTSC tape, which has 30 frames a second
FPS = 30.0
CODES = dict(enumerate(labels.EMOTIONS, start=1))  # of its label files
_IMAGES = ("cohn-kanade-images", "extended-cohn-kanade-images")
_LABELS = ("Emotion", "Emotion_labels")


def is_here(root: Path) -> bool:
    """Return whether the frames or the labels of CK+ are under the root."""
    return bool(tree.search(root, tree.named(*_IMAGES, *_LABELS, holding=_is_subject)))


def scan(root: Path) -> Inventory:
    """Return the labelled sequences of CK+ under a root, from neutral to apex; those without a label are skipped.

    Raises MissingDataset if the frames or the labels are not there.
    """
    images = _find_images(root)
    emotions = _find_labels(images, root)
    rendered = tree.is_rendered(images)
    sequences, skipped = [], []
    for subject, labelled in _pairs(images, emotions, skipped):
        if not _is_subject(subject):
            skipped.append(Skipped(subject, "not a subject's folder (S005, S010, …)"))
            continue
        for folder, label in _pairs(subject, labelled, skipped):
            with tree.leaving_out(folder, skipped):
                emotion, peak = _read_label(label)
                if not tree.files(folder, tree.PICTURES):
                    raise LeftOut("labelled, but its frames are missing: unpack cohn-kanade-images again")
                frames = tree.pictures(folder, FPS, skipped)
                if peak not in {_last_number(file.stem) for file in frames.files}:
                    raise LeftOut("the frame that the label names is missing: unpack cohn-kanade-images again")
                person, name = f"ckplus/{subject.name.upper()}", f"{subject.name}/{folder.name}"
                sequences.append(Sequence("ckplus", person, name, emotion, frames, "last", rendered))
    return Inventory("ckplus", root, rendered, sequences, skipped)


def parse_label(text: str) -> str:
    """Return the emotion that the text of a label file stands for (one float: "   3.0000000e+00"). Raises LeftOut."""
    words = text.split()
    if len(words) != 1:
        raise LeftOut(f"the label file holds {len(words) or 'no'} values, not one")
    try:
        code = float(words[0])
    except ValueError:
        raise LeftOut("the label file does not hold a number") from None
    if code == 0:
        raise LeftOut("neutral (code 0): not an emotion")
    if code not in CODES:  # a float that is whole equals its int
        raise LeftOut(f"label {code:g} does not exist: codes are 0 to {max(CODES)}")
    return CODES[int(code)]


def _read_label(folder: Path) -> tuple[str, int]:
    """Return the emotion of a sequence, and the number of the frame that was labelled."""
    files = [file for file in tree.files(folder, (".txt",)) if file.stem.casefold().endswith("_emotion")]
    if not files:
        raise LeftOut("no label")
    if len(files) > 1:
        raise LeftOut(f"{len(files)} label files, one is expected")
    try:
        with files[0].open("rb") as file:
            text = file.read(1000).decode("utf-8-sig", "replace")
    except OSError as error:
        raise LeftOut(f"the label file cannot be read ({error.strerror})") from None
    return parse_label(text), _last_number(files[0].stem)


def _last_number(stem: str) -> int:
    """Return the last number in a file's name; -1 if there is none."""
    digits = re.findall(r"[0-9]+", stem)
    return int(digits[-1]) if digits else -1


def _is_subject(folder: Path) -> bool:
    return bool(re.fullmatch(r"[Ss]\d+", folder.name))


def _pairs(images: Path, emotions: Path, skipped: list[Skipped]) -> list[tuple[Path, Path]]:
    """Return the folders of frames and of labels that have one name, in any case, in order.

    A folder that is in one of the two places has a pair that is not there: a label without frames is seen too.
    """
    labelled = {path.name.casefold(): path for path in tree.folders(emotions, skipped)}
    pairs = [(path, labelled.pop(path.name.casefold(), emotions / path.name)) for path in tree.folders(images, skipped)]
    pairs += [(images / path.name, path) for path in labelled.values()]
    return sorted(pairs, key=lambda pair: tree.by_number(pair[0]))


def _find_images(root: Path) -> Path:
    folders = tree.search(root, tree.named(*_IMAGES, holding=_is_subject))
    if folders:
        return tree.only(folders, "the CK+ frames", root)
    if tree.search(root, tree.named(*_LABELS, holding=_is_subject)):
        raise MissingDataset(f"{root}: CK+ labels, but no frames; unpack cohn-kanade-images beside them")
    if empty := tree.search(root, tree.named("cohn-kanade-images")):
        raise MissingDataset(f"{empty[0]}: no subject's folder (S005, S010, …) in it; unpack cohn-kanade-images again")
    raise MissingDataset(f"{root}: no cohn-kanade-images folder here; unpack CK+ there, or name its folder")


def _find_labels(images: Path, root: Path) -> Path:
    """Return the folder of labels that belongs to these frames.

    It lies beside them. If each archive was unpacked into a folder of its own, it is the only one under the root.
    """
    base = images.parent
    while tree.named(*_IMAGES)(base):
        base = base.parent
    for name in _LABELS:
        for folder in tree.search(base, tree.named(name, holding=_is_subject), depth=2):
            return folder
    if len(folders := tree.search(root, tree.named(*_LABELS, holding=_is_subject))) == 1:
        return folders[0]
    raise MissingDataset(f"{base}: CK+ frames, but no Emotion or Emotion_labels folder; unpack Emotion_labels there")


# counts of labelled sequences: Lucey et al. 2010
_COUNTS = (45, 18, 59, 25, 69, 28, 83)
DATASETS = (
    Dataset(
        "ckplus",
        "CK+",
        scan,
        is_here,
        labels.EMOTIONS,
        {"sequences": 327, "subjects": 118, **dict(zip(labels.EMOTIONS, _COUNTS, strict=True))},
        stand_in="ckplus",
    ),
)
