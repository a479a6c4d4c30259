"""Troughs in one piece are those that training looks at."""

import numpy as np
import pytest
import torch

from simsort.models.candidates import find_candidates
from simsort.sorting.own.forks import fork_map
from simsort.sorting.own.troughs import find_troughs


@pytest.mark.parametrize("threshold", [1.0, 3.0, 9.0])
def test_the_same_as_in_training(threshold):
    traces = np.random.default_rng(0).normal(size=(6, 3000)).astype(np.float32)
    neighbours = np.array([[0, 1, 0], [1, 0, 2], [2, 1, 3], [3, 2, 4], [4, 3, 5], [5, 4, 5]])
    channel, sample = find_troughs(traces, neighbours, threshold, 9)
    _, channels, samples = find_candidates(torch.as_tensor(traces)[None], torch.as_tensor(neighbours),
                                           threshold=threshold, exclude_samples=9)
    assert np.array_equal(channel, channels) and np.array_equal(sample, samples)
    assert (len(sample) == 0) == (threshold == 9.0)


def test_workers_give_the_same_in_the_same_order():
    offset = np.arange(3)
    items = list(range(20))
    assert (np.concatenate(list(fork_map(lambda item: offset + item, items, 3)))
            == np.concatenate(list(fork_map(lambda item: offset + item, items, 1)))).all()


def test_the_error_of_a_worker_arrives():
    def fail(item):
        raise ValueError(f"no {item}")
    with pytest.raises(ValueError, match="no 1"):
        list(fork_map(fail, [1, 2], 2))
