"""One table of all units: metrics, place, and the rule's verdict."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import spikeinterface.full as si

from simsort.curation.labels import BRIEF, Verdict, judge
from simsort.curation.rule import Condition


def load_units(sorting_folder: Path, analyzer_path: Path | None) -> tuple[si.BaseSorting, pd.DataFrame]:
    """Load the units to label and what is known of them.

    Parameters
    ----------
    sorting_folder : Path
        The sorter's output, used where there is no analyzer.
    analyzer_path : Path | None
        The sorting analyzer, its sorting free of duplicates.

    Returns
    -------
    sorting : NumpySorting
        The units.
    table : pandas.DataFrame
        A row per unit, a column per metric; only `num_spikes` without an analyzer.
    """
    if analyzer_path is None:
        sorting = si.NumpySorting.from_sorting(si.load(sorting_folder), with_metadata=True)
        counts = sorting.count_num_spikes_per_unit(outputs="array") if sorting.get_num_units() else []
        return sorting, pd.DataFrame({"num_spikes": np.asarray(counts, dtype="int64")}, index=sorting.unit_ids)
    analyzer = si.load_sorting_analyzer(analyzer_path, load_extensions=False)  # waveforms stay on disk
    table = pd.DataFrame(index=analyzer.unit_ids)
    for name in ("quality_metrics", "template_metrics"):
        if analyzer.has_extension(name):
            metrics = analyzer.get_extension(name).get_data()
            table[list(metrics.columns)] = metrics.to_numpy(dtype="float64")
    if "num_spikes" not in table:
        table["num_spikes"] = analyzer.sorting.count_num_spikes_per_unit(outputs="array")
    if analyzer.has_extension("unit_locations"):
        locations = analyzer.get_extension("unit_locations").get_data()
        table["x_um"], table["depth_um"] = locations[:, 0], locations[:, 1]
    counts = ("num_spikes", "num_positive_peaks", "num_negative_peaks", "rp_violations", "isi_violations_count")
    whole = [column for column in counts if column in table and table[column].notna().all()]
    return analyzer.sorting, table.astype({column: "int64" for column in whole})


def judge_units(table: pd.DataFrame, conditions: tuple[Condition, ...]) -> list[Verdict]:
    """Apply the rule to every row."""
    return [judge(conditions, row) for row in table.to_dict("records")]


def set_properties(sorting: si.BaseSorting, table: pd.DataFrame, verdicts: list[Verdict],
                   kinds: pd.DataFrame | None = None) -> None:
    """Put verdicts, kinds of cells and metrics on the sorting as properties, in place of the sorter's of these names."""
    properties = {
        "default_qc": np.array([v.default_qc for v in verdicts], dtype=bool),
        "quality": np.array(["good" if v.default_qc else "" for v in verdicts], dtype=str),  # a person's, from here on
        "default_qc_label": np.array([v.label for v in verdicts], dtype=str),
        "default_qc_reasons": np.array(["; ".join(v.reasons) for v in verdicts], dtype=str),
        "default_qc_unknown": np.array([", ".join(v.unknown) for v in verdicts], dtype=str),
        **{column: table[column].to_numpy() for column in table},
    }
    if kinds is not None:
        properties |= {"cell_type": kinds["cell_type"].to_numpy(dtype=str),
                       "cell_type_probability": kinds["cell_type_probability"].to_numpy()}
    for key, values in properties.items():
        if key in sorting.get_property_keys():
            sorting.delete_property(key)
        sorting.set_property(key, values)


def write_units_csv(path: Path, table: pd.DataFrame, verdicts: list[Verdict], kinds: pd.DataFrame | None = None,
                    sources: list[dict] = (), by_hand: dict | None = None) -> None:
    """Write the table as CSV: verdict, labels by hand, automatic labels, metrics, kinds of cells; empty: unknown."""
    out = table.copy() if kinds is None else table.join(kinds)
    columns = {"default_qc": [v.default_qc for v in verdicts], "default_qc_label": [v.label for v in verdicts],
               "reasons": ["; ".join(v.reasons) for v in verdicts], "unknown": [", ".join(v.unknown) for v in verdicts]}
    columns |= by_hand or {}
    for one in sources:
        columns |= {f"{one['name']}_label": one["labels"], f"{one['name']}_probability": one["probabilities"],
                    f"{one['name']}_reasons": ["; ".join(texts) for texts in one["reasons"]]}
    for position, (name, values) in enumerate(columns.items()):
        out.insert(position, name, values)
    out.to_csv(path, index_label="unit_id")


def brief_units(table: pd.DataFrame, verdicts: list[Verdict], kinds: pd.DataFrame | None = None,
                sources: list[dict] = ()) -> list[dict]:
    """Return the few facts of each unit that the summary pages show; None is unknown, also for `default_qc`."""
    units = []
    model = next((one for one in sources if one["name"] == "model"), None)
    for place, (unit_id, row, verdict) in enumerate(zip(table.index.tolist(), table.to_dict("records"), verdicts,
                                                        strict=True)):
        facts = {key: finite(row.get(key)) for key in BRIEF}
        default_qc = None if verdict.label == "unknown" else verdict.default_qc
        units.append({"unit_id": unit_id, "default_qc": default_qc, "label": verdict.label,
                      "reasons": list(verdict.reasons), "unknown": list(verdict.unknown), **facts,
                      "amplitude": finite(row.get("amplitude_median")),
                      "quality": "good" if default_qc else "",
                      "model": [model["labels"][place], model["probabilities"][place]] if model else None})
        if kinds is not None:
            units[-1] |= {"cell_type": kinds.at[unit_id, "cell_type"],
                          "cell_type_probability": finite(kinds.at[unit_id, "cell_type_probability"])}
    return units


def finite(value):
    """Return a number for JSON: None where it is missing, NaN or infinite."""
    return value if value is not None and math.isfinite(value) else None
