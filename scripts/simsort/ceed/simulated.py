"""Labelled spikes of simulated recordings, drawn until there are as many units as asked for."""

from dataclasses import dataclass

import numpy as np

from simsort.ceed.extract import spikes_of
from simsort.ceed.spikes import LabelledSpikes, joined
from simsort.errors import UserError
from simsort.models.ceed_form import CeedForm
from simsort.simulation.recordings.drift import DriftSettings
from simsort.simulation.recordings.noise import NoiseSettings
from simsort.simulation.recordings.placement import PlacementSettings
from simsort.simulation.recordings.probes import make_probe
from simsort.simulation.recordings.recording import simulate_recording
from simsort.simulation.recordings.settings import RecordingSettings
from simsort.simulation.recordings.spike_trains import SpikeTrainSettings

LIBRARIES_AT_A_TIME = 12
MOST_CHANNELS = 48
FEWEST_SPIKES = 20  # of a unit; one of fewer is left out
MOST_RECORDINGS = 200
CELL_STREAM = 303


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What simulated recordings are like.

    Parameters
    ----------
    probe : str, default: "neuropixels1"
        That `make_probe` knows.
    duration_s : float, default: 40.0
    rate_scale : float, default: 4.0
        Factor on the cells' firing rates, so that rare spikers give enough spikes.
    foreground_uv : float, default: 25.0
        Least peak of a unit.
    noise_uv : (float, float), default: (5.0, 9.0)
        Range of the noise level of a recording.
    density_per_mm3 : float, default: 20000.0
    max_tilt_deg : float, default: 30.0
    drift_um : float, default: 0.0
        Amplitude of a slow drift.
    """

    probe: str = "neuropixels1"
    duration_s: float = 40.0
    rate_scale: float = 4.0
    foreground_uv: float = 25.0
    noise_uv: tuple = (5.0, 9.0)
    density_per_mm3: float = 20000.0
    max_tilt_deg: float = 30.0
    drift_um: float = 0.0


def simulate_spikes(cells, form: CeedForm, *, n_units: int, spikes_per_unit: int, seed: int,
                    conditions: Conditions = Conditions(), follow_spikes: bool = True, names=None,
                    say=None) -> LabelledSpikes:
    """Simulate recordings until they hold so many units, and cut their spikes.

    Parameters
    ----------
    cells : Cells
        Or another sequence of `CellLibrary`.
    form : CeedForm
    n_units : int
    spikes_per_unit : int
        Most spikes of a unit; one with fewer than `FEWEST_SPIKES` does not count.
    seed : int
        Decides everything.
    conditions : Conditions
    follow_spikes : bool, default: True
        See `spikes_of`.
    names : array of str | None, default: None
        The units to take, as named in recordings of the same seed and another duration; None: the first `n_units` with
        enough spikes.
    say : callable | None
        Is called with a line of progress.

    Returns
    -------
    LabelledSpikes
        Units are named `<recording>/<cell>/<number>`.

    Raises
    ------
    UserError
        If recordings hold too few units under these conditions.
    """
    parts, found = [], 0
    for number in range(MOST_RECORDINGS):
        part = one_recording(cells, form, np.random.SeedSequence([seed, number]).generate_state(1)[0] >> 1, conditions,
                             spikes_per_unit, follow_spikes, prefix=f"{number}/")
        part = with_enough(part, n_units - found, names)
        if part is not None:
            parts.append(part)
            found += len(part.unit_names)
        if say:
            say(f"{found} of {n_units} units from {number + 1} recordings")
        if found >= n_units:
            return joined(parts)
    raise UserError(f"{MOST_RECORDINGS} simulated recordings hold {found} units with {FEWEST_SPIKES} spikes, not "
                    f"{n_units}", "ask for fewer units, or give other cells")


def one_recording(cells, form: CeedForm, seed: int, conditions: Conditions, spikes_per_unit: int, follow_spikes: bool,
                  prefix: str) -> LabelledSpikes | None:
    """Simulate one recording and cut its spikes; None where it has no units."""
    rng = np.random.default_rng([seed, CELL_STREAM])
    chosen = np.sort(rng.choice(len(cells), size=min(LIBRARIES_AT_A_TIME, len(cells)), replace=False))
    recording = simulate_recording([cells[index] for index in chosen.tolist()], probe_of(conditions.probe),
                                   settings_of(conditions, rng), int(seed))
    truth = recording.ground_truth()
    if not len(truth.unit_ids):
        return None
    main = dict(zip(truth.unit_ids, truth.get_property("peak_channel").tolist()))
    truth = truth.rename_units([f"{name}/{unit}" for name, unit in zip(truth.get_property("model"), truth.unit_ids)])
    main = dict(zip(truth.unit_ids, main.values()))
    return spikes_of(recording, truth, main, form, spikes_per_unit=spikes_per_unit, seed=int(seed),
                     follow_spikes=follow_spikes, prefix=prefix)


def probe_of(name: str):
    """Return a probe, of a long one the part at its tip."""
    from simsort.simulation.recordings.probes import BUILDERS

    return make_probe(name, min(MOST_CHANNELS, BUILDERS[name][1])) if name in BUILDERS else make_probe(name)


def settings_of(conditions: Conditions, rng: np.random.Generator) -> RecordingSettings:
    """Draw the noise of a recording; the rest is given."""
    noise = NoiseSettings(level_uv=float(rng.uniform(*conditions.noise_uv)),
                          independent_fraction=float(rng.uniform(0.4, 0.8)))
    drift = DriftSettings(kind="slow", amplitude_um=conditions.drift_um, period_s=2 * conditions.duration_s) \
        if conditions.drift_um else DriftSettings()
    return RecordingSettings(
        duration_s=conditions.duration_s, foreground_uv=conditions.foreground_uv, noise=noise, drift=drift,
        contact_points=1, trains=SpikeTrainSettings(rate_scale=conditions.rate_scale),
        placement=PlacementSettings(density_per_mm3=conditions.density_per_mm3, max_tilt_deg=conditions.max_tilt_deg))


def with_enough(spikes: LabelledSpikes | None, most_units: int, names=None) -> LabelledSpikes | None:
    """Return the spikes of at most so many units, numbered anew: those of these names, or all but those with few."""
    from dataclasses import replace

    if spikes is None:
        return None
    enough = np.bincount(spikes.unit, minlength=len(spikes.unit_names)) >= FEWEST_SPIKES
    kept = np.flatnonzero(enough if names is None else np.isin(spikes.unit_names, names))[:most_units]
    if not len(kept):
        return None
    some = spikes.only(np.isin(spikes.unit, kept))
    return replace(some, unit=np.searchsorted(kept, some.unit), unit_names=spikes.unit_names[kept],
                   snr=spikes.snr[kept])
