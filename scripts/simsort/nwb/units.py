"""The table of units: spikes, templates, metrics and labels of all probes."""

import numpy as np

from simsort.nwb.names import unique
from simsort.nwb.recordings import NwbRecording

# Columns of NWB's own, and of ours, that a property of the same name must not replace.
RESERVED = {"id", "spike_times", "obs_intervals", "electrodes", "electrode_group", "waveform_mean", "waveform_sd",
            "waveforms", "unit_name", "recording_name", "sorter_unit_id", "probe"}
OWN = {"unit_name": "name of the unit, unique in this file", "recording_name": "recording it was found in",
       "sorter_unit_id": "unit in curated/ and spikesorted/", "probe": "stream of the probe"}
DESCRIPTION = ("units found by spike sorting; all are kept, default_qc says which pass the quality rule; spike times "
               "count from the first sample of the recording")
DESCRIPTIONS = {
    "default_qc": "True if the unit passes the quality rule", "default_qc_label": "pass, fail or unknown",
    "default_qc_reasons": "conditions of the quality rule that do not hold",
    "default_qc_unknown": "metrics of the quality rule that could not be computed",
    "cell_type": "kind of cell that the unit may be, learnt on simulated cells; unsure where nothing is likely enough",
    "cell_type_probability": "calibrated probability of the likeliest kind of cell",
    "x_um": "place on the probe across it, um", "depth_um": "place on the probe along it, um"}


def add_units(nwbfile, recordings: list[NwbRecording], rows: dict[str, dict[str, int]]) -> int:
    """Add every unit of every recording; return how many there are.

    Parameters
    ----------
    nwbfile : pynwb.NWBFile
        Changed in place; without any unit it gets no table.
    recordings : list of NwbRecording
        Of this file.
    rows : dict
        From `add_electrodes`.
    """
    from pynwb.misc import Units

    sorted_ones = [r for r in recordings if r.sorting is not None and r.sorting.get_num_units()]
    if not sorted_ones:
        return 0
    properties = gather_properties(sorted_ones)
    rate_hz = float(sorted_ones[0].sorting.sampling_frequency)
    nwbfile.units = Units(name="units", description=DESCRIPTION, waveform_rate=rate_hz, resolution=1 / rate_hz,
                          electrode_table=nwbfile.electrodes)
    for name, description in OWN.items():
        nwbfile.add_unit_column(name=name, description=description)
    for name in properties:
        nwbfile.add_unit_column(name=name, description=DESCRIPTIONS.get(name) or describe(name))
    names = iter(unit_names(sorted_ones))
    n_most = max((int(r.analyzer.sparsity.mask.sum(axis=1).max()) for r in sorted_ones if r.analyzer), default=0)
    number = 0
    for recording in sorted_ones:
        waveforms = waveforms_of(recording, rows[recording.name], n_most)
        for index, unit_id in enumerate(recording.sorting.unit_ids):
            nwbfile.add_unit(
                spike_times=recording.spike_times_s(unit_id), obs_intervals=[list(recording.observed_s)],
                unit_name=next(names), recording_name=recording.job["recording_name"], sorter_unit_id=str(unit_id),
                probe=recording.stream, **waveforms.get(str(unit_id), {}),
                **{name: values[number] for name, values in properties.items()})
            number += 1
    return number


def unit_names(recordings: list[NwbRecording]) -> list[str]:
    """Name all units: as the sorter does with one recording, with the probe before it with several."""
    several = len(recordings) > 1
    return unique([f"{r.name}_{unit_id}" if several else str(unit_id)
                   for r in recordings for unit_id in r.sorting.unit_ids])


def gather_properties(recordings: list[NwbRecording]) -> dict[str, list]:
    """Return {property: a value per unit of all recordings}; what one recording lacks is NaN or an empty text."""
    keys = dict.fromkeys(k for r in recordings for k in r.sorting.get_property_keys() if k not in RESERVED)
    gathered = {}
    for key in keys:
        columns = [r.sorting.get_property(key) if key in r.sorting.get_property_keys() else None for r in recordings]
        kinds = {c.dtype.kind for c in columns if c is not None}
        if any(c is not None and c.ndim != 1 for c in columns) or not kinds <= set("biufUO"):
            continue
        if kinds == {"b"} and all(c is not None for c in columns):
            gathered[key] = [bool(v) for c in columns for v in c]
        elif kinds <= set("iuf"):
            gathered[key] = [float(v) for r, c in zip(recordings, columns)
                             for v in (c if c is not None else [np.nan] * r.sorting.get_num_units())]
        else:
            gathered[key] = ["" if v is None else str(v) for r, c in zip(recordings, columns)
                             for v in (c if c is not None else [""] * r.sorting.get_num_units())]
    return gathered


def waveforms_of(recording: NwbRecording, rows: dict[str, int], n_most: int) -> dict[str, dict]:
    """Return {unit: its mean waveform, standard deviation and electrodes}.

    Waveforms are in volts, shape (n_samples, n_most): the unit's own channels in the order of `electrodes`, then NaN.
    """
    if recording.analyzer is None or not recording.analyzer.has_extension("templates"):
        return {}
    templates = recording.analyzer.get_extension("templates")
    scale = 1e-6 if recording.analyzer.return_in_uV else 1.0
    kinds = {"waveform_mean": templates.get_data(operator="average"), "waveform_sd": templates.get_data(operator="std")}
    found = {}
    for index, unit_id in enumerate(recording.analyzer.unit_ids):
        channels = np.flatnonzero(recording.analyzer.sparsity.mask[index])
        # the channel with the largest deflection first
        channels = channels[np.argsort(-np.ptp(kinds["waveform_mean"][index][:, channels], axis=0), kind="stable")]
        entry = {"electrodes": [rows[str(recording.analyzer.channel_ids[c])] for c in channels]}
        for name, data in kinds.items():
            entry[name] = np.full((data.shape[1], n_most), np.nan)
            entry[name][:, :channels.size] = data[index][:, channels] * scale
        found[str(unit_id)] = entry
    return found


def describe(name: str) -> str:
    """Describe a metric in SpikeInterface's own words, where it has them."""
    from spikeinterface.metrics.quality.quality_metrics import ComputeQualityMetrics
    from spikeinterface.metrics.template.template_metrics import ComputeTemplateMetrics

    for extension in (ComputeQualityMetrics, ComputeTemplateMetrics):
        for metric in extension.metric_list:
            if name in metric.metric_descriptions:
                return metric.metric_descriptions[name]
    return f"property {name} of the curated sorting"
