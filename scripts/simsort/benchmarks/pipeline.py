"""`simsort bench pipeline`: overhead, memory and disk of the pipeline."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

from simsort.benchmarks import tables
from simsort.benchmarks.disk import disk_use
from simsort.benchmarks.generated import make_generated_session
from simsort.benchmarks.machine import OtherLoad, describe_machine
from simsort.benchmarks.overhead import measure_overhead, read_tasks
from simsort.benchmarks.stage_memory import Case, measure_stages
from simsort.benchmarks.workflow import check_executor, run_workflow
from simsort.whole_files import write_json

PARTS = ("overhead", "memory", "disk")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What to measure; the fields are the options of `simsort bench pipeline`."""

    out: Path
    parts: tuple[str, ...] = PARTS
    executor: str = "local"
    sorter: str = "lupin"
    duration_s: float = 300.0
    n_channels: int = 64
    memory_minutes: tuple[float, ...] = (1.0, 5.0, 20.0)
    memory_channels: int = 384
    memory_units: int = 100
    n_jobs: int = 2
    more_jobs: tuple[int, ...] = ()
    keep: bool = False
    command: str = "simsort bench pipeline"


def bench_pipeline(settings: Settings) -> dict[str, dict]:
    """Measure the parts asked for; each is written as JSON into the output folder as soon as it is known.

    Parameters
    ----------
    settings : Settings
        What to measure.

    Returns
    -------
    results : dict
        By block name: `overhead-local`, `disk-local`, `overhead-slurm`, `disk-slurm`, `memory`.
    """
    results = {}
    if {"overhead", "disk"} & set(settings.parts):
        check_executor(settings.executor)
    settings.out.mkdir(parents=True, exist_ok=True)
    if {"overhead", "disk"} & set(settings.parts):
        results |= bench_workflow(settings)
    if "memory" in settings.parts:
        results["memory"] = bench_memory(settings)
    return results


def bench_workflow(settings: Settings) -> dict[str, dict]:
    """Run the workflow once on a generated session and take overhead and disk use from that run."""
    example = settings.out / f"session_{settings.duration_s:g}s_{settings.n_channels}ch"
    data = make_generated_session(example, duration_s=settings.duration_s, n_channels=settings.n_channels)
    folder = settings.out / f"workflow-{settings.executor}"
    load_before = os.getloadavg()[0]
    with OtherLoad() as other:
        run = run_workflow(data, folder, settings.executor, settings.sorter)
    tasks = read_tasks(run.results / "nextflow" / "trace.txt")
    found = {
        "overhead": measure_overhead(tasks, run.started, run.wall_s),
        "disk": disk_use(tasks, data, run.results, run.work),
    }
    # Under Slurm the stages are not this process's children: what they used cannot be told from other work.
    shared = {"command": settings.command, "machine": describe_machine(), "containers": run.containers,
              "poll_interval": os.environ.get("SIMSORT_POLL_INTERVAL", ""),
              "load": {"load_before": load_before,
                       "other_cores": other.other_cores if settings.executor == "local" else None}}
    results = {f"{part}-{settings.executor}": {**shared, part: found[part]} for part in found if part in settings.parts}
    for name, result in results.items():
        write_json(settings.out / f"{name}.json", result)
    if not settings.keep:
        shutil.rmtree(run.work)
    return results


def bench_memory(settings: Settings) -> dict:
    """Measure the memory of preprocessing and postprocessing, the shortest recording first.

    What an earlier call has measured into the same folder is kept: the long recordings take hours on few cores.
    """
    minutes = sorted(settings.memory_minutes)
    cases = [(m, settings.n_jobs) for m in minutes[:1]] + [(minutes[0], n) for n in settings.more_jobs]
    cases += [(m, settings.n_jobs) for m in minutes[1:]]
    file = settings.out / "memory.json"
    earlier = json.loads(file.read_text())["memory"] if file.is_file() else []
    result = {"command": settings.command, "machine": describe_machine(), "memory": [],
              "load": {"load_before": os.getloadavg()[0], "other_cores": None}}
    with OtherLoad() as other:
        for duration_min, n_jobs in cases:
            case = Case(duration_min, n_jobs, settings.memory_channels, settings.memory_units)
            known = [row for row in earlier if dataclasses.asdict(case).items() <= row.items()]
            result["memory"] += known or measure_stages(case, settings.out / "memory", keep=settings.keep)
            unused = [row for row in earlier if row not in result["memory"]]
            write_json(file, {**result, "memory": result["memory"] + unused})  # stays if a longer one fails
    result["load"]["other_cores"] = other.other_cores
    write_json(file, {**result, "memory": result["memory"] + unused})
    return result


def blocks_of(results: dict[str, dict]) -> dict[str, str]:
    """Return the Markdown of each result by block name."""
    make = {"overhead": tables.overhead_block, "memory": tables.memory_block, "disk": tables.disk_block}
    return {name: make[name.split("-")[0]](result) for name, result in results.items()}
