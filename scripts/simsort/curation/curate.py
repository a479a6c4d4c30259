"""The curation of one recording, from folders to a folder."""

import shutil
import warnings
from collections import Counter
from pathlib import Path

import spikeinterface.full as si

from simsort.curation.choices import fingerprint
from simsort.curation.curation_file import automatic_curation, write_curation
from simsort.curation.labels import LABELS
from simsort.curation.rule import METRIC_COLUMNS, parse_rule
from simsort.curation.unit_table import brief_units, judge_units, load_units, set_properties, write_units_csv
from simsort.errors import UserError
from simsort.labelling.automatic import label_sources, merge_suggestions, set_label_properties
from simsort.labelling.suggestions import write_suggestions
from simsort.records import Record, read_record


def curate(sorted_folder: Path, postprocessed: Path | None, settings: dict, out: Path) -> Record:
    """Label the units of one recording by the quality rule, keeping all of them.

    Parameters
    ----------
    sorted_folder : Path
        Output folder of the sorting stage.
    postprocessed : Path | None
        Output folder of the postprocessing stage, if it ran.
    settings : dict
        Settings of the curation stage.
    out : Path
        Where `sorting/` is written.

    Returns
    -------
    record : Record
        Not written yet.

    Raises
    ------
    UserError
        If the rule cannot be read.
    """
    conditions = parse_rule(settings["rule"], METRIC_COLUMNS)
    sorter = read_record(sorted_folder)
    record = Record(stage="curate", recording_name=sorter["recording_name"], session_name=sorter["session_name"],
                    parameters=settings)
    sorting_folder = Path(sorted_folder) / "sorting"
    if not sorting_folder.is_dir():
        record.state, record.reason = "skipped", sorter["reason"] or "the sorter left no sorting"
        return record
    analyzer_path, why_not = find_analyzer(postprocessed)
    sorting, table = load_units(sorting_folder, analyzer_path)
    verdicts = judge_units(table, conditions)
    kinds = find_cell_types(analyzer_path, record) if settings.get("cell_types", False) else None
    set_properties(sorting, table, verdicts, kinds)
    sources, merges = suggestions(analyzer_path, table, settings)
    set_label_properties(sorting, sources)
    about = {"recording": record.recording_name, "session": record.session_name}
    write_curated(sorting, table, verdicts, kinds, about, Path(out), sources, merges)
    if why_not and len(table):
        record.warnings.append(f"units are not judged: {why_not}")
    for condition in conditions:
        if condition.metric not in table and len(table) and not why_not:
            record.warnings.append(f"{condition.metric} of the rule was not computed and is unknown for every unit")
    labels = [verdict.label for verdict in verdicts]
    record.outputs.update(n_units=len(table), rule=" and ".join(map(str, conditions)),
                          default_qc={label: labels.count(label) for label in LABELS},
                          units=brief_units(table, verdicts, kinds, sources), n_suggested_merges=len(merges),
                          automatic_labels={one["name"]: dict(Counter(one["labels"])) for one in sources})
    return record


def suggestions(analyzer_path: Path | None, table, settings: dict) -> tuple[list[dict], list[dict]]:
    """Return the automatic labels of every source asked for, and the merges that suggest themselves."""
    if analyzer_path is None:
        return [], []
    analyzer = si.load_sorting_analyzer(analyzer_path, load_extensions=False)
    sources = label_sources(table, settings, analyzer)
    return sources, merge_suggestions(analyzer) if settings["suggest_merges"] else []


def find_analyzer(postprocessed: Path | None) -> tuple[Path | None, str]:
    """Find the analyzer of the postprocessing stage; without one, tell why."""
    if postprocessed is None:
        return None, "no postprocessing"
    analyzer_path = Path(postprocessed) / "analyzer.zarr"
    if analyzer_path.is_dir():
        return analyzer_path, ""
    record = read_record(postprocessed)
    if record["state"] == "done":
        raise UserError(f"{analyzer_path} is missing", "run postprocess again")
    return None, record["reason"]


def find_cell_types(analyzer_path: Path | None, record: Record):
    """Return the kind of each unit and its probability as a table, None without templates; the record counts them."""
    from simsort.celltypes.apply import COLUMNS, cell_types

    if analyzer_path is None:
        return None
    analyzer = si.load_sorting_analyzer(analyzer_path, load_extensions=False)
    if not len(analyzer.unit_ids):
        return None
    if not analyzer.has_extension("templates"):
        record.warnings.append("kinds of cells are not told: the analyzer has no templates")
        return None
    kinds = cell_types(analyzer)[list(COLUMNS)]
    record.outputs["cell_types"] = {str(name): int(n) for name, n in kinds["cell_type"].value_counts().items()}
    return kinds


def write_curated(sorting: si.BaseSorting, table, verdicts: list, kinds, about: dict, out: Path, sources: list,
                  merges: list) -> None:
    """Write the sorting folder with the curation and the unit table in it, aside and then in place."""
    aside = out / "part_sorting"
    shutil.rmtree(aside, ignore_errors=True)
    with warnings.catch_warnings():
        # the curated folder is meant to stand alone, without a reference to the stages' work folders
        warnings.filterwarnings("ignore", message="The extractor is not serializable")
        sorting.save(folder=aside)
    unit_ids = sorting.unit_ids.tolist()
    about = about | {"sorting": fingerprint(unit_ids, table["num_spikes"])}
    write_curation(aside / "curation.json", automatic_curation(unit_ids, [v.label for v in verdicts], about))
    by_hand = {"quality": sorting.get_property("quality").tolist()}
    write_units_csv(aside / "units.csv", table, verdicts, kinds, sources, by_hand)
    write_suggestions(aside, sources, merges)
    aside.rename(out / "sorting")
