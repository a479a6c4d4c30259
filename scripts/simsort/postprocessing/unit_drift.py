"""Maximum and cumulative drift of a unit, as the Allen Institute's ecephys pipeline reports them.

The depth of a unit is the median position of its spikes along the probe in bins of time. Maximum drift is its largest
minus its smallest value, cumulative drift the sum of its absolute steps (Siegle et al. 2021, Nature 592:86, and
AllenInstitute/ecephys_spike_sorting, quality_metrics). SpikeInterface's `drift_ptp` is the first of these too, but wants
100 spikes in bins of 60 s; here short recordings have shorter bins.
"""

from collections import namedtuple

import numpy as np
from spikeinterface.core.analyzer_extension_core import BaseMetric

MIN_SPIKES_PER_BIN = 10
Drifts = namedtuple("Drifts", ("maximum_drift", "cumulative_drift"))


def unit_drift(sorting_analyzer, unit_ids, bin_duration_s: float = 60.0, direction: str = "y") -> Drifts:
    """Measure how far units move along the probe.

    Parameters
    ----------
    sorting_analyzer : SortingAnalyzer
        With `spike_locations`.
    unit_ids : sequence
        Units to measure.
    bin_duration_s : float, default: 60.0
        Length of a bin in seconds; bins with fewer than `MIN_SPIKES_PER_BIN` spikes of the unit are left out.
    direction : "x" | "y", default: "y"
        Direction of the movement.

    Returns
    -------
    Drifts
        `maximum_drift` and `cumulative_drift`, {unit: um}; NaN where fewer than two bins have enough spikes.
    """
    spikes = sorting_analyzer.sorting.to_spike_vector()
    depths_um = sorting_analyzer.get_extension("spike_locations").get_data()[direction]
    fs = sorting_analyzer.sampling_frequency
    # bins never reach over the end of a segment
    per_segment = [int(np.ceil(sorting_analyzer.get_num_samples(i) / fs / bin_duration_s))
                   for i in range(sorting_analyzer.get_num_segments())]
    first_bin = np.concatenate([[0], np.cumsum(per_segment)])
    bins = first_bin[spikes["segment_index"]] + (spikes["sample_index"] / fs // bin_duration_s).astype("int64")
    order = np.lexsort((bins, spikes["unit_index"]))
    ends = np.searchsorted(spikes["unit_index"][order], np.arange(len(sorting_analyzer.unit_ids) + 1))
    maximum, cumulative = {}, {}
    for unit_id in unit_ids:
        index = sorting_analyzer.sorting.id_to_index(unit_id)
        mine = order[ends[index]:ends[index + 1]]
        medians_um = binned_medians(bins[mine], depths_um[mine])
        known = medians_um.size >= 2
        maximum[unit_id] = float(np.ptp(medians_um)) if known else np.nan
        cumulative[unit_id] = float(np.abs(np.diff(medians_um)).sum()) if known else np.nan
    return Drifts(maximum, cumulative)


def binned_medians(bins: np.ndarray, depths_um: np.ndarray) -> np.ndarray:
    """Return the median depth of each bin that has enough spikes; `bins` ascends."""
    edges = np.flatnonzero(np.diff(bins, prepend=-1)) if bins.size else np.zeros(0, dtype=int)
    groups = np.split(depths_um, edges[1:]) if bins.size else []
    medians = [np.median(group[np.isfinite(group)]) for group in groups
               if np.isfinite(group).sum() >= MIN_SPIKES_PER_BIN]
    return np.array(medians)


class UnitDrift(BaseMetric):
    """`unit_drift` in SpikeInterface's form."""

    metric_name = "unit_drift"
    metric_function = unit_drift
    metric_params = {"bin_duration_s": 60.0, "direction": "y"}
    metric_columns = {"maximum_drift": float, "cumulative_drift": float}
    metric_descriptions = {
        "maximum_drift": "Largest minus smallest median depth of the unit's spikes over bins of time, in um.",
        "cumulative_drift": "Sum of the absolute steps of the median depth of the unit's spikes from bin to bin, in um."}
    depend_on = ["spike_locations"]
