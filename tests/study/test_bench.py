"""The ledger, on a few frames of a small clip: which rows there are, and that their numbers belong together."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fer_utils.models import classifiers, networks
from fer_utils.study import bench

CLIP = str(Path(__file__).parents[1] / "files" / "face_mesh" / "infrared.mp4")


CLASSIFIERS = [f"{network} {kind}" for network, kinds in bench.EXPORTED.items() for kind in ("TensorFlow", *kinds)]


PAPER_NETWORK = networks.paper_network


def narrow_paper_network(steps, features, classes, plain=False):
    """All of the paper's layers, the widest a sixty-fourth: those of 50 million weights take a minute to convert."""
    network = PAPER_NETWORK(steps, features // 64, classes, plain)
    front = [networks.keras.Input((steps, features, 1)), networks.layers.Lambda(lambda x: x[:, :, : features // 64])]
    return networks.keras.Sequential([*front, network])


@pytest.fixture(scope="module")
def ledger():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(classifiers.NETWORKS, "paper", classifiers.Recipe(narrow_paper_network, 1e-4, patience=5))
        patch.setattr(networks, "paper_network", narrow_paper_network)
        return bench.run(frames=6, jobs=1, clips=[CLIP]).set_index("stage")


@pytest.mark.long  # the toy study makes a ledger too
def test_every_stage_has_its_row(ledger):
    detectors = ("face_mesh", "face_landmarker")
    assert set(ledger.index) == {
        *("decode", "features: Recognizer", "drawing", *bench.TRAINING),
        *(f"classifier: {name}" for name in CLASSIFIERS),
        *(
            "limit: bare FaceMesh network, one thread",
            "limit: MediaPipe alone",
            "instead: fer (PyPI)",
            "instead: py-feat",
        ),
        *(f"landmarks: {name}" for name in detectors),
        *(f"whole stream, {name}, compact int8" for name in detectors),
        *(f"whole streams, {name}, compact int8, 1 process" for name in detectors),
    }


@pytest.mark.long
def test_numbers_belong_together(ledger):
    timed = ledger.dropna(subset=["p50_ms", "frames_per_s"])
    assert (timed["frames"] == 6).all() and (timed["p50_ms"] <= timed["p95_ms"]).all()
    limit = ledger.loc["limit: bare FaceMesh network, one thread", "frames_per_s"]
    assert ledger.loc["landmarks: face_mesh", "ratio"] == pytest.approx(
        ledger.loc["landmarks: face_mesh", "frames_per_s"] / limit
    )
    assert np.isnan(ledger.loc["decode", "ratio"])


def test_the_rate_is_that_of_all_frames():
    row = bench._row("decode", [0.001, 0.001, 0.004])
    assert row["p50_ms"] == pytest.approx(1) and row["frames_per_s"] == pytest.approx(3 / 0.006)


def test_a_stream_is_of_one_size():
    larger = CLIP.replace("infrared", "moving")
    assert [next(bench._frames([clip])).shape for clip in (CLIP, larger)] == [(240, 320, 3), (576, 720, 3)]
    assert bench._of_one_size([larger, CLIP, CLIP]) == [CLIP, CLIP]


def test_what_is_not_installed_is_said(ledger, monkeypatch):
    monkeypatch.setattr(bench.importlib.util, "find_spec", lambda name: None)
    assert [row["note"] for row in bench._alternatives([CLIP])] == ["not installed"] * 2


def test_what_does_not_run_is_said(monkeypatch):
    def broken():
        raise OSError("weights cannot be downloaded\nand more")

    monkeypatch.setattr(bench.importlib.util, "find_spec", lambda name: (name == "fer") or None)
    monkeypatch.setattr(bench, "_fer", broken)
    assert [row["note"] for row in bench._alternatives([CLIP])] == [
        "does not run: weights cannot be downloaded",
        "not installed",
    ]


@pytest.mark.parametrize("threads, wanted", [(2, 1.9), (1, 1.3)])
def test_aims_are_ratios(monkeypatch, threads, wanted):
    monkeypatch.setattr(bench, "threads", lambda: threads)
    stages = {
        "whole stream, face_mesh, compact int8": 200.0,
        "whole stream, face_landmarker, compact int8": 180.0,
        "limit: bare FaceMesh network, one thread": 400.0,
        "limit: MediaPipe alone": 90.0,
        "features: Recognizer": 2000.0,
        bench.TRAINING[0]: 2.0,  # Keras takes 500 ms
        bench.TRAINING[1]: 5.0,
    }
    table = pd.DataFrame({"stage": stages.keys(), "frames_per_s": stages.values()})
    aims = bench.aims(table.assign(p50_ms=1000 / table["frames_per_s"]))
    assert aims["found"].tolist() == pytest.approx([0.5, 2, 180, 2.5, 2])
    assert aims["wanted"].tolist() == [0.7, wanted, 165, 2, 1]
    assert aims["outcome"].tolist() == ["missed"] + ["met"] * 4


def test_the_header_names_the_machine():
    header = bench.header()
    assert header["cores"] >= 1 and header["cpu"] and header["mediapipe"].startswith("1.")


def test_the_csv_holds_machine_and_versions(tmp_path):
    table = pd.DataFrame({"stage": ["decode"], "frames_per_s": [100.0]})
    assert {"cpu", "cores", "commit", "stage"} <= set(pd.read_csv(bench.write(table, tmp_path)).columns)
