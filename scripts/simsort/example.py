"""The built-in example: neurons simulated in NEURON around a Neuropixels 1.0 probe, written as a SpikeGLX session."""

import dataclasses
import datetime
import json
import os
import shutil
import warnings
from pathlib import Path

from simsort.errors import UserError
from simsort.writers.spikeglx import N_READOUT_CHANNELS, write_spikeglx

RUN_NAME = "example"
# As quick as can be: one individual of each type, a few seconds each.
CELLS = {"cell_types": ["L23_PC", "L4_SS", "L5_TTPC", "L5_STPC", "L4_LBC", "L5_NBC", "L5_MC"], "simulated_s": 4.0,
         "max_snippets": 60, "seed": 0}
DENSITY_PER_MM3 = 8000.0
RATES_HZ = (2.0, 15.0)  # of every type, so that a minute holds enough spikes of each unit
CHANNELS_PER_UNIT = 2.7  # 12 labelled units on 32 channels: about the yield of a good cortical recording
MOST_WORKERS = 4
# Nothing was recorded anywhere: the header says so in UTC, and the NWB file needs no time zone from a newcomer.
CREATED = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)


def sample_in_turns(recording):
    """Delay each channel as the probe's converters do, which take their 12 channels one after another.

    Readers mark SpikeGLX files so, and preprocessing shifts the channels back; data sampled at one time would come out
    of that misaligned.
    """
    import numpy as np
    from spikeinterface.preprocessing import phase_shift

    # Neuropixels 1.0: even and odd channels of every 24 share a converter, which spends 12 of its 13 cycles on them.
    shifts = np.arange(recording.get_num_channels()) % 24 // 2 / 13
    return phase_shift(recording, inter_sample_shift=-shifts)


def make_example(out: Path, *, duration_s: float = 60.0, n_channels: int = 32, seed: int = 0) -> Path:
    """Write the example session and its true spike trains, unless they are already there.

    Parameters
    ----------
    out : Path
        Folder that will hold `example_g0/` (the session), `ground_truth/` (a SpikeInterface sorting) and
        `example.json`.
    duration_s, n_channels, seed
        Duration, channels of the probe, seed.

    Returns
    -------
    session_folder : Path
        `<out>/example_g0`.

    Raises
    ------
    UserError
        If `out` holds an example made with other settings, or the settings are out of range.
    """
    if not 1 <= n_channels <= N_READOUT_CHANNELS:
        raise UserError(f"--n-channels was given {n_channels}", f"allowed: 1 to {N_READOUT_CHANNELS}")
    if not duration_s >= 1:
        raise UserError(f"--duration-s was given {duration_s:g}", "allowed: at least 1")
    settings = {"duration_s": float(duration_s), "n_channels": n_channels, "seed": seed, "generator": "simsort.simulation",
                "version": 3}

    def make():
        recording = simulate_example(simulate_example_cells(Path(out) / ".cells"), duration_s, n_channels, seed)
        return sample_in_turns(recording), recording.ground_truth()

    session_folder = write_session_once(Path(out), settings, make, created=CREATED)
    shutil.rmtree(Path(out) / ".cells", ignore_errors=True)
    return session_folder


def simulate_example_cells(folder: Path) -> list:
    """Simulate the example's cells into a folder, keeping those that an interrupted call has finished; return them."""
    from simsort.config.parameters import resolve
    from simsort.simulation.shards.plan import make_plan
    from simsort.simulation.shards.preparation import prepare_mechanisms
    from simsort.simulation.shards.rendering import load_cells
    from simsort.simulation.shards.simulate import print_line, simulate_cells
    from simsort.simulation.shards.store import Store

    plan = make_plan(resolve({"simulation": CELLS})["simulation"])
    store = Store(folder / plan.config_hash, plan)
    print_line(f"making the built-in example: {len(plan.models)} cells are simulated in NEURON (once, about a minute)")
    prepare_mechanisms(plan)
    simulate_cells(plan, store, plan.models, n_jobs=min(MOST_WORKERS, len(os.sched_getaffinity(0))))
    return [dataclasses.replace(cell, model={**cell.model, "rate_hz": RATES_HZ}) for cell in load_cells(plan, store)]


def simulate_example(cells: list, duration_s: float, n_channels: int, seed: int):
    """Return the lazy recording, its largest units labelled: about one for every `CHANNELS_PER_UNIT` channels."""
    from simsort.simulation.recordings.placement import PlacementSettings
    from simsort.simulation.recordings.probes import make_probe
    from simsort.simulation.recordings.recording import simulate_recording
    from simsort.simulation.recordings.settings import RecordingSettings

    probe = make_probe("neuropixels1", n_channels)
    settings = RecordingSettings(duration_s=duration_s, placement=PlacementSettings(density_per_mm3=DENSITY_PER_MM3))
    everything = simulate_recording(cells, probe, settings, seed)
    peaks_uv = sorted((unit.peak_uv for unit in everything.plan.units), reverse=True)
    n_units = min(max(2, round(n_channels / CHANNELS_PER_UNIT)), len(peaks_uv))
    return simulate_recording(cells, probe, dataclasses.replace(settings, foreground_uv=peaks_uv[n_units - 1]), seed)


def write_session_once(out: Path, settings: dict, make, **header) -> Path:
    """Write a SpikeGLX session `example_g0/`, its true spikes `ground_truth/` and `example.json`, unless they are there.

    Parameters
    ----------
    out : Path
        Folder.
    settings : dict
        What the session is made with, to be found again in `example.json`.
    make : callable
        Returns recording and sorting.
    **header
        Passed on to `simsort.writers.spikeglx.write_spikeglx`.

    Returns
    -------
    session_folder : Path
        `<out>/example_g0`.

    Raises
    ------
    UserError
        If `out` holds a session made with other settings.
    """
    out = Path(out)
    session_folder = out / f"{RUN_NAME}_g0"
    if is_complete(out, settings):
        return session_folder
    recording, sorting = make()
    # Written aside and renamed: a half-written example is never mistaken for a whole one.
    aside = out / f".{RUN_NAME}.part"
    shutil.rmtree(aside, ignore_errors=True)
    write_spikeglx(recording, aside, RUN_NAME, **header)
    with warnings.catch_warnings():  # SpikeInterface warns that spikes in memory have no provenance to save
        warnings.simplefilter("ignore", UserWarning)
        sorting.save(folder=aside / "ground_truth")
    for name in (session_folder.name, "ground_truth"):
        shutil.rmtree(out / name, ignore_errors=True)
        (aside / name).rename(out / name)
    (aside / "example.json").write_text(json.dumps(settings, indent=1) + "\n")
    (aside / "example.json").rename(out / "example.json")
    aside.rmdir()
    return session_folder


def is_complete(out: Path, settings: dict) -> bool:
    """Tell whether `out` holds a whole example made with these settings.

    Raises
    ------
    UserError
        If it holds an example made with others.
    """
    note = out / "example.json"
    if not note.is_file():
        return False
    found = json.loads(note.read_text())
    if found != settings:
        raise UserError(f"{out} holds an example made with other settings ({found})", "choose another --out folder")
    return True
