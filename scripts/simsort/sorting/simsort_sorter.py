"""The project's own sorter (`simsort.sorting.own`), on the CPU: any probe, any sampling rate, tetrodes among them.

Its band-pass filter, common reference (from 32 channels on) and whitening stay on: it counts in units of the noise.
"""

from simsort.sorting.sorter import Sorter, seed_parameter, switch_parameter


def set_jobs(params: dict, job_kwargs: dict) -> None:
    """Hand over the number of threads; its spikes do not depend on it."""
    params["n_jobs"] = job_kwargs["n_jobs"]


SORTER = Sorter(
    name="simsort",
    spikeinterface_name="simsort",
    set_motion=switch_parameter("apply_motion_correction"),
    set_seed=seed_parameter("seed"),
    set_jobs=set_jobs,
    needs_torch=True,
    fresh_workers=True,
    install="install torch (pip install 'simsort[gpu]') or use the image named gpu",
)
