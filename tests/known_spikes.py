"""Short recordings of which every spike is known, made here so that no generator's peculiarities come in."""

import numpy as np
import spikeinterface as si
from probeinterface import Probe, generate_linear_probe, generate_tetrode

NOISE_UV = 10.0


def wired(probe):
    """A probe whose contacts are the channels in their order."""
    probe.set_device_channel_indices(np.arange(probe.get_contact_count()))
    return probe


def waveform(t_ms, width_ms):
    """A trough and a slower hump."""
    return -np.exp(-((t_ms / width_ms) ** 2)) + 0.3 * np.exp(-(((t_ms - 4 * width_ms) / (3 * width_ms)) ** 2))


def known(fs_hz=30000.0, duration_s=10.0, gains_uv=((150, 60, 40, 20), (20, 130, 50, 60), (50, 25, 40, 160)),
          widths_ms=(0.12, 0.2, 0.16), rate_hz=15.0, seed=0):
    """Return traces in uV (n_samples, n_channels) and the true spike samples of every unit."""
    rng = np.random.default_rng(seed)
    n_samples = int(duration_s * fs_hz)
    traces = rng.normal(0, NOISE_UV, (n_samples, len(gains_uv[0])))
    reach = int(0.003 * fs_hz)
    trains = []
    for gains, width_ms in zip(gains_uv, widths_ms):
        times_s = np.cumsum(0.003 + rng.exponential(1 / rate_hz, int(2 * rate_hz * duration_s)))
        times_s = times_s[(times_s > 0.01) & (times_s < duration_s - 0.01)]
        trains.append(np.round(times_s * fs_hz).astype(int))
        for time_s, sample in zip(times_s, trains[-1]):
            around = np.arange(sample - reach, sample + reach)
            traces[around] += waveform((around / fs_hz - time_s) * 1000, width_ms)[:, None] * gains
    return traces.astype("float32"), trains


def recording_of(*segments, fs_hz=30000.0, probe="fitting"):
    """Return a recording in memory of traces (n_samples, n_channels)."""
    recording = si.NumpyRecording(list(segments), fs_hz)
    n_channels = segments[0].shape[1]
    if probe == "fitting":
        probe = wired(generate_tetrode() if n_channels == 4 else generate_linear_probe(n_channels, ypitch=20.0))
    if probe is not None:
        recording.set_probe(probe)
    return recording


def accuracies(sorting, trains, fs_hz=30000.0):
    """Accuracy of every true unit."""
    from spikeinterface.comparison import compare_sorter_to_ground_truth

    truth = si.NumpySorting.from_unit_dict([dict(enumerate(trains))], fs_hz)
    comparison = compare_sorter_to_ground_truth(truth, sorting, exhaustive_gt=True)
    return comparison.get_performance()["accuracy"].to_numpy(float)


class ComputedRecording(si.BaseRecording):
    """A recording that is computed where it is read: noise, and units seen around one channel each."""

    def __init__(self, places_um, true_channels, trains, duration_s, fs_hz=30000.0):
        super().__init__(fs_hz, np.arange(len(places_um)), "float32")
        self.add_recording_segment(_ComputedRecordingSegment(places_um, true_channels, trains, duration_s, fs_hz))
        probe = Probe(ndim=2)
        probe.set_contacts(places_um)
        self.set_probe(wired(probe))


class _ComputedRecordingSegment(si.BaseRecordingSegment):
    def __init__(self, places_um, true_channels, trains, duration_s, fs_hz):
        super().__init__(sampling_frequency=fs_hz)
        self.n_samples, self.trains, self.n_channels = int(duration_s * fs_hz), trains, len(places_um)
        distances_um = np.linalg.norm(places_um[true_channels][:, None] - places_um, axis=2)
        self.gains_uv = 200.0 * np.exp(-distances_um / 25.0)
        self.noise = np.random.default_rng(0).normal(0, NOISE_UV, 300000).astype("float32")
        self.spike = waveform(np.arange(-60, 60) / fs_hz * 1000, 0.15)

    def get_num_samples(self):
        return self.n_samples

    def get_traces(self, start_frame=None, end_frame=None, channel_indices=None):
        channels = np.arange(self.n_channels)[slice(None) if channel_indices is None else channel_indices]
        traces = np.empty((end_frame - start_frame, len(channels)), dtype="float32")
        for column, channel in enumerate(channels):
            traces[:, column] = self.noise.take(np.arange(start_frame, end_frame) + 7919 * channel, mode="wrap")
        for gains_uv, train in zip(self.gains_uv[:, channels], self.trains):
            seen = np.flatnonzero(gains_uv > 0.1)
            for sample in train[(train >= start_frame + 60) & (train < end_frame - 60)] - start_frame:
                traces[sample - 60:sample + 60, seen] += self.spike[:, None] * gains_uv[seen]
        return traces
