"""Spike trains of many units, made epoch by epoch, so that memory does not grow with the recording.

Every unit and epoch has a seed of its own: a time's spikes are the same whatever was asked before.
"""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from simsort.errors import UserError

RATE_STREAM, TRAIN_STREAM, MODULATION_STREAM = 105, 106, 107
EPOCH_S = 30.0
N_EPOCHS_KEPT = 3
PERCENTILE_95 = 1.6449  # standard deviations from the median
N_WAVES = 6


@dataclass(frozen=True, kw_only=True)
class SpikeTrainSettings:
    """How units fire.

    Parameters
    ----------
    rate_scale : float, default: 1.0
        Multiplies every unit's rate, which is lognormal between the 5th and 95th percentile of its cell type
        (Buzsaki & Mizuseki 2014, Nat Rev Neurosci 15:264).
    refractory_ms : float, default: 2.0
        Shortest interval of a unit; at least 1.5.
    regularity : float, default: 1.5
        Shape of the gamma intervals: 1 is a Poisson process with dead time, larger is more regular (Shinomoto et al.
        2009, PLoS Comput Biol 5:e1000433).
    bursts : bool, default: True
        Whether cells of bursting types fire bursts: 3-8 ms intervals, one to three further spikes.
    correlation : float, default: 0.4
        Depth of the slow modulation (0.3-10 s) that units share, 0 to 0.95.
    """

    rate_scale: float = 1.0
    refractory_ms: float = 2.0
    regularity: float = 1.5
    bursts: bool = True
    correlation: float = 0.4

    def __post_init__(self):
        for name, low, high in (("rate_scale", 1e-6, 1e3), ("refractory_ms", 1.5, 20), ("regularity", 0.2, 100),
                                ("correlation", 0, 0.95)):
            if not low <= getattr(self, name) <= high:
                raise UserError(f"spike trains' {name} was given {getattr(self, name)}", f"allowed: {low} to {high}")


def draw_rate_hz(percentiles_hz: tuple[float, float], rng: np.random.Generator) -> float:
    """Draw a lognormal rate of which 5 % lie below and 5 % above the percentiles, within twice their span.

    The tails are cut at half the lower and twice the upper percentile.
    """
    low, high = (max(float(value), 1e-3) for value in percentiles_hz)
    middle, width = (np.log(low) + np.log(high)) / 2, max(np.log(high) - np.log(low), 0.0) / (2 * PERCENTILE_95)
    return float(np.clip(np.exp(rng.normal(middle, width)), low / 2, high * 2))


def keep_refractory(times_s: np.ndarray, refractory_s: float) -> np.ndarray:
    """Return which of the sorted times (n,) stay when each that follows a kept one too closely goes."""
    keep = np.ones(len(times_s), dtype=bool)
    last = -np.inf
    for index in np.flatnonzero(np.diff(times_s, prepend=-np.inf) < refractory_s):
        before = index - 1
        while not keep[before]:
            before -= 1
        last = times_s[before]
        keep[index] = times_s[index] - last >= refractory_s
    return keep


def draw_train(rate_hz: float, duration_s: float, settings: SpikeTrainSettings, burst_probability: float,
               rng: np.random.Generator, *, guard_s: float = 0.0) -> np.ndarray:
    """Draw sorted spike times in [refractory, duration), gamma intervals after a dead time, some events bursts.

    Parameters
    ----------
    rate_hz : float
        Mean rate of all spikes.
    duration_s : float
    settings : SpikeTrainSettings
    burst_probability : float
        Share of events that are bursts.
    rng : Generator
    guard_s : float, default: 0.0
        Added to the refractory period, for times that are rounded later.

    Returns
    -------
    times_s : array, (n_spikes,)
    """
    refractory_s = settings.refractory_ms / 1000 + guard_s
    burst_probability = burst_probability if settings.bursts else 0.0
    event_rate_hz = rate_hz / (1 + 2 * burst_probability)  # a burst has two further spikes on average
    free_s = max(1 / event_rate_hz - refractory_s, 0.1 * refractory_s)
    expected = duration_s / (refractory_s + free_s)
    count = int(expected + 6 * np.sqrt(expected) + 10)
    intervals = refractory_s + rng.gamma(settings.regularity, free_s / settings.regularity, count)
    times_s = np.cumsum(intervals) - rng.uniform() * intervals[0]
    if burst_probability > 0:
        bursting = times_s[rng.uniform(size=count) < burst_probability]
        extra = np.cumsum(rng.uniform(0.003, 0.008, (len(bursting), 3)), axis=1)
        followers = rng.integers(1, 4, len(bursting))
        extra = (bursting[:, None] + extra)[np.arange(3) < followers[:, None]]
        times_s = np.sort(np.concatenate([times_s, extra]))
    times_s = times_s[(times_s >= refractory_s) & (times_s < duration_s)]
    return times_s[keep_refractory(times_s, refractory_s)]


