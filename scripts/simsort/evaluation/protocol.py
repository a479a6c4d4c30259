"""The one protocol by which every sorting is scored against known spikes.

The whole recording at once, SpikeInterface's comparison: spikes coincide within 0.4 ms, units are matched by the
Hungarian method, a match needs an agreement of 0.5, and a true unit without a match scores 0.
"""

import numpy as np

DELTA_MS = 0.4
MATCH_SCORE = 0.5
MIN_SNR = 3.0
WELL_DETECTED = 0.8
FALSE_BELOW = 0.2


def score_sorting(truth, sorting, *, snr=None, background=None) -> dict:
    """Score a sorting against the true spikes.

    Parameters
    ----------
    truth : BaseSorting
        The true units.
    sorting : BaseSorting
        The units to judge, of the same recording.
    snr : array | None, default: None
        Signal to noise ratio of each true unit; None: the truth's property `snr`, and without one every unit counts.
    background : BaseSorting | None, default: None
        Further true units, too weak to be asked for; a unit that agrees with one of them is not false.

    Returns
    -------
    scores : dict
        `units`, one entry per true unit (`unit_id`, `snr`, `n_spikes`, `accuracy`, `recall`, `precision`,
        `best_agreement`), and what `summarise` makes of them.
    """
    snr = known_snr(truth) if snr is None else np.asarray(snr, dtype=float)
    agreements = agreement_with(truth, sorting)
    units = unit_scores(truth, sorting, agreements)
    for unit, value in zip(units, snr):
        unit["snr"] = None if np.isnan(value) else float(value)
    best = agreements.max(axis=0) if len(agreements) else np.zeros(sorting.get_num_units())
    if background is not None and background.get_num_units():
        best = np.maximum(best, agreement_with(background, sorting).max(axis=0))
    return {"units": units, **summarise(units, best)}


def known_snr(truth) -> np.ndarray:
    """Return the property `snr`, NaN where there is none."""
    values = truth.get_property("snr")
    return np.full(truth.get_num_units(), np.nan) if values is None else np.asarray(values, dtype=float)


def agreement_with(truth, sorting) -> np.ndarray:
    """Return the agreement of every true unit with every unit: true units x units."""
    n_true, n_units = truth.get_num_units(), sorting.get_num_units()
    if not n_true or not n_units:
        return np.zeros((n_true, n_units))
    comparison = compare(truth, sorting)
    return comparison.agreement_scores.loc[truth.unit_ids, sorting.unit_ids].to_numpy()


def compare(truth, sorting):
    """Return SpikeInterface's comparison with this protocol's settings."""
    from spikeinterface.comparison import compare_sorter_to_ground_truth

    return compare_sorter_to_ground_truth(truth, sorting, delta_time=DELTA_MS, match_score=MATCH_SCORE,
                                          match_mode="hungarian", exhaustive_gt=False)


def unit_scores(truth, sorting, agreements: np.ndarray) -> list[dict]:
    """Return accuracy, recall and precision of every true unit; 0 where it has no match."""
    n_spikes = truth.count_num_spikes_per_unit(outputs="dict")
    scores = [{"unit_id": plain(unit), "n_spikes": int(n_spikes[unit]), "accuracy": 0.0, "recall": 0.0,
               "precision": 0.0, "best_agreement": float(row.max(initial=0.0))}
              for unit, row in zip(truth.unit_ids, agreements)]
    if not truth.get_num_units() or not sorting.get_num_units():
        return scores
    table = compare(truth, sorting).get_performance(method="by_unit")
    for unit, entry in zip(truth.unit_ids, scores):
        for name in ("accuracy", "recall", "precision"):
            entry[name] = float(np.nan_to_num(float(table.loc[unit, name])))
    return scores


def plain(unit_id):
    """Return a unit id as JSON can hold it."""
    return unit_id.item() if isinstance(unit_id, np.generic) else unit_id


def summarise(units: list[dict], best_agreements: np.ndarray) -> dict:
    """Return the figures of one recording.

    Parameters
    ----------
    units : list of dict
        One entry per true unit, with `snr` (None: unknown, such a unit counts) and `accuracy`.
    best_agreements : array
        Of each unit of the sorting, the best agreement with any true unit.

    Returns
    -------
    summary : dict
        `accuracy`, `recall`, `precision`: means over the true units with SNR >= 3 (None if there are none); `n_asked`,
        how many these are; `n_well_detected`, how many of all have an accuracy of 0.8 or more; `n_found`, how many of
        all are matched; `n_units`; `n_false`; `false_per_found` (None if none is found).
    """
    asked = [unit for unit in units if unit["snr"] is None or unit["snr"] >= MIN_SNR]
    n_found = sum(unit["accuracy"] > 0 for unit in units)
    n_false = int(np.sum(np.asarray(best_agreements) < FALSE_BELOW))
    means = {name: float(np.mean([unit[name] for unit in asked])) if asked else None
             for name in ("accuracy", "recall", "precision")}
    return {**means, "n_true": len(units), "n_asked": len(asked), "n_found": n_found,
            "n_well_detected": sum(unit["accuracy"] >= WELL_DETECTED for unit in units),
            "n_units": len(best_agreements), "n_false": n_false,
            "false_per_found": n_false / n_found if n_found else None}
