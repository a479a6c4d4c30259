"""The kinds of an analyzer's units."""

import logging

import numpy as np
import pandas as pd

from simsort.celltypes.features import NAMES, unit_features
from simsort.celltypes.head import UNSURE, Head, load_head

logger = logging.getLogger(__name__)
COLUMNS = ("cell_type", "cell_type_probability")


def cell_types(analyzer, head: Head | None = None) -> pd.DataFrame:
    """Tell the kind of every unit.

    Parameters
    ----------
    analyzer : SortingAnalyzer
        With templates.
    head : Head | None, default: None
        None: the shipped one.

    Returns
    -------
    table : pandas.DataFrame
        A row per unit: `cell_type` (one of the head's classes, or `unsure`), `cell_type_probability` (of the likeliest
        one), and `p_<class>`; where a unit cannot be judged at all, `unsure` and NaN. So it is of all units where most
        are unlike those that the head was taught with.
    """
    head = head or load_head()
    features = analyzer_features(analyzer)
    known = ~np.isnan(features).any(axis=1)
    kind = np.full(len(features), UNSURE, dtype=object)
    every = np.full((len(features), len(head.classes)), np.nan)
    best = np.full(len(features), np.nan)
    if known.any() and not head.is_familiar(features[known]):
        logger.warning("most units are unlike all that the head for cell types has learnt: none gets a kind")
    elif known.any():
        kind[known], best[known], every[known] = head.answers(features[known])
    table = pd.DataFrame({"cell_type": kind.astype(str), "cell_type_probability": best}, index=analyzer.unit_ids)
    for number, name in enumerate(head.classes):
        table[f"p_{name}"] = every[:, number]
    return table


def analyzer_features(analyzer) -> np.ndarray:
    """Return the features (n_units, n_features) of an analyzer's units, NaN where they mean nothing."""
    templates = analyzer.get_extension("templates").get_data(operator="average")  # n_units x n_samples x n_channels
    contacts_um = analyzer.get_channel_locations()[:, :2]
    mask = analyzer.sparsity.mask if analyzer.sparsity is not None else np.ones(templates[:, 0].shape, dtype=bool)
    duration_s = analyzer.get_total_duration()
    found = np.full((len(templates), len(NAMES)), np.nan)
    for number, unit_id in enumerate(analyzer.unit_ids):
        channels = np.flatnonzero(mask[number])
        trains = [analyzer.sorting.get_unit_spike_train(unit_id, segment_index=segment)
                  for segment in range(analyzer.get_num_segments())]
        intervals_ms = np.concatenate([np.diff(train) for train in trains]) * 1000 / analyzer.sampling_frequency
        features = unit_features(templates[number][:, channels].T, contacts_um[channels], analyzer.sampling_frequency,
                                 intervals_ms, sum(map(len, trains)) / duration_s)
        if features is not None:
            found[number] = features
    return found
