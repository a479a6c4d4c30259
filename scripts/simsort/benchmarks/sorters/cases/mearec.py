"""Recordings by MEArec: its own 13 cells around a tetrode or a stretch of a Neuropixels probe, static or drifting.

Buccino & Einevoll 2021, MEArec. Everything is MEArec's default but for what stands below. It runs in an environment of
its own, as for `simsort bench simulation`.
"""

import dataclasses
from pathlib import Path

import numpy as np

from simsort.benchmarks.simulation.environments import run_peer
from simsort.benchmarks.sorters.cases.case import Case

DRIVER = Path(__file__).parent / "peers" / "mearec_case.py"
TRAVEL_UM = 20.0
# Direction in depth from the probe, across it and along it, and kind of noise, in turn by seed.
DIRECTIONS = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (0.6, 0.0, 0.8))
NOISES = (
    {"noise_mode": "distance-correlated", "noise_color": False},
    {"noise_mode": "distance-correlated", "noise_color": True},
    {"noise_mode": "uncorrelated", "noise_color": False},
)
TIMEOUT_S = 3600.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What differs between MEArec's families.

    Attributes
    ----------
    probe : str
        MEAutility's name; `Neuropixels-<n>` for any multiple of 4.
    duration_s : float
        Duration.
    n_units : int
        True units.
    n_excitatory : int
        Of them of the 4 excitatory cells; the rest is of the 9 inhibitory ones.
    n_per_cell : int
        Places of each of the 13 cells to choose from.
    drift_steps : int
        Displacements at which cells are placed.
    halves : bool
        Interpolate a template half-way between every two displacements.
    n_jitters : int
        Sub-sample positions of a spike.
    n_contacts : int
        Points over which a contact averages.
    amplitudes_uv : tuple of float
        Smallest and largest peak of a true unit, before the filter.
    min_dist_um : float
        Least distance of two units.
    noise_uv : float
        Standard deviation of the noise, before the filter.
    fs_hz : float | None
        Sampling rate; None: MEArec's 32 kHz.
    cut_out_ms : tuple of float
        Length of the templates before and after the peak.
    along_only : bool
        Drift along the probe only; else the direction changes with the seed.
    """

    probe: str
    duration_s: float
    n_units: int
    n_excitatory: int
    n_per_cell: int
    drift_steps: int = 11
    halves: bool = True
    n_jitters: int = 10
    n_contacts: int = 10
    amplitudes_uv: tuple[float, float] = (20.0, 200.0)
    min_dist_um: float = 20.0
    noise_uv: float = 10.0
    fs_hz: float | None = None
    cut_out_ms: tuple[float, float] = (2.0, 5.0)
    along_only: bool = False


TETRODE = Settings(probe="tetrode-mea-s", duration_s=300.0, n_units=12, n_excitatory=6, n_per_cell=12)
NEUROPIXELS_32 = Settings(probe="Neuropixels-32", duration_s=120.0, n_units=24, n_excitatory=12, n_per_cell=12,
                          n_contacts=1, fs_hz=30000.0, cut_out_ms=(2.0, 4.0), along_only=True)
# MEArec keeps all jittered templates of all displacements: these are 2 GB.
NEUROPIXELS_384 = Settings(probe="Neuropixels-384", duration_s=60.0, n_units=100, n_excitatory=30, n_per_cell=24,
                           n_contacts=1, fs_hz=30000.0, cut_out_ms=(2.0, 3.0), along_only=True, halves=False,
                           n_jitters=3)


def make(settings: Settings, name: str, drifting: bool, seed: int, out: Path) -> Case:
    """Make one recording; the same seed gives the same cells at the same places, static and drifting.

    Parameters
    ----------
    settings : Settings
        The family.
    name : str
        Of the case.
    drifting : bool
        Whether the probe moves 20 um, steadily.
    seed : int
        Of everything.
    out : Path
        The bench's output folder, for MEArec's environment and templates.

    Raises
    ------
    PeerUnavailable
        If MEArec cannot be installed or fails.
    """
    folder = (Path(out) / "work" / "cases" / name).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    direction = DIRECTIONS[0] if settings.along_only else DIRECTIONS[seed % len(DIRECTIONS)]
    given = dataclasses.asdict(settings) | {
        "folder": str(folder), "seed": seed, "drifting": drifting, "x_limits_um": [10.0, 80.0],
        "drift_um": [TRAVEL_UM * part for part in direction],
        "recording": NOISES[seed % len(NOISES)] | {"noise_level": settings.noise_uv}}
    versions = run_peer("mearec", str(DRIVER), given, out, timeout_s=TIMEOUT_S)
    return case_of(folder, name, {"generator": f"MEArec {versions['mearec']}", "settings": given | {"folder": ""}})


def case_of(folder: Path, name: str, facts: dict) -> Case:
    """Read what MEArec's process wrote."""
    from spikeinterface import BinaryRecordingExtractor

    truth = np.load(folder / "truth.npz", allow_pickle=False)
    positions_um, fs_hz = truth["positions_um"], float(truth["fs_hz"])
    recording = BinaryRecordingExtractor(folder / "traces.raw", fs_hz, "float32", num_channels=len(positions_um),
                                         gain_to_uV=1.0, offset_to_uV=0.0)
    recording.set_probe(probe_of(positions_um[:, 1:]))
    facts["cell_types"] = truth["cell_types"].tolist()
    return Case(name=name, recording=recording, samples=truth["samples"], labels=truth["labels"],
                templates=truth["templates"], n_before=int(truth["n_before"]), steps=truth["steps"],
                steps_hz=float(truth["steps_hz"]), facts=facts)


def probe_of(positions_um: np.ndarray):
    """Return a probe of contacts in a plane."""
    from probeinterface import Probe

    probe = Probe(ndim=2, si_units="um")
    probe.set_contacts(positions=positions_um, shapes="circle", shape_params={"radius": 4.0})
    probe.set_device_channel_indices(np.arange(len(positions_um)))
    return probe
