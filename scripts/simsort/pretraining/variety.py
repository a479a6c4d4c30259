"""Recordings to train on: probe, units, noise, drift and sampling rate drawn anew for each."""

from dataclasses import dataclass

import numpy as np

from simsort.pretraining.training_plan import TrainingPlan
from simsort.simulation.recordings.drift import DriftSettings
from simsort.simulation.recordings.noise import NoiseSettings
from simsort.simulation.recordings.placement import PlacementSettings
from simsort.simulation.recordings.plan import RecordingPlan
from simsort.simulation.recordings.probes import make_probe
from simsort.simulation.recordings.settings import RecordingSettings
from simsort.simulation.recordings.spike_trains import EPOCH_S, N_EPOCHS_KEPT, SpikeTrainSettings

DURATION_S = EPOCH_S * N_EPOCHS_KEPT  # spike trains of a longer one would be drawn again and again
RATES_HZ = (20000.0, 24000.0, 25000.0, 30000.0, 30000.0, 30000.0, 32000.0)
STRETCH = 1.35  # largest factor by which a recording's time is stretched: cells of other species and temperatures
TRAINING_PROBES = ("tetrode", "tetrode", "neuropixels1", "neuropixels2-single", "linear", "polytrode", "A1x32-Poly3")
HELD_OUT_PROBES = ("A1x32-Poly2", "tetrode-paper")
PITCH_FACTOR = (0.6, 1.6)
MOST_CHANNELS = 24  # of a longer probe, from the tip: neighbourhoods are smaller anyway
N_LIBRARIES = 10  # different cells of a recording; each is placed many times, turned and at other distances
N_PLACED = 320
FEW_CHANNELS = 8
FOREGROUND_NOISE_LEVELS = 2.5  # units with larger peaks are told apart
MISSING_SHARE = 0.25  # of recordings lack some of their channels, as real ones do


@dataclass(frozen=True, kw_only=True)
class Situation:
    """One recording drawn at random.

    Parameters
    ----------
    plan : RecordingPlan
    probe : str
    sampling_frequency_hz : float
        At which the plan is taken to be sampled; not the plan's own, which stretches time.
    """

    plan: RecordingPlan
    probe: str
    sampling_frequency_hz: float


def draw_situation(cells, seed: int, *, probes: tuple = TRAINING_PROBES) -> Situation:
    """Draw a recording.

    Parameters
    ----------
    cells : Cells
        Or another sequence of `CellLibrary`.
    seed : int
        Decides everything.
    probes : tuple of str
        Names that `make_probe` knows.

    Returns
    -------
    Situation
    """
    rng = np.random.default_rng([seed, 211])
    name = probes[rng.integers(len(probes))]
    probe = draw_probe(name, rng)
    few = probe.get_contact_count() <= FEW_CHANNELS
    rate_hz = float(rng.choice(RATES_HZ))
    settings = draw_settings(rate_hz, rng)
    wanted = int(np.exp(rng.uniform(*np.log((4.0, 30.0) if few else (8.0, 40.0)))))
    chosen = np.sort(rng.choice(len(cells), size=min(N_LIBRARIES, len(cells)), replace=False))
    plan = TrainingPlan([cells[index] for index in chosen.tolist()], probe, settings, seed,
                        n_foreground_wanted=wanted, most_background=int(rng.integers(10, 60)))
    stretch = float(np.exp(rng.uniform(-np.log(STRETCH), np.log(STRETCH))))
    return Situation(plan=plan, probe=name, sampling_frequency_hz=rate_hz * stretch)


def draw_probe(name: str, rng: np.random.Generator):
    """Return a probe by name, with another pitch, some of its channels missing."""
    from simsort.simulation.recordings.probes import BUILDERS

    n_channels = min(MOST_CHANNELS, BUILDERS[name][1])
    probe = make_probe(name, n_channels)
    if name not in HELD_OUT_PROBES:
        probe = scaled(probe, float(np.exp(rng.uniform(*np.log(PITCH_FACTOR)))))
    if rng.random() < MISSING_SHARE:
        kept = np.flatnonzero(rng.random(n_channels) > rng.uniform(0.0, 0.3))
        if len(kept) >= 3:
            probe = probe.get_slice(kept)
            probe.set_device_channel_indices(np.arange(len(kept)))
    return probe


def draw_settings(rate_hz: float, rng: np.random.Generator) -> RecordingSettings:
    """Return noise, drift, tilt and firing of a recording."""
    noise = NoiseSettings(level_uv=float(np.exp(rng.uniform(*np.log((3.0, 12.0))))),
                          independent_fraction=float(rng.uniform(0.3, 0.95)), length_um=float(rng.uniform(20, 100)),
                          knee_hz=float(rng.uniform(200, 2000)))
    still = rng.random() < 0.3
    drift = DriftSettings(kind="none" if still else "mixture", amplitude_um=float(rng.uniform(4, 35)),
                          non_rigidity=float(rng.uniform(0, 0.5)), period_s=DURATION_S,
                          oscillation_period_s=float(rng.uniform(5, 30)), jumps_per_minute=2.0)
    placement = PlacementSettings(n_cells=N_PLACED, radius_um=float(rng.uniform(80, 120)),
                                  margin_um=float(rng.uniform(8, 14)), max_tilt_deg=float(rng.uniform(5, 60)))
    trains = SpikeTrainSettings(rate_scale=float(np.exp(rng.uniform(*np.log((1.0, 4.0))))),
                                correlation=float(rng.uniform(0, 0.6)))
    return RecordingSettings(duration_s=DURATION_S, sampling_frequency_hz=rate_hz, mode="library", drift=drift,
                             noise=noise, placement=placement, trains=trains, background_uv=0.6 * noise.level_uv,
                             contact_points=1, foreground_uv=FOREGROUND_NOISE_LEVELS * noise.level_uv)


def scaled(probe, factor: float):
    """Return a probe with its contacts farther apart, of the same size."""
    other = probe.copy()
    other._contact_positions = probe.contact_positions * factor
    return other
