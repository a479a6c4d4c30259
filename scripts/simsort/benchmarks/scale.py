"""`simsort bench scale`: what the wrapper and one head job cost without data, throughput and recovery with some."""

import dataclasses
import json
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import psutil

from simsort.benchmarks.machine import describe_machine, made_on
from simsort.benchmarks.overhead import read_tasks
from simsort.benchmarks.recovery import bench_faults, faults_table
from simsort.benchmarks.tables import markdown_table
from simsort.benchmarks.throughput import bench_sessions, sessions_table
from simsort.benchmarks.workflow import REPO, outside_jobs, set_up
from simsort.whole_files import write_json

PARTS = ("wrapper", "head", "sessions", "faults")
AIM_HEAD_BYTES = 2e9
META = "nSavedChans=385\nimSampRate=30000\n"
SBATCH = '#!/bin/bash\nn=$(($(cat "$STAND_IN/last" 2>/dev/null || echo 0) + 1))\necho "$n" >"$STAND_IN/last"\n' \
         'echo "$n|PENDING|0:00" >>"$STAND_IN/queue"\necho "$n"\n'
SQUEUE = '#!/bin/bash\ncat "$STAND_IN/queue" 2>/dev/null || true\n'


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to measure.

    Attributes
    ----------
    out : Path
        Scratch folder.
    parts : tuple of str
        `wrapper`: sessions found, planned, submitted to a stand-in for sbatch, looked at; `head`: recordings of one
        session, every stage of them a stub; `sessions`: short sessions sorted by the wrapper, some at once; `faults`:
        a short session that something happens to.
    sessions, recordings, at_once : tuple of int
        Numbers of them; `at_once` are those of real sessions.
    executor : "local" | "slurm"
        Where the stubs run; the other parts are of this machine.
    command : str
        For the document.
    """

    out: Path
    parts: tuple
    sessions: tuple
    recordings: tuple
    at_once: tuple
    executor: str
    command: str


def bench_scale(settings: Settings) -> dict:
    """Measure the parts asked for; what is known is kept as JSON in the output folder.

    Returns
    -------
    result : dict
        By part, those of earlier calls with the same output folder included: `rows`, `machine`, `command` and `load`.
    """
    settings.out.mkdir(parents=True, exist_ok=True)
    file = settings.out / "many.json"
    result = json.loads(file.read_text()) if file.is_file() else {}
    for part in PARTS:
        if part in settings.parts:
            result[part] = {"machine": describe_machine(), "command": settings.command, "load": os.getloadavg()[0],
                            "rows": measure(part, settings, result.get(part))}
            write_json(file, result)
    return result


def measure(part: str, settings: Settings, earlier: dict | None) -> list[dict]:
    """Measure one part; return its rows. Head jobs of other sizes that were measured earlier stay: they take long."""
    if part == "wrapper":
        return [bench_wrapper(settings.out / f"sessions_{n}", n) for n in settings.sessions]
    if part == "sessions":
        return [bench_sessions(settings.out / f"at_once_{n}", n) for n in settings.at_once]
    if part == "faults":
        return bench_faults(settings.out / "faults")
    rows = [bench_head(settings.out / f"recordings_{n}", n, settings.executor) for n in settings.recordings]
    asked = {(settings.executor, n) for n in settings.recordings}
    rows += [row for row in (earlier["rows"] if earlier else []) if (row["executor"], row["n_recordings"]) not in asked]
    return sorted(rows, key=lambda row: (row["executor"], row["n_recordings"]))


def bench_wrapper(folder: Path, n_sessions: int) -> dict:
    """Time the wrapper over sessions of one probe, with stand-ins for Slurm's commands."""
    shutil.rmtree(folder, ignore_errors=True)
    make_sessions(folder / "data", n_sessions)
    stand_in, here = folder / "bin", folder / "here"
    for made in (stand_in, here):
        made.mkdir()
    for name, text in (("sbatch", SBATCH), ("squeue", SQUEUE)):
        (stand_in / name).write_text(text)
        (stand_in / name).chmod(0o700)
    environment = os.environ | {"DATA_PATH": str(folder / "data"), "STAND_IN": str(stand_in),
                                "PATH": f"{stand_in}{os.pathsep}{os.environ['PATH']}"}
    script = str(REPO / "spike_sort.slm")
    row = {"n_sessions": n_sessions}
    for name, arguments in (("plan_s", [script, "--dry-run"]), ("submit_s", [script, "--max-jobs", "20"]),
                            ("again_s", [script]), ("status_s", ["--status"])):
        watch = Watched([str(REPO / "multijob_submission_wrapper.sh"), *arguments], here, environment, "simsort.multijob")
        row |= {name: watch.wall_s, "peak_bytes": max(row.get("peak_bytes", 0), watch.peak_bytes)}
    shutil.rmtree(folder)
    return row


def make_sessions(folder: Path, n_sessions: int) -> None:
    """Make folders that look like SpikeGLX sessions."""
    for number in range(n_sessions):
        probe = folder / f"session_{number}_g0" / f"session_{number}_g0_imec0"
        probe.mkdir(parents=True)
        (probe / f"session_{number}_g0_t0.imec0.ap.meta").write_text(META)
        (probe / f"session_{number}_g0_t0.imec0.ap.bin").touch()


