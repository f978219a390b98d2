"""Oulu-CASIA NIR&VIS: `OriginalImg/VL/Strong/P001/Anger/000.jpeg`, and `PreProcess/VL_Acropped/…` for cropped faces."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from fer_utils.data import labels, tree
from fer_utils.data.sequence import Dataset, DatasetError, Inventory, LeftOut, MissingDataset, Sequence, Skipped

FPS = 25.0
LIGHTS = ("Strong", "Weak", "Dark")
_is_light = tree.named(*LIGHTS)
_DATASETS = {"VL": "oulu_vis", "NI": "oulu_nir"}


def is_here(root: Path, *, modality: str) -> bool:
    """Return whether frames of this camera, whole or cropped, are under the root."""
    return bool(tree.search(root, tree.named(modality, f"{modality}_Acropped", holding=_is_light)))


def scan(root: Path, *, modality: str, light: str = "Strong", crop: bool = False) -> Inventory:
    """Return the sequences of one camera ("VL" visible, "NI" near infrared) in one light, from neutral to apex.

    With `crop`, the dataset's own cropped faces are taken. A subject has the same name in both cameras. Raises
    MissingDataset if these frames are not there, DatasetError for an option out of range.
    """
    dataset = _DATASETS[modality]
    if str(light).title() not in LIGHTS:
        raise DatasetError(f"{dataset}: light is {light!r}; it can be {', '.join(LIGHTS)}")
    if not isinstance(crop, bool):
        raise DatasetError(f"{dataset}: crop is {crop!r}; it can be True or False")
    light = str(light).title()
    camera = _find_camera(root, modality, crop)
    lit = next((path for path in tree.folders(camera, []) if tree.named(light)(path)), None)
    if lit is None:
        there = [path.name for path in tree.folders(camera, [])]
        other = f"--reader {dataset}.light={there[0]}"
        raise MissingDataset(
            f"{camera}: no folder {light}, but {', '.join(there)}; unpack it, or take another: {other}"
        )
    rendered = tree.is_rendered(camera)
    sequences, skipped, seen = [], [], set()
    for person in tree.folders(lit, skipped):
        number = re.fullmatch(r"[Pp]0*(\d+)", person.name)
        if not number:
            skipped.append(Skipped(person, "not a subject's folder (P001, P002, …)"))
            continue
        for folder in tree.folders(person, skipped):
            with tree.leaving_out(folder, skipped):
                emotion = labels.from_folder(folder.name)
                if emotion is None:
                    raise LeftOut(f"not an emotion; known are {', '.join(labels.EMOTIONS)}")
                subject, name = f"oulu/P{int(number[1]):03d}", f"{camera.name}/{light}/{person.name}/{folder.name}"
                if (subject, emotion) in seen:
                    raise LeftOut("this emotion of this person is there twice")
                frames = tree.pictures(folder, FPS, skipped)
                seen.add((subject, emotion))
                sequences.append(Sequence(dataset, subject, name, emotion, frames, "last", rendered))
    return Inventory(dataset, root, rendered, sequences, skipped)


def _find_camera(root: Path, modality: str, crop: bool) -> Path:
    """Return the folder of a camera's frames, whole or cropped."""
    whole = tree.search(root, tree.named(modality, holding=_is_light))
    cropped = tree.search(root, tree.named(f"{modality}_Acropped", holding=_is_light))
    if cameras := cropped if crop else whole:
        # some archives hold the frames twice, in B_OriginalImg and in OriginalImg
        first = [path for path in cameras if any(tree.named("OriginalImg")(above) for above in path.parents)]
        return tree.only(first or cameras, f"the Oulu-CASIA {modality} frames", root)
    if cropped:
        these = f"--reader {_DATASETS[modality]}.crop=true"
        raise MissingDataset(f"{root}: only cropped {modality} frames here; unpack OriginalImg, or take these: {these}")
    if whole:
        raise MissingDataset(f"{root}: no {modality}_Acropped folder here; unpack PreProcess, or leave crop out")
    name = f"{modality}_Acropped" if crop else modality
    if empty := tree.search(root, tree.named(name)):
        raise MissingDataset(f"{empty[0]}: none of {', '.join(LIGHTS)} in it; unpack it again")
    raise MissingDataset(f"{root}: no {name} folder here; unpack Oulu-CASIA there, or name its folder")


# one light of one camera, six emotions of each of 80 people: Zhao et al. 2011. VIS and NIR are filmed at the same time,
# so one stand-in holds both.
DATASETS = tuple(
    Dataset(
        name,
        title,
        partial(scan, modality=modality),
        partial(is_here, modality=modality),
        published={"sequences": 480, "subjects": 80, **dict.fromkeys(labels.SHARED, 80)},
        stand_in="oulu_casia",
    )
    for modality, name, title in (
        ("VL", "oulu_vis", "Oulu-CASIA VIS"),
        ("NI", "oulu_nir", "Oulu-CASIA NIR"),
    )
)
