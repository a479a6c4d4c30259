"""The sorter as users call it: `simsort.sort` and SpikeInterface's `run_sorter`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from known_spikes import accuracies, recording_of

import simsort
from simsort.errors import UserError

LIGHT = """
import sys, simsort
assert not {"torch", "numba", "spikeinterface"} & set(sys.modules), "import simsort loads too much"
import spikeinterface.sorters as ss
assert not {"torch", "simsort.sorting.own.sort"} & set(sys.modules), "listing the sorters loads too much"
assert "simsort" in ss.available_sorters() and "simsort" in ss.installed_sorters()
"""
OTHER_WAY_ROUND = """
import spikeinterface.sorters as ss
assert "simsort" not in ss.available_sorters()
import simsort
assert ss.sorter_dict["simsort"] in ss.sorter_full_list
"""


@pytest.fixture(scope="module")
def saved(tetrode, tmp_path_factory):
    return recording_of(tetrode[0]).save(folder=tmp_path_factory.mktemp("saved") / "recording", progress_bar=False)


@pytest.mark.parametrize("program", [LIGHT, OTHER_WAY_ROUND], ids=["simsort first", "spikeinterface first"])
def test_spikeinterface_knows_the_sorter_whichever_is_imported_first(program):
    environment = os.environ | {"PYTHONPATH": str(Path(simsort.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


def test_run_sorter_and_sort_give_the_same_spikes_for_any_number_of_jobs(saved, tetrode, tmp_path):
    from spikeinterface.sorters import run_sorter

    once = simsort.sort(saved)
    assert accuracies(once, tetrode[1]).min() > 0.95
    for n_jobs in (1, 2):
        other = run_sorter("simsort", saved, folder=tmp_path / str(n_jobs), n_jobs=n_jobs)
        assert np.array_equal(once.to_spike_vector(), other.to_spike_vector())
        assert np.array_equal(once.unit_ids, other.unit_ids)


def test_segments_go_through_run_sorter(tetrode, tmp_path):
    from spikeinterface.sorters import run_sorter

    traces = tetrode[0]
    recording = recording_of(traces[:170000], traces[170000:]).save(folder=tmp_path / "two", progress_bar=False)
    sorting = run_sorter("simsort", recording, folder=tmp_path / "out")
    assert sorting.get_num_segments() == 2 and sorting.get_num_units() == 3


def test_settings_and_progress_are_heard(saved, capsys):
    assert simsort.sort(saved, threshold=60.0, verbose=True).get_num_units() == 0
    assert capsys.readouterr().out.startswith("sorting 4 channels\n")
    with pytest.raises(TypeError, match="tresh"):
        simsort.sort(saved, tresh=5.0)


def test_every_parameter_is_described_and_has_a_default():
    from spikeinterface.sorters import get_default_sorter_params, get_sorter_params_description

    from simsort.sorting.own.sort import SortSettings

    params, described = get_default_sorter_params("simsort"), get_sorter_params_description("simsort")
    assert set(params) == set(described) and all(described.values())
    assert params["threshold"] == SortSettings().threshold and params["seed"] == SortSettings().seed
    json.dumps(params)


def test_a_users_mistake_is_one_line_through_run_sorter_too(saved, tmp_path):
    from spikeinterface.sorters import run_sorter

    with pytest.raises(UserError, match="device was given 'tpu': allowed: auto, cpu, cuda"):
        run_sorter("simsort", saved, folder=tmp_path / "a", device="tpu")
    with pytest.raises(UserError, match="there is no model folder"):
        run_sorter("simsort", saved, folder=tmp_path / "b", model=str(tmp_path / "missing"))
    with pytest.raises(UserError, match="no positions"):
        bare = recording_of(np.zeros((60000, 4), "float32"), probe=None)
        run_sorter("simsort", bare.save(folder=tmp_path / "bare", progress_bar=False), folder=tmp_path / "c")


def damaged_note(folder):
    (folder / "model.json").write_text('{"format": 1, "inp')


def other_version(folder):
    (folder / "model.json").write_text('{"format": 99}')


def missing_part(folder):
    (folder / "model.json").write_text('{"format": 1, "architecture": "channels"}')


def pickled(folder):
    (folder / "weights.pt").write_bytes(b"\x80\x04.")


@pytest.mark.parametrize("spoil, message", [(damaged_note, "model.json is damaged"), (other_version, "is of format 99"),
                                            (missing_part, "model.json is damaged"), (pickled, "holds a pickled model"),
                                            (lambda folder: None, "model.json is missing")],
                         ids=["damaged", "other version", "incomplete", "pickle", "empty"])
def test_model_folders_that_cannot_be_used(spoil, message, saved, tmp_path):
    spoil(tmp_path)
    with pytest.raises(UserError, match=message):
        simsort.sort(saved, model=tmp_path)


def test_motion_that_cannot_be_estimated_is_a_warning(saved):
    sorting = simsort.sort(saved, apply_motion_correction=True)
    assert sorting.get_num_units() == 3
    assert sorting.get_annotation("warnings")[0].startswith("motion was not corrected: 4 channels at")


@pytest.mark.slow
def test_motion_is_taken_out_where_asked(drifting, monkeypatch):
    from spikeinterface.core.motion import Motion

    from simsort.preprocessing.motion_noise import MotionNoise
    from simsort.sorting.own import api

    recording, trains, displacement_um, times_s = drifting
    known_motion = Motion([displacement_um[:, None]], [times_s], np.array([120.0]))
    # ten seconds are too short to estimate it; that is tested with the preprocessing
    monkeypatch.setattr(api.motion_steps, "estimate", lambda *args: ({"motion": known_motion, "noise": MotionNoise()}, ""))
    sorting = simsort.sort(recording, apply_motion_correction=True)
    assert sorting.get_annotation("warnings") == [] and accuracies(sorting, trains).mean() > 0.8
