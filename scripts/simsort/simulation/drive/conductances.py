"""Fluctuating synaptic conductances at the soma (Destexhe et al., Neuroscience 107:13, 2001).

Excitation and inhibition are Ornstein-Uhlenbeck processes around a mean, never below zero. NEURON's own `ExpSyn` carries them:
its conductance is overwritten at every step, so no mechanism has to be compiled.
"""

import dataclasses

import numpy as np

from simsort.simulation.drive.played import Played
from simsort.simulation.drive.processes import OrnsteinUhlenbeck, Packets
from simsort.simulation.seeds import seed_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConductanceSettings:
    """Parameters of the input; conductances in uS, most relative to the excitatory mean.

    Attributes
    ----------
    excitation_us : float
        Mean excitatory conductance.
    excitation_sd, inhibition_mean, inhibition_sd : float
        Relative to `excitation_us`; Destexhe 2001 has 0.25, 4.75 and 0.55, in vivo recordings vary widely around that.
    excitation_tau_ms, inhibition_tau_ms : float
        Correlation times.
    excitation_reversal_mv, inhibition_reversal_mv : float
        Reversal potentials.
    burst_rate_hz, burst_size, burst_tau_ms : float
        Packets of extra excitation that make bursts: how often, their peak relative to `excitation_us`, their decay.
    shared_fraction : float
        Share of the variance of both processes that all cells of a `shared_seed` have in common.
    """

    excitation_us: float = 0.01
    excitation_sd: float = 0.4
    inhibition_mean: float = 3.0
    inhibition_sd: float = 0.6
    excitation_tau_ms: float = 2.7
    inhibition_tau_ms: float = 10.5
    excitation_reversal_mv: float = 0.0
    inhibition_reversal_mv: float = -75.0
    burst_rate_hz: float = 0.0
    burst_size: float = 3.0
    burst_tau_ms: float = 8.0
    shared_fraction: float = 0.0
    shared_seed: int = 0


class Conductances:
    """The input of one cell.

    Parameters
    ----------
    settings : ConductanceSettings
        Its parameters.
    seed : sequence of int
        Seed of this cell's own noise.
    """

    def __init__(self, settings: ConductanceSettings, seed):
        self.settings, self.seed = settings, list(seed)

    def attach(self, cell, dt_ms: float, longest: int) -> None:
        """Put the two synapses on the soma and start the processes; `fill` takes `longest` samples at most."""
        from neuron import h

        settings, children = self.settings, np.random.default_rng(self.seed).spawn(3)
        self.synapses, self.played = [], []
        for reversal_mv in (settings.excitation_reversal_mv, settings.inhibition_reversal_mv):
            synapse = h.ExpSyn(cell.soma(0.5))
            synapse.e, synapse.tau = reversal_mv, 1e9
            self.synapses.append(synapse)
            self.played.append(Played(h, synapse._ref_g, dt_ms, longest))
        taus = (settings.excitation_tau_ms, settings.inhibition_tau_ms)
        self.own = [OrnsteinUhlenbeck(tau, dt_ms, rng) for tau, rng in zip(taus, children)]
        shared = np.random.default_rng(seed_of("shared input", settings.shared_seed)).spawn(2)
        self.shared = [OrnsteinUhlenbeck(tau, dt_ms, rng) for tau, rng in zip(taus, shared)]
        self.packets = Packets(settings.burst_rate_hz, settings.burst_tau_ms, dt_ms, children[2])

    def fill(self, first_sample: int, n_samples: int) -> None:
        """Hand NEURON the conductances of the next samples."""
        settings = self.settings
        noise = [np.sqrt(1 - settings.shared_fraction) * own.take(n_samples)
                 + np.sqrt(settings.shared_fraction) * shared.take(n_samples) for own, shared in zip(self.own, self.shared)]
        excitation = 1 + settings.excitation_sd * noise[0] + settings.burst_size * self.packets.take(n_samples)
        inhibition = settings.inhibition_mean + settings.inhibition_sd * noise[1]
        for played, relative in zip(self.played, (excitation, inhibition)):
            played.fill(first_sample, np.maximum(settings.excitation_us * relative, 0.0))

    def subtract_injected(self, currents_na: np.ndarray, n_samples: int) -> None:
        """Do nothing: a synapse's current is a membrane current already."""
