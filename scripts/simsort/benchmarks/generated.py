"""Ground truth that SpikeInterface generates from template shapes, for tests and benches: quick, of any size.

The built-in example and all training data come from the simulator instead (`simsort.simulation`).
"""

from pathlib import Path

import numpy as np
from spikeinterface.core import BaseRecording, BaseRecordingSegment
from spikeinterface.preprocessing import scale

from simsort.example import sample_in_turns, write_session_once
from simsort.writers.spikeglx import UV_PER_BIT, neuropixels_probe

# Neuropixels 1.0: a converter reads every other one of 24 neighbours in 13 steps a sample, the last for the LF band.
CHANNELS_PER_ADC_PAIR, ADC_STEPS = 24, 13
SAMPLING_FREQUENCY_HZ = 30000.0
CHANNELS_PER_UNIT = 2.7  # 12 units on 32 channels: about the yield of a good cortical recording
NOISE_LEVEL_UV = 8.0
NOISE_LENGTH_UM = 80.0


def generate_ground_truth(duration_s: float = 60.0, n_channels: int = 32, seed: int = 0, n_segments: int = 1,
                          n_units: int | None = None, noise_strategy: str = "on_the_fly"):
    """Generate a ground-truth recording on the lowest electrodes of a Neuropixels 1.0 probe.

    Parameters
    ----------
    duration_s : float, default: 60.0
        Duration of each segment in seconds.
    n_channels : int, default: 32
        Number of electrodes, at most 384.
    seed : int, default: 0
        Seed of spike trains, positions, templates and noise.
    n_segments : int, default: 1
        Number of segments.
    n_units : int | None, default: None
        Number of units; None: 12 for 32 channels and in proportion.
    noise_strategy : "on_the_fly" | "tile_pregenerated", default: "on_the_fly"
        New noise for every sample, or one second of it repeated, which is many times faster to read.

    Returns
    -------
    recording : BaseRecording
        Lazy float32 recording in uV.
    sorting : BaseSorting
        The true spike trains.
    """
    from spikeinterface import generate_ground_truth_recording

    probe = neuropixels_probe(n_channels)
    n_units = n_units or max(2, round(n_channels / CHANNELS_PER_UNIT))
    top_um = float(probe.contact_positions[:, 1].max())
    recording, sorting = generate_ground_truth_recording(
        durations=[float(duration_s)] * n_segments, sampling_frequency=SAMPLING_FREQUENCY_HZ, num_units=n_units,
        probe=probe, seed=seed,
        generate_sorting_kwargs=dict(firing_rates=(4.0, 12.0), refractory_period_ms=3.0),
        generate_unit_locations_kwargs=dict(margin_um=0.0, minimum_z=8.0, maximum_z=25.0,
                                            minimum_distance=min(18.0, top_um / n_units)),
        generate_templates_kwargs=dict(unit_params=dict(alpha=(150.0, 400.0))),
        noise_kwargs=dict(cov_matrix=noise_covariance(probe.contact_positions), strategy=noise_strategy))
    recording.set_channel_gains(1.0)
    recording.set_channel_offsets(0.0)
    sorting.delete_property("main_channel_id")  # names channels by the generator's ids, which the files do not keep
    return recording, sorting


def noise_covariance(contact_positions_um):
    """Return the noise covariance in uV^2, (n_contacts, n_contacts), falling off exponentially with distance.

    Without shared noise every channel looks incoherent with its neighbours, and bad-channel detection removes good ones.
    """
    distances_um = np.linalg.norm(contact_positions_um[:, None] - contact_positions_um[None], axis=-1)
    return NOISE_LEVEL_UV**2 * np.exp(-distances_um / NOISE_LENGTH_UM)


def make_generated_session(out: Path, *, duration_s: float, n_channels: int, seed: int = 0) -> Path:
    """Write generated ground truth as a SpikeGLX session with its true spikes, unless it is there; return the session."""
    settings = {"duration_s": float(duration_s), "n_channels": n_channels, "seed": seed,
                "generator": "spikeinterface.generate_ground_truth_recording", "version": 2}

    def make():
        recording, sorting = generate_ground_truth(duration_s, n_channels, seed)
        return sample_in_turns(recording), sorting

    return write_session_once(out, settings, make)


class GeneratedRecording(BaseRecording):
    """Ground truth on a Neuropixels 1.0 probe as its converter would give it: int16, made again on every reading.

    It is described by its arguments alone, so that a job file of a few lines stands for any duration. Its spike trains
    are in memory (24 bytes a spike); nothing else grows with its duration.

    Parameters
    ----------
    duration_s : float
        Duration in seconds.
    n_channels : int, default: 384
        Channels, at most 384.
    n_units : int, default: 100
        Units.
    seed : int, default: 0
        Seed of spike trains, positions, templates and noise.
    """

    def __init__(self, duration_s: float, n_channels: int = 384, n_units: int = 100, seed: int = 0):
        microvolts, self.true_sorting = generate_ground_truth(duration_s, n_channels, seed, n_units=n_units,
                                                              noise_strategy="tile_pregenerated")
        self._counts = scale(microvolts, gain=1 / UV_PER_BIT["ap"], dtype="int16")
        super().__init__(microvolts.sampling_frequency, microvolts.channel_ids, "int16")
        self.add_recording_segment(GeneratedSegment(self._counts.segments[0], microvolts.sampling_frequency))
        self.set_probe(neuropixels_probe(n_channels))
        self.set_channel_gains(UV_PER_BIT["ap"])
        self.set_channel_offsets(0.0)
        # As SpikeInterface's reader of SpikeGLX does: the phase shift belongs to the work that is measured.
        self.set_property("inter_sample_shift", np.arange(n_channels) % CHANNELS_PER_ADC_PAIR // 2 / ADC_STEPS)
        self._kwargs = dict(duration_s=float(duration_s), n_channels=int(n_channels), n_units=int(n_units),
                            seed=int(seed))


class GeneratedSegment(BaseRecordingSegment):
    """Hands on the samples of another recording's segment."""

    def __init__(self, counts, sampling_frequency: float):
        super().__init__(sampling_frequency=sampling_frequency)
        self.counts = counts

    def get_num_samples(self) -> int:
        """Return the number of samples."""
        return self.counts.get_num_samples()

    def get_traces(self, start_frame=None, end_frame=None, channel_indices=None) -> np.ndarray:
        """Return traces, shape (n_samples, n_channels)."""
        start_frame = 0 if start_frame is None else start_frame
        end_frame = self.get_num_samples() if end_frame is None else end_frame
        channel_indices = slice(None) if channel_indices is None else channel_indices
        return self.counts.get_traces(start_frame, end_frame, channel_indices)
