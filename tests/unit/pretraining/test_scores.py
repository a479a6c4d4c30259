"""Scores with known answers."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")


class Case:
    """Events of which only unit and true spike matter."""

    def __init__(self, unit, spike, n_true):
        import torch

        self.events, self.spike, self.n_true = type("Events", (), {"unit": torch.tensor(unit)}), np.array(spike), n_true


@pytest.mark.parametrize("values, expected", [
    ([9, 8, 7, 1, 0, 0], 6 / 7),  # three of four spikes, nothing false
    ([1, 8, 7, 9, 0, 0], 6 / 8),  # all three, and one false before them
    ([9, 8, 7, 1, 9, 9], 6 / 7),  # a weak spike and one found twice count neither way
])
def test_the_best_f1(values, expected):
    from simsort.pretraining.scores import best_f1

    case = Case([0, 1, 1, -1, -2, 0], [0, 1, 2, -1, 5, 0], 4)
    assert best_f1(np.array(values, dtype=float), case) == pytest.approx(expected)


def test_clear_clusters_are_identified():
    from simsort.pretraining.scores import ari, prototype_accuracy

    rng = np.random.default_rng(0)
    unit = np.repeat([3, 5, 9], 40)
    features = rng.standard_normal((120, 5)) + 20 * np.eye(5)[np.repeat([0, 1, 2], 40)]
    assert prototype_accuracy(features, unit) == 1.0
    assert ari(features, unit, "kmeans") == ari(features, unit, "gmm") == 1.0
    shuffled = rng.permutation(unit)
    assert prototype_accuracy(features, shuffled) < 0.6 and ari(features, shuffled, "kmeans") < 0.1
