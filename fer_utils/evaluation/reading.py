"""Result tables for readers: percentages with one decimal, each with its interval in one column."""

from __future__ import annotations

import pandas as pd

from fer_utils.evaluation.metrics import FEWEST, MEASURES

NO_INTERVAL = f"[fewer than {FEWEST} people]"


def percent(table: pd.DataFrame) -> pd.DataFrame:
    """Return a copy in which each measure and its interval are one column of text, such as "80.8 [73.7, 87.5]".

    A measure is a column that has `…_low` and `…_high` beside it, or is named in `metrics.MEASURES`, in shares of 1. An
    interval that too few people have is NO_INTERVAL. Differences get their sign and count in points; so does a standard
    deviation over seeds (`…_sd_seeds`), left out if there was one seed. `p` has two digits. Other columns stay as they
    are. What is missing is shown as "".
    """
    shown = {}
    for name in table:
        if f"{name}_low" in table and f"{name}_high" in table:
            sign, unit = ("+", "points") if name == "difference" else ("", "%")
            rows = zip(table[name], table[f"{name}_low"], table[f"{name}_high"], strict=True)
            shown[f"{_title(name)}, {unit} [95 %]"] = [with_interval(*row, sign) for row in rows]
        elif str(name).endswith("_sd_seeds"):
            if table[name].notna().any():  # with one seed there is none
                shown["sd over seeds, points"] = [_known(100 * value, ".1f") for value in table[name]]
        elif name in MEASURES:
            shown[f"{_title(name)}, %"] = [_known(100 * value, ".1f") for value in table[name]]
        elif name == "p":
            shown["p"] = [_known(value, ".2g") for value in table[name]]
        elif not (str(name).endswith(("_low", "_high")) and str(name).rpartition("_")[0] in table):
            shown[name] = table[name].to_numpy()
    return pd.DataFrame(shown, index=table.index)


def _title(name: str) -> str:
    return "macro-F1" if name == "macro_f1" else name.replace("_", " ")


def with_interval(value: float, low: float, high: float, sign: str = "") -> str:
    """Return a share and its interval in %, such as "80.8 [73.7, 87.5]"; empty if the share is not known."""
    if pd.isna(value):
        return ""
    ends = NO_INTERVAL if pd.isna(low) else f"[{100 * low:{sign}.1f}, {100 * high:{sign}.1f}]"
    return f"{100 * value:{sign}.1f} {ends}"


def _known(value: float, form: str) -> str:
    return "" if pd.isna(value) else f"{value:{form}}"
