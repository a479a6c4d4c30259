"""Peak memory of a command with all its worker processes."""

import contextlib
import dataclasses
import subprocess
import time
from pathlib import Path

import psutil

SAMPLING_INTERVAL_S = 0.2
FIELDS = ("Pss", "Pss_Anon", "Pss_Shmem", "Rss")  # of /proc/<pid>/smaps_rollup, in kB


@dataclasses.dataclass
class MemoryUse:
    """What a command used.

    Attributes
    ----------
    peak_pss_bytes : int
        Largest sum over the processes of their proportional set size: a page that n processes share counts 1/n in each.
    peak_own_bytes : int
        The same without pages of files, which the kernel takes back when memory is short.
    peak_rss_bytes : int
        Largest sum of resident set sizes: pages shared by workers count once for each. This is what Slurm's accounting
        sums up by default.
    peak_n_processes : int
        Most processes at once.
    wall_s : float
        Duration.
    n_samples : int
        How often it was looked at.
    status : int
        Exit status of the command.
    """

    peak_pss_bytes: int = 0
    peak_own_bytes: int = 0
    peak_rss_bytes: int = 0
    peak_n_processes: int = 0
    wall_s: float = 0.0
    n_samples: int = 0
    status: int | None = None


def measure_memory(command: list, log: Path, *, interval_s: float = SAMPLING_INTERVAL_S, timeout_s: float | None = None,
                   **popen) -> MemoryUse:
    """Run a command and look at the memory of its process tree until it ends.

    Parameters
    ----------
    command : list of str
        The command.
    log : Path
        File for what it prints.
    interval_s : float, default: 0.2
        Seconds between two looks; shorter peaks are missed.
    timeout_s : float | None, default: None
        When to kill it with all its descendants.
    **popen
        Passed on to `subprocess.Popen` (cwd, env).

    Returns
    -------
    use : MemoryUse
    """
    use, start = MemoryUse(), time.perf_counter()
    with Path(log).open("wb") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, **popen)
        try:
            while process.poll() is None:
                add_sample(use, sample_tree(process.pid))
                if timeout_s is not None and time.perf_counter() - start > timeout_s:
                    break
                time.sleep(interval_s)
        finally:
            if process.poll() is None:
                kill_tree(process.pid)
                process.wait()
    use.wall_s, use.status = time.perf_counter() - start, process.returncode
    return use


def kill_tree(pid: int) -> None:
    """Kill a process and all its descendants."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()


def sample_tree(pid: int) -> list[dict[str, int]]:
    """Return the memory of a process and of all its descendants, one mapping of bytes per process."""
    try:
        tree = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.NoSuchProcess:
        return []
    return [sample for sample in map(read_rollup, tree) if sample]


def read_rollup(pid: int) -> dict[str, int]:
    """Read the kernel's summary of a process's pages in bytes; nothing if the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it ended between the listing and the look
        return {}
    found = dict(line.split(":", 1) for line in lines[1:])
    return {name: int(found[name].split()[0]) * 1024 for name in FIELDS if name in found}


def add_sample(use: MemoryUse, processes: list[dict[str, int]]) -> None:
    """Raise the peaks to a sample."""
    total = {name: sum(process.get(name, 0) for process in processes) for name in FIELDS}
    use.n_samples += 1
    use.peak_pss_bytes = max(use.peak_pss_bytes, total["Pss"])
    use.peak_own_bytes = max(use.peak_own_bytes, total["Pss_Anon"] + total["Pss_Shmem"])
    use.peak_rss_bytes = max(use.peak_rss_bytes, total["Rss"])
    use.peak_n_processes = max(use.peak_n_processes, len(processes))
