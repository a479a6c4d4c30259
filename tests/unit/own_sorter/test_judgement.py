"""Which units are none: those whose spikes do not look alike, and those that only come with others or are tails of noise."""

from types import SimpleNamespace

import numpy as np
import pytest

from simsort.sorting.own.judgement import Judgement, weighted_median


def judged(rows):
    """Return the judgement of units given as (size, left variance, gain, share near others, spikes)."""
    means = np.zeros((len(rows), 2, 4, 4), dtype=np.float32)
    for mean, row in zip(means, rows):
        mean[:, 1, 0] = row[0]
    judgement = Judgement(SimpleNamespace(templates=SimpleNamespace(means=means), penalties=np.full(len(rows), 7.0)))
    for facts, (_, left, gain, near, n) in zip(judgement.facts, rows):
        is_near = np.arange(n) < round(near * n)
        facts.append(np.stack([np.full(n, left), np.full(n, gain), is_near, np.full(n, 0.1)], axis=1))
    return judgement


USUAL = [(10.0, 0.7, 40.0, 0.1, 1000), (7.0, 0.65, 20.0, 0.12, 2000), (25.0, 1.1, 300.0, 0.2, 800)]


@pytest.mark.parametrize(("unit", "is_false"), [
    ((8.0, 0.72, 30.0, 0.12, 300), False),
    ((8.0, 1.1, 30.0, 0.12, 300), True),  # its spikes differ
    ((30.0, 1.4, 400.0, 0.5, 300), False),  # a large one's vary, and it may come with others
    ((6.0, 0.7, 10.0, 0.6, 300), True),  # small, and next to others
    ((6.0, 0.7, 10.0, 0.12, 300), False),
    ((6.0, 0.7, 5.0, 0.12, 300), True),  # far less likely than its size would have it
    ((6.0, 1.4, 6.0, 0.9, 10), False),  # too few to tell
])
def test_what_is_false(unit, is_false):
    judgement = judged([*USUAL, unit])
    company, most = judgement.company()
    found = judgement.are_false() | (company > most)
    assert not found[:3].any() and found[3] == is_false


def test_nothing_known_is_nothing_false():
    judgement = judged([(8.0, 1.1, 30.0, 0.9, 5)])
    assert not judgement.are_false().any() and judgement.company()[0] == 0.0


def test_what_was_seen_elsewhere_is_added():
    parts = [judged([*USUAL, (8.0, left, 30.0, 0.12, 300)]) for left in (1.1, 1.2)]
    parts[0].add(parts[1].facts)
    assert len(np.concatenate(parts[0].facts[3])) == 600 and parts[0].are_false()[3]


def test_weighted_median():
    assert weighted_median(np.array([3.0, 1.0, 2.0]), np.array([1, 1, 10])) == 2.0
