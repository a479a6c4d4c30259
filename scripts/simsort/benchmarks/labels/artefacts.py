"""Events that no neuron made, put into simulated recordings, and the clusters that sorters make of such events."""

import numpy as np

CHANCE = 0.5  # of each kind, in a recording
RATE_HZ = (0.5, 6.0)
SIZE_LEVELS = (6.0, 25.0)  # in noise levels
LENGTH_MS = 3.0
BEFORE_MS = 1.0
SPREAD = 0.25  # of the logarithm of the sizes of one kind
LEAST_EVENTS = 30
LEAST_FOUND = 0.6
ECHO_MS = (0.8, 2.0)  # after the spike: the return to rest taken for a spike


def add_artefacts(recording, seed: int, level_uv: float):
    """Add events to a recording: on all contacts with different gains, and on one contact alone.

    Parameters
    ----------
    recording : BaseRecording
        Raw.
    seed : int
        Decides everything.
    level_uv : float
        RMS of the noise.

    Returns
    -------
    recording : BaseRecording
        With the events.
    trains : list of np.ndarray
        Samples of each kind's events; kinds without are left out.
    """
    import spikeinterface.full as si

    rng, fs_hz = np.random.default_rng([seed, 547]), recording.get_sampling_frequency()
    shapes = [shape(rng, recording.get_num_channels(), fs_hz) for shape in (shared_shape, lone_shape)
              if rng.random() < CHANCE]
    trains = [event_times(rng, recording.get_duration(), fs_hz) for _ in shapes]
    if not shapes:
        return recording, []
    bits = level_uv / np.mean(recording.get_channel_gains())
    templates = np.stack([one * bits * np.exp(rng.uniform(*np.log(SIZE_LEVELS))) for one in shapes])
    events = si.NumpySorting.from_unit_dict([dict(enumerate(trains))], fs_hz)
    sizes = np.exp(rng.normal(0, SPREAD, sum(map(len, trains))))
    return si.inject_templates(events, templates, nbefore=round(BEFORE_MS / 1000 * fs_hz), amplitude_factor=sizes,
                               parent_recording=recording), trains


def event_times(rng, duration_s: float, fs_hz: float) -> np.ndarray:
    """Return random samples, at least `LENGTH_MS` apart."""
    rate_hz = np.exp(rng.uniform(*np.log(RATE_HZ)))
    times = np.cumsum(rng.exponential(1 / rate_hz, int(2 * rate_hz * duration_s) + 10) + LENGTH_MS / 1000)
    return (times[times < duration_s - LENGTH_MS / 1000] * fs_hz).astype("int64")


def shared_shape(rng, n_channels: int, fs_hz: float) -> np.ndarray:
    """Return a damped oscillation on all channels, of which the common reference leaves what their gains differ by."""
    at_ms = times_ms(fs_hz)
    frequency_khz, decay_ms = rng.uniform(0.4, 3.0), rng.uniform(0.1, 0.6)
    wave = np.where(at_ms >= 0, -np.cos(2 * np.pi * frequency_khz * at_ms) * np.exp(-at_ms / decay_ms), 0.0)
    return wave[:, None] * rng.normal(1.0, rng.uniform(0.2, 0.6), n_channels)


def lone_shape(rng, n_channels: int, fs_hz: float) -> np.ndarray:
    """Return a short pulse on one channel: a loose contact or a flipped bit."""
    at_ms, gains = times_ms(fs_hz), np.zeros(n_channels)
    gains[rng.integers(n_channels)] = 1.0
    return (-np.exp(-0.5 * (at_ms / rng.uniform(0.02, 0.08)) ** 2))[:, None] * gains


def times_ms(fs_hz: float) -> np.ndarray:
    """Return the times of the samples of an event's shape."""
    return (np.arange(round(LENGTH_MS / 1000 * fs_hz)) - round(BEFORE_MS / 1000 * fs_hz)) / fs_hz * 1000


def artefact_units(trains: list, rng) -> list[np.ndarray]:
    """Return what a sorter finds of each kind of event: most of them."""
    found = [train[rng.random(len(train)) < rng.uniform(LEAST_FOUND, 1.0)] for train in trains]
    return [train for train in found if len(train) >= LEAST_EVENTS]


def echo_units(trains: list, amplitudes: list, fs_hz: float, rng) -> list[np.ndarray]:
    """Return, in half of the recordings, the echo of the largest unit: what follows its spikes, found as spikes."""
    if not trains or rng.random() < CHANCE:
        return []
    largest = int(np.argmax([np.median(np.abs(sizes)) for sizes in amplitudes]))
    train = trains[largest]
    later = train + round(rng.uniform(*ECHO_MS) / 1000 * fs_hz) + rng.integers(-1, 2, len(train))
    clear = np.append(np.diff(train) > 3 * ECHO_MS[1] / 1000 * fs_hz, False)  # the next spike is not the echo
    return [later[clear]] if clear.sum() >= LEAST_EVENTS else []
