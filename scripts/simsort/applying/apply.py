"""Apply a curation to a results folder."""

import dataclasses
import json
from pathlib import Path

from simsort.applying.republish import republish
from simsort.applying.versions import SAVED, Versions, check_can_write, user_name
from simsort.curation.choices import Choices, fingerprint, read_choices, read_json
from simsort.curation.curation_file import combine, curation_dict, write_curation
from simsort.curation.rule import parse_rule
from simsort.errors import UserError
from simsort.viewing.files import CURATION, FOLDER, page_facts, recordings_with_pages


@dataclasses.dataclass
class Outcome:
    """What applying did.

    Attributes
    ----------
    recording : str
        Which recording.
    version : int
        The present version.
    changes : list of str
        A line each; empty if there was nothing to change.
    """

    recording: str
    version: int
    changes: list


def apply_curation(results: Path, path: Path | None, *, recording: str | None = None, by: str | None = None,
                   replace: bool = False) -> list[Outcome]:
    """Apply a curation file, or what was saved on the pages.

    Parameters
    ----------
    results : Path
        The results folder.
    path : Path | None
        A curation of any form; None for what `simsort view` saved.
    recording : str | None, default: None
        Which recording, where neither the file says nor there is only one.
    by : str | None, default: None
        Who curated; default: the user's name.
    replace : bool, default: False
        Apply a curation that was made from another version than the present one.

    Returns
    -------
    outcomes : list of Outcome
        One per recording.

    Raises
    ------
    UserError
        If the file is no curation of the recording, contradicts itself or the present version, or the folder cannot be
        written. Then nothing is changed.
    """
    results = Path(results)
    names = recordings_with_pages(results)
    if path is not None:
        content = read_json(path)
        name = choose_recording(content, names, recording, path)
        return [apply_to_recording(results, name, content, str(path), by, replace)]
    saved = [(name, Versions(results, name).folder / SAVED) for name in names if recording in (None, name)]
    saved = [(name, file) for name, file in saved if file.is_file()]
    if not saved:
        raise UserError(f"nothing was saved on the pages of {results}", "give a curation file, or save on a page of "
                        "`simsort view`")
    return [apply_to_recording(results, name, read_json(file), str(file), by, replace) for name, file in saved]


def choose_recording(content: dict, names: list[str], asked: str | None, path: Path) -> str:
    """Tell which recording a curation is of."""
    about = content.get("simsort")
    said = about.get("recording") if isinstance(about, dict) else None
    if asked is not None and asked not in names:
        raise UserError(f"there is no recording {asked!r} with a curation page", f"there are: {', '.join(names)}")
    if said is not None and asked not in (None, said):
        raise UserError(f"{path} is a curation of {said!r}, not of {asked!r}", "leave --recording out")
    if said is not None and said not in names:
        raise UserError(f"{path} is a curation of the recording {said!r}, which these results do not have",
                        f"there are: {', '.join(names)}")
    if said or asked:
        return said or asked
    if len(names) > 1:
        raise UserError(f"{path} does not say which recording it is of", f"add --recording NAME: {', '.join(names)}")
    return names[0]


def apply_to_recording(results: Path, recording: str, content: dict, source: str, by: str | None,
                       replace: bool) -> Outcome:
    """Check a curation against one recording, build the new version aside and make it the present one."""
    import spikeinterface.full as si

    versions = Versions(results, recording)
    if not versions.present.is_dir():
        raise UserError(f"{versions.present} is missing", "run the pipeline again")
    base = si.load(versions.first())
    check_same_sorting(results, versions)
    unit_ids = base.unit_ids.tolist()
    sorting_name = fingerprint(unit_ids, base.count_num_spikes_per_unit(outputs="array"))
    try:
        choices = read_choices(content, unit_ids)
    except UserError as error:
        raise UserError(f"{source} {error.what}", error.remedy) from None
    check_fits(choices, source, sorting_name, versions, replace)
    current = read_choices(json.loads((versions.present / CURATION).read_text()), unit_ids)
    wanted = combine(choices, current)
    changes = describe_changes(current, wanted, unit_ids)
    if not changes:
        return Outcome(recording, versions.current(), [])
    check_can_write(versions)
    number = build(results, versions, wanted, changes, source, by or user_name(), sorting_name)
    republish(results, recording)
    return Outcome(recording, number, changes)


def check_same_sorting(results: Path, versions: Versions) -> None:
    """Raise if the pipeline has sorted anew since the present curation was made."""
    about = json.loads((versions.present / CURATION).read_text()).get("simsort", {})
    if about.get("sorting") not in (None, page_facts(results, versions.recording)["sorting"]):
        raise UserError(f"curated/{versions.recording} is a curation of an earlier sorting",
                        "keep it, or add --start-over "
                        "(without a file) to take the new sorting's automatic labels, then curate those")


def check_fits(choices: Choices, source: str, sorting_name: str, versions: Versions, replace: bool) -> None:
    """Raise if a curation was made on another sorting, or from another version than the present one."""
    of_sorting, of_version = choices.about.get("sorting"), choices.about.get("version")
    if of_sorting not in (None, sorting_name):
        raise UserError(f"{source} was made on another sorting of {versions.recording}",
                        "curate this sorting's page: ids of units mean other units here")
    if of_version not in (None, versions.current()) and not replace:
        present = versions.about(versions.current()) if versions.numbers() else {}
        whose = f" by {present['by']}, {present['created'][:16]}" if present else ""
        raise UserError(f"{source} was made from version {of_version}, but version {versions.current()}{whose} is the "
                        "present one", "open the page again and go on from there, or add --replace to take this file")


