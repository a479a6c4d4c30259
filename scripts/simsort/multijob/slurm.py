"""Submitting, asking and cancelling through Slurm's commands. Standard library only."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from simsort.errors import UserError

ACTIVE = ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "REQUEUED", "RESIZING", "SIGNALING", "STOPPED")
CANCEL_AT_ONCE = 200


def submit(copy: Path, arguments: list, wait_for: list) -> tuple[str, str]:
    """Submit a job script from its folder.

    Parameters
    ----------
    copy : Path
        The job script.
    arguments : list of str
        For the pipeline.
    wait_for : list of str
        Jobs that have to end first.

    Returns
    -------
    job_id, error : str
        One of them is empty.
    """
    dependency = [f"--dependency=afterany:{':'.join(wait_for)}"] if wait_for else []
    command = ["sbatch", "--parsable", f"--job-name={copy.name}", *dependency, copy.name, *arguments]
    done = subprocess.run(command, cwd=copy.parent, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout.strip().split(";")[0], ""
    return "", " ".join(done.stderr.split()) or f"sbatch ended with status {done.returncode}"


def queue(job_ids: list[str]) -> dict[str, tuple[str, str]]:
    """Return `{job id: (state, time used)}` of the user's jobs, those that ended a short while ago included.

    Parameters
    ----------
    job_ids : list of str
        What is looked for; where there is nothing to look for Slurm is not asked.

    Raises
    ------
    UserError
        If there is a Slurm here and it does not answer: what runs cannot be told then.
    """
    if not any(job_ids) or shutil.which("squeue") is None:
        return {}
    asked = ["squeue", "--me", "--noheader", "--states=all", "--format=%i|%T|%M"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"squeue does not answer ({' '.join(done.stderr.split())})", "try again when Slurm is back")
    rows = [line.split("|") for line in done.stdout.splitlines()]
    return {row[0]: (row[1], row[2]) for row in rows if len(row) == 3}


def cancel(job_ids: list[str]) -> str:
    """Cancel jobs; return what scancel complained about."""
    said = []
    for start in range(0, len(job_ids), CANCEL_AT_ONCE):
        done = subprocess.run(["scancel", *job_ids[start:start + CANCEL_AT_ONCE]], capture_output=True, text=True,
                              check=False)
        said.append(done.stderr if done.returncode else "")
    return " ".join(" ".join(said).split())


def lanes(active: list[tuple[str, int]], n_lanes: int) -> list[list[str]]:
    """Arrange the jobs that are under way in as many lanes as pipelines may run at once.

    The next job of a lane waits for all jobs before it in the lane, so that the limit holds without a process that
    watches over it.

    Parameters
    ----------
    active : list of (str, int)
        Job id and lane of earlier submissions.
    n_lanes : int
        `--max-jobs`.

    Returns
    -------
    waiting : list of list of str
        For each lane the jobs to wait for.
    """
    waiting: list = [[] for _ in range(n_lanes)]
    for job_id, lane in active:
        waiting[lane % n_lanes].append(job_id)
    return waiting
