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
    found = data.draw_set(spikes, "id", 0, without=("u0",))
    assert len(found.names) == 3 and "u0" not in found.names and found.channel_jitter == 0.0
    assert found == data.draw_set(spikes, "id", 0, without=("u0",))
    assert "seed" in found.describe() and "SNR" in found.describe()
    monkeypatch.setattr(data, "SET_UNITS", 7)
    with pytest.raises(UserError, match="only 6 units"):
        data.draw_set(spikes, "id", 0)


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
    for module in (conditions, main):
        monkeypatch.setitem(module.TABLES, "s1", ("projector", rows))


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
    assert "2 units, 9 spikes, 1 steps, 0.5 epochs" in done.stdout and "| all six | mean " in done.stdout
    assert "not run: SIMSORT_DATA=" in done.stdout


@pytest.mark.parametrize("arguments, words", [
    (("--parts", "s1"), "needs cells for its recordings"),
    (("--parts", "s99"), "--parts was given 's99'"),
    (("--parts", "tables"), "holds no results of simsort bench representations"),
    (("--parts", "s1", "--n-units", "0"), "must be positive"),
])
def test_mistakes_of_the_bench_are_one_line(run_cli, tmp_path, arguments, words):
    done = run_cli("bench", "representations", "--out", tmp_path / "bench", *arguments)
    assert done.status == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
