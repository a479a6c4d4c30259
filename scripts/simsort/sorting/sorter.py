"""What a sorter module tells the pipeline."""

import dataclasses
import types
from collections.abc import Callable


def _nothing(recording, params: dict) -> list[str]:
    return []


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sorter:
    """One sorter.

    Attributes
    ----------
    name : str
        The pipeline's name, as in `--sorter`.
    spikeinterface_name : str
        SpikeInterface's name.
    params : mapping
        Where the pipeline's defaults differ from SpikeInterface's.
    set_motion : callable | None
        `set_motion(params, on)` switches the sorter's own motion correction; None: it has none.
    set_seed : callable
        `set_seed(params, seed)` hands over the seed.
    set_jobs : callable
        `set_jobs(params, job_kwargs)` hands over the workers.
    adapt : callable
        `adapt(recording, params)` fits the parameters to a recording (few channels, low sampling rate) and returns what
        the user should know about it. It never touches a parameter the user gave.
    needs_torch : bool
        Whether it cannot run without torch.
    fresh_workers : bool
        Whether it uses torch's or numba's threads between its pools of workers (`simsort.workers.job_kwargs`).
    warm_up : callable
        `warm_up()` compiles what each forked worker would otherwise compile for itself.
    uses_gpu : bool
        Whether a CUDA device makes it faster.
    install : str
        What to do where it is not installed.
    """

    name: str
    spikeinterface_name: str
    params: dict = dataclasses.field(default_factory=lambda: types.MappingProxyType({}))
    set_motion: Callable[[dict, bool], None] | None
    set_seed: Callable[[dict, int], None]
    set_jobs: Callable[[dict, dict], None]
    adapt: Callable[[object, dict], list] = _nothing
    warm_up: Callable[[], None] = lambda: None
    needs_torch: bool = False
    fresh_workers: bool = False
    uses_gpu: bool = False
    install: str


def compile_isosplit() -> None:
    """Compile the clustering of lupin and tridesclous2 (half a minute of a slow core) once, before workers are forked."""
    import numpy as np
    from spikeinterface.sortingcomponents.clustering.isosplit_isocut import isosplit

    two_clusters = np.random.default_rng(0).normal(size=(200, 4)).astype("float32")
    two_clusters[100:] += 10
    isosplit(two_clusters, n_init=10, seed=0)


def jobs_beside(params: dict, job_kwargs: dict) -> None:
    """Hand the workers over as parameters of their own, as SpikeInterface's external sorters take them."""
    params.update(job_kwargs)


def jobs_nested(params: dict, job_kwargs: dict) -> None:
    """Hand the workers over in `job_kwargs`, as SpikeInterface's internal sorters take them."""
    params["job_kwargs"] = dict(job_kwargs)


def seed_parameter(name: str) -> Callable[[dict, int], None]:
    """Return a `set_seed` for a sorter that has a parameter for it."""
    def set_seed(params: dict, seed: int) -> None:
        params[name] = seed
    return set_seed


def switch_parameter(name: str) -> Callable[[dict, bool], None]:
    """Return a `set_motion` for a sorter that has a parameter for it."""
    def set_motion(params: dict, on: bool) -> None:
        params[name] = on
    return set_motion


def cap_frequency(recording, params: dict, name: str = "freq_max") -> list[str]:
    """Keep the upper corner of a band-pass filter below half the sampling rate."""
    highest_hz = 0.475 * recording.get_sampling_frequency()
    if params[name] is None or params[name] <= highest_hz:
        return []
    given, params[name] = params[name], highest_hz
    return [f"{name} lowered from {given:g} to {highest_hz:g} Hz for a sampling rate of "
            f"{recording.get_sampling_frequency():g} Hz"]
