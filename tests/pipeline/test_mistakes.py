"""What users get wrong: one line, what and where and the remedy, exit status 2, and nothing else lost."""

import os
import shutil
import subprocess

import pytest

from workflow_runs import REPO, clean_environment, run_slm

pytestmark = pytest.mark.pipeline


def only_error(run, *words):
    """Assert that a run ended with status 2 and exactly one error line holding the words."""
    assert run.status == 2, run.text
    assert len(run.errors) == 1, run.text
    for word in words:
        assert word in run.errors[0]
    assert "Traceback" not in run.text


def test_no_such_path(tmp_path):
    only_error(run_slm(tmp_path, DATA_PATH=tmp_path / "nowhere"), "nowhere", "does not exist")


def test_empty_folder(tmp_path):
    (tmp_path / "empty").mkdir()
    only_error(run_slm(tmp_path, DATA_PATH=tmp_path / "empty"), "empty folder")


@pytest.mark.parametrize("arguments, words", [
    (["--sorter", "kilosort5"], ["--sorter", "'kilosort5'", "kilosort4"]),
    (["--sorterr", "lupin"], ["--sorterr", "did you mean --sorter?"]),
    (["--preprocessing.max-bad-channel-fraction", "2"], ["max-bad-channel-fraction", "at most 1"]),
    (["--n_jobs", "two"], ["--n_jobs", "whole number"]),
])
def test_unknown_names_and_values(tmp_path, spikeglx_session, arguments, words):
    only_error(run_slm(tmp_path, *arguments, DATA_PATH=spikeglx_session.path), *words)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_results(tmp_path, spikeglx_session):
    results = tmp_path / "results"
    results.mkdir()
    results.chmod(0o500)
    only_error(run_slm(tmp_path, DATA_PATH=spikeglx_session.path, RESULTS_PATH=results), "RESULTS_PATH", "written")


def test_results_of_another_session(tmp_path, spikeglx_session):
    claim = tmp_path / "output/nextflow"
    claim.mkdir(parents=True)
    (claim / "session.json").write_text('{"session": "another_g0"}')
    only_error(run_slm(tmp_path, DATA_PATH=spikeglx_session.path), "another_g0", "choose another results folder")


def test_a_session_with_nothing_readable_ends_with_one_line(tmp_path, spikeglx_session):
    session = shutil.copytree(spikeglx_session.path, tmp_path / "session")
    binary = next(session.rglob("*.ap.bin"))
    os.truncate(binary, binary.stat().st_size - 1000)
    run = run_slm(tmp_path, DATA_PATH=session)
    assert run.status == 2, run.text
    assert "truncated" in run.errors[0] and binary.name in run.errors[0]
    assert len(run.errors) == 1
    assert (run.results / "index.html").is_file()


def test_a_missing_image_is_named(tmp_path, spikeglx_session):
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "apptainer").write_text("#!/bin/sh\n")
    (tools / "apptainer").chmod(0o755)
    run = run_slm(tmp_path, DATA_PATH=spikeglx_session.path, USE_CONTAINERS=1, EPHYS_CONTAINER_DIR=tmp_path,
                  PATH=f"{tools}:{os.environ['PATH']}")
    only_error(run, str(tmp_path), "containers/build.sh")


FULL_DISK = """
set -e
mount -t tmpfs -o size=24m tmpfs "$1"
cd "$1"
status=0
bash "$2/spike_sort.slm" --n_jobs 1 || status=$?
echo "status $status"
"""


@pytest.mark.slow
def test_a_full_disk_is_said_plainly(tmp_path, spikeglx_session):
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", FULL_DISK, "bash", str(disk),
                           str(REPO)], text=True, capture_output=True, timeout=600, stdin=subprocess.DEVNULL,
                          env=clean_environment(DATA_PATH=spikeglx_session.path))
    text = done.stdout + done.stderr
    assert done.returncode == 0, text  # the script's own: mount and bash worked
    assert "status 0" not in text
    assert "no space left on the disk" in text
    assert "Traceback" not in text
