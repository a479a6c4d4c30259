"""Recordings of whole membrane currents: every placed neuron runs in NEURON for the length of the recording.

Slow, and exact where snippets are an approximation: the currents between spikes are there too. Spikes, noise, drift,
electronics and ground truth have the form they have in the fast mode.
"""

from pathlib import Path

import numpy as np

from simsort.errors import UserError
from simsort.simulation.recordings import unit_fields
from simsort.simulation.recordings.noise import NoiseModel
from simsort.simulation.recordings.placement import place_cells
from simsort.simulation.recordings.plan import Setup, Unit
from simsort.simulation.recordings.probes import body_of
from simsort.simulation.recordings.settings import RecordingSettings
from simsort.simulation.recordings.spike_trains import RATE_STREAM, Spikes, draw_rate_hz

DRIVES = ("pink_noise", "conductances")
POTENTIALS = "potentials.f32"
CHUNK_S = 1.0
N_SPIKES_AVERAGED = 200
TEMPLATE_MS = (3.0, 6.0)


class GivenTrains:
    """Spike trains that are known beforehand, in the form of `SpikeTrains`."""

    n_epochs = 1

    def __init__(self, spikes: Spikes, fractions: np.ndarray):
        self.spikes, self.fractions = spikes, fractions

    def epoch(self, index: int) -> Spikes:
        """Return all spikes."""
        return self.spikes

    def between(self, start: int, end: int) -> Spikes:
        """Return the spikes with start <= sample < end."""
        return self.spikes.between(start, end)


class ContinuousPlan(Setup):
    """A recording whose cells' potentials are on disk.

    Parameters
    ----------
    probe, settings, seed, noise_model
        See `Setup`.
    units : list of Unit
    trains : GivenTrains
    potentials : Path
        float32 file (n_samples, n_channels), uV.
    """

    def __init__(self, probe, settings: RecordingSettings, seed: int, noise_model, *, units: list[Unit],
                 trains: GivenTrains, potentials: Path):
        super().__init__(probe, settings, seed, noise_model)
        self.units, self.trains, self.potentials = units, trains, Path(potentials)

    def add_cells(self, traces_uv: np.ndarray, first_sample: int, *, background: bool = True) -> None:
        """Add the potentials of all cells to traces (n_channels, n_samples) in rendering order."""
        stored = open_potentials(self.potentials, self.n_channels)[first_sample:first_sample + traces_uv.shape[1]]
        traces_uv[:, : len(stored)] += stored.T[self.order]


def open_potentials(path: Path, n_channels: int) -> np.ndarray:
    """Return a file of potentials as an array (n_samples, n_channels) that is read when used."""
    return np.memmap(path, dtype="<f4", mode="r").reshape(-1, n_channels)


