"""Pages and summaries after a curation was applied: only what it changes is written again."""

import csv
import json
from pathlib import Path

from simsort.applying.versions import Versions
from simsort.curation.unit_table import BRIEF
from simsort.viewing.files import CURATION, FOLDER, write_atomically
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
    pack.facts["merged"] = merged_facts(rows, about.get("new_units", []))
    pack.facts["version"] = {key: about.get(key) for key in ("version", "by", "created")}
    write_pages(pack, json.loads((versions.present / CURATION).read_text()), pages)
    update_summaries(results, recording, rows, about)


def read_units(path: Path) -> list[dict]:
    """Read units.csv, numbers as numbers and what is unknown as None."""
    with Path(path).open(newline="") as file:
        return [{key: value_of(value) for key, value in row.items()} | {"unit_id": row["unit_id"]}
                for row in csv.DictReader(file)]


def value_of(text: str):
    """Return a number where a text is one, None where it is empty."""
    try:
        number = float(text)
    except ValueError:
        return text or None
    if number != number or number in (float("inf"), float("-inf")):
        return None
    return int(number) if number.is_integer() and "." not in text else number


def merged_facts(rows: list[dict], new_units: list[dict]) -> list[dict]:
    """Describe the units that the curation made, for the page."""
    by_id = {row["unit_id"]: row for row in rows}
    facts = []
    for new in new_units:
        row = by_id[str(new["unit_id"])]
        metrics = {key: row[key] for key in row if isinstance(row[key], (int, float)) and key != "unit_id"}
        facts.append({"unit_id": new["unit_id"], "members": new["members"], "label": row["default_qc_label"],
                      "reasons": (row["reasons"] or "").split("; ") if row["reasons"] else [], "metrics": metrics})
    return facts


def update_summaries(results: Path, recording: str, rows: list[dict], about: dict) -> None:
    """Write index.html and status.json again with the present units, if the run left its records."""
    path = results / "nextflow" / "records.json"
    if not path.is_file():
        return
    from simsort.collecting.page import render_page
    from simsort.collecting.status import build_status

    run = json.loads(path.read_text())
    for record in run["records"]:
        if record["stage"] == "curate" and record["recording_name"] == recording:
            record["outputs"]["units"] = [brief_row(row) for row in rows]
            record["outputs"]["version"] = about
    write_atomically(path, (json.dumps(run) + "\n").encode())
    status = build_status(run["session"], run["records"], run["failures"])
    page = render_page(status, run["records"], run["jobs"], run["parameters"])
    write_atomically(results / "index.html", page.encode())
    write_atomically(results / "status.json", (json.dumps(status, indent=1, ensure_ascii=False) + "\n").encode())


def brief_row(row: dict) -> dict:
    """Return the few facts of a unit that the summary page shows."""
    label = row["default_qc_label"]
    return {"unit_id": row["unit_id"], "label": label, "default_qc": None if label == "unknown" else label == "pass",
            "reasons": (row["reasons"] or "").split("; ") if row["reasons"] else [],
            "unknown": (row["unknown"] or "").split(", ") if row["unknown"] else [],
            **{key: row.get(key) for key in BRIEF}, "amplitude": row.get("amplitude_median")}
