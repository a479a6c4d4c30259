"""Recordings that several tests share."""

import numpy as np
import pytest
from probeinterface import generate_linear_probe

from known_spikes import NOISE_UV, known, recording_of, waveform, wired
from known_templates import spike_of
from simsort.sorting.own.basis import N_SAMPLES, fit_basis
from simsort.sorting.own.templates import Templates


@pytest.fixture(scope="session")
def tetrode():
    """Ten seconds of a tetrode with three units: traces in uV and spike samples."""
    return known()


@pytest.fixture(scope="session")
def drifting():
    """Ten seconds of 12 channels whose tissue moves by 40 um: recording, spike samples, displacements, times."""
    fs_hz, duration_s, rng = 30000.0, 10.0, np.random.default_rng(0)
    probe = wired(generate_linear_probe(12, ypitch=20.0))
    depths_um = probe.contact_positions[:, 1]
    traces = rng.normal(0, NOISE_UV, (int(fs_hz * duration_s), 12))
    t_ms = np.arange(-60, 60) / fs_hz * 1000
    trains = []
    for depth_um, width_ms in zip((50, 100, 150), (0.1, 0.17, 0.24)):
        times_s = np.cumsum(0.003 + rng.exponential(1 / 15, 400))
        trains.append(np.round(times_s[(times_s > 0.01) & (times_s < duration_s - 0.01)] * fs_hz).astype(int))
        for sample in trains[-1]:
            now_um = depth_um + 40.0 * sample / len(traces)
            gains = 250.0 * np.exp(-np.abs(depths_um - now_um) / 25.0)
            traces[sample - 60:sample + 60] += waveform(t_ms, width_ms)[:, None] * gains
    times_s = np.linspace(0.0, duration_s, 33)
    return recording_of(traces.astype("float32"), probe=probe), trains, 40.0 * times_s / duration_s, times_s


@pytest.fixture(scope="session")
def basis():
    """Features of spikes of four widths in white noise."""
    rng = np.random.default_rng(0)
    shapes = np.stack([spike_of(width) for width in (3.0, 4.0, 5.0, 6.0)])
    long = 12 * rng.uniform(0.5, 2, (4000, 1)) * shapes[rng.integers(0, 4, 4000)] + rng.normal(size=(4000, 100))
    return fit_basis(long[:, 6:70], long, np.eye(N_SAMPLES), 4)


@pytest.fixture(scope="session")
def templates(basis):
    """Two templates that share two channels."""
    features = [spike_of(3.0)[6:70] @ basis.filters[4], spike_of(6.0)[6:70] @ basis.filters[4]]
    means = np.zeros((2, 2, 4, 4), dtype=np.float32)
    for unit, gains in enumerate([(15, 10, 3, 0), (0, 4, 14, 9)]):
        means[unit] = np.array(gains)[:, None] * features[unit]
    return Templates(means=means, step_s=10.0, occupancy=np.full((2, 2), 250.0), counts=np.array([500.0, 500.0]),
                     is_noise=np.array([False, False]), group=np.zeros(2, dtype=int),
                     rest=np.zeros((2, 4, 100), dtype=np.float32))
