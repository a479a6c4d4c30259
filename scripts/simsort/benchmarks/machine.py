"""What the figures were measured on, and how much else went on there."""

import datetime
import os
import platform
import resource
import time

import psutil

from simsort.records import cpu_model, git_commit, installed_versions

SHOWN_PACKAGES = ("spikeinterface", "numpy", "scipy", "zarr")


def describe_machine() -> dict:
    """Return cores, memory and versions; no names."""
    versions = installed_versions()
    return {
        "n_cores": len(os.sched_getaffinity(0)), "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "cpu": cpu_model(), "python": platform.python_version(), "git_commit": git_commit(),
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "packages": {name: versions[name] for name in SHOWN_PACKAGES if name in versions},
    }


def made_on(machine: dict) -> str:
    """Return when, from which commit and on how many cores figures were made."""
    return (f"{machine['date']}, commit {str(machine['git_commit'])[:12]}; {machine['n_cores']} cores "
            f"({machine['cpu']})")


def packages_of(machine: dict) -> str:
    """Return the versions of packages on a machine."""
    return ", ".join(f"{name} {version}" for name, version in machine["packages"].items())


class OtherLoad:
    """Context that measures how many cores other work kept busy meanwhile.

    Attributes
    ----------
    busy_cores, own_cores, other_cores : float
        Mean number of busy cores: of all, of this process's finished children, and the rest. Under Slurm the stages
        are no children of this process and count among the rest.
    """

    def __enter__(self):
        self._start = time.perf_counter(), busy_seconds(), child_seconds()
        return self

    def __exit__(self, *exception):
        duration, busy, own = (now - then for now, then in
                               zip((time.perf_counter(), busy_seconds(), child_seconds()), self._start))
        self.busy_cores, self.own_cores = busy / duration, own / duration
        self.other_cores = max(0.0, self.busy_cores - self.own_cores)


def busy_seconds() -> float:
    """Return the CPU seconds all cores together have spent on work since the machine started."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - times.iowait - times.guest - times.guest_nice - times.steal


def child_seconds() -> float:
    """Return the CPU seconds of all children that have ended, with their own."""
    use = resource.getrusage(resource.RUSAGE_CHILDREN)
    return use.ru_utime + use.ru_stime
