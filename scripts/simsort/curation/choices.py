"""Read a curation in any of the forms that people bring, and check it against a recording. Standard library only.

Forms: what Figurl exports ("v0": labelsByUnit, mergeGroups), figpack's annotations.json, SpikeInterface's formats 1
and 2, and format 2 with this project's `simsort` part, which the curation page writes.
"""

import dataclasses
import hashlib
import json
from pathlib import Path

from simsort.curation.cuts import read_cuts
from simsort.errors import UserError

QUALITY = "quality"
QUALITY_LABELS = ("good", "MUA", "noise", "artifact")
LARGEST_FILE_BYTES = 200_000_000  # splits list spikes one by one
LONGEST_TEXT = 2000
REMEDY = "give what the curation page, Figurl or spikeinterface-gui saved"


@dataclasses.dataclass
class Choices:
    """What a person decided, in the sorting's own unit ids.

    Attributes
    ----------
    definitions : dict
        {label kind: {"label_options": list, "exclusive": bool}}.
    labels : dict
        {unit id: {label kind: list of labels}} for the units the file speaks of.
    merges : list of dict
        `unit_ids` (two or more) and `new_unit_id` or None.
    splits : list of dict
        In SpikeInterface's form.
    removed : list
        Unit ids.
    cuts : list of dict
        Splits as drawn on the page: `unit_id`, `polygon`, `labels` of both parts.
    notes : dict
        {unit id: text}.
    whole : bool
        Whether units that are not mentioned have no label; else they keep theirs.
    about : dict
        The `simsort` part of the file: recording, session, sorting, version; empty in foreign files.
    """

    definitions: dict = dataclasses.field(default_factory=dict)
    labels: dict = dataclasses.field(default_factory=dict)
    merges: list = dataclasses.field(default_factory=list)
    splits: list = dataclasses.field(default_factory=list)
    removed: list = dataclasses.field(default_factory=list)
    cuts: list = dataclasses.field(default_factory=list)
    notes: dict = dataclasses.field(default_factory=dict)
    whole: bool = True
    about: dict = dataclasses.field(default_factory=dict)


def fingerprint(unit_ids, counts) -> str:
    """Name a sorting by its units and their spike counts.

    Parameters
    ----------
    unit_ids : sequence of int or str
        The units, in order.
    counts : sequence of int
        Spikes of each.

    Returns
    -------
    sha256 : str
        Hexadecimal.
    """
    lines = "".join(f"{unit_id}\t{int(count)}\n" for unit_id, count in zip(unit_ids, counts, strict=True))
    return hashlib.sha256(lines.encode()).hexdigest()


def read_json(path: Path) -> dict:
    """Read a curation file.

    Raises
    ------
    UserError
        If it is missing, too large or no JSON (telling where it breaks off).
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"curation file {path} does not exist", "check its name")
    if path.stat().st_size > LARGEST_FILE_BYTES:
        raise UserError(f"{path} is larger than a curation can be", REMEDY)
    try:
        return parse_json(path.read_bytes())
    except UserError as error:
        raise UserError(f"{path} {error.what}", error.remedy) from None


def parse_json(content: bytes) -> dict:
    """Parse JSON into a mapping; the message of a `UserError` goes on after the file's name."""
    try:
        parsed = json.loads(content.decode("utf8"))
    except UnicodeDecodeError:
        raise UserError("is no text file", REMEDY) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise UserError(f"is no valid JSON ({error.msg}, {where})",
                        "it was cut off or edited by hand: save it again") from None
    except RecursionError:
        raise UserError("is nested too deeply for a curation", REMEDY) from None
    except ValueError as error:  # a number of thousands of digits
        raise UserError(f"is no curation that can be read ({error})", REMEDY) from None
    if not isinstance(parsed, dict):
        raise UserError(f"holds a {type(parsed).__name__}, not a curation", REMEDY)
    return parsed


def read_choices(content: dict, unit_ids: list) -> Choices:
    """Read a curation of any form and check it against a sorting.

    Parameters
    ----------
    content : dict
        The parsed file.
    unit_ids : list of int or str
        The sorting's units. Ids of the file are matched by their text: formats differ in whether 1 is written "1".

    Returns
    -------
    choices : Choices
        Consistent: every unit exists and is merged, split or removed at most once.

    Raises
    ------
    UserError
        If it is no curation, names a unit that is not there, or contradicts itself.
    """
    try:
        choices = choices_of(content, {str(unit_id): unit_id for unit_id in unit_ids})
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        raise UserError(f"is no curation that can be read ({type(error).__name__}: {error})", REMEDY) from None
    check_together(choices, unit_ids)
    return choices


def choices_of(content: dict, own_ids: dict) -> Choices:
    """Tell the form of a file and read it."""
    if "annotations" in content:
        found = [view["sorting_curation"] for view in content["annotations"].values() if "sorting_curation" in view]
        if len(found) != 1:
            raise UserError(f"holds {len(found)} curations of a figpack figure", "give one with exactly one")
        content = parse_json(found[0].encode())
    if not content or {"labelsByUnit", "mergeGroups"} & set(content) or set(content) <= {"labelChoices", "isClosed"}:
        return read_v0(content, own_ids)
    version = str(content.get("format_version", ""))
    if version not in ("1", "2"):
        raise UserError(f"has the unknown format_version {version!r}" if version else "is no curation", REMEDY)
    return read_spikeinterface(content, own_ids)


