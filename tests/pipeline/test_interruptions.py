"""Runs that are interrupted or meet another run: nothing is left running, nothing is lost, the spikes stay the same."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from workflow_runs import REPO, TIMEZONE, clean_environment, read_trace, run_slm

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]
NAME = "block0_imec0.ap_recording1"
OPTIONS = ("--n_jobs", "2", *TIMEZONE)


def processes_in(folder: Path) -> list[str]:
    """Command lines of the processes that work below a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if Path(os.readlink(process / "cwd")).is_relative_to(folder):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def wait_for(condition, timeout_s=300):
    """Wait until a condition holds."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)


def stage_has_begun(results: Path, stage: str) -> bool:
    """Tell whether a stage of a run is at work, by Nextflow's log."""
    log = results / "nextflow/nextflow.log"
    return log.is_file() and f"Submitted process > {stage}" in log.read_text()


@pytest.fixture(scope="module")
def interrupted(spikeglx_session, tmp_path_factory):
    """A run that met another one and was terminated while it sorted: (results, its status, its log, the other run)."""
    folder = tmp_path_factory.mktemp("interrupted")
    results = folder / "output"
    log = folder / "log"
    with log.open("w") as file:
        first = subprocess.Popen(["bash", str(REPO / "spike_sort.slm"), *OPTIONS], cwd=folder, stdin=subprocess.DEVNULL,
                                 stdout=file, stderr=file, env=clean_environment(DATA_PATH=spikeglx_session.path))
        wait_for(lambda: stage_has_begun(results, "SORT") or first.poll() is not None)
        other = run_slm(folder, *OPTIONS, DATA_PATH=spikeglx_session.path)
        first.send_signal(signal.SIGTERM)  # as scancel and Ctrl-C
        first.wait(timeout=120)
    return results, first.returncode, log.read_text(), other


def test_a_second_run_into_the_same_results_is_refused(interrupted):
    results, _, _, other = interrupted
    assert other.status == 2
    assert len(other.errors) == 1 and f"RESULTS_PATH {results} is in use by" in other.errors[0]


def test_an_interrupted_run_leaves_nothing_running(interrupted):
    results, status, log, _ = interrupted
    assert status == 143, log
    assert "interrupted; run it again to continue" in log
    wait_for(lambda: not processes_in(results.parent), 20)
    assert not (results / "nextflow/lock.json").exists()
    assert not (results / "status.json").exists(), "the account of a run that has not ended"


def test_it_goes_on_where_it_was_and_finds_the_same_spikes(interrupted, sorted_session, spikeglx_session):
    import spikeinterface as si

    results = interrupted[0]
    again = run_slm(results.parent, *OPTIONS, DATA_PATH=spikeglx_session.path)
    assert again.status == 0, again.text
    cached = {row["process"] for row in read_trace(results) if row["status"] == "CACHED"}
    assert "PREPROCESS" in cached and "SORT" not in cached
    found, undisturbed = (si.load(folder / f"spikesorted/{NAME}") for folder in (results, sorted_session[0].results))
    assert found.to_spike_vector().tolist() == undisturbed.to_spike_vector().tolist()
