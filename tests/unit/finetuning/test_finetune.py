"""Fine-tuning on a recording: what is learnt from, what is held out, and that nothing is accepted at a loss."""

import dataclasses
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
import spikeinterface as si  # noqa: E402
from probeinterface import generate_linear_probe, generate_tetrode  # noqa: E402
from steady_torch import one_thread  # noqa: E402, F401

from simsort.config.stages import Finetuning  # noqa: E402
from simsort.finetuning import hybrid, units  # noqa: E402
from simsort.finetuning.events import Labeller  # noqa: E402
from simsort.finetuning.held_out import recording_case  # noqa: E402
from simsort.finetuning.main import finetune, judge  # noqa: E402
from simsort.models.model_folder import load_model  # noqa: E402
from simsort.sorting.own.traces import open_traces  # noqa: E402

FS = 30000.0
N_UNITS = 4
QUICK = dict(n_steps=40, check_steps=20, n_events=256, learning_rate=3e-3, device="cpu", n_validation=1)


@pytest.fixture(scope="module")
def tetrode():
    """A recording of 60 s and its true units' trains."""
    probe = generate_tetrode()
    probe.set_device_channel_indices(np.arange(4))
    lazy, truth = si.generate_ground_truth_recording(
        durations=[60.0], sampling_frequency=FS, num_channels=4, probe=probe, num_units=N_UNITS, seed=1,
        noise_kwargs=dict(noise_levels=5.0, strategy="on_the_fly"),
        generate_sorting_kwargs=dict(firing_rates=8.0, refractory_period_ms=3.0))
    recording = si.NumpyRecording(lazy.get_traces(), FS)
    recording.set_probe(probe)
    return recording, [truth.get_unit_spike_train(unit).astype(np.int64) for unit in truth.unit_ids]


@pytest.fixture(scope="module")
def measured(tetrode):
    """Its traces, units and the safe ones of them."""
    recording, trains = tetrode
    traces = open_traces(recording)
    found = units.measure_units(traces, trains)
    return traces, found, units.safe_units(found, traces.contacts_um, traces.duration_s, least_snr=3.0)


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    """A model that has learnt nothing yet."""
    from simsort.models.detector import Detector, DetectorConfig
    from simsort.models.encoder import Encoder, EncoderConfig
    from simsort.models.input_form import InputForm
    from simsort.models.model_folder import save_model

    folder = tmp_path_factory.mktemp("new") / "model"
    torch.manual_seed(0)
    form = InputForm()
    save_model(folder, Detector(form, DetectorConfig(width=16, n_layers=1)),
               Encoder(form, EncoderConfig(width=16, n_layers=1)), form, {"scores": {}})
    return folder


@pytest.fixture(scope="module")
def settings():
    return dataclasses.asdict(Finetuning(**QUICK | {"least_snr": 3.0}))


@pytest.fixture(scope="module")
def tuned(tetrode, model_folder, settings, tmp_path_factory):
    out = tmp_path_factory.mktemp("tuned") / "model"
    recording, trains = tetrode
    return out, finetune(recording, model_folder, out, settings, trains=trains)


def a_unit(samples, template_uv=None, depth=10.0, halves=1.0):
    template_uv = np.eye(4, units.N_SAMPLES, dtype=np.float32) if template_uv is None else template_uv
    return units.Unit(samples=np.asarray(samples), template_uv=template_uv, depth=np.array([depth, 1.0, 1.0, 1.0]),
                      halves=halves)


def test_troughs_are_where_units_say(measured):
    traces, found, safe = measured
    assert len(safe) >= 2
    traced, first = traces.read(0, 60000)
    for index in safe:
        own = [s for s in found[index].samples if 200 < s < 59000]
        depth = -np.mean([traced[found[index].channel, s - first - 3:s - first + 4] for s in own], axis=0)
        assert abs(depth.argmax() - 3) <= 1 and depth.max() == pytest.approx(found[index].snr, rel=0.1)


def test_what_is_no_sure_neuron_is_not_safe():
    rng = np.random.default_rng(0)
    good, far = (np.cumsum(rng.integers(150, 3000, 600)) for _ in range(2))
    twin = np.cumsum(rng.integers(20_000, 60_000, 50))  # too slow for chance to tell it from the first
    other = np.zeros((4, units.N_SAMPLES), dtype=np.float32)
    other[2, 50] = 1.0
    template = np.eye(4, units.N_SAMPLES, dtype=np.float32)
    some = [a_unit(good), a_unit(twin, depth=9.0), a_unit(far, other), a_unit(good, other, depth=2.0),
            a_unit(np.repeat(good, 2), other), a_unit(good, -template, halves=0.5), a_unit(good[:30], -template),
            a_unit(good[good < 400_000], -template)]
    contacts_um = np.array([[0.0, 0], [20, 0], [0, 20], [20, 20]])
    assert units.safe_units(some, contacts_um, 30.0, least_snr=5.0).tolist() == [0, 2]


