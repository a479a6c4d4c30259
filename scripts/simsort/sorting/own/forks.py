"""The same function for many items, in forked workers: what it needs is there without being sent."""

import multiprocessing
import sys
from collections.abc import Callable, Iterator

_function: Callable | None = None


def fork_map(function: Callable, items: list, n_jobs: int, begin: Callable[[], None] | None = None) -> Iterator:
    """Yield `function(item)` in the order of the items.

    Parameters
    ----------
    function : callable
        May hold anything; what it returns is pickled.
    items : list
        Small ones.
    n_jobs : int
        Worker processes. One where the system cannot fork safely (only Linux does), or a worker may have none itself.
    begin : callable | None
        Called once in every worker process.
    """
    n_jobs = min(n_jobs, len(items))
    if n_jobs < 2 or sys.platform != "linux" or multiprocessing.current_process().daemon:
        yield from map(function, items)
        return
    global _function
    _function = function
    try:
        with multiprocessing.get_context("fork").Pool(n_jobs, begin) as pool:
            yield from pool.imap(_call, items)
    finally:
        _function = None


def _call(item):
    return _function(item)
