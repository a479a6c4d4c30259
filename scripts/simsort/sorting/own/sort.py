"""From a recording to spike trains: events, clusters of every group of channels, templates, spikes taken out."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from simsort.models.ceed_folder import CeedModel
from simsort.models.neighbourhoods import neighbourhoods
from simsort.sorting.own.basis import (
    LONG_BEFORE, LONG_SAMPLES, N_BEFORE, N_SAMPLES, Basis, cut, delays_of, fit_basis, noise_covariance, noise_products)
from simsort.sorting.own.ceed_looks import CeedLooks
from simsort.sorting.own.clustering import find_clusters
from simsort.sorting.own.echoes import without_echoes
from simsort.sorting.own.evenly import evenly
from simsort.sorting.own.events import Events, joined
from simsort.sorting.own.forks import fork_map
from simsort.sorting.own.groups import Group, make_groups
from simsort.sorting.own.halo import Halo
from simsort.sorting.own.judgement import Judgement
from simsort.sorting.own.identity import Looks, join_pieces
from simsort.sorting.own.kept import keep
from simsort.sorting.own.linking import Comparison, link_units
from simsort.sorting.own.mixture import MixtureSettings
from simsort.sorting.own.pursuit import FIRST_LAG, Pursuit, responses
from simsort.sorting.own.remembering import remember
from simsort.sorting.own.structure import trains_of
from simsort.sorting.own.templates import Templates, expand, join, knot_spacing_s
from simsort.sorting.own.traces import SAMPLING_FREQUENCY_HZ as FS
from simsort.sorting.own.traces import Traces, open_traces, without_gaps
from simsort.sorting.own.troughs import find_troughs
from simsort.sorting.own.worth import Worth

N_BASIS_EVENTS = 8000
FEWEST_EVENTS = 30
LARGE = 15.0
MOST_BLOCKS = 48  # of pieces: what is summed over a block does not depend on who works on it
JUDGED_PIECES = 60
BASIS_PIECES, PRUNED_PIECES, MOST_PRUNINGS = 20, 30, 3
FIRST_OF = 3  # the first of so many pieces is asked before the others: most units are clear then
NOISE_SAMPLES = 15000  # of a piece
FEW_CHANNELS = 8  # on more, what is taken for noise in one group of channels may be a neuron's far side


@dataclass(frozen=True, kw_only=True)
class SortSettings:
    """How to sort.

    Parameters
    ----------
    threshold : float, default: 3.5
        Depth of troughs that are looked at, in noise levels.
    exclude_ms : float, default: 0.3
    exclude_um : float, default: 75.0
        A trough is the deepest within this time and distance.
    n_features : int, default: 4
        Of each channel.
    least_size : float, default: 5.0
        Length of a template in noise levels below which it is noise.
    main_rate_hz : float, default: 0.2
        Slower clusters have to show again when the faster units are taken out of the traces.
    most_directions : int, default: 20
        Features of a group, after those that hold little are left out.
    n_refinements : int, default: 2
        Rounds of clustering again what was taken out and what was left.
    most_events : int, default: 60000
        Of a group that are clustered; more are thinned evenly over time.
    learning_s : float, default: 1200.0
        Of a longer recording pieces of so many seconds in all, evenly spread, are clustered.
    mixture : MixtureSettings
    seed : int
    keep_gb : float, default: 16.0
        Whitened traces that are kept on disk meanwhile, where there is a folder for them and room.
    """

    threshold: float = 3.5
    exclude_ms: float = 0.3
    exclude_um: float = 75.0
    n_features: int = 4
    least_size: float = 5.0
    main_rate_hz: float = 0.2
    most_directions: int = 20
    n_refinements: int = 2
    most_events: int = 60000
    learning_s: float = 1200.0
    mixture: MixtureSettings = field(default_factory=MixtureSettings)
    seed: int = 0
    keep_gb: float = 16.0


class OwnSorter:
    """Sorts one recording.

    Parameters
    ----------
    recording : BaseRecording
        One segment.
    settings : SortSettings
    encoder : Encoder | CeedModel | None
        Tells which units are pieces of one neuron (`simsort.sorting.own.identity`, `simsort.sorting.own.ceed_looks`).
    n_jobs : int
        Worker processes. The spikes do not depend on it.
    progress : callable | None
        Is called with a line on what is being done.
    scratch : Path | None
        A folder where whitened traces may be kept meanwhile, at most `settings.keep_gb` of them.
    """

    def __init__(self, recording, settings: SortSettings | None = None, *, encoder=None, n_jobs: int = 1,
                 progress: Callable[[str], None] | None = None, scratch: Path | None = None):
        self.settings, self.encoder, self.n_jobs = settings or SortSettings(), encoder, n_jobs
        self.say = progress or (lambda line: None)
        self.traces: Traces = open_traces(recording, seed=self.settings.seed, n_jobs=n_jobs)
        contacts_um = self.traces.contacts_um
        self.n_channels = len(contacts_um)
        self.groups: list[Group] = make_groups(contacts_um)
        self.rivals = neighbourhoods(contacts_um, self.settings.exclude_um, min(self.n_channels, 32)).channels
        self.exclude = round(self.settings.exclude_ms * FS / 1000)
        self.group_at = np.empty(self.n_channels, dtype=int)
        for number, group in enumerate(self.groups):
            self.group_at[group.centres] = number
        self.pieces = self.traces.pieces()
        step = max(self.traces.duration_s / self.settings.learning_s, 1.0)
        self.learnt = np.unique(np.arange(0, len(self.pieces), step).astype(int))
        self.learnt_s = sum(self.pieces[index][1] - self.pieces[index][0] for index in self.learnt) / FS
        if scratch is not None:
            learnt = [self.pieces[index] for index in self.learnt]
            self.traces = replace(self.traces, kept=keep(scratch, learnt, self.n_channels, self.settings.keep_gb))
        self.basis: Basis | None = self.learn_basis()
        self.turns = responses(self.basis)[len(self.basis.shifts) // 2] if self.basis is not None else None

    def learn_basis(self) -> Basis | None:
        """Find the features, from events of pieces spread over the recording; None if there are too few events."""
        self.say("learning the features of spikes")
        found = self.over_blocks(self.basis_of_block, evenly(len(self.pieces), BASIS_PIECES))
        short, long, products, counts = zip(*(its for block in found for its in block))
        short, long = np.concatenate(short), np.concatenate(long)
        if len(short) < FEWEST_EVENTS:
            return None
        rows = np.sort(np.random.default_rng(self.settings.seed).permutation(len(short))[:N_BASIS_EVENTS])
        covariance = noise_covariance(np.sum(products, axis=0), np.sum(counts, axis=0))
        return fit_basis(short[rows], long[rows], covariance, self.settings.n_features)

    def basis_of_block(self, block: np.ndarray) -> list[tuple]:
        """Return short and long snippets of events of every piece of a block, and the products of its noise."""
        found = []
        for index in block:
            traces, _ = self.traces.read(*self.pieces[index])
            channel, sample = self.troughs(traces)
            cuts = [traces[channel[:, None], sample[:, None] + np.arange(-before, n - before)]
                    for before, n in ((N_BEFORE, N_SAMPLES), (LONG_BEFORE, LONG_SAMPLES))]
            found.append((*cuts, *noise_products(without_gaps(traces)[:, :NOISE_SAMPLES])))
        return found

    def troughs(self, traces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return channels and samples of troughs away from the ends."""
        channel, sample = find_troughs(traces, self.rivals, self.settings.threshold, self.exclude)
        inside = (sample >= LONG_BEFORE + 2) & (sample < traces.shape[1] - LONG_SAMPLES)
        return channel[inside], sample[inside]

    def sort(self) -> list[np.ndarray]:
        """Return the spike samples of every unit, at `SAMPLING_FREQUENCY_HZ`."""
        if self.basis is None:
            return []
        pursuit = self.learn()
        if pursuit is None:
            return []
        pursuit = self.pruned(pursuit)
        return self.match(pursuit)

    def learn(self) -> Pursuit | None:
        """Return the pursuit of the units that all rounds have found, None without any."""
        templates = None
        for number in range(self.settings.n_refinements + 1):
            self.say(f"round {number + 1} of {self.settings.n_refinements + 1}: collecting events")
            events = self.collect(self.pursuit(templates))
            self.say(f"round {number + 1} of {self.settings.n_refinements + 1}: clustering")
            templates = self.cluster(*events, is_last=number == self.settings.n_refinements)
        return self.pursuit(templates, is_last=True)

    def pursuit(self, templates: Templates | None, *, is_last: bool = False) -> Pursuit | None:
        """Return the pursuit of the units that are to be trusted, None without any.

        On few channels noise takes part at last: what looks more like one of many small spikes is no spike of a unit.
        """
        if templates is None:
            return None
        fewest = max(self.settings.main_rate_hz * self.learnt_s, self.settings.mixture.fewest)
        enough = templates.counts >= fewest
        main = enough & ~templates.is_noise
        if not main.any():
            return None
        if is_last and self.n_channels <= FEW_CHANNELS:
            main = enough
        return Pursuit(templates.only(main), self.basis, sampling_frequency_hz=FS, duration_s=self.learnt_s)

    def pruned(self, pursuit: Pursuit) -> Pursuit:
        """Return the pursuit without units that are not needed."""
        self.say("asking which units are needed")
        for _ in range(MOST_PRUNINGS):
            out = self.worth(pursuit).superfluous()
            if not out.any():
                break
            pursuit = pursuit.only(~out)
        return pursuit

    def worth(self, pursuit: Pursuit) -> Worth:
        """Return what units are worth, of pieces all along the recording; few of them where that is clear."""
        worth = Worth(pursuit)
        pieces = evenly(len(self.pieces), PRUNED_PIECES)
        is_first = np.arange(len(pieces)) % FIRST_OF == 0
        for its in (pieces[is_first], pieces[~is_first]):
            asked = worth.unsettled()
            if not asked.any() or not len(its):
                break
            for seen in self.over_blocks(lambda block: self.worth_of_block(block, pursuit, asked), its):
                worth.add(*seen)
        return worth

    def worth_of_block(self, block: np.ndarray, pursuit: Pursuit, asked: np.ndarray) -> tuple[list, np.ndarray]:
        """Return what the pieces of a block tell of what units are worth."""
        worth = Worth(pursuit, asked)
        for index in block:
            start, stop = self.pieces[index]
            traces, first = self.traces.read(start, stop)
            worth.see(traces, first / FS, start - first, stop - first)
        return worth.losses, worth.takers

    def over_blocks(self, function: Callable, pieces: np.ndarray):
        """Yield `function(pieces of a block)` for the blocks of pieces, in order."""
        blocks = [block for block in np.array_split(pieces, min(MOST_BLOCKS, len(pieces))) if len(block)]
        yield from fork_map(function, blocks, self.n_jobs, begin=self.reopen)

    def reopen(self) -> None:
        """Open the files again: those that a parent opened are not shared between processes."""
        self.traces = self.traces.reopened()

    def collect(self, pursuit: Pursuit | None) -> tuple[list[Events], Halo | None]:
        """Return the events of every group: spikes, each with the others out of the way, and troughs of what is left.

        With a pursuit, also what its units do beyond their templates.
        """
        home = self.homes(pursuit)
        most = -(-self.settings.most_events // len(self.learnt))
        parts: list[list] = [[] for _ in self.groups]
        halo = self.halo(pursuit)
        for found, its_halo in self.over_blocks(lambda block: self.collect_block(block, pursuit, home, most),
                                                self.learnt):
            for number, events in found:
                parts[number].append(events)
            if halo is not None:
                halo.add(its_halo)
        width = self.basis.n_features
        return [joined(part, len(group.channels) * width) for part, group in zip(parts, self.groups)], halo

    def halo(self, pursuit: Pursuit | None) -> Halo | None:
        """Return where what units do beyond their templates is summed."""
        if pursuit is None:
            return None
        return Halo(pursuit, self.traces.contacts_um)

    def collect_block(self, block: np.ndarray, pursuit: Pursuit | None, home: np.ndarray, most: int):
        """Return `(group, events)` of the pieces of a block, at most so many of each piece and group, and the halo."""
        halo, found = self.halo(pursuit), []
        for index in block:
            start, stop = self.pieces[index]
            traces, first = self.traces.read(start, stop)
            rng = np.random.default_rng([self.settings.seed, index])
            for number, events in self.events_of(traces, first, pursuit, home, halo):
                inside = np.flatnonzero((events.sample >= start) & (events.sample < stop))
                inside = inside if len(inside) <= most else np.sort(rng.permutation(inside)[:most])
                found.append((number, events.only(inside)))
        return found, halo.sums if halo is not None else None

    def homes(self, pursuit: Pursuit | None) -> np.ndarray:
        """Return the group of every unit: that of its largest channel."""
        if pursuit is None:
            return np.zeros(0, dtype=int)
        return self.group_at[pursuit.templates.main_channels()]

    def events_of(self, traces: np.ndarray, first: int, pursuit: Pursuit | None, home: np.ndarray, halo: Halo | None):
        """Yield group and events of a piece that begins at sample `first`."""
        left = traces
        if pursuit is not None:
            spikes = pursuit.match(traces, first / FS)
            edge = (spikes.sample >= LONG_BEFORE) & (spikes.sample < traces.shape[1] - LONG_SAMPLES)
            spikes = spikes.only(edge)
            left = pursuit.residual(traces, first / FS, spikes)
            halo.see(left, spikes)
            means = pursuit.means_at((first + traces.shape[1] / 2) / FS)
            for number in np.unique(home[spikes.unit]):
                rows = np.flatnonzero(home[spikes.unit] == number)
                its = self.groups[number].channels
                own = means[spikes.unit[rows]][:, its] * spikes.amplitude[rows][:, None, None]
                rest = self.basis(cut(left, its, spikes.sample[rows]), spikes.delay[rows])
                yield number, Events(sample=spikes.sample[rows] + first, label=spikes.unit[rows],
                                     features=(rest + own.reshape(len(rows), -1)).astype(np.float32))
        channel, sample = self.troughs(left)
        for number in np.unique(self.group_at[channel]):
            rows = np.flatnonzero(self.group_at[channel] == number)
            main = left[channel[rows][:, None], sample[rows][:, None] + np.arange(-N_BEFORE, N_SAMPLES - N_BEFORE)]
            features = self.basis(cut(left, self.groups[number].channels, sample[rows]), delays_of(main))
            yield number, Events(sample=sample[rows] + first, features=features, label=np.full(len(rows), -1))

    def cluster(self, events: list[Events], halo: Halo | None = None, *, is_last: bool = False) -> Templates | None:
        """Return the templates of all clusters, None without any.

        Those of noise take it out of the others' way, until at last, on many channels, they would take small spikes.
        """
        parts, trains = [], []
        known = halo.known() if halo is not None else None
        if known is not None and is_last:
            known = replace(known, is_noise=halo.are_noise())
        busy = [number for number, its in enumerate(events) if len(its.sample) >= FEWEST_EVENTS]
        for part, its in fork_map(lambda number: self.cluster_group(number, events[number], known), busy, self.n_jobs):
            if part is not None:
                parts.append(part)
                trains += its
        if not parts:
            return None
        templates = join(parts)
        return link_units(templates, trains, self.turns, FIRST_LAG)

    def cluster_group(self, number: int, events: Events, known: Templates | None) -> tuple[Templates | None, list]:
        """Return the templates of a group's clusters, None without any, and their trains."""
        group = self.groups[number]
        knot_s = knot_spacing_s(self.settings.mixture.knot_s, self.traces.duration_s, self.n_channels)
        settings = replace(self.settings.mixture, least_size=self.settings.least_size, knot_s=knot_s)
        directions = main_directions(events.features, self.settings.most_directions)
        derivative = np.kron(np.eye(len(group.channels)), self.basis.derivative)
        mixture = find_clusters(events.features @ directions, events.sample / FS, self.traces.duration_s,
                                directions.T @ derivative @ directions, settings, labels=events.label)
        if not mixture.n_clusters:
            return None, []
        part = expand(mixture, directions, group, number, self.n_channels)
        if known is not None:
            remember(part, mixture.labels(), events.label, known, self.basis)
        return part, trains_of(mixture)

    def match(self, pursuit: Pursuit) -> list[np.ndarray]:
        """Return the spike samples of every unit that is none of what the others left."""
        self.say("finding the spikes of all units")
        trains, good, looks = self.units(pursuit)
        if looks is None:
            return [trains[number] for number in good]
        comparison = Comparison(pursuit.templates, self.turns, FIRST_LAG)
        return join_pieces(trains, comparison, looks.identities(self.encoder), good, FS, looks.near)

    def units(self, pursuit: Pursuit) -> tuple[list[np.ndarray], np.ndarray, Looks | CeedLooks | None]:
        """Return the spike samples of every unit, which units are to be reported, and what they look like."""
        judged = set(evenly(len(self.pieces), JUDGED_PIECES))
        samples, units, judgement, looks = [], [], Judgement(pursuit), self.looks(pursuit)
        for sample, unit, its, looked in self.over_blocks(lambda block: self.match_block(block, pursuit, judged),
                                                          np.arange(len(self.pieces))):
            samples.append(sample)
            units.append(unit)
            judgement.add(its)
            if looks is not None:
                looks.add(looked)
        sample, unit = np.concatenate(samples), np.concatenate(units)
        trains = [np.sort(sample[unit == number]) for number in range(len(pursuit.templates.counts))]
        enough = np.array([len(train) >= self.settings.mixture.fewest for train in trains])
        out = ~enough | judgement.are_false() | pursuit.templates.is_noise
        trains, out = without_echoes(trains, judgement.energy, pursuit.sees, out, *judgement.company())
        return trains, np.flatnonzero(~out), looks

    def looks(self, pursuit: Pursuit) -> Looks | CeedLooks | None:
        """Return where snippets for the encoder are kept, None without one."""
        if self.encoder is None:
            return None
        if isinstance(self.encoder, CeedModel):
            return CeedLooks(self.encoder, self.traces.recording, pursuit)
        return Looks(self.encoder.form, self.traces.contacts_um, pursuit)

    def match_block(self, block: np.ndarray, pursuit: Pursuit, judged: set):
        """Return sample and unit of the spikes in the pieces of a block, and what some of them tell of the units."""
        samples, units, judgement, looks = [], [], Judgement(pursuit), self.looks(pursuit)
        for index in block:
            start, stop = self.pieces[index]
            traces, first = self.traces.read(start, stop)
            spikes = pursuit.match(traces, first / FS)
            inside = (spikes.sample + first >= start) & (spikes.sample + first < stop)
            if index in judged:
                asked = inside & ~pursuit.templates.is_noise[spikes.unit]
                judgement.see(traces, first / FS, spikes, asked)
                if looks is not None:
                    looks.see(traces if looks.whitened else self.traces.in_noise_levels(start, stop), spikes, asked)
            samples.append(spikes.sample[inside] + first)
            units.append(spikes.unit[inside])
        found = looks.found if looks is not None else None
        return np.concatenate(samples), np.concatenate(units), judgement.facts, found


def main_directions(features: np.ndarray, most: int) -> np.ndarray:
    """Return the directions (n_features, n) that hold most of the events, large ones not more than others.

    Noise keeps its variance in every direction.
    """
    if features.shape[1] <= most:
        return np.eye(features.shape[1])
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    limited = features * np.minimum(1.0, LARGE / np.maximum(lengths, 1e-9))
    _, vectors = np.linalg.eigh(limited.T.astype(np.float64) @ limited)
    return vectors[:, ::-1][:, :most].copy()
