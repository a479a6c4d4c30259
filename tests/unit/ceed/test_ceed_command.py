"""CEED's training: spikes out of recordings, the command, interruptions, bad input."""

import dataclasses
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
QUICK = ("--method", "ceed", "--n-channels", "5", "--batch", "32", "--device", "cpu")


def test_spikes_of_an_analyzer_have_their_trough_where_it_belongs(analyzer_folder):
    from simsort.ceed.extract import spikes_of_analyzer
    from simsort.models.ceed_form import CeedForm

    found = spikes_of_analyzer(analyzer_folder, CeedForm(n_channels=5), spikes_per_unit=30, seed=1)
    assert found.waveforms.shape[1:] == (9, 121) and 60 < len(found) <= 120 and found.n_units == 4
    depth = found.waveforms[:, 4].min(axis=1)
    at = found.waveforms[:, 4, 30:55].argmin(axis=1) + 30
    assert (at == 42).mean() > 0.95, "resampled from 20 kHz"
    near = found.centred().reshape(len(found), -1).min(axis=1)
    assert (depth <= 0.75 * near).mean() > 0.9, "the middle channel is the deepest or nearly so"
    fixed = spikes_of_analyzer(analyzer_folder, CeedForm(n_channels=5), spikes_per_unit=30, seed=1, follow_spikes=False)
    assert all(len(np.unique(fixed.row[fixed.unit == unit])) == 1 for unit in range(4))
    noise = found.waveforms[:, 4, -30:][np.abs(found.waveforms[:, 4]).max(axis=1) < 8]
    assert not len(noise) or 0.5 < noise.std() < 2.0, "in noise levels"


def test_the_same_seed_cuts_the_same_spikes_and_files_keep_them(analyzer_folder, tmp_path):
    from simsort.ceed.extract import spikes_of_analyzer
    from simsort.ceed.spikes import LabelledSpikes, joined
    from simsort.models.ceed_form import CeedForm

    first, again = (spikes_of_analyzer(analyzer_folder, CeedForm(n_channels=1), spikes_per_unit=20) for _ in range(2))
    assert np.array_equal(first.waveforms, again.waveforms)
    both = joined([first, again])
    assert both.n_units == 8 and len(both.temporal_roots) == 2 and both.row.max() >= 8
    both.save(tmp_path / "spikes.safetensors")
    read = LabelledSpikes.load(tmp_path / "spikes.safetensors", CeedForm(n_channels=1))
    assert np.allclose(read.waveforms, both.waveforms, atol=0.05) and list(read.unit_names) == list(both.unit_names)


def test_a_zarr_analyzer_gives_the_same_spikes(analyzer_folder, tmp_path):
    import spikeinterface as si

    from simsort.ceed.extract import spikes_of_analyzer
    from simsort.models.ceed_form import CeedForm

    si.load_sorting_analyzer(analyzer_folder).save_as(folder=tmp_path / "copy.zarr", format="zarr")
    plain, zarr = (spikes_of_analyzer(folder, CeedForm(n_channels=5), spikes_per_unit=20)
                   for folder in (analyzer_folder, tmp_path / "copy.zarr"))
    assert np.array_equal(plain.waveforms, zarr.waveforms) and np.array_equal(plain.unit, zarr.unit)
    assert zarr.unit_names.tolist() == [name.replace("analyzer/", "copy/") for name in plain.unit_names.tolist()]


def test_other_sampling_rates_do_not_mix(spikes, tmp_path):
    from simsort.ceed.embed import embed
    from simsort.ceed.spikes import LabelledSpikes, joined
    from simsort.errors import UserError
    from simsort.models.ceed import MlpConfig, MlpEncoder

    slow = dataclasses.replace(spikes, form=dataclasses.replace(spikes.form, sampling_frequency_hz=20000.0))
    with pytest.raises(UserError, match="sampling_frequency_hz is 20000.0, 30000.0 is needed"):
        joined([spikes, slow])
    with pytest.raises(UserError, match="sampling_frequency_hz is 20000.0"):
        embed(MlpEncoder(spikes.form, MlpConfig()), slow)
    slow.save(tmp_path / "slow.safetensors")
    with pytest.raises(UserError, match="slow.safetensors: sampling_frequency_hz"):
        LabelledSpikes.load(tmp_path / "slow.safetensors", spikes.form)


