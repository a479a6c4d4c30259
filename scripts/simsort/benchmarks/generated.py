"""A long recording of a whole probe that takes no disk: every chunk is made when it is asked for."""

import numpy as np
from spikeinterface.core import BaseRecording, BaseRecordingSegment
from spikeinterface.preprocessing import scale

from simsort.example import generate_example
from simsort.writers.spikeglx import UV_PER_BIT, neuropixels_probe

# Neuropixels 1.0: a converter reads every other one of 24 neighbours in 13 steps a sample, the last for the LF band.
CHANNELS_PER_ADC_PAIR, ADC_STEPS = 24, 13


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
        microvolts, self.true_sorting = generate_example(duration_s, n_channels, seed, n_units=n_units,
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