def test_injected_units_fit_the_probe():
    contacts_um = generate_linear_probe(num_elec=8, ypitch=20).contact_positions
    template_uv = np.zeros((8, units.N_SAMPLES), dtype=np.float32)
    template_uv[[2, 3, 4], 30] = -40, -90, -60
    unit = units.Unit(samples=np.zeros(1, int), template_uv=template_uv, depth=-template_uv[:, 30], halves=1.0)
    for seed in range(8):
        found = hybrid.moved(unit, contacts_um, np.random.default_rng(seed))[:, 30]
        shape = found[found != 0].tolist()
        assert shape in ([-40, -90, -60], [-60, -90, -40]) and found.tolist() != template_uv[:, 30].tolist()
    lonely = dataclasses.replace(unit, template_uv=template_uv[:1] + 1, depth=np.ones(1))
    assert np.allclose(hybrid.moved(lonely, contacts_um[:1], np.random.default_rng(0)), 0.6), "nowhere else to go"


def test_injected_spikes_and_safe_units_are_labelled(measured, model_folder):
    traces, found, safe = measured
    labeller = Labeller(traces, load_model(model_folder).form, found, safe)
    hybrids = labeller.hybrids(0, 600_000, np.random.default_rng(0))
    labelled = labeller.collect(0, 600_000, most_per_unit=10**6, most_noise=10**6, seed=0, hybrids=hybrids)
    unit, spike = labelled.events.unit.numpy(), labelled.spike
    n_safe = sum((found[i].samples < 600_000).sum() for i in safe)
    assert labelled.n_true == n_safe + sum(len(one.samples) for one in hybrids)
    for number, one in enumerate(hybrids):
        size = (traces.whitening.matrix @ one.template_uv).min()
        if size < -8:
            assert len(np.unique(spike[unit == len(safe) + number])) > 0.85 * len(one.samples)
    assert (np.abs(labelled.events.shift_samples.numpy()) <= 12).all()
    assert set(np.unique(unit)) == {-1, *range(len(safe) + len(hybrids))} and (spike[unit == -1] == -1).all()
    few = labeller.collect(0, 600_000, most_per_unit=20, most_noise=50, seed=0).events.unit.numpy()
    assert np.bincount(few[few >= 0]).max() <= 20 and (few == -1).sum() <= 50


def test_a_gain_is_measured_and_kept(tuned):
    out, note = tuned
    assert note["accepted"] and "detector" in note["new_networks"], note
    assert note["after"]["recording"]["detection_f1"] > note["before"]["recording"]["detection_f1"]
    for name, value in note["before"]["recording"].items():
        kept = "detector" if name == "detection_f1" else "encoder"
        assert kept not in note["new_networks"] or note["after"]["recording"][name] >= value
    assert load_model(out).note["finetuning"]["after"] == note["after"]
    assert "## Finetuning" in (out / "MODEL_CARD.md").read_text()


def test_the_same_again(tuned, tetrode, model_folder, settings, tmp_path):
    recording, trains = tetrode
    finetune(recording, model_folder, tmp_path / "again", settings, trains=trains)
    for name in ("detector", "encoder"):
        file = f"{name}.safetensors"
        assert (tmp_path / "again" / file).read_bytes() == (tuned[0] / file).read_bytes()


def test_a_loss_is_not_accepted(tuned, measured, model_folder):
    traces, found, safe = measured
    good, worse = load_model(tuned[0]), load_model(model_folder)
    case = recording_case(Labeller(traces, good.form, found, safe), 1_440_000, 1_800_000, seed=0)
    done = judge(good, dataclasses.replace(good, detector=worse.detector), {"recording": [case]}, {}, "cpu")
    assert done.model is None and done.facts["new_networks"] == []
    assert "detection F1 on the held-out recording part fell from" in done.reason


