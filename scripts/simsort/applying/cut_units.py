"""Cuts drawn on the page become splits of SpikeInterface's form: which spikes are inside."""

from pathlib import Path

import numpy as np

from simsort.curation.choices import Choices
from simsort.errors import UserError


def cuts_to_splits(choices: Choices, analyzer_path: Path | None) -> None:
    """Add to the splits of some choices those that its cuts ask for.

    Parameters
    ----------
    choices : Choices
        Changed in place.
    analyzer_path : Path | None
        Analyzer of the sorter's units, with spike amplitudes.

    Raises
    ------
    UserError
        If there are no amplitudes, or a line has all spikes of its unit inside, or none.
    """
    split = {entry["unit_id"] for entry in choices.splits}  # those of an applied curation are there already
    cuts = [cut for cut in choices.cuts if cut["unit_id"] not in split]
    if not cuts:
        return
    import spikeinterface.full as si

    analyzer = None if analyzer_path is None else si.load_sorting_analyzer(analyzer_path, load_extensions=False)
    if analyzer is None or not analyzer.has_extension("spike_amplitudes"):
        raise UserError("a unit is to be split by amplitude, but the results have no spike amplitudes",
                        "take the split back, or run the pipeline again without leaving spike_amplitudes out")
    amplitudes, spikes = analyzer.get_extension("spike_amplitudes").get_data(), analyzer.sorting.to_spike_vector()
    starts = np.cumsum([0, *(analyzer.get_num_samples(i) for i in range(analyzer.get_num_segments()))])
    taken = {str(unit) for unit in analyzer.unit_ids}
    taken |= {str(merge["new_unit_id"]) for merge in choices.merges}
    taken |= {str(new) for entry in choices.splits for new in entry.get("new_unit_ids") or ()}
    made = []
    for cut in cuts:
        mine = np.flatnonzero(spikes["unit_index"] == analyzer.sorting.id_to_index(cut["unit_id"]))
        times_s = (spikes["sample_index"][mine] + starts[spikes["segment_index"][mine]]) / analyzer.sampling_frequency
        inside = within(times_s, np.asarray(amplitudes)[mine], cut["polygon"])
        if inside.all() or not inside.any():
            raise UserError(f"the line around spikes of unit {cut['unit_id']} has {'all' if inside.all() else 'none'} of them "
                            "inside", "draw it again")
        new_ids = part_names(cut["unit_id"], taken)
        taken |= set(map(str, new_ids))
        made.append({"unit_id": cut["unit_id"], "mode": "indices", "new_unit_ids": new_ids,
                     "indices": [np.flatnonzero(inside).tolist(), np.flatnonzero(~inside).tolist()]})
    choices.splits[:0] = made  # first, so that names given to other parts later are free


def within(x: np.ndarray, y: np.ndarray, polygon: list) -> np.ndarray:
    """Tell which points lie inside a polygon, by counting the edges to the right of each (as the page does)."""
    inside = np.zeros(len(x), dtype=bool)
    for (x0, y0), (x1, y1) in zip(polygon, [*polygon[1:], polygon[0]]):
        if y0 != y1:
            crosses = (y0 > y) != (y1 > y)
            inside ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return inside


def part_names(unit_id, taken: set) -> list:
    """Return free ids for the two parts of a unit: the next whole numbers, or the id with -1 and -2."""
    if isinstance(unit_id, int):
        largest = max(int(text) for text in taken if text.lstrip("-").isdigit())
        return [largest + 1, largest + 2]
    names, number = [], 1
    while len(names) < 2:
        if f"{unit_id}-{number}" not in taken:
            names.append(f"{unit_id}-{number}")
        number += 1
    return names
