"""index.html and status.json with the units there are now. Standard library, and jinja2 for the page."""

import csv
import json
from pathlib import Path

from simsort.curation.labels import BRIEF
from simsort.whole_files import write_json, write_whole


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
    write_json(path, run, indent=None)
    status = build_status(run["session"], run["records"], run["failures"])
    page = render_page(status, run["records"], run["jobs"], run["parameters"])
    write_whole(results / "index.html", page.encode())
    write_json(results / "status.json", status)


def brief_row(row: dict) -> dict:
    """Return the few facts of a unit that the summary page shows."""
    label = row["default_qc_label"]
    return {"unit_id": row["unit_id"], "label": label, "default_qc": None if label == "unknown" else label == "pass",
            "reasons": (row["reasons"] or "").split("; ") if row["reasons"] else [],
            "unknown": (row["unknown"] or "").split(", ") if row["unknown"] else [],
            "quality": row.get("quality") or "", "amplitude": row.get("amplitude_median"),
            **{key: row.get(key) for key in BRIEF},
            "model": [row["model_label"] or "", row["model_probability"]] if "model_label" in row else None}
