"""SimSort's sorting as published, on four channels with known spikes."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("umap")
import spikeinterface as si  # noqa: E402

from simsort.errors import UserError  # noqa: E402
from simsort.models.model_folder import Model  # noqa: E402
from simsort.models.paper import PAPER_FORM  # noqa: E402
from simsort.sorting.published import cluster, peaks_of_runs, sort_as_published  # noqa: E402

SHAPES_UV = np.array([[1.0, 0.3, 0.1, 0.5], [0.1, 0.2, 1.0, 0.3], [0.5, 1.0, 0.4, 0.1]]) * -150


class DepthDetector(torch.nn.Module):
    """A detector whose answer is known: samples within 1 ms of one far from zero are of a spike."""

    def forward(self, traces):
        return 20 * (torch.nn.functional.max_pool1d(traces.abs().amax(dim=1), 21, stride=1, padding=10) - 5)


class DepthEncoder(torch.nn.Module):
    """An encoder whose answer is known, on any processor: how deep the spike is on each channel."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(1.0), requires_grad=False)

    def forward(self, waveforms_uv):
        return self.scale * waveforms_uv.amin(dim=2)


@pytest.fixture(scope="module")
def model():
    """A model of known answers."""
    return Model(detector=DepthDetector(), encoder=DepthEncoder(), form=PAPER_FORM, note={"architecture": "paper"})


def recording_of(fs, seconds=20.0, n_channels=4, seed=0):
    """A recording of three units on the first four channels, 15 spikes of each a second, and the true samples."""
    rng = np.random.default_rng(seed)
    traces = rng.normal(0, 5, (round(seconds * fs), n_channels)).astype("float32")
    slots = rng.permutation(np.arange(round(seconds * 50)) * 0.02 + 0.005)[:round(45 * seconds)]  # s, apart from one another
    times_ms = np.arange(-round(0.002 * fs), round(0.003 * fs)) / fs * 1000
    trains = []
    for shape, width_ms, some in zip(SHAPES_UV, (0.25, 0.4, 0.3), np.split(np.sort(slots.reshape(3, -1)), 3)):
        train = np.round(np.sort(some.ravel()) * fs).astype(int)
        scaled = times_ms / width_ms
        wave = np.exp(-0.5 * scaled**2) - 0.4 * np.exp(-0.5 * (scaled - 2) ** 2)
        train = train[(train > len(times_ms)) & (train < len(traces) - len(times_ms))]
        for sample in train:
            traces[sample - round(0.002 * fs):sample + round(0.003 * fs), :4] += wave[:, None] * shape
        trains.append(train)
    return si.NumpyRecording(traces, fs), trains


@pytest.mark.parametrize("fs, seconds", [(30000.0, 20.0), (40000.0, 4.0)])
def test_no_unit_holds_two(fs, seconds, model):
    recording, truth = recording_of(fs, seconds, n_channels=6)
    found = sort_as_published(recording, model, seed=0)
    # MeanShift may part a unit, as published; no part may hold two
    near = np.array([[(np.abs(train[:, None] - some[None]).min(axis=1) <= 0.002 * fs).sum() for some in found]
                     for train in truth])
    assert near.max(axis=0).sum() > 0.95 * near.sum() and near.sum() > 0.97 * sum(map(len, truth)), near
    assert sum(map(len, found)) < 1.03 * sum(map(len, truth))
    again = sort_as_published(recording, model, seed=0)
    assert all(np.array_equal(one, other) for one, other in zip(found, again)) and len(found) == len(again)


def test_silence_gives_no_units(model):
    noise = np.random.default_rng(0).normal(0, 5, (60000, 4)).astype("float32")
    assert sort_as_published(si.NumpyRecording(noise, 30000.0), model) == []


def test_more_spikes_than_are_fitted_are_placed_among_them(monkeypatch):
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1], [200, 120])
    embedding = (np.eye(8)[truth] * 10 + rng.normal(0, 0.3, (320, 8))).astype("float32")[rng.permutation(320)]
    monkeypatch.setattr("simsort.sorting.published.MOST_FITTED", 200)
    label = cluster(embedding, seed=0)
    is_first = embedding[:, 0] > 5
    for group in (is_first, ~is_first):
        assert np.bincount(label[group]).max() > 0.95 * group.sum() * (len(np.unique(label[group])) == 1)
    assert not set(label[is_first]) & set(label[~is_first]) and np.bincount(label)[0] == np.bincount(label).max()


def test_runs_have_one_event_each():
    size = torch.tensor([0.0, 1, 3, 2, 0, 0, 5, 4])
    found = torch.tensor([0, 1, 1, 1, 0, 0, 1, 1]).bool()
    assert peaks_of_runs(found, size).tolist() == [2, 6] and peaks_of_runs(~found & False, size).tolist() == []


def test_what_it_does_not_take_is_said(model):
    three = si.NumpyRecording(np.zeros((30000, 3), dtype="float32"), 30000.0)
    with pytest.raises(UserError, match="sorts four channels, the recording has 3"):
        sort_as_published(three, model)
    other = Model(detector=None, encoder=None, form=PAPER_FORM, note={"architecture": "channels"})
    with pytest.raises(UserError, match="architecture is channels, not paper"):
        sort_as_published(three, other)
