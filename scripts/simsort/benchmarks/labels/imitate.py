"""Units as a sorter might find them, made from the true spikes: cheap to have by the hundred."""

import numpy as np

MS_AROUND = 1.0
N_FOR_SHIFT = 100
LEAST_SPIKES = 30
MOST_NEIGHBOURS = 3


def imitate(recording, truth, seed: int):
    """Imitate a sorter: weak spikes are missed, others' spikes slip in, weak neurons are taken together.

    Parameters
    ----------
    recording : BaseRecording
        Filtered.
    truth : BaseSorting
        All neurons, with `snr` and `peak_channel`.
    seed : int
        Decides everything.

    Returns
    -------
    sorting : NumpySorting
        Units numbered from 0, spikes at the trough.
    places_um : np.ndarray, shape (n_units, 2)
        Contact of each.
    amplitudes : list of np.ndarray
        Of each unit's spikes.
    """
    import spikeinterface.full as si

    rng = np.random.default_rng([seed, 541])
    traces, snr = recording.get_traces(), truth.get_property("snr")
    channels, fs_hz = truth.get_property("peak_channel"), recording.get_sampling_frequency()
    contacts_um = recording.get_channel_locations()
    clear = float(rng.uniform(3.0, 4.5))  # noise levels from which this sorter tells neurons apart
    trains, homes, weak = [], [], {}
    for index in np.flatnonzero(snr >= 2.0):
        train = at_trough(np.asarray(truth.get_unit_spike_train(truth.unit_ids[index])), traces[:, channels[index]], fs_hz)
        found = train[rng.random(len(train)) < 1 / (1 + np.exp(-(snr[index] - clear + 1.0) / 0.6))]
        if snr[index] >= clear:
            trains.append(found)
            homes.append(int(channels[index]))
        else:
            weak.setdefault(int(channels[index]), []).append(found)
    trains = [np.sort(np.concatenate([train, *slipped_in(train, home, trains, homes, contacts_um, rng)]))
              for train, home in zip(trains, homes)]
    for channel, parts in weak.items():
        trains.append(np.sort(np.concatenate(parts)))
        homes.append(channel)
    kept = [i for i, train in enumerate(trains) if len(train) >= LEAST_SPIKES]
    sorting = si.NumpySorting.from_unit_dict([{n: np.unique(trains[i]) for n, i in enumerate(kept)}], fs_hz)
    amplitudes = [traces[np.minimum(sorting.get_unit_spike_train(n), len(traces) - 1), homes[i]].astype(float)
                  for n, i in enumerate(kept)]
    return sorting, contacts_um[[homes[i] for i in kept]], amplitudes


def at_trough(train: np.ndarray, trace: np.ndarray, fs_hz: float) -> np.ndarray:
    """Shift spikes from the soma's crossing of threshold to the trough at the contact."""
    around = np.arange(-round(MS_AROUND / 1000 * fs_hz), round(MS_AROUND / 1000 * fs_hz) + 1)
    train = train[(train > -around[0]) & (train < len(trace) - around[-1])]
    if not len(train):
        return train
    mean = trace[train[:: max(1, len(train) // N_FOR_SHIFT)][:, None] + around].astype(float).mean(axis=0)
    return train + around[int(np.argmin(mean))]


def slipped_in(train: np.ndarray, home: int, trains: list, homes: list, contacts_um: np.ndarray, rng) -> list[np.ndarray]:
    """Return spikes of up to three neighbours that a unit takes for its own: of most units few, of some many."""
    near = [other for other, place in zip(trains, homes) if other is not train and len(other)
            and np.linalg.norm(contacts_um[place] - contacts_um[home]) < 60.0]
    if not near:
        return []
    share = float(rng.choice([0.0, rng.uniform(0, 0.08), rng.uniform(0.08, 1.0)], p=[0.35, 0.35, 0.3]))
    chosen = rng.permutation(len(near))[:rng.integers(1, MOST_NEIGHBOURS + 1)]
    return [rng.permutation(near[index])[:int(share * len(train) / len(chosen))] for index in chosen]
