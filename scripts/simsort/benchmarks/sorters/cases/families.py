"""The families of cases by name."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

from simsort.benchmarks.sorters.cases import drifting, emouse, mearec
from simsort.benchmarks.sorters.cases.case import Case, write_case
from simsort.errors import UserError

BENCHMARK_SEEDS = (0, 1, 2)
TUNING_SEEDS = (100, 101, 102)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Family:
    """One kind of recording.

    Attributes
    ----------
    make : callable
        `make(name, drifting, seed, out)` returns a case.
    n_channels : int
        Channels.
    what : str
        One line for the tables.
    """

    make: Callable[[str, bool, int, Path], Case]
    n_channels: int
    what: str


def of_mearec(settings: mearec.Settings, n_channels: int, what: str) -> Family:
    """Return a family made by MEArec."""
    return Family(make=functools.partial(mearec.make, settings), n_channels=n_channels, what=what)


def of_spikeinterface(settings: drifting.Settings, n_channels: int, what: str) -> Family:
    """Return a family made by SpikeInterface's generator."""
    return Family(make=functools.partial(drifting.make, settings), n_channels=n_channels, what=what)


FAMILIES = {
    "mearec-tetrode": of_mearec(mearec.TETRODE, 4, "MEArec, tetrode, 300 s"),
    "mearec-32": of_mearec(mearec.NEUROPIXELS_32, 32, "MEArec, 32 sites of Neuropixels 1.0, 120 s"),
    "mearec-384": of_mearec(mearec.NEUROPIXELS_384, 384, "MEArec, Neuropixels 1.0, 60 s"),
    "spikeinterface-32": of_spikeinterface(drifting.SITES_32, 32, "SpikeInterface, 32 sites, 120 s"),
    "spikeinterface-128": of_spikeinterface(drifting.SITES_128, 128,
                                            "SpikeInterface, 128 sites of Neuropixels 1.0, 60 s"),
    "spikeinterface-384": of_spikeinterface(drifting.SITES_384, 384, "SpikeInterface, Neuropixels 1.0, 60 s"),
    "emouse-noise": Family(make=emouse.make_in_noise, n_channels=32,
                           what="real mean spikes in coloured noise, 32 sites, 120 s"),
    "emouse-hybrid": Family(make=emouse.make_hybrid, n_channels=4,
                            what="real mean spikes in a real tetrode recording, 15 kHz, 58 s"),
}


def case_name(family: str, drifting: bool, seed: int) -> str:
    """Return the name of a case."""
    return f"{family}_{'drift' if drifting else 'static'}_seed{seed}"


def prepare_case(family: str, drifting: bool, seed: int, cases: Path, out: Path) -> Path:
    """Return the folder of a case, making it on first use.

    Parameters
    ----------
    family : str
        A name of `FAMILIES`.
    drifting : bool
        Whether the probe moves.
    seed : int
        Of everything random.
    cases : Path
        Folder of the cases.
    out : Path
        The bench's output folder, for environments and work files.

    Raises
    ------
    UserError
        If there is no such family, or `SIMSORT_DATA` is needed and unset.
    """
    if family not in FAMILIES:
        raise UserError(f"unknown family {family!r}", f"allowed: {', '.join(FAMILIES)}")
    name = case_name(family, drifting, seed)
    folder = Path(cases) / name
    if not (folder / "case.json").is_file():
        write_case(FAMILIES[family].make(name, drifting, seed, Path(out)), folder)
    return folder
