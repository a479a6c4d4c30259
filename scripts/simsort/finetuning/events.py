"""Events of a recording with labels from its own sorting, in the form that training takes."""

from dataclasses import dataclass

import numpy as np
import torch

from simsort.finetuning.hybrid import Hybrid, make_hybrids
from simsort.finetuning.units import N_SAMPLES, Unit
from simsort.models.candidates import cut_snippets, find_candidates
from simsort.models.input_form import InputForm
from simsort.models.neighbourhoods import neighbourhoods
from simsort.pretraining.events import MATCH_MS, MOST_RIVALS, SHARE_OF_PEAK, Events
from simsort.pretraining.losses import DISPLACEMENT_BIN_UM
from simsort.sorting.own.traces import SAMPLING_FREQUENCY_HZ as FS
from simsort.sorting.own.traces import Traces

SEEN = 1.0  # noise levels; where a unit's spike is deeper, a trough may be its
FEWEST_HYBRIDS, MOST_HYBRIDS = 3, 8
NOT_ASKED, NOISE = -2, -1
STILL_S = 20.0  # of a recording, in which the probe is taken not to move


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Events and the true spike (n_events,) of each, -1 for none; `n_true` spikes should be found."""

    events: Events
    spike: np.ndarray
    n_true: int


class Labeller:
    """Finds the troughs of a recording and says whose they are.

    Parameters
    ----------
    traces : Traces
    form : InputForm
    units : list of Unit
        All sorted units.
    safe : array, (n_safe,)
        Those whose spikes are labelled; troughs near spikes of the others are not asked for.
    """

    def __init__(self, traces: Traces, form: InputForm, units: list[Unit], safe: np.ndarray):
        self.traces, self.form, self.units, self.safe = traces, form, units, np.asarray(safe, dtype=int)
        contacts_um = traces.contacts_um
        near = neighbourhoods(contacts_um, form.radius_um, form.n_channels)
        self.channels, self.is_there, self.offsets_um, self.contacts_um = (
            torch.as_tensor(table) for table in (near.channels, near.is_there, near.offsets_um,
                                                 contacts_um.astype(np.float32)))
        rivals = neighbourhoods(contacts_um, form.exclude_um, min(len(contacts_um), MOST_RIVALS))
        self.rivals = torch.as_tensor(rivals.channels)

    def collect(self, start: int, stop: int, *, most_per_unit: int, most_noise: int, seed: int,
                hybrids: list[Hybrid] = ()) -> Labelled:
        """Return events between two samples, not more of a unit and of noise than asked for, evenly over time.

        Hybrid units come after the safe ones in the numbers of units.
        """
        sources = Sources(self, hybrids)
        pieces = [(max(a, start), min(b, stop)) for a, b in self.traces.pieces() if a < stop and b > start]
        limits = [-(-most // len(pieces)) for most in (most_per_unit, most_noise)]
        parts, spikes = [], []
        for index, (first, last) in enumerate(pieces):
            events, spike = self.piece(first, last, sources)
            rows = some_of(events.unit.numpy(), *limits, np.random.default_rng([seed, index]))
            parts.append(events.only(torch.as_tensor(rows)))
            spikes.append(spike[rows])
        return Labelled(events=joined(parts), spike=np.concatenate(spikes),
                        n_true=int((sources.is_asked & (sources.sample >= start) & (sources.sample < stop)).sum()))

    def hybrids(self, start: int, stop: int, rng: np.random.Generator) -> list[Hybrid]:
        """Return units to inject between two samples, made of safe ones."""
        contacts_um = self.traces.contacts_um
        chosen = rng.permutation(self.safe)[:min(MOST_HYBRIDS, max(len(contacts_um) // 2, FEWEST_HYBRIDS))]
        return make_hybrids([self.units[index] for index in chosen], contacts_um, start, stop, rng=rng)

    def piece(self, start: int, stop: int, sources: "Sources") -> tuple[Events, np.ndarray]:
        """Return the events of a piece and their true spikes."""
        first, last = max(start - 3 * N_SAMPLES, 0), min(stop + 3 * N_SAMPLES, self.traces.n_samples)
        band_uv = self.traces.recording.get_traces(start_frame=first, end_frame=last).T.copy()
        for hybrid in sources.hybrids:
            hybrid.add_to(band_uv, first)
        whitened = torch.as_tensor(self.traces.whitening(band_uv).astype(np.float32))[None]
        form = self.form
        window, channel, sample = find_candidates(whitened, self.rivals, threshold=form.threshold,
                                                  exclude_samples=form.exclude_samples)
        low, high = max(start - first, form.n_before), min(stop - first, whitened.shape[2] - form.n_samples)
        inside = (sample >= low) & (sample < high)
        window, channel, sample = window[inside], channel[inside], sample[inside]
        unit, spike, shift = sources.labels(channel.numpy(), sample.numpy() + first)
        displacement_um = DISPLACEMENT_BIN_UM * (np.floor((sample.numpy() + first) / (STILL_S * FS)) + 0.5)
        snippets = cut_snippets(whitened, self.channels, self.is_there, window, channel, sample, form.n_before,
                                form.n_samples)
        return Events(snippets=snippets, offsets_um=self.offsets_um[channel], is_there=self.is_there[channel],
                      position_um=self.contacts_um[channel], unit=torch.as_tensor(unit),
                      shift_samples=torch.as_tensor(shift), displacement_um=torch.as_tensor(displacement_um).float(),
                      snr=-whitened[0, channel, sample]), spike


class Sources:
    """All spikes that are known, in the order of time: sample, label and depth on every channel."""

    def __init__(self, labeller: Labeller, hybrids: list[Hybrid] = ()):
        self.hybrids, units, safe = list(hybrids), labeller.units, labeller.safe
        matrix = labeller.traces.whitening.matrix
        depths = [unit.depth for unit in units]
        depths += [np.maximum(-(matrix @ hybrid.template_uv).min(axis=1), 0) for hybrid in self.hybrids]
        self.depth = np.stack(depths)  # (n_sources, n_channels)
        label = np.full(len(depths), NOT_ASKED)
        label[safe] = np.arange(len(safe))
        label[len(units):] = len(safe) + np.arange(len(self.hybrids))
        trains = [unit.samples for unit in units] + [hybrid.samples for hybrid in self.hybrids]
        sample, source = np.concatenate(trains), np.repeat(np.arange(len(trains)), [len(train) for train in trains])
        order = np.argsort(sample, kind="stable")
        self.sample, self.source = sample[order], source[order]
        self.label = label[self.source]
        self.is_asked = self.label >= 0
        self.reach = round(MATCH_MS * FS / 1000)

    def labels(self, channel: np.ndarray, sample: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return unit, true spike (-1: none) and shift in samples of troughs: those of the largest spike there."""
        first = np.searchsorted(self.sample, sample - self.reach)
        last = np.searchsorted(self.sample, sample + self.reach, side="right")
        size, best = np.zeros(len(sample)), np.full(len(sample), -1)
        for step in range(int((last - first).max(initial=0))):
            spike = np.minimum(first + step, len(self.sample) - 1)
            here = self.depth[self.source[spike], channel]
            better = (first + step < last) & (here > size)
            best, size = np.where(better, spike, best), np.where(better, here, size)
        found = best >= 0
        peak = np.where(found, self.depth[self.source[best]].max(axis=1), 0)
        is_its = found & (size >= SHARE_OF_PEAK * peak)
        unit = np.where(found & (size >= SEEN), NOT_ASKED, NOISE)
        unit = np.where(is_its, self.label[best], unit)
        shift = np.where(unit >= 0, self.sample[best] - sample, 0).astype(np.float32)
        return unit.astype(np.int64), np.where(unit >= 0, best, -1), shift


def some_of(unit: np.ndarray, most_per_unit: int, most_noise: int, rng: np.random.Generator) -> np.ndarray:
    """Return rows: at most so many of every unit and of noise, none of what is not asked for."""
    rows = [rng.permutation(np.flatnonzero(unit == NOISE))[:most_noise]]
    rows += [rng.permutation(np.flatnonzero(unit == one))[:most_per_unit] for one in np.unique(unit[unit >= 0])]
    return np.sort(np.concatenate(rows)).astype(np.int64)


def joined(parts: list[Events]) -> Events:
    """Return events of several pieces in one."""
    names = [name for name, value in vars(parts[0]).items() if isinstance(value, torch.Tensor)]
    return Events(**{name: torch.cat([getattr(part, name) for part in parts]) for name in names})
