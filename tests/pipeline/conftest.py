"""Runs of the real workflow, shared by the tests that look at them."""

import pytest

from workflow_runs import TIMEZONE, run_slm


@pytest.fixture(scope="session")
def sorted_session(spikeglx_session, tmp_path_factory):
    """A SpikeGLX session sorted by `bash spike_sort.slm` with the default sorter: (run, true sorting)."""
    folder = tmp_path_factory.mktemp("sorted")
    return run_slm(folder, "--n_jobs", "2", *TIMEZONE, DATA_PATH=spikeglx_session.path), spikeglx_session.sorting