@pytest.mark.parametrize("seconds, n_trains, words", [(20, N_UNITS, "shorter than 30 s"), (60, 1, "1 units are safe")])
def test_a_recording_that_teaches_nothing_changes_nothing(tetrode, model_folder, settings, tmp_path, seconds, n_trains,
                                                          words):
    recording, trains = tetrode
    trains = sorted(trains, key=len)[-n_trains:]
    short = recording.frame_slice(0, round(seconds * FS))
    note = finetune(short, model_folder, tmp_path / "out", settings, trains=trains)
    assert not note["accepted"] and words in note["reason"]
    for file in ("detector.safetensors", "encoder.safetensors"):
        assert (tmp_path / "out" / file).read_bytes() == (model_folder / file).read_bytes()
    assert load_model(tmp_path / "out").note["finetuning"]["reason"] == note["reason"]


def test_the_command_rehearses_and_judges(run_cli, tetrode, model_folder, tmp_path):
    from made_up_cells import made_up_cells

    (tmp_path / "library" / "cells").mkdir(parents=True)
    for cell in made_up_cells(1):
        cell.save(tmp_path / "library" / "cells" / f"{cell.model['name']}.safetensors")
    tetrode[0].save(folder=tmp_path / "recording", chunk_duration="60s")
    si.NumpySorting.from_unit_dict([dict(enumerate(tetrode[1]))], FS).save(folder=tmp_path / "sorting")
    quick = QUICK | {"n_steps": 1, "check_steps": 1, "least_snr": 3}
    options = [f"--{name.replace('_', '-')}={value}" for name, value in quick.items()]
    done = run_cli("finetune", tmp_path / "recording", "--model", model_folder, "--cells", tmp_path / "library",
                   "--sorting", tmp_path / "sorting", "--out", tmp_path / "out", *options)
    assert done.status == 0, done.stderr
    note = json.loads((tmp_path / "out" / "model.json").read_text())["finetuning"]
    assert set(note["before"]) == {"recording", "simulated"} and note["rehearsal"] == "simulated recordings"
    assert note["steps"] == 1 and "held-out simulated: detection_f1" in done.stdout


def test_spikes_are_found_by_the_model_that_is_tuned(tetrode, model_folder, settings, tmp_path, monkeypatch):
    from simsort.finetuning import main

    used = []

    def sorted_by(recording, *_, networks, **__):
        used.append(networks)
        return si.NumpySorting.from_unit_dict([{}], FS)
    monkeypatch.setattr(main, "sort_checked", sorted_by)
    finetune(tetrode[0], model_folder, tmp_path / "out", settings)
    wanted = load_model(model_folder, "cpu").encoder.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in used[0].encoder.state_dict().items())


def test_what_the_sorter_does_not_find_changes_nothing(model_folder, settings, tmp_path):
    noise = si.NumpyRecording(np.random.default_rng(0).normal(0, 10, (round(31 * FS), 4)).astype("float32"), FS)
    noise.set_dummy_probe_from_locations(np.array([[0.0, 0], [20, 0], [0, 20], [20, 20]]))
    note = finetune(noise, model_folder, tmp_path / "out", settings)
    assert not note["accepted"] and note["units"] == 0


@pytest.mark.parametrize("recording, arguments, words", [
    ("/nowhere", ["--model", "{model}"], "/nowhere does not exist"),
    ("{folder}", ["--model", "/nowhere"], "there is no model folder /nowhere"),
    ("{folder}", ["--model", "{model}", "--n-jobs", "0"], "--n-jobs was given 0"),
    ("{folder}", ["--model", "{model}", "--n-stepss", "3"], "did you mean --finetuning.n-steps?"),
    ("{folder}", ["--model", "{model}"], "holds no recording"),
])
def test_mistakes_are_one_line(run_cli, model_folder, tmp_path, recording, arguments, words):
    names = dict(folder=tmp_path, model=model_folder)
    done = run_cli("finetune", recording.format(**names), *[word.format(**names) for word in arguments], "--out",
                   tmp_path / "out")
    assert done.status == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_a_model_of_another_input_is_refused(tetrode, model_folder, settings, tmp_path):
    import shutil

    from simsort.errors import UserError

    shutil.copytree(model_folder, tmp_path / "other")
    note = json.loads((tmp_path / "other" / "model.json").read_text())
    note["input"]["sampling_frequency_hz"] = 10000.0
    (tmp_path / "other" / "model.json").write_text(json.dumps(note))
    with pytest.raises(UserError, match="at 10000 Hz"):
        finetune(tetrode[0], tmp_path / "other", tmp_path / "out", settings, trains=tetrode[1])
    with pytest.raises(UserError, match="is the model itself"):
        finetune(tetrode[0], model_folder, model_folder, settings, trains=tetrode[1])
