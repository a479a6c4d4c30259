"""Runs that are interrupted or meet another run: nothing is left running, nothing is lost, the spikes stay the same."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from disturbed_runs import NAME, OPTIONS, processes_in, wait_for
from workflow_runs import REPO, clean_environment, read_trace, run_slm

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]


class Started:
    """A run of spike_sort.slm that goes on beside the test."""

    def __init__(self, folder: Path, data: Path):
        self.results, self.folder, self.log = folder / "output", folder, folder / "log"
        with self.log.open("w") as file:
            self.process = subprocess.Popen(["bash", str(REPO / "spike_sort.slm"), *OPTIONS], cwd=folder, stdout=file,
                                            stderr=file, stdin=subprocess.DEVNULL, env=clean_environment(DATA_PATH=data))

    def stage(self, name: str) -> list[int]:
        """Wait for a stage of this run: its Python processes."""
        def at_work():
            assert self.process.poll() is None, self.log.read_text()
            return [pid for pid, line in processes_in(self.folder).items() if f"-m simsort {name} " in line
                    and "python" in line.split()[0]]
        return wait_for(at_work)

    def end(self, number: int) -> int:
        """Send a signal to the shell that runs spike_sort.slm; return its status."""
        self.process.send_signal(number)
        return self.process.wait(timeout=120)


@pytest.fixture(scope="module")
def history(spikeglx_session, tmp_path_factory):
    """What happened to one results folder: a stage killed, another run refused, terminated, killed, run to its end."""
    folder = tmp_path_factory.mktemp("interrupted")
    happened = {"results": folder / "output"}
    first = Started(folder, spikeglx_session.path)
    for pid in first.stage("preprocess"):
        os.kill(pid, signal.SIGKILL)  # as when memory runs out
    first.stage("sort")
    happened["refused"] = run_slm(folder, *OPTIONS, DATA_PATH=spikeglx_session.path)
    happened["terminated"] = first.end(signal.SIGTERM), first.log.read_text()  # as Ctrl-C and scancel
    happened["tried again"] = [row["status"] for row in read_trace(first.results) if row["process"] == "PREPROCESS"]
    wait_for(lambda: not processes_in(folder), 20)  # fails if something is left running
    happened["left"] = sorted(path.name for path in (folder / "output").rglob("*.json"))

    second = Started(folder, spikeglx_session.path)
    second.stage("sort")
    nextflow = [pid for pid, line in processes_in(folder).items() if "nextflow.cli.Launcher" in line]
    for pid in [second.process.pid, *nextflow]:
        os.kill(pid, signal.SIGKILL)
    second.process.wait()
    happened["end"] = run_slm(folder, *OPTIONS, DATA_PATH=spikeglx_session.path)
    return happened


def test_a_killed_stage_is_tried_again(history):
    assert history["tried again"] == ["FAILED", "COMPLETED"]


def test_a_second_run_into_the_same_results_is_refused(history):
    refused = history["refused"]
    assert refused.status == 2
    assert len(refused.errors) == 1 and f"RESULTS_PATH {history['results']} is in use by" in refused.errors[0]


def test_an_interrupted_run_says_so_and_leaves_no_lock_and_no_account(history):
    status, log = history["terminated"]
    assert status == 143 and "interrupted; run it again to continue" in log
    assert not {"lock.json", "status.json"} & set(history["left"])


def test_after_all_that_the_spikes_are_those_of_an_undisturbed_run(history, spikeglx_session, tmp_path):
    import spikeinterface as si

    undisturbed = run_slm(tmp_path, *OPTIONS, DATA_PATH=spikeglx_session.path)
    assert undisturbed.status == 0, undisturbed.text
    end = history["end"]
    assert end.status == 0, end.text
    assert "an earlier run here has ended without a word" in end.text
    states = {row["process"]: row["status"] for row in end.trace()}
    assert (states["PREPROCESS"], states["SORT"]) == ("CACHED", "COMPLETED")
    found, expected = (si.load(run.results / f"spikesorted/{NAME}").to_spike_vector() for run in (end, undisturbed))
    assert len(found) > 500 and found.tolist() == expected.tolist()
