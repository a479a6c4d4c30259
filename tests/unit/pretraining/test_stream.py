"""The stream of sets: the same whatever makes it, and from wherever it is gone on with."""

import os
import signal
from concurrent.futures.process import BrokenProcessPool

import pytest

from simsort.errors import UserError

torch = pytest.importorskip("torch")


class Counting:
    """A recording whose sets say what they are."""

    def __init__(self, seed):
        self.seed = seed

    def set(self, index):
        return self.seed, index


class Source:
    """Draws such recordings."""

    def draw(self, seed):
        return Counting(seed)


class Failing:
    """Cannot draw."""

    def draw(self, seed):
        raise UserError("cell.safetensors is damaged", "make it again")


class Dying:
    """Is killed while it draws."""

    def draw(self, seed):
        os.kill(os.getpid(), signal.SIGKILL)


def take(n, source=None, **options):
    from simsort.pretraining.stream import SetStream, StreamConfig

    stream = SetStream(source or Source(), StreamConfig(seed=3, n_lanes=4, sets_per_situation=2), **options)
    items = [next(stream) for _ in range(n)]
    stream.close()
    return items


def test_the_number_of_workers_changes_nothing():
    alone = take(24, n_workers=0)
    assert take(24, n_workers=2) == alone
    assert len({seed for seed, _ in alone}) == 12, "four lanes, three recordings each"


def test_it_goes_on_anywhere():
    alone = take(24, n_workers=0)
    for first in (1, 4, 11):
        assert take(24 - first, n_workers=0, first=first) == alone[first:]


def test_ranks_share_the_lanes():
    alone = take(24, n_workers=0)
    shares = [take(12, n_workers=0, rank=rank, n_ranks=2) for rank in range(2)]
    assert [shares[place % 2][place // 2] for place in range(24)] == alone


def test_the_error_of_a_worker_arrives():
    with pytest.raises(UserError, match="cell.safetensors is damaged"):
        take(1, source=Failing(), n_workers=1)


def test_a_worker_that_is_killed_ends_the_training(monkeypatch):
    from simsort.pretraining import stream

    monkeypatch.setattr(stream, "WAIT_S", 0.2)
    with pytest.raises(BrokenProcessPool):
        take(1, source=Dying(), n_workers=1)


def test_real_sets_are_the_same_in_a_worker(cells):
    from simsort.models.input_form import InputForm
    from simsort.pretraining.recordings import EventSource

    source = EventSource(cells[0], InputForm(), n_events=64, probes=("tetrode",))
    here, there = take(2, source=source, n_workers=0), take(2, source=source, n_workers=1)
    for one, other in zip(here, there):
        assert len(one.unit) and torch.equal(one.unit, other.unit) and torch.equal(one.snippets, other.snippets)