def describe_changes(current: Choices, wanted: Choices, unit_ids: list) -> list[str]:
    """List what a curation changes, a line each."""
    lines = []
    for unit_id in unit_ids:
        for name in wanted.definitions:
            before, after = (c.labels.get(unit_id, {}).get(name, []) for c in (current, wanted))
            if before != after:
                lines.append(f"unit {unit_id}: {name} {', '.join(before) or 'none'} -> {', '.join(after) or 'none'}")
        if current.notes.get(unit_id, "") != wanted.notes.get(unit_id, ""):
            lines.append(f"unit {unit_id}: note")
    cut = {entry["unit_id"] for entry in wanted.cuts} - {entry["unit_id"] for entry in wanted.splits}
    lists = {"merges": current.merges, "cuts": current.cuts, "removed": current.removed,
             "splits": [split for split in current.splits if split["unit_id"] not in cut]}  # of cuts they come anew
    both = {str(entry["unit_id"]) for entry in current.cuts} & {str(entry["unit_id"]) for entry in wanted.cuts}
    for title, key in (("merge", "merges"), ("split", "splits"), ("split", "cuts"), ("remove", "removed")):
        before, after = ([json.dumps(item) for item in items] for items in (lists[key], getattr(wanted, key)))
        lines += [f"{title}: {brief(item)}" for item in after if item not in before]
        lines += [f"no longer {title}: {brief(item)}" for item in before if item not in after
                  and not (key == "cuts" and str(json.loads(item)["unit_id"]) in both)]  # only drawn or labelled anew
    return lines


def brief(item: str) -> str:
    """Name the units of a merge, split or removal."""
    item = json.loads(item)
    if not isinstance(item, dict):
        return f"unit {item}"
    return "units " + " + ".join(map(str, item["unit_ids"])) if "unit_ids" in item else f"unit {item['unit_id']}"


def build(results: Path, versions: Versions, wanted: Choices, changes: list[str], source: str, by: str,
          sorting_name: str) -> int:
    """Write a new version whole and make it the present one; return its number."""
    import spikeinterface.full as si

    from simsort.applying.curated_sorting import apply_choices, save
    from simsort.applying.cut_units import cuts_to_splits
    from simsort.labelling.automatic import after_curation, set_label_properties
    from simsort.labelling.suggestions import read_suggestions

    base = si.load(versions.first())
    stored = results / "postprocessed" / f"{versions.recording}.zarr"
    analyzer = stored if stored.is_dir() else None
    facts = page_facts(results, versions.recording)
    conditions = parse_rule(rule_of(results, facts))
    cuts_to_splits(wanted, analyzer)
    aside = versions.aside()
    try:
        sorting, table, verdicts, members = apply_choices(base, wanted, analyzer, conditions)
        sources, merges = after_curation(*read_suggestions(versions.first()), table, members)
        set_label_properties(sorting, sources)
        save(sorting, table, verdicts, aside, sources, merges)
        about = {"recording": versions.recording, "session": facts.get("session"), "sorting": sorting_name,
                 "version": max([1, *versions.numbers()]) + 1}
        write_curation(aside / CURATION, curation_dict(base.unit_ids.tolist(), wanted, about))
        versions.keep_first()
        new_units = [{"unit_id": unit, "members": members[unit]} for unit in members]
        return versions.add(aside,
                            {"by": by, "action": "apply-curation", "source": Path(source).name, "changes": changes,
                                    "n_units": int(sorting.get_num_units()), "new_units": new_units})
    finally:
        versions.clean_up(aside)


def rule_of(results: Path, facts: dict) -> str:
    """Return the quality rule that the pipeline used."""
    path = Path(results) / "nextflow" / "parameters.json"
    if facts.get("rule"):
        return facts["rule"]
    if path.is_file():
        return json.loads(path.read_text())["curation"]["rule"]
    raise UserError(f"the quality rule stands neither in {FOLDER}/data.json nor in {path}", "run the pipeline again")


def go_back(results: Path, recording: str | None, number: int | None) -> Outcome:
    """Make an earlier version the present one.

    Parameters
    ----------
    results : Path
        The results folder.
    recording : str | None
        Which recording; may be left out if there is only one.
    number : int | None
        Which version; None for the one that the present one was made from.

    Raises
    ------
    UserError
        If there is no such version.
    """
    versions = only_one(results, recording)
    if not versions.numbers():
        raise UserError(f"{versions.recording} has no earlier version", "there are only the automatic labels")
    target = number if number is not None else versions.about(versions.current())["based_on"]
    if target is None:
        raise UserError(f"{versions.recording} is at its first version", "give --version N for a later one")
    versions.about(target)
    check_can_write(versions)
    versions.choose(target)
    republish(results, versions.recording)
    return Outcome(versions.recording, target, [f"version {target} is the present one"])


def start_over(results: Path, recording: str | None) -> Outcome:
    """Put the versions aside and take the automatic labels of a newer run of the pipeline."""
    versions = only_one(results, recording)
    check_can_write(versions)
    versions.start_over()
    republish(results, versions.recording)
    return Outcome(versions.recording, 1, ["the automatic labels of the new sorting; earlier versions are in "
                                           f"curated/.versions/.earlier/{versions.recording}"])


def only_one(results: Path, recording: str | None) -> Versions:
    """Return the versions of the recording asked for, or of the only one."""
    names = recordings_with_pages(results)
    if recording is None and len(names) > 1:
        raise UserError("there are several recordings", f"add --recording NAME: {', '.join(names)}")
    if recording not in (None, *names):
        raise UserError(f"there is no recording {recording!r} with a curation page", f"there are: {', '.join(names)}")
    return Versions(results, recording or names[0])
