"""Where neurons lie around a probe: at a density, outside the shank, apart from one another, by type and layer."""

from dataclasses import dataclass

import numpy as np

from simsort.errors import UserError
from simsort.simulation.recordings.probes import ProbeBody

PLACEMENT_STREAM = 108
MAX_ROUNDS = 50
# Neurons per layer of a rat somatosensory column and its thickness in um, share of excitatory ones: Markram et al.
# 2015, Cell 163:456. Inhibitory groups: Tremblay, Lee & Rudy 2016, Neuron 91:260 (PV 40 %, SST 30 %, 5HT3a 30 %).
LAYER_NEURONS = {"L1": 338, "L2/3": 7524, "L4": 4656, "L5": 6114, "L6": 12651}
LAYER_THICKNESS_UM = {"L1": 165.0, "L2/3": 502.0, "L4": 190.0, "L5": 525.0, "L6": 700.0}
EXCITATORY_SHARE = 0.87
INHIBITORY_SHARES = {"PV": 0.40, "SST": 0.30, "VIP": 0.15, "NGC": 0.15}


@dataclass(frozen=True, kw_only=True)
class PlacementSettings:
    """Where cells are put.

    Parameters
    ----------
    density_per_mm3 : float, default: 20000.0
        Active cells per mm3. Anatomy has several times more; most are silent at any time (Shoham, O'Connor & Segev
        2006, J Comp Physiol A 192:777).
    radius_um : float, default: 150.0
        How far from the nearest contact cells are placed.
    margin_um : float, default: 12.0
        Smallest distance from the centre of a soma to the shank, a wire or a contact.
    min_distance_um : float, default: 15.0
        Smallest distance between the centres of two somata.
    surface_um : float | None, default: None
        Height y of the pia: cells are drawn of the layer they lie in. None: layers are mixed, as for a short probe.
    proportions : dict | None, default: None
        Weight of each cell type by name; None: the published proportions of the layers and classes present.
    max_tilt_deg : float, default: 15.0
        Largest tilt of the cells' axis from that of the probe; they turn about it freely.
    n_cells : int | None, default: None
        This many cells, whatever the density.
    distinct : bool, default: False
        Whether no cell of the library is used twice while there are others.
    positions_um : tuple of (x, y, z) | None, default: None
        Given positions of the somata instead of drawn ones.
    """

    density_per_mm3: float = 20000.0
    radius_um: float = 150.0
    margin_um: float = 12.0
    min_distance_um: float = 15.0
    surface_um: float | None = None
    proportions: dict | None = None
    max_tilt_deg: float = 15.0
    n_cells: int | None = None
    distinct: bool = False
    positions_um: tuple | None = None

    def __post_init__(self):
        for name, low, high in (("density_per_mm3", 1e-3, 1e6), ("radius_um", 1, 2000), ("margin_um", 0, 1000),
                                ("min_distance_um", 0, 1000), ("max_tilt_deg", 0, 180)):
            if not low <= getattr(self, name) <= high:
                raise UserError(f"placement {name} was given {getattr(self, name)}", f"allowed: {low:g} to {high:g}")
        if self.n_cells is not None and self.n_cells < 1:
            raise UserError(f"placement n_cells was given {self.n_cells}", "allowed: 1 or more")


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Placed cells: positions_um (n, 3), rotations (n, 3, 3), models (n,) index of the cell in the given list."""

    positions_um: np.ndarray
    rotations: np.ndarray
    models: np.ndarray


def place_cells(models: list[dict], contacts_um: np.ndarray, body: ProbeBody, settings: PlacementSettings, *,
                seed: int) -> Placement:
    """Place cells around a probe.

    Parameters
    ----------
    models : list of dict
        Each with `cell_type`, `layer`, `neuron_class` and `subclass`.
    contacts_um : array, (n_contacts, 2)
        Contacts in the probe's plane.
    body : ProbeBody
    settings : PlacementSettings
    seed : int

    Returns
    -------
    placement : Placement

    Raises
    ------
    UserError
        If there are no models, a given position lies in the probe, or the cells do not fit.
    """
    from simsort.simulation.field.geometry import random_rotation

    if not models:
        raise UserError("the library of cells is empty", "simulate at least one cell")
    rng = np.random.default_rng([seed, PLACEMENT_STREAM])
    contacts_um = np.column_stack([contacts_um[:, :2], np.zeros(len(contacts_um))])
    if settings.positions_um is not None:
        positions_um = check_positions(np.asarray(settings.positions_um, dtype=float), contacts_um, body, settings)
    else:
        positions_um = draw_positions_um(contacts_um, body, settings, rng)
    chosen = choose_models(models, positions_um, settings, rng)
    rotations = np.array([random_rotation(rng, max_tilt_deg=settings.max_tilt_deg) for _ in positions_um])
    return Placement(positions_um=positions_um, rotations=rotations.reshape(-1, 3, 3), models=chosen)


def check_positions(positions_um: np.ndarray, contacts_um: np.ndarray, body: ProbeBody,
                    settings: PlacementSettings) -> np.ndarray:
    """Return given positions (n, 3); raise `UserError` naming the first that lies in the probe or too near it."""
    if positions_um.ndim != 2 or positions_um.shape[1] != 3 or not np.isfinite(positions_um).all():
        raise UserError(f"positions_um have shape {positions_um.shape}", "give (x, y, z) in um for each cell")
    distances_um = clearance_um(positions_um, contacts_um, body)
    if len(positions_um) and distances_um.min() < settings.margin_um:
        index = int(distances_um.argmin())
        raise UserError(
            f"cell {index} at {tuple(positions_um[index].round(1).tolist())} um overlaps the probe "
            f"({distances_um[index]:.1f} um from it)", f"keep {settings.margin_um:g} um away or change margin_um")
    return positions_um


def clearance_um(positions_um: np.ndarray, contacts_um: np.ndarray, body: ProbeBody) -> np.ndarray:
    """Return the distance (n,) of positions to the nearest part of the probe, body or contact."""
    from scipy.spatial import cKDTree

    return np.minimum(body.distance_um(positions_um), cKDTree(contacts_um).query(positions_um)[0])


def draw_positions_um(contacts_um: np.ndarray, body: ProbeBody, settings: PlacementSettings,
                      rng: np.random.Generator) -> np.ndarray:
    """Draw positions (n, 3), sorted by depth: uniform in the allowed space, none too near another."""
    from scipy.spatial import cKDTree

    # Low and high corners of a box around the space; silicon shields what is behind it.
    low, high = contacts_um.min(axis=0) - settings.radius_um, contacts_um.max(axis=0) + settings.radius_um
    low[2] = 0.0 if body.has_back else low[2]
    tree = cKDTree(contacts_um)

    def candidates(count: int) -> np.ndarray:
        points = rng.uniform(low, high, (count, 3))
        points = points[tree.query(points)[0] <= settings.radius_um]
        return points[clearance_um(points, contacts_um, body) >= settings.margin_um]

    expected = settings.density_per_mm3 * np.prod(high - low) * 1e-9
    wanted = settings.n_cells or len(candidates(rng.poisson(expected)))
    kept = np.zeros((0, 3))
    for _ in range(MAX_ROUNDS):
        if len(kept) >= wanted:
            break
        kept = apart(candidates(max(int(expected), 8)), kept, settings.min_distance_um)[:wanted]
    if len(kept) < 0.9 * wanted:
        raise UserError(f"{wanted} cells do not fit with {settings.min_distance_um:g} um between them",
                        "lower density_per_mm3 or min_distance_um")
    kept = kept[:wanted]
    return kept[np.argsort(kept[:, 1], kind="stable")]


def apart(candidates_um: np.ndarray, kept_um: np.ndarray, min_distance_um: float) -> np.ndarray:
    """Return the kept positions and those candidates, in turn, that lie far enough from all before them."""
    from scipy.spatial import cKDTree

    everything = np.concatenate([kept_um, candidates_um])
    accepted = np.ones(len(everything), dtype=bool)
    if min_distance_um > 0 and len(everything) > 1:
        pairs = cKDTree(everything).query_pairs(min_distance_um, output_type="ndarray")
        for first, second in pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))] if len(pairs) else ():
            if accepted[first] and accepted[second]:
                accepted[second] = False  # pairs are sorted by their later member, so its fate was open until here
    return everything[accepted]


def choose_models(models: list[dict], positions_um: np.ndarray, settings: PlacementSettings,
                  rng: np.random.Generator) -> np.ndarray:
    """Draw a model index (n,) for each position by layer and published proportions."""
    weights = np.array([type_weight(model, models, settings) for model in models])
    if not weights.sum() > 0:
        raise UserError("the proportions leave no cell of the library", "give a positive weight to a type it holds")
    layers = np.array([model["layer"] for model in models])
    if settings.distinct and len(positions_um) <= np.count_nonzero(weights):
        return rng.choice(len(models), size=len(positions_um), p=weights / weights.sum(), replace=False)
    if settings.surface_um is None:
        return rng.choice(len(models), size=len(positions_um), p=weights / weights.sum())
    chosen = np.zeros(len(positions_um), dtype=int)
    for index, layer in enumerate(layers_at(positions_um[:, 1], settings.surface_um, set(layers.tolist()))):
        allowed = weights * (layers == layer)
        allowed = allowed if allowed.sum() > 0 else weights
        chosen[index] = rng.choice(len(models), p=allowed / allowed.sum())
    return chosen


def type_weight(model: dict, models: list[dict], settings: PlacementSettings) -> float:
    """Return the weight of one model: its share of the neurons, divided among the models of its layer and group."""
    if settings.proportions is not None:
        same = sum(other["cell_type"] == model["cell_type"] for other in models)
        return float(settings.proportions.get(model["cell_type"], 0.0)) / same
    groups = [(other["layer"], other["neuron_class"], other["subclass"]) for other in models]
    group = (model["layer"], model["neuron_class"], model["subclass"])
    layer_share = LAYER_NEURONS.get(model["layer"], np.mean(list(LAYER_NEURONS.values())))
    if model["neuron_class"] == "inhibitory":
        share = (1 - EXCITATORY_SHARE) * INHIBITORY_SHARES.get(model["subclass"], 0.15)
    else:
        share = EXCITATORY_SHARE
    return layer_share * share / groups.count(group)


def layers_at(depths_um: np.ndarray, surface_um: float, available: set[str]) -> list[str]:
    """Return the layer of each depth y below the pia, or the nearest layer that the library has cells of."""
    names = list(LAYER_THICKNESS_UM)
    bottoms = surface_um - np.cumsum(list(LAYER_THICKNESS_UM.values()))
    indices = np.minimum((depths_um[:, None] < bottoms).sum(axis=1), len(names) - 1)
    present = [index for index, name in enumerate(names) if name in available]
    if not present:
        return ["unknown"] * len(depths_um)
    return [names[min(present, key=lambda other: (abs(other - index), other))] for index in indices]
