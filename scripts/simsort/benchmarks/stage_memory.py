"""Peak memory of preprocessing and postprocessing over the duration of a recording, nothing raw on disk."""

import dataclasses
import json
import os
import shlex
import shutil
import sys
from pathlib import Path

from simsort.benchmarks.disk import GIB, folder_bytes
from simsort.benchmarks.memory import MemoryUse, measure_memory
from simsort.errors import UserError

SCRIPTS = Path(__file__).resolve().parents[2]
AIM_PEAK_BYTES = 4e9
AIM_GROWTH = 0.2  # flat: the longest recording's peak is at most a fifth above the shortest one's
BYTES_PER_SAMPLE = 2
SPARE_DISK = 1.6  # analyzer and headroom, times the preprocessed copy


@dataclasses.dataclass(frozen=True)
class Case:
    """One recording and number of workers to measure with."""

    duration_min: float
    n_jobs: int
    n_channels: int = 384
    n_units: int = 100
    seed: int = 0

    @property
    def input_bytes(self) -> int:
        """Size the recording would have on disk."""
        return round(self.duration_min * 60 * 30000) * self.n_channels * BYTES_PER_SAMPLE


def measure_stages(case: Case, folder: Path, *, keep: bool = False) -> list[dict]:
    """Run preprocess and postprocess on a generated recording and measure both.

    Parameters
    ----------
    case : Case
        What to measure.
    folder : Path
        Where the stages write (as much as the recording's size, and removed again); logs stay.
    keep : bool, default: False
        Keep what the stages wrote.

    Returns
    -------
    results : list of dict
        One per stage.

    Raises
    ------
    UserError
        If the disk has no room for the preprocessed copy.
    RuntimeError
        If a stage fails.
    """
    check_room(case, folder)
    task = folder / f"{case.duration_min:g}min_{case.n_jobs}jobs"
    shutil.rmtree(task, ignore_errors=True)
    task.mkdir(parents=True)
    (task / "scripts").symlink_to(SCRIPTS)  # as Nextflow stages it
    write_inputs(case, task)
    stages = {
        "preprocess": "--job job.json --data . --out preprocessed",
        "postprocess": "--preprocessed preprocessed --sorted sorted --data . --out postprocessed",
    }
    results = []
    try:
        for stage, arguments in stages.items():
            use = run_stage(stage, arguments, case.n_jobs, task, folder / f"{stage}_{task.name}.log")
            written = folder_bytes(task / stage.replace("process", "processed"))
            results.append({"stage": stage, **dataclasses.asdict(case), "input_bytes": case.input_bytes,
                            "output_bytes": written, **dataclasses.asdict(use)})
            print(f"simsort bench: {stage} of {case.duration_min:g} min with {case.n_jobs} workers: "
                  f"{use.peak_pss_bytes / 1e9:.2f} GB in {use.wall_s:.0f} s", flush=True)
    finally:
        if not keep:
            shutil.rmtree(task)
    return results


def check_room(case: Case, folder: Path) -> None:
    """Raise `UserError` unless the disk takes the preprocessed copy."""
    folder.mkdir(parents=True, exist_ok=True)
    free, needed = shutil.disk_usage(folder).free, SPARE_DISK * case.input_bytes
    if free < needed:
        raise UserError(f"--memory-minutes {case.duration_min:g} writes about {needed / GIB:.0f} GiB and {folder} has "
                        f"{free / GIB:.0f} GiB free", "choose another --out, or fewer minutes")


def write_inputs(case: Case, task: Path) -> None:
    """Write what the stages read: a job that describes the generated recording, and its true spikes as a sorting."""
    from simsort.benchmarks.generated import GeneratedRecording
    from simsort.dispatch.jobs import portable_dict
    from simsort.records import Record

    recording = GeneratedRecording(case.duration_min * 60, case.n_channels, case.n_units, case.seed)
    name, session = "generated", "generated"
    job = {"recording_name": name, "session_name": session, "state": "ready", "reason": "",
           "recording_dict": portable_dict(recording, task), "fingerprint": [], "debug": False}
    (task / "job.json").write_text(json.dumps(job))
    recording.true_sorting.save(folder=task / "sorted" / "sorting")
    Record(stage="sort", recording_name=name, session_name=session).write(task / "sorted")


def run_stage(stage: str, arguments: str, n_jobs: int, task: Path, log: Path) -> MemoryUse:
    """Run a stage command as a task of the workflow does, and measure it."""
    command = (f". scripts/task_env.sh {n_jobs} && exec {shlex.quote(sys.executable)} -m simsort {stage} {arguments} "
               f"--n-jobs {n_jobs}")
    use = measure_memory(["bash", "-c", command], log, cwd=task, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    if use.status != 0:
        raise RuntimeError(f"simsort {stage} ended with exit status {use.status}: see {log}")
    return use


def judge(results: list[dict]) -> list[dict]:
    """Compare each stage's peaks with the aims, for the number of workers that was measured over several durations.

    Parameters
    ----------
    results : list of dict
        As `measure_stages` returns them, of several cases.

    Returns
    -------
    verdicts : list of dict
        Per stage and number of workers: `peak_bytes` over all durations, `under_limit`; with two durations or more
        `growth` (last over first peak, less one), `bytes_per_min` between them and `flat`, else None.
    """
    verdicts = []
    groups = {}
    for row in sorted(results, key=lambda row: (row["stage"] != "preprocess", row["n_jobs"], row["duration_min"])):
        groups.setdefault((row["stage"], row["n_jobs"]), []).append(row)
    for (stage, n_jobs), rows in groups.items():
        first, last = rows[0], rows[-1]
        peak = max(r["peak_pss_bytes"] for r in rows)
        verdict = {"stage": stage, "n_jobs": n_jobs, "peak_bytes": peak, "under_limit": peak < AIM_PEAK_BYTES,
                   "growth": None, "bytes_per_min": None, "flat": None}
        if last["duration_min"] > first["duration_min"]:
            difference = last["peak_pss_bytes"] - first["peak_pss_bytes"]
            verdict["growth"] = difference / first["peak_pss_bytes"]
            verdict["bytes_per_min"] = difference / (last["duration_min"] - first["duration_min"])
            verdict["flat"] = verdict["growth"] <= AIM_GROWTH
        verdicts.append(verdict)
    return verdicts
