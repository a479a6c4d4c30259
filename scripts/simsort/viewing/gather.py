"""From a sorting analyzer to the data of a curation page, decimated so that large sessions stay small."""

import math

import numpy as np

from simsort.curation.choices import fingerprint
from simsort.viewing.pack import Pack

MAX_AMPLITUDES = 1000  # dots per unit
MAX_CHANNELS = 12  # per template
MAX_SAMPLES = 90  # per waveform
MAX_PAIRS = 12_000  # cross-correlograms, those of the closest units
LEAST_SIMILARITY = 0.3
N_RATE_BINS = 120


def gather_pack(analyzer, names: dict, metrics, verdicts: dict) -> Pack:
    """Gather everything a curation page shows.

    Parameters
    ----------
    analyzer : SortingAnalyzer
        With units; any extension may be missing.
    names : dict
        `recording`, `session`, `rule`.
    metrics : pandas.DataFrame
        One row per unit.
    verdicts : dict
        {unit id: (label, list of reasons)} of the quality rule.

    Returns
    -------
    pack : Pack
        Its size does not grow with the duration of the recording.
    """
    sorting = analyzer.sorting
    spikes = sorting.to_spike_vector()
    counts = np.bincount(spikes["unit_index"], minlength=len(analyzer.unit_ids))
    durations = [analyzer.get_num_samples(i) / analyzer.sampling_frequency for i in range(analyzer.get_num_segments())]
    times_s = spikes["sample_index"] / analyzer.sampling_frequency + np.cumsum([0, *durations])[spikes["segment_index"]]
    unit_ids = analyzer.unit_ids.tolist()
    facts = {
        **names, "sorting": fingerprint(unit_ids, counts), "unit_ids": unit_ids,
        "n_spikes": counts.tolist(), "durations_s": durations, "sampling_frequency_hz": analyzer.sampling_frequency,
        "columns": list(metrics.columns), "metrics": [[plain(v) for v in metrics[c]] for c in metrics],
        "verdicts": [list(verdicts.get(unit_id, ("unknown", []))) for unit_id in unit_ids],
        "unit": "uV" if analyzer.return_in_uV else "ADC steps",
    }
    arrays = {"rates": rate_counts(spikes["unit_index"], times_s, sum(durations), len(unit_ids))}
    for gather in (gather_places, gather_templates, gather_correlograms, gather_intervals, gather_similarity):
        gather(analyzer, facts, arrays)
    gather_amplitudes(analyzer, facts, arrays, spikes["unit_index"], times_s, counts)
    return Pack(facts, arrays)


def plain(value):
    """Return a number for JSON with six digits; None where it is unknown."""
    value = float(value)
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else float(f"{value:.6g}")


def rate_counts(unit_index, times_s, duration_s: float, n_units: int) -> np.ndarray:
    """Count spikes per unit and stretch of time, shape (n_units, N_RATE_BINS)."""
    bins = np.minimum((times_s / duration_s * N_RATE_BINS).astype("int64"), N_RATE_BINS - 1)
    counts = np.bincount(unit_index * N_RATE_BINS + bins, minlength=n_units * N_RATE_BINS)
    return counts.reshape(n_units, N_RATE_BINS).astype("uint32")


def data_of(analyzer, name: str):
    """Return an extension's data, or None if it was not computed."""
    return analyzer.get_extension(name).get_data() if analyzer.has_extension(name) else None


def gather_places(analyzer, facts: dict, arrays: dict) -> None:
    """Add where contacts and units lie, in um."""
    arrays["contacts_um"] = analyzer.get_channel_locations()[:, :2].astype("float32")
    facts["channel_ids"] = [str(channel) for channel in analyzer.channel_ids]
    places = data_of(analyzer, "unit_locations")
    if places is not None:
        arrays["places_um"] = np.nan_to_num(np.asarray(places)[:, :2]).astype("float32")


