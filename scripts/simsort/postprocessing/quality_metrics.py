"""Quality metrics, each on its own, so that one that cannot be computed costs none of the others."""

import logging
import time
import warnings

import numpy as np
import pandas as pd
from spikeinterface.metrics.quality.quality_metrics import ComputeQualityMetrics

from simsort.config.stages import METRICS
from simsort.errors import one_line
from simsort.postprocessing.component_metrics import NAMES as COMPONENT_METRICS
from simsort.postprocessing.component_metrics import compute_in_parallel
from simsort.postprocessing.unit_drift import UnitDrift

logger = logging.getLogger(__name__)

OWN_METRICS = {UnitDrift.metric_name: UnitDrift}
MAX_PRESENCE_BIN_S = 60.0
MIN_SPIKES_PER_BIN = 3.0  # a steady Poisson unit leaves exp(-3) = 5 % of such bins empty


def compute_quality_metrics(analyzer, settings: dict, job_kwargs: dict, *, on_metric=None) -> tuple[dict, dict]:
    """Compute every quality metric and store them as the analyzer's `quality_metrics` extension.

    Parameters
    ----------
    analyzer : SortingAnalyzer
        With the other extensions computed.
    settings : dict
        Settings of the postprocessing stage.
    job_kwargs : dict
        SpikeInterface's worker settings.
    on_metric : callable | None, default: None
        Told `on_metric(name, seconds)` after each metric.

    Returns
    -------
    left_out : dict
        Why a metric was not computed.
    failed : dict
        Message of each metric whose computation raised; its values are missing.
    """
    left_out = metrics_left_out(analyzer, settings["skip_metrics"])
    names = [name for name in METRICS if name not in left_out]
    parameters = metric_parameters(analyzer, settings["seed"])
    table, failed = pd.DataFrame(index=analyzer.unit_ids), {}
    for name in names:
        metric, start = metric_of(name), time.perf_counter()
        try:
            values = compute(analyzer, metric, {**metric.metric_params, **parameters.get(name, {})}, job_kwargs)
        except Exception as error:  # reported in the record: the other metrics are worth keeping
            logger.exception("metric %s", name)
            failed[name] = one_line(error)
            values = None
        add_columns(table, metric, values)
        if on_metric is not None:
            on_metric(name, time.perf_counter() - start)
    if "presence_ratio" in table:
        forget_sparse_presence(table, analyzer, parameters["presence_ratio"]["bin_duration_s"])
    store_metrics(analyzer, table, names, parameters)
    return left_out, failed


def compute(analyzer, metric, parameters: dict, job_kwargs: dict):
    """Compute one metric of all units; return it as SpikeInterface does."""
    if metric.metric_name in COMPONENT_METRICS:
        return compute_in_parallel(analyzer, metric, parameters, job_kwargs)
    return metric.compute(analyzer, unit_ids=analyzer.unit_ids, tmp_data={}, job_kwargs=job_kwargs,
                          metric_params=parameters)


def metric_of(name: str):
    """Return the metric of a name: SpikeInterface's class, or our own."""
    return OWN_METRICS.get(name) or ComputeQualityMetrics.get_metric_by_name(name)


def metrics_left_out(analyzer, skip) -> dict[str, str]:
    """Tell which metrics are not computed and why: left out by the user, or an extension they need is missing."""
    left_out = {}
    for name in METRICS:
        needs = metric_of(name).depend_on
        missing = [need for need in needs if not any(analyzer.has_extension(e) for e in need.split("|"))]
        if name in skip:
            left_out[name] = "left out by --postprocessing.skip-metrics"
        elif missing:
            left_out[name] = f"needs {missing[0].replace('|', ' or ')}, which was not computed"
    return left_out


def presence_bin_s(duration_s: float) -> float:
    """Return the bin of the presence ratio: the smaller of 60 s and a tenth of the recording."""
    return min(MAX_PRESENCE_BIN_S, duration_s / 10)


