"""The plan of a recording: which cells lie where, their fields, trains, noise and drift. Made once, then read only."""

from dataclasses import dataclass

import numpy as np

from simsort.errors import UserError
from simsort.simulation.recordings import unit_fields
from simsort.simulation.recordings.adding import add_background, add_foreground, spike_displacements_um
from simsort.simulation.recordings.drift import Drift
from simsort.simulation.recordings.electronics import Electronics
from simsort.simulation.recordings.noise import NoiseGenerator, NoiseModel, default_noise
from simsort.simulation.recordings.placement import place_cells
from simsort.simulation.recordings.probes import body_of, checked_probe
from simsort.simulation.recordings.settings import RecordingSettings
from simsort.simulation.recordings.spike_trains import RATE_STREAM, SpikeTrains, draw_rate_hz
from simsort.simulation.recordings.unit_fields import BackgroundFields, Snippets, UnitField

# Samples of a block by number of channels: a block has about a million values. Powers of two would put all channels of
# a sample into the same lines of the processor's cache.
BLOCKS = ((48, 32000), (128, 16000))
SHORTEST_BLOCK = 12000
BACKGROUND_SHARE = 0.15  # contacts below this share of a background cell's peak are left out
FIELD_RADIUS_UM = 400.0  # beyond it a cell's potential is not looked at


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One placed cell.

    Parameters
    ----------
    unit_id : str
    model : dict
        Its `CellModel` as a dict.
    library : int
        Index of its library.
    position_um : tuple of 3 floats
        Centre of the soma at rest, in probe coordinates.
    rate_hz : float
        Mean firing rate that was aimed at.
    peak_uv : float
        Largest absolute value of its mean spike between 300 and 6000 Hz on any contact, at rest.
    peak_channel : int
        Channel of it, in the probe's order.
    is_background : bool
    """

    unit_id: str
    model: dict
    library: int
    position_um: tuple
    rate_hz: float
    peak_uv: float
    peak_channel: int
    is_background: bool


class SnippetChoice:
    """Chooses snippets by interspike interval; holds of the libraries only what that needs, to be small."""

    def __init__(self, libraries, library_of_unit: list[int], n_foreground: int):
        self.sources = [IntervalSource(library) for library in libraries]
        self.library_of_unit, self.n_foreground = library_of_unit, n_foreground

    def __call__(self, unit: int, times_s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        from simsort.simulation.library.assign import assign_snippets

        source = self.sources[self.library_of_unit[unit]]
        if unit >= self.n_foreground:  # only the sizes of background spikes differ: any will do
            return rng.integers(0, len(source.isi_before_ms), len(times_s))
        return assign_snippets(times_s, source, rng)


class IntervalSource:
    """The intervals around a library's snippets."""

    def __init__(self, library):
        self.isi_before_ms = np.asarray(library.isi_before_ms)
        self.isi_after_ms = np.asarray(library.isi_after_ms)


class Setup:
    """What a recording has whatever its cells: contacts, noise, electronics, drift.

    Parameters
    ----------
    probe : probeinterface.Probe
    settings : RecordingSettings
    seed : int
    noise_model : NoiseModel | None, default: None
        Noise in place of the parametric one, one channel per contact.

    Raises
    ------
    UserError
        If the probe has no positions or the noise has other channels.
    """

    def __init__(self, probe, settings: RecordingSettings, seed: int, noise_model: NoiseModel | None = None):
        self.settings, self.seed, self.probe = settings, int(seed), checked_probe(probe)
        self.contacts_um = np.asarray(probe.contact_positions, dtype=float)[:, :2]
        self.order = rendering_order(probe)
        self.noise = self.noise_generator(noise_model)
        self.electronics = Electronics(settings.electronics, self.n_channels, settings.sampling_frequency_hz, self.seed)
        self.drift = Drift(settings.drift, (self.contacts_um[:, 1].min(), self.contacts_um[:, 1].max()),
                           settings.duration_s, self.seed)

    @property
    def n_channels(self) -> int:
        """Number of contacts."""
        return len(self.contacts_um)

    @property
    def n_foreground(self) -> int:
        """Number of ground-truth units, which come first."""
        return sum(not unit.is_background for unit in self.units)

    @property
    def block_samples(self) -> int:
        """Samples that are rendered at a time."""
        return next((size for most, size in BLOCKS if self.n_channels <= most), SHORTEST_BLOCK)

    def noise_generator(self, model: NoiseModel | None) -> NoiseGenerator | None:
        """Return the noise in rendering order, None for none."""
        settings = self.settings
        if model is None:
            if settings.noise is None or settings.noise.level_uv == 0:
                return None
            model = default_noise(settings.noise, self.contacts_um, settings.sampling_frequency_hz)
        if len(model.mixing_uv) != self.n_channels:
            raise UserError(f"the noise has {len(model.mixing_uv)} channels, the probe {self.n_channels}",
                            "give noise of as many channels (NoiseModel.at_channels)")
        ordered = NoiseModel(mixing_uv=model.mixing_uv[self.order], frequencies_hz=model.frequencies_hz,
                             power=model.power)
        return NoiseGenerator(ordered, self.block_samples, settings.sampling_frequency_hz, self.seed)


