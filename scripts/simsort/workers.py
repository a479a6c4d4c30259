"""Worker processes and random numbers of the heavy stages."""

import contextlib
import ctypes
import os
import random
import sys


def job_kwargs(n_jobs: int, *, fresh: bool = False) -> dict:
    """Return SpikeInterface's job keywords.

    Parameters
    ----------
    n_jobs : int
        Worker processes.
    fresh : bool, default: False
        The stage uses torch's or numba's threads before it starts workers. A forked child of such a process can hang,
        so its workers are started fresh, unless OMP_NUM_THREADS=1 (as in the workflow) keeps threads from being made.
    """
    threads = os.environ.get("OMP_NUM_THREADS") != "1"
    # The chunk never depends on the number of workers, because results depend (slightly) on the chunk.
    return dict(n_jobs=max(1, n_jobs), chunk_duration="1s", progress_bar=sys.stderr.isatty(),
                mp_context="spawn" if fresh and threads else "fork")


@contextlib.contextmanager
def seeded(seed: int):
    """Seed every source of random numbers, also those of libraries that ask the operating system for a seed.

    SpikeInterface draws the chunks of several noise estimates from `np.random.default_rng(None)` without passing any
    seed on (`matched_filtering` peaks, `compute_motion`), so that two runs differ. Within this context a generator
    asked for without a seed gets the run's.

    Parameters
    ----------
    seed : int
        The seed of the stage.
    """
    import numpy as np

    default_rng = np.random.default_rng
    np.random.default_rng = lambda seed=None, run_seed=seed: default_rng(run_seed if seed is None else seed)
    np.random.seed(seed)
    random.seed(seed)
    ctypes.CDLL(None).srand(seed)  # isosplit6, within mountainsort5, draws from the C library
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
    try:
        yield
    finally:
        np.random.default_rng = default_rng
