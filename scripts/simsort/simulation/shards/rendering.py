"""Which recordings are to be rendered from a store of cells, and the folder of each.

    RECORDINGS/<name>/recording/, ground_truth/    as SpikeInterface's folders, or <name>_g0/ as SpikeGLX
    RECORDINGS/<name>/recording.json               written last: settings, units and checksums of every file
"""

import dataclasses
import hashlib
import json
import re
import shutil
from pathlib import Path

from simsort.errors import UserError
from simsort.simulation.shards.store import Store, sha256_of
from simsort.whole_files import write_json

NOTE = "recording.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordingJob:
    """One recording to render.

    Attributes
    ----------
    name : str
        Name of its folder: probe and number.
    probe : str
        Name of the probe, or its file.
    n_channels : int
        Channels, from the tip.
    index : int
        Number among the recordings of the same probe; with the name it makes the seed.
    """

    name: str
    probe: str
    n_channels: int
    index: int


def recording_jobs(settings: dict) -> list[RecordingJob]:
    """List the recordings that the settings of the stage `rendering` ask for.

    Raises
    ------
    UserError
        If a probe is unknown, or two have one name.
    """
    from simsort.simulation.recordings.probes import make_probe

    names = [re.sub(r"[^\w-]", "_", Path(probe).stem) for probe in settings["probes"]]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice or not names:
        raise UserError(f"--rendering.probes has {twice} twice" if twice else "--rendering.probes is empty",
                        "name each probe once; --rendering.n-recordings gives several recordings of each")
    jobs = []
    for probe, name in zip(settings["probes"], names, strict=True):
        n_channels = min(settings["n_channels"], make_probe(probe).get_contact_count())
        jobs += [RecordingJob(name=f"{name}_{index:02d}", probe=probe, n_channels=n_channels, index=index)
                 for index in range(settings["n_recordings"])]
    return jobs


def identity(job: RecordingJob, settings: dict, plan) -> str:
    """Return the hash of what decides about a recording: its settings and its cells."""
    settings = {name: value for name, value in settings.items() if name not in ("probes", "n_channels", "n_recordings")}
    content = [settings, dataclasses.asdict(job), plan.config_hash, plan.names]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def read_note(folder: Path) -> dict | None:
    """Return what was written down when a recording was finished, or None if it is not whole."""
    try:
        note = json.loads((Path(folder) / NOTE).read_text())
    except (OSError, ValueError):
        return None
    sizes = {file["path"]: file["bytes"] for file in note["files"]}
    found = {name: (Path(folder) / name).stat().st_size for name in sizes if (Path(folder) / name).is_file()}
    return note if found == sizes else None