def gather_templates(analyzer, facts: dict, arrays: dict) -> None:
    """Add each unit's mean waveform on the channels where it is largest, as 16 bit counts with a scale."""
    if not analyzer.has_extension("templates"):
        return
    extension = analyzer.get_extension("templates")
    templates = extension.get_templates(operator="average")  # n_units x n_samples x n_channels
    step = -(-templates.shape[1] // MAX_SAMPLES)
    channels = np.argsort(-np.ptp(templates, axis=1), axis=1, kind="stable")[:, :MAX_CHANNELS]
    shown = np.take_along_axis(templates[:, ::step], channels[:, None, :], axis=2)
    scales = np.maximum(np.abs(shown).max(axis=(1, 2)), 1e-9) / 32000
    arrays["templates"] = np.round(shown / scales[:, None, None]).astype("int16")
    arrays["template_scales"] = scales.astype("float32")
    arrays["template_channels"] = channels.astype("uint16")
    facts["template_ms"] = [-extension.params["ms_before"], extension.params["ms_after"]]


def gather_correlograms(analyzer, facts: dict, arrays: dict) -> None:
    """Add every autocorrelogram, and the cross-correlograms of the closest pairs of units."""
    data = data_of(analyzer, "correlograms")
    if data is None:
        return
    counts, edges_ms = np.asarray(data[0]), np.asarray(data[1])
    n_units = len(counts)
    facts["correlogram_ms"] = [float(edges_ms[0]), float(edges_ms[-1])]
    arrays["autocorrelograms"] = counts[np.arange(n_units), np.arange(n_units)].astype("uint32")
    first, second = close_pairs(n_units, arrays.get("places_um"))
    pairs = counts[first, second]
    largest = np.maximum(pairs.max(axis=1, initial=0), 1)
    arrays["pairs"] = np.column_stack([first, second]).astype("uint16")
    arrays["pair_counts"] = np.round(pairs / largest[:, None] * 255).astype("uint8")
    arrays["pair_largest"] = largest.astype("uint32")
    facts["n_pairs_left_out"] = n_units * (n_units - 1) // 2 - len(first)


def close_pairs(n_units: int, places_um) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of units (lower index first) closest to one another, at most MAX_PAIRS."""
    first, second = np.triu_indices(n_units, k=1)
    if places_um is not None and len(first) > MAX_PAIRS:
        distances = np.linalg.norm(places_um[first] - places_um[second], axis=1)
        keep = np.sort(np.argsort(distances, kind="stable")[:MAX_PAIRS])
        return first[keep], second[keep]
    return first[:MAX_PAIRS], second[:MAX_PAIRS]


def gather_intervals(analyzer, facts: dict, arrays: dict) -> None:
    """Add the histograms of intervals between spikes."""
    data = data_of(analyzer, "isi_histograms")
    if data is not None:
        arrays["intervals"] = np.asarray(data[0]).astype("uint32")
        facts["intervals_ms"] = [float(data[1][0]), float(data[1][-1])]


def gather_similarity(analyzer, facts: dict, arrays: dict) -> None:
    """Add the pairs of units with similar templates."""
    data = data_of(analyzer, "template_similarity")
    if data is not None:
        similarity = np.asarray(data)
        first, second = np.nonzero(np.triu(similarity, k=1) >= LEAST_SIMILARITY)
        arrays["similar"] = np.column_stack([first, second]).astype("uint16")
        arrays["similarity"] = np.round(np.clip(similarity[first, second], 0, 1) * 255).astype("uint8")


def gather_amplitudes(analyzer, facts: dict, arrays: dict, unit_index, times_s, counts) -> None:
    """Add at most MAX_AMPLITUDES spikes per unit, evenly chosen: time as a 16 bit share of the duration, amplitude."""
    data = data_of(analyzer, "spike_amplitudes")
    if data is None:
        return
    order = np.argsort(unit_index, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)])
    chosen = [order[a:b][even(b - a)] for a, b in zip(starts[:-1], starts[1:])]
    picked = np.concatenate(chosen) if chosen else np.zeros(0, dtype="int64")
    shares = times_s[picked] / sum(facts["durations_s"])
    arrays["amplitude_times"] = np.minimum(shares * 65536, 65535).astype("uint16")
    arrays["amplitudes"] = np.asarray(data)[picked].astype("float32")
    arrays["amplitude_starts"] = np.cumsum([0, *(len(c) for c in chosen)]).astype("uint32")


def even(n: int) -> np.ndarray:
    """Return at most MAX_AMPLITUDES indices spread evenly over n."""
    if n == 0:
        return np.zeros(0, "int64")
    return np.unique(np.linspace(0, n - 1, min(n, MAX_AMPLITUDES)).round().astype("int64"))
