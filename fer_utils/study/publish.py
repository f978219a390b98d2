"""Writes into the repository what readers on the web see of a finished run.

    python -m fer_utils.study.publish runs/study

That is `docs/results.md`, the executed notebooks as Markdown under `docs/notebooks/`, and the pictures in `figures/`.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from PIL import Image

from fer_utils import paths
from fer_utils.data import registry
from fer_utils.data.sequence import STAND_IN
from fer_utils.errors import StudyError, UserError
from fer_utils.evaluation import results, tables
from fer_utils.evaluation.formatting import percent
from fer_utils.plots.registry import FIGURES
from fer_utils.study import findings, notebook_pages, record, report

LARGEST = 1_500_000  # bytes of a file in the repository
PALETTE_FROM = 60_000  # bytes from which a picture is stored in 256 colours


def publish(run: Path) -> list[Path]:
    """Publish the run in the folder `run`; return the files written.

    Of the notebooks that run once a dataset, the first dataset's copy is shown. Raises StudyError if the run has not
    finished, if a notebook failed in it, or if it was a quick one.
    """
    made = record.read(run)
    if failed := [f"{each['notebook']} {each['dataset']}".strip() for each in made["notebooks"] if each["error"]]:
        raise StudyError(f"{run}: {', '.join(failed)} failed; run the study again before it is published")
    if made["settings"].get("quick"):
        raise StudyError(f"{run}: a quick run, whose numbers mean nothing; publish a run of `fer study`")
    docs = paths.root() / "docs"
    shutil.rmtree(docs / "notebooks", ignore_errors=True)
    written = [*_notebooks(run, made, docs / "notebooks"), *_refreshed(run)]
    written.append(paths.write(docs / "results.md", "\n".join(_results(run, made)) + "\n"))
    if large := [str(path) for path in written if path.stat().st_size > LARGEST]:
        raise StudyError(f"{', '.join(large)}: larger than {LARGEST / 1e6} MB")
    return written


def _notebooks(run: Path, made: dict, folder: Path) -> Iterator[Path]:
    first = next(iter(made["datasets"]), "")
    rows = []
    for each in made["notebooks"]:
        if each["dataset"] not in ("", first):
            continue
        name = each["notebook"]
        notebook = notebook_pages.read(paths.executed(run, name, each["dataset"]))
        text, pictures = notebook_pages.to_markdown(notebook, name)
        note = f"*Executed on {_what(made, each['dataset'])}. The notebook: [{name}](../../notebooks/{name}.ipynb).*"
        yield paths.write(folder / f"{name}.md", f"{note}\n\n{_without_places(text, run)}")
        for picture, content in pictures.items():
            yield paths.write(folder / picture, _small(content) if picture.endswith(".png") else content)
        rows.append(f"| [{notebook_pages.title(notebook)}]({name}.md) | {each['seconds']} s |")
    head = f"# The notebooks, executed\n\n{_mark(made)}\n\n| notebook | time |\n|---|---|\n"
    figures = pd.DataFrame(FIGURES.values())[["title", "notebook", "see"]].set_axis(
        ["figure", "notebook", "what to see"], axis=1
    )
    rows += ["", "## Figures", "", _markdown(figures)]
    yield paths.write(folder / "README.md", head + "\n".join(rows) + "\n")


def _refreshed(run: Path) -> Iterator[Path]:
    """Write the pictures in `figures/` again that a run draws: NAME_DATASET of one dataset, NAME of none."""
    for path in sorted(paths.figures().glob("*.*")):
        name, place = path.stem, paths.ALL
        for dataset in registry.NAMES:
            if path.stem.endswith(f"_{dataset}"):
                name, place = path.stem.removesuffix(f"_{dataset}"), dataset
        drawn = paths.figure(run, place, name).with_suffix(path.suffix)
        if path.suffix in (".png", ".svg") and drawn.is_file():
            yield paths.write(path, drawn.read_bytes())


def _results(run: Path, made: dict) -> Iterator[str]:
    names = list(made["datasets"])
    yield f"# Results\n\n{_mark(made)}\n"
    yield "Written by `make docs` from the tables of a default study. Accuracies in %, with 95 % intervals over people."
    yield "\n## What was found\n"
    yield "\n\n".join(findings.sentences(run, names)) + "\n"
    yield _markdown(findings.main_table(run, names))
    yield "\n*New people*: nobody is in training and in test. *People also in training*: folds of sequences.\n"
    yield "## Models, on the same folds of people\n"
    for name in names:
        yield f"### {registry.title(name)}\n"
        yield _markdown(findings.overview(tables.read(run, "open_models", name)))
        yield ""
    yield "`difference` is to the model in `compared_with`, person by person. `p` is not corrected."
    yield "`weights` are the numbers that a trained model keeps. `seconds` is the median time to train one fold.\n"
    yield "## What helped, and what did not\n"
    yield "All datasets together, person by person. A model is compared with the paper's network, other features with"
    yield "the study's own, and actors as additional training rows with none."
    yield f"*Better* and *worse*: p < {results.SURE}, not corrected for the number of comparisons.\n"
    yield _markdown(percent(tables.read_csv(paths.table(run, paths.ALL, "helped")).drop(columns="data")))
    yield "\n## Folds of sequences against folds of people\n"
    for name in names:
        yield f"### {registry.title(name)}\n"
        pairs = [tables.read(run, kind, name) for kind in ("protocols", "open_protocols")]
        yield _markdown(findings.differences(pd.concat(pairs, ignore_index=True)))
        yield ""
    if len(names) > 1:
        yield "## Trained on one dataset, tested on another\n"
        matrix = results.matrix(tables.read(run, "cross_summary"))
        yield _markdown(percent(matrix[["source", "target", "model", "accuracy", "accuracy_low", "accuracy_high"]]))
        yield ""
    yield "## Speed\n"
    yield _markdown(
        tables.read_csv(paths.table(run, paths.ALL, "bench"))[["stage", "p50_ms", "p95_ms", "frames_per_s"]].round(2)
    )
    yield "\n## Made by\n\n| | |\n|---|---|"
    yield from (f"| {name} | {value} |" for name, value in made["made_by"].items())
    yield f"| day | {made['started'][:10]} |\n| time | {made['seconds'] / 60:.0f} min |"


def _mark(made: dict) -> str:
    rendered = any(each.get("data") == STAND_IN for each in made["datasets"].values())
    return f"> {re.sub('</?b>', '**', report.MARK)}" if rendered else ""


def _what(made: dict, dataset: str) -> str:
    data = made["datasets"].get(dataset, {}).get("data", "")
    return f"{registry.title(dataset)} ({data})" if dataset else "all datasets of the study"


def _markdown(table: pd.DataFrame) -> str:
    lines = [table.columns, ["---"] * len(table.columns), *table.itertuples(index=False)]
    return "\n".join(f"| {' | '.join('' if pd.isna(cell) else str(cell) for cell in line)} |" for line in lines)


def _without_places(text: str, run: Path) -> str:
    """Replace the folders of this machine by names that hold everywhere."""
    for place, name in ((run, "runs/study"), (paths.data(), "data"), (paths.runs(), "runs"), (paths.root(), ".")):
        text = text.replace(f"{place}{os.sep}", f"{name}/").replace(str(place), name)
    return text.replace(str(Path.home()), "~")


def _small(picture: bytes) -> bytes:
    if len(picture) < PALETTE_FROM:
        return picture
    packed = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
        packed, "PNG", optimize=True
    )
    return min(packed.getvalue(), picture, key=len)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser("publish", description=__doc__)
    arguments.add_argument(
        "run", type=Path, nargs="?", default=paths.runs() / "study", help="folder of a finished study"
    )
    try:
        files = publish(arguments.parse_args().run.resolve())
    except UserError as problem:
        sys.exit(f"publish: {problem}")
    print(f"{len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB")
