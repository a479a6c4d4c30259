"""Bombcell's rules, with the conditions that a unit does not meet.

SpikeInterface's port gives the label; Fabre et al. 2023, Bombcell, zenodo.8172821.
"""

import math
import warnings

import pandas as pd
from spikeinterface.curation.bombcell_curation import bombcell_get_default_thresholds, bombcell_label_units

TITLE = "bombcell"
# Of these the rules count an unknown value as not met (SpikeInterface's own reading of them).
UNKNOWN_FAILS = {"mua": ("sliding_rp_violation",)}


def bombcell_labels(table: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Label units by bombcell's default thresholds.

    Parameters
    ----------
    table : pandas.DataFrame
        A row per unit; metrics that were not computed are left out of the rules.

    Returns
    -------
    labels : list of str
        good, mua, noise or non_soma; empty where none of the metrics was computed.
    reasons : list of list of str
        For noise and mua the conditions that are not met.
    """
    thresholds = bombcell_get_default_thresholds()
    computed = [name for name in table if table[name].notna().any()]
    used = {section: {name: limits for name, limits in rules.items() if name in computed}
            for section, rules in thresholds.items()}
    if not used["noise"] or not used["mua"]:  # without either part every unit would pass
        return [""] * len(table), [[] for _ in range(len(table))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        labels = bombcell_label_units(thresholds=used, external_metrics=table)["bombcell_label"].tolist()
    rows = table.to_dict("records")
    return labels, [unmet(row, used[label], label) if label in used else [] for row, label in zip(rows, labels)]


def unmet(row: dict, rules: dict, section: str) -> list[str]:
    """Name the conditions of a section that a unit does not meet."""
    texts = []
    for name, limits in rules.items():
        value = row[name]
        if not math.isfinite(value):
            if section == "noise" or name in UNKNOWN_FAILS.get(section, ()):
                texts.append(f"{name} unknown")
            continue
        value = abs(value) if limits.get("abs") else value
        low, high = limits["greater"], limits["less"]
        if low is not None and value < low:
            texts.append(f"{name} {value:.3g}, not >= {low:g}")
        if high is not None and value > high:
            texts.append(f"{name} {value:.3g}, not <= {high:g}")
    return texts
