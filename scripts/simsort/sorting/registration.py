"""Make SpikeInterface know the sorter `simsort`, as soon as its sorters are imported. Standard library only.

SpikeInterface lists its sorters in a module and takes no plug-ins. Adding to the list at once would make
`import simsort` as slow as importing all sorters, so it is done when that module is imported, or now if it has been.
"""

import importlib.abc
import importlib.util
import sys

SORTERS = "spikeinterface.sorters.sorterlist"


def register_when_imported() -> None:
    """Add the sorter to SpikeInterface's list, now or when the list is there."""
    if SORTERS in sys.modules:
        register(sys.modules[SORTERS])
    elif not any(isinstance(finder, _Watcher) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Watcher())


def register(sorters) -> None:
    """Add the sorter to the module that lists SpikeInterface's sorters, once."""
    from simsort.sorting.own.spikeinterface_sorter import SimsortSorter

    if SimsortSorter.sorter_name not in sorters.sorter_dict:
        sorters.sorter_full_list.append(SimsortSorter)
        sorters.sorter_dict[SimsortSorter.sorter_name] = SimsortSorter


class _Watcher(importlib.abc.MetaPathFinder):
    """Waits for one module to be imported."""

    def find_spec(self, name, path=None, target=None):
        if name != SORTERS:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def execute_and_register(module):
            execute(module)
            register(module)

        spec.loader.exec_module = execute_and_register
        return spec