class RecordingPlan(Setup):
    """Cells of libraries, their fields and spike trains, and everything else of one recording.

    Parameters
    ----------
    libraries : sequence of CellLibrary
    probe, settings, seed, noise_model
        See `Setup`.

    Raises
    ------
    UserError
        If the libraries are empty or cells overlap the probe, and for what `Setup` raises.
    """

    def __init__(self, libraries, probe, settings: RecordingSettings, seed: int, noise_model: NoiseModel | None = None):
        libraries = list(libraries)
        if not libraries:
            raise UserError("the library of cells is empty", "simulate at least one cell")
        super().__init__(probe, settings, seed, noise_model)
        placed = self.place(libraries)
        self.n_before = self.n_after = 0
        snippets = {index: Snippets(libraries[index], settings.sampling_frequency_hz)
                    for index in sorted(set(placed.models.tolist()))}
        self.units, geometries = self.make_units(libraries, snippets, placed)
        self.depths_um = np.array([unit.position_um[1] for unit in self.units])
        self.foreground = [self.unit_field(snippets[unit.library], geometry)
                           for unit, geometry in zip(self.units, geometries) if not unit.is_background]
        self.background = self.background_fields(snippets, geometries)
        self.offsets = [snippet_offsets(library, settings.sampling_frequency_hz) for library in libraries]
        self.trains = self.spike_trains(libraries)

    def place(self, libraries):
        """Place cells of the libraries around the probe."""
        return place_cells([library.model for library in libraries], self.contacts_um, body_of(self.probe),
                           self.settings.placement, seed=self.seed)

    def contacts_near(self, position_um, radius_um: float):
        """Return the contacts within a distance of a position and their places in rendering order, at least one."""
        import dataclasses

        from simsort.simulation.field.contacts import contacts_of

        contacts = contacts_of(self.probe)
        ordered = self.contacts_um[self.order]
        distances_um = np.hypot(np.linalg.norm(ordered - position_um[:2], axis=1), position_um[2])
        near = np.flatnonzero(distances_um <= max(radius_um, distances_um.min()))
        near = np.arange(near[0], near[-1] + 1)
        return dataclasses.replace(contacts, positions_um=contacts.positions_um[self.order[near]]), near

    def make_units(self, libraries, snippets: dict, placed) -> tuple[list[Unit], list]:
        """Return the units that matter, foreground first, and their placed geometries."""
        rng = np.random.default_rng([self.seed, RATE_STREAM])
        found = []
        for index, position_um, rotation in zip(placed.models, placed.positions_um, placed.rotations):
            model = dict(libraries[index].model)
            rate_hz = draw_rate_hz(model.get("rate_hz", (1.0, 10.0)), rng)
            geometry = snippets[index].geometry.placed(position_um, rotation)
            contacts, near = self.contacts_near(position_um, FIELD_RADIUS_UM)
            transfer = unit_fields.transfer_on_grid(geometry, contacts, np.zeros(1), n_points=1,
                                                    conductivity_s_per_m=self.settings.conductivity_s_per_m)
            peaks_uv = np.abs(transfer.astype(np.float32) @ snippets[index].filtered_mean_na).max(axis=1)
            if peaks_uv.max() < self.settings.background_uv:
                continue
            unit = dict(model=model, library=int(index), position_um=tuple(position_um.tolist()), rate_hz=rate_hz,
                        peak_uv=float(peaks_uv.max()), peak_channel=int(self.order[near[peaks_uv.argmax()]]),
                        is_background=bool(peaks_uv.max() < self.settings.foreground_uv))
            found.append((unit, Placed(geometry=geometry, near=near, peaks_uv=peaks_uv)))
        found.sort(key=lambda pair: pair[0]["is_background"])  # stable: each group stays sorted by depth
        return [Unit(unit_id=str(i), **unit) for i, (unit, _) in enumerate(found)], [placed for _, placed in found]

    def unit_field(self, snippets: Snippets, placed: "Placed") -> UnitField:
        """Return the modes of a foreground unit."""
        local = placed.local_channels(self, unit_fields.PEAK_SHARE)
        grid_um = unit_fields.displacement_grid(self.drift.max_displacement_um, unit_fields.GRID_STEP_UM)
        contacts = self.ordered_contacts(local)
        transfer = unit_fields.transfer_on_grid(
            placed.geometry, contacts, grid_um, n_points=self.settings.contact_points,
            conductivity_s_per_m=self.settings.conductivity_s_per_m)
        fields, mixing = unit_fields.modes_of(transfer, snippets.root, unit_fields.FOREGROUND_TOLERANCE,
                                              unit_fields.FOREGROUND_MODES)
        waves = np.matmul(mixing.T.astype(np.float32), snippets.basis_na)  # rank x q x n_samples
        coefficients, waves = unit_fields.fewer_components(snippets.coefficients, waves, unit_fields.COMPONENT_TOLERANCE)
        self.n_before = max(self.n_before, snippets.n_before)
        self.n_after = max(self.n_after, waves.shape[2] - snippets.n_before)
        return UnitField(
            first_channel=int(local[0]), grid_start_um=float(grid_um[0]), grid_step_um=step_of(grid_um),
            fields=fields.reshape(len(grid_um), len(local), -1).astype(np.float32),
            waves=waves, coefficients=coefficients, n_before=snippets.n_before)

    def background_fields(self, snippets: dict, geometries: list) -> BackgroundFields | None:
        """Return the modes of all background units, on as many contacts each; None without units."""
        chosen = [(unit, placed) for unit, placed in zip(self.units, geometries) if unit.is_background]
        if not chosen:
            return None
        locals_ = [placed.local_channels(self, BACKGROUND_SHARE) for _, placed in chosen]
        width = max(len(local) for local in locals_)
        first = np.array([min(local[0], self.n_channels - width) for local in locals_])
        grid_um = unit_fields.displacement_grid(self.drift.max_displacement_um, unit_fields.BACKGROUND_STEP_UM)
        short = {index: one.background(self.settings.sampling_frequency_hz) for index, one in snippets.items()}
        roots = {index: unit_fields.root_of(mean_na[None], np.ones(1)) for index, (mean_na, _) in short.items()}
        n_before = next(iter(short.values()))[1]
        most = unit_fields.BACKGROUND_MODES
        fields = np.zeros((len(chosen), len(grid_um), width, most), dtype=np.float32)
        waves = np.zeros((len(chosen), most, next(iter(short.values()))[0].shape[1]), dtype=np.float32)
        for row, (unit, placed) in enumerate(chosen):
            contacts = self.ordered_contacts(np.arange(first[row], first[row] + width))
            transfer = unit_fields.transfer_on_grid(placed.geometry, contacts, grid_um, n_points=1,
                                                    conductivity_s_per_m=self.settings.conductivity_s_per_m)
            places, mixing = unit_fields.modes_of(transfer, roots[unit.library], unit_fields.BACKGROUND_TOLERANCE, most)
            fields[row, :, :, : places.shape[1]] = places.reshape(len(grid_um), width, -1)
            waves[row, : places.shape[1]] = mixing.T @ short[unit.library][0]
        self.n_before, self.n_after = max(self.n_before, n_before), max(self.n_after, waves.shape[2] - n_before)
        return BackgroundFields(first_channels=first, grid_start_um=float(grid_um[0]), grid_step_um=step_of(grid_um),
                                fields=fields, waves=waves, n_before=n_before,
                                **scale_table(snippets, [unit.library for unit, _ in chosen]))

    def ordered_contacts(self, places: np.ndarray):
        """Return contacts by their places in rendering order."""
        import dataclasses

        from simsort.simulation.field.contacts import contacts_of

        contacts = contacts_of(self.probe)
        return dataclasses.replace(contacts, positions_um=contacts.positions_um[self.order[places]])

    def add_cells(self, traces_uv: np.ndarray, first_sample: int, *, background: bool = True) -> None:
        """Add the potentials of all cells to traces (n_channels, n_samples) in rendering order."""
        spikes = self.trains.between(first_sample - self.n_after, first_sample + traces_uv.shape[1] + self.n_before)
        displacements_um = spike_displacements_um(self, spikes)
        add_foreground(traces_uv, self, spikes, displacements_um, first_sample)
        if background and self.background is not None:
            add_background(traces_uv, self, spikes, displacements_um, first_sample)

    def spike_trains(self, libraries) -> SpikeTrains:
        """Return the spike trains of all units."""
        choice = SnippetChoice(libraries, [unit.library for unit in self.units], self.n_foreground)
        return SpikeTrains([unit.rate_hz for unit in self.units],
                           [float(unit.model.get("burst_probability", 0.0)) for unit in self.units],
                           self.settings.trains, choice, n_samples=self.settings.n_samples, seed=self.seed,
                           sampling_frequency_hz=self.settings.sampling_frequency_hz)


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A placed geometry, the contacts looked at (places in rendering order) and its peak on each."""

    geometry: object
    near: np.ndarray
    peaks_uv: np.ndarray

    def local_channels(self, plan: RecordingPlan, share: float) -> np.ndarray:
        """Return a run of places in rendering order: contacts near the loudest one, also after drift.

        Those that reach `share` of the peak come in wherever they are, unless the cell is a background one.
        """
        ordered = plan.contacts_um[plan.order][self.near]
        loudest_um = ordered[self.peaks_uv.argmax()]
        reach_um = plan.drift.max_displacement_um
        offset_um = np.abs(ordered - loudest_um)
        close = np.hypot(offset_um[:, 0], np.maximum(offset_um[:, 1] - reach_um, 0.0)) <= unit_fields.LOCAL_RADIUS_UM
        loud = self.peaks_uv >= share * self.peaks_uv.max()
        if share >= BACKGROUND_SHARE:
            chosen = self.near[close & loud]
        else:
            chosen = self.near[close | loud]
        if reach_um > 0 and share >= BACKGROUND_SHARE:
            low, high = ordered[close & loud, 1].min() - reach_um, ordered[close & loud, 1].max() + reach_um
            chosen = self.near[(offset_um[:, 0] <= unit_fields.LOCAL_RADIUS_UM) & (ordered[:, 1] >= low)
                               & (ordered[:, 1] <= high)]
        return np.arange(chosen.min(), chosen.max() + 1)


def scale_table(snippets: dict, library_of_unit: list[int]) -> dict:
    """Return `models` (n_units,) and `scales` (n_models, n_snippets) of `BackgroundFields`."""
    used = sorted(set(library_of_unit))
    scales = np.ones((len(used), max(len(snippets[index].scales) for index in used)), dtype=np.float32)
    for row, index in enumerate(used):
        scales[row, : len(snippets[index].scales)] = snippets[index].scales
    return {"models": np.array([used.index(index) for index in library_of_unit]), "scales": scales}


def step_of(grid_um: np.ndarray) -> float:
    """Return the distance between the points of a grid."""
    return float(grid_um[1] - grid_um[0]) if len(grid_um) > 1 else 1.0


def rendering_order(probe) -> np.ndarray:
    """Return channels sorted by shank, depth and side, so that neighbours on the probe are neighbours in memory."""
    positions = np.asarray(probe.contact_positions, dtype=float)
    shanks = np.zeros(len(positions), dtype=int)
    if probe.shank_ids is not None:
        shanks = np.unique(np.asarray(probe.shank_ids), return_inverse=True)[1]
    return np.lexsort((positions[:, 0], positions[:, 1], shanks))


def snippet_offsets(library, sampling_frequency_hz: float) -> np.ndarray:
    """Return how far (n_snippets,) behind its sample each snippet's soma crossing lies, in samples of the recording."""
    fractions = np.mod(np.asarray(library.spike_times_s) * library.sampling_frequency_hz, 1.0)
    return fractions * sampling_frequency_hz / library.sampling_frequency_hz
