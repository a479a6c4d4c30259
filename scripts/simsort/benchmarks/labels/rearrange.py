"""What sorters also leave, made on purpose so that there is enough of it: noise, merged and split units."""

import numpy as np

from simsort.benchmarks.labels.artefacts import artefact_units, echo_units
from simsort.sorting.own.nearest import distance_to_nearest

SPLIT_SHARE, MERGED_SHARE, NOISE_SHARE = 0.4, 0.2, 0.3
LEAST_TO_SPLIT = 100
CLAIMED_MS = 0.6  # peaks this close to a sorted spike are that spike
NEAR_UM = 80.0
LEAST_CROSSINGS = 100  # on a channel, for a cluster of them


def rearrange(recording, sorting, places_um, amplitudes: list, artefacts: list, seed: int):
    """Merge some units, split others, and add clusters of threshold crossings, of artefacts and of echoes.

    Parameters
    ----------
    recording : BaseRecording
        Filtered.
    sorting : BaseSorting
        A sorter's units.
    places_um : np.ndarray, shape (n_units, 2)
        Where they are.
    amplitudes : list of np.ndarray
        Of the spikes of each.
    artefacts : list of np.ndarray
        Samples of events of each kind.
    seed : int
        Decides everything.

    Returns
    -------
    rearranged : NumpySorting
        Units numbered from 0; every spike of the sorter is in one unit.
    kinds : list of str
        sorter, merged, split, noise, artefact or echo, a unit each.
    """
    import spikeinterface.full as si

    rng = np.random.default_rng([seed, 521])
    trains = [np.asarray(sorting.get_unit_spike_train(unit)) for unit in sorting.unit_ids]
    left, made = list(range(len(trains))), []
    for _ in range(round(MERGED_SHARE / 2 * len(trains))):
        first = left.pop(rng.integers(len(left)))
        distances = np.linalg.norm(places_um[left] - places_um[first], axis=1)
        near = [unit for unit, distance in zip(left, distances) if distance < NEAR_UM]
        if not near:
            left.append(first)
            continue
        second = near[rng.integers(len(near))]
        left.remove(second)
        made.append((np.sort(np.concatenate([trains[first], trains[second]])), "merged"))
    for unit in left:
        if len(trains[unit]) >= LEAST_TO_SPLIT and rng.random() < SPLIT_SHARE:
            made += [(part, "split") for part in split(trains[unit], amplitudes[unit], rng)]
        else:
            made.append((trains[unit], "sorter"))
    made += [(train, "noise") for train in
             noise_trains(recording, trains, places_um, max(3, round(NOISE_SHARE * len(trains))), rng)]
    made += [(train, "artefact") for train in artefact_units(artefacts, rng)]
    made += [(train, "echo") for train in echo_units(trains, amplitudes, sorting.get_sampling_frequency(), rng)]
    made = [(np.unique(train), kind) for train, kind in made if len(train) >= 30]
    rearranged = si.NumpySorting.from_unit_dict([{i: train for i, (train, _) in enumerate(made)}],
                                                sorting.get_sampling_frequency())
    return rearranged, [kind for _, kind in made]


def places_and_amplitudes(recording, sorting, seed: int):
    """Return each unit's place (n_units, 2) in um, and its spikes' amplitudes."""
    import spikeinterface.full as si

    analyzer = si.create_sorting_analyzer(sorting, recording, format="memory", sparse=False)
    analyzer.compute("random_spikes", seed=seed, max_spikes_per_unit=100)
    for name in ("templates", "spike_amplitudes"):
        analyzer.compute(name, n_jobs=1, progress_bar=False)
    analyzer.compute("unit_locations", method="center_of_mass")
    values = np.asarray(analyzer.get_extension("spike_amplitudes").get_data())
    units = analyzer.sorting.to_spike_vector()["unit_index"]
    places = np.asarray(analyzer.get_extension("unit_locations").get_data())[:, :2]
    return places, [values[units == index] for index in range(len(sorting.unit_ids))]


def split(train: np.ndarray, amplitudes: np.ndarray, rng) -> list[np.ndarray]:
    """Split a unit in two: by amplitude, in time, or at random."""
    way = rng.integers(3)
    if way == 0:
        small = np.abs(amplitudes) < np.quantile(np.abs(amplitudes), rng.uniform(0.3, 0.7))
    elif way == 1:
        small = np.arange(len(train)) < rng.uniform(0.3, 0.7) * len(train)
    else:
        small = rng.random(len(train)) < rng.uniform(0.3, 0.7)
    return [train[small], train[~small]]


def noise_trains(recording, trains: list, places_um, n_wanted: int, rng) -> list[np.ndarray]:
    """Return threshold crossings that no unit nearby has, of one channel each and of similar size."""
    from spikeinterface.sortingcomponents.peak_detection import detect_peaks

    peaks = detect_peaks(recording, method="locally_exclusive",
                         method_kwargs=dict(detect_threshold=float(rng.uniform(3.3, 4.5)), peak_sign="neg"),
                         job_kwargs=dict(n_jobs=1, progress_bar=False))
    within = round(CLAIMED_MS / 1000 * recording.get_sampling_frequency())
    contacts_um, found = recording.get_channel_locations(), []
    for channel in rng.permutation(recording.get_num_channels()):
        near = np.flatnonzero(np.linalg.norm(places_um - contacts_um[channel], axis=1) < NEAR_UM)
        mine = unclaimed(peaks[peaks["channel_index"] == channel], [trains[unit] for unit in near], within)
        if len(mine) < LEAST_CROSSINGS:
            continue
        sizes = np.abs(mine["amplitude"])
        low = rng.uniform(0.0, 0.6)
        chosen = mine["sample_index"][(sizes >= np.quantile(sizes, low)) & (sizes <= np.quantile(sizes, low + 0.4))]
        most = int(np.exp(rng.uniform(*np.log((100, 3000)))))
        found.append(np.sort(rng.permutation(chosen)[:most]))
        if len(found) == n_wanted:
            break
    return found


def unclaimed(peaks: np.ndarray, trains: list, within: int) -> np.ndarray:
    """Return the peaks that are farther than some samples from every spike."""
    return peaks[distance_to_nearest(peaks["sample_index"], np.sort(np.concatenate([*trains, []]))) > within]
