"""Losses on clusters made by hand."""

import pytest

torch = pytest.importorskip("torch")


def two_clusters(distance, n=200, dim=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    label = torch.arange(n) % 2
    embedding = torch.randn(n, dim, generator=generator)
    embedding[:, 0] += distance * label
    return embedding, label


def losses(embedding, label, group=None, position_um=None):
    from simsort.pretraining.losses import prototype_loss

    group = torch.zeros_like(label) if group is None else group
    position_um = torch.zeros(len(label), 2) if position_um is None else position_um
    return [float(value) for value in prototype_loss(embedding, label, group, position_um)]


def test_clusters_apart_cost_nothing_and_scatter_is_one():
    loss, scatter = losses(*two_clusters(distance=12.0))
    assert loss < 1e-3 and scatter == pytest.approx(1.0, abs=0.1)


def test_clusters_in_one_place_cost_a_guess():
    loss, _ = losses(*two_clusters(distance=0.0, n=2000))
    assert loss == pytest.approx(0.6931, abs=0.03)


def test_a_spike_is_no_part_of_the_mean_it_is_compared_with():
    embedding, label = torch.tensor([[0.0], [4.0], [100.0], [104.0]]), torch.tensor([0, 0, 1, 1])
    assert losses(embedding, label)[1] == pytest.approx(16 / 2), "4 from the other spike: 16, times (n - 1) / n"


def test_other_groups_and_far_places_are_no_rivals():
    embedding, label = two_clusters(distance=0.0)
    assert losses(embedding, label, group=label)[0] < 1e-3
    far_um = torch.stack([150.0 * label, torch.zeros(len(label))], dim=1)
    assert losses(embedding, label, position_um=far_um)[0] < 1e-3
    assert losses(embedding, label, position_um=far_um / 3)[0] > 0.5


def test_the_loss_falls_by_gradient_descent():
    embedding, label = two_clusters(distance=1.0)
    embedding.requires_grad_()
    optimizer = torch.optim.Adam([embedding], lr=0.1)
    from simsort.pretraining.losses import prototype_loss

    values = []
    for _ in range(50):
        loss, _ = prototype_loss(embedding, label, torch.zeros_like(label), torch.zeros(len(label), 2))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(float(loss.detach()))
    assert values[-1] < 0.2 * values[0]


def test_rare_classes_are_left_out():
    from simsort.pretraining.losses import relabel

    rows, label = relabel(torch.tensor([7, 7, 5, 7, 9, 9, 9]))
    assert rows.tolist() == [0, 1, 3, 4, 5, 6] and label.tolist() == [0, 0, 0, 1, 1, 1]
