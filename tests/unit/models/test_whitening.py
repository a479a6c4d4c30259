"""Whitening and filtering with known answers."""

import numpy as np
import pytest

from simsort.models.whitening import fit_whitening

torch = pytest.importorskip("torch")
CONTACTS_UM = np.column_stack([np.zeros(6), 20.0 * np.arange(6)])


def correlated_noise(n_samples=60000, seed=0):
    rng = np.random.default_rng(seed)
    covariance = np.exp(-np.abs(np.subtract.outer(range(6), range(6))) / 2) * np.outer(range(5, 11), range(5, 11))
    return covariance, (np.linalg.cholesky(covariance) @ rng.standard_normal((6, n_samples))).astype(np.float32)


def test_noise_of_known_covariance_becomes_identity():
    covariance, noise_uv = correlated_noise()
    whitening = fit_whitening(noise_uv, CONTACTS_UM, 30000.0)
    np.testing.assert_allclose(np.cov(whitening(noise_uv)), np.eye(6), atol=0.06)
    np.testing.assert_allclose(whitening.noise_uv, np.sqrt(np.diag(covariance)), rtol=0.03)


def test_spikes_do_not_count_as_noise():
    _, noise_uv = correlated_noise()
    with_spikes = noise_uv.copy()
    for start in range(300, 59000, 600):  # 50 a second, on all channels
        with_spikes[:, start:start + 20] -= 200.0
    clean, disturbed = fit_whitening(noise_uv, CONTACTS_UM, 30000.0), fit_whitening(with_spikes, CONTACTS_UM, 30000.0)
    np.testing.assert_allclose(disturbed.noise_uv, clean.noise_uv, rtol=0.15)
    assert np.abs(disturbed.matrix - clean.matrix).max() < 0.25 * np.abs(clean.matrix).max()


def test_dead_channels_stay_silent():
    _, noise_uv = correlated_noise()
    noise_uv[2] = 0.0
    whitened = fit_whitening(noise_uv, CONTACTS_UM, 30000.0)(noise_uv)
    assert not whitened[2].any() and np.isfinite(whitened).all()
    np.testing.assert_allclose(np.delete(whitened, 2, axis=0).std(axis=1), 1, rtol=0.05)


def test_many_channels_are_whitened_as_by_the_whole_matrix():
    rng = np.random.default_rng(3)
    contacts_um = np.column_stack([16.0 * (np.arange(90) % 2), 20.0 * (np.arange(90) // 2)])
    noise_uv = rng.normal(0, 8, (90, 20000)).astype(np.float32)
    noise_uv[1:] += 0.5 * noise_uv[:-1]
    whitening = fit_whitening(noise_uv, contacts_um, 30000.0)
    assert (whitening.matrix == 0).mean() > 0.5
    for traces_uv in (noise_uv, noise_uv[:, :6000].reshape(90, 3, 2000).swapaxes(0, 1)):
        np.testing.assert_allclose(whitening(traces_uv), whitening.matrix @ traces_uv, atol=1e-4)


def test_order_of_channels_and_place_of_the_probe_change_nothing():
    _, noise_uv = correlated_noise()
    matrix = fit_whitening(noise_uv, CONTACTS_UM, 30000.0).matrix
    order = np.array([3, 0, 5, 1, 4, 2])
    other = fit_whitening(noise_uv[order], CONTACTS_UM[order] + (500.0, -3000.0), 30000.0).matrix
    np.testing.assert_allclose(other, matrix[np.ix_(order, order)], atol=1e-5)


@pytest.mark.parametrize("to_hz", [30000.0, 20000.0])
def test_band_pass_keeps_the_band_and_the_time(to_hz):
    from simsort.models.band import band_pass

    times_s = np.arange(24000) / 24000.0
    inside, below = np.sin(2 * np.pi * 1000 * times_s), np.sin(2 * np.pi * 20 * times_s)
    traces = torch.as_tensor(np.stack([inside, below]).astype(np.float32))
    filtered = band_pass(traces, 24000.0, (300.0, 6000.0), to_hz).numpy()
    expected = np.sin(2 * np.pi * 1000 * np.arange(filtered.shape[1]) / to_hz)
    middle = slice(1000, -1000)
    np.testing.assert_allclose(filtered[0, middle], expected[middle], atol=0.02)
    assert np.abs(filtered[1, middle]).max() < 0.01
