"""Units that are not needed: pieces of another unit's variation and overlaps of two, but no neuron of few spikes."""

from dataclasses import replace

import numpy as np
import pytest

from known_templates import traces_with
from simsort.sorting.own.basis import LONG_BEFORE, LONG_SAMPLES
from simsort.sorting.own.pursuit import NEVER, Pursuit, Spikes
from simsort.sorting.own.sort import OwnSorter
from simsort.sorting.own.worth import FEWEST, GAP, HALF, WIDTH, Worth, around, middles, stretches

FS = 30000.0


def with_third(templates, basis, mean, count):
    """Return the pursuit of the two templates and a third."""
    many = {name: np.concatenate([getattr(templates, name)] * 2)[:3]
            for name in ("means", "occupancy", "is_noise", "group", "rest")}
    many["means"][2] = mean
    return Pursuit(replace(templates, **many, counts=np.array([500.0, 500.0, count])), basis,
                   sampling_frequency_hz=FS, duration_s=100.0)


def judged(pursuit, spikes, seed=0):
    """Return the worth of units by traces with these spikes `(sample, unit)`."""
    traces = traces_with(pursuit.templates, pursuit.basis, spikes, seed, n_samples=spikes[-1][0] + 1000)
    worth = Worth(pursuit)
    worth.see(traces, 0.0, 0, traces.shape[1])
    return worth


def judged_thrice(pursuit):
    """Return the worth of units by many spikes of the third."""
    worth = Worth(pursuit)
    for shift in range(3):  # twelve of a piece are looked at
        part = judged(pursuit, [(1000 + 501 * number + shift, 2) for number in range(20)], seed=shift)
        worth.add(part.losses, part.takers)
    return worth


def aside(mean, distance):
    """Return a mean that lies so far from another one, in noise levels."""
    other = mean.copy()
    other[:, 3, 1] += distance
    return other


@pytest.mark.parametrize(("mean", "count", "is_superfluous"), [
    (lambda means: aside(means[0], 2.3), 40.0, True),  # spikes at the edge of a unit's
    (lambda means: aside(means[0], 2.3), 400.0, False),  # too many for that
    (lambda means: aside(means[0], 5.0), 40.0, False),
    (lambda means: means[0][:, ::-1], 40.0, False),
])
def test_what_is_not_needed(basis, templates, mean, count, is_superfluous):
    worth = judged_thrice(with_third(templates, basis, mean(templates.means), count))
    assert worth.superfluous().tolist() == [False, False, is_superfluous]


def test_an_overlap_of_two_units_is_not_needed(basis, templates):
    apart = 0.16 * templates.means  # of large ones the pursuit, which takes one after the other, fits overlaps badly
    apart[0, :, 2:], apart[1, :, :2] = 0, 0
    overlap = apart.sum(axis=0)  # both fired at once
    worth = judged_thrice(with_third(replace(templates, means=apart), basis, overlap, 40.0))
    assert worth.superfluous().tolist() == [False, False, True]
    assert np.all(worth.takers[2, :2] >= FEWEST)  # both take its place


def test_few_spikes_tell_nothing(basis, templates):
    pursuit = with_third(templates, basis, aside(templates.means[0], 2.3), 40.0)
    worth = judged(pursuit, [(1000 + 501 * number, 2) for number in range(20)])
    assert 0 < len(worth.losses[2]) < FEWEST and not worth.superfluous().any()


def test_noise_does_not_take_the_spikes_of_a_neuron(basis, templates):
    noise = replace(templates, is_noise=np.array([True, False]))
    worth = judged_thrice(with_third(noise, basis, aside(templates.means[0], 2.3), 40.0))
    assert not worth.superfluous().any()


def chain(counts, takers):
    """Return the worth of three units of which the first two explain little, by who takes their spikes."""
    worth = Worth.__new__(Worth)
    worth.counts, worth.takers = np.array(counts), np.zeros((3, 3), dtype=int)
    worth.losses = [[1.0] * 20, [1.0] * 20, [9.0] * 20]
    for unit, taker in takers:
        worth.takers[unit, taker] += 20
    return worth


