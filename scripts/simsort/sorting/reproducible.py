"""Make SpikeInterface's own sorters give the same spikes for the same seed and any number of workers."""

import contextlib
import functools
import importlib

from simsort.workers import seeded

# Two steps whose result depends on how the chunks fall to the workers: the prototype waveform is made of the peaks each
# worker found before its share was full, and templates are sums of float32 per worker. Both are short, so they get one.
ONE_WORKER = (
    ("spikeinterface.sortingcomponents.tools", "get_prototype_and_waveforms_from_recording"),
    ("spikeinterface.sorters.internal.lupin", "estimate_templates_with_accumulator"),
    ("spikeinterface.sorters.internal.tridesclous2", "estimate_templates_with_accumulator"),
)


def _with_one_worker(function):
    """Wrap a function that takes its workers as `job_kwargs` or as keywords."""
    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        target = kwargs["job_kwargs"] = dict(kwargs["job_kwargs"]) if kwargs.get("job_kwargs") else kwargs
        target["n_jobs"] = 1
        if target is kwargs:
            kwargs.pop("job_kwargs")
        return function(*args, **kwargs)
    return wrapped


@contextlib.contextmanager
def reproducible(seed: int):
    """Seed everything and take the number of workers out of the result, while the context lasts.

    Parameters
    ----------
    seed : int
        The seed of the sorter.
    """
    originals = []
    try:
        for module_name, function_name in ONE_WORKER:
            module = importlib.import_module(module_name)
            originals.append((module, function_name, getattr(module, function_name)))
            setattr(module, function_name, _with_one_worker(originals[-1][2]))
        with seeded(seed):
            yield
    finally:
        for module, function_name, function in originals:
            setattr(module, function_name, function)
