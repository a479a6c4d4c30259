"""The analyzer of curated units, from what the sorter's units left: no traces are read."""

import warnings

import numpy as np
from spikeinterface.curation.curation_model import Split

from simsort.curation.choices import Choices
from simsort.errors import UserError


def new_id(merge: dict, kind: type):
    """Return what a merged unit is called, of the type that the sorting's ids have."""
    if merge["new_unit_id"] is None:
        return merge["unit_ids"][0]
    try:
        return kind(merge["new_unit_id"])
    except ValueError:
        raise UserError(f"a merged unit is to be called {merge['new_unit_id']!r} among numbered ones",
                        "leave new_unit_id out, or give a whole number") from None


def parts_of(split: dict, sorting) -> list[np.ndarray]:
    """Return the indices of the spikes of each part of a split unit.

    Raises
    ------
    UserError
        If the split does not fit the unit.
    """
    try:
        model = Split(**split)
        if model.mode == "labels":
            model.labels = np.asarray(model.labels)
        parts = [np.asarray(part, dtype="int64") for part in model.get_full_spike_indices(sorting)]
        if len(parts) < 2 or not all(len(part) for part in parts):
            raise ValueError("a part of it would be empty")
        return parts
    except (AssertionError, ValueError, IndexError, TypeError) as error:
        raise UserError(f"unit {split['unit_id']} cannot be split as asked ({' '.join(str(error).split())[:200]})",
                        "split it again in the tool that wrote the file") from None


def change_analyzer(analyzer, choices: Choices):
    """Remove, split and merge units of an analyzer, with the extensions that are loaded.

    Parameters
    ----------
    analyzer : SortingAnalyzer
        Of the sorter's units.
    choices : Choices
        What to do; units that are not there are passed over.

    Returns
    -------
    analyzer : SortingAnalyzer
        In memory; templates of parts of a unit need the loaded waveforms.
    """
    here = set(analyzer.unit_ids.tolist())
    kind = type(analyzer.unit_ids.tolist()[0])
    removed = here & set(choices.removed)
    splits = [split for split in choices.splits if split["unit_id"] in here]
    merges = [merge for merge in choices.merges if here.issuperset(merge["unit_ids"])]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning)  # each metric that stays unknown would warn
        warnings.filterwarnings("ignore", category=RuntimeWarning)
        if removed:
            analyzer = analyzer.select_units([unit for unit in analyzer.unit_ids.tolist() if unit not in removed])
        if splits:
            parts = {split["unit_id"]: parts_of(split, analyzer.sorting) for split in splits}
            names = [split.get("new_unit_ids") for split in splits]
            analyzer = analyzer.split_units(parts, new_unit_ids=names if all(names) else None, format="memory", n_jobs=1,
                                            progress_bar=False)
        if merges:
            analyzer = analyzer.merge_units([merge["unit_ids"] for merge in merges], merging_mode="soft",
                                            new_unit_ids=[new_id(merge, kind) for merge in merges],
                                            sparsity_overlap=0.0, format="memory", n_jobs=1, progress_bar=False)
    return analyzer
