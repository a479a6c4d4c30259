"""CEED's encoder in the sorter's place: `encoder="ceed"`."""

import argparse
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from known_spikes import accuracies, known, recording_of, wired
from probeinterface import generate_linear_probe

import simsort
from simsort.errors import UserError
from simsort.models.ceed_folder import load_ceed
from simsort.models.shipped import CEED_FOLDER, FOLDER
from simsort.sorting.own import api
from simsort.sorting.own.basis import LONG_SAMPLES
from simsort.sorting.own.ceed_looks import CeedLooks, distance
from simsort.sorting.own.identity import LIKELY
from simsort.sorting.own.pursuit import Spikes
from simsort.sorting.own.templates import Templates

QUIET = recording_of(np.random.default_rng(0).normal(0, 10, (60000, 4)).astype("float32"))


@pytest.fixture(scope="module")
def saved(tetrode, tmp_path_factory):
    return recording_of(tetrode[0]).save(folder=tmp_path_factory.mktemp("saved") / "recording", progress_bar=False)


def test_a_tetrode_is_sorted_the_same_twice(saved, tetrode, tmp_path):
    from spikeinterface.sorters import run_sorter

    once = simsort.sort(saved, encoder="ceed")
    assert accuracies(once, tetrode[1]).min() > 0.95
    again = run_sorter("simsort", saved, folder=tmp_path / "again", encoder="ceed", n_jobs=2)
    assert once.to_spike_vector().tobytes() == again.to_spike_vector().tobytes()


def test_without_being_asked_nothing_of_it_is_loaded(saved, monkeypatch):
    monkeypatch.setattr(api, "load_ceed", lambda *args: pytest.fail("CEED was loaded"))
    default, asked = simsort.sort(saved), simsort.sort(saved, encoder="simsort")
    assert default.to_spike_vector().tobytes() == asked.to_spike_vector().tobytes()
    monkeypatch.setattr("simsort.models.model_folder.load_model", lambda *args: pytest.fail("a model was loaded"))
    assert api.load_networks("shipped", "cpu", "none") is None


def alone(tmp_path):
    return recording_of(known(duration_s=2.0, gains_uv=((90,),), widths_ms=(0.15,))[0], probe=None)


def far_apart(tmp_path):
    return recording_of(QUIET.get_traces(), probe=wired(generate_linear_probe(4, ypitch=200.0)))


@pytest.mark.parametrize("recording, message", [(alone, "the recording has one channel, CEED's encoder looks at 11"),
                                                (far_apart, "no contact of the probe has another within 150 um")])
def test_probes_that_it_cannot_work_on(recording, message, tmp_path):
    from spikeinterface.sorters import run_sorter

    with pytest.raises(UserError, match=message + ".*use encoder simsort"):
        simsort.sort(recording(tmp_path), encoder="ceed")
    kept = recording(tmp_path).save(folder=tmp_path / "kept", progress_bar=False)
    with pytest.raises(UserError, match=message):
        run_sorter("simsort", kept, folder=tmp_path / "out", encoder="ceed")


@pytest.mark.parametrize("given, message", [
    (dict(encoder="ced"), "encoder was given 'ced': allowed: simsort, ceed, none"),
    (dict(encoder="ceed", model="missing/folder"), "there is no model folder"),
    (dict(encoder="ceed", model=FOLDER), "architecture 'channels', not a CEED encoder"),
    (dict(encoder="simsort", model=CEED_FOLDER), "holds no detector"),
    (dict(encoder="ceed", model=None), "encoder ceed needs a model"),
    (dict(encoder="none", model=CEED_FOLDER), "encoder none takes no model")])
def test_models_that_do_not_fit_the_encoder(given, message):
    with pytest.raises(UserError, match=message):
        simsort.sort(QUIET, **given)


@pytest.mark.parametrize("change, message", [(dict(joining={"at_one_place": 1.0}), "has no odds for joining units"),
                                             (dict(input={"sampling_frequency_hz": 20000.0}), "at 20000 Hz")])
