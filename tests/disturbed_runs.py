"""Runs that something happens to: how to wait for it, and what is at work meanwhile."""

import os
import time
from pathlib import Path

NAME = "block0_imec0.ap_recording1"
# Quick, and a repeated run gives the same spikes.
OPTIONS = ("--n_jobs", "1", "--runmode", "fast", "--sorter", "mountainsort5")


def wait_for(condition, timeout_s=600):
    """Wait until a condition holds; return what it gave."""
    end = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)
    return found


def processes_in(folder: Path) -> dict[int, str]:
    """Command lines of the processes that work below a folder, by their number."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if Path(os.readlink(process / "cwd")).is_relative_to(folder):
                found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
    return found
