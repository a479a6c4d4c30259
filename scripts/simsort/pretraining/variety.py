"""Recordings to train on: probe, density, noise, drift and sampling rate drawn anew for each."""

from dataclasses import dataclass, replace

import numpy as np

from simsort.simulation.recordings.drift import DriftSettings
from simsort.simulation.recordings.noise import NoiseSettings
from simsort.simulation.recordings.placement import PlacementSettings
from simsort.simulation.recordings.plan import RecordingPlan
from simsort.simulation.recordings.presets import PRESETS
from simsort.simulation.recordings.probes import make_probe
from simsort.simulation.recordings.spike_trains import SpikeTrainSettings

DURATION_S = 1200.0  # nothing is made before it is asked for
RATES_HZ = (20000.0, 24000.0, 25000.0, 30000.0, 30000.0, 30000.0, 32000.0)
TRAINING_PROBES = ("tetrode", "tetrode", "neuropixels1", "neuropixels2-single", "linear", "polytrode", "A1x32-Poly3")
HELD_OUT_PROBES = ("A1x32-Poly2", "tetrode-paper")


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


STRETCH = 1.35  # largest factor by which a recording's time is stretched: cells of other species and temperatures


def draw_situation(libraries, seed: int, *, probes: tuple = TRAINING_PROBES, most_channels: int = 24) -> Situation:
    """Draw a recording.

    Parameters
    ----------
    libraries : sequence of CellLibrary
        The cells to place.
    seed : int
        Decides everything.
    probes : tuple of str
        Names that `make_probe` knows.
    most_channels : int, default: 24
        Channels of a longer probe, from the tip: neighbourhoods are smaller anyway.

    Returns
    -------
    Situation
    """
    rng = np.random.default_rng([seed, 211])
    name = probes[rng.integers(len(probes))]
    n_channels = min(most_channels, make_probe(name).get_contact_count())
    probe = make_probe(name, n_channels)
    if name == "tetrode":
        probe = scaled(probe, rng.uniform(0.5, 1.6))
    fs = float(rng.choice(RATES_HZ))
    settings = PRESETS[name if name in PRESETS and name != "tetrode-paper" else "linear"].settings
    still = rng.random() < 0.3
    drift = DriftSettings(kind="none" if still else "mixture", amplitude_um=float(rng.uniform(4, 35)),
                          non_rigidity=float(rng.uniform(0, 0.5)), period_s=600.0)
    noise = NoiseSettings(level_uv=float(np.exp(rng.uniform(np.log(3.0), np.log(12.0)))),
                          independent_fraction=float(rng.uniform(0.3, 0.95)), length_um=float(rng.uniform(20, 100)),
                          knee_hz=float(rng.uniform(200, 2000)))
    few = n_channels <= 8
    placement = PlacementSettings(density_per_mm3=float(np.exp(rng.uniform(np.log(8e3), np.log(6e4 if few else 3e4)))),
                                  radius_um=120.0, margin_um=float(rng.uniform(8, 14)),
                                  max_tilt_deg=float(rng.uniform(5, 60)))
    trains = SpikeTrainSettings(rate_scale=float(np.exp(rng.uniform(np.log(0.8), np.log(2.5)))),
                                correlation=float(rng.uniform(0, 0.6)))
    settings = replace(settings, duration_s=DURATION_S, sampling_frequency_hz=fs, mode="library", drift=drift,
                       noise=noise, placement=placement, trains=trains, background_uv=3.0, contact_points=2,
                       foreground_uv=2.5 * noise.level_uv)
    stretch = float(np.exp(rng.uniform(-np.log(STRETCH), np.log(STRETCH))))
    return Situation(plan=RecordingPlan(libraries, probe, settings, seed), probe=name,
                     sampling_frequency_hz=round(fs * stretch))


def scaled(probe, factor: float):
    """Return a probe with its contacts farther apart, of the same size."""
    other = probe.copy()
    other._contact_positions = probe.contact_positions * factor
    return other
