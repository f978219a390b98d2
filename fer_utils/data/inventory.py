"""What is there compared with what was published, what was left out and why, and how to fix what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from fer_utils.data import registry
from fer_utils.data.sequence import DatasetError, Inventory


def survey(
    root: str | Path, names: Iterable[str] = registry.NAMES, options: Mapping[str, Mapping] | None = None
) -> tuple[list[Inventory], dict[str, str]]:
    """Return the inventories of the datasets under a root, and for each that is missing one line that says why.

    `options` are those of `registry.scan`, by the dataset's name. An unknown name or option gives such a line too.
    """
    inventories, missing = [], {}
    for name in names:
        try:
            inventories.append(registry.scan(name, root, **(options or {}).get(name, {})))
        except DatasetError as error:
            missing[name] = str(error)
    return inventories, missing


def counts(inventories: Iterable[Inventory]) -> pd.DataFrame:
    """Return a row for sequences, subjects, frames and each emotion: dataset, rendered, what, found, published.

    If videos have gone or can no longer be read, so that their frames are not counted, there is a row `unreadable`.
    `published` is missing if nothing was published, and for stand-ins, whose numbers are ours to choose.
    """
    rows = []
    for inventory in inventories:
        entry = registry.DATASETS[inventory.dataset]
        published = {} if inventory.rendered else entry.published
        frames, unreadable = _count_frames(inventory)
        counted = {
            "sequences": len(inventory.sequences),
            "subjects": len(inventory.subjects),
            "frames": frames,
            **({"unreadable": unreadable} if unreadable else {}),
            **{emotion: inventory.emotions[emotion] for emotion in entry.emotions},
        }
        for what, count in counted.items():
            rows.append((inventory.dataset, inventory.rendered, what, count, published.get(what)))
    table = pd.DataFrame(rows, columns=["dataset", "rendered", "what", "found", "published"])
    return table.astype({"found": "int64", "published": "Int64", "rendered": bool})


def _count_frames(inventory: Inventory) -> tuple[int, int]:
    """Return how many frames there are, and how many videos can no longer be opened to count theirs."""
    frames = unreadable = 0
    for sequence in inventory.sequences:
        try:
            frames += sequence.frames.count()
        except OSError:
            unreadable += 1
    return frames, unreadable


def left_out(inventories: Iterable[Inventory]) -> pd.DataFrame:
    """Return what was left out, the most frequent reason first: dataset, reason, count, example (one path)."""
    rows = []
    for inventory in sorted(inventories, key=lambda inventory: registry.NAMES.index(inventory.dataset)):
        examples = {skipped.reason: str(skipped.path) for skipped in reversed(inventory.skipped)}  # the first of each
        for reason, count in Counter(skipped.reason for skipped in inventory.skipped).most_common():
            rows.append((inventory.dataset, reason, count, examples[reason]))
    return pd.DataFrame(rows, columns=["dataset", "reason", "count", "example"])


def too_few(inventory: Inventory) -> str:
    """Return why no network can be trained and tested on a set, whatever the folds; empty if one can."""
    emotions = inventory.emotions
    if not inventory.sequences:
        return "no sequence can be used; see what was left out"
    if len(inventory.subjects) < 2:
        return f"all sequences are of one person, {inventory.subjects[0]}; give those of more people"
    if len(emotions) < 2:
        return f"all sequences show {next(iter(emotions))}; give those of other emotions too"
    if max(emotions.values()) < 2:
        return "no emotion has two sequences; give more of them"
    return ""


def few_people(inventory: Inventory, folds: int = 5) -> str:
    """Return why so many folds of people cannot be made; empty if they can."""
    people = len(inventory.subjects)
    if people >= folds:
        return ""
    advice = f"choose fewer: --folds {people}" if people > 2 else "give more people"
    return f"{people} people cannot be split into {folds} folds of people; {advice}"


def report(inventories: Iterable[Inventory], missing: Mapping[str, str]) -> str:
    """Return what was found and what is missing as plain text, for a terminal."""
    inventories = list(inventories)
    table, reasons = counts(inventories), left_out(inventories)
    lines = []
    for inventory in inventories:
        name = inventory.dataset
        mark = "  [rendered stand-in: published numbers are not comparable]" if inventory.rendered else ""
        lines.append(f"{name}  {inventory.root}{mark}")
        for row in table[table.dataset == name].itertuples():
            about = "about " if registry.DATASETS[name].rough else ""
            beside = "" if pd.isna(row.published) else f"   published: {about}{row.published}"
            if row.what == "unreadable":
                beside = "   gone or damaged since they were listed; copy these videos again"
            lines.append(f"  {row.what:<10} {row.found:>6}{beside}")
        for row in reasons[reasons.dataset == name].itertuples():
            lines.append(f"  left out   {row.count:>6}   {row.reason}, e.g. {row.example}")
        if problem := too_few(inventory) or few_people(inventory):
            lines.append(f"  ! {name} ({inventory.root}): {problem}")
    lines += [f"{name}  not there: {why}" for name, why in missing.items()]
    return "\n".join(lines)
