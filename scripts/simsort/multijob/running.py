"""Starting the pipelines: through Slurm, or on this machine. Standard library only."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from simsort.multijob import slurm
from simsort.multijob.heads import room_for_heads
from simsort.multijob.manifest import Entry, read_submission, write_submission
from simsort.multijob.plan import printable
from simsort.multijob.states import trace_stamp

LOG = "spike_sort.log"


def submit_sessions(copies: list[tuple[Entry, Path, float]], entries: list[Entry], arguments: list,
                    max_jobs: int | None) -> None:
    """Submit sessions; with a limit each waits for those before it in its lane.

    Parameters
    ----------
    copies : list of (Entry, Path, float)
        What to submit: the session, its job script, and the cost by which the lanes are evened out.
    entries : list of Entry
        All sessions, of which some may be under way.
    arguments : list of str
        For the pipelines.
    max_jobs : int or None
        How many pipelines may run at once; fewer if Slurm says that more would leave no room for their stages.
    """
    before = [read_submission(entry) for entry in entries]
    jobs = slurm.queue([submission.get("job_id", "") for submission in before])
    active = [(s["job_id"], s.get("lane", 0)) for s in before if jobs.get(s.get("job_id", ""), ("",))[0] in slurm.ACTIVE]
    max_jobs = limited(max_jobs, len(active), copies)
    waiting = slurm.lanes(active, max_jobs or 1)
    load = [float(len(lane)) for lane in waiting]
    for entry, copy, cost in copies:
        lane = load.index(min(load))
        submission = {"trace_before": trace_stamp(entry.results), "lane": lane}
        job_id, error = slurm.submit(copy, arguments, waiting[lane] if max_jobs else [])
        write_submission(entry, submission | ({"error": error} if error else {"job_id": job_id}))
        if not error:
            waiting[lane], load[lane] = [job_id], load[lane] + cost
        tell(entry, f"job {job_id}", error)


def limited(max_jobs: int | None, n_active: int, copies: list) -> int | None:
    """Return how many pipelines may run at once, and say so where it is fewer than was asked for."""
    if not copies:
        return max_jobs
    room = room_for_heads(copies[0][1].read_text(encoding="utf8", errors="surrogateescape"), os.environ)
    wanted = min(max_jobs or len(copies) + n_active, len(copies) + n_active)
    if room is None or wanted <= room.heads:
        return max_jobs
    print(f"at most {room.heads} pipelines at once: the head jobs of more would take over half of the {room.cores} cores "
          f"of partition {room.partition}, and stages would find no room (CPU_PARTITION names another for them)",
          flush=True)
    return room.heads


def run_sessions(copies: list[tuple[Entry, Path, float]], arguments: list, max_jobs: int | None) -> None:
    """Run sessions on this machine, one after another or `max_jobs` at once (then each prints into its own file)."""
    with ThreadPoolExecutor(max_jobs or 1) as pool:
        for done in [pool.submit(run_one, entry, copy, arguments, (max_jobs or 1) > 1) for entry, copy, _ in copies]:
            done.result()


def run_one(entry: Entry, copy: Path, arguments: list, into_file: bool) -> None:
    """Run one session and wait for it."""
    log = entry.job_folder / LOG
    submission = {"trace_before": trace_stamp(entry.results), **({"log": str(log)} if into_file else {})}
    write_submission(entry, submission)
    command = ["bash", copy.name, *arguments]
    if into_file:
        with log.open("w") as file:
            status = subprocess.run(command, cwd=copy.parent, stdin=subprocess.DEVNULL, stdout=file,
                                    stderr=subprocess.STDOUT, check=False).returncode
    else:
        status = subprocess.run(command, cwd=copy.parent, check=False).returncode
    write_submission(entry, submission | {"status": status})
    tell(entry, "finished", "" if status == 0 else f"ended with status {status}")


def tell(entry: Entry, good: str, error: str) -> None:
    """Print what became of a submission."""
    if error:
        print(f"simsort: error: {entry.name}: {printable(error)}", file=sys.stderr, flush=True)
    else:
        print(f"{entry.name}: {good}", flush=True)
