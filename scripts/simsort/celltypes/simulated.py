"""Units of known kind: simulated cells placed around probes at random, with noise on their means and trains."""

from dataclasses import dataclass

import numpy as np

from simsort.celltypes.features import unit_features
from simsort.errors import UserError
from simsort.simulation.field.contacts import contacts_of
from simsort.simulation.recordings.placement import PlacementSettings, place_cells
from simsort.simulation.recordings.probes import BUILDERS, body_of, make_probe
from simsort.simulation.recordings.spike_trains import SpikeTrainSettings, draw_rate_hz, draw_train
from simsort.simulation.recordings.unit_fields import Snippets, in_spike_band, transfer_on_grid

CLASSES = {"pyramidal": "excitatory", "PV": "PV", "SST": "SST", "VIP": "VIP", "NGC": "NGC"}
PROBES = ("neuropixels1", "neuropixels1", "neuropixels2-single", "linear", "A1x32-Poly3", "tetrode")
MOST_CHANNELS = 32
CELLS_AT_A_TIME, PLACED = 6, 60
LEAST_UV = 25.0
FS = 30000.0
NOISE_UV = (4.0, 10.0)
STREAM = 310
MOST_ROUNDS = 1000
FEWEST_UNITS = 20  # of a kind: small cells are rarely large enough to be sorted


@dataclass(frozen=True, kw_only=True)
class KnownUnits:
    """Units whose kind is known.

    Parameters
    ----------
    features : array, (n, n_features)
    kind : array, (n,) str
        One of the values of `CLASSES`.
    cell : array, (n,) str
        Name of the simulated cell.
    """

    features: np.ndarray
    kind: np.ndarray
    cell: np.ndarray

    def only(self, rows) -> "KnownUnits":
        """Return some of them."""
        return KnownUnits(features=self.features[rows], kind=self.kind[rows], cell=self.cell[rows])


def draw_units(cells, n_units: int, seed: int, classes: tuple, least_uv: float = LEAST_UV) -> KnownUnits:
    """Place cells around probes until there are as many units of every kind, or for so many rounds.

    Parameters
    ----------
    cells : Cells
        Or another sequence of `CellLibrary`.
    n_units : int
        Units in all, as many of each kind.
    seed : int
    classes : tuple of str
        Kinds that are wanted.
    least_uv : float, default: 25.0
        Depth of the trough from which on a unit counts.

    Returns
    -------
    KnownUnits

    Raises
    ------
    UserError
        For one kind only, where no cell is of a kind, or where hardly any unit of a kind is large enough.
    """
    by_kind = sort_cells(cells)
    check_classes(classes, by_kind)
    each = -(-n_units // len(classes))
    found: dict[str, list] = {kind: [] for kind in classes}
    for number in range(MOST_ROUNDS):
        short = [kind for kind in classes if len(found[kind]) < each]
        if not short:
            break
        rng = np.random.default_rng([seed, number, STREAM])
        indices = [int(rng.choice(by_kind[kind])) for kind in (short * CELLS_AT_A_TIME)[:CELLS_AT_A_TIME]]
        for kind, name, features in one_probe([cells[index] for index in indices], rng, least_uv):
            if kind in found and len(found[kind]) < each:
                found[kind].append((features, name))
    for kind, its in found.items():
        if len(its) < min(each, FEWEST_UNITS):
            raise UserError(f"only {len(its)} units of {kind} reach {least_uv:g} uV", "give more cells of that kind")
    return KnownUnits(features=np.stack([features for its in found.values() for features, _ in its]),
                      kind=np.array([kind for kind, its in found.items() for _ in its]),
                      cell=np.array([name for its in found.values() for _, name in its]))


def sort_cells(cells) -> dict[str, list[int]]:
    """Return the indices of the cells of each kind."""
    by_kind: dict[str, list[int]] = {}
    for index in range(len(cells)):
        kind = CLASSES.get(cells[index].model["subclass"])
        if kind is not None:
            by_kind.setdefault(kind, []).append(index)
    return by_kind


def check_classes(classes: tuple, by_kind: dict) -> None:
    """Refuse kinds that were never simulated, and one kind alone."""
    unknown = [kind for kind in classes if kind not in CLASSES.values()]
    if unknown:
        raise UserError(f"--classes was given {unknown[0]!r}", f"allowed: any of {', '.join(CLASSES.values())}")
    missing = [kind for kind in classes if kind not in by_kind]
    if missing:
        raise UserError(f"no cell of kind {missing[0]} was simulated", f"simulate some, or give --classes of these: "
                        f"{', '.join(sorted(by_kind)) or 'none is there'}")
    if len(classes) < 2:
        raise UserError("there are cells of one kind only", "give two kinds or more to tell apart")


def one_probe(libraries: list, rng: np.random.Generator, least_uv: float = LEAST_UV):
    """Place a few cells many times around one probe; yield kind, cell and features of those that can be sorted."""
    name = PROBES[rng.integers(len(PROBES))]
    probe = make_probe(name, min(MOST_CHANNELS, BUILDERS[name][1]))
    contacts = contacts_of(probe)
    settings = PlacementSettings(n_cells=PLACED, radius_um=80.0, max_tilt_deg=float(rng.uniform(0, 60)),
                                 min_distance_um=1.0, proportions={one.model["cell_type"]: 1.0 for one in libraries})
    placed = place_cells([one.model for one in libraries], contacts.positions_um, body_of(probe), settings,
                         seed=int(rng.integers(2**31)))
    snippets = {index: Snippets(libraries[index], FS) for index in np.unique(placed.models).tolist()}
    noise_uv = rng.uniform(*NOISE_UV)
    for index, position_um, rotation in zip(placed.models.tolist(), placed.positions_um, placed.rotations):
        geometry = snippets[index].geometry.placed(position_um, rotation)
        transfer = transfer_on_grid(geometry, contacts, np.zeros(1), n_points=1, conductivity_s_per_m=0.3)
        waveform_uv = transfer.astype(np.float32) @ snippets[index].filtered_mean_na
        if -waveform_uv.min() < least_uv:
            continue
        model = libraries[index].model
        train_s, duration_s = some_train(model, rng)
        noise = in_spike_band(rng.standard_normal(waveform_uv.shape), FS)
        scale = noise_uv / noise.std() / np.sqrt(np.clip(len(train_s), 1, 500))
        features = unit_features(waveform_uv + scale * noise, contacts.positions_um[:, :2], FS,
                                 1000 * np.diff(train_s), len(train_s) / duration_s)
        if features is not None:
            yield CLASSES[model["subclass"]], model["name"], features


def some_train(model: dict, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Return a spike train of a cell's type, more or less regular, and the seconds that it was watched."""
    duration_s = float(rng.uniform(200, 1500))
    settings = SpikeTrainSettings(regularity=float(np.exp(rng.uniform(*np.log((0.8, 3.0))))))
    rate_hz = draw_rate_hz(model.get("rate_hz", (1.0, 10.0)), rng)
    return draw_train(rate_hz, duration_s, settings, float(model.get("burst_probability", 0.0)), rng), duration_s
