"""A curation applied to a sorting: units merged, split and removed, labels and metrics as properties."""

from pathlib import Path

import numpy as np
import pandas as pd
import spikeinterface.full as si
from spikeinterface.core.sorting_tools import apply_merges_to_sorting, apply_splits_to_sorting

from simsort.applying.curated_analyzer import new_id, parts_of
from simsort.applying.new_units import new_unit_metrics
from simsort.curation.choices import Choices
from simsort.curation.unit_table import judge_units, set_properties, write_units_csv
from simsort.errors import UserError
from simsort.labelling.suggestions import write_suggestions


def apply_choices(base: si.BaseSorting, choices: Choices, analyzer_path: Path | None, conditions: tuple):
    """Apply a curation.

    Parameters
    ----------
    base : BaseSorting
        The units as the pipeline labelled them, with metrics as properties.
    choices : Choices
        What to do with them.
    analyzer_path : Path | None
        The analyzer of these units, for the metrics of merged ones.
    conditions : tuple of Condition
        The rule that judges merged units.

    Returns
    -------
    sorting : NumpySorting
        All units that are left, with labels, notes and metrics as properties.
    table : pandas.DataFrame
        Their metrics.
    verdicts : list of Verdict
        Of the rule, a unit each.
    members : dict
        {unit id: the units it was made of}, for every unit that is new.
    """
    metric_names = [key for key in base.get_property_keys() if base.get_property(key).ndim == 1
                    and base.get_property(key).dtype.kind in "fi" and not key.endswith("_probability")]
    table = pd.DataFrame({key: base.get_property(key) for key in metric_names}, index=base.unit_ids)
    sorting = si.NumpySorting.from_sorting(base.remove_units(choices.removed) if choices.removed else base)
    sorting, members = split_units(sorting, choices.splits)
    sorting, merged = merge_units(sorting, choices.merges)
    members |= merged
    table = new_table(table, sorting, members, choices, analyzer_path)
    verdicts = judge_units(table, conditions)
    take_over_texts(base, sorting, members)
    set_properties(sorting, table, verdicts)
    forget_kinds(sorting, members)
    set_labels(sorting, choices, members)
    return sorting, table, verdicts, members


def split_units(sorting, splits: list[dict]):
    """Split units; return the sorting and {new unit: [the unit it was part of]}."""
    members: dict = {}
    for split in splits:
        unit_id, before = split["unit_id"], set(sorting.unit_ids.tolist())
        try:
            sorting = apply_splits_to_sorting(sorting, {unit_id: parts_of(split, sorting)},
                                              new_unit_ids=[split["new_unit_ids"]] if split.get("new_unit_ids") else None)
        except (AssertionError, ValueError, IndexError, TypeError) as error:
            raise UserError(f"unit {unit_id} cannot be split as asked ({' '.join(str(error).split())[:200]})",
                            "split it again in the tool that wrote the file") from None
        made = [new for new in sorting.unit_ids.tolist() if new not in before]
        split["new_unit_ids"] = made  # written down, so that parts have one name wherever the split is applied
        members |= {new: [unit_id] for new in made}
    return sorting, members


def merge_units(sorting, merges: list[dict]):
    """Merge units, each group into its first unit's id or the one asked for; every spike is kept."""
    if not merges:
        return sorting, {}
    kind = type(sorting.unit_ids.tolist()[0])
    new_ids = [new_id(merge, kind) for merge in merges]
    groups = [merge["unit_ids"] for merge in merges]
    return (apply_merges_to_sorting(sorting, groups, new_unit_ids=new_ids), dict(zip(new_ids, groups, strict=True)))


