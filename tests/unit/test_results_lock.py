"""The lock of a results folder: whose it is, and when it is nobody's any more."""

import json
import os
import socket
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from simsort import results_lock
from simsort.errors import UserError
from simsort.results_lock import LOCK, holder_of, main, release, take
from workflow_runs import REPO


@pytest.fixture
def other():
    """Another process."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Set what squeue says of any job: a state, or an error message."""
    def answer(text, status=0):
        (tmp_path / "squeue").write_text(f"#!/bin/bash\necho '{text}' >&{1 + (status != 0)}\nexit {status}\n")
        (tmp_path / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    return answer


def held_elsewhere(results, **changes):
    """Leave the lock of a run on another host."""
    (results / LOCK).parent.mkdir(exist_ok=True)
    owner = results_lock.owner(os.getpid()) | {"host": "another", "slurm_job_id": None} | changes
    (results / LOCK).write_text(json.dumps(owner))


def test_a_second_run_is_refused_with_owner_and_age(tmp_path, other, capsys):
    assert take(tmp_path, other.pid) == ""
    assert main(["take", str(tmp_path), str(os.getpid())]) == 2
    said = capsys.readouterr().err
    assert str(tmp_path) in said and f"process {other.pid}" in said and "for 0 min" in said and said.count("\n") == 1
    assert holder_of(tmp_path)["pid"] == other.pid
    assert os.listdir(tmp_path / "nextflow") == [LOCK.name]


def test_the_lock_of_a_killed_run_is_taken_over(tmp_path, other):
    take(tmp_path, other.pid)
    other.kill()
    other.wait()
    assert holder_of(tmp_path) is None
    assert f"process {other.pid}" in take(tmp_path, os.getpid())
    release(tmp_path, os.getpid())
    assert not (tmp_path / LOCK).exists()


def test_a_process_that_got_the_same_number_is_another_one(tmp_path):
    take(tmp_path, os.getpid())
    lock = tmp_path / LOCK
    lock.write_text(json.dumps(json.loads(lock.read_text()) | {"started": "1"}))
    assert holder_of(tmp_path) is None
    take(tmp_path, os.getpid())


def test_only_the_owner_releases(tmp_path, other):
    take(tmp_path, other.pid)
    release(tmp_path, os.getpid())
    assert (tmp_path / LOCK).exists()


@pytest.mark.parametrize("answer, status, free", [
    ("RUNNING", 0, False), ("PENDING", 0, False), ("COMPLETED", 0, True), ("NODE_FAIL", 0, True), ("", 0, True),
    ("slurm_load_jobs error: Invalid job id specified", 1, True),
    ("slurm_load_jobs error: Unable to contact slurm controller", 1, False)])
def test_on_another_node_slurm_decides(tmp_path, slurm, answer, status, free):
    slurm(answer, status)
    held_elsewhere(tmp_path, slurm_job_id="17")
    if free:
        assert "Slurm job 17" in take(tmp_path, os.getpid())
        return
    with pytest.raises(UserError, match="Slurm job 17"):
        take(tmp_path, os.getpid())


def test_a_job_that_was_requeued_takes_over_from_itself(tmp_path, slurm, monkeypatch):
    slurm("RUNNING")
    held_elsewhere(tmp_path, slurm_job_id="17")
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert take(tmp_path, os.getpid())


def test_of_another_host_without_slurm_nothing_is_known(tmp_path):
    held_elsewhere(tmp_path)
    with pytest.raises(UserError, match="another"):
        take(tmp_path, os.getpid())


def test_where_there_are_no_hard_links(tmp_path, other, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(PermissionError(1, "Operation not permitted")))
    take(tmp_path, other.pid)
    with pytest.raises(UserError):
        take(tmp_path, os.getpid())


def test_of_many_at_once_one_gets_it(tmp_path):
    code = "import sys; from simsort.results_lock import main; import os\n" \
           "status = main(['take', sys.argv[1], str(os.getpid())]); print(status, flush=True); input()"
    many = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True,
                             env={**os.environ, "PYTHONPATH": str(REPO / "scripts")}) for _ in range(8)]
    statuses = [process.stdout.readline().strip() for process in many]
    for process in many:
        process.communicate("\n")
    assert sorted(statuses) == ["0"] + ["2"] * 7


@hypothesis_settings(deadline=None, max_examples=50)
@given(st.one_of(st.binary(max_size=60), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) |
    st.dictionaries(st.sampled_from(["host", "pid", "started", "boot", "since", "slurm_job_id"]), inner, max_size=6),
    max_leaves=8).map(lambda content: json.dumps(content).encode())))
def test_a_damaged_lock_never_ends_in_a_traceback(tmp_path_factory, content):
    results = tmp_path_factory.mktemp("results")
    (results / "nextflow").mkdir()
    (results / LOCK).write_bytes(content)
    try:
        take(results, os.getpid())
    except UserError as error:
        assert str(results) in str(error)


def test_this_host_is_told_from_others(tmp_path):
    take(tmp_path, os.getpid())
    assert json.loads((tmp_path / LOCK).read_text())["host"] == socket.gethostname()
