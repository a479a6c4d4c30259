"""Running spike_sort.slm as users do, on this machine or through Slurm, with the clock."""

import dataclasses
import datetime
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from simsort.errors import UserError

REPO = Path(__file__).resolve().parents[3]
# The settings at the top of spike_sort.slm that a benchmark chooses itself; the others (container folder, partitions,
# account, modules) are the user's.
SETTINGS = ("DATA_PATH", "WORK_DIR", "RESULTS_PATH", "PIPELINE_PATH", "INPUT_DATA_TYPE", "SORTER", "PARAMS_FILE")
# What spike_sort.slm does first.
SET_UP = ('PIPELINE_PATH=$1; . "$1/environment/setup.sh"; setup_python "$2"; setup_java; setup_nextflow; '
          'nextflow -version >/dev/null')


@dataclasses.dataclass
class Run:
    """A finished run: when it started (local time), how long it took, where its files are."""

    started: datetime.datetime
    wall_s: float
    results: Path
    work: Path
    containers: bool


def check_executor(executor: str) -> None:
    """Raise `UserError` unless the pipeline's files and, for Slurm, a reachable Slurm are there."""
    if not (REPO / "spike_sort.slm").is_file():
        raise UserError(f"there is no spike_sort.slm in {REPO}", "run simsort bench from a checkout of the pipeline")
    if executor == "slurm":
        asked = ["sinfo", "-h"]
        answer = shutil.which("sinfo") and subprocess.run(asked, capture_output=True, text=True, check=False)
        if not answer or answer.returncode != 0 or not answer.stdout.strip():
            raise UserError("--executor slurm: no Slurm answers here (sinfo)",
                            "run it on a login node, or use --executor local")


def outside_jobs(environment: dict) -> dict:
    """Return an environment without what a Slurm job sets; where Slurm is stays."""
    return {name: value for name, value in environment.items() if not name.startswith("SLURM_") or name == "SLURM_CONF"}


def run_workflow(data: Path, folder: Path, executor: str, sorter: str) -> Run:
    """Run `spike_sort.slm` on a session in a new folder.

    Parameters
    ----------
    data : Path
        The session.
    folder : Path
        Gets `results/`, `work/` and what the run printed; must not hold an earlier run.
    executor : "local" | "slurm"
        `bash spike_sort.slm` or `sbatch --wait spike_sort.slm`.
    sorter : str
        Spike sorter.

    Returns
    -------
    run : Run
        Under Slurm the time is that of the head job, from its start to its end (to the second, as Slurm keeps it).

    Raises
    ------
    UserError
        If `folder` holds an earlier run.
    RuntimeError
        If the run fails.
    """
    if folder.exists():
        raise UserError(f"{folder} holds an earlier measurement", "remove it or choose another --out")
    folder.mkdir(parents=True)
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    if executor == "local":  # inside an interactive Slurm job spike_sort.slm would take itself for a head job
        environment = outside_jobs(environment)
    environment |= {"DATA_PATH": str(data), "RESULTS_PATH": str(folder / "results"), "WORK_DIR": str(folder / "work"),
                    "SORTER": sorter, "PIPELINE_PATH": str(REPO)}
    containers = environment.get("USE_CONTAINERS") or ("1" if executor == "slurm" else "0")
    set_up(environment, folder, "head" if containers == "1" else "full")
    launcher = ["bash"]
    if executor == "slurm":
        launcher = ["sbatch", "--wait", "--output", str(folder / "head.out"), "--error", str(folder / "head.err")]
    started, clock = datetime.datetime.now(), time.perf_counter()
    with (folder / "printed.log").open("w") as log:
        status = subprocess.run([*launcher, str(REPO / "spike_sort.slm")], cwd=folder, env=environment, text=True,
                                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
    wall_s = time.perf_counter() - clock
    if status != 0:
        raise RuntimeError(f"spike_sort.slm ended with exit status {status}: see the logs in {folder}")
    if executor == "slurm":
        started, wall_s = head_job_times((folder / "printed.log").read_text()) or (started, wall_s)
    return Run(started, wall_s, folder / "results", folder / "work", containers == "1")


def set_up(environment: dict, folder: Path, mode: str) -> None:
    """Make or find Python, Java and Nextflow beforehand: a first run's downloads are not what is measured."""
    with (folder / "set_up.log").open("w") as log:
        done = subprocess.run(["bash", "-c", SET_UP, "set-up", str(REPO), mode], env=environment, stdout=log,
                              stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the set-up of spike_sort.slm failed: see {folder / 'set_up.log'}")


def head_job_times(printed: str) -> tuple[datetime.datetime, float] | None:
    """Ask Slurm when the head job started and how long it ran; None when it has forgotten the job."""
    job_id = re.search(r"Submitted batch job (\d+)", printed)
    if not job_id:
        return None
    asked = subprocess.run(["scontrol", "show", "job", job_id[1]], capture_output=True, text=True, check=False)
    return parse_job_times(asked.stdout)


def parse_job_times(text: str) -> tuple[datetime.datetime, float] | None:
    """Read start time and duration in seconds from `scontrol show job`."""
    times = dict(re.findall(r"\b(StartTime|EndTime)=(\d{4}-\S+)", text))
    if len(times) < 2:
        return None
    start, end = (datetime.datetime.fromisoformat(times[name]) for name in ("StartTime", "EndTime"))
    return start, (end - start).total_seconds()
