"""Bytes on disk."""

import os
import stat
from pathlib import Path

GIB = 2**30


def folder_bytes(folder: Path) -> int:
    """Return the sum of the sizes of the regular files under a folder, links not followed, each hard link once."""
    seen, total = set(), 0
    for parent, _, names in os.walk(folder):
        for name in names:
            status = os.lstat(os.path.join(parent, name))
            if stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                total += status.st_size
    return total


def disk_use(rows: list[dict], data: Path, results: Path, work: Path) -> dict:
    """Compare what a run wrote with what it read.

    Parameters
    ----------
    rows : list of dict
        The tasks as `simsort.benchmarks.overhead.read_tasks` returns them.
    data, results, work : Path
        The session, the results folder and Nextflow's work folder.

    Returns
    -------
    use : dict
        `input_bytes`, `results_bytes`, `work_bytes` (what is there at the end, `largest` by task), `written_bytes`
        (handed to write calls by the tasks, files that were removed again included, memory-mapped files not), and
        each over `input_bytes` under `per_input_byte`.
    """
    use = {"input_bytes": folder_bytes(data), "results_bytes": folder_bytes(results), "work_bytes": folder_bytes(work),
           "written_bytes": sum(row["written_bytes"] for row in rows)}
    by_task = {row["process"]: folder_bytes(Path(row["workdir"])) for row in rows if Path(row["workdir"]).is_dir()}
    use["largest"] = dict(sorted(by_task.items(), key=lambda item: -item[1])[:4])
    use["per_input_byte"] = {name: use[f"{name}_bytes"] / use["input_bytes"] for name in ("results", "work", "written")}
    return use
