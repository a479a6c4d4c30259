"""Shared by the tests of curation: results of two recordings, made once for all test processes, and a browser."""

import contextlib
import fcntl
import shutil

import pytest

from results_folders import NAME, SECOND, ground_truth, make_results

CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync"]


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


@contextlib.contextmanager
def open_page(url: str, requests: list, width: int = 1366, height: int = 768):
    """Open a page in headless Chromium; every request is noted, and an error on the page fails the test."""
    playwright = pytest.importorskip("playwright.sync_api")
    if not shutil.which("chromium"):
        pytest.skip("chromium is not installed")
    errors = []
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        page = browser.new_page(viewport={"width": width, "height": height}, accept_downloads=True)
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog",
                lambda dialog: (errors.append(f"dialog {dialog.message}") if dialog.type != "beforeunload" else None,
                                          dialog.accept()))
        page.goto(url)
        page.wait_for_selector("body[data-ready=yes]", timeout=60_000)
        yield page
        browser.close()
    assert errors == []