def test_encoders_that_the_sorter_cannot_use(change, message, tmp_path):
    shutil.copytree(CEED_FOLDER, tmp_path / "ceed")
    note = json.loads((tmp_path / "ceed" / "model.json").read_text())
    note |= {name: {**(note[name] if name == "input" else {}), **value} for name, value in change.items()}
    (tmp_path / "ceed" / "model.json").write_text(json.dumps(note))
    with pytest.raises(UserError, match=message):
        simsort.sort(QUIET, encoder="ceed", model=tmp_path / "ceed")


def looks_of(n_channels=6, n_units=2):
    """Looks at units whose largest channels are 1 and up, 20 um apart."""
    units = np.arange(n_units)
    means = np.zeros((n_units, 1, n_channels, 2), dtype=np.float32)
    means[units, 0, 1 + units] = 1.0
    ones = np.ones((n_units, 1))
    templates = Templates(means=means, step_s=1.0, occupancy=ones, counts=ones[:, 0], is_noise=units < 0, group=units,
                          rest=np.zeros((n_units, n_channels, LONG_SAMPLES), dtype=np.float32))
    pursuit = SimpleNamespace(templates=templates)
    probe = wired(generate_linear_probe(n_channels, 20.0))
    recording = recording_of(np.zeros((100, n_channels), "float32"), probe=probe)
    return CeedLooks(load_ceed(), recording, pursuit)


def test_waveforms_lie_around_each_spikes_own_channel_and_trough():
    looks = looks_of()
    traces = np.zeros((6, 3000), dtype=np.float32)
    samples, channels = np.array([500, 1500, 2500]), np.array([1, 3, 1])
    traces[channels, samples + 5] = -10.0
    traces[channels + 1, samples + 5] = -4.0
    none = np.zeros(3)
    looks.see(traces, Spikes(sample=samples, unit=np.zeros(3, dtype=int), delay=none, amplitude=none, gain=none),
              np.ones(3, dtype=bool))
    [(waveforms, rows)] = looks.found[0]
    assert rows.tolist() == channels.tolist() and waveforms.shape == (3, 11, 121)
    assert (waveforms[:, 5, 42] == -10.0).all() and (waveforms[:, 6, 42] == -4.0).all()
    assert np.count_nonzero(waveforms) == 6  # no channels beyond the probe's end


def test_near_units_are_likely_to_be_one_far_ones_not():
    looks, middle = looks_of(), np.zeros(5)
    place, beside, far = (middle, 0.5), (middle + 0.1, 0.5), (middle + 2.0, 0.5)
    assert distance(place, far) == pytest.approx(2 * np.sqrt(5) / 0.5)
    assert looks.near(place, beside) > LIKELY > 0 > looks.near(place, far)
    assert looks.near(place, None) == -np.inf


def test_the_encoder_puts_units_of_other_shapes_elsewhere():
    looks, rng = looks_of(n_channels=12, n_units=3), np.random.default_rng(2)
    time_ms = (np.arange(121) - 42) / 30
    for unit, (channel, width_ms) in enumerate(((4, 0.12), (4, 0.12), (4, 0.45))):
        spike = -np.exp(-(time_ms / width_ms) ** 2) + 0.3 * np.exp(-((time_ms - 4 * width_ms) / (3 * width_ms)) ** 2)
        fall = 15 * np.exp(-np.abs(np.arange(11) - 5) / (0.7 if unit < 2 else 3.0))
        waveforms = fall[:, None] * spike + rng.normal(size=(60, 11, 121))
        looks.found[unit].append((waveforms.astype(np.float32), np.full(60, channel)))
    one, same, other = looks.identities(load_ceed())
    assert distance(one, same) < 0.5 < 2.0 < distance(one, other)
    assert looks_of().identities(load_ceed()) == [None, None]  # no spikes


def test_the_stage_knows_which_model_is_meant():
    from simsort.stages.sort import model_of

    asked = argparse.Namespace(sorter="simsort", model="shipped")
    assert model_of(asked, "ceed") == str(CEED_FOLDER) and model_of(asked, "simsort") == str(FOLDER)
