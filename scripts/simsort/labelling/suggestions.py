"""What the automatic labels say, as a file beside the curation. Standard library only."""

import json
from pathlib import Path

FILE = "suggestions.json"
FORMAT = 1


def source(name: str, title: str, unit_ids: list, labels: list, probabilities: list, reasons: list) -> dict:
    """Return the labels of one source.

    Parameters
    ----------
    name : str
        Prefix of the properties on the curated sorting.
    title : str
        For people.
    unit_ids, labels, probabilities, reasons : list
        An entry per unit: label ("" without one), probability or None, list of texts.
    """
    return {"name": name, "title": title, "unit_ids": list(unit_ids), "labels": list(labels),
            "probabilities": list(probabilities), "reasons": [list(texts) for texts in reasons]}


def write_suggestions(folder: Path, sources: list[dict], merges: list[dict]) -> None:
    """Write `suggestions.json` into a folder of curated units."""
    content = {"format": FORMAT, "labels": sources, "merges": merges}
    (Path(folder) / FILE).write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


def read_suggestions(folder: Path) -> tuple[list[dict], list[dict]]:
    """Read labels and merges; none where the folder has no such file, or one of another version."""
    path = Path(folder) / FILE
    content = json.loads(path.read_text()) if path.is_file() else {}
    if content.get("format") != FORMAT:
        return [], []
    return content["labels"], content["merges"]
