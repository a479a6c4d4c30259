"""A Slurm on this machine in which things go wrong: sessions sorted through sbatch, and what is done to them meanwhile."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from disturbed_runs import NAME, OPTIONS, processes_in, wait_for
from workflow_runs import REPO, Run, clean_environment, read_trace

HEAD_MEMORY = "--mem=1500M"


def environment(**settings) -> dict[str, str]:
    """Return the environment of a user who has just logged in."""
    login = clean_environment(**settings)
    for name in ("VIRTUAL_ENV", "JAVA_CMD", "PYTHONPATH", "SIMSORT_ENV"):
        login.pop(name, None)
    login["PATH"] = os.pathsep.join(p for p in login["PATH"].split(os.pathsep) if not p.startswith(str(REPO)))
    return login


def squeue(*options: str) -> list[list[str]]:
    """Return the queue as rows of job, state, node, name."""
    command = ["squeue", "--me", "--noheader", "--format=%i|%T|%N|%j", *options]
    done = subprocess.run(command, text=True, capture_output=True)
    return [line.split("|") for line in done.stdout.splitlines()]


def cluster(*words: str) -> None:
    """Ask the root side of tests/run.sh --faults to do something to the cluster, and wait until it is done."""
    folder = Path(os.environ["SIMSORT_FAULTS"])
    with (folder / "ask").open("w") as pipe:
        pipe.write(" ".join(words) + "\n")
    with (folder / "answer").open() as pipe:
        answer = pipe.read().strip()
    assert answer == "done", f"{words}: {answer}"


def processor_s(pid: int) -> float:
    """Return the processor time that a process has used; 0 for one that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Submitted:
    """A head job."""

    def __init__(self, folder: Path, data: Path, *arguments: str, options=(), **settings):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.results = folder, folder / "output"
        command = ["sbatch", "--parsable", HEAD_MEMORY, *options, str(REPO / "spike_sort.slm"), *OPTIONS, *arguments]
        done = subprocess.run(command, cwd=folder, text=True, capture_output=True,
                              env=environment(DATA_PATH=data, **settings))
        assert done.returncode == 0, done.stderr
        self.job_id = done.stdout.strip()

    def state(self) -> str:
        """Slurm's word for it."""
        shown = subprocess.run(["scontrol", "show", "job", self.job_id], text=True, capture_output=True).stdout
        found = re.search(r"JobState=(\S+)", shown)
        return found[1] if found else "UNKNOWN"

    def text(self) -> str:
        """What it printed."""
        return "".join(path.read_text() for path in sorted(self.folder.glob(f"ephys-*.{self.job_id}.*")))

    def stage(self, name: str, worked_s: float = 0.0) -> list[int]:
        """Wait until a stage has used so much processor time: the numbers of its Python processes."""
        def at_work():
            assert self.state() not in ("COMPLETED", "FAILED"), self.text()
            found = [pid for pid, line in processes_in(self.folder).items()
                     if re.search(rf"python\S* -m simsort {name} ", line)]
            return found if sum(map(processor_s, found)) >= worked_s else []
        return wait_for(at_work)

    def stage_job(self, name: str) -> list[str]:
        """Wait for the job of a stage to run: its row of the queue."""
        return wait_for(lambda: next((row for row in squeue("--states=R") if f"-{name.upper()}" in row[3]), None))

    def kill_head(self) -> None:
        """Kill -9 the head job's shell and Nextflow."""
        for pid, line in processes_in(self.folder).items():
            if "nextflow.cli.Launcher" in line or f"job{int(self.job_id):05d}/slurm_script" in line:
                os.kill(pid, signal.SIGKILL)

    def wait(self, timeout_s: int = 1500) -> Run:
        """Wait for its end; after the loss of its node Slurm puts it into the queue again, two minutes later."""
        over = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "OUT_OF_MEMORY")
        state = wait_for(lambda: (state := self.state()) in over and state, timeout_s)
        time.sleep(1)
        return Run(0 if state == "COMPLETED" else 1, self.text(), "", self.results)


def spikes(results: Path) -> list:
    """Return every spike of the recording, to be compared."""
    import spikeinterface as si

    return si.load(results / f"spikesorted/{NAME}").to_spike_vector().tolist()


def status(results: Path) -> dict:
    """Read status.json."""
    return json.loads((results / "status.json").read_text())


def attempts(results: Path, process: str) -> list[str]:
    """Return how the attempts of a process ended."""
    return [row["status"] for row in read_trace(results) if row["process"] == process]
