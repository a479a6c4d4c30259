"""The sorter under SpikeInterface's roof: `run_sorter("simsort", recording)` after `import simsort`."""

import importlib.util
from dataclasses import fields

from spikeinterface import load
from spikeinterface.sorters.basesorter import BaseSorter

from simsort import __version__

SETTINGS = {
    "threshold": "Depth of troughs that are looked at, in noise levels",
    "exclude_ms": "A trough is the deepest within so many milliseconds",
    "exclude_um": "and within so many micrometres",
    "n_features": "Features of each channel",
    "least_size": "Length of a unit's template in noise levels below which it is noise",
    "main_rate_hz": "Slower units have to show again when the faster ones are taken out of the traces",
    "most_directions": "Features of a group of channels",
    "n_refinements": "Rounds of clustering again what was taken out and what was left",
    "keep_gb": "Whitened traces kept on disk in the output folder while it runs, which saves time; 0 for none",
    "most_events": "Events of a group of channels that are clustered; more are thinned evenly over time",
}
OTHERS = {
    "apply_motion_correction": (None, "Take out the motion of the tissue before sorting; None: from 96 channels on"),
    "motion_preset": ("dredge_fast", "How motion is estimated, one of SpikeInterface's presets"),
    "model": ("shipped", "A model folder made by simsort pretrain or finetune, or shipped; None: without networks"),
    "encoder": ("simsort", "Tells which units are one neuron: simsort, the model's encoder; ceed, CEED's; none"),
    "device": ("auto", "Where the networks of a model run: auto, cpu or cuda"),
    "seed": (0, "Seed: the same seed gives the same spikes"),
    "n_jobs": (1, "Threads of the sorter, worker processes of the motion estimate"),
}


class SimsortSorter(BaseSorter):
    """The project's own sorter."""

    sorter_name = "simsort"
    handle_multi_segment = True
    sorter_description = """Clusters that drift, in units of the noise, and matching pursuit in the space of features.
    Sorts any probe, a single channel and tetrodes among them, at any sampling rate."""
    installation_mesg = "pip install torch numba"

    @classmethod
    def is_installed(cls) -> bool:
        """Tell whether what it needs is there."""
        return all(importlib.util.find_spec(name) is not None for name in ("torch", "numba"))

    @classmethod
    def get_sorter_version(cls) -> str:
        """Return the version of the package."""
        return __version__

    @classmethod
    def _dynamic_params(cls):
        # the settings' own module needs numba and torch, which listing the sorters should not load
        from simsort.sorting.own.sort import SortSettings

        defaults = {field.name: field.default for field in fields(SortSettings) if field.name in SETTINGS}
        return ({**defaults, **{name: default for name, (default, _) in OTHERS.items()}},
                {**SETTINGS, **{name: text for name, (_, text) in OTHERS.items()}})

    @classmethod
    def _check_params(cls, recording, output_folder, params):
        # here and not where it runs, as SpikeInterface folds what is raised there into a page of text
        from simsort.sorting.own.api import check_networks, load_networks
        from simsort.sorting.own.inputs import check_recording

        check_recording(recording)
        check_networks(load_networks(params["model"], params["device"], params["encoder"]), recording)
        return params

    @classmethod
    def _setup_recording(cls, recording, sorter_output_folder, params, verbose):
        pass

    @classmethod
    def _check_apply_filter_in_params(cls, params) -> bool:
        return False

    @classmethod
    def _run_from_folder(cls, sorter_output_folder, params, verbose):
        from simsort.sorting.own.api import load_networks, sort_checked
        from simsort.sorting.own.sort import SortSettings

        settings = SortSettings(seed=params["seed"], **{name: params[name] for name in SETTINGS})
        recording = cls.load_recording_from_folder(sorter_output_folder.parent, with_warnings=False)
        networks = load_networks(params["model"], params["device"], params["encoder"])
        sorting = sort_checked(recording, settings, networks=networks,
                               apply_motion_correction=params["apply_motion_correction"],
                               motion_preset=params["motion_preset"], n_jobs=params["n_jobs"],
                               progress=print if verbose else None, scratch_folder=sorter_output_folder)
        sorting.save(folder=sorter_output_folder / "sorting")

    @classmethod
    def _get_result_from_folder(cls, sorter_output_folder):
        return load(sorter_output_folder / "sorting")