def read_v0(content: dict, own_ids: dict) -> Choices:
    """Read sortingview's export: every key may be missing, ids are texts, labels are not exclusive."""
    choices = Choices(whole=False)
    spelt = {label.lower(): label for label in QUALITY_LABELS}  # Figurl's own choices are in lower case
    for unit, labels in content.get("labelsByUnit", {}).items():
        texts = [text_of(label) for label in list_of(labels)]
        choices.labels[known(unit, own_ids)] = {QUALITY: [spelt.get(text.lower(), text) for text in texts]}
    choices.merges = [merge_of({"unit_ids": group}, own_ids) for group in list_of(content.get("mergeGroups", []))]
    used = [label for labels in choices.labels.values() for label in labels[QUALITY]]
    options = list(dict.fromkeys([*QUALITY_LABELS, *used]))
    choices.definitions = {QUALITY: {"label_options": options, "exclusive": False}}
    return choices


def read_spikeinterface(content: dict, own_ids: dict) -> Choices:
    """Read SpikeInterface's format 1 or 2."""
    choices = Choices(about=dict(content.get("simsort") or {}))
    for unit in list_of(content.get("unit_ids") or []):
        known(unit, own_ids)
    for name, definition in (content.get("label_definitions") or {}).items():
        options = [text_of(label) for label in list_of(definition["label_options"])]
        choices.definitions[text_of(name)] = {"label_options": options, "exclusive": bool(definition.get("exclusive"))}
    for entry in list_of(content.get("manual_labels") or []):
        given = entry.get("labels") or {k: v for k, v in entry.items() if k != "unit_id" and k != "labels"}
        labels = {text_of(name): [text_of(label) for label in list_of(values)] for name, values in given.items()}
        choices.labels[known(entry["unit_id"], own_ids)] = labels
        check_labels(entry["unit_id"], labels, choices.definitions)
    merges = content.get("merges", content.get("merge_unit_groups")) or []
    if isinstance(merges, dict):  # {new id: members}, as SpikeInterface also takes it
        merges = [{"unit_ids": group, "new_unit_id": new} for new, group in merges.items()]
    choices.merges = [merge_of(m if isinstance(m, dict) else {"unit_ids": m}, own_ids) for m in list_of(merges)]
    choices.removed = [known(u, own_ids) for u in list_of(content.get("removed", content.get("removed_units")) or [])]
    choices.splits = [{**split,
                       "unit_id": known(split["unit_id"], own_ids)} for split in list_of(content.get("splits") or [])]
    choices.cuts = read_cuts(list_of(choices.about.get("cuts") or []), lambda unit: known(unit, own_ids), text_of)
    for entry in choices.cuts:
        for part in entry["labels"]:
            check_labels(entry["unit_id"], part, choices.definitions)
    choices.notes = {known(unit, own_ids): text_of(note) for unit, note in (choices.about.get("notes") or {}).items()}
    return choices


def check_labels(unit, labels: dict, definitions: dict) -> None:
    """Raise unless all labels of a unit are defined."""
    for name, values in labels.items():
        if name not in definitions:
            raise UserError(f"gives unit {unit} a label of the undefined kind {name!r}", REMEDY)
        missing = [value for value in values if value not in definitions[name]["label_options"]]
        if missing:
            raise UserError(f"gives unit {unit} the undefined {name} label {missing[0]!r}", REMEDY)


def known(unit, own_ids: dict):
    """Return the sorting's own id of a unit."""
    if isinstance(unit, bool) or not isinstance(unit, (int, str)):
        raise UserError(f"names {unit!r}, which is no unit id", REMEDY)
    if str(unit) not in own_ids:
        raise UserError(f"names unit {str(unit)!r}, which the sorting does not have",
                        "it was made on another recording or an earlier sorting: curate this one's page")
    return own_ids[str(unit)]


def merge_of(merge: dict, own_ids: dict) -> dict:
    """Read one merge group."""
    units = list(dict.fromkeys(known(unit, own_ids) for unit in list_of(merge["unit_ids"])))
    if len(units) < 2:
        raise UserError(f"merges unit {', '.join(map(str, units)) or 'none'} with nothing", "name two or more units")
    return {"unit_ids": units, "new_unit_id": merge.get("new_unit_id")}


def text_of(value) -> str:
    """Return a label or note; it may hold anything printable, and is only ever shown as text."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not value.replace("\n", " ").isprintable():
        raise UserError(f"holds {str(value)[:40]!r} where a text is expected", REMEDY)
    return value


def list_of(value) -> list:
    """Return a list as it is."""
    if not isinstance(value, list):
        raise UserError(f"holds {str(value)[:40]!r} where a list is expected", REMEDY)
    return value


def check_together(choices: Choices, unit_ids: list) -> None:
    """Raise unless every unit is merged, split or removed at most once, and new ids are free."""
    done: dict = {}
    split = {entry["unit_id"] for entry in choices.splits}  # of a unit that was cut, the split that came of it
    for what, units in (*(("merged", m["unit_ids"]) for m in choices.merges),
                        ("removed", dict.fromkeys(choices.removed)),
                        *(("split", [s["unit_id"]]) for s in choices.splits),
                        *(("split", [c["unit_id"]]) for c in choices.cuts if c["unit_id"] not in split)):
        for unit in units:
            if unit in done:
                raise UserError(f"wants unit {unit} {done[unit]} and {'again ' if done[unit] == what else ''}{what}",
                                "a unit belongs to one merge, or is split, or removed: mend it on the page")
            done[unit] = what
    taken = {str(unit) for unit in unit_ids}
    for merge in choices.merges:
        new = merge["new_unit_id"]
        own = {str(unit) for unit in merge["unit_ids"]}
        if new is not None and str(new) in taken - own:
            raise UserError(f"wants to call a merged unit {new}, which another unit is called", "leave new_unit_id out")
        taken.add(str(new))
    for unit, labels in choices.labels.items():
        for name, values in labels.items():
            if choices.definitions[name]["exclusive"] and len(values) > 1:
                raise UserError(f"gives unit {unit} several {name} labels, of which it may have one",
                                "keep one of them")
