"""`simsort bench simulation`: the parts, one after another, each written as JSON as soon as it is known."""

import dataclasses
import importlib
import json
import os
from pathlib import Path

from simsort.benchmarks.machine import OtherLoad, describe_machine
from simsort.benchmarks.simulation.blocks import BLOCKS, pictures_text
from simsort.benchmarks.simulation.own_process import run_task
from simsort.benchmarks.simulation.pictures import draw_all
from simsort.benchmarks.simulation.real_units import real_units
from simsort.whole_files import write_json

# In the order in which they use one another's results: the library is made once and placed many times.
PARTS = ("speed", "discretisation", "labelled", "rendering", "memory", "agreement", "realism")
TABLES = "tables"  # measure nothing, write the tables of what is in the output folder
SHOWN_PACKAGES = ("neuron", "numpy", "scipy", "spikeinterface")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What to measure; the fields are options of `simsort bench simulation`.

    Attributes
    ----------
    out : Path
        Output folder: results, environments of the peers, cells.
    parts : tuple of str
        Any of `PARTS`, or `tables` alone.
    cell_types : tuple of str
        Built-in types; empty: all.
    simulated_s : float
        Seconds simulated for each cell of the library.
    duration_s : float
        Seconds of each recording.
    mearec_drift : bool
        Measure MEArec with drifting templates too.
    command : str
        As it stands above each table.
    pictures : Path | None
        Folder of the pictures; None: `pictures` in the output folder.
    """

    out: Path
    parts: tuple[str, ...] = PARTS
    cell_types: tuple[str, ...] = ()
    simulated_s: float = 20.0
    duration_s: float = 60.0
    mearec_drift: bool = False
    command: str = "simsort bench simulation"
    pictures: Path | None = None


def bench_simulation(settings: Settings) -> dict[str, dict]:
    """Measure the parts asked for.

    Returns
    -------
    results : dict
        By part, those of earlier calls with the same output folder included.
    """
    settings.out.mkdir(parents=True, exist_ok=True)
    if set(PARTS) & set(settings.parts):
        run_task("library_cells.prepare", {}, settings.out)  # compiling is no part of any figure
    for part in PARTS:
        if part in settings.parts:
            print(f"simsort bench: {part}", flush=True)
            measure = importlib.import_module(f"simsort.benchmarks.simulation.{part}").measure
            write_json(settings.out / f"{part}.json", with_conditions(measure, settings))
    files = {part: settings.out / f"{part}.json" for part in PARTS}
    results = {part: json.loads(file.read_text()) for part, file in files.items() if file.is_file()}
    if "realism" in results:
        draw_all(results["realism"]["realism"], real_units(), settings.pictures or settings.out / "pictures")
    return results


def with_conditions(measure, settings: Settings) -> dict:
    """Measure a part; return its result with the command, the machine and the other load."""
    load_before = os.getloadavg()[0]
    with OtherLoad() as other:
        result = measure(settings)
    return {"command": settings.command, "machine": machine(), **result,
            "load": {"load_before": load_before, "other_cores": other.other_cores}}


def machine() -> dict:
    """Return the machine with the versions that matter here."""
    import importlib.metadata

    versions = {}
    for name in SHOWN_PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return describe_machine() | {"packages": versions}


def blocks_of(results: dict[str, dict], *, with_pictures: bool = False) -> dict[str, str]:
    """Return the Markdown of each result by block name, the single cells' with their pictures if they lie beside it."""
    blocks = {f"simulation-{part}": BLOCKS[part](result) for part, result in results.items()}
    if with_pictures and "realism" in results:
        blocks["simulation-realism"] += f"\n\n{pictures_text()}"
    return blocks
