"""Where cells are put."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from simsort.errors import UserError
from simsort.simulation.recordings.placement import PlacementSettings, clearance_um, layers_at, place_cells
from simsort.simulation.recordings.probes import body_of, make_probe

MODELS = [{"cell_type": name, "layer": layer, "neuron_class": kind, "subclass": subclass}
          for name, layer, kind, subclass in (("L23_PC", "L2/3", "excitatory", "pyramidal"),
                                              ("L5_TTPC", "L5", "excitatory", "pyramidal"),
                                              ("L5_PVB", "L5", "inhibitory", "PV"),
                                              ("L6_PC", "L6", "excitatory", "pyramidal"))]


def place(probe, seed=0, models=MODELS, **kwargs):
    return place_cells(models, probe.contact_positions, body_of(probe), PlacementSettings(**kwargs), seed=seed)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), name=st.sampled_from(["tetrode", "neuropixels1", "linear", "A1x32-Poly2"]),
       margin_um=st.floats(5, 30), min_distance_um=st.floats(0, 25), density=st.floats(2000, 30000))
def test_no_cell_is_nearer_than_the_margins(seed, name, margin_um, min_distance_um, density):
    probe = make_probe(name, 4)
    placed = place(probe, seed, margin_um=margin_um, min_distance_um=min_distance_um, density_per_mm3=density)
    contacts_um = np.column_stack([probe.contact_positions, np.zeros(4)])
    if len(placed.positions_um):
        assert clearance_um(placed.positions_um, contacts_um, body_of(probe)).min() >= margin_um
    if len(placed.positions_um) > 1:
        assert pdist(placed.positions_um).min() >= min_distance_um
    if body_of(probe).has_back:
        assert (placed.positions_um[:, 2] >= 0).all()
    squares = placed.rotations @ placed.rotations.transpose(0, 2, 1)
    np.testing.assert_allclose(squares, np.broadcast_to(np.eye(3), squares.shape), atol=1e-9)


def test_density_is_what_was_asked():
    probe = make_probe("tetrode")
    counts = [len(place(probe, seed, margin_um=0.0).positions_um) for seed in range(20)]
    volume_mm3 = 4 / 3 * np.pi * 150**3 * 1e-9 * 1.14  # four overlapping spheres, less the wires
    assert np.mean(counts) == pytest.approx(20000 * volume_mm3, rel=0.12)
    around = place(probe).positions_um
    assert 0.3 < (around[:, 2] > 0).mean() < 0.7


def test_same_seed_same_cells():
    first, second, other = (place(make_probe("tetrode"), seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.positions_um, second.positions_um)
    np.testing.assert_array_equal(first.rotations, second.rotations)
    assert not np.array_equal(first.positions_um[:5], other.positions_um[:5])


def test_types_in_published_proportions_and_by_layer():
    models = place(make_probe("neuropixels1", 96)).models
    inhibitory = np.mean(models == 2)
    assert 0 < inhibitory < 0.2
    deep = place(make_probe("neuropixels1"), surface_um=2082.0)
    layers = layers_at(deep.positions_um[:, 1], 2082.0, {"L2/3", "L5", "L6"})
    assert [MODELS[index]["layer"] for index in deep.models] == layers
    assert layers_at(np.array([2000.0, 1900, 1300, 900, 100]), 2082.0, {"L1", "L2/3", "L4", "L5", "L6"}) == [
        "L1", "L2/3", "L4", "L5", "L6"]
    only = place(make_probe("tetrode"), proportions={"L5_PVB": 1.0})
    assert set(only.models) == {2}


def test_given_number_of_distinct_cells():
    placed = place(make_probe("tetrode-paper"), n_cells=4, distinct=True, radius_um=50.0, margin_um=0.0)
    assert sorted(placed.models) == [0, 1, 2, 3]


def test_mistakes_are_named():
    probe = make_probe("neuropixels1", 8)
    with pytest.raises(UserError, match="cell 1 at .* overlaps the probe"):
        place(probe, positions_um=((30, 20, 40), (30, 20, -5)))
    with pytest.raises(UserError, match="density_per_mm3 was given 0"):
        PlacementSettings(density_per_mm3=0)
    with pytest.raises(UserError, match="empty"):
        place(probe, models=[])
    with pytest.raises(UserError, match="do not fit"):
        place(probe, min_distance_um=60.0, density_per_mm3=100000.0)
    with pytest.raises(UserError, match="leave no cell"):
        place(probe, proportions={"L1_NGC": 1.0})
    with pytest.raises(UserError, match="shape"):
        place(probe, positions_um=((1, 2),))
