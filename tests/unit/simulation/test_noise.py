"""Noise: covariance, spectrum and level as asked, independent of how it is cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import welch
from scipy.stats import kurtosis

from simsort.errors import UserError
from simsort.simulation.recordings.noise import NoiseGenerator, NoiseModel, NoiseSettings, default_noise, fit_noise
from simsort.simulation.recordings.probes import make_probe
from simsort.simulation.recordings.unit_fields import in_spike_band

FREQUENCY_HZ = 30000.0


def make_noise(model, n_blocks=8, block_samples=16000, seed=0):
    generator = NoiseGenerator(model, block_samples, FREQUENCY_HZ, seed)
    return np.concatenate([generator.block_uv(block) for block in range(n_blocks)], axis=1)


def white(covariance):
    return NoiseModel(mixing_uv=np.linalg.cholesky(covariance),
                      frequencies_hz=np.array([0.0, 15000.0]), power=np.ones(2))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**63), n_channels=st.integers(1, 6))
def test_covariance_is_what_was_asked(seed, n_channels):
    factor = np.random.default_rng(seed % 1000).standard_normal((n_channels, n_channels))
    covariance = factor @ factor.T + np.eye(n_channels)
    noise = make_noise(white(covariance), seed=seed)
    found = noise @ noise.T / noise.shape[1]
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert np.abs((found - covariance) / scale).max() < 0.025
    assert np.abs(kurtosis(noise, axis=1)).max() < 0.1  # Gaussian


def test_variance_does_not_change_where_blocks_meet():
    noise = make_noise(white(np.eye(64)), n_blocks=40, block_samples=2000)
    by_place = noise.reshape(64, 40, 2000)[:, 1:].var(axis=(0, 1))
    np.testing.assert_allclose(by_place, 1, atol=0.15)
    assert by_place[:1000].mean() == pytest.approx(by_place[1000:].mean(), rel=0.02)


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(6)))
def test_blocks_in_any_order_are_the_same(order):
    model = default_noise(NoiseSettings(), make_probe("tetrode").contact_positions, FREQUENCY_HZ)
    straight = make_noise(model, 6, 2000)
    generator = NoiseGenerator(model, 2000, FREQUENCY_HZ, 0)
    for block in order:
        np.testing.assert_array_equal(generator.block_uv(block), straight[:, block * 2000:(block + 1) * 2000])


def test_default_noise_has_its_level_colour_and_spatial_correlation():
    positions = make_probe("neuropixels1", 16).contact_positions
    noise = make_noise(default_noise(NoiseSettings(level_uv=7.0), positions, FREQUENCY_HZ), 20)
    in_band = in_spike_band(noise, FREQUENCY_HZ)
    np.testing.assert_allclose(in_band.std(axis=1), 7.0, rtol=0.06)
    frequencies_hz, power = welch(noise, FREQUENCY_HZ, nperseg=2048)
    power = power.mean(axis=0)
    low, high = (power[(frequencies_hz > a) & (frequencies_hz < b)].mean() for a, b in ((300, 600), (6000, 12000)))
    assert 2.0 < low / high < 4.0
    correlation = np.corrcoef(noise)
    assert correlation[0, 1] == pytest.approx(0.4 * np.exp(-32 / 60), abs=0.03)
    assert abs(correlation[0, 15]) < correlation[0, 1] / 2


def test_from_covariances_and_its_mistakes():
    lags = np.abs(np.subtract.outer(np.arange(40), np.arange(40)))
    model = NoiseModel.from_covariances(9 * np.array([[1.0, 0.3], [0.3, 1.0]]), 0.6**lags,
                                        sampling_frequency_hz=FREQUENCY_HZ)
    noise = make_noise(model)
    assert np.corrcoef(noise)[0, 1] == pytest.approx(0.3, abs=0.02)
    assert noise.std() == pytest.approx(3.0, rel=0.03)
    assert np.corrcoef(noise[0, :-1], noise[0, 1:])[0, 1] == pytest.approx(0.6, abs=0.03)
    assert model.at_channels([1]).mixing_uv.shape == (1, 1)
    with pytest.raises(UserError, match="spatial"):
        NoiseModel.from_covariances(np.ones((2, 3)), np.eye(3), sampling_frequency_hz=FREQUENCY_HZ)
    with pytest.raises(UserError, match="negative eigenvalues"):
        NoiseModel.from_covariances(np.array([[1.0, 2], [2, 1]]), np.eye(3), sampling_frequency_hz=FREQUENCY_HZ)
    with pytest.raises(UserError, match="level_uv"):
        NoiseSettings(level_uv=-1)


def test_fit_finds_the_noise_between_the_spikes():
    from spikeinterface import NumpyRecording

    positions = make_probe("tetrode").contact_positions
    true = default_noise(NoiseSettings(level_uv=8.0), positions, FREQUENCY_HZ)
    traces = in_spike_band(make_noise(true, 10), FREQUENCY_HZ).T
    clean = np.cov(traces.T)
    traces[::3000] -= 200.0  # spikes
    fitted = fit_noise(NumpyRecording([traces], FREQUENCY_HZ), duration_s=5.0)
    np.testing.assert_allclose(fitted.covariance_uv2(), clean, atol=0.12 * clean.max())
    again = make_noise(fitted, 6)
    assert again.std() == pytest.approx(np.sqrt(np.trace(clean) / 4), rel=0.1)


@pytest.mark.data
def test_noise_of_a_neuropixels_recording(simsort_data):
    folder = simsort_data / "ibl_noise"
    spatial, temporal = (np.load(folder / f"{name}_cov.npy") for name in ("spatial", "temporal"))
    whole = NoiseModel.from_covariances(spatial, temporal, sampling_frequency_hz=FREQUENCY_HZ, scale_uv=10.0)
    model = whole.at_channels(range(32))
    noise = make_noise(model, 20)
    found = np.cov(noise)
    np.testing.assert_allclose(found, 100 * spatial[:32, :32], atol=6.0)
    lags = np.array([np.diag(temporal, k).mean() for k in range(20)])
    mine = np.array([np.mean(noise[:, :-20] * noise[:, k:noise.shape[1] - 20 + k]) for k in range(20)])
    np.testing.assert_allclose(mine / mine[0], lags / lags[0], atol=0.05)
