"""Simulated recordings as SpikeInterface objects, with their ground truth."""

from functools import cached_property

import numpy as np
from spikeinterface import BaseRecording, BaseRecordingSegment, NumpySorting
from spikeinterface.core.base import minimum_spike_dtype

from simsort.simulation.recordings.noise import NoiseModel
from simsort.simulation.recordings.plan import RecordingPlan
from simsort.simulation.recordings.rendering import Renderer
from simsort.simulation.recordings.settings import RecordingSettings
from simsort.simulation.recordings.unit_fields import in_spike_band

NOISE_LEVEL_S = 1.0


class SimulatedRecording(BaseRecording):
    """A recording made of a plan, sample by sample when asked for.

    Parameters
    ----------
    plan : RecordingPlan
        Pickled with the recording, a few MB for 32 channels; samples never are.
    """

    def __init__(self, plan: RecordingPlan):
        settings = plan.settings
        super().__init__(sampling_frequency=settings.sampling_frequency_hz, channel_ids=np.arange(plan.n_channels),
                         dtype="int16")
        self.plan = plan
        self.add_recording_segment(SimulatedSegment(plan))
        self.set_probe(plan.probe)
        self.set_channel_gains(settings.electronics.uv_per_bit)
        self.set_channel_offsets(0.0)
        self._serializability["json"] = False
        self._kwargs = {"plan": plan}

    def ground_truth(self, *, include_background: bool = False) -> NumpySorting:
        """Return the true spike trains.

        Parameters
        ----------
        include_background : bool, default: False
            Whether cells too weak to be sorted are among them.

        Returns
        -------
        sorting : NumpySorting
            Spikes at the sample of the soma's crossing of threshold, with the properties named in `unit_properties`.
        """
        return ground_truth(self.plan, self.noise_levels_uv, include_background=include_background)

    @cached_property
    def noise_levels_uv(self) -> np.ndarray:
        """Noise level of each channel, see `noise_levels_uv`."""
        return noise_levels_uv(self.plan)

    def displacement_um(self, times_s, depths_um) -> np.ndarray:
        """Return the true displacement of the tissue at times and depths, which broadcast; up is positive."""
        return self.plan.drift.displacement_um(times_s, depths_um)


class SimulatedSegment(BaseRecordingSegment):
    """The only segment of a simulated recording."""

    def __init__(self, plan: RecordingPlan):
        super().__init__(sampling_frequency=plan.settings.sampling_frequency_hz)
        self.renderer = Renderer(plan)

    def get_num_samples(self) -> int:
        """Return the number of samples."""
        return self.renderer.plan.settings.n_samples

    def get_traces(self, start_frame=None, end_frame=None, channel_indices=None) -> np.ndarray:
        """Return counts (n_samples, n_channels) int16."""
        start = 0 if start_frame is None else max(int(start_frame), 0)
        end = self.get_num_samples() if end_frame is None else min(int(end_frame), self.get_num_samples())
        counts = self.renderer.counts(start, end)
        return counts if channel_indices is None else counts[:, channel_indices]


def simulate_recording(library_cells, probe, settings: RecordingSettings | None = None, seed: int = 0, *,
                       noise_model: NoiseModel | None = None) -> SimulatedRecording:
    """Simulate a recording of library cells around a probe, lazily.

    Parameters
    ----------
    library_cells : sequence of CellLibrary | sequence of paths
        Cells to place, each as often as its type's share says, or the files they are stored in.
    probe : probeinterface.Probe | str
        Or a name or file for `make_probe`.
    settings : RecordingSettings | None, default: None
        None: the default ones.
    seed : int, default: 0
        Same cells, probe, settings and seed: same bytes.
    noise_model : NoiseModel | None, default: None
        Noise in place of the parametric one, as from `fit_noise`.

    Returns
    -------
    recording : SimulatedRecording
        int16 with gains; `recording.ground_truth()` has the spikes.

    Raises
    ------
    UserError
        If there are no cells, cells overlap the probe, the probe is unknown or has no positions.
    """
    from simsort.simulation.library.cell_library import CellLibrary
    from simsort.simulation.recordings.probes import make_probe

    cells = [cell if hasattr(cell, "basis_na") else CellLibrary.load(cell) for cell in library_cells]
    probe = make_probe(probe) if isinstance(probe, str) or hasattr(probe, "__fspath__") else probe
    return SimulatedRecording(RecordingPlan(cells, probe, settings or RecordingSettings(), seed, noise_model))


def ground_truth(plan: RecordingPlan, levels_uv: np.ndarray, *, include_background: bool = False) -> NumpySorting:
    """Return the true spike trains of a plan; see `SimulatedRecording.ground_truth`."""
    units = plan.units if include_background else plan.units[: plan.n_foreground]
    samples, labels = [], []
    for index in range(plan.trains.n_epochs):
        spikes = plan.trains.epoch(index)
        chosen = spikes.unit < len(units)
        samples.append(spikes.sample[chosen])
        labels.append(spikes.unit[chosen])
    spikes = np.zeros(sum(map(len, samples)), dtype=minimum_spike_dtype)  # epochs and the spikes in them are in order
    spikes["sample_index"], spikes["unit_index"] = np.concatenate(samples), np.concatenate(labels)
    sorting = NumpySorting(spikes, plan.settings.sampling_frequency_hz, np.array([unit.unit_id for unit in units]))
    n_spikes = sorting.count_num_spikes_per_unit(outputs="array")
    for name, values in unit_properties(plan, units, levels_uv, n_spikes).items():
        sorting.set_property(name, values)
    return sorting


def unit_properties(plan: RecordingPlan, units, levels_uv: np.ndarray, n_spikes: np.ndarray) -> dict[str, np.ndarray]:
    """Return the properties of units.

    `peak_amplitude_uv` is the largest absolute value of the mean spike between 300 and 6000 Hz, at rest; `snr` is it
    over the noise level there (MAD / 0.6745 of the recording in that band), as SpikeInterface computes it; `x y z` the
    soma at rest; `firing_rate` the true one in Hz.
    """
    positions = np.array([unit.position_um for unit in units]).reshape(-1, 3)
    peaks_uv = np.array([unit.peak_uv for unit in units])
    channels = np.array([unit.peak_channel for unit in units], dtype=int)
    properties = {name: np.array([str(unit.model[name]) for unit in units])
                  for name in ("cell_type", "layer", "neuron_class", "subclass")}
    properties["model"] = np.array([str(unit.model["name"]) for unit in units])
    return properties | {
        "x": positions[:, 0], "y": positions[:, 1], "z": positions[:, 2], "peak_amplitude_uv": peaks_uv,
        "peak_channel": channels, "snr": peaks_uv / np.maximum(levels_uv[channels], 1e-9),
        "firing_rate": n_spikes / plan.settings.duration_s,
        "is_background": np.array([unit.is_background for unit in units])}


def noise_levels_uv(plan: RecordingPlan) -> np.ndarray:
    """Return the noise level (n_channels,) in uV, 300 to 6000 Hz: MAD / 0.6745 of the first second."""
    renderer, settings = Renderer(plan), plan.settings
    end = min(round(NOISE_LEVEL_S * settings.sampling_frequency_hz), settings.n_samples)
    traces_uv = renderer.counts(0, end).T * np.float32(settings.electronics.uv_per_bit)
    filtered = in_spike_band(traces_uv, settings.sampling_frequency_hz)
    return np.median(np.abs(filtered), axis=1) / 0.6745
