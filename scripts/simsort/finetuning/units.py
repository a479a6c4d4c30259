"""Which of a recording's units are safe to learn from, and what they look like."""

from dataclasses import dataclass

import numpy as np

from simsort.sorting.own.linking import strangers
from simsort.sorting.own.traces import SAMPLING_FREQUENCY_HZ as FS
from simsort.sorting.own.traces import Traces

N_BEFORE, N_SAMPLES = 30, 90
MOST_SPIKES = 400  # that are averaged
MOST_LATE = 15  # samples between a unit's time and its trough
FEWEST_SPIKES = 40
REFRACTORY_S, MOST_SHORT = 0.0015, 0.01
ENOUGH_PAIRS, CHANCE_SHARE = 4.0, 0.2  # expected by chance, for the refractory period to tell; of them that are allowed
LEAST_HALVES = 0.9  # cosine of the means of two halves
QUARTERS = 3  # of four, in which a safe unit fires
TWINS, TWINS_UM = 0.5, 100.0  # distance, as a share of the larger mean spike, at which two units may be one neuron


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A sorted unit.

    Parameters
    ----------
    samples : array, (n_spikes,)
        Times of its troughs.
    template_uv : array, (n_channels, N_SAMPLES) float32
        Mean spike in its band; the trough is at `N_BEFORE`.
    depth : array, (n_channels,) float32
        Depth of the whitened mean spike on each channel, in noise levels.
    halves : float
        Cosine of the means over two interleaved halves of the recording.
    """

    samples: np.ndarray
    template_uv: np.ndarray
    depth: np.ndarray
    halves: float

    @property
    def channel(self) -> int:
        """The channel with the deepest trough."""
        return int(self.depth.argmax())

    @property
    def snr(self) -> float:
        """Depth of the deepest trough in noise levels."""
        return float(self.depth.max())


def measure_units(traces: Traces, trains: list[np.ndarray]) -> list[Unit]:
    """Average the spikes of sorted units.

    Parameters
    ----------
    traces : Traces
    trains : list of arrays
        Spike samples of each unit.

    Returns
    -------
    units : list of Unit
        In the same order.
    """
    sums, counts = sums_of(traces, trains)
    units = []
    for train, halves, n in zip(trains, sums, counts):
        mean = halves.sum(axis=0) / max(n.sum(), 1)
        whitened = traces.whitening.matrix @ mean
        near = slice(N_BEFORE - MOST_LATE, N_BEFORE + MOST_LATE + 1)
        channel = int((-whitened[:, near]).max(axis=1).argmax())
        late = int(whitened[channel, near].argmin()) - MOST_LATE
        units.append(Unit(samples=np.sort(train) + late, template_uv=moved_in_time(mean, -late),
                          depth=np.maximum(-whitened[:, near].min(axis=1), 0), halves=cosine(*halves)))
    return units


def sums_of(traces: Traces, trains: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return sums (n_units, 2, n_channels, N_SAMPLES) of spikes in even and odd pieces, and their numbers."""
    pieces = traces.pieces()
    sums = np.zeros((len(trains), 2, len(traces.contacts_um), N_SAMPLES), dtype=np.float32)
    counts = np.zeros((len(trains), 2), dtype=int)
    steps = np.arange(N_SAMPLES) - N_BEFORE
    for index, (start, stop) in enumerate(pieces):
        first, last = max(start - N_SAMPLES, 0), min(stop + N_SAMPLES, traces.n_samples)
        band_uv = traces.recording.get_traces(start_frame=first, end_frame=last).T
        for number, train in enumerate(trains):
            its = train[(train >= max(start, N_SAMPLES)) & (train < min(stop, traces.n_samples - N_SAMPLES))]
            its = its[:-(-MOST_SPIKES // len(pieces)) + 1]
            if len(its):
                sums[number, index % 2] += band_uv[:, (its - first)[:, None] + steps].sum(axis=1)
                counts[number, index % 2] += len(its)
    return sums, counts


def moved_in_time(template: np.ndarray, late: int) -> np.ndarray:
    """Return a template (n_channels, n_samples) so many samples later."""
    moved = np.zeros_like(template)
    n_samples = template.shape[1]
    moved[:, max(late, 0):n_samples + min(late, 0)] = template[:, max(-late, 0):n_samples - max(late, 0)]
    return moved


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Return the cosine of two arrays, 0 where one is zero."""
    length = np.linalg.norm(one) * np.linalg.norm(other)
    return float((one * other).sum() / length) if length else 0.0


def safe_units(units: list[Unit], contacts_um: np.ndarray, duration_s: float, *, least_snr: float) -> np.ndarray:
    """Return the indices of the units that are most surely one neuron each, largest first.

    Large, hardly a pair in the refractory period, the same in both halves, there most of the time, and not like
    another one: a neuron in two parts would teach that its spikes differ.
    """
    kept: list[int] = []
    for index in sorted(range(len(units)), key=lambda i: -units[i].snr):
        unit = units[index]
        good = (unit.snr >= least_snr and len(unit.samples) >= FEWEST_SPIKES and unit.halves >= LEAST_HALVES
                and is_refractory(unit.samples / FS, duration_s) and fires_throughout(unit.samples / FS, duration_s))
        if good:
            kept.append(index)
    near = [index for index in kept if not any(
        other != index and len(units[other].samples) >= len(units[index].samples)
        and are_twins(units[index], units[other], contacts_um) for other in range(len(units)))]
    return np.array(near, dtype=int)


def is_refractory(times_s: np.ndarray, duration_s: float) -> bool:
    """Tell whether a train keeps its refractory period."""
    n_short = int((np.diff(times_s) < REFRACTORY_S).sum())
    chance = len(times_s) ** 2 * REFRACTORY_S / duration_s
    few = chance < ENOUGH_PAIRS or n_short <= CHANCE_SHARE * chance
    return few and n_short <= MOST_SHORT * len(times_s)


def fires_throughout(times_s: np.ndarray, duration_s: float) -> bool:
    """Tell whether a unit fires in most quarters of the recording."""
    return int((np.histogram(times_s, 4, (0, duration_s))[0] > 0).sum()) >= QUARTERS


def are_twins(one: Unit, other: Unit, contacts_um: np.ndarray) -> bool:
    """Tell whether two units may be one neuron: alike at some lag, and not firing as independent ones would."""
    if np.linalg.norm(contacts_um[one.channel] - contacts_um[other.channel]) > TWINS_UM:
        return False
    larger = max(np.linalg.norm(one.template_uv), np.linalg.norm(other.template_uv))
    lags = range(-MOST_LATE, MOST_LATE + 1, 3)
    distance = min(np.linalg.norm(moved_in_time(one.template_uv, lag) - other.template_uv) for lag in lags)
    return bool(distance < TWINS * larger) and not strangers(one.samples / FS, other.samples / FS)