def test_a_recording_and_a_sorting_of_another_rate_are_refused(analyzer_folder):
    import spikeinterface as si
    from spikeinterface import NumpySorting

    from simsort.ceed.extract import spikes_of
    from simsort.errors import UserError
    from simsort.models.ceed_form import CeedForm

    recording = si.load_sorting_analyzer(analyzer_folder).recording
    other = NumpySorting.from_unit_dict({"a": np.arange(1000, 200000, 900)}, 30000.0)
    with pytest.raises(UserError, match="sampled at 20000 Hz, its sorting at 30000 Hz"):
        spikes_of(recording, other, {"a": 0}, CeedForm(n_channels=1), spikes_per_unit=9)


def test_a_probe_without_neighbours_is_refused():
    from simsort.ceed.windows import make_windows
    from simsort.errors import UserError
    from simsort.models.ceed_form import CeedForm

    apart = np.stack([np.zeros(4), 500.0 * np.arange(4)], axis=1)
    with pytest.raises(UserError, match="no contact of the probe has another within 150 um"):
        make_windows(apart, np.zeros(4, dtype=int), CeedForm(n_channels=11))
    near = 20.0 * np.stack([np.zeros(4), np.arange(4)], axis=1)
    shanks = make_windows(near, np.array([0, 0, 1, 1]), CeedForm(n_channels=5))
    assert np.array_equal(shanks.is_there[1], [0, 0, 0, 1, 1, 0, 0, 0, 0]), "windows end with the shank"
    assert make_windows(apart, np.zeros(4, dtype=int), CeedForm(n_channels=1)).channels.shape == (4, 1)


def mlp_and_scam():
    """Return networks, how many steps teach them, and whether those teach enough to tell the units apart."""
    from simsort.models.ceed import MlpConfig
    from simsort.models.scam import ScamConfig

    return (MlpConfig(), 30, True), (ScamConfig(n_layers=1, width=8, n_heads=2), 8, False)


