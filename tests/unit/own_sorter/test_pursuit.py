"""Matching pursuit: overlapping spikes of known templates come back with their times."""

from dataclasses import replace

import numpy as np
import pytest

from known_templates import traces_with
from simsort.sorting.own.basis import N_SAMPLES, cut, delays_of, noise_covariance, noise_products
from simsort.sorting.own.pursuit import MARGIN, Pursuit, Spikes, explained, filtered, take_from, toeplitz_of

FS = 30000.0


def test_features_of_noise_have_variance_one(basis):
    noise = np.random.default_rng(1).normal(size=(3000, 1, N_SAMPLES))
    features = basis(noise, np.zeros(3000))
    assert np.allclose(np.cov(features.T), np.eye(4), atol=0.08)


def test_the_noise_is_measured_between_spikes():
    rng = np.random.default_rng(2)
    coloured = np.stack([np.convolve(rng.normal(size=60000), [0.6, 0.8], "same") for _ in range(4)])
    coloured[:, ::3000] -= 40
    covariance = noise_covariance(*noise_products(coloured))
    assert abs(covariance[0, 0] - 1) < 0.06 and abs(covariance[0, 1] - 0.48) < 0.06 and abs(covariance[0, 5]) < 0.06


@pytest.mark.parametrize("n_samples", [N_SAMPLES, N_SAMPLES + 1, 1000])
def test_features_are_those_of_snippets_that_begin_at_each_sample(n_samples):
    rng = np.random.default_rng(4)
    filters, trace = rng.normal(size=(3, N_SAMPLES)), rng.normal(size=n_samples)
    expected = np.stack([np.correlate(trace, its, "valid") for its in filters])
    assert np.allclose(filtered(trace, toeplitz_of(filters)), expected, atol=1e-4)


def test_scores_are_the_inner_products_of_templates_with_features(basis, templates):
    pursuit = Pursuit(templates, basis, sampling_frequency_hz=30000.0, duration_s=100.0)
    traces = np.random.default_rng(5).normal(size=(templates.means.shape[2], 400)).astype(np.float32)
    means, sample = pursuit.means_in(traces, 0.0), 123
    scores = pursuit.scores(traces, means)
    features = basis(cut(traces, np.arange(len(traces)), np.array([sample])), np.zeros(1)).reshape(len(traces), -1)
    assert scores.shape == (len(means), 400)
    assert np.allclose(scores[:, sample], (means * features).sum(axis=(1, 2)), atol=1e-3)
    assert not pursuit.scores(traces[:, :N_SAMPLES - 1], means).any()


@pytest.mark.parametrize("n_samples", [0, 1, 40, N_SAMPLES])
def test_the_noise_of_a_scrap_of_traces_is_measured_as_far_as_it_goes(n_samples):
    products, counts = noise_products(np.ones((2, n_samples)))
    assert products.shape == counts.shape == (N_SAMPLES,)
    assert counts[:n_samples].tolist() == [2 * (n_samples - lag) for lag in range(n_samples)] and not counts[n_samples:].any()


def test_delays_are_those_of_the_trough():
    t = np.arange(N_SAMPLES) - 24
    snippets = np.stack([-np.cos((t - delay) / 6) for delay in (-0.4, 0.0, 0.3)])
    assert np.allclose(delays_of(snippets), [-0.4, 0.0, 0.3], atol=0.02)


def test_cut_takes_the_samples_around():
    traces = np.arange(2000.0).reshape(2, 1000)
    snippets = cut(traces, [1], np.array([100, 200]))
    assert snippets.shape == (2, 1, N_SAMPLES) and snippets[1, 0, 24] == 1200


@pytest.mark.parametrize("gap", [0, 5, 12, 25, 60])
def test_overlapping_spikes_are_told_apart(basis, templates, gap):
    spikes = [(1000, 0), (1000 + gap, 1), (3000, 1), (4200, 0)]
    found = Pursuit(templates, basis, sampling_frequency_hz=FS, duration_s=100.0).match(
        traces_with(templates, basis, spikes), 0.0)
    for unit in (0, 1):
        expected = np.array([sample for sample, its in spikes if its == unit])
        samples = np.sort(found.sample[found.unit == unit])
        assert len(samples) == len(expected) and np.abs(samples - expected).max() <= 1


