"""A neuron that is seen twice, far apart or late, is one unit with a template that has both."""

from dataclasses import replace

import numpy as np
import pytest
from test_linking import FIRST_LAG, N_CHANNELS, N_KNOTS, N_LAGS, RESPONSES, train, units

from simsort.sorting.own.basis import LONG_BEFORE, LONG_SAMPLES, N_BEFORE, N_SAMPLES, Basis
from simsort.sorting.own.linking import link_units
from simsort.sorting.own.parts import lock
from simsort.sorting.own.remembering import remember

FS = 30000.0


@pytest.mark.parametrize("lag", [-12, 0, 7])
def test_a_part_is_locked_to_its_unit_and_tells_how_late_it_is(lag):
    whole = train(0)
    part = whole[np.random.default_rng(1).random(len(whole)) < 0.7] + lag / FS
    found = lock(part, whole)
    assert found.is_locked and found.is_tight and found.lag == lag and found.share == pytest.approx(0.95, abs=0.06)


def test_strangers_are_not_locked_and_loose_company_is_not_tight():
    whole = train(2)
    assert not lock(train(3), whole).is_locked
    loose = np.sort(whole + np.random.default_rng(4).uniform(-28, 28, len(whole)) / FS)
    assert lock(loose, whole).is_locked and not lock(loose, whole).is_tight


@pytest.mark.parametrize("empty", [(np.zeros(0), np.ones(3)), (np.ones(3), np.zeros(0))])
def test_nothing_is_locked_to_nothing(empty):
    assert not lock(*empty).is_locked


def two_ends(late):
    """A neuron with two ends, on channels 0-2 and 3-5, that comes `late` samples late at the second."""
    responses = np.zeros((N_LAGS, 2, 2))
    for lag in range(N_LAGS):
        responses[lag] = np.eye(2) * (FIRST_LAG + lag + 100)  # what it is seen as tells how late
    gains = np.array([8.0, 9.0, 7.0, 6.0, 8.0, 6.0])
    templates = units([np.tile(gains, (N_KNOTS, 1))] * 2, [(300,) * 5, (290,) * 5], [0, 1], [range(3), range(3, 6)])
    whole = train(5)
    return templates, [whole, whole[1::2] + late / FS], responses


@pytest.mark.parametrize("late", [-9, 4])
def test_the_far_end_of_a_neuron_becomes_part_of_its_template(late):
    templates, trains, responses = two_ends(late)
    joined = link_units(templates, trains, responses, FIRST_LAG)
    assert len(joined.counts) == 1
    np.testing.assert_array_equal(joined.means[0, :, :3], templates.means[0, :, :3])
    # at the neuron's time the far end is still to come
    np.testing.assert_allclose(joined.means[0, :, 3:], templates.means[1, :, 3:] * (100 - late), rtol=1e-5)


def test_what_is_left_behind_loosely_is_dropped_only_if_it_is_small():
    gains = np.full((N_KNOTS, N_CHANNELS), 8.0)
    whole = train(6)
    loose = np.sort(whole + np.random.default_rng(7).uniform(-28, 28, len(whole)) / FS)
    for size, n_units in ((0.5, 1), (0.9, 2)):
        templates = units([gains, size * gains], [(300,) * 5, (290,) * 5], [0, 1], [range(3), range(3, 6)])
        assert len(link_units(templates, [whole, loose], RESPONSES, FIRST_LAG).counts) == n_units


def test_a_cluster_remembers_what_its_unit_is_on_other_channels():
    rng = np.random.default_rng(8)
    waveforms = np.linalg.qr(rng.standard_normal((LONG_SAMPLES, 2)))[0].T.astype(np.float32)
    middle = waveforms[:, LONG_BEFORE - N_BEFORE:LONG_BEFORE - N_BEFORE + N_SAMPLES]
    basis = Basis(shifts=np.array([-0.5, 0.0, 0.5]), filters=np.stack([middle.T] * 3), derivative=np.eye(2),
                  waveforms=waveforms)
    gains = np.full((N_KNOTS, N_CHANNELS), 8.0)
    known = units([gains, 2 * gains], [(300,) * 5] * 2, [0, 1], [range(6), range(6)])
    known = replace(known, rest=np.zeros((2, N_CHANNELS, LONG_SAMPLES), dtype=np.float32))
    known.rest[1, 5] = 0.1
    found = units([2.1 * gains, gains], [(300,) * 5] * 2, [0, 0], [range(3), range(3)])
    found = replace(found, rest=np.zeros_like(known.rest))
    of_cluster = np.repeat([0, 1], 100)
    before = np.concatenate([np.full(80, 1), np.full(20, -1), np.full(100, -1)])  # the second cluster is new
    remember(found, of_cluster, before, known, basis)
    np.testing.assert_array_equal(found.means[0, :, 3:], known.means[1, :, 3:])
    np.testing.assert_allclose(found.means[0, :, :3, 0], 2.1 * 8.0, rtol=1e-6)
    np.testing.assert_array_equal(found.rest[0, 5], known.rest[1, 5])
    assert not found.means[1, :, 3:].any() and not found.rest[1].any()
