"""How strong the input has to be for a cell to fire at a given rate: short pilot runs. Uses NEURON: in a fresh process."""

import dataclasses

import numpy as np

from simsort.errors import UserError
from simsort.simulation.currents.run import run_cell
from simsort.simulation.currents.spikes import SpikeDetector
from simsort.simulation.drive.conductances import Conductances, ConductanceSettings
from simsort.simulation.drive.pink_noise import STEP_S, STEPS_NA, StepCurrent
from simsort.simulation.seeds import seed_of

PILOT_S = 1.5
WEAKEST_US, STRONGEST_US = 2e-4, 0.3
MOST_PILOTS = 12
CLOSE_ENOUGH = 1.35  # ratio of the rates
HIGHEST_RATE_HZ = 400.0


def spike_times_ms(cell, drive, *, duration_s: float, dt_ms: float) -> np.ndarray:
    """Return the spikes of a run without recording currents."""
    detector = SpikeDetector(cell.spike_threshold_mv, dt_ms)
    chunks = run_cell(cell, drive, duration_s=duration_s, dt_ms=dt_ms, with_currents=False)
    return np.concatenate([detector.times_ms(chunk.soma_v_mv) for chunk in chunks])


def conductances_for_rate(cell, settings: ConductanceSettings, rate_hz: float, *, dt_ms: float,
                          seed: int) -> ConductanceSettings:
    """Find the mean excitation at which a cell fires at about a rate, all else in proportion.

    Bisection on the logarithm of the conductance, each pilot with the same noise, so that the rate grows with the conductance
    until spikes are no longer repolarised.

    Parameters
    ----------
    cell : Cell
        A built cell.
    settings : ConductanceSettings
        The input; its `excitation_us` is where the search starts.
    rate_hz : float
        Rate wanted.
    dt_ms : float
        Time step.
    seed : int
        Seed of the pilots' noise.

    Returns
    -------
    settings : ConductanceSettings
        With the conductance whose rate was nearest.

    Raises
    ------
    UserError
        If the cell does not fire at any conductance, or does not stop firing without input.
    """
    def rate_at(excitation_us: float) -> float:
        drive = Conductances(dataclasses.replace(settings, excitation_us=excitation_us), seed_of(seed, "pilot"))
        return len(spike_times_ms(cell, drive, duration_s=PILOT_S, dt_ms=dt_ms)) / PILOT_S

    tried = search(rate_at, settings.excitation_us, rate_hz)
    best = min(tried, key=lambda excitation: (abs(np.log((tried[excitation] + 0.3) / (rate_hz + 0.3))), excitation))
    if tried[best] == 0:
        raise UserError(f"cell {cell.model.name} never fires (inputs up to {max(tried):.3g} uS were tried)",
                        "leave it out with --simulation.cell_types, or check its channel densities")
    if tried[best] > HIGHEST_RATE_HZ or best == min(tried) and best <= WEAKEST_US * 1.01 and tried[best] > 3 * rate_hz:
        raise UserError(f"cell {cell.model.name} never stops firing ({tried[best]:.0f} spikes a second with next to no "
                        "input)", "leave it out with --simulation.cell_types, or check its channel densities")
    return dataclasses.replace(settings, excitation_us=best)


def search(rate_at, start_us: float, rate_hz: float) -> dict[float, float]:
    """Return the rates (Hz) tried, by conductance (uS): doublings until the rate is enclosed, then halvings."""
    tried, low, high = {}, None, None
    excitation = start_us
    for _ in range(MOST_PILOTS):
        rate = tried[excitation] = rate_at(excitation)
        if rate_hz / CLOSE_ENOUGH <= rate <= rate_hz * CLOSE_ENOUGH:
            break
        low, high = (excitation, high) if rate < rate_hz else (low, excitation)
        if low and high:
            excitation = float(np.sqrt(low * high))
        else:
            excitation = float(np.clip(excitation * (2.0 if high is None else 0.5), WEAKEST_US, STRONGEST_US))
        if excitation in tried or (low and high and high / low < 1.02):
            break
    return tried


def rheobase_na(cell, *, dt_ms: float) -> float:
    """Return the first of SimSort's current steps that makes a cell fire, else the smallest.

    Parameters
    ----------
    cell : Cell
        A built cell.
    dt_ms : float
        Time step.

    Returns
    -------
    rheobase_na : float
    """
    for step_na in STEPS_NA:
        if len(spike_times_ms(cell, StepCurrent(step_na, [0]), duration_s=STEP_S, dt_ms=dt_ms)):
            return step_na
    return STEPS_NA[0]