def bench_head(folder: Path, n_recordings: int, executor: str) -> dict:
    """Run one session with many recordings, every stage a stub, and watch Nextflow's memory."""
    shutil.rmtree(folder, ignore_errors=True)
    session = folder / "session"
    session.mkdir(parents=True)
    (session / "recording.bin").touch()
    environment = outside_jobs(os.environ) | {
        "PIPELINE_PATH": str(REPO), "DATA_PATH": str(session), "RESULTS_PATH": str(folder / "results"),
        "WORK_DIR": str(folder / "work"), "SIMSORT_STUB_RECORDINGS": str(n_recordings), "USE_CONTAINERS": "0"}
    arguments = ["bash", str(REPO / "spike_sort.slm"), "-stub"]
    if executor == "slurm":
        arguments = ["sbatch", "--wait", f"--output={folder}/head.log", str(REPO / "spike_sort.slm"), "-stub"]
    else:
        environment["SIMSORT_POLL_INTERVAL"] = "100 ms"
    set_up(environment, folder, "full")
    watch = Watched(arguments, folder, environment, "nextflow.cli.Launcher", str(folder))
    if watch.status != 0:
        raise RuntimeError(f"the run of {n_recordings} recordings ended with status {watch.status}: see {watch.log}")
    n_tasks = len(read_tasks(folder / "results" / "nextflow" / "trace.txt"))
    row = {"executor": executor, "n_recordings": n_recordings, "n_tasks": n_tasks, "wall_s": watch.wall_s,
           "peak_bytes": watch.peak_bytes}
    shutil.rmtree(folder)
    return row


class Watched:
    """A command that is run to its end while the memory of one of its processes is looked at.

    Parameters
    ----------
    command : list of str
    folder : Path
        To run it in; its output goes to `printed.log` there.
    environment : dict
    name, place : str
        What the command line of the process to be watched holds.

    Attributes
    ----------
    wall_s, peak_bytes, status
    """

    def __init__(self, command: list, folder: Path, environment: dict, name: str, place: str = ""):
        self.peak_bytes, self._name, self._place, self.log = 0, name, place, folder / "printed.log"
        stop = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(stop,))
        started = time.perf_counter()
        with self.log.open("w") as log:
            watcher.start()
            self.status = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                                         stderr=subprocess.STDOUT, check=False).returncode
        self.wall_s = time.perf_counter() - started
        stop.set()
        watcher.join()

    def _watch(self, stop: threading.Event) -> None:
        process = None
        while not stop.wait(0.05 if process is None else 0.2):
            try:
                process = process or self._find()
                if process:
                    self.peak_bytes = max(self.peak_bytes, process.memory_info().rss)
            except psutil.Error:
                process = None

    def _find(self):
        for process in psutil.process_iter(["cmdline"]):
            line = " ".join(process.info["cmdline"] or ())
            if self._name in line and self._place in line and process.pid != os.getpid():
                return process
        return None


def blocks_of(result: dict) -> dict[str, str]:
    """Return the blocks of docs/benchmarks.md."""
    tables = {"wrapper": wrapper_table, "head": head_table, "sessions": sessions_table, "faults": faults_table}
    blocks = {}
    for part, its in result.items():
        text = [conditions(its), tables[part](its["rows"])]
        if part == "head":
            text.append(head_verdict(its["rows"]))
        blocks[f"scale-{part}"] = "\n\n".join(text)
    return blocks


def conditions(its: dict) -> str:
    """Return command and machine of a part."""
    return (f"`{its['command']}`\n\n{made_on(its['machine'])}, {its['machine']['memory_gb']} GB memory; load average "
            f"{its['load']:.1f} before the run.")


def wrapper_table(rows: list[dict]) -> str:
    """Return the table of the wrapper."""
    cells = [[str(r["n_sessions"]), f"{r['plan_s']:.1f}", f"{r['submit_s']:.1f}", f"{r['again_s']:.1f}",
              f"{r['status_s']:.1f}", f"{r['peak_bytes'] / 1e6:.0f}"] for r in rows]
    header = ["sessions", "plan (s)", "submit (s)", "call again (s)", "status and page (s)", "peak memory (MB)"]
    return markdown_table(header, cells)


def head_table(rows: list[dict]) -> str:
    """Return the table of head jobs."""
    cells = [[r["executor"], str(r["n_recordings"]), str(r["n_tasks"]), f"{r['wall_s']:.0f}",
              f"{r['wall_s'] / r['n_tasks']:.3f}", f"{r['peak_bytes'] / 1e9:.2f}"] for r in rows]
    return markdown_table(["stubs", "recordings", "tasks", "time (s)", "time per task (s)", "peak memory of Nextflow (GB)"],
                          cells)


def head_verdict(rows: list[dict]) -> str:
    """Compare with the aim, and say how memory grows, by the executor of the largest run."""
    last = max(rows, key=lambda r: r["n_tasks"])
    first = min((r for r in rows if r["executor"] == last["executor"]), key=lambda r: r["n_tasks"])
    reached = "reached" if last["peak_bytes"] < AIM_HEAD_BYTES else "**not reached**"
    words = f"Aim: under {AIM_HEAD_BYTES / 1e9:g} GB: {reached} with {last['n_recordings']} recordings."
    if last["n_tasks"] > first["n_tasks"]:
        growth = (last["peak_bytes"] - first["peak_bytes"]) / (last["n_tasks"] - first["n_tasks"])
        words += f" From {first['n_tasks']} to {last['n_tasks']} tasks: {growth / 1e3:+.0f} kB a task."
    return words