def metric_parameters(analyzer, seed: int) -> dict[str, dict]:
    """Return the parameters that differ from SpikeInterface's defaults."""
    return {
        "presence_ratio": dict(bin_duration_s=presence_bin_s(analyzer.get_total_duration())),
        "isi_violation": dict(isi_threshold_ms=1.5),
        "rp_violation": dict(refractory_period_ms=1.0),
        "unit_drift": dict(bin_duration_s=presence_bin_s(analyzer.get_total_duration())),
        # passed on to the noise estimate, which samples the recording
        "sd_ratio": dict(random_slices_kwargs=dict(seed=seed)),
    }


def add_columns(table: pd.DataFrame, metric, values) -> None:
    """Add a metric's columns to the table; missing values are NaN and whole numbers stay whole without any."""
    for position, (column, kind) in enumerate(metric.metric_columns.items()):
        if values is None:
            per_unit = {}
        else:
            per_unit = values if isinstance(values, dict) else getattr(values, column, values[position])
        data = pd.Series([per_unit.get(unit_id, np.nan) for unit_id in table.index], index=table.index, dtype="float64")
        data = data.where(np.isfinite(data))
        table[column] = data.astype("int64") if kind is int and data.notna().all() else data


def forget_sparse_presence(table: pd.DataFrame, analyzer, bin_s: float) -> None:
    """Set the presence ratio to unknown where a short recording's bins are too few in spikes to tell.

    With bins below 60 s, a unit of low but steady rate would leave bins empty by chance alone and look absent.
    """
    if bin_s >= MAX_PRESENCE_BIN_S:
        return
    counts = analyzer.sorting.count_num_spikes_per_unit(outputs="array")
    table.loc[counts * bin_s / analyzer.get_total_duration() < MIN_SPIKES_PER_BIN, "presence_ratio"] = np.nan


def store_metrics(analyzer, table: pd.DataFrame, names: list[str], parameters: dict) -> None:
    """Store the table as SpikeInterface's own extension, so that every reader finds it in its place."""
    extension = ComputeQualityMetrics(analyzer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on metrics without their extension, named in the record already
        extension.set_params(save=False, metric_names=[name for name in names if name not in OWN_METRICS],
                             metric_params={k: v for k, v in parameters.items() if k not in OWN_METRICS},
                             delete_existing_metrics=True)
    extension.data["metrics"] = table
    extension.run_info["run_completed"] = True
    extension.run_info["runtime_s"] = 0.0
    extension.save()
    analyzer.extensions["quality_metrics"] = extension


def unknown_metrics(analyzer, left_out: dict, failed: dict) -> dict[str, dict]:
    """Name every metric that is missing for some units.

    Returns
    -------
    unknown : dict
        {column: {"unit_ids": [...], "reason": str}}.
    """
    table = analyzer.get_extension("quality_metrics").get_data()
    unknown = {}
    for name in METRICS:
        metric = metric_of(name)
        for column in metric.metric_columns:
            if name in left_out:
                unknown[column] = {"unit_ids": analyzer.unit_ids.tolist(), "reason": left_out[name]}
            elif table[column].isna().any():
                reason = f"failed: {failed[name]}" if name in failed else why_missing(name, analyzer)
                unknown[column] = {"unit_ids": table.index[table[column].isna()].tolist(), "reason": reason}
    return unknown


def why_missing(name: str, analyzer) -> str:
    """Tell why SpikeInterface leaves a metric empty."""
    reasons = {
        "presence_ratio": "too few spikes for bins of "
                          f"{presence_bin_s(analyzer.get_total_duration()):.3g} s (a tenth of the recording)",
        "amplitude_cutoff": "fewer than 500 spikes",
        "amplitude_cv": "fewer than 10 bins of 50 spikes",
        "noise_cutoff": "too few spikes of low amplitude",
        "firing_range": "recording shorter than its 5 s bins",
        "unit_drift": "fewer than two bins with 10 spikes",
        "drift": "fewer than two intervals of 60 s with 100 spikes",
        "sd_ratio": "noise estimate below the unit's own share",
    }
    return reasons.get(name, "too few spikes, or no other unit nearby")
