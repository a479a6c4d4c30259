"""Take the most likely spike out of the traces, then the next: matching pursuit in the space of features.

Features are whitened, so that the inner product of a unit's template with the features at a time is the matched filter,
and `a s - a^2 E / 2` is what a spike of amplitude `a` there adds to the log likelihood (s: inner product, E: the
template's energy). With a prior on the amplitude and the unit's rate this is the logarithm of the posterior odds of a
spike against none: spikes are taken while it is positive. Overlapping spikes are told apart because the largest is
taken first and its waveform, seen through the same filters, is subtracted from all features around it.

Filters see less than the waveforms that are subtracted, so that what one spike leaves may look like another's: a few like
units could go on explaining what they left of each other. What is taken also has to explain what is there: half the
energy of the traces, kept along, has to fall by a good part of what the spike claims to gain. What is refused is asked
again when something around it was taken.
"""

from dataclasses import dataclass, replace

import numba
import numpy as np

from simsort.sorting.own.basis import LONG_BEFORE, LONG_SAMPLES, N_BEFORE, N_SAMPLES, Basis
from simsort.sorting.own.templates import Templates

AMPLITUDE_SD = 0.15
SMALLEST, LARGEST = 0.5, 1.6
INDEPENDENT_HZ = 10000.0  # times at which a spike may be, per second
LEAST_RATE_HZ = 0.2
DEAD_SAMPLES = 15  # no second spike of the same unit
FIRST_LAG = -(N_SAMPLES - N_BEFORE + LONG_BEFORE) + 1
N_LAGS = LONG_SAMPLES + N_SAMPLES - 1
MARGIN = LONG_SAMPLES + N_SAMPLES
MOST_PASSES = 40
LEAST_EXPLAINED = 0.3  # of what a spike claims to gain
FLANK = 5  # samples on either side of a peak of the scores
LEAST_ON_CHANNEL = 0.5
NEVER = -1e9
STRETCH = 32  # samples whose features are computed together


@dataclass(frozen=True, kw_only=True)
class Spikes:
    """Spikes found: sample, unit (index into the templates), delay in samples, amplitude, gain; each (n,)."""

    sample: np.ndarray
    unit: np.ndarray
    delay: np.ndarray
    amplitude: np.ndarray
    gain: np.ndarray

    def only(self, chosen) -> "Spikes":
        """Return some of the spikes."""
        return Spikes(**{name: getattr(self, name)[chosen] for name in self.__dataclass_fields__})


