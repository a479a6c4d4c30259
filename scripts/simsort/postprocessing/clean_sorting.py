"""Removing what a sorter found twice: spikes beyond the recording, repeated spikes, repeated units."""

import dataclasses

import numpy as np
import spikeinterface.full as si

CENSORED_PERIOD_MS = 0.3  # two spikes of one unit closer than this are one spike found twice


@dataclasses.dataclass
class CleanSorting:
    """A sorting without duplicates, and what is needed to build its analyzer without another pass over the traces.

    Attributes
    ----------
    sorting : NumpySorting
        The units kept, with their properties.
    main_channel_indices : np.ndarray, shape (n_units,)
        Channel with each unit's largest deflection.
    sparsity : ChannelSparsity | None
        Channels around each unit; None without units.
    outputs : dict
        How much was removed, for the record.
    """

    sorting: si.NumpySorting
    main_channel_indices: np.ndarray
    sparsity: si.ChannelSparsity | None
    outputs: dict


def clean_sorting(recording, sorting, settings: dict, job_kwargs: dict) -> CleanSorting:
    """Remove excess spikes, repeated spikes, empty units and repeated units.

    Parameters
    ----------
    recording : BaseRecording
        The preprocessed recording.
    sorting : BaseSorting
        The sorter's output.
    settings : dict
        Settings of the postprocessing stage.
    job_kwargs : dict
        SpikeInterface's worker settings.

    Returns
    -------
    clean : CleanSorting
        The units kept.
    """
    sorting, outputs = remove_repeated_spikes(recording, sorting)
    if sorting.get_num_units() == 0:
        return CleanSorting(sorting, np.zeros(0, dtype="int64"), None, outputs)
    analyzer = si.create_sorting_analyzer(
        sorting, recording, format="memory", sparse=True, seed=settings["seed"], job_kwargs=job_kwargs,
        sparsity_kwargs=dict(method="radius", radius_um=settings["sparsity_radius_um"]))
    keep_ids, outputs["removed_duplicate_units"] = find_units_to_keep(analyzer, settings, job_kwargs)
    indices = sorting.ids_to_indices(keep_ids)
    sparsity = si.ChannelSparsity(analyzer.sparsity.mask[indices], keep_ids, recording.channel_ids)
    kept = si.NumpySorting.from_sorting(sorting.select_units(keep_ids), with_metadata=True)
    return CleanSorting(kept, np.asarray(analyzer.main_channel_indices)[indices], sparsity, outputs)


def remove_repeated_spikes(recording, sorting) -> tuple[si.NumpySorting, dict]:
    """Remove spikes outside the recording, spikes found twice within a unit, and units left without spikes."""
    n_given = int(sorting.to_spike_vector().size)
    inside = si.remove_excess_spikes(sorting, recording)
    n_inside = int(si.NumpySorting.from_sorting(inside).to_spike_vector().size)
    single = si.remove_duplicated_spikes(inside, censored_period_ms=CENSORED_PERIOD_MS, method="keep_first_iterative")
    single = si.NumpySorting.from_sorting(single, with_metadata=True)
    kept = si.NumpySorting.from_sorting(single.remove_empty_units(), with_metadata=True)
    if "main_channel_id" in kept.get_property_keys():
        kept.delete_property("main_channel_id")  # may name a channel that was removed; estimated anew
    outputs = {
        "n_units_in": int(sorting.get_num_units()),
        "removed_excess_spikes": n_given - n_inside,
        "removed_duplicate_spikes": n_inside - int(single.to_spike_vector().size),
        "removed_empty_units": [u for u in sorting.unit_ids.tolist() if u not in set(kept.unit_ids.tolist())],
        "removed_duplicate_units": [],
    }
    return kept, outputs


def find_units_to_keep(analyzer, settings: dict, job_kwargs: dict) -> tuple[np.ndarray, list[dict]]:
    """Find which of several units with the same spikes to keep: the one whose spike times sit on its peak.

    Returns
    -------
    keep_ids : np.ndarray
        Units to keep, in their order.
    removed : list of dict
        `unit_id` and `same_as` of each unit removed.
    """
    if analyzer.get_num_units() < 2:
        return analyzer.unit_ids, []
    analyzer.compute("random_spikes", seed=settings["seed"], max_spikes_per_unit=settings["max_spikes_per_unit"])
    analyzer.compute("templates", operators=["average"], **job_kwargs)
    kept, pairs = si.remove_redundant_units(analyzer, duplicate_threshold=settings["duplicate_threshold"],
                                            remove_strategy="minimum_shift", extra_outputs=True)
    keep = set(kept.unit_ids.tolist())
    removed = {}
    for pair in pairs:
        first, second = (u.item() if hasattr(u, "item") else u for u in pair)
        for unit_id, other in ((first, second), (second, first)):
            if unit_id not in keep:
                removed.setdefault(unit_id, other)
    return kept.unit_ids, [{"unit_id": u, "same_as": other} for u, other in removed.items()]
