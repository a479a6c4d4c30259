"""Whitened traces that are kept on disk while a recording is sorted."""

import os

import numpy as np
import pytest
from known_spikes import recording_of

import simsort
from simsort.errors import UserError
from simsort.sorting.own import kept
from simsort.sorting.own.kept import KeptTraces, keep

PIECES = [(0, 1000), (1000, 2000), (2000, 2500)]


@pytest.fixture
def written(monkeypatch):
    """The pieces of which files were written during a test."""
    found, save = [], KeptTraces.save

    def saved(self, start, traces):
        save(self, start, traces)
        found.extend([start] * self.path(start).exists())

    monkeypatch.setattr(KeptTraces, "save", saved)
    return found


def test_a_piece_comes_back_bit_by_bit_and_others_do_not(tmp_path):
    pieces = keep(tmp_path, PIECES, n_channels=4, most_gb=1.0)
    traces = np.random.default_rng(0).normal(size=(4, 1000)).astype(np.float32)
    assert pieces.load(1000) is None
    pieces.save(1000, traces)
    pieces.save(7, traces)
    assert pieces.load(1000).tobytes() == traces.tobytes() and pieces.load(7) is None
    assert [path.name for path in tmp_path.iterdir()] == ["1000.npy"]


@pytest.mark.parametrize("most_gb, starts", [(0, []), (22e-6, [0]), (43e-6, [0, 1000]), (1.0, [0, 1000, 2000])])
def test_no_more_are_kept_than_fit(most_gb, starts, tmp_path):
    assert sorted(keep(tmp_path, PIECES, n_channels=4, most_gb=most_gb).starts) == starts


def test_a_quarter_of_the_free_disk_is_the_most(tmp_path, monkeypatch):
    monkeypatch.setattr(kept.shutil, "disk_usage", lambda folder: type("Usage", (), dict(free=4 * 22_000)))
    assert sorted(keep(tmp_path, PIECES, n_channels=4, most_gb=1.0).starts) == [0]


def test_a_full_disk_keeps_nothing(tmp_path):
    pieces = keep(tmp_path, PIECES, n_channels=4, most_gb=1.0)
    (tmp_path / f".0.npy.{os.getpid()}.part").symlink_to("/dev/full")
    pieces.save(0, np.zeros((4, 1000), np.float32))
    assert not list(tmp_path.iterdir()) and pieces.load(0) is None
    pieces.save(0, np.ones((4, 1000), np.float32))  # when there is room again
    assert pieces.load(0).all()


def test_other_trouble_with_the_disk_is_told(tmp_path):
    pieces = keep(tmp_path, PIECES, n_channels=4, most_gb=1.0)
    (tmp_path / f".0.npy.{os.getpid()}.part").mkdir()
    with pytest.raises(IsADirectoryError):
        pieces.save(0, np.zeros((4, 1000), np.float32))


def test_a_scratch_folder_has_to_be_there(tetrode, tmp_path):
    with pytest.raises(UserError, match="scratch_folder was given .*missing.*: there is no such folder"):
        simsort.sort(recording_of(tetrode[0]), scratch_folder=tmp_path / "missing")


def test_the_spikes_are_the_same_and_nothing_is_left(tetrode, tmp_path, written):
    recording = recording_of(tetrode[0])
    without = simsort.sort(recording)
    assert not written
    with_it = simsort.sort(recording, scratch_folder=tmp_path)
    assert len(written) >= 3 and len(set(written)) == len(written), "each piece is made once"
    assert without.to_spike_vector().tobytes() == with_it.to_spike_vector().tobytes()
    assert not list(tmp_path.iterdir())


def test_spikeinterface_keeps_them_in_its_folder_unless_told_not_to(tetrode, tmp_path, written):
    from spikeinterface.sorters import run_sorter

    recording = recording_of(tetrode[0]).save(folder=tmp_path / "saved", progress_bar=False)
    kept_none = run_sorter("simsort", recording, folder=tmp_path / "none", keep_gb=0.0)
    assert not written
    some = run_sorter("simsort", recording, folder=tmp_path / "some")
    assert kept_none.to_spike_vector().tobytes() == some.to_spike_vector().tobytes()
    assert written and not list((tmp_path / "some").rglob("traces-*"))


def test_a_sorting_that_fails_leaves_nothing(tetrode, tmp_path, monkeypatch):
    monkeypatch.setattr("simsort.sorting.own.sort.OwnSorter.learn", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        simsort.sort(recording_of(tetrode[0]), scratch_folder=tmp_path)
    assert not list(tmp_path.iterdir())
