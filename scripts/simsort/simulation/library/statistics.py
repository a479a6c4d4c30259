"""What a simulated cell is like: figures that can be held against published ones."""

import numpy as np
from scipy.signal import butter, sosfiltfilt

from simsort.simulation.field.line_source import transfer_matrix

HIGHPASS_HZ = 300.0
DISTANCES_UM = (20.0, 30.0, 50.0)
WIDTH_DISTANCE_UM = 30.0
N_AROUND = 8


def highpass(potentials: np.ndarray, sampling_frequency_hz: float) -> np.ndarray:
    """Filter the last axis at 300 Hz as the pipeline's preprocessing does: 5th-order Butterworth, both ways."""
    sos = butter(5, HIGHPASS_HZ, "highpass", fs=sampling_frequency_hz, output="sos")
    return sosfiltfilt(sos, potentials, axis=-1, padtype="constant", padlen=min(600, potentials.shape[-1] - 1))


def ring_um(distance_um: float) -> np.ndarray:
    """Return places around the soma at a distance, (n_points, 3), in the plane across the apical dendrite."""
    angles = np.arange(N_AROUND) * 2 * np.pi / N_AROUND
    return distance_um * np.stack([np.cos(angles), 0 * angles, np.sin(angles)], axis=1)


def trough_to_peak_ms(waveform: np.ndarray, sampling_frequency_hz: float) -> float:
    """Return the time from the lowest sample to the highest after it, parabolas through both (Bartho et al. 2004)."""
    trough = int(np.argmin(waveform))
    peak = trough + int(np.argmax(waveform[trough:]))
    return (vertex(waveform, peak) - vertex(waveform, trough)) / sampling_frequency_hz * 1000


def vertex(waveform: np.ndarray, index: int) -> float:
    """Return the place of the extremum of the parabola through a sample and its neighbours."""
    if not 0 < index < len(waveform) - 1:
        return float(index)
    left, middle, right = waveform[index - 1:index + 2]
    curvature = left - 2 * middle + right
    return index + (0.5 * (left - right) / curvature if curvature else 0.0)


def half_width_ms(soma_v_mv: np.ndarray, dt_ms: float) -> float:
    """Return the width of a mean action potential at half its height above the membrane potential 1 ms before its peak."""
    peak = int(np.argmax(soma_v_mv))
    base = soma_v_mv[max(0, peak - round(1.0 / dt_ms))]
    above = soma_v_mv >= (base + soma_v_mv[peak]) / 2
    first = peak - int(np.argmin(above[peak::-1])) if not np.all(above[:peak + 1]) else 0
    last = peak + int(np.argmin(above[peak:])) if not np.all(above[peak:]) else len(above) - 1
    return (last - first - 1) * dt_ms


def field_statistics(mean_currents_na: np.ndarray, geometry, sampling_frequency_hz: float) -> dict:
    """Return amplitudes and widths of the mean spike near the soma.

    Parameters
    ----------
    mean_currents_na : array, (n_segments, n_samples)
        Mean snippet.
    geometry : SegmentGeometry
        The cell.
    sampling_frequency_hz : float
        Sampling frequency.

    Returns
    -------
    statistics : dict
        `amplitude_uv_20um`, `..._30um`, `..._50um`: trough of the mean spike after a 300 Hz high-pass at the best of 8 places in
        the plane across the apical dendrite; `trough_to_peak_ms` there at 30 um, `trough_to_peak_raw_ms` before the filter.
    """
    found = {}
    for distance_um in (*DISTANCES_UM, WIDTH_DISTANCE_UM):
        raw = transfer_matrix(geometry, ring_um(distance_um)) @ mean_currents_na
        filtered = highpass(np.pad(raw, ((0, 0), (200, 200))), sampling_frequency_hz)[:, 200:-200]
        best = int(np.argmin(filtered.min(axis=1)))
        found[f"amplitude_uv_{distance_um:.0f}um"] = round(float(-filtered[best].min()), 2)
    found["trough_to_peak_ms"] = round(float(trough_to_peak_ms(filtered[best], sampling_frequency_hz)), 4)
    found["trough_to_peak_raw_ms"] = round(float(trough_to_peak_ms(raw[best], sampling_frequency_hz)), 4)
    return found


def train_statistics(spikes_ms: np.ndarray, duration_s: float) -> dict:
    """Return rate and irregularity of a train."""
    intervals = np.diff(spikes_ms)
    variation = float(np.std(intervals) / np.mean(intervals)) if len(intervals) > 2 else None
    return {"n_spikes": len(spikes_ms), "rate_hz": round(len(spikes_ms) / duration_s, 3),
            "isi_cv": None if variation is None else round(variation, 3),
            "burst_share": round(float(np.mean(intervals < 10.0)), 4) if len(intervals) else 0.0}