def new_table(table: pd.DataFrame, sorting, members: dict, choices: Choices, analyzer_path: Path | None) -> pd.DataFrame:
    """Take over the metrics of unchanged units, compute those of new ones."""
    fresh = pd.DataFrame(np.nan, index=list(members), columns=table.columns)
    if analyzer_path is not None and members:
        computed = new_unit_metrics(analyzer_path, choices, list(members))
        shared = [column for column in computed if column in fresh]
        fresh[shared] = computed.reindex(fresh.index)[shared].astype("float64")
    counts = sorting.count_num_spikes_per_unit()
    unchanged = [unit for unit in sorting.unit_ids.tolist() if unit not in members]
    whole = pd.concat([table.loc[unchanged].astype("float64"), fresh]).loc[sorting.unit_ids.tolist()]
    whole["num_spikes"] = [counts[unit] for unit in sorting.unit_ids]
    return whole.astype({column: "int64" for column in whole
                         if column in table and table[column].dtype.kind == "i" and whole[column].notna().all()})


def take_over_texts(base, sorting, members: dict) -> None:
    """Take over what the sorter said of each unit in words; a merged unit has its first member's."""
    sources = [members.get(unit_id, [unit_id])[0] for unit_id in sorting.unit_ids.tolist()]
    for key in base.get_property_keys():
        if base.get_property(key).dtype.kind in "US":
            sorting.set_property(key, base.get_property(key, ids=sources))


def forget_kinds(sorting, members: dict) -> None:
    """Leave open what kind of cell a new unit is: its parts were judged, it was not."""
    if members and "cell_type" in sorting.get_property_keys():
        kinds = sorting.get_property("cell_type")
        replace(sorting, "cell_type", np.where(np.isin(sorting.unit_ids, list(members)), "unsure", kinds).astype(str))


def set_labels(sorting, choices: Choices, members: dict) -> None:
    """Set one text property per kind of label (the union over the units merged), and the notes."""
    unit_ids, of_parts = sorting.unit_ids.tolist(), labels_of_parts(choices)
    for name in choices.definitions:
        texts = []
        for unit_id in unit_ids:
            if of_parts.get(unit_id):
                texts.append(", ".join(of_parts[unit_id].get(name, [])))
                continue
            parts = [choices.labels.get(member, {}).get(name, []) for member in members.get(unit_id, [unit_id])]
            texts.append(", ".join(dict.fromkeys(label for labels in parts for label in labels)))
        if name != "default_qc_label":
            replace(sorting, name, np.array(texts, dtype=str))
    notes = ["; ".join(choices.notes[m] for m in members.get(u, [u]) if choices.notes.get(m)) for u in unit_ids]
    replace(sorting, "curation_note", np.array(notes, dtype=str))
    sources = [", ".join(map(str, members.get(unit_id, [unit_id]))) for unit_id in unit_ids]
    replace(sorting, "curation_units", np.array(sources, dtype=str))


def labels_of_parts(choices: Choices) -> dict:
    """Return {new unit: labels} of parts of units that were labelled on the page."""
    names = {split["unit_id"]: split["new_unit_ids"] for split in choices.splits}
    return {new: labels for cut in choices.cuts for new, labels in zip(names[cut["unit_id"]], cut["labels"])}


def replace(sorting, key: str, values: np.ndarray) -> None:
    """Set a property anew."""
    if key in sorting.get_property_keys():
        sorting.delete_property(key)
    sorting.set_property(key, values)


def save(sorting, table, verdicts: list, folder: Path, sources: list, merges: list) -> None:
    """Write the sorting into a folder that exists, with its unit table and the automatic labels."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The extractor is not serializable")
        sorting.save(folder=folder, overwrite=True)
    kinds = sorting.get_property("cell_type")
    kinds = None if kinds is None else pd.DataFrame({"cell_type": kinds}, index=sorting.unit_ids)
    by_hand = {key: sorting.get_property(key).tolist() for key in ("quality", "curation_note")
               if key in sorting.get_property_keys()}
    write_units_csv(Path(folder) / "units.csv", table, verdicts, kinds, sources, by_hand)
    write_suggestions(folder, sources, merges)
