"""Runs of sorters: each in its own process, its memory watched, its result kept as JSON."""

import dataclasses
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import sys
from pathlib import Path

from simsort import __version__
from simsort.benchmarks.machine import OtherLoad
from simsort.benchmarks.memory import measure_memory
from simsort.benchmarks.simulation.environments import last_words
from simsort.benchmarks.sorters.fingerprint import own_hash
from simsort.benchmarks.sorters.run_one import OUTSIDE_PRESET, SORTER_SETTINGS
from simsort.whole_files import write_json

SCRIPTS = Path(__file__).resolve().parents[3]
PACKAGES = {"kilosort4": ("kilosort", "torch"), "mountainsort5": ("mountainsort5",)}
OURS = "simsort"
PEERS = ("lupin", "spykingcircus2", "tridesclous2", "mountainsort5", "kilosort4")
# of ours with other parameters: run where they are asked for by name, not by default
PAPER = "simsort-paper"  # as published, with weights of `simsort pretrain --preset paper`
VARIANTS = {"simsort-ceed": {"encoder": "ceed"}, "simsort-none": {"encoder": "none"}, PAPER: {}}
TIMEOUT_S = 3600.0
MAX_REASON = 200
PROTOCOL = 2  # raised when the protocol or what stands in a result changes
SEED = 0  # of the sorters; the cases have their own


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """One sorter on one recording.

    Attributes
    ----------
    sorter : str
        A name of `simsort.sorting.registry.SORTERS` or of `VARIANTS`.
    motion : bool
        With motion correction: its own, or SpikeInterface's before it if it has none.
    recording : Path
        Folder of the recording.
    start_s, stop_s : float | None
        Part of the recording.
    n_jobs : int
        Worker processes.
    model : Path | None
        Folder of the weights of `PAPER`; the others have their own.
    """

    sorter: str
    motion: bool
    recording: Path
    start_s: float | None = None
    stop_s: float | None = None
    n_jobs: int = 2
    model: Path | None = None

    @property
    def params(self) -> dict:
        """What differs from the sorter's own parameters."""
        return VARIANTS.get(self.sorter, {}) | ({"model": str(self.model)} if self.model else {})


def sorter_version(name: str, model: Path | None = None) -> str:
    """Return what a sorter's result depends on: versions of its packages; of ours, also its code and weights."""
    packages = filter(installed, ("spikeinterface", *PACKAGES.get(name, ())))
    versions = [f"{package} {importlib.metadata.version(package)}" for package in packages]
    if sorter_of(name) == OURS:
        kind = "paper" if name == PAPER else VARIANTS.get(name, {}).get("encoder", "simsort")
        versions.append(f"{OURS} {__version__} {own_hash(kind, model)}")
    return ", ".join(versions)


def sorter_of(name: str) -> str:
    """Return the name of `simsort.sorting.registry.SORTERS` behind one that may be of `VARIANTS`."""
    return OURS if name in VARIANTS else name


def installed(package: str) -> bool:
    """Tell whether a package is there."""
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def key_of(run: Run, case_hash: str) -> str:
    """Return the hash under which a run's result is kept."""
    from simsort.sorting.registry import SORTERS

    content = [PROTOCOL, SEED, run.sorter, run.motion, sorter_version(run.sorter, run.model),
               dict(SORTERS[sorter_of(run.sorter)].params), SORTER_SETTINGS, OUTSIDE_PRESET, case_hash, run.start_s,
               run.stop_s]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:10]


def kept_run(run: Run, case_hash: str, folder: Path, score) -> dict:
    """Return the result of a run, from an earlier call if there is one.

    Parameters
    ----------
    run : Run
        What to run.
    case_hash : str
        Changes when the recording does.
    folder : Path
        Where the results of this recording are kept.
    score : callable
        `score(sorting)` returns what JSON can hold.

    Returns
    -------
    result : dict
        `state` ("done" or "failed"), `reason`, `wall_s`, `sort_s`, `peak_bytes`, `scores` and more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{run.sorter}_{'motion' if run.motion else 'plain'}_{key_of(run, case_hash)}"
    file = folder / f"{name}.json"
    if file.is_file():
        return json.loads(file.read_text())
    result = {"sorter": run.sorter, "motion": run.motion, "version": sorter_version(run.sorter, run.model)}
    result |= execute(run, folder / name)
    if result["state"] == "done":
        from spikeinterface import load

        result["scores"] = score(load(folder / name / "sorting"))
    write_json(file, result)
    return result


def execute(run: Run, work: Path) -> dict:
    """Run the process and watch its memory."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    names = ("motion", "start_s", "stop_s", "n_jobs")
    settings = {name: getattr(run, name) for name in names} | {
        "recording": str(run.recording), "seed": SEED, "folder": str(work), "sorter": sorter_of(run.sorter),
        "params": run.params}
    found, log = work / "result.json", work / "process.log"
    command = [sys.executable, "-m", "simsort.benchmarks.sorters.run_one", json.dumps(settings), str(found)]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", **threads(run),
                   "PYTHONPATH": os.pathsep.join(filter(None, [str(SCRIPTS), os.environ.get("PYTHONPATH")]))}
    with OtherLoad() as other:
        use = measure_memory(command, log, timeout_s=TIMEOUT_S, env=environment)
    result = {"wall_s": use.wall_s, "peak_bytes": use.peak_pss_bytes, "other_cores": other.other_cores}
    if use.status == 0 and found.is_file():
        return {"state": "done", "reason": "", **result, **json.loads(found.read_text())}
    return {"state": "failed", "reason": reason_of(use, found, log), **result}


def threads(run: Run) -> dict[str, str]:
    """Return how many threads a run may use, as in the workflow (`task_env.sh`): one in each of its workers.

    Without this, sorters that fork after torch or numba made threads would have to start their workers afresh each time,
    which takes long. Kilosort has no workers but threads.
    """
    one = {name: str(run.n_jobs if run.sorter == "kilosort4" else 1) for name in
           ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    return one | {"NUMBA_NUM_THREADS": str(run.n_jobs)}


def reason_of(use, found: Path, log: Path) -> str:
    """Return why a process has no result."""
    if use.wall_s >= TIMEOUT_S:
        return f"not finished after {TIMEOUT_S:.0f} s"
    said = json.loads(found.read_text())["error"] if found.is_file() else f"exit status {use.status}: {last_words(log)}"
    return for_tables(said)


def for_tables(reason: str) -> str:
    """Return a reason as documents may hold it: short, without the names of this machine's folders."""
    return re.sub(r"/[\w.+-]+(/[\w.+-]+)+", "…", re.sub(r" \(full log: [^)]*\)", "", reason))[:MAX_REASON]
