"""How many pipelines may run at once before their head jobs leave their stages no room. Standard library only."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess

PATIENCE_S = 20


@dataclasses.dataclass(frozen=True)
class Room:
    """A partition's cores that are not down, and how many head jobs fill half of them (one at least)."""

    partition: str
    cores: int
    heads: int


def room_for_heads(script: str, environment) -> Room | None:
    """Ask Slurm how many head jobs leave half of their partition to their stages.

    A head job waits for its stages. Where heads fill all cores, no stage starts and nothing ever ends.

    Parameters
    ----------
    script : str
        Text of the job script, whose `#SBATCH` lines say what a head job takes.
    environment : mapping
        Has what sbatch and the script take from it: `SBATCH_PARTITION`, `CPU_PARTITION`.

    Returns
    -------
    room : Room or None
        None if Slurm does not say, or the stages run in another partition.
    """
    own = environment.get("SBATCH_PARTITION") or asked(script, "partition", "p") or ""
    stages = environment.get("CPU_PARTITION") or ""
    found = partitions()
    default = next((name for name in found if name.endswith("*")), "")
    name = next((name for name in found if name.rstrip("*") == own), "") if own else default
    if not name or (stages and stages != name.rstrip("*")):
        return None
    per_head = int(asked(script, "cpus-per-task", "c") or 1)
    return Room(name.rstrip("*"), found[name], max(found[name] // 2 // max(per_head, 1), 1))


def asked(script: str, option: str, letter: str) -> str:
    """Return what a job script's `#SBATCH` line asks for by an option, empty if nothing."""
    line = re.search(rf"^#SBATCH[ \t]+(?:--{option}[= ][ \t]*|-{letter}[ \t]*)([\w.-]+)", script, re.MULTILINE)
    return line[1] if line else ""


def partitions() -> dict[str, int]:
    """Return each partition's cores that are not down or drained; the default partition's name ends with `*`."""
    if shutil.which("sinfo") is None:
        return {}
    try:
        done = subprocess.run(["sinfo", "--noheader", "--format=%P|%C"], capture_output=True, text=True, check=False,
                              timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        return {}
    cores: dict = {}
    for line in done.stdout.splitlines():
        row = re.fullmatch(r"(\S+)\|(\d+)/(\d+)/\d+/\d+", line.strip())  # in use, idle, other, all
        if row:
            cores[row[1]] = cores.get(row[1], 0) + int(row[2]) + int(row[3])
    return cores
