"""Each unit of a sorting beside the true unit it is most of."""

import numpy as np

from simsort.evaluation.protocol import compare, plain


def align_truth(recording, truth):
    """Return the true spikes at the peak of each unit's mean spike, which is where sorters put them.

    Parameters
    ----------
    recording : BaseRecording
        The preprocessed recording.
    truth : BaseSorting
        Spikes at some fixed sample of each unit's spike.
    """
    import spikeinterface.full as si
    from spikeinterface.core.template_tools import get_template_peak_shift_on_main_channel
    from spikeinterface.postprocessing import align_sorting

    truth = si.NumpySorting.from_sorting(truth.remove_empty_units())
    analyzer = si.create_sorting_analyzer(truth, recording, format="memory", sparse=False, seed=0)
    analyzer.compute({"random_spikes": {"max_spikes_per_unit": 300, "seed": 0},
                      "templates": {"ms_before": 1.0, "ms_after": 1.5}}, progress_bar=False)
    shifts = get_template_peak_shift_on_main_channel(analyzer)
    return si.NumpySorting.from_sorting(align_sorting(truth, {unit: -shift for unit, shift in shifts.items()}))


def compare_units(truth, sorting) -> list[dict]:
    """Say of each unit what it is.

    Parameters
    ----------
    truth : BaseSorting
        All true units that can be seen in the recording, spikes at their peaks.
    sorting : BaseSorting
        What a sorter found.

    Returns
    -------
    facts : list of dict
        In the order of the units. `true_unit`: the true unit that most of its spikes are of; `accuracy`: agreement with
        that one, spikes in common over spikes of either; `missed`: fraction of that one's spikes that it lacks;
        `contamination`: fraction of its own spikes that are not of it. Without any coincidence None, 0, 1 and 1.
    """
    if not truth.get_num_units() or not sorting.get_num_units():
        return [{"true_unit": None, "accuracy": 0.0, "missed": 1.0, "contamination": 1.0} for _ in sorting.unit_ids]
    common = compare(truth, sorting).match_event_count.loc[truth.unit_ids, sorting.unit_ids].to_numpy()
    n_true, n_found = (s.count_num_spikes_per_unit(outputs="array") for s in (truth, sorting))
    facts = []
    for column, n_spikes in enumerate(n_found):
        best = int(np.argmax(common[:, column]))
        both = float(common[best, column])
        facts.append({"true_unit": plain(truth.unit_ids[best]) if both else None,
                      "accuracy": both / (n_true[best] + n_spikes - both), "missed": 1 - both / n_true[best],
                      "contamination": 1 - both / n_spikes})
    return facts
