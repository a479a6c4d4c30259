"""SimSort's input: zero-mean pink noise current into the soma, with the rheobase as its standard deviation.

Zhang et al., SimSort (NeurIPS 2025), as in its code: the rheobase is the first of 0.05, 0.10 ... 0.25 nA that makes the cell
fire during a step, else 0.05 nA.
"""

import numpy as np

from simsort.simulation.drive.played import Played
from simsort.simulation.drive.processes import PinkNoise

STEPS_NA = (0.05, 0.10, 0.15, 0.20, 0.25)
STEP_S = 0.5


class PinkNoiseCurrent:
    """A noise current into the soma.

    Parameters
    ----------
    sd_na : float
        Standard deviation.
    seed : sequence of int
        Seed.
    """

    def __init__(self, sd_na: float, seed):
        self.sd_na, self.seed = sd_na, list(seed)

    def attach(self, cell, dt_ms: float, longest: int) -> None:
        """Put a clamp on the soma and start the noise; `fill` takes `longest` samples at most."""
        from neuron import h

        self.clamp = h.IClamp(cell.soma(0.5))
        self.clamp.delay, self.clamp.dur = 0, 1e12
        self.soma_index = next(index for index, segment in enumerate(cell.segments())
                               if segment.sec == cell.soma and abs(segment.x - cell.soma(0.5).x) < 1e-9)
        self.played = Played(h, self.clamp._ref_amp, dt_ms, longest)
        self.noise = PinkNoise(dt_ms, np.random.default_rng(self.seed))
        self.injected_na = np.zeros(0)

    def waveform_na(self, n_samples: int) -> np.ndarray:
        """Return the next samples of the current."""
        return self.sd_na * self.noise.take(n_samples)

    def fill(self, first_sample: int, n_samples: int) -> None:
        """Hand NEURON the current of the next samples."""
        self.injected_na = self.waveform_na(n_samples)
        self.played.fill(first_sample, self.injected_na)
        if first_sample == 0:
            self.injected_na[0] = 0.0  # nothing is injected into the state at t = 0

    def subtract_injected(self, currents_na: np.ndarray, n_samples: int) -> None:
        """Take the electrode's current out of the soma's: membrane currents then sum to zero, as in a cell driven by synapses."""
        currents_na[self.soma_index] -= self.injected_na[-n_samples:]


class StepCurrent(PinkNoiseCurrent):
    """A constant current into the soma, in place of the noise."""

    def waveform_na(self, n_samples: int) -> np.ndarray:
        """Return the same value n_samples times."""
        return np.full(n_samples, self.sd_na)
