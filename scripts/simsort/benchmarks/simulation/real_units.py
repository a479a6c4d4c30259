"""Mean spikes of real units, measured like the simulated ones; SIMSORT_DATA names their folder."""

import os
from pathlib import Path

import numpy as np

from simsort.benchmarks.simulation.waveforms import amplitudes, quantiles, spread_um, trough_to_peak_ms

NARROW_BELOW_MS = 0.4  # Siegle et al. 2021


def real_units() -> dict:
    """Return measures of real units by name of their recording; empty if SIMSORT_DATA is unset.

    Returns
    -------
    found : dict
        `trough_to_peak_ms`, `spread_um` (lists, one value per unit) and `note` by name.
    """
    folder = os.environ.get("SIMSORT_DATA")
    if not folder:
        return {}
    readers = {"emouse_templates": measure_emouse, "wavemap_macaque": measure_wavemap}
    return {name: read(Path(folder) / name) for name, read in readers.items() if (Path(folder) / name).is_dir()}


def measure_emouse(folder: Path) -> dict:
    """Measure the 76 mean spikes of Kilosort's eMouse, 32 sites, 25 kHz, high-pass filtered by their authors."""
    from scipy.io import loadmat

    content = loadmat(folder / "simulation_parameters.mat")
    waves = content["waves"].transpose(2, 1, 0).astype(float)  # units, sites, samples
    rate_hz, depths_um = float(content["fs"].squeeze()), content["yc"].ravel().astype(float)
    largest = [wave[amplitudes(wave).argmax()] for wave in waves]
    return {"note": "32 sites, 25 kHz; filtered before they were averaged",
            "trough_to_peak_ms": [trough_to_peak_ms(wave, rate_hz) for wave in largest if is_negative(wave)],
            "spread_um": [spread_um(amplitudes(wave), depths_um) for wave in waves]}


def measure_wavemap(folder: Path) -> dict:
    """Measure the 625 mean spikes of WaveMAP: macaque premotor cortex, one channel, 48 samples at 30 kHz."""
    waves = np.load(folder / "full_data.npy", allow_pickle=False).astype(float)
    return {"note": "one channel, 30 kHz, 1.6 ms long; filtered before they were averaged",
            "trough_to_peak_ms": [trough_to_peak_ms(wave, 30000.0) for wave in waves if is_negative(wave)],
            "spread_um": []}


def is_negative(waveform: np.ndarray) -> bool:
    """Return whether a spike's negative peak is its largest, as at the soma."""
    return -waveform.min() > waveform.max()


def summary(found: dict) -> dict:
    """Return quantiles of the measures, and of the narrow and broad units apart."""
    rows = {}
    for name, measures in found.items():
        durations_ms = np.asarray(measures["trough_to_peak_ms"])
        narrow = durations_ms < NARROW_BELOW_MS
        rows[name] = {"note": measures["note"], "narrow_ms": quantiles(durations_ms[narrow]),
                      "broad_ms": quantiles(durations_ms[~narrow]), "spread_um": quantiles(measures["spread_um"])}
    return rows
