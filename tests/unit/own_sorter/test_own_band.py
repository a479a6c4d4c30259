"""The own sorter's filter and reference against SpikeInterface's, which they are to equal."""

import numpy as np
import pytest
import spikeinterface.preprocessing as spre
from spikeinterface import NumpyRecording, load

from simsort.sorting.own.band import InBand, WithoutCommonMedian

FS = 30000.0
EDGE = 900


def recording_of(n_channels=4, n_samples=30000, offset=0.0, fs=FS):
    noise = np.random.default_rng(0).standard_normal((n_samples, n_channels)).astype(np.float32)
    return NumpyRecording([10 * noise + np.float32(offset)], fs)


@pytest.mark.parametrize("fs", [12500.0, 30000.0])
def test_the_band_is_that_of_spikeinterface(fs):
    recording = recording_of(fs=fs)
    high_hz = min(6000.0, 0.475 * fs)
    own = InBand(recording, 300.0, high_hz).get_traces()
    other = spre.bandpass_filter(recording, 300.0, high_hz, margin_ms=20.0).get_traces()
    assert own.dtype == np.float32 and own.shape == other.shape
    assert np.abs(own - other)[EDGE:-EDGE].max() < 1e-3


def test_pieces_are_what_the_whole_is():
    band = InBand(recording_of(), 300.0, 6000.0)
    pieces = np.concatenate([band.get_traces(start_frame=start, end_frame=start + 7500)
                             for start in range(0, 30000, 7500)])
    assert np.abs(pieces - band.get_traces()).max() < 2e-2  # noise is 10


@pytest.mark.parametrize("offset", [500.0, -30000.0])
def test_a_constant_leaves_nothing_behind_even_at_the_ends(offset):
    plain, moved = (InBand(recording_of(offset=value), 300.0, 6000.0).get_traces() for value in (0.0, offset))
    assert np.abs(plain - moved).max() < 0.1


@pytest.mark.parametrize("n_channels", [33, 64])
def test_the_median_is_that_of_spikeinterface(n_channels):
    recording = recording_of(n_channels, 3000)
    own, other = WithoutCommonMedian(recording), spre.common_reference(recording)
    np.testing.assert_allclose(own.get_traces(), other.get_traces(), atol=1e-5)
    few = recording.channel_ids[[5, 2]]
    np.testing.assert_allclose(own.get_traces(channel_ids=few), other.get_traces(channel_ids=few), atol=1e-5)


def test_both_open_in_another_process(tmp_path):
    chain = WithoutCommonMedian(InBand(recording_of().save(folder=tmp_path / "saved"), 300.0, 6000.0))
    again = load(chain.to_dict(recursive=True))
    np.testing.assert_array_equal(again.get_traces(end_frame=500), chain.get_traces(end_frame=500))
