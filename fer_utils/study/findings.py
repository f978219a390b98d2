"""What a run found: three sentences, the one table that matters, and its tables as readers see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import pandas as pd

from fer_utils.data import registry
from fer_utils.errors import StudyError
from fer_utils.evaluation import results, tables
from fer_utils.evaluation.action_units import HUMAN
from fer_utils.evaluation.formatting import BY_EMOTION, percent, with_interval
from fer_utils.evaluation.metrics import MEASURES

NEW, KNOWN = "grouped", "stratified"  # folds of people; folds of sequences
REFUSED = "Runs that could not be made"
_ABOUT = (
    *("dataset", "data", "model", "source", "target", "protocol", "variant", "tested", "select_on"),
    *("sequences", "subjects", "seeds"),
)


def main_table(out: Path, datasets: Iterable[str]) -> pd.DataFrame:
    """Return the one table that matters, a row a dataset: accuracies in % with 95 % intervals over people.

    Datasets whose notebooks failed are left out.
    """
    rows = []
    for name, summary in _readable_tables(out, "summary", datasets):
        best = _best_other(out, name, summary["model"].iloc[0])
        for row in summary[summary["protocol"] != KNOWN].itertuples():
            known = summary[(summary["protocol"] == KNOWN) & (summary["model"] == row.model)]
            rows.append(
                {
                    "dataset": registry.title(name),
                    "new people" if row.protocol == NEW else f"folds: {row.protocol}": _percent(row),
                    "people also in training": _percent(next(known.itertuples())) if len(known) else "",
                    "best other model, new people": best,
                    "macro-F1, new people": f"{100 * row.macro_f1:.1f}",
                    "people": row.subjects,
                    "sequences": row.sequences,
                    "network": row.model,
                    "data": row.data,
                }
            )
    return pd.DataFrame(rows)


def sentences(out: Path, datasets: Iterable[str]) -> list[str]:
    """Return up to three sentences: how good the network is, what leakage adds, and how it compares to others."""
    summaries = dict(_readable_tables(out, "summary", datasets))
    return [text for text in (_accuracy(summaries), _leakage(out, summaries), _compared(out, datasets)) if text]


def _accuracy(summaries: dict[str, pd.DataFrame]) -> str:
    """Say how good the network is on people whom it has not seen."""
    values = {name: _row(summary, NEW) for name, summary in summaries.items()}
    values = {name: row for name, row in values.items() if row is not None}
    if not values:
        return ""
    shares = _listed(f"{100 * row.accuracy:.1f} % on {registry.title(name)}" for name, row in values.items())
    guess = _listed(dict.fromkeys(f"1 of {row.emotions}" for row in values.values()))
    network = next(iter(values.values())).model
    named = "The paper's network" if network == "paper" else f"The {network} network"
    return f"{named} names expressions of people it has never seen: it is right in {shares} (by guessing, in {guess})."


def _leakage(out: Path, summaries: dict[str, pd.DataFrame]) -> str:
    """Say how much accuracy is added by people who are in training and in test, and whether that may be chance."""
    gains = []
    for name, summary in summaries.items():
        new, known = _row(summary, NEW), _row(summary, KNOWN)
        if new is not None and known is not None:
            points = f"{100 * (known.accuracy - new.accuracy):+.1f}".replace("-", "−")
            gain = f"{points} points on {registry.title(name)}"
            pair = next((_row(pairs, KNOWN) for _, pairs in _readable_tables(out, "protocols", [name])), None)
            p = getattr(pair, "p", float("nan"))
            gains.append(f"{gain} (p = {p:.2g})" if pd.notna(p) else gain)
    if not gains:
        return ""
    return f"If the same people may be in training and in test, its accuracy changes by {_listed(gains)}."


def _compared(out: Path, datasets: Iterable[str]) -> str:
    """Compare notebook 03's network with all other models by paired tests; without tests, compare across datasets."""
    verdicts: Counter[str] = Counter()
    for name, pairs in _readable_tables(out, "open_pairs", datasets):
        summary = dict(_readable_tables(out, "summary", [name])).get(name)
        if summary is None or "p" not in pairs:
            continue
        network = summary["model"].iloc[0]
        for pair in pairs[pairs["p"].notna()].itertuples():
            if network in (pair.model, pair.against) and HUMAN not in (pair.model, pair.against):
                gain = pair.difference if pair.model == network else -pair.difference
                verdicts[results.verdict_of(gain, pair.p)] += 1
    if total := verdicts.total():
        return (
            "Compared with other models on the same folds of people (without human units), it is better in "
            f"{verdicts['better']} of {total} paired tests and worse in {verdicts['worse']} (p < {results.SURE}, not "
            "corrected). The others show no clear difference."
        )
    try:
        matrix = results.matrix(tables.read(out, "cross_summary"))
    except StudyError:
        return ""
    within = matrix["source"] == matrix["target"]
    if not within.any() or within.all():
        return ""
    means = [100 * matrix.loc[rows, "accuracy"].mean() for rows in (within, ~within)]
    return (
        f"Tested on the dataset it was trained on, but on other people, the {matrix['model'].iloc[0]} network is right "
        f"in {means[0]:.1f} % on average; tested on another dataset in {means[1]:.1f} %."
    )


def _best_other(out: Path, dataset: str, network: str) -> str:
    for _, summary in _readable_tables(out, "open_summary", [dataset]):
        models = results.models(summary, out, dataset)
        # HUMAN is given the coded units: it is an upper limit, not a model to compare with
        others = models[~models["model"].isin([network, HUMAN])].sort_values("accuracy", ascending=False, kind="stable")
        if len(others):
            best = next(others.itertuples())
            return f"{best.model}: {_percent(best)}"
    return ""


