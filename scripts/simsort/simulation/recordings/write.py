"""Write simulated recordings and their ground truth to disk."""

import contextlib
import csv
import gc
import warnings
from pathlib import Path

import numpy as np

from simsort.errors import UserError

DRIFT_STEP_S = 0.5
DRIFT_STEP_UM = 50.0


def write_folder(recording, folder: str | Path, *, n_jobs: int = 1, progress_bar: bool = False) -> Path:
    """Write a recording as SpikeInterface's binary folder, with its ground truth.

    Parameters
    ----------
    recording : SimulatedRecording
    folder : str | Path
        Will hold `recording/`, `ground_truth/` (sorting folder, background units left out), `units.csv` (all units)
        and, with drift, `drift.npz` (times_s, depths_um, displacement_um).
    n_jobs : int, default: 1
        Worker processes; their number does not change the bytes.
    progress_bar : bool, default: False

    Returns
    -------
    folder : Path
    """
    folder = empty_folder(folder)
    with known_objects_frozen():
        recording.save(folder=folder / "recording", format="binary", n_jobs=n_jobs,
                       chunk_size=recording.plan.block_samples, progress_bar=progress_bar, verbose=False)
    write_ground_truth(recording, folder)
    return folder


@contextlib.contextmanager
def known_objects_frozen():
    """Keep the garbage collector from what exists already: SpikeInterface calls it after each chunk, at 50 ms a time."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def write_spikeglx_session(recording, folder: str | Path, run_name: str = "simulated", *,
                           in_turns: bool = True) -> Path:
    """Write a recording of a Neuropixels 1.0 probe as a SpikeGLX session, with its ground truth.

    Parameters
    ----------
    recording : SimulatedRecording
    folder : str | Path
        Will hold `<run_name>_g0/` and the files of `write_ground_truth`.
    run_name : str, default: "simulated"
    in_turns : bool, default: True
        Delay channels as the probe's converters do; readers undo it.

    Returns
    -------
    session_folder : Path
        `<folder>/<run_name>_g0`.

    Raises
    ------
    UserError
        If the probe is another one.
    """
    from simsort.example import sample_in_turns
    from simsort.writers.spikeglx import check_positions, write_spikeglx

    try:
        check_positions(recording)
    except ValueError as error:
        raise UserError(f"SpikeGLX files are of Neuropixels 1.0 ({error})", "write a SpikeInterface folder") from error
    folder = empty_folder(folder)
    session_folder = write_spikeglx(sample_in_turns(recording) if in_turns else recording, folder, run_name)
    write_ground_truth(recording, folder)
    return session_folder


def empty_folder(folder: str | Path) -> Path:
    """Make a folder; raise `UserError` if it holds something."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is not empty", "choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_ground_truth(recording, folder: Path) -> None:
    """Write `ground_truth/`, `units.csv` and `drift.npz` into a folder."""
    with warnings.catch_warnings():  # SpikeInterface warns that spikes in memory have no provenance to save
        warnings.simplefilter("ignore", UserWarning)
        recording.ground_truth().save(folder=folder / "ground_truth")
    everything = recording.ground_truth(include_background=True)
    names = sorted(everything.get_property_keys())
    with open(folder / "units.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["unit_id", *names])
        for row, unit_id in enumerate(everything.unit_ids):
            writer.writerow([unit_id, *(everything.get_property(name)[row] for name in names)])
    if recording.plan.drift.max_displacement_um > 0:
        times_s = np.arange(0.0, recording.get_duration(), DRIFT_STEP_S)
        low, high = recording.plan.drift.depth_range_um
        depths_um = np.arange(low, high + DRIFT_STEP_UM, DRIFT_STEP_UM)
        np.savez(folder / "drift.npz", times_s=times_s, depths_um=depths_um,
                 displacement_um=recording.displacement_um(times_s[:, None], depths_um[None]))
