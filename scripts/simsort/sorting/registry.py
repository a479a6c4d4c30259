"""The sorters by name."""

from simsort.errors import UserError
from simsort.sorting import kilosort4, kilosort25, lupin, mountainsort5, simsort_sorter, spykingcircus2, tridesclous2
from simsort.sorting.sorter import Sorter

SORTERS = {module.SORTER.name: module.SORTER
           for module in (simsort_sorter, kilosort4, kilosort25, lupin, mountainsort5, spykingcircus2, tridesclous2)}


def get_sorter(name: str) -> Sorter:
    """Return a sorter that is installed here.

    Raises
    ------
    UserError
        If there is none of that name, or it is not installed.
    """
    if name not in SORTERS:
        raise UserError(f"unknown sorter {name!r}", f"allowed: {', '.join(SORTERS)}")
    from spikeinterface.sorters import sorter_dict

    sorter = SORTERS[name]
    if not sorter_dict[sorter.spikeinterface_name].is_installed():
        raise UserError(f"sorter {name} is not installed here", sorter.install)
    return sorter
