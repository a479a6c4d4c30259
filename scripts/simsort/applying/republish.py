"""Pages and summaries after a curation was applied: only what it changes is written again."""

import json
from pathlib import Path

from simsort.applying.summaries import read_units, update_summaries
from simsort.applying.versions import Versions
from simsort.labelling.suggestions import read_suggestions
from simsort.viewing.files import CURATION, FOLDER, for_page
from simsort.viewing.pack import read_pack
from simsort.viewing.page import write_pages


def republish(results: Path, recording: str) -> None:
    """Write the curation page of one recording with the present version, and index.html and status.json.

    Parameters
    ----------
    results : Path
        The results folder.
    recording : str
        The recording whose version changed.
    """
    results = Path(results)
    versions = Versions(results, recording)
    rows = read_units(versions.present / "units.csv")
    pages = results / "visualization" / recording
    pack = read_pack(pages / FOLDER)
    about = versions.about(versions.current())
    pack.facts["merged"] = merged_facts(rows, about.get("new_units", []), read_suggestions(versions.present)[0])
    pack.facts["version"] = {key: about.get(key) for key in ("version", "by", "created")}
    write_pages(pack, for_page(json.loads((versions.present / CURATION).read_text())), pages)
    update_summaries(results, recording, rows, about)


def merged_facts(rows: list[dict], new_units: list[dict], sources: list[dict]) -> list[dict]:
    """Describe the units that the curation made, for the page."""
    by_id = {row["unit_id"]: row for row in rows}
    facts = []
    for new in new_units:
        row = by_id[str(new["unit_id"])]
        metrics = {key: row[key] for key in row if isinstance(row[key], (int, float)) and key != "unit_id"
                   and not key.endswith("_probability")}
        said = [[one["title"], one["labels"][at], one["probabilities"][at]] for one in sources
                for at in [one["unit_ids"].index(new["unit_id"])]]
        facts.append({"unit_id": new["unit_id"], "members": new["members"], "label": row["default_qc_label"],
                      "reasons": (row["reasons"] or "").split("; ") if row["reasons"] else [], "metrics": metrics,
                      "automatic": said})
    return facts
