"""Pairs of units that might be one neuron, and what is known of each pair."""

import numpy as np
import pandas as pd

LEAST_SIMILARITY = 0.5
FARTHEST_UM = 100.0
REFRACTORY_MS = 2.0
FAR_MS = 10.0
LEAST_COUNTS = 5.0  # expected coincidences within the refractory period; below, nothing can be said of it
LEAST_IN_CORRELOGRAM = 100
N_STRETCHES = 20
FEATURES = ("similarity", "distance_um", "amplitude_ratio", "refractory_share", "correlogram_difference",
            "shared_time")
NEEDED = ("template_similarity", "unit_locations", "correlograms", "spike_amplitudes")


def pair_table(analyzer) -> pd.DataFrame:
    """Describe the pairs of units that are close and alike.

    Parameters
    ----------
    analyzer : SortingAnalyzer
        With the extensions of `NEEDED`.

    Returns
    -------
    pairs : pandas.DataFrame
        `first` and `second` (unit ids) and the columns of `FEATURES`:
        similarity of the templates (1: the same); distance of the places in um; smaller over larger median amplitude;
        coincidences within 2 ms over those expected from 10 to 25 ms (0: refractory like one neuron, 1: independent; NaN
        if too few are expected); half the sum of absolute differences between cross-correlogram and mean
        autocorrelogram, each of sum 1 (0: the same; NaN for few counts); share of the time in which both fire (0: one
        falls silent when the other begins).
    """
    similarity = np.asarray(analyzer.get_extension("template_similarity").get_data())
    places_um = np.asarray(analyzer.get_extension("unit_locations").get_data())[:, :2]
    distance_um = np.linalg.norm(places_um[:, None] - places_um[None], axis=2)
    first, second = np.nonzero(np.triu((similarity >= LEAST_SIMILARITY) & (distance_um <= FARTHEST_UM), k=1))
    counts, edges_ms = analyzer.get_extension("correlograms").get_data()
    counts, centers_ms = np.asarray(counts, dtype="float64"), np.abs((edges_ms[:-1] + edges_ms[1:]) / 2)
    amplitudes, rates = median_amplitudes(analyzer), rates_over_time(analyzer)
    ids = analyzer.unit_ids
    low, high = np.minimum(amplitudes[first], amplitudes[second]), np.maximum(amplitudes[first], amplitudes[second])
    return pd.DataFrame({
        "first": ids[first], "second": ids[second], "similarity": similarity[first, second],
        "distance_um": distance_um[first, second], "amplitude_ratio": low / np.maximum(high, 1e-9),
        "refractory_share": refractory_share(counts[first, second], centers_ms),
        "correlogram_difference": correlogram_difference(counts, first, second),
        "shared_time": np.minimum(rates[first], rates[second]).sum(axis=1)})


def median_amplitudes(analyzer) -> np.ndarray:
    """Return the median absolute amplitude of each unit."""
    amplitudes = np.abs(np.asarray(analyzer.get_extension("spike_amplitudes").get_data()))
    units = analyzer.sorting.to_spike_vector()["unit_index"]
    return pd.Series(amplitudes).groupby(units).median().reindex(range(len(analyzer.unit_ids))).to_numpy()


def rates_over_time(analyzer) -> np.ndarray:
    """Return each unit's share of spikes in stretches of the recording, shape (n_units, n_stretches), rows of sum 1."""
    spikes = analyzer.sorting.to_spike_vector()
    starts = np.cumsum([0, *(analyzer.get_num_samples(i) for i in range(analyzer.get_num_segments()))])
    at = (spikes["sample_index"] + starts[spikes["segment_index"]]) / starts[-1]
    stretch = np.clip((at * N_STRETCHES).astype("int64"), 0, N_STRETCHES - 1)
    counts = np.bincount(spikes["unit_index"] * N_STRETCHES + stretch, minlength=len(analyzer.unit_ids) * N_STRETCHES)
    counts = counts.reshape(-1, N_STRETCHES).astype("float64")
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def refractory_share(counts: np.ndarray, centers_ms: np.ndarray) -> np.ndarray:
    """Return coincidences within the refractory period over those expected from longer intervals."""
    near, far = centers_ms < REFRACTORY_MS, centers_ms > FAR_MS
    expected = counts[:, far].mean(axis=1) * near.sum()
    share = counts[:, near].sum(axis=1) / np.maximum(expected, 1e-9)
    return np.where(expected >= LEAST_COUNTS, np.minimum(share, 3.0), np.nan)


def correlogram_difference(counts: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return how far each pair's cross-correlogram is from the mean of its autocorrelograms."""
    cross, autos = counts[first, second], (counts[first, first] + counts[second, second]) / 2
    totals = np.minimum(cross.sum(axis=1), autos.sum(axis=1))
    shapes = [smooth(c) / np.maximum(c.sum(axis=1, keepdims=True), 1) for c in (cross, autos)]
    return np.where(totals >= LEAST_IN_CORRELOGRAM, 0.5 * np.abs(shapes[0] - shapes[1]).sum(axis=1), np.nan)


def smooth(counts: np.ndarray) -> np.ndarray:
    """Average each bin with its neighbours."""
    padded = np.pad(counts, ((0, 0), (1, 1)), mode="edge")
    return (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]) / 3
