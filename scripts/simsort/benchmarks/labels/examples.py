"""Units of known truth with their metrics, and pairs of units that are or are not one neuron."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from simsort.benchmarks.labels.imitate import imitate
from simsort.benchmarks.labels.rearrange import places_and_amplitudes, rearrange
from simsort.benchmarks.labels.recordings import SORTERS, draw_recording, sort, write_filtered
from simsort.labelling.pairs import pair_table
from simsort.sorting.own.nearest import distance_to_nearest

MATCH_MS = 0.6  # between the crossing of threshold at the soma, which the truth has, and the peak at the contact
SUA_PRECISION = 0.9
NOISE_EXPLAINED = 0.4
SAME_PRECISION = 0.7
NEAR_UM, LEAST_UV = 80.0, 8.0
SORTED_EVERY = 5  # recordings one is sorted by a sorter; in the others its units are imitated
LEFT_OUT_METRICS = ["synchrony", "firing_range", "drift", "unit_drift", "noise_cutoff", "amplitude_median"]
LEFT_OUT = ["spike_locations", "amplitude_scalings", "valid_unit_periods"]  # costly, and no metric used needs them


def make_examples(cells, seed: int, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulate, sort and measure one recording.

    Parameters
    ----------
    cells : sequence of CellLibrary
        To place.
    seed : int
        Decides everything.
    folder : Path
        Scratch; removed afterwards.

    Returns
    -------
    units : pandas.DataFrame
        Metrics; `truth` (noise, MUA or SUA), `kind` and what the truth rests on.
    pairs : pandas.DataFrame
        See `pair_table`; `same`, whether both are mostly one neuron.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    simulated, level_uv = draw_recording(cells, seed)
    recording, artefacts = write_filtered(simulated, level_uv, seed, folder)
    truth = simulated.ground_truth(include_background=True)
    if seed % SORTED_EVERY == 0:
        found = sort(recording, SORTERS[seed // SORTED_EVERY % len(SORTERS)], folder, seed)
        about = places_and_amplitudes(recording, found, seed) if found.get_num_units() > 1 else ()
    else:
        found, *about = imitate(recording, truth, seed)
    if found.get_num_units() < 2:
        shutil.rmtree(folder)
        return pd.DataFrame(), pd.DataFrame()
    sorting, kinds = rearrange(recording, found, *about, artefacts, seed)
    if seed % SORTED_EVERY:
        kinds = ["imitated" if kind == "sorter" else kind for kind in kinds]
    analyzer = measure(recording, sorting, folder)
    kinds = [kinds[unit] for unit in analyzer.unit_ids.tolist()]
    units = known_truth(analyzer, truth)
    table = analyzer.get_metrics_extension_data().astype("float64").assign(kind=kinds, recording=seed, **units)
    pairs = pair_table(analyzer)
    places = [analyzer.sorting.ids_to_indices(pairs[name].to_numpy()) for name in ("first", "second")]
    neuron, precision = (units[key].to_numpy() for key in ("neuron", "precision"))
    pure = np.minimum(*(precision[place] for place in places)) >= SAME_PRECISION
    pairs = pairs.assign(same=pure & (neuron[places[0]] == neuron[places[1]]), recording=seed)
    shutil.rmtree(folder)
    return table, pairs


def measure(recording, sorting, folder: Path):
    """Return the analyzer of units with the metrics of the postprocessing stage."""
    import spikeinterface.full as si

    from simsort.config.stages import Postprocessing
    from simsort.postprocessing.extensions import compute_extensions
    from simsort.postprocessing.quality_metrics import compute_quality_metrics
    from simsort.workers import job_kwargs

    settings = dataclasses.asdict(Postprocessing(skip_extensions=LEFT_OUT, skip_metrics=LEFT_OUT_METRICS))
    jobs = job_kwargs(1)
    analyzer = si.create_sorting_analyzer(sorting, recording, format="zarr", folder=folder / "analyzer.zarr", sparse=True,
                                          seed=0, sparsity_kwargs=dict(method="radius", radius_um=100.0), job_kwargs=jobs)
    compute_extensions(analyzer, settings, jobs)
    compute_quality_metrics(analyzer, settings, jobs)
    return analyzer


def known_truth(analyzer, truth) -> pd.DataFrame:
    """Tell what each unit is made of.

    A unit is SUA if 90 % of its spikes are one neuron's (which may have others elsewhere: that is for merges); noise if
    less than 40 % of its spikes are those of any neuron near it, beyond chance; else MUA.
    """
    from spikeinterface.comparison.comparisontools import make_match_count_matrix

    sorting = analyzer.sorting
    within = round(MATCH_MS / 1000 * sorting.get_sampling_frequency())
    matches = make_match_count_matrix(truth, sorting, within).to_numpy()
    counts, true_counts = (s.count_num_spikes_per_unit(outputs="array") for s in (sorting, truth))
    contacts_um = analyzer.get_channel_locations()
    neurons_um = contacts_um[truth.get_property("peak_channel")]
    strong = truth.get_property("peak_amplitude_uv") >= LEAST_UV
    rows = []
    for index, channel in enumerate(analyzer.main_channel_indices):
        near = np.flatnonzero(strong & (np.linalg.norm(neurons_um - contacts_um[channel], axis=1) <= NEAR_UM))
        if not len(near):
            rows.append((-1, 0.0, 0.0, 0.0))
            continue
        best = near[np.argmax(matches[near, index])]
        rows.append((int(best), matches[best, index] / counts[index], matches[best, index] / true_counts[best],
                     explained_share(sorting.get_unit_spike_train(sorting.unit_ids[index]),
                                     [truth.get_unit_spike_train(truth.unit_ids[n]) for n in near], within,
                                     analyzer.get_total_samples())))
    table = pd.DataFrame(rows, columns=["neuron", "precision", "recall", "explained"], index=analyzer.unit_ids)
    single = table["precision"] >= SUA_PRECISION
    truths = np.where(single, "SUA", np.where(table["explained"] < NOISE_EXPLAINED, "noise", "MUA"))
    return table.assign(truth=truths)


def explained_share(train: np.ndarray, neurons: list, within: int, n_samples: int) -> float:
    """Return the share of spikes within a few samples of a spike of any of some neurons, beyond chance.

    Chance is the share of the recording that lies so close to their spikes: 0 is what random times have, 1 is all.
    """
    spikes = np.sort(np.concatenate(neurons))
    share = np.mean(distance_to_nearest(train, spikes) <= within)
    chance = np.minimum(np.diff(spikes, append=n_samples), 2 * within + 1).sum() / n_samples
    return float((share - chance) / max(1 - chance, 1e-9))