def test_what_is_left_is_noise(basis, templates):
    pursuit = Pursuit(templates, basis, sampling_frequency_hz=FS, duration_s=100.0)
    traces = traces_with(templates, basis, [(1000, 0), (1010, 1), (3000, 1)])
    left = pursuit.residual(traces, 0.0)
    inner = left[:, MARGIN:-MARGIN]
    assert abs(inner.std() - 1) < 0.05 and np.abs(inner).max() < 5.5 < np.abs(traces).max()


def test_nothing_is_found_in_noise(basis, templates):
    traces = traces_with(templates, basis, [], seed=3, n_samples=60000)
    assert len(Pursuit(templates, basis, sampling_frequency_hz=FS, duration_s=100.0).match(traces, 0.0).sample) == 0


def test_what_leaves_more_than_it_explains_is_not_taken(basis, templates):
    echo = np.zeros_like(templates.rest)
    echo[0, :, 45:] = -1.2 * (templates.means[0, 0] @ basis.waveforms)[:, :55]
    wrong = replace(templates, rest=echo)
    traces = traces_with(templates, basis, [(1000, 0), (3000, 1)])  # no spike of theirs has such an echo
    pursuit = Pursuit(wrong, basis, sampling_frequency_hz=FS, duration_s=100.0)
    means, units = pursuit.means_in(traces, 0.0), np.arange(2)
    unasked = pursuit.explain(pursuit.scores(traces, means), means, units)
    assert len(unasked.sample) > 50  # each takes the echo of the one before for a spike
    assert energy(pursuit.residual(traces, 0.0, unasked)) > energy(traces)
    found = pursuit.match(traces, 0.0)
    assert found.sample.tolist() == [3000] and found.unit.tolist() == [1]
    assert energy(pursuit.residual(traces, 0.0, found)) < energy(traces)


def test_what_was_refused_is_asked_again_once_its_neighbour_is_explained(basis, templates):
    tails = np.zeros_like(templates.rest)
    tails[1, 3, 72:98] = 18 * (-1.0) ** np.arange(26)  # seen by no filter
    tails[0] = -2 * tails[1]  # hides the other's
    hidden = replace(templates, rest=tails)
    traces = traces_with(templates, basis, [(1000, 0), (1000, 1)])
    traces[:, 970:1070] += tails.sum(axis=0)
    pursuit = Pursuit(hidden, basis, sampling_frequency_hz=FS, duration_s=100.0)
    means, units = pursuit.means_in(traces, 0.0), np.arange(2)
    scores = pursuit.scores(traces, means)
    assert scores[1, 1000] > 1.2 * scores[0, 1000]  # is asked first,
    waveforms = pursuit.waveforms(means, units)
    assert explained(traces, waveforms, pursuit.support, 1, 1000, 0.0, 1.0) < 0  # and refused
    found = pursuit.match(traces, 0.0)
    assert found.unit.tolist() == [0, 1] and np.abs(found.sample - 1000).max() <= 1
    assert energy(pursuit.residual(traces, 0.0, found)) < energy(traces)


def energy(traces):
    return (traces.astype(np.float64) ** 2).sum()


@pytest.mark.parametrize("sample, delay", [(500, 0.0), (500, 0.4), (500, -0.4), (20, 0.0), (990, 0.0)])
def test_what_a_spike_explains_is_what_its_energy_falls_by(sample, delay, basis, templates):
    pursuit = Pursuit(templates, basis, sampling_frequency_hz=FS, duration_s=100.0)
    traces = np.random.default_rng(6).normal(size=(4, 1000)).astype(np.float32)
    waveforms = pursuit.waveforms(templates.means[:, 0], np.arange(2))
    its = (traces, waveforms, pursuit.support, 1, sample, delay, 1.2)
    expected = explained(*its)
    left = traces.copy()
    take_from(left, *its[1:])
    assert (energy(traces) - energy(left)) / 2 == pytest.approx(expected, rel=1e-3, abs=1e-3)
    spike = Spikes(sample=np.array([sample]), unit=np.array([1]), delay=np.array([delay]), amplitude=np.array([1.2]),
                   gain=np.ones(1))
    if 100 < sample < 900:  # beyond, `residual` takes nothing out
        assert np.abs(left - pursuit.residual(traces, 0.0, spike)).max() < 0.08 * np.abs(waveforms).max()
