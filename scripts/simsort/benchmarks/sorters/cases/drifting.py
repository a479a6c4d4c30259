"""Recordings by SpikeInterface's own generator of drifting recordings, its units weaker than by default."""

import dataclasses
from pathlib import Path

import numpy as np

from simsort.benchmarks.sorters.cases.case import Case

AMPLITUDE_STD = 0.05  # of each spike
# The default, 100 to 500 uV in noise of 6 to 8, leaves hardly a unit that is difficult.
AMPLITUDES_UV = (20.0, 200.0)
NOISE_UV = (8.0, 12.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What differs between the families.

    Attributes
    ----------
    n_sites : int
        32: SpikeInterface's probe of three columns; else as many sites of Neuropixels 1.0.
    duration_s : float
        Duration.
    n_units : int
        True units.
    """

    n_sites: int
    duration_s: float
    n_units: int


SITES_32 = Settings(n_sites=32, duration_s=120.0, n_units=24)
SITES_128 = Settings(n_sites=128, duration_s=60.0, n_units=60)
SITES_384 = Settings(n_sites=384, duration_s=60.0, n_units=150)


def make(settings: Settings, name: str, drifting: bool, seed: int, out: Path) -> Case:
    """Make one recording; the same seed gives the same units and spikes, static and drifting.

    Parameters
    ----------
    settings : Settings
        The family.
    name : str
        Of the case.
    drifting : bool
        Whether the probe goes 20 um up and down once, all units alike with even seeds, deeper ones less with odd seeds.
    seed : int
        Of everything.
    out : Path
        Not used: nothing is kept.
    """
    import spikeinterface
    from spikeinterface.generation import generate_drifting_recording

    static, moving, sorting, extra = generate_drifting_recording(
        num_units=settings.n_units, duration=settings.duration_s, seed=seed, **probe_of(settings.n_sites),
        generate_displacement_vector_kwargs=motion(settings, seed), extra_outputs=True, amplitude_std=AMPLITUDE_STD,
        generate_noise_kwargs=dict(noise_levels=NOISE_UV, spatial_decay=25.0),
        generate_templates_kwargs=dict(ms_before=1.5, ms_after=3.0, mode="ellipsoid", unit_params=dict(
            alpha=AMPLITUDES_UV, spatial_decay=(10, 45), ellipse_shrink=(0.4, 1), ellipse_angle=(0, np.pi * 2))))
    recording = moving if drifting else static
    moved = recording.drifting_templates
    spikes = sorting.to_spike_vector()
    return Case(
        name=name, recording=recording, samples=spikes["sample_index"].copy(), labels=spikes["unit_index"].copy(),
        templates=np.swapaxes(moved.templates_array_moved, 0, 1).copy(), n_before=int(moved.nbefore),
        steps=steps_of(moved.displacements, extra["unit_displacements"], drifting),
        steps_hz=extra["displacement_sampling_frequency"],
        facts={"generator": f"SpikeInterface {spikeinterface.__version__}", "settings": dataclasses.asdict(settings)})


def probe_of(n_sites: int) -> dict:
    """Return the probe as the generator takes it; its own way to a Neuropixels probe needs the network."""
    from simsort.writers.spikeglx import neuropixels_probe

    return {"probe_name": "Neuronexus-32"} if n_sites == 32 else {"probe": neuropixels_probe(n_sites)}


def motion(settings: Settings, seed: int) -> dict:
    """Return the drift: one zigzag of 20 um in the time of the recording."""
    zigzag = dict(drift_mode="zigzag", non_rigid_gradient=0.5 if seed % 2 else None, t_end_drift=None,
                  t_start_drift=0.1 * settings.duration_s, period_s=1.8 * settings.duration_s)
    return dict(displacement_sampling_frequency=5.0, drift_start_um=[0, 10], drift_stop_um=[0, -10], drift_step_um=1,
                motion_list=[zigzag])


def steps_of(displacements_um: np.ndarray, unit_displacements_um: np.ndarray, drifting: bool) -> np.ndarray:
    """Return the index of the nearest displacement of every unit in every bin of time: bins x units."""
    wanted = unit_displacements_um if drifting else np.zeros_like(unit_displacements_um)
    distances = np.linalg.norm(wanted[:, :, None] - displacements_um[None, None], axis=-1)  # bins x units x steps
    return distances.argmin(axis=-1)
