"""Random processes made sample by sample: the state is carried, so chunks of any length join to the same bits."""

import numpy as np
from scipy.signal import lfilter


class OrnsteinUhlenbeck:
    """Gaussian noise of unit variance with an exponential autocorrelation (Uhlenbeck and Ornstein 1930), exact for any step.

    Parameters
    ----------
    tau_ms, dt_ms : float
        Correlation time and step.
    rng : numpy.random.Generator
        Source of the noise; two processes need two.
    """

    def __init__(self, tau_ms: float, dt_ms: float, rng: np.random.Generator):
        self.decay = np.exp(-dt_ms / tau_ms)
        self.rng = rng
        self.state = np.array([self.decay * rng.standard_normal()])

    def take(self, n_samples: int) -> np.ndarray:
        """Return the next samples, (n_samples,)."""
        noise = np.sqrt(1 - self.decay**2) * self.rng.standard_normal(n_samples)
        samples, self.state = lfilter([1.0], [1.0, -self.decay], noise, zi=self.state)
        return samples


class PinkNoise:
    """Noise of unit variance with a power spectrum of 1/f, as a sum of Ornstein-Uhlenbeck processes an octave apart.

    A sum of relaxations with evenly spread log time constants has a 1/f spectrum (van der Ziel 1950); with one per octave it
    is flat in f * S(f) to 0.3 dB between the outer corner frequencies.

    Parameters
    ----------
    dt_ms : float
        Step; the shortest time constant.
    rng : numpy.random.Generator
        Source of the noise.
    longest_ms : float, default: 2000.0
        Longest time constant.
    """

    def __init__(self, dt_ms: float, rng: np.random.Generator, longest_ms: float = 2000.0):
        n_octaves = int(np.ceil(np.log2(longest_ms / dt_ms)))
        self.parts = [OrnsteinUhlenbeck(dt_ms * 2.0**octave, dt_ms, child)
                      for octave, child in enumerate(rng.spawn(n_octaves + 1))]

    def take(self, n_samples: int) -> np.ndarray:
        """Return the next samples, (n_samples,)."""
        return sum(part.take(n_samples) for part in self.parts) / np.sqrt(len(self.parts))


class Packets:
    """Pulses at random times, each an exponential decay from 1: the input that makes bursts.

    Parameters
    ----------
    rate_hz : float
        Packets per second.
    tau_ms, dt_ms : float
        Decay time and step.
    rng : numpy.random.Generator
        Source of the times.
    """

    def __init__(self, rate_hz: float, tau_ms: float, dt_ms: float, rng: np.random.Generator):
        self.chance, self.decay, self.rng = rate_hz * dt_ms / 1000, np.exp(-dt_ms / tau_ms), rng
        self.state = np.zeros(1)

    def take(self, n_samples: int) -> np.ndarray:
        """Return the next samples, (n_samples,)."""
        starts = (self.rng.random(n_samples) < self.chance).astype(float)
        samples, self.state = lfilter([1.0], [1.0, -self.decay], starts, zi=self.state)
        return samples
