"""Gaps found by the sync pulse of SpikeGLX files."""

import numpy as np
import pytest

from simsort.dispatch.jobs import dispatch_session
from simsort.dispatch.sync_edges import SyncEdges, follow_edges
from simsort.writers.spikeglx import write_spikeglx
from test_dispatch_spikeglx import settings
from test_writers_spikeglx import counts_recording

FS_HZ = 30_000.0


def pulse(duration_s, fs_hz=FS_HZ, period_s=1.0, first_s=0.3, high=0.5):
    """The sync word of a pulse that is high for a part of its period, among other bits that mean something else."""
    times_s = np.arange(int(duration_s * fs_hz)) / fs_hz - first_s
    rng = np.random.default_rng(0)
    others = rng.integers(0, 2, times_s.size).astype("int16") << 3
    return (((times_s % period_s) < high * period_s).astype("int16") << 6) | others


@pytest.mark.parametrize("options", [{}, {"period_s": 0.25}, {"high": 0.05}, {"first_s": 0.0}, {"fs_hz": 29_999.3}])
def test_a_steady_pulse_has_no_gap(options):
    period_s = options.get("period_s", 1.0)
    found = follow_edges(pulse(60, **options), FS_HZ, period_s)
    assert found.n_gaps == 0 and found.largest_deviation_ms < 0.1
    assert found.n_edges == pytest.approx(60 / period_s, abs=2)


@pytest.mark.parametrize("changed, n_gaps, worst_ms", [
    (lambda word: np.delete(word, slice(310_000, 311_500)), 1, 50),  # 50 ms are lost
    (lambda word: np.delete(word, slice(310_000, 310_030)), 0, 1),  # 1 ms is within the limit
    (lambda word: np.insert(word, 310_000, word[310_000:313_000]), 1, 100),  # 100 ms are there twice
    (lambda word: np.delete(word, slice(310_000, 385_000)), 1, 500),  # 2.5 s are lost
    (lambda word: np.where(np.arange(word.size) < 900_000, word, 0), 1, 0),  # the pulse stops
    (lambda word: np.where(abs(np.arange(word.size) - 900_000) > 60_000, word, 0), 1, 4000)])  # it is gone for a while
def test_gaps_are_counted_once(changed, n_gaps, worst_ms):
    found = follow_edges(changed(pulse(60)), FS_HZ, 1.0)
    assert found.n_gaps == n_gaps and found.largest_deviation_ms == pytest.approx(worst_ms, abs=1000.0 if worst_ms > 400
                                                                                  else 0.2)


def test_no_pulse_is_unknown():
    assert follow_edges(np.zeros(90_000, dtype="int16"), FS_HZ, 1.0) is None
    assert follow_edges(np.full(90_000, 64, dtype="int16"), FS_HZ, 1.0) is None


def test_little_is_read():
    class Counting:
        n_read = 0

        def __init__(self, word):
            self.word = word

        def __len__(self):
            return len(self.word)

        def __getitem__(self, part):
            self.n_read += len(self.word[part])
            return self.word[part]

    word = Counting(pulse(120))
    found = follow_edges(word, FS_HZ, 1.0)
    assert found == SyncEdges(120, 0, found.largest_deviation_ms) and found.largest_deviation_ms < 0.1
    assert word.n_read < 0.05 * len(word)



def test_lost_samples_of_a_session_are_a_warning(tmp_path):
    session = write_spikeglx(counts_recording(sizes=[120_000]), tmp_path, "mouse")
    [job] = dispatch_session(session, settings())
    assert job["sync"] == {"n_gaps": 0, "n_edges": 4, "largest_deviation_ms": 0.0} and job["warnings"] == []
    binary = next(session.rglob("*.ap.bin"))
    samples = np.fromfile(binary, dtype="<i2").reshape(-1, 7)
    cut = np.delete(samples, slice(50_000, 51_500), axis=0)
    cut.tofile(binary)
    meta = binary.with_suffix(".meta")
    meta.write_text(meta.read_text().replace(f"fileSizeBytes={samples.nbytes}", f"fileSizeBytes={cut.nbytes}"))
    [job] = dispatch_session(session, settings())
    assert job["state"] == "ready" and job["sync"]["n_gaps"] == 1
    assert job["warnings"] == ["1 intervals of the sync pulse deviate by up to 50.0 ms: samples are lost or repeated"]
    samples[:, -1] = 0
    samples.tofile(binary)
    meta.write_text(meta.read_text().replace(f"fileSizeBytes={cut.nbytes}", f"fileSizeBytes={samples.nbytes}"))
    [job] = dispatch_session(session, settings())
    assert job["sync"]["n_gaps"] is None and "no pulse" in job["sync"]["reason"]
