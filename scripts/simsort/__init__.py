"""Spike sorting for the lab: a pipeline of Slurm jobs around SpikeInterface, and a sorter of its own."""

__version__ = "0.1.0"

from simsort.sorting.registration import register_when_imported

register_when_imported()


def sort(recording, *, seed: int = 0, model="shipped", encoder: str = "simsort", device: str = "auto",
         apply_motion_correction: bool | None = None, motion_preset: str = "dredge_fast", n_jobs: int = 1,
         verbose: bool = False, scratch_folder=None, **settings):
    """Sort a recording with the project's own sorter.

    Parameters
    ----------
    recording : BaseRecording
        A SpikeInterface recording, raw or filtered, of any sampling rate, sample type and number of segments; with a
        probe if it has several channels.
    seed : int, default: 0
        The same seed gives the same spikes.
    model : str | Path | None, default: "shipped"
        A model folder made by `simsort pretrain` or `simsort finetune`, or `shipped`; None: no networks take part.
    encoder : "simsort" | "ceed" | "none", default: "simsort"
        What tells which units are pieces of one neuron: the encoder of the model, CEED's (then `model` is a folder of
        `simsort pretrain --method ceed` or `shipped`), or nothing but templates and spike times.
    device : "auto" | "cpu" | "cuda", default: "auto"
        Where the networks of a model run.
    apply_motion_correction : bool | None, default: None
        Take the motion of the tissue out before sorting; None: from 96 channels on.
    motion_preset : str, default: "dredge_fast"
        One of SpikeInterface's.
    n_jobs : int, default: 1
        Threads of the sorter, worker processes of the motion estimate.
    verbose : bool, default: False
        Print what is being done.
    scratch_folder : str | Path | None, default: None
        A folder on a disk with room for `keep_gb` (16) of traces, for the time of the sorting: many channels are sorted
        faster with it, to the same spikes.
    **settings
        Fields of `simsort.sorting.own.sort.SortSettings`, such as `threshold`.

    Returns
    -------
    NumpySorting
        At the recording's own sampling rate and with its segments; units 0 to n - 1.

    Raises
    ------
    UserError
        If the recording cannot be sorted or the model folder cannot be used: one line with what to do.
    """
    # SpikeInterface, torch and numba are loaded here: the commands that need none of them start quickly
    from simsort.sorting.own.api import sort_recording
    from simsort.sorting.own.sort import SortSettings

    return sort_recording(recording, SortSettings(seed=seed, **settings), model=model, encoder=encoder, device=device,
                          apply_motion_correction=apply_motion_correction, motion_preset=motion_preset, n_jobs=n_jobs,
                          progress=print if verbose else None, scratch_folder=scratch_folder)
