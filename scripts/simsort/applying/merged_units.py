"""Metrics of units that merging made, from what the analyzer holds: no traces are read, no other unit is computed."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd

# What the metrics are computed from; waveforms and principal components stay on disk.
NEEDED = ("random_spikes", "noise_levels", "templates", "spike_amplitudes", "spike_locations", "unit_locations",
          "template_metrics", "quality_metrics")
TABLES = ("quality_metrics", "template_metrics")


def merged_metrics(analyzer_path: Path, groups: list[list], new_ids: list) -> pd.DataFrame:
    """Compute the metrics of merged units.

    Parameters
    ----------
    analyzer_path : Path
        The analyzer of the units before merging.
    groups : list of list
        Unit ids that become one.
    new_ids : list
        What each group is called.

    Returns
    -------
    table : pandas.DataFrame
        A row per group. Metrics of principal components and of traces are unknown (NaN), as are those not computed
        before.
    """
    import spikeinterface.full as si

    analyzer = si.load_sorting_analyzer(analyzer_path, load_extensions=False)
    for name in NEEDED:
        if analyzer.has_extension(name):
            analyzer.get_extension(name)  # loads it; merging takes what is loaded
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning)  # each metric that stays unknown would warn
        merged = analyzer.merge_units(groups, new_unit_ids=new_ids, merging_mode="soft", sparsity_overlap=0.0,
                                      format="memory", n_jobs=1, progress_bar=False)
    table = pd.DataFrame(index=merged.unit_ids)
    for name in TABLES:
        if name in merged.extensions:
            metrics = merged.get_extension(name).get_data()
            table[list(metrics.columns)] = metrics.to_numpy(dtype="float64", na_value=np.nan)
    if "unit_locations" in merged.extensions:
        locations = merged.get_extension("unit_locations").get_data()
        table["x_um"], table["depth_um"] = locations[:, 0], locations[:, 1]
    return table.loc[new_ids]