@pytest.mark.parametrize("which", [0, 1], ids=["mlp", "scam"])
def test_training_tells_units_apart_and_goes_on_unchanged(spikes, tmp_path, which):
    from simsort.ceed.augment import Augmentation
    from simsort.ceed.main import split_spikes
    from simsort.ceed.task import CeedTask
    from simsort.pretraining.stream import StreamConfig
    from simsort.pretraining.trainer import TrainConfig, Trainer

    net, n_steps, is_taught = mlp_and_scam()[which]
    train, held_out = split_spikes(spikes, 28)
    assert len(train) == 168 and len(held_out) == 72

    def trainer(folder):
        task = CeedTask(train, held_out, net, Augmentation(), batch=64, temperature=0.07)
        return Trainer(task, TrainConfig(n_steps=n_steps, sets_per_step=1, learning_rate=1e-3, warm_up_steps=0,
                                         stream=StreamConfig(n_lanes=1)), folder, n_workers=0, checkpoint_steps=n_steps // 3)
    whole = trainer(tmp_path / "whole")
    scores = whole.train()
    assert not is_taught or scores["knn"] > 0.7, scores
    interrupted = trainer(tmp_path / "cut")
    update = interrupted.update

    def cut_short(stream):
        if interrupted.step == n_steps - 1:
            raise KeyboardInterrupt
        return update(stream)
    interrupted.update = cut_short
    with pytest.raises(KeyboardInterrupt):
        interrupted.train()
    again = trainer(tmp_path / "cut")
    assert again.step == n_steps // 3 * (2 if n_steps % 3 == 0 else 3) and again.step < n_steps
    again.train()
    lines = [[json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
             for name in ("whole", "cut")]
    assert [line for line in lines[0] if "loss" in line] == [line for line in lines[1] if "loss" in line]


@pytest.mark.parametrize("arguments", [("--encoder", "mlp"), ("--encoder", "scam", "--n-layers", "1", "--width", "8",
                                                            "--geometry")])
def test_the_command_trains_on_an_analyzer(run_cli, analyzer_folder, tmp_path, arguments):
    from simsort.models.ceed_folder import load_ceed

    out = tmp_path / "model"
    command = (*QUICK, "--analyzers", analyzer_folder, "--out", out, "--spikes-per-unit", "40", "--n-steps", "3",
               *arguments)
    done = run_cli("pretrain", *command)
    assert done.status == 0, done.stderr
    assert {path.name for path in out.iterdir()} == {"encoder.safetensors", "model.json", "MODEL_CARD.md", "training"}
    assert {path.name for path in (out / "training").iterdir()} >= {"checkpoint.pt", "log.jsonl", "learning_curve.png",
                                                                   "spikes.safetensors"}
    note = load_ceed(out).note
    assert note["training"]["steps_done"] == 3 and note["data"]["units"] == 4
    assert 0 <= note["scores"]["other spikes of the units trained on"]["ari_gmm"] <= 1
    other = run_cli("pretrain", *command, "--dim", "3")
    assert other.status == 2 and "other settings" in other.stderr
    fewer = run_cli("pretrain", *command, "--seed", "3")
    assert fewer.status == 2 and "spikes.safetensors was made with other settings" in fewer.stderr


def test_the_command_trains_on_simulated_recordings(run_cli, cells_folder, tmp_path):
    from simsort.models.ceed_folder import load_ceed

    done = run_cli("pretrain", *QUICK, "--cells", cells_folder, "--out", tmp_path / "model", "--n-units", "4",
                   "--probe", "tetrode", "--n-steps", "2", "--spikes-per-unit", "20")
    assert done.status == 0, done.stderr
    note = load_ceed(tmp_path / "model").note
    assert note["data"]["units"] == 4 and note["data"]["held_out_cell_types"] == ["L6_PC"]


@pytest.fixture(scope="module")
def spoilt(analyzer_folder, tmp_path_factory):
    """Analyzers that cannot be trained on: of one unit, and of contacts without neighbours."""
    import spikeinterface as si

    folder = tmp_path_factory.mktemp("spoilt")
    analyzer = si.load_sorting_analyzer(analyzer_folder)
    analyzer.select_units(analyzer.unit_ids[:1], format="binary_folder", folder=folder / "one")
    recording = analyzer.recording.clone()
    recording.set_dummy_probe_from_locations(np.stack([np.zeros(8), 500.0 * np.arange(8)], axis=1))
    far = si.create_sorting_analyzer(analyzer.sorting, recording, folder=folder / "far", format="binary_folder",
                                     sparse=False)
    far.compute(["random_spikes", "templates"])
    return dict(one_unit=folder / "one", far=folder / "far")


@pytest.mark.parametrize("arguments, words", [
    ((), "was given neither cells nor analyzers"),
    (("--analyzers", "{one_unit}"), "has 1 unit with spikes"),
    (("--analyzers", "{far}"), "no contact of the probe has another within 150 um"),
    (("--cells", "{cells}", "--analyzers", "{analyzer}"), "was given both cells and analyzers"),
    (("--analyzers", "/nowhere"), "there is no sorting analyzer /nowhere"),
    (("--analyzers", "{empty}"), "cannot be read as a sorting analyzer"),
    (("--analyzers", "{analyzer}", "--only-good"), "have no property quality"),
    (("--analyzers", "{analyzer}", "--spikes-per-unit", "2"), "has 8 spikes, fewer than a batch of 32"),
    (("--analyzers", "{analyzer}", "--n-channels", "7"), "allowed: 1, 5, 11, 21"),
    (("--analyzers", "{analyzer}", "--encoder", "scam", "--width", "6"), "allowed: multiples of 4"),
    (("--analyzers", "{analyzer}", "--nois", "0.1"), "did you mean --ceed.noise?"),
    (("--cells", "/nowhere"), "/nowhere is no folder of cells"),
])
def test_mistakes_are_one_line(run_cli, cells_folder, analyzer_folder, spoilt, tmp_path, arguments, words):
    (tmp_path / "empty").mkdir()
    places = dict(cells=cells_folder, analyzer=analyzer_folder, empty=tmp_path / "empty", **spoilt)
    arguments = [word.format(**places) for word in arguments]
    quick = [word for pair in zip(QUICK[::2], QUICK[1::2]) if pair[0] not in arguments for word in pair]
    done = run_cli("pretrain", *quick, *arguments, "--out", tmp_path / "model")
    assert done.status == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_one_unit_is_refused(spikes):
    from simsort.ceed.spikes import check_enough
    from simsort.errors import UserError

    with pytest.raises(UserError, match="the data has 1 unit with spikes"):
        check_enough(spikes.of_units([2]), 8, "the data")
    check_enough(spikes, 240, "the data")
