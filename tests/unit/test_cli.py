"""The command line's own promises: one line, exit statuses, failure.json, room made on a full disk."""

import errno
import json

import pytest

import simsort.stages.report as stage
from simsort.errors import UserError


@pytest.fixture
def failing(monkeypatch, tmp_path, run_cli):
    """Return a function that runs `simsort report --out out` as a task whose stage raises an error."""
    monkeypatch.setenv("SIMSORT_TASK", "1")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "half").write_text("half of a result")

    def run(error):
        def fail(parser, argv):
            raise error
        monkeypatch.setattr(stage, "run", fail)
        return run_cli("report", "--out", "out")
    return run


class BrokenProcessPool(RuntimeError):
    """As concurrent.futures names it when the kernel kills a worker."""


@pytest.mark.parametrize("error, status, words", [
    (UserError("--x was given 1", "allowed: 2"), 2, "--x was given 1: allowed: 2"),
    (MemoryError(), 137, "out of memory"),
    (BrokenProcessPool("a process\nwas killed"), 137, "out of memory"),
    (OSError(errno.ENOSPC, "No space left on device", "big.raw"), 1, "no space left on the disk at big.raw"),
    (PermissionError(errno.EACCES, "Permission denied", "secret"), 2, "no permission for secret"),
    (ZeroDivisionError("division\nby zero"), 1, "ZeroDivisionError: division by zero: set SIMSORT_TRACEBACK=1"),
])
def test_every_error_is_one_line_with_its_status(failing, tmp_path, error, status, words):
    outcome = failing(error)
    assert outcome.status == status
    assert outcome.stderr.count("\n") == 1 and words in outcome.stderr
    left = json.loads((tmp_path / "failure.json").read_text())
    assert left["exit_status"] == status and words in left["reason"]
    assert (tmp_path / "out").exists() == (getattr(error, "errno", None) != errno.ENOSPC)


def test_unknown_stages_are_named(run_cli):
    outcome = run_cli("srot")
    assert outcome.status == 2 and "unknown stage 'srot'" in outcome.stderr
