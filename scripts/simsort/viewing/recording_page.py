"""The curation page of one recording, from what the stages left."""

import json
from pathlib import Path

from simsort.curation.curation_file import automatic_curation
from simsort.labelling.suggestions import read_suggestions
from simsort.records import read_record
from simsort.viewing.files import CURATION
from simsort.viewing.gather import gather_pack
from simsort.viewing.pack import Pack
from simsort.viewing.page import write_pages
from simsort.visualization.unit_data import metrics_table, read_cell_types, read_verdicts


def make_page(postprocessed: Path | None, curated: Path | None, names: dict, folder: Path) -> dict | None:
    """Write a recording's curation page, its labels filled in from the automatic ones.

    Parameters
    ----------
    postprocessed, curated : Path | None
        Output folders of these stages.
    names : dict
        `recording` and `session`.
    folder : Path
        Output folder of visualize.

    Returns
    -------
    sizes : dict | None
        Bytes of each form; None if there are no units to curate.
    """
    pack = recording_pack(postprocessed, curated, names)
    if pack is None:
        return None
    saved = curated and Path(curated) / "sorting" / CURATION
    if saved and saved.is_file():
        curation = json.loads(saved.read_text())
    else:
        curation = automatic_curation(pack.unit_ids, ["unknown"] * len(pack.unit_ids),
                                      {**names, "sorting": pack.facts["sorting"]})
    return write_pages(pack, curation, folder)


def recording_pack(postprocessed: Path | None, curated: Path | None, names: dict) -> Pack | None:
    """Gather a recording's units from the stages' folders; None without an analyzer or without units."""
    path = postprocessed and Path(postprocessed) / "analyzer.zarr"
    if not path or not path.is_dir():
        return None
    from spikeinterface import load_sorting_analyzer

    analyzer = load_sorting_analyzer(path, load_extensions=False)  # waveforms stay on disk
    if len(analyzer.unit_ids) == 0:
        return None
    labels, reasons = read_verdicts(curated, analyzer.unit_ids)
    has_record = curated and (Path(curated) / "record.json").is_file()
    rule = read_record(curated)["parameters"].get("rule") if has_record else None
    verdicts = {unit: ("unknown" if labels[unit] == "none" else labels[unit], reasons[unit]) for unit in labels}
    facts = {**names, "rule": rule, "cell_types": read_cell_types(curated, analyzer.unit_ids)}
    pack = gather_pack(analyzer, facts, metrics_table(analyzer), verdicts)
    pack.facts |= suggested(pack.unit_ids, Path(curated) / "sorting") if curated else {}
    return pack


def suggested(unit_ids: list, folder: Path) -> dict:
    """Return the automatic labels and the merges suggested, for the units of a page in their order."""
    sources, merges = read_suggestions(folder)
    index = {str(unit): i for i, unit in enumerate(unit_ids)}
    automatic = []
    for one in sources:
        rows = {str(unit): i for i, unit in enumerate(one["unit_ids"])}
        at = [rows.get(str(unit)) for unit in unit_ids]
        automatic.append({"name": one["name"], "title": one["title"], **{
            key: [empty if i is None else one[key][i] for i in at]
            for key, empty in (("labels", ""), ("probabilities", None), ("reasons", []))}})
    return {"automatic": automatic, "suggested_merges": [
        {"units": [index[str(unit)] for unit in merge["unit_ids"]], "probability": merge["probability"],
         "reasons": merge["reasons"]} for merge in merges if all(str(unit) in index for unit in merge["unit_ids"])]}
