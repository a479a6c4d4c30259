"""One record per recording and stage: what ran, on what, with which result. Standard library only.

Every stage command writes `record.json` into its output folder; `collect` makes status.json and processing.json of them.
"""

import contextlib
import dataclasses
import datetime
import importlib.metadata
import json
import os
import platform
import socket
import subprocess
from pathlib import Path

from simsort import __version__
from simsort.whole_files import write_json

PACKAGES = ("spikeinterface", "numpy", "scipy", "probeinterface", "neo", "zarr", "numba", "torch", "kilosort",
            "mountainsort5", "aind-data-schema", "pynwb", "hdmf-zarr", "nwbinspector", "plotly", "neuron")
STATES = ("done", "skipped", "failed")


@dataclasses.dataclass(kw_only=True)
class Record:
    """What one stage did to one recording.

    Attributes
    ----------
    stage : str
        One of `simsort.collecting.failures.STAGES`.
    recording_name, session_name : str
        The recording as named by dispatch.
    state : "done" | "skipped" | "failed"
        Outcome; `reason` says why unless it is done.
    parameters : dict
        The settings the stage used.
    outputs : dict
        Small facts for the summary pages (counts, file names), JSON only.
    warnings : list of str
        What the user should know although the stage went on.
    """

    stage: str
    recording_name: str
    session_name: str
    state: str = "done"
    reason: str = ""
    parameters: dict = dataclasses.field(default_factory=dict)
    outputs: dict = dataclasses.field(default_factory=dict)
    warnings: list = dataclasses.field(default_factory=list)
    seed: int | None = None
    started: str = dataclasses.field(default_factory=lambda: now())
    ended: str = ""

    def write(self, folder: Path) -> Path:
        """Write `record.json` into a folder, adding end time, versions and machine; the last thing a stage does."""
        self.ended = now()
        content = dataclasses.asdict(self) | surroundings()
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "record.json", content)
        return folder / "record.json"


def now() -> str:
    """Return the time in UTC, ISO 8601."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")


def surroundings() -> dict:
    """Return versions, git commit, container image and machine of this process."""
    image = os.environ.get("APPTAINER_CONTAINER") or os.environ.get("SINGULARITY_CONTAINER")
    return {
        "simsort_version": __version__,
        "git_commit": git_commit(),
        "python": platform.python_version(),
        "packages": installed_versions(),
        "container": image,
        "container_sha256": image_checksum(image),
        "host": socket.gethostname(),
        "os": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "slurm_job_id": os.environ.get("SLURM_JOB_ID"),
        "n_cpus": len(os.sched_getaffinity(0)),
    }


def installed_versions() -> dict[str, str]:
    """Return the versions of the packages a result depends on."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def image_checksum(image: str | None) -> str | None:
    """Return an image's SHA-256 by the list that the workflow hands on, $SIMSORT_IMAGES; None where it is not in it."""
    checksums = dict(entry.split("=", 1) for entry in os.environ.get("SIMSORT_IMAGES", "").split(",") if entry)
    return checksums.get(Path(image).name) or None if image else None


def cpu_model() -> str:
    """Return the processor's own name, or its architecture."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def git_commit() -> str | None:
    """Return the commit of the checkout: from the pipeline's environment (containers have no git), else from git."""
    if os.environ.get("SIMSORT_GIT_COMMIT", "unknown") != "unknown":
        return os.environ["SIMSORT_GIT_COMMIT"]
    command = ["git", "-C", str(Path(__file__).resolve().parent), "describe", "--always", "--dirty", "--abbrev=40",
               "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def read_record(folder: Path) -> dict:
    """Read the record a stage left in its output folder."""
    return json.loads((Path(folder) / "record.json").read_text())
