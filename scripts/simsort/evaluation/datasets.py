"""Published recordings with known spikes, read from the user's own copy.

Where no list of the units that others scored was published, every unit with SNR >= 3 is asked for. How many units others
kept is said beside it.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from simsort.errors import UserError
from simsort.evaluation import layouts
from simsort.evaluation.folders import existing

# The units that SimSort scored: SimSortTool/SimSort-Tetrode, model/benchmark/HYBRID_JANELIA/get_unitID.py, commit d4d37512.
ONE = (1, 7, 13, 20, 21, 25, 52, 56, 62, 63, 68)
TWO_STATIC = (12, 14, 19, 30, 32, 42, 57, 60, 65, 66, 69, 70, 71, 72, 73)
TWO = (12, 14, 19, 30, 32, 42, 54, 57, 60, 65, 66, 69, 70, 73)
TWO_LONG = (19, 30, 32, 42, 57, 60, 65, 66, 69, 70, 72, 73)
THREE = (18, 23, 26, 27, 29, 31, 34, 35, 36, 37, 49, 55, 61, 64)
THREE_LONG = (18, 23, 26, 27, 28, 31, 35, 36, 37, 49, 55, 61, 64)
JANELIA = {"rec_4c_600s_11": ONE, "rec_4c_600s_12": ONE, "static_tetrode/rec_4c_600s_21": TWO_STATIC,
           "drift_tetrode/rec_4c_600s_21": TWO, "rec_4c_600s_22": TWO, "rec_4c_600s_31": THREE, "rec_4c_600s_32": THREE,
           "rec_4c_1200s_11": ONE, "rec_4c_1200s_21": TWO_LONG, "rec_4c_1200s_31": THREE_LONG}
NO_LIST = "no list of units is known: every unit with SNR >= 3 counts"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dataset:
    """A published set of recordings.

    Attributes
    ----------
    what : str
        What it is.
    readers : tuple of callable
        Each `reader(folder)` returns a recording and its true units, or None if the folder does not have its layout.
    names : tuple of str
        Names of the recordings that count, as a part of the folder's or file's name; empty: all.
    kept : mapping
        How many units others kept, by a part of the name.
    units : mapping
        Published lists of unit ids by a part of the name.
    limit : int | None
        Only the first recordings, in the order of their names.
    note : str
        What must be known to read the scores.
    """

    what: str
    readers: tuple[Callable, ...]
    names: tuple[str, ...] = ()
    kept: dict = dataclasses.field(default_factory=dict)
    units: dict = dataclasses.field(default_factory=dict)
    limit: int | None = None
    note: str = NO_LIST


DATASETS = {
    "hybrid_janelia": Dataset(
        what="SpikeForest HYBRID_JANELIA, tetrode, static and drift", readers=(layouts.read_folders, layouts.read_mda),
        names=tuple(name.rpartition("/")[2] for name in JANELIA), units=JANELIA,
        note=f"{NO_LIST}, as SimSort's lists for rec_4c_600s_21 differ: keep it in a folder static_tetrode or drift_tetrode"),
    "hc1": Dataset(
        what="CRCNS hc-1, tetrode with one cell recorded inside", readers=(layouts.read_folders, layouts.read_mda),
        names=("d11221.001", "d11221.002", "d11222.001", "d11222.002"), kept={"d1122": "1"}),
    "waveclus": Dataset(
        what="WaveClus' simulated recordings, one channel", readers=(layouts.read_folders, layouts.read_waveclus)),
    "bbp": Dataset(
        what="SimSort's simulated trials of Blue Brain cells",
        readers=(layouts.read_folders, layouts.read_simsort_trial), limit=20, note=f"{NO_LIST}; the first 20 trials, as SimSort took them, without noise"),
    "ibl": Dataset(
        what="IBL Neuropixels, Kilosort 2.5's units as reference", readers=(layouts.read_folders,),
        units={name: (11, 13, 16, 69, 84, 89, 277, 267, 332, 343) for name in ("DY016", "dab512bd")},
        note="the reference is a sorting, not the truth: scores say how far two sorters agree"),
}


def find_recordings(name: str, folder: Path) -> list[tuple[str, object, object]]:
    """Find a data set's recordings below a folder.

    Parameters
    ----------
    name : str
        A name of `DATASETS`.
    folder : Path
        The user's copy.

    Returns
    -------
    found : list of tuple
        Name, recording and true units of each.

    Raises
    ------
    UserError
        If there is no such data set, or none of its recordings.
    """
    if name not in DATASETS:
        raise UserError(f"--dataset was given {name!r}", f"allowed: {', '.join(DATASETS)}")
    dataset, folder = DATASETS[name], existing(folder, "--dataset")
    found = []
    for place in sorted([folder, *folder.rglob("*")]):
        label = str(place.relative_to(folder)) if place != folder else folder.name
        if dataset.names and not any(one in label for one in dataset.names):
            continue
        for reader in dataset.readers:
            pair = reader(place)
            if pair is not None:
                found.append((label, *pair))
                break
    if not found:
        raise UserError(f"--dataset {name} {folder} holds none of its recordings",
                        f"give a folder with {layouts.described(dataset.readers)}"
                        + (f" named {', '.join(dataset.names)}" if dataset.names else ""))
    return found[:dataset.limit]


def published_units(name: str, label: str, truth):
    """Return the true units that count by a published list, and what is known of it.

    Returns
    -------
    truth : BaseSorting
        Reduced to the list, or whole.
    note : str
    """
    dataset = DATASETS[name]
    for part, listed in dataset.units.items():
        if part in label:
            present = [unit for unit in truth.unit_ids if str(unit) in set(map(str, listed))]
            return truth.select_units(present), f"{len(present)} of the {len(listed)} units of the published list"
    kept = next((count for part, count in dataset.kept.items() if part in label), None)
    return truth, dataset.note + (f"; others kept {kept}" if kept else "")
