"""Input processes."""

import numpy as np
import pytest
from ball_and_stick import build, build_dead
from hypothesis import given
from hypothesis import strategies as st

from simsort.errors import UserError
from simsort.simulation.currents.process import in_fresh_process
from simsort.simulation.drive.conductances import Conductances, ConductanceSettings
from simsort.simulation.drive.processes import OrnsteinUhlenbeck, Packets, PinkNoise
from simsort.simulation.drive.rate import conductances_for_rate, rheobase_na, search, spike_times_ms
from simsort.simulation.seeds import seed_of

DT_MS = 1 / 30


def process(kind, seed):
    rng = np.random.default_rng(seed)
    return {"ou": lambda: OrnsteinUhlenbeck(3.0, DT_MS, rng), "pink": lambda: PinkNoise(DT_MS, rng, 100.0),
            "packets": lambda: Packets(20.0, 5.0, DT_MS, rng)}[kind]()


@pytest.mark.parametrize("kind", ["ou", "pink", "packets"])
@given(seed=st.integers(0, 99), lengths=st.lists(st.integers(1, 400), min_size=1, max_size=6))
def test_chunks_join_to_the_same_bits(kind, seed, lengths):
    whole = process(kind, seed).take(sum(lengths))
    again = process(kind, seed)
    np.testing.assert_array_equal(np.concatenate([again.take(n) for n in lengths]), whole)


def test_an_ornstein_uhlenbeck_process_has_its_variance_and_correlation():
    noise = OrnsteinUhlenbeck(3.0, 0.1, np.random.default_rng(0)).take(2_000_000)
    assert noise.var() == pytest.approx(1, rel=0.02)
    assert np.mean(noise[30:] * noise[:-30]) == pytest.approx(np.exp(-1), abs=0.02)


def test_pink_noise_has_as_much_power_in_every_octave():
    from scipy.signal import welch

    noise = PinkNoise(0.1, np.random.default_rng(0)).take(2_000_000)
    assert noise.var() == pytest.approx(1, rel=0.2)
    frequency, power = welch(noise, fs=10_000, nperseg=2**15)
    inside = (frequency > 2) & (frequency < 500)
    slope = np.polyfit(np.log(frequency[inside]), np.log(power[inside]), 1)[0]
    assert slope == pytest.approx(-1, abs=0.05)


def test_a_seed_of_words_depends_on_every_word_and_their_order():
    assert seed_of(1, "a", "b") == seed_of(1, "a", "b")
    assert len({tuple(seed_of(*words)) for words in [(1, "a"), ("a", 1), (1, "b"), (2, "a"), ("1", "a"), (1, "a", "")]}) == 6


def test_the_search_ends_near_the_rate():
    tried = search(lambda excitation: 1000 * excitation, 0.5, 20.0)
    assert min(abs(np.log(rate / 20)) for rate in tried.values()) < np.log(1.35)


def rates_at(rate_hz):
    cell = build()
    settings = conductances_for_rate(cell, ConductanceSettings(), rate_hz, dt_ms=DT_MS, seed=0)
    return len(spike_times_ms(build(), Conductances(settings, [5]), duration_s=4.0, dt_ms=DT_MS)) / 4.0


@pytest.mark.neuron
def test_a_cell_fires_at_about_the_rate_asked_for():
    assert in_fresh_process(rates_at, 12.0) == pytest.approx(12, rel=0.6)


def search_dead(_):
    conductances_for_rate(build_dead(), ConductanceSettings(), 5.0, dt_ms=DT_MS, seed=0)


@pytest.mark.neuron
def test_a_cell_that_never_fires_is_named():
    with pytest.raises(UserError, match="ball_and_stick never fires"):
        in_fresh_process(search_dead, None)


def never_stops(_):
    import simsort.simulation.drive.rate as rate

    original = rate.spike_times_ms
    rate.spike_times_ms = lambda *args, **kwargs: np.arange(900)
    try:
        conductances_for_rate(build(), ConductanceSettings(), 5.0, dt_ms=DT_MS, seed=0)
    finally:
        rate.spike_times_ms = original


@pytest.mark.neuron
def test_a_cell_that_never_stops_is_named():
    with pytest.raises(UserError, match="never stops firing"):
        in_fresh_process(never_stops, None)


def correlation(shared_fraction):
    trains = []
    for seed in (1, 2):
        settings = ConductanceSettings(excitation_us=0.05, shared_fraction=shared_fraction, shared_seed=7)
        spikes = spike_times_ms(build(), Conductances(settings, [seed]), duration_s=15.0, dt_ms=DT_MS)
        trains.append(np.histogram(spikes, np.arange(0, 15001, 15.0))[0])
    return float(np.corrcoef(trains)[0, 1]), int(sum(map(np.sum, trains)))


@pytest.mark.neuron
def test_shared_input_correlates_firing():
    alone, n_spikes = in_fresh_process(correlation, 0.0)
    together, _ = in_fresh_process(correlation, 0.9)
    assert n_spikes > 50
    assert together > alone + 0.2


def rheobases(_):
    return rheobase_na(build(), dt_ms=DT_MS), rheobase_na(build_dead(), dt_ms=DT_MS)


@pytest.mark.neuron
def test_the_rheobase_is_the_first_step_that_fires():
    alive, dead = in_fresh_process(rheobases, None)
    assert 0.05 <= alive <= 0.25
    assert dead == 0.05
