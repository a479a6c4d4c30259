"""Spike trains: rates, refractory periods, bursts, correlation, independence of what was asked before."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simsort.errors import UserError
from simsort.simulation.recordings.spike_trains import (SpikeTrains, SpikeTrainSettings, draw_rate_hz, draw_train,
                                                        keep_refractory)


def make_trains(rates_hz=(5.0, 20.0, 1.0), bursts=(0.0, 0.3, 0.0), seed=0, n_samples=90 * 30000, **kwargs):
    def choose(unit, times_s, rng):
        return rng.integers(0, 50, len(times_s))

    return SpikeTrains(rates_hz, bursts, SpikeTrainSettings(**kwargs), choose, sampling_frequency_hz=30000.0,
                       n_samples=n_samples, seed=seed)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), rate_hz=st.floats(0.2, 80), refractory_ms=st.floats(1.5, 4),
       regularity=st.floats(0.5, 5), burst=st.floats(0, 0.8))
def test_refractory_period_is_kept(seed, rate_hz, refractory_ms, regularity, burst):
    times_s = draw_train(rate_hz, 20.0, SpikeTrainSettings(refractory_ms=refractory_ms, regularity=regularity), burst,
                         np.random.default_rng(seed))
    assert (np.diff(times_s) >= refractory_ms / 1000).all()
    assert len(times_s) == 0 or (times_s[0] >= 0 and times_s[-1] < 20)


@settings(max_examples=50, deadline=None)
@given(gaps=st.lists(st.floats(0, 0.01), min_size=1, max_size=40))
def test_keep_refractory_is_the_greedy_choice(gaps):
    times_s = np.cumsum(gaps)
    expected, last = [], -np.inf
    for time_s in times_s:
        expected.append(time_s - last >= 0.002)
        last = time_s if expected[-1] else last
    assert keep_refractory(times_s, 0.002).tolist() == expected


def test_rounded_samples_keep_the_refractory_period_across_epochs():
    trains = make_trains()
    spikes = trains.between(0, trains.n_samples)
    assert (np.diff(spikes.sample) >= 0).all()
    for unit in range(3):
        assert np.diff(spikes.sample[spikes.unit == unit]).min() >= 60  # 2 ms


def test_rates_are_those_asked():
    trains = make_trains(rates_hz=(5.0, 20.0), bursts=(0.0, 0.3), n_samples=600 * 30000, correlation=0.3)
    spikes = trains.between(0, trains.n_samples)
    rates_hz = np.bincount(spikes.unit) / 600
    np.testing.assert_allclose(rates_hz, [5, 20], rtol=0.12)
    bursty = np.diff(spikes.sample[spikes.unit == 1]) / 30
    assert np.mean(bursty < 8) > 0.2


def test_lognormal_rates():
    rng = np.random.default_rng(0)
    rates_hz = np.array([draw_rate_hz((0.5, 20.0), rng) for _ in range(4000)])
    assert np.mean(rates_hz < 0.5) == pytest.approx(0.05, abs=0.012)
    assert np.mean(rates_hz > 20) == pytest.approx(0.05, abs=0.012)
    assert np.median(rates_hz) == pytest.approx(np.sqrt(10), rel=0.08)


def test_units_share_slow_modulation():
    def correlation(depth):
        trains = make_trains(rates_hz=(30.0, 30.0), bursts=(0, 0), n_samples=300 * 30000, correlation=depth,
                             regularity=3.0)
        spikes = trains.between(0, trains.n_samples)
        counts = [np.histogram(spikes.sample[spikes.unit == unit], bins=600)[0] for unit in range(2)]
        return np.corrcoef(counts)[0, 1]

    assert correlation(0.9) > 0.3 > 0.15 > abs(correlation(0.0))


@settings(max_examples=20, deadline=None)
@given(start=st.integers(0, 80 * 30000), length=st.integers(1, 40 * 30000))
def test_any_stretch_is_part_of_the_whole(start, length):
    whole = WHOLE
    part = make_trains().between(start, start + length)
    inside = (whole.sample >= start) & (whole.sample < start + length)
    for name in ("unit", "sample", "snippet"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[inside])


WHOLE = make_trains().between(0, 90 * 30000)


def test_a_shorter_recording_is_a_prefix_and_mistakes_are_named():
    short = make_trains(n_samples=1000000).between(0, 10**9)
    count = len(short.sample)
    np.testing.assert_array_equal(short.sample, WHOLE.sample[:count])
    assert WHOLE.sample[count] >= 1000000
    with pytest.raises(UserError, match="refractory_ms"):
        SpikeTrainSettings(refractory_ms=1.0)
