"""One run at a time in a results folder: a lock with its owner. Standard library only.

python3 -m simsort.results_lock take|release RESULTS PID

The lock is a file, `nextflow/lock.json`, because locks of the file system itself do not reach from node to node on every
cluster. It is made in one step (a hard link) and names its owner: user, host, process, Slurm job, time. The lock of an
owner that is gone, as after kill -9, is taken over.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from simsort.errors import UserError

LOCK = Path("nextflow") / "lock.json"
GONE = ("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT")


def take(results: Path, pid: int) -> str:
    """Lock a results folder for a process.

    Parameters
    ----------
    results : Path
        It exists.
    pid : int
        The process that runs the pipeline.

    Returns
    -------
    said : str
        What there is to say: whose lock was taken over, or nothing.

    Raises
    ------
    UserError
        If a run is at work there.
    """
    lock = Path(results) / LOCK
    lock.parent.mkdir(parents=True, exist_ok=True)
    mine = lock.with_name(f".lock-{socket.gethostname()}-{pid}")
    mine.write_text(json.dumps(owner(pid)) + "\n")
    said = ""
    try:
        for _ in range(5):  # another taker may be at it as well
            if make(lock, mine):
                return said
            said = clear(lock, pid)
        raise UserError(f"{lock} changes while it is looked at", "several runs start at once here: start one")
    finally:
        mine.unlink()


def make(lock: Path, mine: Path) -> bool:
    """Give a finished file the name of the lock; False if there is one. Some file systems know no hard links."""
    try:
        os.link(mine, lock)
    except FileExistsError:
        return False
    except OSError:
        try:
            with lock.open("x") as file:
                file.write(mine.read_text())
        except FileExistsError:
            return False
    return True


def clear(lock: Path, pid: int) -> str:
    """Remove the lock of an owner that is gone, or raise; return what there is to say."""
    holder = read(lock)
    if holder is None:
        return ""
    if alive(holder) and not same(holder, owner(pid)):
        raise UserError(f"RESULTS_PATH {lock.parent.parent} is in use by {describe(holder)}",
                        "wait until it has ended, choose another RESULTS_PATH, or, if that run is surely gone, remove "
                        f"{lock}")
    aside = lock.with_name(f".lock-gone-{socket.gethostname()}-{os.getpid()}")
    try:
        os.rename(lock, aside)  # of several that clear it one succeeds
    except FileNotFoundError:
        return ""
    if read(aside) != holder:  # another one has cleared it and taken its place in between
        make(lock, aside)
        aside.unlink()
        return ""
    aside.unlink()
    return f"an earlier run here has ended without a word: {describe(holder)}"


def release(results: Path, pid: int) -> None:
    """Remove a process's own lock."""
    lock = Path(results) / LOCK
    holder = read(lock)
    if holder and same(holder, owner(pid)):
        lock.unlink(missing_ok=True)


def holder_of(results: Path) -> dict | None:
    """Return the owner of a results folder's lock, or None if nobody is at work there."""
    holder = read(Path(results) / LOCK)
    return holder if holder and alive(holder) else None


def owner(pid: int) -> dict:
    """Describe a process of this machine."""
    return {"user": getpass.getuser(), "host": socket.gethostname(), "boot": boot_id(), "pid": pid,
            "started": start_ticks(pid), "slurm_job_id": os.environ.get("SLURM_JOB_ID"),
            "restart": os.environ.get("SLURM_RESTART_COUNT"), "since": time.time()}


def read(lock: Path) -> dict | None:
    """Read a lock; one that was cut off, as by a full disk, has an owner nobody knows."""
    try:
        content = json.loads(lock.read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def same(one: dict, other: dict) -> bool:
    """Tell whether two owners are one process."""
    return all(one.get(name) == other.get(name) for name in ("host", "boot", "pid", "started"))


def alive(holder: dict) -> bool:
    """Tell whether an owner is still at work; when that cannot be known it is taken to be.

    On its own host its process decides, elsewhere its Slurm job. A job that was started again after its node was lost
    is not at work under its earlier start.
    """
    if holder.get("host") == socket.gethostname():
        return holder.get("boot") == boot_id() and start_ticks(holder.get("pid")) == holder.get("started") is not None
    job_id = holder.get("slurm_job_id")
    if not job_id:
        return bool(holder)
    if job_id == os.environ.get("SLURM_JOB_ID") and holder.get("restart") != os.environ.get("SLURM_RESTART_COUNT"):
        return False
    return slurm_state(str(job_id)) is not False


def slurm_state(job_id: str) -> bool | None:
    """Tell whether a Slurm job is alive; None if Slurm does not say."""
    try:
        done = subprocess.run(["squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={job_id}"],
                              capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return False if "Invalid job id" in done.stderr else None
    states = done.stdout.split()
    return any(state not in GONE for state in states)


def start_ticks(pid) -> str | None:
    """Return when a process started, in ticks since the boot: pids are used again. None if there is none."""
    try:
        text = Path(f"/proc/{int(pid)}/stat").read_text()
    except (OSError, ValueError, TypeError):
        return None
    state, *rest = text.rpartition(")")[2].split()
    return None if state in "ZX" else rest[18]


def boot_id() -> str:
    """Name this boot of this machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def describe(holder: dict) -> str:
    """Spell an owner and how long it has been there."""
    if not holder:
        return "a run of which nothing is known (its lock is damaged)"
    minutes = max(0.0, time.time() - float(holder.get("since") or 0)) / 60
    age = f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"
    job = f"Slurm job {holder['slurm_job_id']}, " if holder.get("slurm_job_id") else ""
    return f"{holder.get('user')} on {holder.get('host')} ({job}process {holder.get('pid')}, for {age})"


def main(argv: list[str]) -> int:
    """Take or release; a refusal is one line and status 2."""
    what, results, pid = argv
    try:
        if what == "release":
            release(Path(results), int(pid))
            return 0
        said = take(Path(results), int(pid))
    except UserError as error:
        print(f"simsort: error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"simsort: error: RESULTS_PATH {results} cannot be locked ({error.strerror}): choose a folder you may "
              "write to and that has space", file=sys.stderr)
        return 2
    if said:
        print(f"simsort: {said}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
