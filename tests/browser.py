"""A headless browser for the tests that look at pages."""

import contextlib
import shutil

import pytest

# What starts by itself in Chromium and would ask other machines.
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync"]


@contextlib.contextmanager
def open_in_chromium(url: str, requests: list | None = None, width: int = 1366, height: int = 768, ready: str = "body"):
    """Open a page in headless Chromium; an error on the page or a dialog fails the test.

    Parameters
    ----------
    url : str
        The page.
    requests : list | None, default: None
        The address of every request is added.
    width, height : int, default: 1366, 768
        Of the window.
    ready : str, default: "body"
        Selector of what is there when the page is drawn.

    Yields
    ------
    page : playwright.sync_api.Page
    """
    playwright = pytest.importorskip("playwright.sync_api")
    if not shutil.which("chromium"):
        pytest.skip("chromium is not installed")
    errors = []

    def answer(dialog):
        if dialog.type != "beforeunload":
            errors.append(f"dialog {dialog.message}")
        dialog.accept()

    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        page = browser.new_page(viewport={"width": width, "height": height}, accept_downloads=True)
        page.on("request", lambda request: requests is None or requests.append(request.url))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", answer)
        page.goto(url)
        page.wait_for_selector(ready, timeout=60_000)
        yield page
        browser.close()
    assert errors == [], errors


def local_only(requests: list) -> bool:
    """Tell whether no request left the machine's own files."""
    return all(url.startswith(("file:", "blob:", "data:")) for url in requests)
