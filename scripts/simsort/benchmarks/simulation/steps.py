"""Responses of cells to current steps at the soma: f-I curve, width of the action potential, amplitudes.

Uses NEURON: call in a fresh process.
"""

import numpy as np

from simsort.simulation.currents.run import run_cell
from simsort.simulation.currents.spikes import SpikeDetector
from simsort.simulation.drive.pink_noise import StepCurrent

ADAPTED_MS = 100.0  # steady rates are counted from here on
SMALLEST_NA, LARGEST_NA, N_BISECTIONS = 0.0125, 6.4, 5
TIMES_RHEOBASE = (1.1, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
ONSET_V_PER_S = 20.0  # slope at which an action potential begins


def respond(cell, amplitude_na: float, duration_s: float, dt_ms: float, *, with_currents: bool = False):
    """Return the voltage (n_samples,), spike times in ms and, if asked for, currents (n_segments, n_samples)."""
    detector = SpikeDetector(cell.spike_threshold_mv, dt_ms)
    chunk = next(run_cell(cell, StepCurrent(amplitude_na, [0]), duration_s=duration_s, dt_ms=dt_ms, chunk_s=duration_s,
                          with_currents=with_currents))
    return chunk.soma_v_mv, detector.times_ms(chunk.soma_v_mv), chunk.membrane_currents_na


def rheobase_na(cell, dt_ms: float, duration_s: float = 0.3) -> float:
    """Return the smallest step that makes the cell fire, to 1 part in 30 or so; nan if 6.4 nA do not."""
    low, high = 0.0, SMALLEST_NA
    while not len(respond(cell, high, duration_s, dt_ms)[1]):
        low, high = high, 2 * high
        if high > LARGEST_NA:
            return float("nan")
    for _ in range(N_BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if len(respond(cell, middle, duration_s, dt_ms)[1]) else (middle, high)
    return high


def f_i_curve(model, dt_ms: float, duration_s: float) -> dict:
    """Return a cell's f-I curve and the width of its action potential.

    Returns
    -------
    found : dict
        `currents_na`, `rates_hz` (from 100 ms after the step's start), `gain_hz_per_na` (slope of the
        first five intervals' rate from rheobase to twice that), `maximal_rate_hz`, `half_width_ms`.
    """
    from simsort.simulation.cells.model import build_cell

    cell = build_cell(model)
    rheobase = rheobase_na(cell, dt_ms)
    currents_na = [factor * rheobase for factor in TIMES_RHEOBASE]
    rates_hz, early_hz, width_ms = [], [], None
    for factor, current_na in zip(TIMES_RHEOBASE, currents_na):
        voltage, spikes_ms, _ = respond(cell, current_na, duration_s, dt_ms)
        rates_hz.append(float((spikes_ms > ADAPTED_MS).sum() / (duration_s - ADAPTED_MS / 1000)))
        early_hz.append(float(1000 / np.mean(np.diff(spikes_ms[:6]))) if len(spikes_ms) > 1 else 0.0)
        if factor == 1.5 and len(spikes_ms):
            width_ms = half_width_ms(voltage, spikes_ms[0], dt_ms)
    near = [i for i, factor in enumerate(TIMES_RHEOBASE) if factor <= 2 and early_hz[i] > 0]
    gain = float(np.polyfit(np.array(currents_na)[near], np.array(early_hz)[near], 1)[0]) if len(near) > 1 else None
    return {"cell_type": model.cell_type, "currents_na": currents_na, "rates_hz": rates_hz, "gain_hz_per_na": gain,
            "maximal_rate_hz": max(rates_hz), "half_width_ms": width_ms}


def half_width_ms(voltage: np.ndarray, spike_ms: float, dt_ms: float) -> float:
    """Return an action potential's width halfway between its onset (20 V/s) and its peak, in ms."""
    crossing = int(spike_ms / dt_ms)
    peak = crossing + int(voltage[crossing : crossing + round(3 / dt_ms)].argmax())
    slow = np.flatnonzero(np.diff(voltage[:crossing]) / dt_ms < ONSET_V_PER_S)
    half = (voltage[slow[-1] + 1] + voltage[peak]) / 2
    rise = np.flatnonzero(voltage[:peak] < half)[-1]
    fall = peak + np.flatnonzero(voltage[peak:] < half)[0]
    start = rise + (half - voltage[rise]) / (voltage[rise + 1] - voltage[rise])
    end = fall - 1 + (voltage[fall - 1] - half) / (voltage[fall - 1] - voltage[fall])
    return float((end - start) * dt_ms)