def render_to_folder(job: RecordingJob, settings: dict, plan, store: Store, out: Path, *, n_jobs: int = 1) -> bool:
    """Render one recording, unless it is there.

    Parameters
    ----------
    job : RecordingJob
        Probe and number.
    settings : dict
        Settings of the stage `rendering`.
    plan : Plan
        The cells to place.
    store : Store
        Where they are.
    out : Path
        Folder of all recordings.
    n_jobs : int, default: 1
        Worker processes that write.

    Returns
    -------
    made : bool
        Whether it was rendered now.

    Raises
    ------
    UserError
        If a cell is missing, or the folder holds a recording of other settings.
    """
    folder, wanted = Path(out) / job.name, identity(job, settings, plan)
    note = read_note(folder)
    if note and note["identity"] == wanted:
        return False
    if note:
        raise UserError(f"{folder} holds a recording made with other settings or cells", "choose another output folder, "
                        "or remove this one")
    part = folder.with_name(f".{job.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        facts = write_recording(job, settings, plan, store, part, n_jobs)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)  # a full disk gets its room back
        raise
    note = {"name": job.name, "identity": wanted, "probe": job.probe, "n_channels": job.n_channels,
            "duration_s": settings["duration_s"], "sampling_frequency_hz": settings["sampling_frequency_hz"],
            "cells": plan.config_hash, "settings": settings, **facts, "files": list_files(part)}
    write_json(part / NOTE, note)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    return True


def recording_settings(job: RecordingJob, settings: dict):
    """Return the `RecordingSettings` of a job: those of the probe's preset with the user's settings in them."""
    from dataclasses import replace

    from simsort.simulation.recordings.noise import NoiseSettings
    from simsort.simulation.recordings.presets import PRESETS

    base = PRESETS[settings["preset"] or (job.probe if job.probe in PRESETS else "linear")].settings
    placement, noise = base.placement, None
    if settings["density_per_mm3"] is not None:
        placement = replace(placement, density_per_mm3=settings["density_per_mm3"])
    if settings["noise_level_uv"] > 0:
        noise = replace(base.noise or NoiseSettings(), level_uv=settings["noise_level_uv"])
    drift = replace(base.drift, kind=settings["drift"], amplitude_um=settings["drift_um"],
                    non_rigidity=settings["drift_non_rigidity"])
    return replace(base, duration_s=settings["duration_s"], sampling_frequency_hz=settings["sampling_frequency_hz"],
                   foreground_uv=settings["foreground_uv"], mode=settings["mode"], placement=placement, noise=noise,
                   drift=drift)


def lazy_recording(job: RecordingJob, settings: dict, plan, store: Store, scratch: Path):
    """Return the recording of a job; in continuous mode its neurons run now, and their potentials lie in `scratch`."""
    from simsort.simulation.recordings.continuous import simulate_continuous
    from simsort.simulation.recordings.probes import make_probe
    from simsort.simulation.recordings.recording import simulate_recording
    from simsort.simulation.seeds import seed_of

    seed = seed_of("recording", settings["seed"], job.name)[0]
    probe, wanted = make_probe(job.probe, job.n_channels), recording_settings(job, settings)
    if settings["mode"] == "library":
        return simulate_recording(load_cells(plan, store), probe, wanted, seed)
    return simulate_continuous(plan.models, probe, wanted, seed, folder=scratch, drive=plan.settings["drive"],
                               kinetics=plan.settings["kinetics"])


def write_recording(job: RecordingJob, settings: dict, plan, store: Store, folder: Path, n_jobs: int) -> dict:
    """Render a recording into an empty folder; return what its note says about the units."""
    from simsort.simulation.recordings.write import write_folder, write_spikeglx_session

    scratch = folder.with_name(f"{folder.name}.potentials")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        recording = lazy_recording(job, settings, plan, store, scratch)
        if settings["format"] == "spikeglx":
            write_spikeglx_session(recording, folder, job.name)
        else:
            write_folder(recording, folder, n_jobs=n_jobs)
        truth = recording.ground_truth()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    for pickled in folder.rglob("provenance.pkl"):  # SpikeInterface's copy of the whole plan, of no use to readers
        pickled.unlink()
    return {"n_units": truth.get_num_units(), "units": describe_units(truth)}


def describe_units(truth) -> list[dict]:
    """Return type, place and size of every labelled unit, as JSON."""
    names = ("cell_type", "layer", "neuron_class", "subclass", "model", "x", "y", "z", "snr", "peak_amplitude_uv",
             "firing_rate")
    rows = zip(truth.unit_ids, *(truth.get_property(name) for name in names), strict=True)
    return [dict(zip(("unit_id", *names), (value if isinstance(value, str) else round(float(value), 3) for value in row)))
            for row in ((str(unit_id), *values) for unit_id, *values in rows)]


def load_cells(plan, store: Store) -> list:
    """Load every cell of a plan.

    Raises
    ------
    UserError
        If one is missing or damaged.
    """
    from simsort.simulation.library.cell_library import CellLibrary

    unfinished = [name for name, state in store.states(plan.names).items() if state != "finished"]
    if unfinished:
        raise UserError(f"{len(unfinished)} of {len(plan.models)} cells are missing or damaged in {store.folder} "
                        f"({unfinished[0]} for one)", "run simsort simulate again with the same settings: it makes them")
    return [CellLibrary.load(store.path(name)) for name in plan.names]


def list_files(folder: Path) -> list[dict]:
    """Return path, size and checksum of every file below a folder, in the order of their paths."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return [{"path": str(path.relative_to(folder)), "bytes": path.stat().st_size, "sha256": sha256_of(path)}
            for path in files]
