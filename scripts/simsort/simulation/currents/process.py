"""A fresh process for everything that runs NEURON, whose sections and mechanisms are global to a process."""

import concurrent.futures
import multiprocessing


def in_fresh_process(function, *args, **kwargs):
    """Call a function in a new Python process and return its result.

    Parameters
    ----------
    function : callable
        Importable by name; its arguments and result must pickle.

    Returns
    -------
    result
        What the function returned; what it raised is raised here.

    Raises
    ------
    concurrent.futures.process.BrokenProcessPool
        If the process was killed.
    """
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(function, *args, **kwargs).result()
