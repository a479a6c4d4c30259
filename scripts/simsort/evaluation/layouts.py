"""Layouts in which recordings with known spikes are handed on.

Each reader returns a recording and its true units, or None if a path does not have its layout.
"""

from pathlib import Path

import numpy as np

SPIKE_MV, PEAK_WITHIN = -20.0, 10  # SimSort: the soma crosses -20 mV, the peak follows within 10 samples
SIMSORT_HZ, SIMSORT_PITCH_UM = 10000.0, 13.0


def read_folders(path: Path):
    """Two folders saved by SpikeInterface: `recording` and `ground_truth`."""
    from spikeinterface import load

    if not (path / "recording").is_dir() or not (path / "ground_truth").is_dir():
        return None
    return load(path / "recording"), load(path / "ground_truth")


def read_mda(path: Path):
    """SpikeForest's folder: `raw.mda`, `params.json`, `geom.csv` and `firings_true.mda`."""
    from spikeinterface.extractors import read_mda_recording, read_mda_sorting

    if not (path / "raw.mda").is_file() or not (path / "firings_true.mda").is_file():
        return None
    recording = read_mda_recording(path)
    return recording, read_mda_sorting(path / "firings_true.mda", recording.get_sampling_frequency())


def read_waveclus(path: Path):
    """A MATLAB file of WaveClus' simulator: `data`, `samplingInterval`, `spike_times` and `spike_class`."""
    from scipy.io import loadmat, whosmat

    if path.suffix != ".mat" or not path.is_file():
        return None
    try:
        names = {name for name, *_ in whosmat(path)}
    except (ValueError, NotImplementedError):  # not MATLAB's, or of its version 7.3
        return None
    if not {"data", "samplingInterval", "spike_times", "spike_class"} <= names:
        return None
    content = loadmat(path, squeeze_me=True)
    fs_hz = 1000.0 / float(content["samplingInterval"])
    samples, classes = (np.atleast_1d(first_cell(content[name])).astype("int64")
                        for name in ("spike_times", "spike_class"))
    traces = content["data"].astype("float32")[:, None]
    return on_line(traces, fs_hz), aligned(traces, samples, classes, fs_hz)


def first_cell(value):
    """Return the first array of a MATLAB cell, or the array itself."""
    return value.ravel()[0] if value.dtype == object else value


def aligned(traces: np.ndarray, samples: np.ndarray, classes: np.ndarray, fs_hz: float):
    """Return spikes put on the largest peak of their class's mean; the files give where a spike begins."""
    from spikeinterface import NumpySorting

    length = int(0.0025 * fs_hz)
    samples = samples.copy()
    for label in np.unique(classes):
        mine = samples[classes == label]
        mine = mine[(mine >= 0) & (mine < len(traces) - length)]
        if len(mine):
            mean = traces[mine[:, None] + np.arange(length), 0].mean(axis=0)
            samples[classes == label] += int(np.abs(mean - np.median(mean)).argmax())
    order = np.argsort(samples, kind="stable")
    return NumpySorting.from_samples_and_labels([samples[order]], [classes[order]], fs_hz)


def read_simsort_trial(path: Path):
    """A trial of SimSort's simulator: `*_ep.npy` (neurons x channels x samples, uV) and `*_soma.npy` (mV) beside it."""
    soma = path.with_name(path.name.replace("_ep.npy", "_soma.npy"))
    if not path.name.endswith("_ep.npy") or not soma.is_file():
        return None
    from spikeinterface import NumpySorting

    traces = np.load(path, allow_pickle=False).astype("float32").sum(axis=0).T
    voltages_mv = np.load(soma, allow_pickle=False).astype("float32")
    trains = {unit: soma_spikes(voltage_mv) for unit, voltage_mv in enumerate(voltages_mv)}
    return on_line(traces, SIMSORT_HZ, pitch_um=SIMSORT_PITCH_UM), NumpySorting.from_unit_dict([trains], SIMSORT_HZ)


def soma_spikes(voltage_mv: np.ndarray) -> np.ndarray:
    """Return the samples at which a soma's spikes peak."""
    crossings = np.flatnonzero((voltage_mv[:-1] < SPIKE_MV) & (voltage_mv[1:] >= SPIKE_MV)) + 1
    return np.array([start + int(voltage_mv[start:start + PEAK_WITHIN].argmax()) for start in crossings], dtype="int64")


def on_line(traces: np.ndarray, fs_hz: float, *, pitch_um: float = 20.0):
    """Return traces as a recording whose contacts stand two in a row."""
    from probeinterface import Probe
    from spikeinterface import NumpyRecording

    n_channels = traces.shape[1]
    recording = NumpyRecording([traces], fs_hz)
    recording.set_channel_gains(1.0)
    recording.set_channel_offsets(0.0)
    probe = Probe(ndim=2, si_units="um")
    index = np.arange(n_channels)
    probe.set_contacts(positions=pitch_um * np.stack([index % 2, index // 2], axis=1), shapes="circle",
                       shape_params={"radius": 3.0})
    probe.set_device_channel_indices(index)
    recording.set_probe(probe)
    return recording


def described(readers: tuple) -> str:
    """Return what some readers read, for a message."""
    return " or ".join(reader.__doc__.splitlines()[0].rstrip(".").lower() for reader in readers)
