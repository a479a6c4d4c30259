"""Cutting spikes out of a cell's membrane currents, in one pass over the chunks of a run.

Where the windows of two spikes overlap, the first hands over to the second just before its upstroke, with weights that add up to
one: the sum of all snippets is the cell's current minus its baseline, bursts included, but for the tapered ends of the windows.
"""

import dataclasses

import numpy as np

BEFORE_MS, AFTER_MS = 3.0, 10.0
RISE_MS, FALL_MS = 0.5, 3.0
HANDOVER_MS, HANDOVER_LENGTH_MS = 1.1, 0.8  # the end before the next crossing, and the length


@dataclasses.dataclass(frozen=True, kw_only=True)
class Window:
    """Samples around a crossing.

    Attributes
    ----------
    n_before, n_after : int
        Samples before the crossing's and from it on.
    dt_ms : float
        Sampling interval.
    """

    n_before: int
    n_after: int
    dt_ms: float

    @classmethod
    def of(cls, dt_ms: float) -> "Window":
        """Return the usual window at a sampling interval."""
        return cls(n_before=round(BEFORE_MS / dt_ms), n_after=round(AFTER_MS / dt_ms), dt_ms=dt_ms)

    @property
    def n_samples(self) -> int:
        """Length."""
        return self.n_before + self.n_after

    def weights(self, isi_before_ms: float, isi_after_ms: float) -> np.ndarray:
        """Return the weight of each sample, (n_samples,), between 0 and 1."""
        time_ms = (np.arange(self.n_samples) - self.n_before) * self.dt_ms
        length_ms = self.n_samples * self.dt_ms
        if isi_before_ms < length_ms:
            rise = 1 - handover(-HANDOVER_MS - time_ms)
        else:
            rise = fade((time_ms + self.n_before * self.dt_ms) / RISE_MS)
        fall = fade((self.n_after * self.dt_ms - time_ms) / FALL_MS)
        if isi_after_ms < length_ms:
            fall = fall * handover(isi_after_ms - HANDOVER_MS - time_ms)
        return rise * fall


def handover(left_ms: np.ndarray) -> np.ndarray:
    """Return the weight that a spike still has so many ms before the next one has taken over."""
    return fade(left_ms / HANDOVER_LENGTH_MS)


def fade(place: np.ndarray) -> np.ndarray:
    """Return a raised cosine: 0 up to 0, 1 from 1 on."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(place, 0.0, 1.0))


class SnippetCutter:
    """Collects windows of membrane currents from consecutive chunks, at most so many.

    Parameters
    ----------
    window : Window
        Samples kept around each spike.
    max_snippets : int
        Most snippets kept; from more spikes an even random choice is made (reservoir sampling, Vitter 1985), so that memory
        does not grow with the run.
    rng : numpy.random.Generator
        Makes that choice.
    """

    def __init__(self, window: Window, max_snippets: int, rng: np.random.Generator):
        self.window, self.max_snippets, self.rng = window, max_snippets, rng
        self.kept: list[Snippet] = []
        self.currents: np.ndarray | None = None  # of those kept, nA
        self.waiting_ms: list[float] = []  # spikes whose window or next spike is still to come
        self.last_ms = -np.inf
        self.recent_ms: list[float] = []  # of the chunk before
        self.n_spikes = 0
        self.tail = None
        self.tail_first = 0
        self.baseline_sum, self.n_baseline = 0.0, 0

    def add(self, chunk, spikes_ms: np.ndarray) -> None:
        """Take the next chunk of a run and the spikes in it (ms from the run's start)."""
        currents = chunk.membrane_currents_na
        if self.tail is None:
            self.tail, self.tail_first = currents[:, :0], chunk.first_sample
        buffer = np.concatenate([self.tail, currents], axis=1)
        self.waiting_ms += list(spikes_ms)
        end = self.tail_first + buffer.shape[1]
        while self.waiting_ms and self.is_over(self.waiting_ms[0], end):
            self.cut(buffer)
        self.add_baseline(currents, chunk.first_sample, [*self.recent_ms, *spikes_ms])
        self.recent_ms = list(spikes_ms)
        n_tail = min(buffer.shape[1], 2 * self.window.n_samples)
        self.tail, self.tail_first = buffer[:, buffer.shape[1] - n_tail:].copy(), end - n_tail

    def is_over(self, spike_ms: float, end: int) -> bool:
        """Tell whether the window of a spike ends, and the time in which the next one would matter, before a sample."""
        return spike_ms / self.window.dt_ms + self.window.n_samples + 1 < end

    def cut(self, buffer: np.ndarray) -> None:
        """Cut the first spike that waits."""
        spike_ms, window = self.waiting_ms.pop(0), self.window
        before = spike_ms - self.last_ms
        after = self.waiting_ms[0] - spike_ms if self.waiting_ms else np.inf
        self.last_ms = spike_ms
        first = int(np.floor(spike_ms / window.dt_ms)) - window.n_before - self.tail_first
        if first < 0:  # the run began within the window
            return
        place = self.place_of_next()
        if place is None:
            return
        self.kept[place:place + 1] = [Snippet(time_ms=spike_ms, before_ms=before, after_ms=after)]
        if self.currents is None:  # pages that are never written take no memory
            self.currents = np.empty((self.max_snippets, len(buffer), window.n_samples), dtype=np.float32)
        self.currents[place] = buffer[:, first:first + window.n_samples]

    def place_of_next(self) -> int | None:
        """Return where the next spike is kept, None if it is not."""
        self.n_spikes += 1
        if len(self.kept) < self.max_snippets:
            return len(self.kept)
        place = int(self.rng.integers(self.n_spikes))
        return place if place < self.max_snippets else None

    def add_baseline(self, currents: np.ndarray, first_sample: int, spikes_ms: list) -> None:
        """Count the samples of a chunk that lie in no window into the mean current of each segment."""
        quiet = np.ones(currents.shape[1], dtype=bool)
        for spike_ms in spikes_ms:
            crossing = int(spike_ms / self.window.dt_ms) - first_sample
            quiet[max(0, crossing - self.window.n_before):max(0, crossing + 3 * self.window.n_after)] = False
        if np.any(quiet):
            self.baseline_sum = self.baseline_sum + currents[:, quiet].sum(axis=1)
            self.n_baseline += int(quiet.sum())

    def finish(self) -> tuple[np.ndarray, list]:
        """Return the snippets (n_snippets, n_segments, n_samples) float32 without baseline, weighted, and their marks.

        Spikes at the run's very end, whose windows are not whole, are left out.
        """
        if self.currents is None:
            return np.empty((0, 0, self.window.n_samples), dtype=np.float32), []
        order = sorted(range(len(self.kept)), key=lambda row: self.kept[row].time_ms)
        kept = [self.kept[row] for row in order]
        weighted = self.currents[:len(kept)]
        into_order(weighted, order)
        baseline = self.baseline_sum / max(self.n_baseline, 1)
        baseline = np.asarray(baseline, dtype=np.float32).reshape(-1, 1)
        for row, snippet in zip(weighted, kept):
            row -= baseline
            row *= self.window.weights(snippet.before_ms, snippet.after_ms).astype(np.float32)
        return weighted, kept


def into_order(rows: np.ndarray, order: list[int]) -> None:
    """Put row `order[i]` at place i, in place, so that the rows are never in memory twice."""
    for place, source in enumerate(order):
        while source < place:  # its row went where that place's own came from
            source = order[source]
        if source != place:
            rows[[place, source]] = rows[[source, place]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Snippet:
    """A spike's time and intervals in ms."""

    time_ms: float
    before_ms: float
    after_ms: float
