"""`simsort bench metrics`: run what is asked for and not kept, and gather the figures."""

import dataclasses
import json
from pathlib import Path

from simsort.benchmarks.machine import describe_machine
from simsort.benchmarks.measured import store
from simsort.benchmarks.metrics.cases import FAMILIES, case_names, parse_name
from simsort.benchmarks.metrics.findings import Units, find
from simsort.benchmarks.metrics.units import kept_units, measure_case
from simsort.errors import UserError

SORTERS = ("simsort", "lupin", "spykingcircus2")
DURATION_S, SCALE_DURATION_S = 180.0, 3600.0
SCALE_UNITS = 300


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What to run; the fields are options of `simsort bench metrics`.

    Attributes
    ----------
    out : Path
        Output folder.
    parts : tuple of str
        Of `truth` and `scale`; `tables`: nothing is run, the tables are those of what is kept.
    families : tuple of str
        Names of `FAMILIES`; empty: all.
    sorters : tuple of str
        Names of sorters; empty: `SORTERS`.
    seeds : tuple of int
        Of the recordings.
    duration_s : float | None
        Of the recordings of the part that is run; None: 3 minutes for `truth`, an hour for `scale`.
    n_jobs : int
        Worker processes.
    keep : bool
        Keep what the stages wrote.
    command : str
        As it stands above the tables.
    """

    out: Path
    parts: tuple[str, ...] = ("truth", "scale")
    families: tuple[str, ...] = ()
    sorters: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    duration_s: float | None = None
    n_jobs: int = 2
    keep: bool = False
    command: str = "simsort bench metrics"


def bench_metrics(settings: Settings) -> dict:
    """Run what is asked for.

    Returns
    -------
    result : dict
        `truth` (`metrics`, `rules`, `calibration`, `counts`, `machine`; None where no unit is kept), `rows` (the
        units), `scale` (a list, empty where nothing is kept), `command`.
    """
    out = Path(settings.out)
    if "truth" in settings.parts:
        for name in case_names(families_of(settings), settings.seeds):
            measure_case(name, sorters_of(settings), settings.duration_s or DURATION_S, settings.n_jobs, out,
                         keep=settings.keep)
    if "scale" in settings.parts:
        from simsort.benchmarks.metrics.scale import measure_scale

        store(out / "scale.json", measure_scale(SCALE_UNITS, settings.duration_s or SCALE_DURATION_S, settings.n_jobs,
                                                out, keep=settings.keep))
    scale, rows = out / "scale.json", kept_units(out)
    return {"command": settings.command, "rows": rows, "truth": find_truth(rows, out) if rows else None,
            "scale": [json.loads(scale.read_text())] if scale.is_file() else []}


def families_of(settings: Settings) -> tuple[str, ...]:
    """Return the families asked for; raise `UserError` if one is unknown."""
    for name in settings.families:
        if name not in FAMILIES:
            raise UserError(f"--families was given {name!r}", f"allowed: any of {', '.join(FAMILIES)}")
    return settings.families or tuple(FAMILIES)


def sorters_of(settings: Settings) -> tuple[str, ...]:
    """Return the sorters asked for; raise `UserError` if one is unknown."""
    from simsort.sorting.registry import SORTERS as KNOWN

    for name in settings.sorters:
        if name not in KNOWN:
            raise UserError(f"--sorters was given {name!r}", f"allowed: any of {', '.join(KNOWN)}")
    return settings.sorters or SORTERS


def find_truth(rows: list[dict], out: Path) -> dict:
    """Return what the kept units tell of metrics and rules."""
    from simsort.config.parameters import resolve

    units = Units(rows)
    files = [json.loads(file.read_text()) for file in sorted((out / "units").glob("*/*.json"))]
    n_true = {content["case"]: content["n_true"] for content in files}
    counts = {"cases": len(n_true), "true": sum(n_true.values()), "units": len(rows),
              "sorters": sorted({row["sorter"] for row in rows}), "duration_s": files[0]["duration_s"],
              "families": sorted({parse_name(name)[0] for name in n_true}), "clusters": len(set(units.clusters)),
              **{target: int(positive.sum()) for target, positive in units.targets.items()}}
    return {**find(rows, resolve({})["curation"]["rule"]), "counts": counts, "machine": describe_machine()}
