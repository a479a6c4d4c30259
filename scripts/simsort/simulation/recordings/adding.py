"""Add the spikes of a plan's units to traces."""

import numpy as np

from simsort.simulation.recordings.spike_trains import Spikes

SPIKES_AT_A_TIME = 512


def spike_displacements_um(plan, spikes: Spikes) -> np.ndarray:
    """Return the displacement (n_spikes,) of each spike's cell at its time."""
    if plan.drift.max_displacement_um == 0:
        return np.zeros(len(spikes.unit))
    return plan.drift.displacement_um(spikes.sample / plan.settings.sampling_frequency_hz, plan.depths_um[spikes.unit])


def add_foreground(traces_uv: np.ndarray, plan, spikes: Spikes, displacements_um: np.ndarray, first_sample: int) -> None:
    """Add the spikes of ground-truth units, displaced by so much, to traces (n_channels, n_samples)."""
    own = np.flatnonzero(spikes.unit < plan.n_foreground)
    own = own[np.argsort(spikes.unit[own], kind="stable")]
    for mine in np.split(own, np.flatnonzero(np.diff(spikes.unit[own])) + 1):
        if len(mine) == 0:
            continue
        field = plan.foreground[spikes.unit[mine[0]]]
        channels = slice(field.first_channel, field.first_channel + field.fields.shape[1])
        for some in np.split(mine, np.arange(SPIKES_AT_A_TIME, len(mine), SPIKES_AT_A_TIME)):
            waveforms_uv = field.waveforms_uv(spikes.snippet[some], displacements_um[some])
            starts = spikes.sample[some] - field.n_before - first_sample
            add_waveforms(traces_uv[channels], waveforms_uv, starts.tolist())


def add_background(traces_uv: np.ndarray, plan, spikes: Spikes, displacements_um: np.ndarray, first_sample: int) -> None:
    """Add the spikes of background units, displaced by so much, to traces (n_channels, n_samples)."""
    field = plan.background
    own = np.flatnonzero(spikes.unit >= plan.n_foreground)
    n_contacts = field.fields.shape[2]
    for some in np.split(own, np.arange(SPIKES_AT_A_TIME, len(own), SPIKES_AT_A_TIME)):
        units = spikes.unit[some] - plan.n_foreground
        waveforms_uv = field.waveforms_uv(units, spikes.snippet[some], displacements_um[some])
        starts = (spikes.sample[some] - field.n_before - first_sample).tolist()
        for waveform_uv, start, first in zip(waveforms_uv, starts, field.first_channels[units].tolist()):
            add_one(traces_uv[first:first + n_contacts], waveform_uv, start)


def add_waveforms(traces_uv: np.ndarray, waveforms_uv: np.ndarray, starts: list[int]) -> None:
    """Add waveforms (n, n_channels, n_samples) to traces (n_channels, n_samples) at sample offsets."""
    for waveform_uv, start in zip(waveforms_uv, starts):
        add_one(traces_uv, waveform_uv, start)


def add_one(traces_uv: np.ndarray, waveform_uv: np.ndarray, start: int) -> None:
    """Add one waveform (n_channels, n_samples) to the part of it that lies within the traces."""
    first, last = max(-start, 0), min(waveform_uv.shape[1], traces_uv.shape[1] - start)
    if first < last:
        traces_uv[:, start + first:start + last] += waveform_uv[:, first:last]
