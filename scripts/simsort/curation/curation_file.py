"""SpikeInterface's curation format, version 2, with this project's own part beside it. Standard library only.

spikeinterface-gui and `apply_curation` read it; what they do not know, the `simsort` part, they leave alone.
"""

import json
from pathlib import Path

from simsort.curation.choices import QUALITY, QUALITY_LABELS, Choices
from simsort.curation.labels import LABELS

AUTOMATIC = "default_qc_label"


def automatic_curation(unit_ids: list, labels: list[str], about: dict | None = None) -> dict:
    """Describe the automatic labels as a curation that a person can go on from.

    Parameters
    ----------
    unit_ids : list of int or str
        The sorting's units.
    labels : list of str
        "pass", "fail" or "unknown" for each.
    about : dict | None, default: None
        The `simsort` part: recording, session, sorting.

    Returns
    -------
    curation : dict
        Valid by SpikeInterface's own model: `default_qc_label` filled in; `quality` is good where the rule passes, and
        left to the person elsewhere.
    """
    definitions = {QUALITY: {"label_options": list(QUALITY_LABELS), "exclusive": False},
                   AUTOMATIC: {"label_options": list(LABELS), "exclusive": True}}
    given = {unit_id: {AUTOMATIC: [label]} | ({QUALITY: ["good"]} if label == "pass" else {})
             for unit_id, label in zip(unit_ids, labels, strict=True)}
    return curation_dict(unit_ids, Choices(definitions=definitions, labels=given), {"version": 1, **(about or {})})


def curation_dict(unit_ids: list, choices: Choices, about: dict) -> dict:
    """Write choices in SpikeInterface's format 2.

    Parameters
    ----------
    unit_ids : list of int or str
        The sorting's units.
    choices : Choices
        What was decided on them.
    about : dict
        The `simsort` part; notes and cuts are added to it.

    Returns
    -------
    curation : dict
        Ready for JSON.
    """
    labels = {unit_id: {name: values for name, values in choices.labels.get(unit_id, {}).items() if values}
              for unit_id in unit_ids}
    notes = {str(unit_id): choices.notes[unit_id] for unit_id in unit_ids if choices.notes.get(unit_id)}
    return {
        "format_version": "2",
        "unit_ids": list(unit_ids),
        "label_definitions": {name: {"name": name, **definition} for name, definition in choices.definitions.items()},
        "manual_labels": [{"unit_id": unit_id, "labels": given} for unit_id, given in labels.items() if given],
        "removed": choices.removed,
        "merges": choices.merges,
        "splits": choices.splits,
        "simsort": {**about, "notes": notes, **({"cuts": choices.cuts} if choices.cuts else {})},
    }


def combine(choices: Choices, current: Choices) -> Choices:
    """Put a file's choices onto the present ones.

    Kinds of labels that the file does not define stay, and so does the rule's verdict, which nobody decides. Of
    a file that is not whole (Figurl writes only the units that were touched) the units it does not mention keep their
    labels too.
    """
    labels = {}
    for unit_id in {**current.labels, **choices.labels}:
        old, new = current.labels.get(unit_id, {}), choices.labels.get(unit_id)
        untouched = new is None and not choices.whole
        kept = {name: values for name, values in old.items() if untouched or name not in choices.definitions}
        verdict = {AUTOMATIC: old[AUTOMATIC]} if AUTOMATIC in old else {}
        labels[unit_id] = {**kept, **(new or {}), **verdict}
    definitions = dict(current.definitions)
    for name, definition in choices.definitions.items():
        known = definitions.get(name, {}).get("label_options", [])
        definitions[name] = {**definition, "label_options": list(dict.fromkeys([*known, *definition["label_options"]]))}
    return Choices(definitions, labels, choices.merges, choices.splits, choices.removed, choices.cuts,
                   choices.notes if choices.whole else {**current.notes, **choices.notes}, True, choices.about)


def write_curation(path: Path, curation: dict) -> None:
    """Write `curation.json`."""
    Path(path).write_text(json.dumps(curation, indent=1) + "\n")
