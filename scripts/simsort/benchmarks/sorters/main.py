"""`simsort bench sorters`: every sorter on every case, and on real recordings without truth."""

import dataclasses
import hashlib
import json
import math
import os
from pathlib import Path

from simsort.benchmarks import measured
from simsort.benchmarks.machine import describe_machine
from simsort.benchmarks.simulation.environments import PeerUnavailable
from simsort.benchmarks.sorters import real
from simsort.benchmarks.sorters.cases.families import BENCHMARK_SEEDS, FAMILIES, case_name, prepare_case
from simsort.benchmarks.sorters.runs import OURS, PAPER, PEERS, VARIANTS, Run, for_tables, kept_run, sorter_of
from simsort.errors import UserError, one_line
from simsort.evaluation.protocol import score_sorting

SHOWN_PACKAGES = ("spikeinterface", "kilosort", "mountainsort5", "torch", "numpy")
KINDS = {"static": False, "drift": True}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What to run; the fields are options of `simsort bench sorters`.

    Attributes
    ----------
    out : Path
        Output folder: results, cases, environments.
    families : tuple of str
        Names of `FAMILIES`, and `locust` for the real recordings without truth; empty: all.
    sorters : tuple of str
        Names of sorters or of `VARIANTS` of ours; empty: the peers, and ours where it is registered.
    seeds : tuple of int
        Of the cases.
    kinds : tuple of str
        `static`, `drift` or both.
    n_jobs : int
        Worker processes of each sorter.
    cases : Path | None
        Folder of the cases; None: `cases` in the output folder.
    command : str
        As it stands above the tables.
    only_tables : bool
        Run nothing, write the tables of what is kept.
    model : Path | None
        Weights of `PAPER`.
    """

    out: Path
    families: tuple[str, ...] = ()
    sorters: tuple[str, ...] = ()
    seeds: tuple[int, ...] = BENCHMARK_SEEDS
    kinds: tuple[str, ...] = tuple(KINDS)
    n_jobs: int = 2
    cases: Path | None = None
    command: str = "simsort bench sorters"
    only_tables: bool = False
    model: Path | None = None

    def model_of(self, sorter: str) -> Path | None:
        """Return the weights that a sorter is given; None: it has its own."""
        return self.model.absolute() if sorter == PAPER else None


def bench_sorters(settings: Settings) -> dict:
    """Run what is asked for and not kept from earlier calls.

    Returns
    -------
    result : dict
        `cases`, one entry per case (`family`, `kind`, `seed`, `facts`, `runs`); `real`, that of the locust recordings;
        `machine` and `command`.
    """
    settings.out.mkdir(parents=True, exist_ok=True)
    for family in () if settings.only_tables else families_of(settings):
        if family == real.NAME:
            store(settings.out / "real.json", real.measure(settings, with_earlier(settings, sorters_of(settings))))
            continue
        for kind in settings.kinds:
            for seed in settings.seeds:
                store(settings.out / "scores" / f"{case_name(family, KINDS[kind], seed)}.json",
                      measure_case(settings, family, kind, seed))
    return collect(settings)


def families_of(settings: Settings) -> tuple[str, ...]:
    """Return the families asked for.

    Raises
    ------
    UserError
        If one is unknown.
    """
    known = (*FAMILIES, real.NAME)
    for name in settings.families:
        if name not in known:
            raise UserError(f"--families was given {name!r}", f"allowed: any of {', '.join(known)}")
    return settings.families or known


def sorters_of(settings: Settings) -> tuple[str, ...]:
    """Return the sorters asked for.

    Raises
    ------
    UserError
        If one is unknown or lacks its weights.
    """
    from simsort.sorting.registry import SORTERS

    if PAPER in settings.sorters and settings.model is None:
        raise UserError(f"--sorters {PAPER} was given no weights", "give --model, a folder of simsort pretrain --preset paper")
    known = tuple(name for name in (OURS, *PEERS) if name in SORTERS)
    for name in settings.sorters:
        if name not in (*SORTERS, *VARIANTS):
            raise UserError(f"--sorters was given {name!r}", f"allowed: any of {', '.join((*SORTERS, *VARIANTS))}")
    return settings.sorters or known


def with_earlier(settings: Settings, sorters: tuple[str, ...]) -> tuple[str, ...]:
    """Return some sorters and those whose runs of the real recording are kept: agreement needs all of them."""
    file = settings.out / "real.json"
    earlier = json.loads(file.read_text())["runs"] if file.is_file() else []
    names = dict.fromkeys([*sorters, *(run["sorter"] for run in earlier)])
    return tuple(name for name in names if name != PAPER or settings.model)


def measure_case(settings: Settings, family: str, kind: str, seed: int) -> dict:
    """Run every sorter on one case, without and with motion correction."""
    entry = {"family": family, "kind": kind, "seed": seed, "facts": None, "reason": "", "runs": []}
    try:
        folder = prepare_case(family, KINDS[kind], seed, settings.cases or settings.out / "cases", settings.out)
    except (PeerUnavailable, UserError) as error:
        return entry | {"reason": for_tables(one_line(error))}
    facts = json.loads((folder / "case.json").read_text())
    runs = []
    for name in sorters_of(settings):
        for motion in variants(name):
            print(f"simsort bench: {folder.name}, {name}{', motion correction' if motion else ''}", flush=True)
            run = Run(sorter=name, motion=motion, recording=(folder / "recording").absolute(), n_jobs=settings.n_jobs,
                      model=settings.model_of(name))
            runs.append(kept_run(run, case_hash(facts), settings.out / "runs" / folder.name,
                                 lambda sorting: score_case(folder, facts, sorting)))
    return entry | {"facts": facts, "runs": runs}


def variants(sorter: str) -> tuple[bool, ...]:
    """Return whether to run a sorter without and with motion correction; ours does what it finds right."""
    return (False,) if sorter_of(sorter) == OURS else (False, True)


def case_hash(facts: dict) -> str:
    """Return a hash of a case that changes with its spikes and its generator."""
    content = {name: facts.get(name) for name in ("name", "duration_s", "n_spikes", "snr", "rate_hz", "generator")}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]


def score_case(folder: Path, facts: dict, sorting) -> dict:
    """Score a sorting of a case; without knowledge of all its units none is called false."""
    from spikeinterface import load

    background = load(folder / "background") if (folder / "background").is_dir() else None
    scores = score_sorting(load(folder / "ground_truth"), sorting, background=background)
    if not facts.get("exhaustive", True):
        scores |= {"n_false": None, "false_per_found": None}
    return scores


def store(file: Path, content: dict) -> None:
    """Add what was measured to what is kept: runs of other sorters on the same case stay, as does what cannot be made here."""
    content = content | {"machine": machine(), "load_average": os.getloadavg()[0]}
    if file.is_file():
        before = json.loads(file.read_text())
        if content["reason"] and before["runs"]:
            return
        names = {run["sorter"] for run in content["runs"]}
        content["runs"] = content["runs"] + [run for run in before["runs"] if run["sorter"] not in names
                                             and same_case(before.get("facts"), content.get("facts"))]
    measured.store(file, content)


def same_case(one: dict | None, other: dict | None) -> bool:
    """Tell whether two descriptions are of one recording, whatever the last digits of its figures, which are kept rounded."""
    if not (one and other) or any(one.get(name) != other.get(name) for name in ("name", "n_spikes", "generator")):
        return False
    return math.isclose(one["duration_s"], other["duration_s"], rel_tol=10.0 ** (1 - measured.DIGITS))


def machine() -> dict:
    """Return the machine with the versions that matter here."""
    import importlib.metadata

    from simsort.benchmarks.sorters.runs import installed

    versions = {name: importlib.metadata.version(name) for name in SHOWN_PACKAGES if installed(name)}
    return describe_machine() | {"packages": versions}


def collect(settings: Settings) -> dict:
    """Return everything kept in the output folder; tuning seeds are left out of it."""
    entries = [json.loads(file.read_text()) for file in sorted((settings.out / "scores").glob("*.json"))]
    entries = [entry for entry in entries if entry["seed"] in BENCHMARK_SEEDS]
    real_file = settings.out / "real.json"
    return {"command": settings.command, "machine": machine(), "cases": entries,
            "real": json.loads(real_file.read_text()) if real_file.is_file() else None}
