"""Clusters that are one neuron are joined; neighbours are not; the encoder's word counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simsort.sorting.own.clustering import find_clusters
from simsort.sorting.own.identity import AT_ONE_PLACE, LIKELY, Looks, join_pieces, log_odds, union
from simsort.sorting.own.linking import Comparison, Linker, link_units, meeting_knots
from simsort.sorting.own.pursuit import Spikes
from simsort.sorting.own.templates import Templates

N_KNOTS, N_CHANNELS, DURATION_S = 5, 6, 100.0
FIRST_LAG, N_LAGS = -20, 41
RESPONSES = np.zeros((N_LAGS, 2, 2))
RESPONSES[-FIRST_LAG] = np.eye(2)  # a template seen at any other time is nothing


def units(gains, occupancy, groups, sees):
    """Templates whose channels have given gains at every knot."""
    means = np.zeros((len(gains), N_KNOTS, N_CHANNELS, 2), dtype=np.float32)
    for unit, (gain, seen) in enumerate(zip(gains, sees)):
        means[unit] = np.asarray(gain, dtype=float).reshape(-1, N_CHANNELS, 1) * [1.0, -0.5]
        means[unit][:, ~np.isin(np.arange(N_CHANNELS), seen)] = 0.0
    occupancy = np.array(occupancy, dtype=float)
    return Templates(means=means, step_s=DURATION_S / (N_KNOTS - 1), occupancy=occupancy,
                     counts=occupancy.sum(axis=1), is_noise=np.zeros(len(gains), dtype=bool), group=np.array(groups),
                     rest=np.zeros((len(gains), N_CHANNELS, 4), dtype=np.float32))


def train(seed, rate_hz=20.0, start_s=0.0, stop_s=DURATION_S, dead_s=0.003):
    rng = np.random.default_rng(seed)
    times_s = start_s + np.cumsum(dead_s + rng.exponential(1 / rate_hz, int(2 * rate_hz * (stop_s - start_s)) + 10))
    return times_s[times_s < stop_s]


def moving(fraction):
    """Gains of a neuron that goes from channel 1 to channel 4."""
    return [8 * np.exp(-0.5 * (np.arange(N_CHANNELS) - 1 - 3 * step) ** 2 / 1.5**2) for step in fraction]


def test_two_halves_of_a_neuron_that_moves_become_one_template():
    gains = moving(np.linspace(0, 1, N_KNOTS))
    whole = train(0)
    first, second = whole[whole < 50], whole[whole >= 50]
    held = [gains[:3] + 2 * gains[2:3], 2 * gains[2:3] + gains[2:]]  # where a half is not, its mean stands still
    templates = units(held, [(200, 400, 200, 0, 0), (0, 0, 200, 400, 200)], [0, 1], [range(5), range(1, 6)])
    joined = link_units(templates, [first, second], RESPONSES, FIRST_LAG)
    assert len(joined.counts) == 1 and joined.counts[0] == len(whole)
    true = np.array(gains)[:, :, None] * [1.0, -0.5]
    assert np.abs(joined.means[0] - true)[:, 1:5].max() < 0.05 * np.abs(true).max()
    assert templates.means[0, :, 5].max() == 0.0  # what was given is left as it was


def test_neighbours_that_look_alike_but_fire_as_strangers_stay_two():
    gains = [moving([0.5] * N_KNOTS)] * 2
    templates = units(gains, [(200,) * 5, (199,) * 5], [0, 1], [range(6), range(6)])
    assert len(link_units(templates, [train(1), train(2)], RESPONSES, FIRST_LAG).counts) == 2


@pytest.mark.parametrize("keep_apart, n_units", [(True, 1), (False, 2)])
def test_larger_changes_need_the_refractory_period(keep_apart, n_units):
    gains = [moving([0.4] * N_KNOTS), moving([0.75] * N_KNOTS)]
    whole = train(3, rate_hz=30.0)
    odd = np.arange(len(whole)) % 2 == 1
    trains = [whole[~odd], whole[odd]] if keep_apart else [train(4), train(5)]
    templates = units(gains, [(300,) * 5, (299,) * 5], [0, 1], [range(6), range(6)])
    linker = Linker(templates, trains, RESPONSES, FIRST_LAG)
    assert 0.35 < linker.likeness(0, 1).change < 0.7
    assert len(link_units(templates, trains, RESPONSES, FIRST_LAG).counts) == n_units


def test_units_that_share_no_channel_are_not_compared():
    gains = [moving([0.0] * N_KNOTS), moving([1.0] * N_KNOTS)]
    templates = units(gains, [(200,) * 5, (200,) * 5], [0, 1], [range(3), range(3, 6)])
    assert Linker(templates, [train(6), train(6)], RESPONSES, FIRST_LAG).likeness(0, 1).change == np.inf


def test_what_the_encoder_puts_together_is_joined_unless_it_fires_at_once():
    gains = [moving([0.4] * N_KNOTS), moving([0.75] * N_KNOTS), moving([0.5] * N_KNOTS)]
    whole, other = train(7, rate_hz=30.0), train(8)
    odd = np.arange(len(whole)) % 2 == 1
    seconds = [whole[~odd], whole[odd], other]
    templates = units(gains, [(300,) * 5, (299,) * 5, (300,) * 5], [0, 1, 1], [range(6)] * 3)
    trains = [np.round(part * 30000).astype(int) for part in seconds]
    linker = Linker(templates, seconds, RESPONSES, FIRST_LAG)
    near, far = np.zeros(4), np.full(4, 9.0)
    good = np.arange(3)
    together = join_pieces(trains, linker, [near, near, near], good, 30000.0, Looks.near)
    assert sorted(map(len, together)) == sorted([len(whole), len(other)])
    assert len(join_pieces(trains, linker, [near, far, near], good, 30000.0, Looks.near)) == 3
    assert len(join_pieces(trains, linker, [near, None, None], good, 30000.0, Looks.near)) == 3
    one, two = (log_odds(0, other, dict(enumerate(trains)), linker, 30000.0) for other in (1, 2))
    assert one > two + 5 and AT_ONE_PLACE + one > LIKELY > AT_ONE_PLACE + two


@given(st.lists(st.integers(0, 500), min_size=1, max_size=40), st.lists(st.integers(0, 500), min_size=1, max_size=40))
def test_a_union_holds_every_spike_once(one, other):
    one, other = np.unique(one), np.unique(other)
    both = union(one, other, 5)
    assert np.isin(one, both).all() and (np.diff(both) >= 0).all()
    for sample in other:
        assert np.abs(both - sample).min() <= 5
        assert (sample in both) == (sample in one or np.abs(one - sample).min() > 5)


def test_snippets_for_the_encoder_lie_on_each_spikes_own_trough():
    from simsort.models.input_form import InputForm

    form = InputForm(n_channels=3)
    contacts_um = np.stack([np.zeros(N_CHANNELS), 20.0 * np.arange(N_CHANNELS)], axis=1)
    templates = units([moving([0.0] * N_KNOTS)], [(100,) * 5], [0], [range(6)])

    class Found:
        pass
    pursuit = Found()
    pursuit.templates = templates
    traces = np.zeros((N_CHANNELS, 3000), dtype=np.float32)
    samples, channels = np.array([500, 1500, 2500]), np.array([1, 2, 1])
    traces[channels, samples + 2] = -10.0
    looks = Looks(form, contacts_um, pursuit)
    blank = np.zeros(3)
    looks.see(traces, Spikes(sample=samples, unit=np.zeros(3, dtype=int), delay=blank, amplitude=blank, gain=blank),
              np.ones(3, dtype=bool))
    [(snippets, found)] = looks.found[0]
    assert found.tolist() == channels.tolist() and snippets.shape == (3, 3, form.n_samples)
    assert (snippets[:, 0].argmin(axis=1) == form.n_before).all()  # the spike's own channel comes first


def test_a_small_unit_is_not_lost_in_the_noise_that_hides_behind_its_spikes():
    rng = np.random.default_rng(9)
    spikes = train(10, rate_hz=8.0)
    noise = np.sort(rng.uniform(0, DURATION_S, 1500))
    after = noise - spikes[np.maximum(np.searchsorted(spikes, noise) - 1, 0)]
    noise = noise[(after < 0) | (after > 0.002)]  # no trough of the noise crosses the threshold behind a spike
    features = np.concatenate([rng.normal(size=(len(spikes), 6)) + [5.5, 3.0, 0, 0, 0, 0],
                               rng.normal(size=(len(noise), 6)) * [0.3, 1, 1, 1, 1, 1] + [3.8, -1.0, 0, 0, 0, 0]])
    times_s, is_spike = np.concatenate([spikes, noise]), np.arange(len(features)) < len(spikes)
    order = np.argsort(times_s)
    mixture = find_clusters(features[order], times_s[order], DURATION_S, np.array([[0.0, 0.1], [-0.1, 0.0]]))
    units_found = np.flatnonzero(~mixture.are_noise())
    assert len(units_found) == 1
    its = mixture.labels() == units_found[0]
    assert (its & is_spike[order]).sum() > 0.9 * is_spike.sum() and its.sum() < 1.1 * is_spike.sum()


def test_units_meet_where_the_one_hands_over_to_the_other():
    first, second = np.array([9.0, 10, 8, 3, 2, 2]), np.array([3.0, 2, 3, 6, 12, 11])
    assert meeting_knots(first, second) == [(2, 3)]
    assert meeting_knots(second, first) == [(3, 2)]
    assert meeting_knots(first, first + 1) == []
    assert meeting_knots(np.array([8.0, 0, 0]), np.array([0, 0, 7.0])) == [(0, 2)]


def test_what_a_unit_holds_at_the_others_time_does_not_keep_them_apart():
    gains = np.array(moving(np.linspace(0.4, 0.6, N_KNOTS)))
    odd = gains[:, ::-1].copy()  # a few events of others
    held = [np.concatenate([gains[:3], odd[3:]]), np.concatenate([odd[:2], gains[2:]])]
    templates = units(held, [(300, 300, 250, 40, 40), (40, 40, 100, 300, 300)], [0, 1], [range(6)] * 2)
    comparison = Comparison(templates, RESPONSES, FIRST_LAG)
    assert comparison.likeness(0, 1).change < 0.35 and comparison.likeness(0, 1).shared > 0.2


def test_units_that_fire_side_by_side_must_look_alike_to_be_joined():
    gains = [moving([0.4] * N_KNOTS), moving([0.85] * N_KNOTS)]
    whole = train(9, rate_hz=30.0)
    odd = np.arange(len(whole)) % 2 == 1
    trains = {0: np.round(whole[~odd] * 30000).astype(int), 1: np.round(whole[odd] * 30000).astype(int)}
    side_by_side, in_turn = [(300,) * 5] * 2, [(300, 300, 100, 0, 0), (0, 0, 200, 300, 300)]
    for occupancy, is_possible in ((side_by_side, False), (in_turn, True)):
        comparison = Comparison(units(gains, occupancy, [0, 1], [range(6)] * 2), RESPONSES, FIRST_LAG)
        assert 0.5 < comparison.likeness(0, 1).change < 0.75
        assert np.isfinite(log_odds(0, 1, trains, comparison, 30000.0)) == is_possible
