"""Torch that adds in the same order everywhere: tests that compare its results import the fixture."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """The same sums in the same order, whatever the machine; as in the workflow."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