def simulate_continuous(models, probe, settings: RecordingSettings, seed: int = 0, *, folder: str | Path,
                        drive: str = "pink_noise", kinetics: str = "auto", noise_model: NoiseModel | None = None):
    """Simulate a recording with the whole membrane currents of every neuron.

    Parameters
    ----------
    models : list of CellModel
        Cells to place.
    probe : probeinterface.Probe
    settings : RecordingSettings
        Its sampling rate is that of the simulation.
    seed : int, default: 0
    folder : str | Path
        New folder for the potentials, `n_samples * n_channels * 4` bytes, which the recording reads.
    drive : "pink_noise" | "conductances", default: "pink_noise"
        SimSort's current into the soma, or synaptic conductances at the type's firing rates.
    kinetics : "auto" | "nmodl" | "kschan", default: "auto"
        See `build_cell`.
    noise_model : NoiseModel | None, default: None

    Returns
    -------
    recording : SimulatedRecording

    Raises
    ------
    UserError
        If there are no cells, they overlap the probe, or a cell cannot be run.
    """
    from simsort.simulation.currents.process import in_fresh_process
    from simsort.simulation.recordings.recording import SimulatedRecording
    from simsort.simulation.recordings.write import empty_folder

    if drive not in DRIVES:
        raise UserError(f"drive was given {drive!r}", f"allowed: {', '.join(DRIVES)}")
    models = list(models)
    setup = Setup(probe, settings, seed, noise_model)
    placed = place_cells([model_dict(model) for model in models], setup.contacts_um, body_of(probe), settings.placement,
                         seed=seed)
    folder = empty_folder(folder)
    rng = np.random.default_rng([seed, RATE_STREAM])
    total = np.memmap(folder / POTENTIALS, dtype="<f4", mode="w+", shape=(settings.n_samples, setup.n_channels))
    units, times_ms = [], []
    for index, (chosen, position_um, rotation) in enumerate(zip(placed.models, placed.positions_um, placed.rotations)):
        model, rate_hz = models[chosen], draw_rate_hz(models[chosen].rate_hz, rng)
        path = folder / f"cell_{index}.f32"
        spikes_ms = in_fresh_process(project_cell, model, position_um, rotation, setup, drive, rate_hz, kinetics,
                                     [seed, index], path)
        template_uv = mean_spike_uv(path, spikes_ms, setup)
        units.append((model, int(chosen), position_um, rate_hz, template_uv))
        times_ms.append(spikes_ms)
        add_file(total, path)
        path.unlink()
    total.flush()
    order = sorted(range(len(units)), key=lambda i: peak_of(units[i][4])[0] < settings.foreground_uv)
    return SimulatedRecording(ContinuousPlan(
        probe, settings, seed, noise_model,
        units=[unit_of(number, *units[i], settings) for number, i in enumerate(order)],
        trains=given_trains([times_ms[i] for i in order], settings), potentials=folder / POTENTIALS))


def model_dict(model) -> dict:
    """Return a `CellModel` as a dict."""
    import dataclasses

    return dataclasses.asdict(model)


def project_cell(model, position_um, rotation, setup: Setup, drive: str, rate_hz: float, kinetics: str, seed: list[int],
                 path: Path) -> np.ndarray:
    """Run one cell in NEURON, write its potentials (n_samples, n_channels) float32, return its spike times in ms."""
    from simsort.simulation.cells.model import build_cell
    from simsort.simulation.currents.run import run_cell
    from simsort.simulation.currents.spikes import SpikeDetector
    from simsort.simulation.field.contacts import contacts_of

    settings = setup.settings
    dt_ms = 1000 / settings.sampling_frequency_hz
    cell = build_cell(model, kinetics=kinetics)
    geometry = cell.geometry().placed(position_um, rotation)
    grid_um = unit_fields.displacement_grid(setup.drift.max_displacement_um, unit_fields.GRID_STEP_UM)
    transfer = unit_fields.transfer_on_grid(
        geometry, contacts_of(setup.probe), grid_um, n_points=settings.contact_points,
        conductivity_s_per_m=settings.conductivity_s_per_m)
    transfer = transfer.reshape(len(grid_um), setup.n_channels, -1)
    source = make_drive(drive, cell, rate_hz, dt_ms, seed)
    detector, times_ms = SpikeDetector(cell.spike_threshold_mv, dt_ms), []
    with open(path, "wb") as file:
        for chunk in run_cell(cell, source, duration_s=settings.n_samples * dt_ms / 1000, dt_ms=dt_ms, chunk_s=CHUNK_S):
            n_samples = chunk.membrane_currents_na.shape[1]
            times_s = (chunk.first_sample + np.arange(n_samples)) * dt_ms / 1000
            displacements_um = setup.drift.displacement_um(times_s, position_um[1])
            potentials_uv = project(transfer, grid_um, chunk.membrane_currents_na, displacements_um)
            file.write(np.ascontiguousarray(potentials_uv.T, dtype="<f4").tobytes())
            times_ms.append(detector.times_ms(chunk.soma_v_mv))
    return np.concatenate(times_ms)


def make_drive(drive: str, cell, rate_hz: float, dt_ms: float, seed: list[int]):
    """Return the input of one cell."""
    from simsort.simulation.drive.conductances import Conductances, ConductanceSettings
    from simsort.simulation.drive.pink_noise import PinkNoiseCurrent
    from simsort.simulation.drive.rate import conductances_for_rate, rheobase_na
    from simsort.simulation.seeds import seed_of

    if drive == "pink_noise":
        return PinkNoiseCurrent(rheobase_na(cell, dt_ms=dt_ms), seed_of("continuous", *seed))
    found = conductances_for_rate(cell, ConductanceSettings(), rate_hz, dt_ms=dt_ms, seed=seed[0])
    return Conductances(found, seed_of("continuous", *seed))


