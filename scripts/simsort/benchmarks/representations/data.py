"""The recordings of the tables: to train on, and sets of ten units as hard as the published ones."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from simsort.benchmarks.representations.baselines import denoised_pca
from simsort.ceed.scores import gmm_aris
from simsort.ceed.simulated import Conditions, simulate_spikes
from simsort.ceed.spikes import LabelledSpikes
from simsort.errors import UserError
from simsort.models.ceed_form import CeedForm
from simsort.pretraining.cells import Cells

SET_UNITS, N_RANDOM_SETS = 10, 5
HARDNESS = (0.40, 0.55)  # adjusted Rand index of five denoised components, 11 channels
TESTED_SPIKES = 100  # of a unit of a set
FITS = 5  # to tell how hard a set is
MOST_TRIES = 60
TRAIN_SEED, UNSEEN_SEED, UNSEEN_UNITS = 7000, 7900, 60
NAMING_SPIKES = 200  # of a unit, of the recordings whose units all others have


@dataclass(frozen=True, kw_only=True)
class UnitSet:
    """Ten units whose spikes are to be told apart.

    Parameters
    ----------
    name : str
    names : tuple of str
        Of its units.
    seed : int
        Of the draw that found it.
    hardness : float
        What five denoised components with known K reach on 11 channels.
    snr : (float, float)
        Smallest and largest.
    channel_jitter : float
        Share of spikes that are cut around another channel than most of their unit's.
    """

    name: str
    names: tuple
    seed: int
    hardness: float
    snr: tuple
    channel_jitter: float

    def units(self, spikes: LabelledSpikes) -> np.ndarray:
        """Return the numbers of its units among those of spikes.

        Raises
        ------
        UserError
            If one of them is not there.
        """
        found = np.flatnonzero(np.isin(spikes.unit_names, self.names))
        if len(found) != len(self.names):
            raise UserError(f"{len(found)} of the {len(self.names)} units of the set {self.name!r} are in its recordings",
                            "remove representations/spikes in the output folder, which other cells or versions made")
        return found

    def describe(self) -> str:
        """Return the set in words."""
        outside = "" if self.is_as_hard() else f", outside {HARDNESS[0]:.2f} to {HARDNESS[1]:.2f}"
        return (f"{self.name}: seed {self.seed}, SNR {self.snr[0]:.1f} to {self.snr[1]:.1f}, channel jitter "
                f"{100 * self.channel_jitter:.0f} %, denoised PCA {self.hardness:.2f}{outside}")

    def is_as_hard(self) -> bool:
        """Return whether it is as hard as the published sets."""
        return HARDNESS[0] <= self.hardness <= HARDNESS[1]


class Recordings:
    """Simulated spikes, kept in a folder; made when they are asked for.

    Parameters
    ----------
    folder : Path
    cells : Cells
    held_out : Cells
        Of types that are not trained on.
    n_units : int
        Units of the recordings to train on.
    unseen_seed : int, default: 7900
        Of the unseen recording.
    """

    def __init__(self, folder: Path, cells, held_out, n_units: int, unseen_seed: int = UNSEEN_SEED):
        self.folder, self.cells, self.held_out, self.n_units = Path(folder), cells, held_out, n_units
        self.unseen_seed = unseen_seed
        self.kept: dict = {}

    def called(self, kind: str) -> str:
        """Return what the files of recordings of a kind are called by."""
        return f"unseen{self.unseen_seed}" if kind == "unseen" and self.unseen_seed != UNSEEN_SEED else kind

    def spikes(self, kind: str, n_channels: int = 11, aligned: bool = False, spikes: int = 200) -> LabelledSpikes:
        """Return the spikes of the recordings to train on (`train`) or of the unseen one (`unseen`).

        The same seeds give the same units and spikes whatever the channels and the way of cutting.
        """
        form = CeedForm(n_channels=n_channels)
        longer = "_same_units" if spikes > NAMING_SPIKES else ""  # files without it are of versions with other units
        name = f"{self.called(kind)}_{self.n_units}x{spikes}{longer}_{n_channels}{'_aligned' if aligned else ''}"
        if name not in self.kept:
            file = self.folder / f"{name}.safetensors"
            if not file.is_file():
                self.folder.mkdir(parents=True, exist_ok=True)
                print(f"simsort bench: simulating {name}", flush=True)
                self.make(kind, form, aligned, spikes).save(file)
            self.kept = {name: LabelledSpikes.load(file, form)}  # one at a time: half a GB and more
        return self.kept[name]

    def make(self, kind: str, form: CeedForm, aligned: bool, spikes: int) -> LabelledSpikes:
        """Simulate recordings."""
        seed, n_units, cells = TRAIN_SEED, self.n_units, self.cells
        if kind == "unseen":
            seed, n_units = self.unseen_seed, min(UNSEEN_UNITS, self.n_units)
            cells = Cells([*self.cells.paths, *self.held_out.paths])
        # Longer recordings for more spikes, not faster cells. In them rare spikers have enough too, which would take the
        # places of others: the units are those of the shorter ones.
        conditions = Conditions(duration_s=Conditions.duration_s * max(spikes / NAMING_SPIKES, 1.0))
        names = self.spikes(kind).unit_names if spikes > NAMING_SPIKES else None
        return simulate_spikes(cells, form, n_units=n_units if names is None else len(names), names=names,
                               spikes_per_unit=spikes + TESTED_SPIKES, seed=seed, conditions=conditions,
                               follow_spikes=not aligned)

    def sets(self) -> dict:
        """Return `{"id": [set], "ood": [set], "unseen": [six sets]}`."""
        return {kind: self.sets_of(kind) for kind in ("id", "ood", "unseen")}

    def sets_of(self, kind: str) -> list[UnitSet]:
        """Return the sets of one kind, as found on 11 channels and kept."""
        file = self.folder / f"sets_{self.called(kind)}_{self.n_units}.json"
        if not file.is_file():
            found = self.draw_sets(kind)
            file.write_text(json.dumps([asdict(one) for one in found], indent=1))
        return [UnitSet(**one | {"names": tuple(one["names"]), "snr": tuple(one["snr"])})
                for one in json.loads(file.read_text())]

    def draw_sets(self, kind: str) -> list[UnitSet]:
        """Draw the sets of one kind."""
        spikes = self.spikes("unseen" if kind == "unseen" else "train")
        scored = tested_part(spikes, np.arange(len(spikes.unit_names)), NAMING_SPIKES)
        if kind == "unseen":
            return six_sets(scored, "unseen", 2000)
        if kind == "ood":
            return [draw_set(scored, "ood", 1000, without=self.sets_of("id")[0].names)]
        return [draw_set(scored, "id", 0)]


def trained_part(spikes: LabelledSpikes, most: int) -> LabelledSpikes:
    """Return the spikes to train on: of each unit all but its last tenth to hundred."""
    return spikes.only(np.flatnonzero(order_in_unit(spikes) < n_trained(spikes, most)[spikes.unit]))


def tested_part(spikes: LabelledSpikes, units, most: int) -> LabelledSpikes:
    """Return the spikes of some units that are not trained on."""
    left = order_in_unit(spikes) - n_trained(spikes, most)[spikes.unit]
    return spikes.only(np.flatnonzero((left >= 0) & (left < TESTED_SPIKES) & np.isin(spikes.unit, units)))


def n_trained(spikes: LabelledSpikes, most: int) -> np.ndarray:
    """Return how many spikes (n_units,) of each unit are trained on: two thirds, at most so many."""
    counts = np.bincount(spikes.unit, minlength=len(spikes.unit_names))
    return np.minimum(most, counts * 2 // 3)


def order_in_unit(spikes: LabelledSpikes) -> np.ndarray:
    """Return the place (n,) of each spike among those of its unit."""
    order = np.argsort(spikes.unit, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(spikes.unit))])
    place = np.empty(len(spikes), dtype=np.int64)
    place[order] = np.arange(len(spikes)) - first[spikes.unit[order]]
    return place


def six_sets(scored: LabelledSpikes, name: str, seed: int) -> list[UnitSet]:
    """Draw sets as those of table S9: one as hard as the published ones and five random ones."""
    return [draw_set(scored, f"{name}, as hard", seed),
            *(draw_set(scored, f"{name}, random {number + 1}", seed + 1000 + 100 * number, any_hardness=True)
              for number in range(N_RANDOM_SETS))]


def draw_set(scored: LabelledSpikes, name: str, seed: int, *, without: tuple = (),
             any_hardness: bool = False) -> UnitSet:
    """Draw ten units with enough spikes until they are as hard as the published ones, or so often that it is no use.

    Parameters
    ----------
    scored : LabelledSpikes
        Those that embeddings are scored on.
    name : str
    seed : int
    without : tuple of str
        Names of units that are not drawn.
    any_hardness : bool, default: False
        Take the first.

    Returns
    -------
    UnitSet
        Where none of `MOST_TRIES` is as hard, the one that is nearest to it.

    Raises
    ------
    UserError
        If there are too few units.
    """
    counts = np.bincount(scored.unit, minlength=len(scored.unit_names))
    usable = np.flatnonzero((counts >= TESTED_SPIKES // 2) & ~np.isin(scored.unit_names, without))
    if len(usable) < SET_UNITS:
        raise UserError(f"only {len(usable)} units have {TESTED_SPIKES // 2} spikes to score", "give more --n-units")
    best = None
    for number in range(MOST_TRIES):
        units = np.sort(np.random.default_rng([seed, number]).choice(usable, SET_UNITS, replace=False))
        found = describe_set(scored, name, units, seed + number)
        middle = abs(found.hardness - np.mean(HARDNESS))
        if best is None or middle < abs(best.hardness - np.mean(HARDNESS)):
            best = found
        if any_hardness or found.is_as_hard():
            return found
    return best


def describe_set(scored: LabelledSpikes, name: str, units: np.ndarray, seed: int) -> UnitSet:
    """Measure how hard ten units are."""
    some = scored.only(np.isin(scored.unit, units))
    hardness = gmm_aris(denoised_pca(some, some, 5), some.unit, n_fits=FITS).mean()
    rows = [some.row[some.unit == unit] for unit in units]
    other = [(its != np.bincount(its).argmax()).mean() for its in rows]
    return UnitSet(name=name, names=tuple(scored.unit_names[units].tolist()), seed=seed,
                   hardness=round(float(hardness), 4),
                   snr=(float(scored.snr[units].min()), float(scored.snr[units].max())),
                   channel_jitter=float(np.mean(other)))
