"""Recordings with known spikes: of the project's own simulator and, as a second source, of SpikeInterface."""

import json
import shutil
from pathlib import Path

N_CHANNELS = 32
SITES_UNITS = 24
RECORDING = "recording"
# Cells down to this peak are true units: a sorter may find them, well or badly.
WEAKEST_UV = 15.0
DENSITY_PER_MM3 = 12_000.0
DRIFT_UM = 15.0
FAMILIES = {"simulator": "the project's simulator", "spikeinterface": "SpikeInterface's generator"}
KINDS = {"static": False, "drift": True}


def case_names(families: tuple[str, ...], seeds: tuple[int, ...]) -> list[str]:
    """Return the names of the cases: each family static and drifting, with each seed."""
    return [f"{family}_{kind}_seed{seed}" for seed in seeds for family in families for kind in KINDS]


def parse_name(name: str) -> tuple[str, str, int]:
    """Return family, kind and seed of a case."""
    family, kind, seed = name.split("_")
    return family, kind, int(seed.removeprefix("seed"))


def write_case(name: str, duration_s: float, out: Path) -> Path:
    """Write a case as the pipeline's stages read it.

    Parameters
    ----------
    name : str
        From `case_names`.
    duration_s : float
        Duration of the recording.
    out : Path
        Folder of the bench; simulated cells are kept in it.

    Returns
    -------
    task : Path
        Working folder with `recording/`, `truth/` (spike times at the sample the generator gives) and `job.json`.
    """
    from simsort.dispatch.jobs import portable_dict

    task = Path(out) / "work" / name
    shutil.rmtree(task, ignore_errors=True)
    task.mkdir(parents=True)
    family, kind, seed = parse_name(name)
    make = simulate if family == "simulator" else generate
    recording, truth = make(KINDS[kind], duration_s, seed, Path(out))
    recording = recording.save(folder=task / RECORDING, n_jobs=1, chunk_duration="1s", progress_bar=False,
                               verbose=False)
    truth.save(folder=task / "truth")
    job = {"recording_name": name, "session_name": name, "state": "ready", "reason": "", "fingerprint": [],
           "debug": False, "recording_dict": portable_dict(recording, task)}
    (task / "job.json").write_text(json.dumps(job))
    return task


def simulate(drifting: bool, duration_s: float, seed: int, out: Path):
    """Simulate a recording of the built-in example's cells; return it with the spikes of all cells that can be seen."""
    from simsort.example import simulate_example_cells
    from simsort.simulation.recordings.drift import DriftSettings
    from simsort.simulation.recordings.placement import PlacementSettings
    from simsort.simulation.recordings.probes import make_probe
    from simsort.simulation.recordings.recording import simulate_recording
    from simsort.simulation.recordings.settings import RecordingSettings

    drift = DriftSettings(kind="slow", amplitude_um=DRIFT_UM, period_s=2 * duration_s) if drifting else DriftSettings()
    settings = RecordingSettings(duration_s=duration_s, foreground_uv=WEAKEST_UV, drift=drift,
                                 placement=PlacementSettings(density_per_mm3=DENSITY_PER_MM3))
    recording = simulate_recording(simulate_example_cells(out / "cells"), make_probe("neuropixels1", N_CHANNELS),
                                   settings, seed)
    return recording, recording.ground_truth()


def generate(drifting: bool, duration_s: float, seed: int, out: Path):
    """Generate a recording by SpikeInterface, as the bench of the sorters does; return it with all true spikes."""
    from simsort.benchmarks.sorters.cases import drifting as generator
    from simsort.benchmarks.sorters.cases.case import sorting_of, to_int16

    settings = generator.Settings(n_sites=N_CHANNELS, duration_s=duration_s, n_units=SITES_UNITS)
    case = generator.make(settings, "", drifting, seed, out)
    return to_int16(case.recording), sorting_of(case.samples, case.labels, len(case.templates), case.fs_hz)
