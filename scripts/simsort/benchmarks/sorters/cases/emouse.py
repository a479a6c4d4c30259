"""Real mean spikes injected into coloured noise, or into a real tetrode recording (hybrid).

The mean spikes are the 76 of Kilosort's eMouse (32 sites, 25 kHz), the real recording the locust tetrode (15 kHz, two
trials of 29 s joined). `SIMSORT_DATA` names the folder that holds both. For drift the field of a mean spike is
interpolated between the sites.
"""

import os
from pathlib import Path

import numpy as np

from simsort.benchmarks.sorters.cases import trains
from simsort.benchmarks.sorters.cases.case import Case
from simsort.benchmarks.sorters.cases.mearec import probe_of
from simsort.errors import UserError

STEPS_UM = np.linspace(-10.0, 10.0, 21)  # displacements along the probe
STEPS_HZ = 10.0
KERNEL_UM, KERNEL_POWER = 40.0, 1.5
TAPER_SAMPLES = 12
NOISE_UV = 10.0
NOISE_RANGE_UM = 60.0
DURATION_S = 120.0
N_UNITS, N_BACKGROUND = 24, 20
PEAKS_UV, BACKGROUND_PEAKS_UV = (30.0, 200.0), (8.0, 20.0)
HYBRID_UNITS, HYBRID_PEAKS_UV = 7, (40.0, 250.0)
PITCH_UM = 20.0
SQUARE_UM = PITCH_UM * np.array([[0, 0], [1, 0], [0, 1], [1, 1]], dtype=float)  # the tetrode's contacts


def data_folder(name: str) -> Path:
    """Return a folder of `SIMSORT_DATA`.

    Raises
    ------
    UserError
        If the variable is unset or the folder is not there.
    """
    root = os.environ.get("SIMSORT_DATA")
    if not root or not (Path(root) / name).is_dir():
        raise UserError(f"SIMSORT_DATA={root or ''} names no folder with {name}",
                        "set it to the folder of test recordings, or leave the emouse families out")
    return Path(root) / name


def load_waves() -> tuple[np.ndarray, np.ndarray, float]:
    """Return mean spikes of peak 1 (units x samples x sites), site positions in um, and the sampling rate."""
    from scipy.io import loadmat

    content = loadmat(data_folder("emouse_templates") / "simulation_parameters.mat")
    waves = content["waves"].transpose(2, 0, 1).astype(float)
    window = np.ones(waves.shape[1])
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(TAPER_SAMPLES) + 0.5) / TAPER_SAMPLES)
    window[:TAPER_SAMPLES], window[-TAPER_SAMPLES:] = ramp, ramp[::-1]
    waves = waves * window[:, None]
    positions_um = np.stack([content["xc"].ravel(), content["yc"].ravel()], axis=1).astype(float)
    return waves / np.abs(waves).max(axis=(1, 2), keepdims=True), positions_um, float(content["fs"].squeeze())


def moved_fields(waves: np.ndarray, sites_um: np.ndarray, wanted_um: np.ndarray) -> np.ndarray:
    """Interpolate mean spikes at other places, at every displacement: units x steps x samples x places."""
    def kernel(a, b):
        return np.exp(-(np.linalg.norm(a[:, None] - b[None], axis=-1) / KERNEL_UM) ** KERNEL_POWER)

    inverse = np.linalg.inv(kernel(sites_um, sites_um))
    # A unit that moves up by d is seen at a place as it was seen d below it.
    weights = np.stack([kernel(wanted_um - [0.0, step], sites_um) @ inverse for step in STEPS_UM])
    return np.einsum("utc,spc->ustp", waves, weights)


def ramp_steps(duration_s: float, n_units: int, drifting: bool) -> np.ndarray:
    """Return the displacement index of every unit in every bin: once through all of them, or the middle one."""
    n_bins, middle = int(duration_s * STEPS_HZ), len(STEPS_UM) // 2
    path = np.linspace(0, len(STEPS_UM) - 1e-6, n_bins).astype("int64") if drifting else np.full(n_bins, middle)
    return np.repeat(path[:, None], n_units, axis=1)