class Modulation:
    """Slow rate factor shared by units, between 0 and 1, in closed form."""

    def __init__(self, depth: float, seed: int):
        rng = np.random.default_rng([seed, MODULATION_STREAM])
        self.depth = depth
        self.frequencies_hz = np.exp(rng.uniform(np.log(0.1), np.log(3.0), N_WAVES))
        self.phases = rng.uniform(0, 2 * np.pi, N_WAVES)

    @property
    def mean(self) -> float:
        """Average of the factor."""
        return 1 / (1 + self.depth)

    def __call__(self, times_s: np.ndarray) -> np.ndarray:
        angles = 2 * np.pi * times_s[:, None] * self.frequencies_hz + self.phases
        wave = np.clip(np.sin(angles).sum(axis=1) / np.sqrt(N_WAVES), -1, 1)
        return (1 + self.depth * wave) / (1 + self.depth)


@dataclass(frozen=True, kw_only=True)
class Spikes:
    """Spikes of one epoch, sorted by sample: unit, sample of the soma's crossing (floor) and snippet, each (n,)."""

    unit: np.ndarray
    sample: np.ndarray
    snippet: np.ndarray

    def between(self, start: int, end: int) -> "Spikes":
        """Return the spikes with start <= sample < end."""
        first, last = np.searchsorted(self.sample, [start, end])
        return Spikes(unit=self.unit[first:last], sample=self.sample[first:last], snippet=self.snippet[first:last])


class SpikeTrains:
    """Spike trains of the units of one recording.

    Parameters
    ----------
    rates_hz : sequence of float
        Mean rate of each unit.
    burst_probabilities : sequence of float
    settings : SpikeTrainSettings
    choose_snippets : callable
        `choose_snippets(unit, times_s, rng) -> array (n,)` of snippet indices.
    sampling_frequency_hz : float
    n_samples : int
        Length of the recording.
    seed : int
    """

    def __init__(self, rates_hz, burst_probabilities, settings: SpikeTrainSettings, choose_snippets, *,
                 sampling_frequency_hz: float, n_samples: int, seed: int):
        self.rates_hz, self.burst_probabilities = list(rates_hz), list(burst_probabilities)
        self.settings, self.choose_snippets = settings, choose_snippets
        self.sampling_frequency_hz, self.n_samples, self.seed = float(sampling_frequency_hz), int(n_samples), seed
        self.modulation = Modulation(settings.correlation, seed)
        self.epoch_samples = int(EPOCH_S * sampling_frequency_hz)
        self.epochs: OrderedDict[int, Spikes] = OrderedDict()

    @property
    def n_epochs(self) -> int:
        """Number of epochs of the recording."""
        return -(-self.n_samples // self.epoch_samples)

    def epoch(self, index: int) -> Spikes:
        """Return the spikes of one epoch; a few are kept in memory."""
        if index not in self.epochs:
            self.epochs[index] = self.make_epoch(index)
            while len(self.epochs) > N_EPOCHS_KEPT:
                self.epochs.popitem(last=False)
        self.epochs.move_to_end(index)
        return self.epochs[index]

    def make_epoch(self, index: int) -> Spikes:
        """Draw the spikes of one epoch."""
        first = index * self.epoch_samples
        units, samples, snippets = [], [], []
        for unit in range(len(self.rates_hz)):
            rng = np.random.default_rng([self.seed, TRAIN_STREAM, unit, index])
            times_s = self.unit_times_s(unit, index, rng)
            samples.append(first + np.floor(times_s * self.sampling_frequency_hz).astype(np.int64))
            snippets.append(np.asarray(self.choose_snippets(unit, times_s, rng), dtype=np.int32))
            units.append(np.full(len(times_s), unit, dtype=np.int32))
        if not units:
            empty = np.zeros(0, dtype=np.int64)
            return Spikes(unit=empty, sample=empty, snippet=empty)
        unit, sample, snippet = (np.concatenate(parts) for parts in (units, samples, snippets))
        order = np.lexsort((unit, sample))
        order = order[sample[order] < self.n_samples]
        return Spikes(unit=unit[order], sample=sample[order], snippet=snippet[order])

    def unit_times_s(self, unit: int, index: int, rng: np.random.Generator) -> np.ndarray:
        """Draw one unit's spike times within an epoch, in s from its start."""
        epoch_s = self.epoch_samples / self.sampling_frequency_hz
        peak_hz = self.rates_hz[unit] * self.settings.rate_scale / self.modulation.mean
        times_s = draw_train(peak_hz, epoch_s, self.settings, self.burst_probabilities[unit], rng,
                             guard_s=2 / self.sampling_frequency_hz)
        if self.settings.correlation > 0:
            # Thinning keeps the refractory period, which warping time would not.
            accepted = rng.uniform(size=len(times_s)) < self.modulation(index * epoch_s + times_s)
            times_s = times_s[accepted]
        return times_s

    def between(self, start: int, end: int) -> Spikes:
        """Return all spikes with start <= sample < end, sorted by sample and unit."""
        start, end = max(start, 0), min(end, self.n_samples)
        if start >= end:
            return Spikes(unit=np.zeros(0, np.int32), sample=np.zeros(0, np.int64), snippet=np.zeros(0, np.int32))
        epochs = range(start // self.epoch_samples, (end - 1) // self.epoch_samples + 1)
        parts = [self.epoch(index).between(start, end) for index in epochs]
        return Spikes(**{name: np.concatenate([getattr(part, name) for part in parts])
                         for name in ("unit", "sample", "snippet")})

    def __getstate__(self) -> dict:
        return {**self.__dict__, "epochs": OrderedDict()}