def project(transfer: np.ndarray, grid_um: np.ndarray, currents_na: np.ndarray,
            displacements_um: np.ndarray) -> np.ndarray:
    """Return potentials (n_channels, n_samples): on the grid's displacements exact, between them linear.

    Parameters
    ----------
    transfer : array, (n_grid, n_channels, n_segments)
    grid_um : array, (n_grid,)
    currents_na : array, (n_segments, n_samples)
    displacements_um : array, (n_samples,)
    """
    if len(grid_um) == 1:
        return transfer[0] @ currents_na
    lower, fraction = unit_fields.grid_place(displacements_um, grid_um[0], grid_um[1] - grid_um[0], len(grid_um))
    potentials_uv = np.empty((transfer.shape[1], currents_na.shape[1]))
    for place in np.unique(lower):
        chosen = lower == place
        below, above = transfer[place] @ currents_na[:, chosen], transfer[place + 1] @ currents_na[:, chosen]
        potentials_uv[:, chosen] = below + fraction[chosen] * (above - below)
    return potentials_uv


def mean_spike_uv(path: Path, times_ms: np.ndarray, setup: Setup) -> np.ndarray:
    """Return the mean of a cell's first spikes (n_channels, n_samples), 300 to 6000 Hz; zeros if it has none."""
    frequency_hz = setup.settings.sampling_frequency_hz
    before, after = (int(ms / 1000 * frequency_hz) for ms in TEMPLATE_MS)
    stored = open_potentials(path, setup.n_channels)
    samples = np.floor(times_ms / 1000 * frequency_hz).astype(int)
    samples = samples[(samples >= before) & (samples < len(stored) - after)][:N_SPIKES_AVERAGED]
    if not len(samples):
        return np.zeros((setup.n_channels, before + after))
    mean = np.mean([stored[sample - before:sample + after] for sample in samples], axis=0).T
    return unit_fields.in_spike_band(mean - mean[:, :1], frequency_hz)


def peak_of(template_uv: np.ndarray) -> tuple[float, int]:
    """Return the largest absolute value of a spike (n_channels, n_samples) and its channel."""
    peaks_uv = np.abs(template_uv).max(axis=1)
    return float(peaks_uv.max()), int(peaks_uv.argmax())


def unit_of(number: int, model, library: int, position_um, rate_hz: float, template_uv: np.ndarray,
            settings: RecordingSettings) -> Unit:
    """Return the description of one unit."""
    peak_uv, channel = peak_of(template_uv)
    return Unit(unit_id=str(number), model=model_dict(model), library=library, position_um=tuple(position_um.tolist()),
                rate_hz=rate_hz, peak_uv=peak_uv, peak_channel=channel, is_background=peak_uv < settings.foreground_uv)


def given_trains(times_ms: list[np.ndarray], settings: RecordingSettings) -> GivenTrains:
    """Return spike times of all units as trains."""
    places = [times / 1000 * settings.sampling_frequency_hz for times in times_ms]
    unit = np.repeat(np.arange(len(places), dtype=np.int32), [len(place) for place in places])
    place = np.concatenate(places) if places else np.zeros(0)
    sample = np.floor(place).astype(np.int64)
    order = np.lexsort((unit, sample))
    spikes = Spikes(unit=unit[order], sample=sample[order], snippet=np.zeros(len(order), dtype=np.int32))
    return GivenTrains(spikes, (place - sample)[order])


def add_file(total: np.ndarray, path: Path) -> None:
    """Add the potentials of one cell to those of all (n_samples, n_channels), a piece at a time."""
    stored = open_potentials(path, total.shape[1])
    size = 1_000_000 // total.shape[1] + 1
    for start in range(0, len(total), size):
        total[start:start + size] += stored[start:start + size]
