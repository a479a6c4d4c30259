"""Files of a results folder. Standard library only: `simsort view` runs anywhere."""

import json
from pathlib import Path

from simsort.errors import UserError

FOLDER, SINGLE_FILE, CURATION = "curation", "curate.html", "curation.json"


def recordings_with_pages(results: Path) -> list[str]:
    """List the recordings of a results folder that have a curation page.

    Raises
    ------
    UserError
        If the folder is no results folder, or holds no curation page.
    """
    results = Path(results)
    if not results.is_dir():
        raise UserError(f"results folder {results} does not exist", "give the folder that was RESULTS_PATH")
    pages = sorted((results / "visualization").glob(f"*/{FOLDER}/data.json"))
    if not pages:
        raise UserError(f"{results} holds no curation page", "give the folder that was RESULTS_PATH; a recording "
                        "without units, or an older version's results, have none")
    return [page.parent.parent.name for page in pages]


def page_facts(results: Path, recording: str) -> dict:
    """Read what the page of a recording knows of its sorting: unit ids, fingerprint, metrics."""
    return json.loads((Path(results) / "visualization" / recording / FOLDER / "data.json").read_text())


def for_page(curation: dict) -> dict:
    """Return a curation without the spikes of units that were cut by a line: the page has the line."""
    cut = {str(entry["unit_id"]) for entry in curation.get("simsort", {}).get("cuts", [])}
    splits = curation.get("splits") or []
    kept = [split for split in splits if str(split["unit_id"]) not in cut]
    return curation if len(kept) == len(splits) else {**curation, "splits": kept}
