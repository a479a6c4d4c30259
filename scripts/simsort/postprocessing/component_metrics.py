"""Metrics from principal components: units shared out to worker processes, neighbours gathered one unit at a time."""

import collections.abc
import concurrent.futures
import multiprocessing

import numpy as np

NAMES = ("mahalanobis", "d_prime", "nearest_neighbor", "silhouette")
CHUNKS_PER_WORKER = 4  # units differ in their neighbours, and so in time


def compute_in_parallel(analyzer, metric, parameters: dict, job_kwargs: dict):
    """Compute a metric of all units; the values do not depend on the number of workers.

    Parameters
    ----------
    analyzer : SortingAnalyzer
        On disk, with principal components.
    metric : type
        SpikeInterface's class of one of `NAMES`.
    parameters : dict
        Of the metric.
    job_kwargs : dict
        SpikeInterface's worker settings.

    Returns
    -------
    values
        {unit: value}, or a tuple of these, one for each of the metric's columns.
    """
    n_workers, unit_ids = job_kwargs.get("n_jobs", 1), analyzer.unit_ids
    # d' of a single unit is unknown to SpikeInterface, so that no chunk may be one
    chunks = np.array_split(unit_ids, max(1, min(len(unit_ids) // 2, CHUNKS_PER_WORKER * n_workers)))
    if n_workers == 1 or analyzer.format == "memory" or len(chunks) == 1:
        return compute_some(analyzer, metric, parameters, unit_ids)
    context = multiprocessing.get_context(job_kwargs.get("mp_context"))
    with concurrent.futures.ProcessPoolExecutor(n_workers, context, initialize, (analyzer.folder,)) as pool:
        return joined(list(pool.map(_compute_in_worker, [(metric, parameters, chunk) for chunk in chunks])))


def compute_some(analyzer, metric, parameters: dict, unit_ids):
    """Compute a metric of some units in this process."""
    return metric.compute(analyzer, unit_ids=unit_ids, tmp_data={"pca_data_per_unit": ProjectionsAroundUnits(analyzer)},
                          job_kwargs={}, metric_params=parameters)


def joined(parts: list):
    """Join what chunks of units gave."""
    if isinstance(parts[0], dict):
        return {unit_id: value for part in parts for unit_id, value in part.items()}
    return tuple(map(joined, zip(*parts)))


_analyzer = None  # of a worker


def initialize(folder) -> None:
    """Open the analyzer in a worker, one thread each."""
    import spikeinterface.full as si
    from threadpoolctl import threadpool_limits

    global _analyzer
    threadpool_limits(1)
    _analyzer = si.load_sorting_analyzer(folder, load_extensions=False, read_only=True)


def _compute_in_worker(task):
    values = compute_some(_analyzer, *task)
    # a named tuple whose class lives within a function cannot be sent back
    return values if isinstance(values, dict) else tuple(values)


class ProjectionsAroundUnits(collections.abc.Mapping):
    """Principal components of a unit and its neighbours, made when asked for.

    SpikeInterface makes them for all units at once, which grows with units times channels (gigabytes for 384).

    Parameters
    ----------
    analyzer : SortingAnalyzer
        Sparse, with principal components.
    """

    def __init__(self, analyzer):
        self.analyzer = analyzer
        self.main_channels = analyzer.get_main_channels(outputs="id", with_dict=True)

    def __getitem__(self, unit_id) -> dict:
        channel_ids = self.analyzer.sparsity.unit_id_to_channel_ids[unit_id]
        neighbours = [u for u in self.analyzer.unit_ids if self.main_channels[u] in channel_ids]
        projections, unit_indices = self.analyzer.get_extension("principal_components").get_some_projections(
            channel_ids=channel_ids, unit_ids=neighbours)
        # n_spikes x (n_components * n_channels)
        return {"pcs_flat": projections.reshape(projections.shape[0], -1),
                "labels": self.analyzer.unit_ids[unit_indices], "neighbor_unit_ids": neighbours,
                "neighbor_channel_ids": channel_ids,
                "neighbor_channel_indices": self.analyzer.channel_ids_to_indices(channel_ids)}

    def __iter__(self):
        return iter(self.analyzer.unit_ids)

    def __len__(self):
        return len(self.analyzer.unit_ids)