@pytest.mark.parametrize(("counts", "takers", "out"), [
    ((20.0, 100.0, 500.0), [(0, 1), (1, 2)], [False, True, False]),  # the first is asked again
    ((20.0, 100.0, 500.0), [(0, 2), (1, 2)], [True, True, False]),
    ((20.0, 100.0, 500.0), [(0, 1), (0, 2), (1, 2)], [True, True, False]),
    ((400.0, 300.0, 500.0), [(0, 2), (1, 2)], [False, False, False]),  # not fewer by enough
    ((20.0, 100.0, 500.0), [], [False, False, False]),  # nobody takes them
])
def test_spikes_go_to_larger_units_that_stay(counts, takers, out):
    assert chain(counts, takers).superfluous().tolist() == out


def test_a_unit_seen_nowhere_is_not_asked(basis, templates):
    pursuit = with_third(templates, basis, 0.0 * templates.means[0], 40.0)
    assert Worth(pursuit).asked.tolist() == [False, False, False]


def test_stretches_stand_apart():
    scores = np.arange(2.0 * 2000, dtype=np.float32).reshape(2, 2000) + 1
    found = stretches(scores, np.array([400, 900]), HALF, HALF, NEVER)
    assert found.shape == (2, GAP + 2 * (WIDTH + GAP))
    assert np.array_equal(found[:, middles(2)], scores[:, [400, 900]])
    assert np.all(found[:, :GAP] == NEVER) and np.all(found[:, -GAP:] == NEVER)
    assert np.sum(found > NEVER) == 2 * 2 * WIDTH
    wider = stretches(scores, np.array([400, 900]), HALF + LONG_BEFORE, HALF + LONG_SAMPLES - LONG_BEFORE, 0.0)
    assert np.array_equal(wider[:, middles(2)], scores[:, [400, 900]])
    assert np.sum(wider > 0) == 2 * 2 * (WIDTH + LONG_SAMPLES)  # none reaches into the next


def spikes_at(sample, unit):
    """Return spikes at some samples."""
    n = len(sample)
    return Spikes(sample=np.array(sample), unit=np.array(unit), delay=np.full(n, 0.2), amplitude=np.full(n, 1.1),
                  gain=np.ones(n))


def test_places_of_spikes_in_stretches():
    found = around(spikes_at([400, 420, 461, 900], [0, 1, 1, 0]), np.array([400, 950]))
    first, second = middles(2)
    assert found.sample.tolist() == [first, first + 20, second - 50] and found.unit.tolist() == [0, 1, 0]
    burst = around(spikes_at([400, 460], [0, 0]), np.array([400, 460]))  # each is also in the other's stretch, at its end
    assert burst.sample.tolist() == [first, first + 60, second - 60, second]


def with_tails(templates):
    """Return templates that leave something beyond their features."""
    rest = np.zeros_like(templates.rest)
    rest[0, 1, 70:90], rest[1, 2, 75:95] = 1.0, -2.0
    return replace(templates, rest=rest)


def explained(pursuit, spikes, seed=0):
    """Return scores and traces with these spikes, what the pursuit leaves of them, its spikes and the templates."""
    traces = traces_with(pursuit.templates, pursuit.basis, spikes, seed, n_samples=spikes[-1][0] + 1000)
    means, units = pursuit.means_in(traces, 0.0), np.arange(len(pursuit.templates.counts))
    scores = pursuit.scores(traces, means)
    left = scores.copy(), traces.copy()
    found = pursuit.explain(left[0], means, units, left[1])
    return scores, traces, left, found, means, units


def test_what_is_taken_out_is_what_the_pursuit_takes(basis, templates):
    pursuit = with_third(with_tails(templates), basis, aside(templates.means[0], 2.3), 40.0)
    scores, _, (left, _), spikes, means, units = explained(
        pursuit, [(500 + 150 * number, number % 2) for number in range(20)])
    pursuit.take(spikes, scores, means, units)
    assert len(spikes.sample) >= 20
    assert np.array_equal(scores[left > NEVER / 2], left[left > NEVER / 2])


