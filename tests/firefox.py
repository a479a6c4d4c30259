"""A headless Firefox for the tests that look at pages, driven by WebDriver BiDi, which Firefox speaks itself.

Playwright 1.65 asks for commands that Firefox ESR 153 does not know, and Selenium needs geckodriver,
which Debian lacks.
https://www.w3.org/TR/webdriver-bidi/
"""

import asyncio
import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

START_S, ANSWER_S, STOP_S = 120.0, 60.0, 20.0
CONTROL = "\ue009"
# Nothing is asked of other machines: what would go there meets a proxy that does not exist.
PREFERENCES = {
    "network.proxy.type": 1, "network.proxy.http": "127.0.0.1", "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1", "network.proxy.ssl_port": 9, "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False, "datareporting.policy.dataSubmissionEnabled": False,
    "browser.download.folderList": 2, "browser.download.useDownloadDir": True,
    "browser.download.alwaysOpenPanel": False}


class FirefoxPage:
    """A page in Firefox.

    Parameters
    ----------
    socket : aiohttp.ClientWebSocketResponse
        To the browser.
    loop : asyncio.AbstractEventLoop
        Of the socket.

    Attributes
    ----------
    errors, requests : list of str
        Errors on the console and dialogs; addresses that were asked for.
    """

    def __init__(self, socket, loop):
        self.socket, self.loop, self.numbers = socket, loop, itertools.count(1)
        self.errors, self.requests, self.context = [], [], None

    def send(self, method: str, **parameters) -> dict:
        """Send a command and return its result; events that come before are noted."""
        return self.loop.run_until_complete(asyncio.wait_for(self.answer(method, parameters), ANSWER_S))

    async def answer(self, method: str, parameters: dict) -> dict:
        number = next(self.numbers)
        await self.socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = await self.socket.receive_json()
            if message["type"] == "event":
                self.note(message["method"], message["params"])
            elif message.get("id") == number:
                assert message["type"] == "success", message
                return message["result"]

    def note(self, event: str, values: dict) -> None:
        """Note what happened on the page."""
        if event == "log.entryAdded" and values["level"] == "error":
            self.errors.append(values["text"])
        elif event == "network.beforeRequestSent":
            self.requests.append(values["request"]["url"])
        elif event == "browsingContext.userPromptOpened":
            self.errors.append(f"dialog {values['message']}")

    def open(self, url: str, ready: str) -> None:
        """Open an address and wait until `ready` (a selector) is there."""
        self.context = self.send("browsingContext.getTree")["contexts"][0]["context"]
        self.send("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent",
                                               "browsingContext.userPromptOpened"])
        self.send("browsingContext.setViewport", context=self.context, viewport=dict(width=1366, height=768))
        self.send("browsingContext.navigate", context=self.context, url=url, wait="complete")
        wait_until(lambda: self.run(f"document.querySelector({json.dumps(ready)}) !== null"), START_S)

    def run(self, script: str):
        """Return the value of a JavaScript expression that JSON can hold."""
        result = self.send("script.evaluate", expression=f"JSON.stringify({script})", awaitPromise=False,
                           target={"context": self.context})
        assert result["type"] == "success", result
        return json.loads(result["result"].get("value", "null"))

    def text(self, selector: str) -> list[str]:
        """Return the text of all elements of a selector."""
        return self.run(f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.innerText)")

    def click(self, selector: str, held: str | None = None) -> None:
        """Click on the middle of an element as a mouse does, with a key held if asked."""
        element = f"document.querySelector({json.dumps(selector)})"
        self.run(f"{element}.scrollIntoView({{block: 'center'}})")
        box = self.run(f"{element}.getBoundingClientRect()")
        x, y = (round(box[start] + box[size] / 2) for start, size in (("x", "width"), ("y", "height")))
        hit = self.run(f"{element}.contains(document.elementFromPoint({x}, {y}))")
        assert hit, f"something lies over {selector}"
        mouse = [dict(type="pointerMove", x=x, y=y), dict(type="pointerDown", button=0),
                 dict(type="pointerUp", button=0)]
        if held:
            self.perform([dict(type="keyDown", value=held)])
        self.send("input.performActions", context=self.context,
                  actions=[dict(type="pointer", id="mouse", actions=mouse)])
        if held:
            self.perform([dict(type="keyUp", value=held)])

    def press(self, text: str) -> None:
        """Type keys, one after another."""
        self.perform([dict(type=kind, value=key) for key in text for kind in ("keyDown", "keyUp")])

    def perform(self, actions: list[dict]) -> None:
        """Perform actions of the keyboard."""
        self.send("input.performActions", context=self.context, actions=[dict(type="key", id="keys", actions=actions)])


def wait_until(condition, seconds: float):
    """Return the first true value of a condition; fail after some time."""
    ends = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.05)
    return value


@contextlib.contextmanager
def open_in_firefox(url: str, folder: Path, ready: str = "body"):
    """Open a page in headless Firefox; an error on the page or a dialog fails the test.

    Parameters
    ----------
    url : str
        The page.
    folder : Path
        For the profile, the log and, in `downloads`, what the page hands out.
    ready : str, default: "body"
        Selector of what is there when the page is drawn.

    Yields
    ------
    page : FirefoxPage
        Requests for local files are not among its `requests`: Firefox does not tell of them.
    """
    aiohttp = pytest.importorskip("aiohttp")
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if not program:
        pytest.skip("Firefox is not installed (Debian: firefox-esr)")
    log = Path(folder) / "firefox.log"
    process = start(program, Path(folder), log)
    loop = asyncio.new_event_loop()
    session = loop.run_until_complete(make_session(aiohttp))
    try:
        found = wait_until(lambda: re.search(r"listening on (ws://\S+)", log.read_text()), START_S)
        page = FirefoxPage(loop.run_until_complete(session.ws_connect(f"{found[1]}/session", max_msg_size=0)), loop)
        page.send("session.new", capabilities={})
        page.open(url, ready)
        yield page
        page.send("browser.close")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
    finally:
        loop.run_until_complete(session.close())
        loop.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert page.errors == [], page.errors


async def make_session(aiohttp):
    """Return a session of the running loop."""
    return aiohttp.ClientSession()


def start(program: str, folder: Path, log: Path) -> subprocess.Popen:
    """Start Firefox with a profile of its own, in a process group of its own."""
    profile = folder / "profile"
    profile.mkdir(parents=True, exist_ok=True)
    (folder / "downloads").mkdir(exist_ok=True)
    preferences = PREFERENCES | {"browser.download.dir": str(folder / "downloads")}
    (profile / "user.js").write_text("".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n"
                                             for name, value in preferences.items()))
    command = [program, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"]
    with log.open("w") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)

