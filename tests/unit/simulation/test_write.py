"""Simulated recordings on disk."""

import csv
import gc

import numpy as np
import pytest
from made_up_cells import made_up_cells

from simsort.errors import UserError
from simsort.simulation.recordings.drift import DriftSettings
from simsort.simulation.recordings.probes import make_probe
from simsort.simulation.recordings.recording import simulate_recording
from simsort.simulation.recordings.settings import RecordingSettings
from simsort.simulation.recordings.write import known_objects_frozen, write_folder, write_spikeglx_session


def make(name, n_channels=None, **kwargs):
    settings = RecordingSettings(duration_s=2.0, **kwargs)
    return simulate_recording(made_up_cells(), make_probe(name, n_channels), settings, 2)


def test_folder_loads_in_spikeinterface_with_its_truth(tmp_path):
    from spikeinterface import load

    recording = make("tetrode", drift=DriftSettings(kind="slow"))
    folder = write_folder(recording, tmp_path / "out", n_jobs=2)
    loaded, truth = load(folder / "recording"), load(folder / "ground_truth")
    np.testing.assert_array_equal(loaded.get_traces(), recording.get_traces())
    np.testing.assert_allclose(loaded.get_channel_locations(), recording.get_channel_locations())
    expected = recording.ground_truth()
    np.testing.assert_array_equal(truth.to_spike_vector(), expected.to_spike_vector())
    np.testing.assert_allclose(truth.get_property("snr"), expected.get_property("snr"))
    rows = list(csv.DictReader(open(folder / "units.csv", encoding="utf-8")))
    assert len(rows) == len(recording.plan.units) and {row["is_background"] for row in rows} == {"True", "False"}
    drift = np.load(folder / "drift.npz")
    np.testing.assert_allclose(drift["displacement_um"][3, 0], recording.displacement_um(1.5, drift["depths_um"][0]))
    with pytest.raises(UserError, match="not empty"):
        write_folder(recording, folder)


def test_the_garbage_collector_is_as_it_was_after_writing(tmp_path):
    write_folder(make("tetrode"), tmp_path / "out")
    assert gc.get_freeze_count() == 0
    with pytest.raises(ZeroDivisionError), known_objects_frozen():
        assert gc.get_freeze_count() > 0
        raise ZeroDivisionError
    assert gc.get_freeze_count() == 0


def test_spikeglx_session_reads_back(tmp_path):
    from spikeinterface import load
    from spikeinterface.extractors import read_spikeglx

    recording = make("neuropixels1", 16)
    session = write_spikeglx_session(recording, tmp_path / "out", in_turns=False)
    loaded = read_spikeglx(session, stream_id="imec0.ap")
    np.testing.assert_array_equal(loaded.get_traces(), recording.get_traces())
    truth = load(tmp_path / "out" / "ground_truth")
    assert truth.get_num_units() == recording.plan.n_foreground > 0
    in_turns = read_spikeglx(write_spikeglx_session(recording, tmp_path / "turns"), stream_id="imec0.ap").get_traces()
    # The first channel of its converter, and the last.
    np.testing.assert_allclose(in_turns[100:-100, 0], recording.get_traces()[100:-100, 0], atol=1)
    assert np.abs(in_turns[:, 11].astype(int) - recording.get_traces()[:, 11]).max() > 1
    with pytest.raises(UserError, match="Neuropixels 1.0"):
        write_spikeglx_session(make("tetrode"), tmp_path / "no")
