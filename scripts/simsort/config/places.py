"""Checks of the places a run needs: session, results folder, model, kilosort25's image. Standard library only."""

import json
import os
import shutil
from pathlib import Path

from simsort.errors import UserError
from simsort.models.shipped import SHIPPED, find_model
from simsort.whole_files import write_json


def session_identity(data_path: str) -> str:
    """Name a session by its folder or file, so that moved data is still the same session."""
    return Path(data_path).resolve().name


def check_places(run: dict) -> None:
    """Check that the data exists and that the results folder can be written and belongs to this session.

    Parameters
    ----------
    run : dict
        Global settings with `data_path` and `results_path`; each may be None.

    Raises
    ------
    UserError
        For a missing or empty data path, a results folder that cannot be written or holds another session, a model
        that cannot be used, or kilosort25 without its image.
    """
    data_path, results_path = run.get("data_path"), run.get("results_path")
    if run.get("workflow") == "pretrain":  # no session, and its results lie beside those of one
        if results_path:
            check_writable(Path(results_path))
        return
    if run.get("sorter") == "kilosort25":
        check_kilosort25(run)
    if run.get("model"):
        check_model(run["model"])
    if data_path:
        check_data_path(Path(data_path))
    if results_path:
        check_writable(Path(results_path))
    if data_path and results_path:
        claim_results_folder(Path(results_path), session_identity(data_path))


def check_model(model: str) -> None:
    """Raise unless a model can be used; stages run in other folders, so that its path has to be whole."""
    if model != SHIPPED and not Path(model).is_absolute():
        raise UserError(f"--model {model} is not a whole path", f"write {Path(model).resolve()}")
    find_model(model)


def check_kilosort25(run: dict) -> None:
    """Raise unless Kilosort 2.5, which needs MATLAB's runtime, is there: in the user's own image, or on PATH."""
    if not run.get("use_containers"):
        if shutil.which("ks2_5_compiled") is None:
            raise UserError("--sorter kilosort25 needs the compiled ks2_5_compiled on PATH", "run in containers with an "
                            "image of your own (USE_CONTAINERS=1, <container_dir>/kilosort25.sif), or use kilosort4")
        return
    folder = run.get("container_dir") or os.environ.get("EPHYS_CONTAINER_DIR") or "containers/images"
    image = Path(folder) / "kilosort25.sif"
    if not image.is_file():
        raise UserError(f"container image {image} is missing", "put your own image with ks2_5_compiled and SpikeInterface "
                        "there (MATLAB's licence keeps it out of this project), or use kilosort4")


def check_data_path(data_path: Path) -> None:
    """Raise unless the session exists, can be read and holds something."""
    if not data_path.exists():
        raise UserError(f"DATA_PATH {data_path} does not exist", "check the path, and that its disk is mounted")
    if not os.access(data_path, os.R_OK):
        raise UserError(f"DATA_PATH {data_path} cannot be read", "ask its owner for read permission")
    if data_path.is_dir() and not any(data_path.iterdir()):
        raise UserError(f"DATA_PATH {data_path} is an empty folder", "give the folder of one recording session")


def check_writable(results_path: Path) -> None:
    """Make the results folder, or raise if that or writing to it is not allowed."""
    probe = results_path / "nextflow" / f".write-test-{os.getpid()}"
    try:
        probe.parent.mkdir(parents=True, exist_ok=True)
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise UserError(f"RESULTS_PATH {results_path} cannot be written ({error.strerror})",
                        "choose a folder you may write to and that has space") from None


def claim_results_folder(results_path: Path, session: str) -> None:
    """Write down whose results the folder holds, or raise if they are another session's."""
    claim = results_path / "nextflow" / "session.json"
    if claim.is_file():
        try:
            holder = json.loads(claim.read_text())["session"]
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{claim} is damaged, as by a full disk",
                            f"remove it if {results_path} holds the results of {session!r}") from None
        if holder != session:
            raise UserError(f"RESULTS_PATH {results_path} holds the results of session {holder!r}, not of {session!r}",
                            "choose another results folder for this session")
        return
    write_json(claim, {"session": session})
