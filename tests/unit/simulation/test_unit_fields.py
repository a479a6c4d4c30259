"""Few modes and components for the potentials of a cell."""

import numpy as np
import pytest

from simsort.simulation.recordings.unit_fields import fewer_components, modes_of, root_of


@pytest.mark.parametrize("n_places", [5, 40])  # fewer and more than segments
def test_modes_give_back_the_potentials(n_places):
    rng = np.random.default_rng(0)
    n_segments, n_samples = 12, 30
    basis = rng.normal(size=(3, n_segments, n_samples)).astype(np.float32)
    weights = np.array([5.0, 1.0, 0.1])
    flat = (basis * weights[:, None, None]).transpose(1, 0, 2).reshape(n_segments, -1)
    root = root_of(basis, weights)
    np.testing.assert_allclose(root @ root.T, flat @ flat.T, rtol=1e-5, atol=1e-3)
    transfer = rng.normal(size=(n_places, n_segments)) * np.logspace(0, -3, n_segments)
    fields, mixing = modes_of(transfer, root, 1e-6, 16)
    courses = mixing.T @ flat
    np.testing.assert_allclose(fields @ courses, transfer @ flat, atol=1e-5 * np.abs(transfer @ flat).max())
    np.testing.assert_allclose(courses @ courses.T, np.eye(len(courses)), atol=1e-4)
    few, _ = modes_of(transfer, root, 0.1, 16)
    assert few.shape[1] < fields.shape[1] and modes_of(transfer, root, 1e-6, 2)[0].shape == (n_places, 2)
    np.testing.assert_allclose(np.abs(few), np.abs(fields[:, :few.shape[1]]), rtol=1e-6, atol=1e-9)


def test_components_that_do_not_matter_are_dropped():
    rng = np.random.default_rng(0)
    waves = rng.normal(size=(6, 2, 50)).astype(np.float32)
    coefficients = rng.normal(size=(80, 6)).astype(np.float32) * np.array([30, 20, 10, 5, 1e-3, 1e-4], dtype=np.float32)
    fewer, whole = fewer_components(coefficients, waves, 4e-3)
    assert whole.dtype == np.int16 and whole.shape == (4, 2, 50) and fewer.shape == (80, 4)
    before, after = (np.tensordot(a, b.astype(np.float32), axes=1) for a, b in ((coefficients, waves), (fewer, whole)))
    assert np.abs(before - after).max() < 1e-3 * np.abs(before).max()