def make_in_noise(name: str, drifting: bool, seed: int, out: Path) -> Case:
    """Make one recording in coloured noise; the same seed gives the same units and spikes, static and drifting."""
    rng = np.random.default_rng([seed, 1])
    waves, sites_um, fs_hz = load_waves()
    chosen = rng.permutation(len(waves))[:N_UNITS + N_BACKGROUND]
    peaks_uv = np.exp(np.concatenate([rng.uniform(*np.log(PEAKS_UV), N_UNITS),
                                      rng.uniform(*np.log(BACKGROUND_PEAKS_UV), N_BACKGROUND)]))
    templates = moved_fields(waves[chosen], sites_um, sites_um) * peaks_uv[:, None, None, None]
    samples, labels = trains.draw_trains(rng, len(chosen), DURATION_S, fs_hz)
    steps = ramp_steps(DURATION_S, len(chosen), drifting)
    traces = trains.coloured_noise(rng, int(DURATION_S * fs_hz), sites_um, fs_hz, NOISE_UV, NOISE_RANGE_UM)
    trains.inject(rng, traces, samples, labels, templates, waves.shape[1] // 2, steps, STEPS_HZ / fs_hz)
    true = labels < N_UNITS
    return Case(name=name, recording=as_recording(traces, fs_hz, sites_um), samples=samples[true], labels=labels[true],
                templates=templates[:N_UNITS].astype("float32"), n_before=waves.shape[1] // 2, steps=steps[:, :N_UNITS],
                steps_hz=STEPS_HZ, background_samples=samples[~true], background_labels=labels[~true],
                facts={"generator": "emouse_templates in noise", "n_background": N_BACKGROUND})


def make_hybrid(name: str, drifting: bool, seed: int, out: Path) -> Case:
    """Make one recording on top of the real tetrode's; units of its own stay in it and are not known."""
    rng = np.random.default_rng([seed, 2])
    waves, sites_um, wave_hz = load_waves()
    traces, fs_hz = load_locust()
    duration_s = len(traces) / fs_hz
    templates = tetrode_templates(rng, waves, sites_um, wave_hz, fs_hz)
    n_before = templates.shape[2] // 2
    samples, labels = trains.draw_trains(rng, len(templates), duration_s, fs_hz)
    steps = ramp_steps(duration_s, len(templates), drifting)
    trains.inject(rng, traces, samples, labels, templates, n_before, steps, STEPS_HZ / fs_hz)
    return Case(name=name, recording=as_recording(traces, fs_hz, SQUARE_UM), samples=samples, labels=labels,
                templates=templates, n_before=n_before, steps=steps, steps_hz=STEPS_HZ,
                facts={"generator": "emouse_templates in locust_tetrode", "exhaustive": False})


def tetrode_templates(rng, waves: np.ndarray, sites_um: np.ndarray, wave_hz: float, fs_hz: float) -> np.ndarray:
    """Choose mean spikes, each seen by a square of contacts around its largest site, at the recording's rate."""
    from scipy.signal import resample

    chosen, templates = rng.permutation(len(waves))[:HYBRID_UNITS], []
    for unit in chosen:
        largest = sites_um[np.abs(waves[unit]).max(axis=0).argmax()]
        corner = np.array([0.0, largest[1] - PITCH_UM * rng.integers(0, 2)])
        # Somewhere among the contacts, not always on one of them.
        place = corner + SQUARE_UM + rng.uniform(-8, 8, 2)
        if rng.random() < 0.5:
            place = place[[1, 0, 3, 2]]
        templates.append(moved_fields(waves[unit][None], sites_um, place)[0])
    templates = resample(np.stack(templates), round(waves.shape[1] * fs_hz / wave_hz), axis=2)
    peaks_uv = np.exp(rng.uniform(*np.log(HYBRID_PEAKS_UV), HYBRID_UNITS))
    middle = np.abs(templates[:, len(STEPS_UM) // 2]).max(axis=(1, 2))
    return (templates * (peaks_uv / middle)[:, None, None, None]).astype("float32")


def load_locust() -> tuple[np.ndarray, float]:
    """Return the real recording, scaled to a noise of 10 uV: samples x channels, and its sampling rate."""
    from scipy.signal import butter, sosfiltfilt

    folder, fs_hz = data_folder("locust_tetrode"), 15000.0
    files = [folder / f"locust_trial_{number}.raw" for number in ("01", "02")]
    trials = [np.fromfile(file, dtype="int16").reshape(-1, 4) for file in files]
    traces = np.concatenate([trial - np.median(trial, axis=0) for trial in trials]).astype("float32")
    band = sosfiltfilt(butter(5, (300, 6000), btype="bandpass", fs=fs_hz, output="sos"), traces[:100000], axis=0)
    return traces * np.float32(NOISE_UV / (1.4826 * np.median(np.abs(band)))), fs_hz


def as_recording(traces: np.ndarray, fs_hz: float, positions_um: np.ndarray):
    """Return traces in uV as a recording with a probe."""
    from spikeinterface import NumpyRecording

    recording = NumpyRecording([traces], fs_hz)
    recording.set_channel_gains(1.0)
    recording.set_channel_offsets(0.0)
    recording.set_probe(probe_of(positions_um))
    return recording
