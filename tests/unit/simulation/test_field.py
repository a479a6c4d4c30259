"""The field of line sources."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simsort.simulation.field.contacts import Contacts, contact_matrix, contacts_of, spread
from simsort.simulation.field.geometry import SegmentGeometry, random_rotation
from simsort.simulation.field.line_source import transfer_matrix


def cell(seed: int, n_segments: int = 12) -> SegmentGeometry:
    rng = np.random.default_rng(seed)
    start = rng.normal(scale=40, size=(n_segments, 3))
    return SegmentGeometry(start_um=start, end_um=start + rng.normal(scale=30, size=(n_segments, 3)),
                           diameter_um=rng.uniform(0.5, 20, n_segments), region=np.zeros(n_segments, dtype=np.uint8))


def test_far_away_a_segment_is_a_point():
    geometry = SegmentGeometry(start_um=np.array([[0, -5.0, 0]]), end_um=np.array([[0, 5.0, 0]]), diameter_um=np.array([2.0]),
                               region=np.zeros(1, dtype=np.uint8))
    expected_uv = 1000 / (4 * np.pi * 0.3 * 2000)  # 1 nA at 2 mm in 0.3 S/m
    np.testing.assert_allclose(transfer_matrix(geometry, [[2000.0, 0, 0]]), [[expected_uv]], rtol=1e-5)


def test_beside_a_segment_it_is_the_integral_along_it():
    geometry = cell(0, 3)
    points = np.array([[80.0, 10, -30], [5, 120, 60]])
    along = (np.arange(20000) + 0.5)[:, None, None] / 20000
    places = geometry.start_um + along * (geometry.end_um - geometry.start_um)
    distances = np.linalg.norm(points[:, None, None] - places[None], axis=-1)
    expected = 1000 / (4 * np.pi * 0.3) * (1 / distances).mean(axis=1)
    np.testing.assert_allclose(transfer_matrix(geometry, points), expected, rtol=1e-6)


def test_inside_a_segment_it_is_the_potential_at_its_surface():
    geometry = SegmentGeometry(start_um=np.array([[0, -10.0, 0]]), end_um=np.array([[0, 10.0, 0]]),
                               diameter_um=np.array([16.0]), region=np.zeros(1, dtype=np.uint8))
    inside, surface = transfer_matrix(geometry, [[1.0, 0, 0], [8.0, 0, 0]])
    assert inside == pytest.approx(surface)


def test_a_segment_without_length_is_a_point():
    geometry = SegmentGeometry(start_um=np.zeros((1, 3)), end_um=np.zeros((1, 3)), diameter_um=np.ones(1),
                               region=np.zeros(1, dtype=np.uint8))
    assert transfer_matrix(geometry, [[30.0, 40, 0]])[0, 0] == pytest.approx(1000 / (4 * np.pi * 0.3 * 50))


@given(st.integers(0, 1000))
def test_moving_and_turning_cell_and_points_together_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    geometry, points = cell(seed), rng.normal(scale=100, size=(6, 3))
    turn, shift = random_rotation(rng, max_tilt_deg=90), rng.normal(scale=500, size=3)
    np.testing.assert_allclose(transfer_matrix(geometry.placed(shift, turn), points @ turn.T + shift),
                               transfer_matrix(geometry, points), rtol=1e-6)


@given(st.integers(0, 1000))
def test_a_segment_cut_in_two_has_the_field_of_both_halves(seed):
    geometry = cell(seed, 1)
    middle = geometry.middle_um
    halves = SegmentGeometry(start_um=np.concatenate([geometry.start_um, middle]),
                             end_um=np.concatenate([middle, geometry.end_um]), diameter_um=np.full(2, 0.01),
                             region=np.zeros(2, dtype=np.uint8))
    whole = SegmentGeometry(start_um=geometry.start_um, end_um=geometry.end_um, diameter_um=np.full(1, 0.01),
                            region=np.zeros(1, dtype=np.uint8))
    points = np.random.default_rng(seed + 1).normal(scale=150, size=(5, 3))
    np.testing.assert_allclose(transfer_matrix(halves, points).mean(axis=1), transfer_matrix(whole, points)[:, 0], rtol=1e-6)


def test_agrees_with_lfpykit():
    """Values of lfpykit 0.6.2's LineSourcePotential (GPL, so not installed by the tests) for the same cell and points."""
    matrix = transfer_matrix(cell(3), np.random.default_rng(4).normal(scale=100, size=(20, 3)))
    np.testing.assert_allclose(matrix[:3, :5], [[1.276973395, 1.600807577, 1.311668927, 1.002435905, 1.208644186],
                                                [3.225537343, 1.410075027, 1.264967717, 1.295353788, 1.502605358],
                                                [1.228435495, 1.593402226, 1.95853484, 1.055773955, 2.036821524]], rtol=1e-6)
    np.testing.assert_allclose([matrix.sum(), (matrix**2).sum()], [448.29878931588667, 1119.8554039006451], rtol=1e-6)


@given(st.integers(0, 1000), st.floats(0, 90))
def test_rotations_keep_lengths_and_tilt_no_more_than_asked(seed, max_tilt_deg):
    turn = random_rotation(np.random.default_rng(seed), max_tilt_deg=max_tilt_deg)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1)
    assert turn[1, 1] >= np.cos(np.deg2rad(max_tilt_deg)) - 1e-9


def test_a_contact_is_the_mean_over_its_area():
    geometry = cell(5)
    for shape in ("circle", "rect"):
        contacts = Contacts(positions_um=np.array([[60.0, 0, 0], [0, 200.0, 0]]), shape=shape, size_um=(12.0, 12.0))
        few, many = (contact_matrix(geometry, contacts, n_points=n) for n in (9, 2500))
        np.testing.assert_allclose(few, many, rtol=1e-2)
        point = contact_matrix(geometry, Contacts(positions_um=contacts.positions_um))
        np.testing.assert_allclose(point, transfer_matrix(geometry, contacts.positions_um))


def test_points_on_a_contact_lie_in_its_outline():
    assert np.all(np.linalg.norm(spread("circle", 50), axis=1) <= 1)
    assert np.all(np.abs(spread("rect", 50)) <= 1)
    np.testing.assert_allclose(spread("rect", 9).mean(axis=0), 0, atol=1e-12)


def test_contacts_of_a_probe():
    from probeinterface import generate_tetrode

    contacts = contacts_of(generate_tetrode())
    assert contacts.positions_um.shape == (4, 3)
    assert contacts.shape == "circle" and contacts.size_um[0] > 0
    assert np.all(contacts.positions_um[:, 2] == 0)
