"""SpikeInterface's curation format, version 2, which spikeinterface-gui and `apply_curation` read."""

import json
from pathlib import Path

from spikeinterface.curation.curation_model import Curation

from simsort.curation.labels import LABELS

QUALITY_LABELS = ("good", "MUA", "noise", "artifact")


def curation_dict(unit_ids: list, labels: list[str]) -> dict:
    """Describe the automatic labels as a curation that a person can go on from.

    Parameters
    ----------
    unit_ids : list of int or str
        The sorting's units.
    labels : list of str
        "pass", "fail" or "unknown" for each.

    Returns
    -------
    curation : dict
        Valid by SpikeInterface's own model: `default_qc_label` filled in, `quality` left to the person.
    """
    curation = {
        "format_version": "2",
        "unit_ids": list(unit_ids),
        "label_definitions": {
            "quality": {"name": "quality", "label_options": list(QUALITY_LABELS), "exclusive": True},
            "default_qc_label": {"name": "default_qc_label", "label_options": list(LABELS), "exclusive": True},
        },
        "manual_labels": [{"unit_id": unit_id, "labels": {"default_qc_label": [label]}}
                          for unit_id, label in zip(unit_ids, labels, strict=True)],
        "removed": [],
        "merges": [],
        "splits": [],
    }
    Curation(**curation)
    return curation


def write_curation(path: Path, unit_ids: list, labels: list[str]) -> None:
    """Write `curation.json`."""
    Path(path).write_text(json.dumps(curation_dict(unit_ids, labels), indent=1) + "\n")
