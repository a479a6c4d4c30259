"""Recordings of 32 channels and about 30 labelled units from the bench's library, for the parts that render."""

import dataclasses
import shutil
from pathlib import Path

PROBE, N_CHANNELS, N_UNITS = "A1x32-Poly3", 32, 30
DRIFT_UM, NON_RIGIDITY = 20.0, 0.3
TRIES, CLOSE_ENOUGH, TRIAL_S = 6, 2, 1.0
SEED = 1


def settings_of(duration_s: float, density_per_mm3: float):
    """Return settings with all kinds of drift, default noise and background."""
    from simsort.simulation.recordings.drift import DriftSettings
    from simsort.simulation.recordings.placement import PlacementSettings
    from simsort.simulation.recordings.settings import RecordingSettings

    return RecordingSettings(duration_s=duration_s, placement=PlacementSettings(density_per_mm3=density_per_mm3),
                             drift=DriftSettings(kind="mixture", amplitude_um=DRIFT_UM, non_rigidity=NON_RIGIDITY))


def find_density(cells, probe) -> float:
    """Return a density of cells that gives 28 to 32 labelled units, or the nearest found."""
    from simsort.simulation.recordings.recording import simulate_recording

    density, tried = 20000.0, {}
    for _ in range(TRIES):
        n_units = simulate_recording(cells, probe, settings_of(TRIAL_S, density), SEED).plan.n_foreground
        tried[density] = n_units
        if abs(n_units - N_UNITS) <= CLOSE_ENOUGH:
            break
        density *= N_UNITS / max(n_units, 3)
    return min(tried, key=lambda density: abs(tried[density] - N_UNITS))


def make_recording(paths: list[str], duration_s: float, folder: str) -> dict:
    """Plan a recording, render it once for its speed and once more into a folder, on one core.

    Returns
    -------
    found : dict
        `plan_cpu_s` (placement, fields and spike trains), `stream_cpu_s` (samples only), `streamed_s`, `truth_cpu_s`
        (labels, with the noise level for their SNR), `render_cpu_s` (samples and labels written), `n_units`,
        `n_background`, `duration_s`.
    """
    from simsort.benchmarks.simulation.own_process import CoreTime
    from simsort.simulation.library.cell_library import CellLibrary
    from simsort.simulation.recordings.probes import make_probe
    from simsort.simulation.recordings.recording import simulate_recording
    from simsort.simulation.recordings.write import write_folder

    cells = [CellLibrary.load(path) for path in paths]
    probe = make_probe(PROBE, N_CHANNELS)
    density = find_density(cells, probe)
    with CoreTime() as plan:
        recording = simulate_recording(cells, probe, settings_of(duration_s, density), SEED)
    with CoreTime() as stream:
        streamed_s = stream_through(recording)
    with CoreTime() as truth:
        recording.ground_truth()
    shutil.rmtree(folder, ignore_errors=True)
    with CoreTime() as render:
        write_folder(simulate_recording(cells, probe, settings_of(duration_s, density), SEED), folder, n_jobs=1)
    shutil.rmtree(folder, ignore_errors=True)
    facts = recording.plan
    return {"plan_cpu_s": plan.cpu_s, "stream_cpu_s": stream.cpu_s, "streamed_s": streamed_s,
            "truth_cpu_s": truth.cpu_s, "render_cpu_s": max(render.cpu_s - plan.cpu_s, 0.0),
            "n_units": facts.n_foreground, "n_background": len(facts.units) - facts.n_foreground,
            "duration_s": duration_s, "n_channels": N_CHANNELS, "density_per_mm3": density, "drift": dataclasses.asdict(facts.settings.drift)}


def stream_through(recording) -> float:
    """Ask for all samples of a recording a second at a time and drop them; return how many seconds."""
    n_samples, step = recording.get_num_samples(), round(recording.sampling_frequency)
    for first in range(0, n_samples, step):
        recording.get_traces(start_frame=first, end_frame=min(first + step, n_samples))
    return n_samples / recording.sampling_frequency


def stream_only(paths: list[str], duration_s: float) -> dict:
    """Plan a recording and ask for all its samples: what is measured for memory."""
    from simsort.simulation.library.cell_library import CellLibrary
    from simsort.simulation.recordings.probes import make_probe
    from simsort.simulation.recordings.recording import simulate_recording

    cells = [CellLibrary.load(Path(path)) for path in paths]
    recording = simulate_recording(cells, make_probe(PROBE, N_CHANNELS), settings_of(duration_s, 20000.0), SEED)
    return {"streamed_s": stream_through(recording)}
