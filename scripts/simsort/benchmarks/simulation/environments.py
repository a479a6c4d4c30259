"""LFPy and MEArec, each in an environment of its own that the bench makes, and run in processes of their own."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from simsort.benchmarks.machine import OtherLoad

PEERS = Path(__file__).parent / "peers"
# One core each: what is compared is the work of one core.
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
                                     "NUMEXPR_NUM_THREADS")}
MADE = "requirements.sha256"
SHOWN_LINES = 3


class PeerUnavailable(Exception):
    """Why a peer cannot be measured; the table says so and the rest goes on."""


def peer_python(name: str, out: Path) -> Path:
    """Return the Python of a peer's environment, making the environment on first use.

    Parameters
    ----------
    name : "lfpy" | "mearec"
        The peer; `peers/requirements-<name>.txt` holds its packages.
    out : Path
        The bench's output folder; the environment is `envs/<name>` in it.

    Returns
    -------
    python : Path

    Raises
    ------
    PeerUnavailable
        If it cannot be made.
    """
    requirements = PEERS / f"requirements-{name}.txt"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    folder, log = Path(out) / "envs" / name, Path(out) / "envs" / f"{name}.log"
    python = folder / "bin" / "python"
    if python.exists() and (folder / MADE).is_file() and (folder / MADE).read_text() == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    print(f"simsort bench: making the environment of {name} in {folder}", flush=True)
    with log.open("w") as file:
        for command in environment_commands(folder, requirements):
            if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT).returncode:
                raise PeerUnavailable(f"cannot be installed ({last_words(log)})")
    (folder / MADE).write_text(wanted)
    return python


def environment_commands(folder: Path, requirements: Path) -> list[list[str]]:
    """Return the commands that make an environment: with uv where it is, else with Python's own venv and pip."""
    python, uv = str(folder / "bin" / "python"), shutil.which("uv")
    if uv:
        return [[uv, "venv", "--python", sys.executable, str(folder)],
                [uv, "pip", "install", "--python", python, "-r", str(requirements)]]
    return [[sys.executable, "-m", "venv", str(folder)],
            [python, "-m", "pip", "install", "--disable-pip-version-check", "-r", str(requirements)]]


def last_words(log: Path) -> str:
    """Return the end of a log as one line."""
    lines = [line.strip() for line in Path(log).read_text(errors="replace").splitlines() if line.strip()]
    return " ".join(lines[-SHOWN_LINES:])[:300] or "no message"


def run_peer(name: str, driver: str, settings: dict, out: Path, *, timeout_s: float = 1800.0) -> dict:
    """Run a driver in a peer's environment, on one thread.

    Parameters
    ----------
    name : "lfpy" | "mearec"
        The peer.
    driver : str
        File in `peers/`.
    settings : dict
        Given to the driver as JSON, with `work`, a folder of its own.
    out : Path
        The bench's output folder.
    timeout_s : float, default: 1800
        When to give up, in seconds.

    Returns
    -------
    result : dict
        What the driver found.

    Raises
    ------
    PeerUnavailable
        If the environment cannot be made, or the driver fails.
    """
    python, work = peer_python(name, out).absolute(), Path(out).absolute() / "work" / name
    work.mkdir(parents=True, exist_ok=True)
    result, log = work / "result.json", work / f"{Path(driver).stem}.log"
    result.unlink(missing_ok=True)
    # Both write below the home folder and call programs of their environment by name.
    path = f"{python.parent}:{os.environ['PATH']}"
    environment = {**clean_environment(), **ONE_THREAD, "HOME": str(work), "PATH": path}
    command = [str(python), str(PEERS / driver), json.dumps({**settings, "work": str(work)}), str(result)]
    with log.open("w") as file, OtherLoad() as other:
        try:
            status = subprocess.run(command, cwd=work, env=environment, stdin=subprocess.DEVNULL, stdout=file,
                                    stderr=subprocess.STDOUT, timeout=timeout_s).returncode
        except subprocess.TimeoutExpired:
            raise PeerUnavailable(f"not finished after {timeout_s:.0f} s") from None
    if status or not result.is_file():
        raise PeerUnavailable(f"failed ({last_words(log)})")
    return json.loads(result.read_text()) | {"other_cores": other.other_cores}


def clean_environment() -> dict[str, str]:
    """Return the environment variables without those that lead Python to this project's packages."""
    hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if name not in hidden}


def mearec_cell(name: str, out: Path) -> Path:
    """Return the folder of a cell in the MEArec package of the peer's environment.

    Raises
    ------
    PeerUnavailable
        If MEArec cannot be installed.
    """
    site_packages = peer_python("mearec", out).parents[1].glob("lib/python*/site-packages/MEArec/cell_models/bbp")
    folder = next(iter(site_packages)) / name
    if not folder.is_dir():
        raise PeerUnavailable(f"the MEArec package has no cell {name}")
    return folder
