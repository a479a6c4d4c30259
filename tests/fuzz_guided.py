"""Coverage-guided fuzzing of the configuration parser and the curation importer with atheris.

python tests/fuzz_guided.py settings|curation -runs=20000 (and libFuzzer's other options). A case that ends in anything
but `UserError` stops it, and is left as crash-<hash>.
"""

import json
import sys
import tempfile
from pathlib import Path

import atheris

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "scripts")]

with atheris.instrument_imports(include=["simsort"]):
    import fuzz_targets


def settings(data: bytes) -> None:
    """Try bytes as a mapping of parameters, else as a command line."""
    try:
        params = json.loads(data)
    except (ValueError, RecursionError):
        fuzz_targets.command_line(data.decode(errors="replace").split("\n"))
        return
    if isinstance(params, dict):
        fuzz_targets.settings(params)


def curation(data: bytes) -> None:
    """Try bytes as a curation file."""
    fuzz_targets.curation(data)


def main() -> None:
    """Start from the whole documents."""
    target = sys.argv.pop(1)
    seeds = {"settings": [{name: value} for name, value in fuzz_targets.SETTINGS.items()], "curation": fuzz_targets.CURATIONS}
    with tempfile.TemporaryDirectory() as corpus:
        for number, content in enumerate(seeds[target]):
            (Path(corpus) / str(number)).write_text(json.dumps(content))
        atheris.Setup([*sys.argv, corpus], {"settings": settings, "curation": curation}[target])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
