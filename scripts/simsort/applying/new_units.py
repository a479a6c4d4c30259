"""Metrics of units that merging and splitting made, from what the analyzer holds: no traces are read."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

from simsort.applying.curated_analyzer import change_analyzer, parts_of
from simsort.curation.choices import Choices
from simsort.postprocessing.component_metrics import NAMES as COMPONENT_METRICS
from simsort.postprocessing.component_metrics import compute_some
from simsort.postprocessing.quality_metrics import OWN_METRICS, add_columns, metric_of, metric_parameters

# What the metrics are computed from. Waveforms are needed for the templates of parts of units only.
NEEDED = ("random_spikes", "noise_levels", "templates", "spike_amplitudes", "spike_locations", "amplitude_scalings",
          "unit_locations", "template_metrics", "quality_metrics")
FOR_COMPONENTS = ("random_spikes", "templates", "principal_components")
TABLES = ("quality_metrics", "template_metrics")
OF_ALL_UNITS = "sync_spike_"  # these count spikes of every unit of the recording


def new_unit_metrics(analyzer_path: Path, choices: Choices, new_ids: list) -> pd.DataFrame:
    """Compute the metrics of units that a curation makes.

    Only the units that share channels with them are looked at, so that the cost does not grow with the probe.

    Parameters
    ----------
    analyzer_path : Path
        The analyzer of the units before.
    choices : Choices
        The curation; its splits name the new units.
    new_ids : list
        The units it makes.

    Returns
    -------
    table : pandas.DataFrame
        A row per new unit. Metrics that need the traces (sd_ratio) are unknown (NaN), as are those not computed before.
    """
    import spikeinterface.full as si

    analyzer = si.load_sorting_analyzer(analyzer_path, load_extensions=False)
    choices = without_unsampled_parts(choices, analyzer)
    near = neighbourhood(analyzer, choices)
    if not near:
        return pd.DataFrame(index=new_ids)
    changed = changed_part(analyzer, NEEDED + (("waveforms",) if choices.splits else ()), near, choices)
    table = pd.DataFrame(index=changed.unit_ids)
    for name in TABLES:
        if name in changed.extensions:
            metrics = changed.get_extension(name).get_data()
            table[list(metrics.columns)] = metrics.to_numpy(dtype="float64", na_value=np.nan)
    if "unit_locations" in changed.extensions:
        locations = changed.get_extension("unit_locations").get_data()
        table["x_um"], table["depth_um"] = locations[:, 0], locations[:, 1]
    table = table.reindex(new_ids)
    if choices.splits and "waveforms" not in changed.extensions:  # the parts then have the templates of the whole unit
        parts = [new for split in choices.splits for new in split["new_unit_ids"]]
        of_templates = {"snr", "x_um", "depth_um", *(changed.get_extension("template_metrics").get_data()
                                                     if "template_metrics" in changed.extensions else ())}
        table.loc[parts, [column for column in table if column in of_templates]] = np.nan
    there = [unit for unit in new_ids if unit in set(changed.unit_ids.tolist())]
    add_own_metrics(table, changed, OWN_METRICS, there)
    analyzer = si.load_sorting_analyzer(analyzer_path, load_extensions=False)
    if analyzer.has_extension("principal_components"):
        add_own_metrics(table, changed_part(analyzer, FOR_COMPONENTS, near, choices), COMPONENT_METRICS, there)
    if any(column.startswith(OF_ALL_UNITS) for column in table):
        everything = si.load_sorting_analyzer(analyzer_path, load_extensions=False)
        for column, values in synchrony_of(change_analyzer(everything, choices), there).items():
            table[column] = [values.get(unit, np.nan) for unit in new_ids]
    return table


def changed_part(analyzer, names, near: list, choices: Choices):
    """Load extensions, take some units and apply a curation to them."""
    for name in names:
        if analyzer.has_extension(name):
            analyzer.get_extension(name)  # loads it; what is loaded goes with the units
    return change_analyzer(analyzer.select_units(near), choices)


def add_own_metrics(table: pd.DataFrame, analyzer, names, unit_ids: list) -> None:
    """Compute metrics that SpikeInterface's merging leaves out or does not know, where the table has their columns."""
    parameters = metric_parameters(analyzer, 0)
    others = [unit for unit in analyzer.unit_ids.tolist() if unit not in unit_ids]
    for name in names:
        metric = metric_of(name)
        if not set(metric.metric_columns) & set(table.columns) or not unit_ids:
            continue
        settings = {**metric.metric_params, **parameters.get(name, {})}
        if name in COMPONENT_METRICS:  # d' of a single unit is unknown to SpikeInterface
            values = compute_some(analyzer, metric, settings, np.array([*unit_ids, *others[:len(unit_ids) == 1]]))
        else:
            values = metric.compute(analyzer, unit_ids=unit_ids, tmp_data={}, job_kwargs={}, metric_params=settings)
        add_columns(table, metric, values)


def without_unsampled_parts(choices: Choices, analyzer) -> Choices:
    """Leave out splits of which a part has none of the spikes that waveforms were kept of: nothing is known of it."""
    if not choices.splits or not analyzer.has_extension("random_spikes"):
        return choices
    sampled = np.zeros(len(analyzer.sorting.to_spike_vector()), dtype=bool)
    sampled[analyzer.get_extension("random_spikes").get_data()] = True
    units = analyzer.sorting.to_spike_vector()["unit_index"]
    splits = []
    for split in choices.splits:
        mine = sampled[units == analyzer.sorting.id_to_index(split["unit_id"])]
        if all(mine[part].any() for part in parts_of(split, analyzer.sorting)):
            splits.append(split)
    return dataclasses.replace(choices, splits=splits)


def neighbourhood(analyzer, choices: Choices) -> list:
    """Return the units that change and those that share channels with them, in their order."""
    changed = [unit for merge in choices.merges for unit in merge["unit_ids"]]
    changed += [split["unit_id"] for split in choices.splits]
    near = np.ones(len(analyzer.unit_ids), dtype=bool)
    if analyzer.sparsity is not None:
        channels = analyzer.sparsity.mask[analyzer.sorting.ids_to_indices(changed)].any(axis=0)
        near = analyzer.sparsity.mask[:, channels].any(axis=1)
    found = [unit for unit in analyzer.unit_ids[near].tolist() if unit not in choices.removed]
    split = {entry["unit_id"] for entry in choices.splits}
    if found and split.issuperset(found):  # SpikeInterface fails where every unit is split: one more, if there is one
        others = [unit for unit in analyzer.unit_ids.tolist() if unit not in split and unit not in choices.removed]
        return [*others[:1], *found] if others else []
    return found


def synchrony_of(analyzer, unit_ids: list) -> dict:
    """Return {column: {unit: value}} of the metrics that look at all units."""
    from spikeinterface.metrics.quality.quality_metrics import ComputeQualityMetrics

    metric = ComputeQualityMetrics.get_metric_by_name("synchrony")
    values = metric.compute(analyzer, unit_ids=unit_ids, metric_params=metric.metric_params, tmp_data={}, job_kwargs={})
    return {column: getattr(values, column) for column in metric.metric_columns}
