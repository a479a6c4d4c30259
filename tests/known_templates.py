"""The form of a spike, and traces on four channels with spikes of templates in white noise."""

import numpy as np


def spike_of(width, n_samples=100, trough=30):
    """A trough and a slower hump."""
    t = np.arange(n_samples) - trough
    return -np.exp(-((t / width) ** 2)) + 0.4 * np.exp(-(((t - 4 * width) / (3 * width)) ** 2))


def traces_with(templates, basis, spikes, seed=0, n_samples=6000):
    """Return traces with spikes `(sample, unit)`."""
    traces = np.random.default_rng(seed).normal(size=(4, n_samples)).astype(np.float32)
    for sample, unit in spikes:
        traces[:, sample - 30:sample + 70] += templates.means[unit, 0] @ basis.waveforms
    return traces
