"""Worker settings and the seeding of every random number generator."""

import ctypes
import random

import numpy as np
import pytest

from simsort.workers import job_kwargs, seeded


def draws():
    return (np.random.default_rng().integers(1 << 30), np.random.default_rng(seed=None).integers(1 << 30),
            np.random.rand(), random.random(), ctypes.CDLL(None).rand())


def test_every_generator_is_seeded_within_the_context():
    with seeded(5):
        first = draws()
    with seeded(5):
        assert draws() == first
    with seeded(6):
        assert all(a != b for a, b in zip(draws(), first))


def test_explicit_seeds_stay_and_the_context_ends():
    expected = np.random.default_rng(3).integers(1 << 30)
    original = np.random.default_rng
    with pytest.raises(ValueError), seeded(0):
        assert np.random.default_rng(3).integers(1 << 30) == expected
        raise ValueError
    assert np.random.default_rng is original


@pytest.mark.parametrize("threads, fresh, context", [("1", True, "fork"), ("4", True, "spawn"), ("4", False, "fork")])
def test_workers_are_forked_only_where_no_threads_can_be(monkeypatch, threads, fresh, context):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert job_kwargs(4, fresh=fresh)["mp_context"] == context
    assert job_kwargs(0)["n_jobs"] == 1


def test_a_mistake_found_in_a_worker_arrives_as_itself():
    import pickle

    from simsort.errors import UserError

    error = pickle.loads(pickle.dumps(UserError("x.bin is missing", "restore it")))
    assert (type(error), error.what, error.remedy, str(error)) == (UserError, "x.bin is missing", "restore it", "x.bin is missing: restore it")