class Pursuit:
    """Finds the spikes of known, moving templates in whitened traces.

    Parameters
    ----------
    templates : Templates
    basis : Basis
    sampling_frequency_hz : float
    duration_s : float
        Over which the templates' counts were counted.
    """

    def __init__(self, templates: Templates, basis: Basis, *, sampling_frequency_hz: float, duration_s: float):
        self.templates, self.basis, self.fs, self.duration_s = templates, basis, sampling_frequency_hz, duration_s
        lengths = np.linalg.norm(templates.means, axis=3).max(axis=1)  # (n_units, n_channels)
        seen = (lengths > LEAST_ON_CHANNEL) | templates.rest.any(axis=2)
        self.support = padded([np.flatnonzero(row) for row in seen])
        rate_hz = np.maximum(templates.counts / duration_s, LEAST_RATE_HZ)
        self.penalties = np.log(INDEPENDENT_HZ / rate_hz)
        # (n_shifts, n_features, n_features, n_lags): the inner loops run over lags
        self.by_lag = np.ascontiguousarray(np.moveaxis(responses(basis), 1, 3))
        self.rest = rest_responses(templates.rest, self.support, basis)
        self.filters = toeplitz_of(basis.filters[len(basis.shifts) // 2].T)
        self.sees = shared_channels(self.support, templates.means.shape[2])
        self.seen_by = [np.flatnonzero(on) for on in seen.T]  # units of every channel

    def only(self, chosen) -> "Pursuit":
        """Return the pursuit of some of the units."""
        return Pursuit(self.templates.only(chosen), self.basis, sampling_frequency_hz=self.fs,
                       duration_s=self.duration_s)

    def match(self, traces: np.ndarray, start_s: float) -> Spikes:
        """Find spikes in a piece of traces, during which templates stand still.

        Parameters
        ----------
        traces : array, (n_channels, n_samples) float32
            Spikes within `MARGIN` of the ends are not reliable.
        start_s : float
            Time of the first sample.
        """
        means = self.means_in(traces, start_s)
        return self.explain(self.scores(traces, means), means, np.arange(len(means)), traces.copy())

    def scores(self, traces: np.ndarray, means: np.ndarray) -> np.ndarray:
        """Return the inner products (n_units, n_samples) of templates with the features at every sample of traces.

        They are 0 near the ends. The features of one channel at a time fit in a processor's cache.
        """
        scores = np.zeros((len(means), traces.shape[1]), dtype=np.float32)
        if traces.shape[1] < N_SAMPLES:
            return scores
        inside = slice(N_BEFORE, traces.shape[1] - N_SAMPLES + N_BEFORE + 1)
        for channel, units in enumerate(self.seen_by):
            if len(units):
                its = np.ascontiguousarray(means[units, channel]) @ filtered(traces[channel], self.filters)
                for row, unit in enumerate(units):
                    scores[unit, inside] += its[row]
        return scores

    def explain(self, scores: np.ndarray, means: np.ndarray, units: np.ndarray,
                traces: np.ndarray | None = None) -> Spikes:
        """Find spikes of some units, given in their order, by their scores, which are used up.

        With the traces (float32), only such that explain some of these; they are taken out of them.
        """
        means, support, sees = self.tables(means, units)
        energies = (means.astype(np.float64) ** 2).sum(axis=(1, 2))
        if traces is None:
            left, waveforms = np.zeros((0, 0), dtype=np.float32), np.zeros((0, 0, 0), dtype=np.float32)
        else:
            left, waveforms = traces, self.waveforms(means, units)
        found = Spikes(**dict(zip(Spikes.__dataclass_fields__, pursue(
            scores, means, support, sees, energies, self.penalties[units], self.by_lag, self.rest[units], left,
            waveforms))))
        return replace(found, unit=units[found.unit])

    def waveforms(self, means: np.ndarray, units: np.ndarray) -> np.ndarray:
        """Return what some units are in the traces of the channels of their `support`, (n, width, long_samples)."""
        found = np.zeros((*self.support[units].shape, LONG_SAMPLES), dtype=np.float32)
        for row, (unit, mean) in enumerate(zip(units, means)):
            channels = self.support[unit][self.support[unit] >= 0]
            found[row, :len(channels)] = mean[channels] @ self.basis.waveforms + self.templates.rest[unit, channels]
        return found

    def take(self, spikes: Spikes, scores: np.ndarray, means: np.ndarray, units: np.ndarray) -> None:
        """Take the spikes of some units, given in their order, out of these units' scores."""
        spikes = spikes.only(np.isin(spikes.unit, units))
        take_all(scores, *self.tables(means, units), self.by_lag, self.rest[units],
                 np.searchsorted(units, spikes.unit), spikes.sample, spikes.delay,
                 spikes.amplitude.astype(np.float32))

    def put_back(self, spikes: Spikes, scores: np.ndarray, traces: np.ndarray, means: np.ndarray,
                 units: np.ndarray) -> None:
        """Put the spikes of some units, given in their order, back into these units' scores and the traces."""
        spikes = replace(spikes, amplitude=-spikes.amplitude).only(np.isin(spikes.unit, units))
        self.take(spikes, scores, means, units)
        take_all_from(traces, self.waveforms(means[units], units), self.support[units],
                      np.searchsorted(units, spikes.unit), spikes.sample, spikes.delay, spikes.amplitude)

    def tables(self, means: np.ndarray, units: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return templates and channels of some units, and which of them see which."""
        support = self.support[units]
        sees = self.sees if len(units) == len(self.sees) else shared_channels(support, means.shape[1])
        return means[units], support, sees

    def means_in(self, traces: np.ndarray, start_s: float) -> np.ndarray:
        """Return the templates in the middle of a piece of traces."""
        return self.means_at(start_s + traces.shape[1] / self.fs / 2)

    def means_at(self, time_s: float) -> np.ndarray:
        """Return the templates (n_units, n_channels, n_features) at a time."""
        n_units = len(self.templates.counts)
        return np.ascontiguousarray(self.templates.at(np.arange(n_units), np.full(n_units, time_s)), dtype=np.float32)

    def residual(self, traces: np.ndarray, start_s: float, spikes: Spikes | None = None) -> np.ndarray:
        """Return traces without the spikes found in them."""
        spikes = self.match(traces, start_s) if spikes is None else spikes
        means = self.means_in(traces, start_s)
        left = traces.copy()
        turns = np.exp(-2j * np.pi * np.fft.rfftfreq(LONG_SAMPLES) * spikes.delay[:, None])
        inside = (spikes.sample >= LONG_BEFORE) & (spikes.sample - LONG_BEFORE + LONG_SAMPLES <= left.shape[1])
        for unit in np.unique(spikes.unit[inside]):
            channels = self.support[unit][self.support[unit] >= 0]
            spectrum = np.fft.rfft(means[unit, channels] @ self.basis.waveforms + self.templates.rest[unit, channels])
            rows = np.flatnonzero(inside & (spikes.unit == unit))
            turned = spectrum * (turns[rows] * spikes.amplitude[rows, None])[:, None]
            waveforms = np.fft.irfft(turned, n=LONG_SAMPLES).astype(np.float32)
            for first, waveform in zip(spikes.sample[rows] - LONG_BEFORE, waveforms):
                left[channels, first:first + LONG_SAMPLES] -= waveform
        return left


def padded(rows: list) -> np.ndarray:
    """Return rows of different lengths as one table, padded with -1."""
    table = np.full((len(rows), max((len(row) for row in rows), default=1) or 1), -1, dtype=np.int64)
    for number, row in enumerate(rows):
        table[number, : len(row)] = row
    return table


def shared_channels(support: np.ndarray, n_channels: int) -> np.ndarray:
    """Return which units share a channel with which, as a table of units (n_units, width) padded with -1."""
    on = np.zeros((len(support), n_channels), dtype=np.float32)
    for unit, channels in enumerate(support):
        on[unit, channels[channels >= 0]] = 1.0
    return padded([np.flatnonzero(row) for row in on @ on.T > 0])


def responses(basis: Basis) -> np.ndarray:
    """Return what a template's waveform, coming late by each shift, gives in the features around it.

    Returns
    -------
    responses : array, (n_shifts, n_lags, n_features, n_features) float32
        `template @ responses[shift, lag]` are the features `FIRST_LAG + lag` samples after the spike.
    """
    frequencies = np.fft.rfftfreq(2 * LONG_SAMPLES)
    filters = basis.filters[len(basis.shifts) // 2]  # (n_samples, q)
    found = np.zeros((len(basis.shifts), N_LAGS, basis.n_features, basis.n_features), dtype=np.float32)
    for number, shift in enumerate(basis.shifts):
        long = np.pad(basis.waveforms, ((0, 0), (0, LONG_SAMPLES)))
        turn = np.exp(-2j * np.pi * frequencies * shift)
        late = np.fft.irfft(np.fft.rfft(long) * turn, n=2 * LONG_SAMPLES)[:, :LONG_SAMPLES]
        for lag in range(N_LAGS):
            start = FIRST_LAG + lag - N_BEFORE + LONG_BEFORE  # of the snippet, from the start of the waveform
            first, last = max(start, 0), min(start + N_SAMPLES, LONG_SAMPLES)
            if last > first:
                found[number, lag] = late[:, first:last] @ filters[first - start:last - start]
    return found


def rest_responses(rest: np.ndarray, support: np.ndarray, basis: Basis) -> np.ndarray:
    """Return what the rest of each unit gives in the features around its spikes.

    Parameters
    ----------
    rest : array, (n_units, n_channels, long_samples)
    support : array, (n_units, n)
    basis : Basis

    Returns
    -------
    responses : array, (n_units, n, n_features, n_lags) float32
    """
    filters = basis.filters[len(basis.shifts) // 2]
    found = np.zeros((*support.shape, basis.n_features, N_LAGS), dtype=np.float32)
    for unit, channels in enumerate(support):
        there = np.flatnonzero(channels >= 0)
        waveforms = rest[unit, channels[there]]
        if not waveforms.any():
            continue
        # a snippet that starts n_samples - 1 before the waveform is the first that sees it
        padded_waveforms = np.pad(waveforms, ((0, 0), (N_SAMPLES - 1, N_SAMPLES - 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded_waveforms, N_SAMPLES, axis=1)
        found[unit, there] = np.swapaxes(windows @ filters, 1, 2)
    return found


def toeplitz_of(filters: np.ndarray) -> np.ndarray:
    """Return what turns a stretch of a trace into features: filters (n_features, length) at each of `STRETCH` places.

    Returns
    -------
    table : array, (STRETCH + length - 1, n_features * STRETCH)
    """
    n_features, length = filters.shape
    table = np.zeros((STRETCH + length - 1, n_features, STRETCH), dtype=np.float32)
    for at in range(STRETCH):
        table[at:at + length, :, at] = filters.T
    return table.reshape(len(table), -1)


def filtered(trace: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Return the features (n_features, n) of snippets of a trace (n_samples,) that begin at each sample.

    As a product of matrices, which processors are fastest at: stretches of the trace, each longer than those that it
    gives features of by a filter's length, times the filters at every place in them (`toeplitz_of`).
    """
    n = len(trace) - (len(table) - STRETCH)
    n_stretches = -(-n // STRETCH)
    longer = np.zeros(n_stretches * STRETCH + len(table) - STRETCH, dtype=np.float32)
    longer[:len(trace)] = trace
    stretches = np.lib.stride_tricks.sliding_window_view(longer, len(table))[::STRETCH].copy()
    features = (stretches @ table).reshape(n_stretches, -1, STRETCH)
    return np.swapaxes(features, 0, 1).reshape(features.shape[1], -1)[:, :n]


@numba.njit(cache=True, nogil=True)
def log_odds(score, energy, penalty):
    """Return the gain of a spike, and its amplitude."""
    precision = 1.0 / (AMPLITUDE_SD * AMPLITUDE_SD)
    amplitude = (score + precision) / (energy + precision)
    amplitude = min(max(amplitude, SMALLEST), LARGEST)
    prior = 0.5 * precision * (amplitude - 1.0) ** 2 + penalty
    return amplitude * score - 0.5 * amplitude**2 * energy - prior, amplitude


@numba.njit(cache=True, nogil=True)
def best_of(scores, refused, energies, penalties, first, last, best, which):
    """Bring the best unit of every sample from `first` to `last` up to date, without what was refused."""
    for sample in range(first, last):
        best[sample], which[sample] = NEVER, -1
    for unit in range(scores.shape[0]):
        # what even the best amplitude gives is less than the score times it
        least = penalties[unit] / LARGEST
        for sample in range(first, last):
            if scores[unit, sample] > least and not refused[unit, sample]:
                gain = log_odds(scores[unit, sample], energies[unit], penalties[unit])[0]
                if gain > best[sample]:
                    best[sample], which[sample] = gain, unit


@numba.njit(cache=True, nogil=True)
def shift_of(scores, unit, sample):
    """Return how late a unit's score peaks, in -0.5 to 0.5 samples."""
    before, at, after = scores[unit, sample - 1], scores[unit, sample], scores[unit, sample + 1]
    bend = before - 2 * at + after
    if bend >= -1e-6 or before < -1e8 or after < -1e8:
        return 0.0
    return min(max(0.5 * (before - after) / bend, -0.5), 0.5)


@numba.njit(cache=True, nogil=True)
def nearest_shift(delay, n_shifts):
    """Return the place of a delay among the shifts that responses are known of."""
    return int(round((delay + 0.5) * (n_shifts - 1)))


@numba.njit(cache=True, nogil=True)
def take_out(scores, means, support, sees, responses, rest, unit, first, amplitude):
    """Subtract a spike from the scores of all units that see it; `responses` are those of its shift.

    As two products of matrices, which processors are fastest at: what the spike is in the features of its channels at
    each lag, then what the other units make of these.
    """
    n_features, n_lags = responses.shape[1], responses.shape[2]
    channels = support[unit][support[unit] >= 0]
    others = sees[unit][sees[unit] >= 0]
    own = np.empty((len(channels), n_features), dtype=np.float32)
    weights = np.empty((len(others), len(channels), n_features), dtype=np.float32)
    for i, channel in enumerate(channels):
        for feature in range(n_features):
            own[i, feature] = means[unit, channel, feature]
    for j, other in enumerate(others):
        for i, channel in enumerate(channels):
            for feature in range(n_features):
                weights[j, i, feature] = amplitude * means[other, channel, feature]
    features = np.dot(own, responses.reshape(n_features, n_features * n_lags))
    features += rest[unit, :len(channels)].copy().reshape(len(channels), -1)
    changes = np.dot(weights.reshape(len(others), -1), features.reshape(-1, n_lags))
    start, stop = max(-first, 0), min(n_lags, scores.shape[1] - first)
    for j in range(len(others)):
        for lag in range(start, stop):
            scores[others[j], first + lag] -= changes[j, lag]


@numba.njit(cache=True, nogil=True)
def late_by(waveform, delay, at):
    """Return a sample of a waveform that is late by less than a sample."""
    whole = waveform[at]
    if delay >= 0:
        return whole + delay * ((waveform[at - 1] if at > 0 else 0.0) - whole)
    return whole - delay * ((waveform[at + 1] if at + 1 < len(waveform) else 0.0) - whole)


@numba.njit(cache=True, nogil=True)
def explained(left, waveforms, support, unit, sample, delay, amplitude):
    """Return by how much half the energy of traces falls with a spike taken out."""
    first = sample - LONG_BEFORE
    start, stop = max(-first, 0), min(waveforms.shape[2], left.shape[1] - first)
    found = 0.0
    for i in range(support.shape[1]):
        channel = support[unit, i]
        if channel < 0:
            break
        for at in range(start, stop):
            own = amplitude * late_by(waveforms[unit, i], delay, at)
            found += own * (left[channel, first + at] - 0.5 * own)
    return found


@numba.njit(cache=True, nogil=True)
def take_from(left, waveforms, support, unit, sample, delay, amplitude):
    """Subtract a spike from traces."""
    first = sample - LONG_BEFORE
    start, stop = max(-first, 0), min(waveforms.shape[2], left.shape[1] - first)
    for i in range(support.shape[1]):
        channel = support[unit, i]
        if channel < 0:
            break
        for at in range(start, stop):
            left[channel, first + at] -= amplitude * late_by(waveforms[unit, i], delay, at)


@numba.njit(cache=True, nogil=True)
def take_all_from(left, waveforms, support, units, samples, delays, amplitudes):
    """Subtract spikes from traces."""
    for number in range(len(units)):
        take_from(left, waveforms, support, units[number], samples[number], delays[number], amplitudes[number])


@numba.njit(cache=True, nogil=True)
def take_all(scores, means, support, sees, responses, rest, units, samples, delays, amplitudes):
    """Subtract spikes from the scores of all units that see them."""
    for number in range(len(units)):
        shift = nearest_shift(delays[number], responses.shape[0])
        take_out(scores, means, support, sees, responses[shift], rest, units[number], samples[number] + FIRST_LAG,
                 amplitudes[number])


@numba.njit(cache=True, nogil=True)
def pursue(scores, means, support, sees, energies, penalties, responses, rest, left, waveforms):
    """Take spikes while the log odds are positive; `scores` (n_units, n_samples) are changed.

    So are the traces `left` (n_channels, n_samples), of which every spike has to explain some, if there are any.

    Returns
    -------
    sample, unit, delay, amplitude, gain : arrays, (n,)
    """
    n_samples = scores.shape[1]
    n_shifts, n_lags = responses.shape[0], responses.shape[3]
    best, which = np.full(n_samples, NEVER), np.full(n_samples, -1, dtype=np.int64)
    refused = np.zeros(scores.shape, dtype=np.bool_)
    low, high = MARGIN // 2, n_samples - MARGIN // 2
    best_of(scores, refused, energies, penalties, low, high, best, which)
    samples, units = [0 for _ in range(0)], [0 for _ in range(0)]
    delays, amplitudes, gains = [0.0 for _ in range(0)], [0.0 for _ in range(0)], [0.0 for _ in range(0)]
    for _ in range(MOST_PASSES):
        n_found = 0
        sample = low + 1
        while sample < high - 1:
            if best[sample] <= 0.0:
                sample += 1
                continue
            # the best within reach ahead; then everything around it is settled
            top = sample
            ahead = sample + 1
            while ahead < min(top + 40, high - 1):
                if best[ahead] > best[top]:
                    top = ahead
                ahead += 1
            unit = which[top]
            gain, amplitude = log_odds(scores[unit, top], energies[unit], penalties[unit])
            delay = shift_of(scores, unit, top)
            if left.size:
                if explained(left, waveforms, support, unit, top, delay, amplitude) <= LEAST_EXPLAINED * gain:
                    # nor on the flanks of the peak, until what is around it changes
                    refused[unit, top - FLANK:top + FLANK + 1] = True
                    best_of(scores, refused, energies, penalties, max(top - FLANK, low),
                            min(top + FLANK + 1, high), best, which)
                    continue
                take_from(left, waveforms, support, unit, top, delay, amplitude)
            samples.append(top)
            units.append(unit)
            delays.append(delay)
            amplitudes.append(amplitude)
            gains.append(gain)
            n_found += 1
            first = top + FIRST_LAG
            shift = nearest_shift(delay, n_shifts)
            take_out(scores, means, support, sees, responses[shift], rest, unit, first, np.float32(amplitude))
            for at in range(max(top - DEAD_SAMPLES, 0), min(top + DEAD_SAMPLES + 1, n_samples)):
                scores[unit, at] = NEVER
            for other in sees[unit]:
                if other >= 0:
                    refused[other, max(first, 0):first + n_lags] = False
            best_of(scores, refused, energies, penalties, max(first, low), min(first + n_lags, high), best, which)
            sample = max(top + FIRST_LAG, sample + 1)
            if sample <= top:
                sample = top + 1
        if n_found == 0:
            break
    return (np.array(samples, dtype=np.int64), np.array(units, dtype=np.int64), np.array(delays, dtype=np.float64),
            np.array(amplitudes, dtype=np.float64), np.array(gains, dtype=np.float64))
