"""Units that are one neuron at different displacements of the probe, by the identity that the encoder sees.

Where the tissue moves fast or far, a neuron can end as two units, each with its own template. The encoder was trained
to put a neuron's spikes at one place at all displacements, in units of their scatter; with the likeness of the templates
and the refractory period it tells such pieces from neighbours.
"""

from itertools import combinations

import numpy as np
import torch

from simsort.models.neighbourhoods import neighbourhoods
from simsort.sorting.own.evenly import evenly, some_of_each
from simsort.sorting.own.linking import Comparison
from simsort.sorting.own.nearest import distance_to_nearest
from simsort.sorting.own.pursuit import Pursuit, Spikes
from simsort.sorting.own.separation import refractoriness

NEAREST = 6  # channels on which a spike's trough is looked for
SEARCH = 6  # samples
MOST_SPIKES, MOST_PER_PIECE = 80, 3  # of a unit
FEWEST = 10
MOST_CHANGE = 0.75  # relative, of the templates of pieces of one neuron where they meet
MOST_CHANGE_TOGETHER, TOGETHER = 0.5, 0.8  # the same where they share so much of their time, and nothing moves between
# log odds of two units being one neuron, fitted on drifting recordings of known spikes (MEArec, real mean waveforms)
AT_ONE_PLACE, PER_DISTANCE, PER_CHANGE, PER_REFRACTORY = 5.0, -0.82, -3.16, 0.17
LIKELY = 0.4
KEPT, MOST_REFRACTORY = 0.1, 6.0  # refractory pairs of one neuron relative to chance; the most that their absence tells
ONE_SPIKE_S = 0.0005


class Looks:
    """Snippets of some spikes of every unit, as the networks are given them.

    Parameters
    ----------
    form : InputForm
    contacts_um : array, (n_channels, 2)
    pursuit : Pursuit

    Attributes
    ----------
    found : list of lists
        Of every unit the `(snippets, channels)` of its spikes: (n, n_channels of the form, n_samples) and (n,).
    """

    whitened = True  # traces are to be given so

    def __init__(self, form, contacts_um: np.ndarray, pursuit: Pursuit):
        self.form = form
        self.around = neighbourhoods(contacts_um, form.radius_um, form.n_channels)
        self.main = pursuit.templates.main_channels()
        self.found: list[list] = [[] for _ in self.main]

    def see(self, traces: np.ndarray, spikes: Spikes, inside: np.ndarray) -> None:
        """Look at some spikes of a piece of traces."""
        for unit, rows in some_of_each(spikes, inside, SEARCH + self.form.n_samples, traces.shape[1],
                                       MOST_PER_PIECE):
            near = self.around.channels[self.main[unit]][:NEAREST]
            window = traces[near[:, None, None], spikes.sample[rows][:, None] + np.arange(-SEARCH, SEARCH + 1)]
            place = np.swapaxes(window, 0, 1).reshape(len(rows), -1).argmin(axis=1)
            channel, step = near[place // (2 * SEARCH + 1)], place % (2 * SEARCH + 1) - SEARCH
            samples = (spikes.sample[rows] + step)[:, None, None] + np.arange(self.form.n_samples) - self.form.n_before
            self.found[unit].append((traces[self.around.channels[channel][:, :, None], samples], channel))

    def add(self, found: list) -> None:
        """Add what was seen elsewhere."""
        for own, other in zip(self.found, found):
            own += other

    @torch.inference_mode()
    def identities(self, encoder) -> list[np.ndarray | None]:
        """Return where the encoder puts each unit: the median of its spikes; None for a unit of few."""
        device = next(encoder.parameters()).device

        def place(snippets: np.ndarray, channels: np.ndarray) -> np.ndarray:
            given = (snippets, self.around.offsets_um[channels], self.around.is_there[channels])
            identity = encoder(*(torch.as_tensor(one, device=device) for one in given)).identity
            return np.median(identity.cpu().numpy(), axis=0)
        return [place(*some) if some is not None else None for some in map(spread, self.found)]

    @staticmethod
    def near(one: np.ndarray | None, other: np.ndarray | None) -> float:
        """Return the log odds of two units being one neuron that two identities give, none where one is unknown."""
        if one is None or other is None:
            return -np.inf
        return AT_ONE_PLACE + PER_DISTANCE * float(np.linalg.norm(one - other))


def spread(parts: list) -> tuple[np.ndarray, np.ndarray] | None:
    """Return of a unit's pieces `(snippets, channels)` at most `MOST_SPIKES` spikes in all, None of a few."""
    if sum(len(channels) for _, channels in parts) < FEWEST:
        return None
    snippets, channels = (np.concatenate(column) for column in zip(*parts))
    rows = evenly(len(channels), MOST_SPIKES)
    return snippets[rows], channels[rows]


def join_pieces(trains: list[np.ndarray], comparison: Comparison, places: list, good: np.ndarray,
                sampling_frequency_hz: float, near) -> list[np.ndarray]:
    """Return the spike trains of neurons, from those of units of which several may be one neuron.

    Parameters
    ----------
    trains : list of arrays
        Spike samples of every unit.
    comparison : Comparison
        Of the units' templates.
    places : list of arrays or None
        Each unit's identity.
    good : array, (n_good,)
        Units that are looked at; the others are left out.
    sampling_frequency_hz : float
    near : callable
        `near(place, other)` returns the log odds that two identities give.
    """
    trains = {unit: trains[unit] for unit in good}

    def likely(pairs) -> dict:
        odds = {pair: near(places[pair[0]], places[pair[1]]) for pair in pairs}
        # the rest is looked at only where it can make two units likely to be one
        odds = {pair: value + log_odds(*pair, trains, comparison, sampling_frequency_hz) for pair, value in odds.items()
                if value + PER_REFRACTORY * MOST_REFRACTORY > LIKELY}
        return {pair: value for pair, value in odds.items() if value > LIKELY}

    odds = likely(combinations(trains, 2))
    while odds:
        one, other = sorted(max(odds, key=odds.get), key=lambda unit: (len(trains[unit]), unit), reverse=True)
        trains[one] = union(trains[one], trains.pop(other), round(ONE_SPIKE_S * sampling_frequency_hz))
        odds = {pair: value for pair, value in odds.items() if not {one, other} & set(pair)}
        odds |= likely((one, unit) for unit in trains if unit != one)
    return list(trains.values())


def log_odds(one: int, other: int, trains: dict, comparison: Comparison, sampling_frequency_hz: float) -> float:
    """Return what templates and the refractory period tell of two units being one neuron."""
    if not (comparison.sees[one] & comparison.sees[other]).any():
        return -np.inf
    likeness, back = comparison.likeness(one, other), comparison.likeness(other, one)
    change = min(likeness.change, back.change)
    if change > (MOST_CHANGE_TOGETHER if likeness.shared > TOGETHER else MOST_CHANGE):
        return -np.inf
    refractory = refractory_odds(*refractoriness(trains[one] / sampling_frequency_hz,
                                                 trains[other] / sampling_frequency_hz))
    return PER_CHANGE * change + PER_REFRACTORY * refractory


def refractory_odds(found: float, expected: float) -> float:
    """Return the log odds of so many refractory pairs: chance gives `expected`, a neuron's errors a tenth."""
    return min((1 - KEPT) * expected + found * np.log(KEPT), MOST_REFRACTORY)  # Poisson


def union(one: np.ndarray, other: np.ndarray, nearest: int) -> np.ndarray:
    """Return the samples of both trains, those of the second that are also in the first left out."""
    new = other[distance_to_nearest(other, one) > nearest]
    return np.sort(np.concatenate([one, new]))