def test_spikes_put_back_are_what_they_were_taken_from(basis, templates):
    pursuit = with_third(with_tails(templates), basis, aside(templates.means[0], 2.3), 40.0)
    scores, traces, (_, traces_left), found, means, units = explained(pursuit, [(500, 0), (530, 1), (900, 0)])
    some, left = np.array([0, 2]), scores.copy()
    pursuit.take(found, left, means, units)
    at = np.array([500])
    scores_back = stretches(left[some], at, HALF, HALF, NEVER)
    traces_back = stretches(traces_left, at, HALF + LONG_BEFORE, HALF + LONG_SAMPLES - LONG_BEFORE, 0.0)
    pursuit.put_back(around(found, at), scores_back, traces_back, means, some)
    pursuit.take(found.only((found.unit == 1) | (found.sample > 700)), scores, means, units)
    assert np.allclose(scores_back[scores_back > NEVER / 2], scores[some, 500 - HALF:500 + HALF + 1].ravel(), atol=0.01)
    expected = traces - (0 if 1 not in found.unit else traces_of(pursuit, found.only(found.unit == 1), traces.shape))
    middle = slice(500 - HALF - LONG_BEFORE, 500 + HALF + LONG_SAMPLES - LONG_BEFORE + 1)
    cut_out = middles(1)[0] - 500 + np.arange(middle.start, middle.stop)
    assert np.allclose(traces_back[:, cut_out], expected[:, middle], atol=0.001)


def traces_of(pursuit, spikes, shape):
    """Return traces of these spikes and nothing else."""
    means, units, nothing = pursuit.means_at(0.0), np.arange(len(pursuit.templates.counts)), np.zeros(shape, np.float32)
    pursuit.put_back(spikes, np.zeros((len(units), shape[1]), np.float32), nothing, means, units)
    return nothing


@pytest.mark.parametrize("far", [HALF, HALF + 1, 90, 160])
def test_spikes_farther_away_leave_nothing_at_the_ends(basis, templates, far):
    pursuit = with_third(templates, basis, templates.means[0][:, ::-1], 40.0)
    scores, _, (_, traces), spikes, means, units = explained(pursuit, [(500, 0), (500 + far, 1)])
    pursuit.take(spikes, scores, means, units)
    at = np.array([500])
    scores = stretches(scores, at, HALF, HALF, NEVER)
    traces = stretches(traces, at, HALF + LONG_BEFORE, HALF + LONG_SAMPLES - LONG_BEFORE, 0.0)
    pursuit.put_back(around(spikes, at), scores, traces, means, units)
    again = pursuit.explain(scores, means, units, traces)
    near = np.abs(spikes.sample - 500) <= HALF
    assert (again.sample - middles(1)[0] + 500).tolist() == spikes.sample[near].tolist()
    assert again.unit.tolist() == spikes.unit[near].tolist()


@pytest.mark.parametrize(("losses", "is_unsettled"), [
    ([9.0] * 20, False),
    ([9.0] * 10, True),  # too few to tell
    ([1.0] * 20, True),
    ([10.0, -3.0] * 10, True),  # 3.5 on average, give or take 1.5
    ([10.0, 4.0] * 10, False),
])
def test_asked_on_is_who_may_not_be_needed(losses, is_unsettled):
    worth = chain((20.0, 100.0, 500.0), [])
    worth.asked, worth.losses = np.array([True, False, True]), [losses, [1.0] * 20, [9.0] * 20]
    assert worth.unsettled().tolist() == [is_unsettled, False, False]


@pytest.mark.parametrize(("loss", "n_pieces"), [(9.0, 10), (2.0, 30)])
def test_where_the_first_pieces_are_clear_no_others_are_asked(basis, templates, loss, n_pieces):
    pursuit, seen = with_third(templates, basis, aside(templates.means[0], 5.0), 40.0), []
    sorter = OwnSorter.__new__(OwnSorter)
    sorter.pieces = np.zeros((70, 2), dtype=int)
    sorter.over_blocks = lambda function, pieces: iter(
        (seen.append(int(piece)), ([[], [], [loss] * 12], np.zeros((3, 3), dtype=int)))[1] for piece in pieces)
    worth = sorter.worth(pursuit)
    assert len(seen) == len(set(seen)) == n_pieces and len(worth.losses[2]) == 12 * n_pieces
    assert min(seen) == 0 and max(seen) > 60, "all along the recording"
