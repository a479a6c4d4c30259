"""Drift: bounded, in closed form, and the same as projecting the cell anew."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_cells import made_up_cells

from simsort.errors import UserError
from simsort.simulation.field.contacts import contact_matrix, contacts_of
from simsort.simulation.recordings.drift import KINDS, Drift, DriftSettings
from simsort.simulation.recordings.placement import PlacementSettings
from simsort.simulation.recordings.plan import RecordingPlan
from simsort.simulation.recordings.probes import make_probe
from simsort.simulation.recordings.settings import RecordingSettings

POSITION_UM = (20.0, 60.0, 25.0)


def make_drift(kind, seed=0, **kwargs):
    return Drift(DriftSettings(kind=kind, amplitude_um=20.0, jumps_per_minute=6.0, **kwargs), (0.0, 500.0), 600.0, seed)


@settings(max_examples=30, deadline=None)
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 2**31), non_rigidity=st.floats(0, 1))
def test_bounded_and_the_same_at_any_time_alone(kind, seed, non_rigidity):
    drift = make_drift(kind, seed, non_rigidity=non_rigidity)
    times_s, depths_um = np.linspace(0, 600, 301), np.array([-50.0, 250.0, 600.0])
    together = drift.displacement_um(times_s[:, None], depths_um[None])
    assert np.abs(together).max() <= drift.max_displacement_um + 1e-9
    assert together[77, 1] == drift.displacement_um(times_s[77], 250.0)
    if kind != "none":
        assert np.ptp(together[:, 0]) > 2.0
    if kind in ("slow", "oscillation", "mixture"):
        np.testing.assert_allclose(together[0], 0, atol=1e-9)


def test_rigid_and_non_rigid():
    times_s = np.linspace(0, 600, 100)[:, None]
    rigid = make_drift("slow").displacement_um(times_s, np.array([[0.0, 500.0]]))
    np.testing.assert_array_equal(rigid[:, 0], rigid[:, 1])
    loose = make_drift("slow", non_rigidity=1.0).displacement_um(times_s, np.array([[0.0, 250.0, 500.0]]))
    assert np.abs(loose[:, 0] - loose[:, 2]).max() > 3
    np.testing.assert_allclose(loose[:, 1], (loose[:, 0] + loose[:, 2]) / 2)
    assert len(np.unique(make_drift("jumps").displacement_um(times_s[:, 0], 0.0))) > 5


@pytest.fixture(scope="module")
def plan():
    placement = PlacementSettings(positions_um=(POSITION_UM,), margin_um=5.0)
    return RecordingPlan(made_up_cells()[:1], make_probe("neuropixels1", 16), RecordingSettings(
        duration_s=1.0, placement=placement, drift=DriftSettings(kind="slow", amplitude_um=15.0)), seed=3)


@settings(max_examples=25, deadline=None)
@given(displacement_um=st.floats(-15, 15), snippet=st.integers(0, 119))
def test_displaced_spikes_are_projections_of_the_displaced_cell(plan, displacement_um, snippet):
    """Not on the grid: linear between exact projections 1 um apart errs by less than 0.5 % of the peak."""
    from simsort.simulation.recordings.placement import place_cells
    from simsort.simulation.recordings.probes import body_of

    library, field = made_up_cells()[0], plan.foreground[0]
    placed = place_cells([library.model], plan.contacts_um, body_of(plan.probe), plan.settings.placement, seed=3)
    moved = library.geometry.placed(placed.positions_um[0] + [0.0, displacement_um, 0.0], placed.rotations[0])
    matrix = contact_matrix(moved, contacts_of(plan.probe), n_points=plan.settings.contact_points)
    exact = np.tensordot(library.coefficients[snippet], library.project(matrix), axes=1)
    mine = field.waveforms_uv(np.array([snippet]), np.array([displacement_um]))[0]
    channels = plan.order[field.first_channel:field.first_channel + len(mine)]
    assert np.abs(mine - exact[channels]).max() < 0.005 * np.abs(exact).max()


def test_the_grid_is_fine_and_covers_the_drift(plan):
    field = plan.foreground[0]
    assert field.grid_step_um <= 1.0 and field.grid_start_um == -15.0
    assert field.grid_start_um + field.grid_step_um * (len(field.fields) - 1) == pytest.approx(15.0)


def test_mistakes_are_named():
    with pytest.raises(UserError, match="slow, oscillation"):
        DriftSettings(kind="sideways")
    with pytest.raises(UserError, match="non_rigidity"):
        DriftSettings(non_rigidity=2.0)
