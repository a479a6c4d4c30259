"""Shared by the tests of curation: results of two recordings, made once for all test processes, and a browser."""

import fcntl
import json
import shutil

import pytest

from browser import open_in_chromium
from results_folders import NAME, SECOND, ground_truth, make_results

@pytest.fixture(scope="session")
def finished_results(tmp_path_factory):
    """A results folder of two recordings of six units, one with integer and one with string ids. Do not change it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / "curation"  # one for all workers of xdist
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            make_results(folder, {NAME: ground_truth([0, 1, 2, 3, 4, 10]),
                                  SECOND: ground_truth(["0", "1", "2", "3", "4", "<img src=x onerror=alert(1)>"],
                                                       seed=1)})
            (folder / "done").touch()
    return folder / "results"


@pytest.fixture
def results(finished_results, tmp_path):
    """A copy of the results that a test may change."""
    return shutil.copytree(finished_results, tmp_path / "results")


def label_once_applied(results, unit: int, run_cli) -> list:
    """Apply what was saved; return the quality that the curation then gives a unit, named by its row."""
    assert run_cli("apply-curation", results).status == 0
    written = json.loads((results / "curated" / NAME / "curation.json").read_text())
    return written["manual_labels"][unit]["labels"]["quality"]


def open_page(url: str, requests: list, width: int = 1366, height: int = 768):
    """Open a curation page in headless Chromium; every request is noted, and an error on the page fails the test."""
    return open_in_chromium(url, requests, width, height, ready="body[data-ready=yes]")
