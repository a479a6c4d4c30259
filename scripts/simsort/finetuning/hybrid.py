"""Injected units whose spikes are known: the mean spikes of a recording's own units, elsewhere on the probe."""

import itertools
from dataclasses import dataclass

import numpy as np

from simsort.finetuning.units import N_BEFORE, N_SAMPLES, Unit, cosine
from simsort.sorting.own.traces import SAMPLING_FREQUENCY_HZ as FS

TOLERANCE_UM = 2.0
FARTHEST_UM = 300.0
KEPT_ENERGY = 0.9  # of a moved unit's, that falls on contacts
STILL_ITSELF = 0.9  # cosine of a moved unit and the one it was
IN_PLACE = 0.6  # of its size, where it fits nowhere else
REFRACTORY_S = 0.003
N_SPIKES, LEAST_RATE_HZ, MOST_RATE_HZ = 80, 1.0, 10.0
SIZES, AMPLITUDE_SD = (0.7, 1.2), 0.08


@dataclass(frozen=True, kw_only=True)
class Hybrid:
    """An injected unit: samples (n,) of its troughs, amplitude (n,), template_uv (n_channels, N_SAMPLES)."""

    samples: np.ndarray
    amplitude: np.ndarray
    template_uv: np.ndarray

    def add_to(self, band_uv: np.ndarray, first: int) -> None:
        """Add the spikes to traces (n_channels, n) that begin at sample `first`."""
        n = band_uv.shape[1]
        for sample, amplitude in zip(self.samples - first - N_BEFORE, self.amplitude):
            start, stop = max(sample, 0), min(sample + N_SAMPLES, n)
            if start < stop:
                band_uv[:, start:stop] += amplitude * self.template_uv[:, start - sample:stop - sample]


def make_hybrids(units: list[Unit], contacts_um: np.ndarray, start: int, stop: int, *,
                 rng: np.random.Generator) -> list[Hybrid]:
    """Return hybrid units with spikes between two samples.

    Parameters
    ----------
    units : list of Unit
        Each gives one, elsewhere and of another size.
    contacts_um : array, (n_channels, 2)
    start, stop : int
    rng : numpy.random.Generator
    """
    taper = np.ones(N_SAMPLES, dtype=np.float32)
    taper[:8], taper[-16:] = np.linspace(0, 1, 8), np.linspace(1, 0, 16)
    hybrids = []
    for unit in units:
        template_uv = moved(unit, contacts_um, rng) * taper * rng.uniform(*SIZES)
        samples = draw_train((stop - start) / FS, rng) + start
        amplitude = np.clip(1 + AMPLITUDE_SD * rng.standard_normal(len(samples)), 0.7, 1.3)
        hybrids.append(Hybrid(samples=samples, amplitude=amplitude, template_uv=template_uv.astype(np.float32)))
    return hybrids


def moved(unit: Unit, contacts_um: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a unit's mean spike shifted along the probe, turned or mirrored; smaller in place if it fits nowhere."""
    found = []
    energy = (unit.template_uv**2).sum()
    for source in moves(unit.channel, contacts_um):
        template_uv = np.where((source >= 0)[:, None], unit.template_uv[source], 0)
        if (template_uv**2).sum() >= KEPT_ENERGY * energy and cosine(template_uv, unit.template_uv) < STILL_ITSELF:
            found.append(template_uv)
    return found[rng.integers(len(found))] if found else IN_PLACE * unit.template_uv


def moves(channel: int, contacts_um: np.ndarray):
    """Yield for every rigid move of the contacts onto each other the source (n_channels,) of each; -1: none."""
    near = np.flatnonzero(np.linalg.norm(contacts_um - contacts_um[channel], axis=1) <= FARTHEST_UM)
    for target in near:
        for mirror, axes in itertools.product(((1, 1), (-1, 1), (1, -1), (-1, -1)), ((0, 1), (1, 0))):
            if target == channel and (mirror, axes) == ((1, 1), (0, 1)):
                continue
            # where each contact's signal comes from
            places = ((contacts_um - contacts_um[target]) * mirror)[:, axes] + contacts_um[channel]
            distance = np.linalg.norm(places[:, None] - contacts_um[None], axis=2)
            source = distance.argmin(axis=1)
            yield np.where(distance[np.arange(len(places)), source] <= TOLERANCE_UM, source, -1)


def draw_train(duration_s: float, rng: np.random.Generator) -> np.ndarray:
    """Return samples of a Poisson train with a refractory period, some 80 spikes where the rate allows."""
    rate_hz = float(np.clip(N_SPIKES / duration_s, LEAST_RATE_HZ, MOST_RATE_HZ))
    intervals_s = REFRACTORY_S + rng.exponential(1 / rate_hz, size=int(2 * duration_s * rate_hz) + 20)
    times_s = np.cumsum(intervals_s)
    return np.round(times_s[times_s < duration_s] * FS).astype(np.int64)
