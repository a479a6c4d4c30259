"""simsort bench representations: sets, baselines, a table from recordings to Markdown, what is kept."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")


def test_every_part_is_known_to_the_command():
    from simsort.benchmarks.representations.conditions import PARTS
    from simsort.stages.bench import PARTS as STAGE_PARTS

    assert set(STAGE_PARTS["representations"]) == set(PARTS)


def test_denoising_takes_noise_away_and_components_tell_units_apart(spikes):
    from simsort.benchmarks.representations.baselines import Denoiser, denoised_pca
    from simsort.ceed.scores import knn_accuracy

    clean = np.stack([spikes.centred()[spikes.unit == unit].mean(axis=0) for unit in range(6)])[spikes.unit]
    noisy = spikes.centred()
    after = Denoiser(spikes)(noisy)
    assert np.abs(after - clean).mean() < 0.5 * np.abs(noisy - clean).mean()
    features = denoised_pca(spikes, spikes, 5)
    assert knn_accuracy(features[::2], spikes.unit[::2], features[1::2], spikes.unit[1::2]) > 0.7


def test_the_autoencoder_learns_what_spikes_are_made_of(spikes):
    from simsort.benchmarks.representations.baselines import autoencoded, train_autoencoder

    given = torch.as_tensor(spikes.centred())
    error = {}
    for n_steps in (1, 60):
        net = train_autoencoder(spikes, 5, n_steps=n_steps, batch=64, learning_rate=1e-3)
        error[n_steps] = float(torch.nn.functional.mse_loss(net(given), given).detach())
    assert error[60] < 0.7 * error[1]
    assert autoencoded(net, spikes).shape == (240, 5)


def test_spikes_to_train_on_and_to_score_are_apart(spikes):
    from simsort.benchmarks.representations.data import n_trained, tested_part, trained_part

    train, test = trained_part(spikes, 200), tested_part(spikes, np.arange(6), 200)
    assert list(n_trained(spikes, 200)) == [26] * 6 and len(train) == 156 and len(test) == 84
    rows = {one.tobytes() for one in train.waveforms}
    assert not rows & {one.tobytes() for one in test.waveforms}
    assert len(trained_part(spikes, 10)) == 60


def test_sets_are_drawn_to_be_as_hard_as_asked(spikes, monkeypatch):
    from simsort.benchmarks.representations import data
    from simsort.errors import UserError

    monkeypatch.setattr(data, "SET_UNITS", 3)
    monkeypatch.setattr(data, "TESTED_SPIKES", 14)
    scored = data.tested_part(spikes, np.arange(6), 200)
    found = data.draw_set(scored, "id", 0, without=("u0",))
    assert len(found.names) == 3 and "u0" not in found.names and found.channel_jitter == 0.0
    assert found == data.draw_set(scored, "id", 0, without=("u0",))
    assert "seed" in found.describe() and "SNR" in found.describe()
    monkeypatch.setattr(data, "SET_UNITS", 7)
    with pytest.raises(UserError, match="only 6 units .* give more --n-units"):
        data.draw_set(scored, "id", 0)


def test_a_set_says_whether_it_is_as_hard_as_the_published_ones():
    found = {hardness: unit_set(hardness=hardness).describe() for hardness in (0.39, 0.4, 0.55, 0.56)}
    assert [hardness for hardness, words in found.items() if "outside 0.40 to 0.55" in words] == [0.39, 0.56]


def test_a_unit_of_a_set_that_is_not_there_is_no_smaller_set(spikes):
    from simsort.errors import UserError

    assert list(unit_set(names=("u1", "u4")).units(spikes)) == [1, 4]
    with pytest.raises(UserError, match="1 of the 2 units of the set 'id' are in its recordings"):
        unit_set(names=("u1", "u9")).units(spikes)


def unit_set(**given):
    """A set of units, as far as not given."""
    from simsort.benchmarks.representations.data import UnitSet

    return UnitSet(**{"name": "id", "names": ("u0", ), "seed": 0, "hardness": 0.5, "snr": (3.0, 9.0),
                      "channel_jitter": 0.1, **given})


def test_scores_kept_before_baselines_had_numbers_of_spikes_are_found_again():
    """The name is the one that the rows had without the field; with more spikes it is another."""
    from hashlib import sha256
    from types import SimpleNamespace

    from simsort.benchmarks.representations.conditions import Row
    from simsort.benchmarks.representations.main import name_of

    before = {"words": "PCA", "what": None, "on": "id", "published": "", "dim": 5, "n_channels": 11, "aligned": False}
    key = sha256(json.dumps(["PCA", before, 100, 50], sort_keys=True).encode()).hexdigest()[:8]
    names = [name_of(Row(words="PCA", what=None, spikes=spikes), SimpleNamespace(n_units=100), None, 50)
             for spikes in (200, 1200)]
    assert names[0] == f"pca_{key}" != names[1]


@pytest.fixture
def small(monkeypatch):
    """Sets of two units, short recordings, and a table of two rows."""
    from dataclasses import dataclass

    from simsort.benchmarks.representations import conditions, data, main

    @dataclass(frozen=True, kw_only=True)
    class Short(data.Conditions):
        duration_s: float = 12.0
        probe: str = "tetrode"
        density_per_mm3: float = 40000.0
    monkeypatch.setattr(data, "Conditions", Short)

    monkeypatch.setattr(data, "SET_UNITS", 2)
    monkeypatch.setattr(data, "TESTED_SPIKES", 12)
    monkeypatch.setattr(data, "N_RANDOM_SETS", 1)
    monkeypatch.setattr(data, "FITS", 1)
    rows = [conditions.Row(words="5 channels", what=conditions.Condition(n_channels=5, batch=32), published=".73"),
            conditions.Row(words="PCA", what=None, on="unseen", n_channels=5, published=".51")]
    longer = [conditions.Row(words="400 spikes", what=conditions.Condition(n_channels=5, batch=32, spikes=400)),
              conditions.Row(words="PCA of 400", what=None, n_channels=5, aligned=True, spikes=400)]
    for module in (conditions, main):
        monkeypatch.setitem(module.TABLES, "s1", ("projector", rows))
        monkeypatch.setitem(module.TABLES, "amount", ("units and spikes trained on", longer))


def test_longer_recordings_have_the_same_units(cells_folder, tmp_path, small):
    from simsort.benchmarks.representations.data import Recordings
    from simsort.pretraining.cells import find_cells, split_cells

    data = Recordings(tmp_path, *split_cells(find_cells(cells_folder)), 8)
    few, many = data.spikes("train", 5), data.spikes("train", 5, spikes=400)
    assert list(few.unit_names) == list(many.unit_names) and len(few.unit_names) == 8
    assert len(many) > 1.5 * len(few), "of recordings twice as long"
    assert np.allclose(few.snr, many.snr, rtol=0.3), "the units of these names, not others that took their places"


def test_rows_of_longer_recordings_are_scored_on_the_same_sets(run_cli, cells_folder, tmp_path, small):
    done = run_cli("bench", "representations", "--out", tmp_path / "bench", "--cells", cells_folder, "--parts", "amount",
                   "--n-units", "8", "--n-steps", "2", "--n-fits", "2", "--device", "cpu")
    assert done.status == 0, done.stderr
    kept = json.loads((tmp_path / "bench" / "representations" / "amount.json").read_text())
    epochs = kept["rows"][0]["facts"]["epochs"]
    assert f"| 2, {epochs:.2g} epochs |" in done.stdout and "| PCA of 400 | id | " in done.stdout
    assert "K-nearest: as many neighbours as the unit with the fewest" in done.stdout


def test_a_table_is_made_once_and_says_what_was_not_run(run_cli, cells_folder, tmp_path, small):
    docs = tmp_path / "benchmarks.md"
    docs.write_text("# Benchmarks\n")
    command = ("bench", "representations", "--out", tmp_path / "bench", "--cells", cells_folder, "--parts", "s1",
               "--n-units", "8", "--n-steps", "2", "--n-fits", "2", "--device", "cpu")
    done = run_cli(*command, "--update-docs", docs)
    assert done.status == 0, done.stderr
    text = docs.read_text()
    assert "| 5 channels | id | " in text and "| PCA | unseen | " in text and "| 2 layers | id | not run |" in text
    assert "unseen, random 1: seed" in text and "Figure S4: random subsets of units**: not run" in text
    kept = json.loads((tmp_path / "bench" / "representations" / "s1.json").read_text())
    assert len(kept["rows"][0]["scores"]) == 1 and len(kept["rows"][1]["scores"]) == 2
    assert all(-0.5 <= one["ari"] <= 1 and 0 <= one["knn"] <= 1 for row in kept["rows"] for one in row["scores"])
    again = run_cli(*command)
    assert again.status == 0 and "representations, 5 channels" not in again.stdout, "kept"
    shown = run_cli("bench", "representations", "--out", tmp_path / "bench", "--parts", "tables")
    assert shown.status == 0 and "| 5 channels | id | " in shown.stdout


def test_trained_weights_are_scored_on_an_unseen_recording(run_cli, cells_folder, tmp_path, small, monkeypatch):
    from simsort.benchmarks.representations import figures
    from simsort.models.ceed import MlpConfig, MlpEncoder
    from simsort.models.ceed_folder import save_ceed
    from simsort.models.ceed_form import CeedForm

    monkeypatch.setattr(figures, "FAMILIES", (("emouse-noise", False, 0),))
    monkeypatch.delenv("SIMSORT_DATA", raising=False)
    note = {"data": {"units": 2, "spikes": 9}, "training": {"steps_done": 1, "epochs_done": 0.5}}
    save_ceed(tmp_path / "ceed", MlpEncoder(CeedForm(), MlpConfig()), note)
    done = run_cli("bench", "representations", "--out", tmp_path / "bench", "--cells", cells_folder, "--parts",
                   "model,cases", "--model", tmp_path / "ceed", "--n-units", "8", "--n-fits", "2", "--device", "cpu")
    assert done.status == 0, done.stderr
    assert "2 units, 9 spikes, 1 steps, 0.5 epochs" in done.stdout and "| all 2 | mean " in done.stdout
    assert "not run: SIMSORT_DATA=" in done.stdout
    assert "not run: the weights were not trained on simulated recordings" in done.stdout


def test_trained_weights_are_scored_on_other_spikes_of_their_units(run_cli, cells_folder, tmp_path, small):
    done = run_cli("pretrain", "--method", "ceed", "--cells", cells_folder, "--out", tmp_path / "ceed", "--n-channels", "5",
                   "--n-units", "6", "--spikes-per-unit", "60", "--probe", "tetrode", "--batch", "32", "--n-steps", "2",
                   "--device", "cpu")
    assert done.status == 0, done.stderr
    command = ("bench", "representations", "--out", tmp_path / "bench", "--cells", cells_folder, "--parts", "model",
               "--model", tmp_path / "ceed", "--n-units", "8", "--n-fits", "2", "--device", "cpu")
    done = run_cli(*command)
    assert done.status == 0, done.stderr
    assert "in distribution, as hard: seed 4" in done.stdout and "in distribution, random 1: seed 5000" in done.stdout
    other = run_cli(*command, "--unseen-seed", "3")
    assert other.status == 0 and "another one, of seed 3" in other.stdout, other.stderr
    assert "in distribution, as hard" in other.stdout, "kept beside"
    names = {file.stem for file in (tmp_path / "bench" / "representations").glob("*.json")}
    assert names == {"model", "model_3"}


def test_weights_of_other_recordings_are_not_scored_as_if_they_had_seen_them(cells_folder, tmp_path):
    from simsort.benchmarks.representations.data import Recordings
    from simsort.benchmarks.representations.trained_units import spikes_not_trained_on
    from simsort.errors import UserError
    from simsort.models.ceed import MlpConfig, MlpEncoder
    from simsort.models.ceed_folder import CeedModel
    from simsort.models.ceed_form import CeedForm
    from simsort.pretraining.cells import find_cells, split_cells

    form = CeedForm(n_channels=5)
    training = {"n_channels": 5, "n_units": 2, "spikes_per_unit": 20, "probe": "tetrode", "follow_spikes": True,
                "only_good": False, "seed": 0}
    data = {"source": "simulated recordings", "units": 2, "spikes": 7, "recordings": 1, "snr": "1.0 to 2.0"}
    model = CeedModel(encoder=MlpEncoder(form, MlpConfig()), form=form, note={"training": training, "data": data})
    recordings = Recordings(tmp_path, *split_cells(find_cells(cells_folder)), 8)
    with pytest.raises(UserError, match="do not give the recordings .*spikes: 40, not 7; snr: "):
        spikes_not_trained_on(model, recordings)


def test_a_recording_without_strong_units_is_a_reason(spikes):
    from types import SimpleNamespace

    from spikeinterface import NumpySorting

    from simsort.benchmarks.representations.blocks import cases_text
    from simsort.benchmarks.representations.figures import score_case

    truth = NumpySorting.from_unit_dict({"a": np.arange(60) * 100, "b": np.arange(60) * 100 + 50}, 30000.0)
    truth.set_property("best_channel", [0, 1])
    truth.set_property("snr", [2.9, 3.0])
    found = score_case(SimpleNamespace(form=spikes.form), None, truth, 0, "cpu", 2)
    assert found == {"reason": "units of SNR 3 or more with 50 spikes: 1"}
    assert "not run: units of SNR 3 or more" in cases_text({"cases": [{"words": "MEArec, static", **found}]}, False)


def test_changes_are_drawn_at_every_probability(spikes, tmp_path, monkeypatch):
    from types import SimpleNamespace

    from simsort.benchmarks.representations import figures
    from simsort.benchmarks.representations.blocks import draw

    monkeypatch.setattr(figures, "SHOWN_SPIKES", 5)
    data = SimpleNamespace(spikes=lambda kind: spikes, sets=lambda: {"id": [unit_set(names=("u1", "u2", "u4"))]})
    found = figures.changes(lambda some: some.centred().reshape(len(some), -1)[:, ::60], data)
    assert set(found["grid"]) == set(found["moved"]) == {"collision", "shift", "amplitude", "jitter", "noise"}
    assert np.array(found["grid"]["noise"]).shape == (5, 15, 2) and len(found["unit"]) == 15
    unmoved = np.array(found["grid"]["noise"][0])
    assert np.allclose(unmoved, found["grid"]["shift"][0]) and not np.allclose(unmoved, found["grid"]["noise"][4])
    assert [file.name for file in draw({"parts": {"changes": found}}, tmp_path)] == ["changes.png"]


@pytest.mark.parametrize("arguments, words", [
    (("--parts", "s1"), "needs cells for its recordings"),
    (("--parts", "s99"), "--parts was given 's99'"),
    (("--parts", "tables"), "holds no results of simsort bench representations"),
    (("--parts", "s1", "--n-units", "0"), "must be positive"),
    (("--parts", "model", "--unseen-seed", "-1"), "--unseen-seed must not be negative"),
])
def test_mistakes_of_the_bench_are_one_line(run_cli, tmp_path, arguments, words):
    done = run_cli("bench", "representations", "--out", tmp_path / "bench", *arguments)
    assert done.status == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
