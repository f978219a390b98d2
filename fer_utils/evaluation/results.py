"""Result tables cut out of summaries and predictions, as the notebooks show them and the figures need them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from fer_utils import paths
from fer_utils.data.sequence import Sequence
from fer_utils.errors import StudyError
from fer_utils.evaluation import action_units, augmentation, experiments, intervals, metrics, tables
from fer_utils.evaluation.cross_validation import BASE
from fer_utils.evaluation.metrics import KEYS
from fer_utils.evaluation.tables import SHOWN
from fer_utils.features import geometry, tensors
from fer_utils.features.tensors import FeatureTable
from fer_utils.landmarks.track import LandmarkTrack

NOISE = "times the detector jitter (added noise)"
DIFFERENCE = ("difference", "difference_low", "difference_high", "p")
SURE = 0.05  # two results differ if p is below
NO_METHODS = ("majority", action_units.HUMAN)  # the floor and the ceiling of all accuracies


def curves(sequences: list[Sequence], tracks: Mapping[str, LandmarkTrack]) -> pd.DataFrame:
    """Return a row a frame of the first sequence of every emotion.

    The columns are time in seconds; intensity and the opening of the mouth (points 13 and 14) in inter-ocular
    distances; whether it is a key frame; and "onset", "apex" or "offset".
    """
    frames = []
    for sequence, made in tensors.one_of_each(sequences, tracks):
        track = tracks[sequence.id]
        points = geometry.normalise(geometry.bridge(track.points, track.times))
        phase = np.full(len(track), "", dtype="<U6")
        marks = {"onset": made.phases.onset, "offset": made.phases.offset, "apex": made.phases.apex}
        for name, frame in marks.items():
            phase[frame] = name
        frames.append(
            pd.DataFrame(
                {
                    "id": sequence.id,
                    "emotion": sequence.emotion,
                    "time": track.times,
                    "intensity": made.phases.intensity,
                    "mouth_opening": geometry.distances(points, np.array([[13, 14]]))[:, 0],
                    "key_frame": np.isin(np.arange(len(track)), made.key_frames),
                    "phase": phase,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def coverage(variants: Mapping[str, FeatureTable]) -> pd.DataFrame:
    """Count the sequences that each variant of the features has, and those that it refused.

    `low_apex` counts sequences whose apex is far below their highest intensity.
    """
    rows = [(name, len(table), len(table.refused), len(table.low_apexes)) for name, table in variants.items()]
    return pd.DataFrame(rows, columns=["variant", "sequences", "refused", "low_apex"])


def models(summary: pd.DataFrame, out: Path, dataset: str) -> pd.DataFrame:
    """Return models under folds of people; the paper's network from notebook 03's summary, if that is there."""
    own = _of_people(summary)
    own = own[own["variant"].isin(experiments.VARIANTS)]
    notebook_03 = _of_notebook_03(out, "summary", dataset)
    notebook_03 = notebook_03[~notebook_03["model"].isin(own["model"])]
    everything = pd.concat([own, *([notebook_03] if len(notebook_03) else [])], ignore_index=True)
    return everything.sort_values("accuracy", ascending=False, kind="stable")[["model", *SHOWN]].reset_index(drop=True)


def pairs(predictions: pd.DataFrame, out: Path, dataset: str, network: str) -> pd.DataFrame:
    """Compare `network` and the paper's network with each model, on the same sequences and folds."""
    own = _of_people(predictions)
    own = own[own["variant"].isin(experiments.VARIANTS)]
    by_model = {str(name): group for name, group in own.groupby("model", sort=False)}
    for name, group in _of_notebook_03(out, "predictions", dataset).groupby("model"):
        by_model.setdefault(str(name), group)
    rows = []
    for one in dict.fromkeys((network, "paper")):
        for other in by_model:
            if one in by_model and other != one and not (one == "paper" and other == network):
                rows.append({"model": one, "against": other, **_paired(by_model[one], by_model[other])})
    return pd.DataFrame(rows)


def helped(out: Path, datasets: Iterable[str]) -> pd.DataFrame:
    """Compare what goes beyond the paper with what it replaces, on all `datasets` together, person by person.

    A row a comparison, in which the model, the features or the actors differ, from the highest difference to the
    lowest. The verdict is "better" or "worse" if p is below SURE, which is not corrected. Datasets that lack one of the
    two are left out, as are those whose predictions cannot be read.
    """
    parts = []
    for name in datasets:
        with suppress(StudyError):
            own = _of_people(tables.read(out, "open_predictions", name))
            paper = _of_notebook_03(out, "predictions", name)
            both = pd.concat([own, paper[~paper["model"].isin(own["model"])]], ignore_index=True)
            parts.append(both.assign(id=f"{name}/" + both["id"].astype(str)))
    by_result = dict(list(pd.concat(parts).groupby(["model", "variant"]))) if parts else {}
    rows = []
    for (model, variant), predictions in by_result.items():
        for differs, other in _replaced(model, variant):
            if other in by_result:
                pair = _paired(predictions, by_result[other])
                verdict = pair.pop("note", "") or verdict_of(pair["difference"], pair["p"])
                about = {"differs": differs, "model": model, "variant": variant, "data": predictions["data"].iloc[0]}
                rows.append({**about, "against": other[differs == "features"], **pair, "verdict": verdict})
    columns = ["differs", "model", "variant", "against", "data", "sequences", "seeds", *DIFFERENCE, "verdict"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["differs", "difference"], ascending=False, kind="stable", ignore_index=True)


