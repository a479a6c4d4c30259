"""Troughs of a hand-made trace, and the snippets around them."""

import numpy as np
import pytest

from simsort.models.neighbourhoods import neighbourhoods

torch = pytest.importorskip("torch")
CONTACTS_UM = np.array([[0.0, 0.0], [0.0, 40.0], [0.0, 400.0]])


def find(traces, **options):
    from simsort.models.candidates import find_candidates

    rivals = torch.as_tensor(neighbourhoods(CONTACTS_UM, 75.0, 3).channels)
    return [part.tolist() for part in find_candidates(traces, rivals, threshold=4.0, exclude_samples=9, **options)]


def test_only_the_deepest_around_is_found():
    traces = torch.zeros(2, 3, 200)
    traces[0, 0, 50], traces[0, 1, 53] = -8.0, -6.0  # one spike on two channels
    traces[0, 2, 52] = -5.0  # far away: another
    traces[0, 0, 90], traces[0, 0, 95] = -5.0, -7.0  # the deeper of two within 9 samples
    traces[0, 0, 150] = -3.9  # too small
    traces[1, 1, 20], traces[1, 1, 30] = -5.0, -5.5  # 10 samples apart: two
    window, channel, sample = find(traces)
    assert list(zip(window, channel, sample)) == [(0, 0, 50), (0, 2, 52), (0, 0, 95), (1, 1, 20), (1, 1, 30)]


def test_nothing_in_silence():
    assert find(torch.zeros(1, 3, 100)) == [[], [], []]


def test_neighbourhoods_hold_the_nearest_first():
    near = neighbourhoods(CONTACTS_UM, 100.0, 4)
    assert near.channels[:2, :2].tolist() == [[0, 1], [1, 0]]
    assert near.is_there.sum(axis=1).tolist() == [2, 2, 1] and near.is_there[:, 0].all()
    assert near.offsets_um[1, 1].tolist() == [0.0, -40.0] and not near.offsets_um[2].any()


def test_snippets_are_the_traces_around():
    from simsort.models.candidates import cut_snippets

    traces = torch.arange(2 * 3 * 100, dtype=torch.float32).view(2, 3, 100)
    near = neighbourhoods(CONTACTS_UM, 100.0, 4)
    snippets = cut_snippets(traces, torch.as_tensor(near.channels), torch.as_tensor(near.is_there), torch.tensor([1]),
                            torch.tensor([1]), torch.tensor([40]), 5, 12)
    assert snippets.shape == (1, 4, 12)
    assert torch.equal(snippets[0, 0], traces[1, 1, 35:47]) and torch.equal(snippets[0, 1], traces[1, 0, 35:47])
    assert not snippets[0, 2:].any()
