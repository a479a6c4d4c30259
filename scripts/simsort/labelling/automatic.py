"""All automatic labels of a recording's units, and the merges that suggest themselves."""

import math
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from simsort.labelling import bombcell, unitrefine
from simsort.labelling.additive import AdditiveModel, read_model
from simsort.labelling.derived import with_derived
from simsort.labelling.pairs import NEEDED, pair_table
from simsort.labelling.suggestions import source

MODELS = Path(__file__).parent / "models"
MODEL_TITLE = "model of simulated neurons"
SAME = "same"  # the label of pairs that are one neuron
LEAST_PROBABILITY = 0.5
MOST_MERGES = 200


@cache
def shipped(name: str) -> AdditiveModel:
    """Return a model of the package: `units` or `pairs`."""
    return read_model(MODELS / f"{name}.json")


def label_sources(table: pd.DataFrame, settings: dict, analyzer=None) -> list[dict]:
    """Label units by every source asked for.

    Parameters
    ----------
    table : pandas.DataFrame
        A row per unit, a column per metric.
    settings : dict
        Settings of the curation stage.
    analyzer : SortingAnalyzer | None
        Of the same units, for UnitRefine.

    Returns
    -------
    sources : list of dict
        See `suggestions.source`.

    Raises
    ------
    UserError
        See `unitrefine_labels`.
    """
    sources = [label_by(name, table) for name in settings["labels"]] if len(table) else []
    models = (settings["unitrefine_noise"], settings["unitrefine_sua"])
    if any(models) and analyzer is not None and len(table):
        labels, probabilities = unitrefine.unitrefine_labels(analyzer, *models, settings["unitrefine_trusted"])
        sources.append(source("unitrefine", unitrefine.TITLE, table.index.tolist(), labels, probabilities,
                              [[]] * len(labels)))
    return sources


def label_by(name: str, table: pd.DataFrame) -> dict:
    """Label units by a source that needs their metrics alone: model or bombcell."""
    unit_ids, numbers = table.index.tolist(), table.select_dtypes("number").astype("float64")
    if name == "bombcell":
        labels, reasons = bombcell.bombcell_labels(numbers)
        return source(name, bombcell.TITLE, unit_ids, labels, [None] * len(labels), reasons)
    model, numbers = shipped("units"), with_derived(numbers)
    if not any(metric in numbers and numbers[metric].notna().any() for metric in model.curves):
        return source(name, MODEL_TITLE, unit_ids, [""] * len(unit_ids), [None] * len(unit_ids), [[]] * len(unit_ids))
    probabilities, contributions = model.predict(numbers)
    best = probabilities.argmax(axis=1)
    return source(name, MODEL_TITLE, unit_ids, [model.labels[i] for i in best], two_digits(probabilities.max(axis=1)),
                  model.reasons(numbers, probabilities, contributions))


def two_digits(values) -> list[float]:
    """Round probabilities, which are no better known."""
    return [round(float(value), 2) for value in values]


def merge_suggestions(analyzer) -> list[dict]:
    """Find pairs of units that are probably one neuron.

    Parameters
    ----------
    analyzer : SortingAnalyzer
        Any extension may be missing; without those of `pairs.NEEDED` there are no suggestions.

    Returns
    -------
    merges : list of dict
        `unit_ids` (two), `probability` and `reasons`, the most probable first.
    """
    if len(analyzer.unit_ids) < 2 or not all(analyzer.has_extension(name) for name in NEEDED):
        return []
    pairs, model = pair_table(analyzer), shipped("pairs")
    if not len(pairs):
        return []
    probabilities, contributions = model.predict(pairs)
    of_one = probabilities[:, model.labels.index(SAME)]
    reasons = model.reasons(pairs, probabilities, contributions)
    ids = pairs[["first", "second"]].to_numpy(dtype=object).tolist()
    order = [i for i in np.argsort(-of_one, kind="stable") if of_one[i] >= LEAST_PROBABILITY][:MOST_MERGES]
    return [{"unit_ids": [plain(unit) for unit in ids[i]], "probability": round(float(of_one[i]), 2),
             "reasons": reasons[i]} for i in order]


def plain(unit_id):
    """Return a unit id that JSON knows."""
    return unit_id.item() if hasattr(unit_id, "item") else unit_id


def after_curation(sources: list[dict], merges: list[dict], table: pd.DataFrame,
                   members: dict) -> tuple[list[dict], list[dict]]:
    """Return labels and suggestions for the units that a curation made of those before.

    Parameters
    ----------
    sources, merges : list of dict
        Of the sorter's units.
    table : pandas.DataFrame
        Metrics of the units there are now.
    members : dict
        {new unit: units it was made of}.
    """
    now = []
    for old in sources:
        if old["name"] in ("model", "bombcell"):
            now.append(label_by(old["name"], table))
            continue
        known = {unit: values for unit, *values in zip(*(old[key] for key in ("unit_ids", "labels", "probabilities",
                                                                             "reasons")))}
        rows = [("", None, []) if unit in members else known.get(unit, ("", None, [])) for unit in table.index.tolist()]
        now.append(source(old["name"], old["title"], table.index.tolist(), *map(list, zip(*rows))))
    left = set(table.index.tolist()) - set(members)
    return now, [merge for merge in merges if left.issuperset(merge["unit_ids"])]


def set_label_properties(sorting, sources: list[dict]) -> None:
    """Put labels and probabilities on a sorting: `model_label`, `model_probability` and so on."""
    for one in sources:
        probabilities = [math.nan if value is None else value for value in one["probabilities"]]
        for key, values in (("label", np.array(one["labels"], dtype=str)), ("probability", np.array(probabilities, float))):
            name = f"{one['name']}_{key}"
            if key == "probability" and np.isnan(values).all():
                continue
            if name in sorting.get_property_keys():
                sorting.delete_property(name)
            sorting.set_property(name, values)
