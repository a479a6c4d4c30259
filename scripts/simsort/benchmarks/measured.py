"""What was measured, kept in the checkout beside the tables: they fill over runs in several folders, on several machines.

`--update-docs` first puts the files of earlier runs into the output folder where it has none of that name, and at the end
takes back what the output folder then holds: `docs/measured/<what>/`, with numbers of four digits.
"""

import json
import shutil
from pathlib import Path

from simsort.whole_files import write_json

# the files that tables are made of, in the output folder
FILES = {"sorters": ("scores/*.json", "real.json"),
         "representations": ("representations/*.json", "representations/scores/*.json"),
         "metrics": ("units/*/*.json", "scale.json"), "finetuning": ("finetuning/*.json",),
         "scale": ("many.json",), "scaling": ("scaling/*/result.json",),
         "cell-types": ("cell-types/*.json",)}
LEFT_OUT = ("params", "warnings")  # long, and in no table
DIGITS = 4


def folder_of(document: Path, what: str) -> Path:
    """Return where the files of a benchmark lie whose tables stand in a document."""
    return Path(document).parent / "measured" / what


def restore(document: Path, what: str, out: Path) -> None:
    """Put the files of earlier runs into an output folder; what it has itself stays."""
    kept = folder_of(document, what)
    for pattern in FILES.get(what, ()):
        for file in sorted(kept.glob(pattern)):
            target = Path(out) / file.relative_to(kept)
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)


def keep(document: Path, what: str, out: Path) -> None:
    """Take the files of an output folder into the checkout."""
    for pattern in FILES.get(what, ()):
        for file in sorted(Path(out).glob(pattern)):
            store(folder_of(document, what) / file.relative_to(out), shortened(json.loads(file.read_text())))


def store(file: Path, content: dict) -> None:
    """Write what was measured, whole or not at all, and the folder that it lies in."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, content, indent=None)


def shortened(content):
    """Return what JSON holds with floats of a few digits and without what no table shows."""
    if isinstance(content, dict):
        return {name: shortened(value) for name, value in content.items() if name not in LEFT_OUT}
    if isinstance(content, list):
        return [shortened(value) for value in content]
    return float(f"{content:.{DIGITS}g}") if isinstance(content, float) else content
