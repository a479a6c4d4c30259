"""What a fault costs: a short session is sorted, something is killed, and Nextflow's trace says what was done again."""

import dataclasses
import datetime
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil

from simsort.benchmarks.tables import markdown_table
from simsort.benchmarks.throughput import OPTIONS, own_environment, short_session
from simsort.benchmarks.workflow import REPO, set_up
from simsort.collecting.failures import read_trace

PATIENCE_S = 1800
IN_FULL_SWING_S = 1.0  # a stage is let work for so long


@dataclasses.dataclass(frozen=True)
class Fault:
    """What is done to a run while a stage works.

    Attributes
    ----------
    name : str
        For the table.
    stage : str
        The stage that works then.
    whole_run : bool
        The run ends and is started again at once; else the stage alone is hit.
    number : int
        The signal.
    """

    name: str
    stage: str
    whole_run: bool
    number: int


FAULTS = (
    Fault("`kill -9` of preprocess", "preprocess", False, signal.SIGKILL),
    Fault("`kill -9` of sort", "sort", False, signal.SIGKILL),
    Fault("`kill -9` of postprocess", "postprocess", False, signal.SIGKILL),
    Fault("the run is terminated while it sorts", "sort", True, signal.SIGTERM),
    Fault("`kill -9` of Nextflow and its shell while it sorts", "sort", True, signal.SIGKILL),
)


class Started:
    """A run of spike_sort.slm that goes on meanwhile."""

    def __init__(self, folder: Path, data: Path):
        self.folder, self.results = folder, folder / "results"
        folder.mkdir(parents=True, exist_ok=True)
        environment = own_environment() | {"DATA_PATH": str(data), "RESULTS_PATH": str(self.results),
                                           "WORK_DIR": str(folder / "work")}
        set_up(environment, folder, "full")
        with (folder / "printed.log").open("a") as log:
            self.process = subprocess.Popen(["bash", str(REPO / "spike_sort.slm"), *OPTIONS], cwd=folder, stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL, env=environment)

    def stage(self, name: str) -> psutil.Process:
        """Wait for a stage's Python process and a second more."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and self.process.poll() is None:
            for process, line in self._processes():
                if f"-m simsort {name} " in line and "python" in line.split()[0]:
                    time.sleep(IN_FULL_SWING_S)
                    return process
            time.sleep(0.1)
        raise RuntimeError(f"{name} did not run: see {self.folder}/printed.log")

    def hit(self, fault: Fault, stage: psutil.Process) -> None:
        """Do to it what the fault is, and wait for the end of what was hit."""
        if not fault.whole_run:
            stage.send_signal(fault.number)
            return
        if fault.number == signal.SIGKILL:
            for process, line in self._processes():
                if "nextflow.cli.Launcher" in line:
                    process.kill()
        self.process.send_signal(fault.number)
        self.process.wait(timeout=PATIENCE_S)

    def wait(self) -> None:
        """Wait for its good end; raise `RuntimeError` if it fails."""
        if self.process.wait(timeout=PATIENCE_S):
            raise RuntimeError(f"the run ended with status {self.process.returncode}: see {self.folder}/printed.log")

    def _processes(self):
        for process in psutil.process_iter():
            try:
                if Path(process.cwd()).is_relative_to(self.folder):
                    yield process, " ".join(process.cmdline())
            except psutil.Error:
                continue


def bench_faults(folder: Path, faults: tuple[Fault, ...] = FAULTS) -> list[dict]:
    """Measure each fault on a run of its own, and compare its spikes with those of a run to which nothing happened.

    Parameters
    ----------
    folder : Path
        Scratch folder.
    faults : tuple of Fault
        What is done.

    Returns
    -------
    rows : list of dict
        `fault`, `back_s` (from the fault to the start of the stage's next attempt), `lost_s` (what the stage that was
        hit had worked), `again` (stages that had ended and ran again), `same_spikes`.

    Raises
    ------
    RuntimeError
        If a run does not recover.
    """
    data = short_session(folder.parent)
    shutil.rmtree(folder, ignore_errors=True)
    undisturbed = Started(folder / "undisturbed", data)
    undisturbed.wait()
    rows = []
    for number, fault in enumerate(faults):
        print(f"simsort bench: {fault.name}", flush=True)
        rows.append(measure_fault(fault, folder / str(number), data, undisturbed.results))
    shutil.rmtree(folder)
    return rows


def measure_fault(fault: Fault, folder: Path, data: Path, undisturbed: Path) -> dict:
    """Let one fault happen and see what it costs."""
    from simsort.exporting.rerun import compare

    run = Started(folder, data)
    stage = run.stage(fault.stage)
    happened, lost_s = datetime.datetime.now(), time.time() - stage.create_time()
    trace = run.results / "nextflow" / "trace.txt"
    before = ended(trace)
    run.hit(fault, stage)
    if fault.whole_run:
        run = Started(folder, data)
    run.wait()
    rows = read_trace(trace)
    next_attempt = next(row for row in reversed(rows) if row["process"] == fault.stage.upper())
    if next_attempt["status"] != "COMPLETED":
        raise RuntimeError(f"{fault.name}: the stage had ended before it was hit; see {trace}")
    return {"fault": fault.name, "lost_s": lost_s, "again": sorted(before & ended(trace)) if fault.whole_run else [],
            "back_s": (datetime.datetime.fromisoformat(next_attempt["start"]) - happened).total_seconds(),
            "same_spikes": not any(compare(undisturbed, run.results).values())}


def ended(trace: Path) -> set[str]:
    """Return the processes that a run has finished itself, without those that it took over from an earlier one."""
    return {row["process"] for row in read_trace(trace) if row["status"] == "COMPLETED"}


def faults_table(rows: list[dict]) -> str:
    """Return the table of recovery times."""
    cells = [[r["fault"], f"{r['back_s']:.0f}", f"{r['lost_s']:.0f}", ", ".join(r["again"]) or "none",
              "yes" if r["same_spikes"] else "**no**"] for r in rows]
    return markdown_table(["fault", "at work again after (s)", "work lost (s)", "finished stages that ran again",
                           "same spikes"], cells)
