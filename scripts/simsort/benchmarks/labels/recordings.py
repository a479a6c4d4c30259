"""Simulated recordings of many kinds, sorted: the units from which labels are learned, and the truth of each."""

from pathlib import Path

import numpy as np

from simsort.benchmarks.labels.artefacts import add_artefacts
from simsort.simulation.recordings.drift import DriftSettings
from simsort.simulation.recordings.noise import NoiseSettings
from simsort.simulation.recordings.placement import PlacementSettings
from simsort.simulation.recordings.probes import make_probe
from simsort.simulation.recordings.recording import simulate_recording
from simsort.simulation.recordings.settings import RecordingSettings
from simsort.simulation.recordings.spike_trains import SpikeTrainSettings

PROBES = ("neuropixels1", "linear", "neuropixels2-single", "A1x32-Poly3", "polytrode", "neuropixels1", "tetrode")
MOST_CHANNELS = 16
IN_ONE_PROCESS = dict(n_jobs=1, chunk_duration="20s", progress_bar=False, verbose=False)  # each chunk costs 0.2 s
DURATIONS_S = (60.0, 240.0)
LEVELS_UV = (4.0, 10.0)
KNEES_HZ = (1000.0, 8000.0)  # up to noise so coloured that what crosses a threshold has the width of a spike
N_LIBRARIES = 12  # different cells of a recording
SORTERS = ("mountainsort5", "spykingcircus2", "tridesclous2")  # of other authors, and quick on few channels


def draw_recording(cells, seed: int):
    """Draw a recording: probe, duration, noise, drift, density and artefacts at random.

    Parameters
    ----------
    cells : sequence of CellLibrary
        Of which some are placed.
    seed : int
        Decides everything.

    Returns
    -------
    recording : SimulatedRecording
        Without the artefacts.
    level_uv : float
        Its noise.
    """
    rng = np.random.default_rng([seed, 509])
    duration_s = float(np.exp(rng.uniform(*np.log(DURATIONS_S))))
    name = PROBES[rng.integers(len(PROBES))]
    probe = make_probe(name, min(MOST_CHANNELS, make_probe(name).get_contact_count()))
    level_uv = float(np.exp(rng.uniform(*np.log(LEVELS_UV))))
    still = rng.random() < 0.5
    settings = RecordingSettings(
        duration_s=duration_s, foreground_uv=4 * level_uv, background_uv=0.5 * level_uv,
        noise=NoiseSettings(level_uv=level_uv, independent_fraction=float(rng.uniform(0.3, 0.9)),
                            knee_hz=float(np.exp(rng.uniform(*np.log(KNEES_HZ))))),
        drift=DriftSettings(kind="none" if still else "mixture", amplitude_um=float(rng.uniform(4, 20))),
        placement=PlacementSettings(density_per_mm3=float(np.exp(rng.uniform(*np.log((5000, 20000))))),
                                    radius_um=100.0), contact_points=1,
        trains=SpikeTrainSettings(rate_scale=float(np.exp(rng.uniform(*np.log((1.0, 4.0)))))))
    chosen = np.sort(rng.choice(len(cells), size=min(N_LIBRARIES, len(cells)), replace=False))
    return simulate_recording([cells[index] for index in chosen.tolist()], probe, settings, seed), level_uv


def write_filtered(recording, level_uv: float, seed: int, folder: Path):
    """Add artefacts and write a recording as the preprocessing stage hands it on: filtered, referenced, 16 bit.

    Returns
    -------
    recording : BaseRecording
    artefacts : list of np.ndarray
        See `add_artefacts`.
    """
    import spikeinterface.full as si

    recording, artefacts = add_artefacts(recording, seed, level_uv)
    raw = recording.save(folder=folder / "raw", **IN_ONE_PROCESS)
    filtered = si.highpass_filter(raw, freq_min=300.0)
    if recording.get_num_channels() > 4:
        filtered = si.common_reference(filtered, reference="global", operator="median")
    return filtered.save(folder=folder / "filtered", **IN_ONE_PROCESS), artefacts


def sort(recording, name: str, folder: Path, seed: int):
    """Sort a filtered recording; return its units."""
    import spikeinterface.full as si

    from simsort.sorting.sort import sort_recording
    from simsort.workers import job_kwargs

    options = {"sorter_params": {}, "seed": seed, "min_drift_channels": 1000, "skip_motion_correction": True}
    sort_recording(recording, name, options, folder, job_kwargs(1))
    return si.load(folder / "sorting")