def _replaced(model: str, variant: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield what differs, and the model and variant that a result is compared with."""
    if variant not in experiments.VARIANTS:
        yield "features", (model, BASE)
    elif model not in ("paper", *NO_METHODS):
        yield "model", ("paper", BASE)
    if model == augmentation.MODEL:
        yield "actors", ("logistic", BASE)


def verdict_of(difference: float, p: float) -> str:
    """Return "better" or "worse" if p is below SURE, else "no clear difference"."""
    return "no clear difference" if p >= SURE else "better" if difference > 0 else "worse"


def leakage(summary: pd.DataFrame, network: str) -> pd.DataFrame:
    """Return one model's results by the folds it is tested on and the rows that choose its epoch."""
    rows = summary[(summary["model"] == network) & (summary["variant"] == BASE) & (summary["tested"] == BASE)].copy()
    return rows[["protocol", "select_on", *SHOWN]].reset_index(drop=True)


def protocols(predictions: pd.DataFrame) -> pd.DataFrame:
    """Compare each model's other ways of testing with its folds of people, on the same sequences and seeds.

    The table has the difference of the accuracies, with a test that exchanges the two person by person
    (`intervals.paired_test`).
    """
    rows = []
    own = predictions[(predictions["variant"] == BASE) & (predictions["tested"] == BASE)]
    own = own.assign(fold=0)  # what differs are the folds, on purpose
    for _, of_model in own.groupby("model", sort=False):
        ways = dict(list(of_model.groupby(["protocol", "select_on"], sort=False)))
        people = ways.pop(("grouped", "validation"), None)
        for way in ways.values() if people is not None else ():
            rows.append(way[list(KEYS)].iloc[0].to_dict() | {"against": "grouped"} | _paired(way, people))
    return pd.DataFrame(rows)


def overview(models: pd.DataFrame, pairs: pd.DataFrame, costs: pd.DataFrame, out: Path, dataset: str) -> pd.DataFrame:
    """Return all about models in one table: `models`, what each costs, and its difference to the paper's network.

    Without the paper's network, the difference is that to the first model that `pairs` compares. `weights` is how many
    numbers a trained model keeps, `seconds` how long it takes to train one: medians over the folds of people.
    """
    people = costs["protocol"].isna() | (costs["protocol"] == "grouped") & (costs["select_on"] == "validation")
    costs = costs[people & (costs["variant"].isna() | costs["variant"].isin(experiments.VARIANTS))]
    costs = pd.concat([costs, _of_notebook_03(out, "costs", dataset)], ignore_index=True)
    medians = costs.groupby("model")[["weights", "seconds"]].median().round({"weights": 0, "seconds": 3})
    table = models.merge(medians, "left", on="model")
    if "p" in pairs:
        reference = "paper" if "paper" in set(pairs["model"]) | set(pairs["against"]) else pairs["model"].iloc[0]
        as_second, as_first = pairs[pairs["against"] == reference], pairs[pairs["model"] == reference]
        low, high = -as_first["difference_high"], -as_first["difference_low"]
        reversed_signs = {"model": as_first["against"], "difference": -as_first["difference"]}
        as_first = as_first.assign(**reversed_signs, difference_low=low, difference_high=high)
        numbers = ["model", *DIFFERENCE]
        differences = pd.concat([as_second, as_first])[numbers].assign(compared_with=reference)
        table = table.merge(differences, "left", on="model")
    return table.astype({"weights": "Int64"})


def ablations(predictions: pd.DataFrame, network: str) -> pd.DataFrame:
    """Return one model's results by the features that it is trained and tested with: the study's own first.

    The others follow, the best first. All have the first seed alone, since a seed's folds and weights make more of a
    difference than many a feature.
    """
    rows = _of_people(predictions)
    rows = rows[(rows["model"] == network) & (rows["seed"] == 0)]
    table = metrics.summary(rows).reindex(columns=["variant", *SHOWN])
    base, others = table[table["variant"] == BASE], table[table["variant"] != BASE]
    return pd.concat([base, others.sort_values("accuracy", ascending=False, kind="stable")], ignore_index=True)


def landmark_sets(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the models that were tried with several sets of landmarks, or averaged points, with the first seed."""
    variants = [*experiments.SETS, experiments.ONE_VIEW, experiments.VIEWS]
    rows = _of_people(predictions)
    rows = rows[rows["variant"].isin(variants) & (rows["seed"] == 0)]
    several = rows.groupby("model")["variant"].transform("nunique") > 1
    return metrics.summary(rows[several]).reindex(columns=["model", "variant", *SHOWN])


def conditions(summary: pd.DataFrame, network: str) -> pd.DataFrame:
    """Return one model's results, trained on whole sequences, by what it is tested with (`kind` and `amount`)."""
    known = {experiments.early_variant(share): ("share of the way seen", share) for share in experiments.SHARES}
    known |= {experiments.jitter_variant(times): (NOISE, times) for times in experiments.JITTER}
    rows = summary[(summary["model"] == network) & (summary["protocol"] == "grouped")]
    rows = rows[(rows["variant"] == BASE) & (rows["select_on"] == "validation")]
    conditions_shown = []
    for row in rows.to_dict("records"):
        if row["tested"] in known:
            kind, amount = known[row["tested"]]
            conditions_shown.append({"kind": kind, "amount": amount, **row})
        elif row["tested"] == BASE:
            conditions_shown += [{"kind": "share of the way seen", "amount": 1.0, **row}]
            conditions_shown += [{"kind": NOISE, "amount": 0.0, **row}]
    table = pd.DataFrame(conditions_shown, columns=["kind", "amount", *SHOWN])
    # a kind with nothing but its starting point was not asked about
    table = table[table.groupby("kind")["amount"].transform("size") > 1]
    return table.sort_values(["kind", "amount"]).reset_index(drop=True)


def importance(losses: pd.DataFrame) -> pd.DataFrame:
    """Return a row a group of features, the largest loss first.

    It has the accuracy lost, its standard deviation over folds and seeds, and the share of these in which any was lost.
    """
    if losses.empty:
        return pd.DataFrame(columns=["values", "regions", "n_features", "lost", "sd", "stable", "folds"])
    grouped = losses.groupby(["values", "regions", "n_features"], sort=False)["lost"]
    table = grouped.agg(lost="mean", sd="std", stable=lambda lost: (lost > 0).mean(), folds="size").reset_index()
    return table.sort_values("lost", ascending=False, kind="stable").reset_index(drop=True)


def units(scores: pd.DataFrame) -> pd.DataFrame:
    """Return a row a unit of `action_units.Outcome.scores`, the unit that is worth most first.

    It has both sides' agreement and F1, and the accuracy lost without the unit.
    """
    sides = scores.pivot_table(index="unit", columns="side", values=["shown", "icc", "f1"], sort=False, dropna=False)
    sides.columns = [f"{what} {side}" for what, side in sides.columns]
    worth = scores.groupby("unit", sort=False)[["lost", "sd", "stable"]].first()
    table = sides.join(worth).reset_index().sort_values("lost", ascending=False, kind="stable", ignore_index=True)
    counts = [name for name in table if name.startswith("shown")]
    return table.astype(dict.fromkeys(counts, "Int64"))


def studied_network(results: pd.DataFrame) -> str:
    """Return the network that notebook 03b asked its questions of: the first that is no baseline.

    `tables.read` refuses tables without one.
    """
    return results.loc[~results["model"].isin(experiments.COMPARED), "model"].iloc[0]


def matrix(summary: pd.DataFrame) -> pd.DataFrame:
    """Return accuracy with its interval, a row a pair of the dataset trained on and the one tested on."""
    rows = summary[~_composite(summary)]
    return rows[["source", "target", "protocol", "model", *SHOWN]].reset_index(drop=True)


def composites(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the composites, a row a model, datasets and protocol."""
    return summary[_composite(summary)][["source", "target", "protocol", "model", *SHOWN]].reset_index(drop=True)


def _of_people(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows under folds of people, of models tested with the features that they were trained with.

    Those whose epoch was chosen on the test rows are left out.
    """
    honest = (results["protocol"] == "grouped") & (results["select_on"] == "validation")
    return results[honest & (results["variant"] == results["tested"])]


def _composite(summary: pd.DataFrame) -> pd.Series:
    """Return whether several datasets are trained on."""
    return summary["source"].str.contains("+", regex=False)


def _of_notebook_03(out: Path, kind: str, dataset: str) -> pd.DataFrame:
    """Return notebook 03's rows under folds of people; none if its table is missing or damaged, which is printed."""
    if paths.table(out, dataset, kind).is_file():
        try:
            table = tables.read(out, kind, dataset)
            return table[table["protocol"] == "grouped"]
        except StudyError as error:
            print(error)
    return pd.DataFrame({"model": [], "protocol": []})


def _paired(one: pd.DataFrame, other: pd.DataFrame) -> dict:
    try:
        return intervals.paired_test(one, other)
    except ValueError as error:
        return {"note": str(error)}