def _row(summary: pd.DataFrame, protocol: str):
    rows = summary[summary["protocol"] == protocol]
    return next(rows.itertuples()) if len(rows) else None


def _readable_tables(out: Path, kind: str, datasets: Iterable[str]):
    """Yield each dataset whose table can be read, and the table. The report says elsewhere which notebooks failed."""
    for name in datasets:
        with suppress(StudyError):
            yield name, tables.read(out, kind, name)


def _percent(row) -> str:
    return with_interval(row.accuracy, row.accuracy_low, row.accuracy_high)


def _listed(words: Iterable[str]) -> str:
    *first, last = list(words)
    return f"{', '.join(first)} and {last}" if first else last


def readable(summary: pd.DataFrame) -> pd.DataFrame:
    """Return a summary's measures with their intervals, and the columns that distinguish its rows."""
    always = ("data", "model", "protocol", "sequences", "subjects")
    # these would repeat the dataset's name
    own = {"source", "target"} if (summary["source"] == summary["dataset"]).all() else set()
    about = [name for name in _ABOUT if name in always or (len(set(summary[name])) > 1 and name not in own)]
    return percent(summary[[*about, *(f"{name}{end}" for name in MEASURES for end in ("", "_low", "_high"))]])


def by_emotion(emotions: pd.DataFrame) -> pd.DataFrame:
    """Return precision, recall and F1 in %, a row a model, protocol and emotion."""
    shown = emotions[["model", "protocol", "emotion", "tested_times", *BY_EMOTION]]
    return percent(shown.rename(columns={"tested_times": "tested"}))


def differences(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return pairs of models, or of ways of testing one, with the difference of their accuracies.

    If there is none, a note says why.
    """
    who = [name for name in ("model", "protocol", "select_on", "against") if name in pairs]
    columns = [*who, "sequences", "seeds", *results.DIFFERENCE, *(["note"] if "note" in pairs else [])]
    shown = percent(pairs.reindex(columns=columns))
    counts = {name: [f"{n:g}" if pd.notna(n) else "" for n in shown[name]] for name in ("sequences", "seeds")}
    return shown.assign(**counts)


def overview(models: pd.DataFrame) -> pd.DataFrame:
    """Return the table of all models as text, without what is the same in every row."""
    shown = percent(models.drop(columns=[name for name in ("dataset", "data") if name in models]))
    weights = [f"{count:,.0f}" if pd.notna(count) else "" for count in models["weights"].astype(float)]
    return shown.assign(weights=weights)


def narrow(models: pd.DataFrame) -> pd.DataFrame:
    """Return `overview` in the columns that notebook 03b shows: a page is not wide enough for all."""
    about = ("model", "weights", "seconds", "accuracy", "difference", "p", "compared_with")
    return overview(models[[name for name in models if name.removesuffix("_low").removesuffix("_high") in about]])


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with accuracies in % and all else with four decimals, without the dataset's name."""
    return percent(table.drop(columns="dataset")).round(4)


def losses(table: pd.DataFrame) -> pd.DataFrame:
    """Return what groups of features or action units are worth, with losses in points of accuracy."""
    points = {name: 100 * table[name] for name in ("lost", "sd") if name in table}
    shown = percent(table.drop(columns=["dataset", "data"], errors="ignore").assign(**points)).round(2)
    return shown.rename(columns={name: f"{name}, points" for name in points})


def ledger(bench: pd.DataFrame) -> pd.DataFrame:
    """Return the ledger of speed without the machine, which is the same in every row."""
    shown = ("stage", "p50_ms", "p95_ms", "frames_per_s", "ratio", "note")
    return bench[[name for name in shown if name in bench]].round(2)


def yardsticks(published: pd.DataFrame) -> pd.DataFrame:
    """Return the published accuracies with what they were measured on."""
    return published[["method", "year", "source", "target", "protocol", "accuracy", "reference"]]


# the report's tables, by kind: title, and how each is shown
TABLES: Mapping[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame]]] = {
    "emotions": ("Precision, recall and F1 by emotion", by_emotion),
    "protocols": ("Folds of sequences against folds of people, compared person by person", differences),
    "refused": (REFUSED, pd.DataFrame),
    "open_summary": ("All numbers of notebook 03b", readable),
    "open_models": ("All models on the same folds of people; seconds are for training one fold", narrow),
    "open_protocols": ("Ways of testing against folds of people, compared person by person", differences),
    "open_pairs": (
        "Pairs of models, compared person by person on the same folds; p is not corrected for the number of pairs",
        differences,
    ),
    "open_importance": ("Accuracy lost by group of features, its spread and the share of folds that lost any", losses),
    "open_features": (
        "How many sequences each variant of the features has",
        lambda table: table[["variant", "sequences", "refused"]],
    ),
    "phase_errors": ("Errors of onset, apex and offset, in frames", rounded),
    "open_units": ("Action units found, compared with those known, and what each is worth (see notebook 03c)", losses),
    "open_refused": (REFUSED, pd.DataFrame),
    "helped": ("What helped, and what did not: all datasets together, person by person (see notebook 06)", percent),
    "cross_summary": ("All numbers", readable),
    "actor_transfer": ("From actors to recordings, back, and both together", rounded),
    "actor_parts": ("From one rig to the other: lost by units, geometry and detector (see notebook 04b)", rounded),
    "exactness": ("Errors of found points on rendered faces, in % of the distance of the eyes' outer corners", rounded),
    "cross_refused": (REFUSED, pd.DataFrame),
    "cross_left_out": ("Sequences that take no part", rounded),
    "bench": ("All stages", ledger),
    "published": ("What the paper and others published", yardsticks),
}
