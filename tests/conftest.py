"""Shared fixtures: small ground-truth recordings, a SpikeGLX session on disk, the command line."""

import os
import sys
from pathlib import Path
from typing import NamedTuple

import pytest


class Outcome(NamedTuple):
    """What a stage command returned and printed."""

    status: int
    stderr: str
    stdout: str = ""


class Session(NamedTuple):
    """A session on disk and the true spike trains."""

    path: Path
    sorting: object


@pytest.fixture(autouse=True)
def own_job_kwargs():
    """Undo what a stage run in this process set for all of SpikeInterface: no test may depend on those before it."""
    yield
    if "spikeinterface.core" in sys.modules:
        sys.modules["spikeinterface.core"].reset_global_job_kwargs()


@pytest.fixture(scope="session")
def ground_truth():
    """A 20 s int16 recording of 32 Neuropixels 1.0 channels in memory, with 12 true units: (recording, sorting)."""
    from spikeinterface import NumpyRecording

    from simsort.benchmarks.generated import generate_ground_truth
    from simsort.writers.spikeglx import UV_PER_BIT, neuropixels_probe

    lazy, sorting = generate_ground_truth(duration_s=20.0, n_channels=32, seed=0)
    counts = (lazy.get_traces() / UV_PER_BIT["ap"]).round().astype("int16")
    recording = NumpyRecording([counts], lazy.sampling_frequency)
    recording.set_channel_gains(UV_PER_BIT["ap"])
    recording.set_channel_offsets(0.0)
    recording.set_probe(neuropixels_probe(32))
    return recording, sorting


@pytest.fixture(scope="session")
def spikeglx_session(ground_truth, tmp_path_factory):
    """The ground truth written as a SpikeGLX session: `.path` is DATA_PATH, `.sorting` the true spikes. Do not change."""
    from simsort.writers.spikeglx import write_spikeglx

    recording, sorting = ground_truth
    return Session(write_spikeglx(recording, tmp_path_factory.mktemp("spikeglx"), "mouse"), sorting)


@pytest.fixture(scope="session")
def simsort_data():
    """The folder named by SIMSORT_DATA, or skip."""
    folder = os.environ.get("SIMSORT_DATA")
    if not folder:
        pytest.skip("SIMSORT_DATA is not set")
    return Path(folder)


@pytest.fixture
def run_cli(capsys, monkeypatch):
    """Run a stage command in this process: `run_cli("dispatch", "--data", path, ...)` gives (status, stderr, stdout)."""
    from simsort.cli import run_stage

    monkeypatch.delenv("SIMSORT_TRACEBACK", raising=False)

    def run(stage, *args) -> Outcome:
        capsys.readouterr()
        try:
            status = run_stage(stage, [str(arg) for arg in args])
        except SystemExit as stop:  # argparse: --help or a missing argument
            status = stop.code
        captured = capsys.readouterr()
        return Outcome(status, captured.err, captured.out)

    return run


# Under CI=true nothing may be left out in silence but what needs a GPU or the test recordings.
LEFT_OUT: list[str] = []


def pytest_runtest_logreport(report):
    """Remember skipped tests that CI does not allow to skip."""
    if report.skipped and os.environ.get("CI") == "true" and not {"gpu", "data"} & set(report.keywords):
        LEFT_OUT.append(report.nodeid)


def pytest_sessionfinish(session):
    """Fail a CI run that skipped them."""
    if LEFT_OUT and session.exitstatus == 0:
        print("\nskipped under CI=true: " + ", ".join(LEFT_OUT))
        session.exitstatus = 1
