"""Running spike_sort.slm as users do, and reading what it leaves."""

import csv
import json
import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

REPO = Path(__file__).resolve().parents[1]
# The settings at the top of spike_sort.slm: a tester's own must not leak into the tests.
SETTINGS = ("DATA_PATH", "WORK_DIR", "RESULTS_PATH", "PIPELINE_PATH", "INPUT_DATA_TYPE", "SORTER", "PARAMS_FILE",
            "SLURM_ACCOUNT", "CPU_PARTITION", "GPU_PARTITION", "MODULES", "USE_CONTAINERS")


# NWB files want to know it; without it that stage is skipped.
TIMEZONE = ("--nwb_ecephys.timezone", "Europe/Berlin")


class Run(NamedTuple):
    """What a run of spike_sort.slm returned, printed and left."""

    status: int
    stdout: str
    stderr: str
    results: Path

    @property
    def text(self) -> str:
        """Everything it printed."""
        return self.stdout + self.stderr

    @property
    def errors(self) -> list[str]:
        """The error lines a user sees."""
        return [line for line in self.text.splitlines() if re.match(r"simsort( [a-z-]+)?: error: ", line)]

    def trace(self) -> list[dict]:
        """Nextflow's trace, one mapping per task."""
        return read_trace(self.results)

    def tasks(self, *states: str) -> list[str]:
        """Names of the processes whose tasks ended in one of the states."""
        return [row["process"] for row in self.trace() if row["status"] in states]

    def stage_states(self, recording: str) -> dict[str, str]:
        """`{stage: state}` of one recording from status.json."""
        status = json.loads((self.results / "status.json").read_text())
        return {stage: entry["state"] for stage, entry in status["recordings"][recording].items()}


def read_trace(results: Path) -> list[dict]:
    """Read nextflow/trace.txt of a results folder."""
    with open(results / "nextflow" / "trace.txt", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def clean_environment(**settings) -> dict[str, str]:
    """Return this process's environment with the pipeline's settings replaced by the ones given."""
    environment = {k: v for k, v in os.environ.items() if k not in SETTINGS}
    environment |= {"SIMSORT_POLL_INTERVAL": "1 sec", "SIMSORT_QUEUE_INTERVAL": "5 sec", "SIMSORT_EXIT_TIMEOUT": "10 sec",
                    "CI": os.environ.get("CI", "")}
    return environment | {k: str(v) for k, v in settings.items()}


def run_slm(folder: Path, *arguments: str, timeout_s: int = 900, launcher=("bash",), **settings) -> Run:
    """Run `bash spike_sort.slm ARGUMENTS` in a folder, with settings as environment variables."""
    folder.mkdir(parents=True, exist_ok=True)
    results = Path(settings.get("RESULTS_PATH", "output"))
    done = subprocess.run([*launcher, str(REPO / "spike_sort.slm"), *arguments], cwd=folder, text=True, timeout=timeout_s,
                          stdin=subprocess.DEVNULL, capture_output=True, env=clean_environment(**settings))
    return Run(done.returncode, done.stdout, done.stderr, folder / results)


def accuracies(sorting, truth) -> list[float]:
    """Return the accuracy of every true unit (0.4 ms, as SpikeForest), best first."""
    from spikeinterface.comparison import compare_sorter_to_ground_truth

    comparison = compare_sorter_to_ground_truth(truth, sorting, delta_time=0.4, exhaustive_gt=True)
    return sorted(comparison.get_performance()["accuracy"], reverse=True)
