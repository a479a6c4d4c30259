"""Mean waveforms clustered without labels: CEED's single-channel model and WaveMAP on a few of them."""

import os

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("igraph")
pytest.importorskip("umap")

from simsort.benchmarks.representations import shapes  # noqa: E402
from simsort.errors import UserError  # noqa: E402
from simsort.models.ceed import ScamConfig  # noqa: E402

TIMES_MS = (np.arange(48) - 12) / 30


def three_shapes(n=40, noise=0.03):
    """Narrow, broad, and narrow after a peak: waveforms and which is which."""
    rng = np.random.default_rng(0)
    waves = []
    for width_ms, to_peak_ms, before in ((0.12, 0.3, 0.0), (0.3, 0.75, 0.0), (0.12, 0.3, 0.4)):
        wave = -np.exp(-(TIMES_MS / width_ms) ** 2) + 0.4 * np.exp(-(((TIMES_MS - to_peak_ms) / 0.2) ** 2))
        waves.append(wave + before * np.exp(-(((TIMES_MS + 0.25) / 0.08) ** 2)))
    return (shapes.normalised(np.repeat(waves, n, axis=0) + noise * rng.normal(size=(3 * n, 48))),
            np.repeat(["narrow", "broad", "before"], n))


@pytest.fixture(scope="module")
def compared():
    waveforms, kind = three_shapes()
    embedding = np.linalg.svd(waveforms - waveforms.mean(axis=0), full_matrices=False)[0][:, :5]
    return shapes.compare(shapes.Shapes(name="made", waveforms=waveforms, kind=kind), embedding)


def test_kinds_that_look_different_fall_into_different_clusters(compared):
    agreement = {(first, second): ari for first, second, ari, _ in compared["agreement"]}
    assert agreement["CEED", "kind"] > 0.9
    assert agreement["WaveMAP", "kind"] > 0.4  # a cluster of one shape falls into some
    for cluster in compared["clusters"]["WaveMAP"]:
        assert len(cluster["kinds"]) == 1
    sizes = [cluster["n"] for cluster in compared["clusters"]["CEED"]]
    assert sizes == sorted(sizes, reverse=True) and sum(sizes) == compared["n"] == 120
    assert min(compared["explained"]["WaveMAP"][:2]) > 0.6


def test_measures_of_a_waveform():
    waveforms, kind = three_shapes(n=1, noise=0.0)
    width_ms, to_peak_ms, ratio = shapes.measures_of(waveforms).T
    assert width_ms[1] > 1.8 * width_ms[0] and 0.1 < width_ms[0] < 0.25
    assert to_peak_ms[1] > to_peak_ms[0] + 0.3 and ratio[0] < 0.1 < 0.5 < ratio[2]


def test_wavemap_gives_the_same_twice_and_leaves_pythons_random_numbers_alone():
    import random

    waveforms = three_shapes(n=15)[0]
    random.seed(1)
    before = random.getstate()
    one, again = (shapes.by_wavemap(waveforms) for _ in range(2))
    assert np.array_equal(one[0], again[0]) and np.array_equal(one[1], again[1])
    assert random.getstate() == before


def test_a_few_steps_make_shapes_of_one_kind_alike(tmp_path, monkeypatch):
    monkeypatch.setattr(shapes, "CONFIG", ScamConfig(n_layers=2, width=32))
    monkeypatch.setattr(shapes, "BATCH", 32)
    waveforms, kind = three_shapes(n=20)
    spikes = shapes.as_spikes(waveforms)
    encoder, _ = shapes.train(spikes, 25, "cpu", tmp_path)
    embedding = shapes.embed(encoder, spikes)
    assert embedding.shape == (60, 5) and encoder.config.single_dim == 128
    middles = np.array([embedding[kind == one].mean(axis=0) for one in ("narrow", "broad")])
    spread = np.mean([embedding[kind == one].std(axis=0).mean() for one in ("narrow", "broad")])
    assert np.linalg.norm(middles[0] - middles[1]) > 3 * spread


def test_the_command_says_what_is_missing(run_cli, cells_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(shapes, "CONFIG", ScamConfig(n_layers=1, width=32))
    monkeypatch.setenv("SIMSORT_DATA", str(tmp_path))
    done = run_cli("bench", "representations", "--out", tmp_path / "bench", "--cells", cells_folder,
                   "--parts", "wavemap", "--n-units", "40", "--n-steps", "2", "--device", "cpu")
    assert done.status == 0, done.stderr
    assert "40 simulated units; trained on 40 mean waveforms for 2 steps" in done.stdout
    assert "Macaque units not run: SIMSORT_DATA=… holds no wavemap_macaque/full_data.npy" in done.stdout
    assert str(tmp_path) not in done.stdout  # it may go into documents
    assert "Clusters of simulated units by WaveMAP" in done.stdout and "- agreement" not in done.stdout
    assert (tmp_path / "bench" / "pictures" / "wavemap.png").is_file()


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("SIMSORT_DATA"), reason="SIMSORT_DATA names no data")
def test_wavemap_finds_its_eight_clusters_of_the_macaque_units():
    found = shapes.macaque()
    assert found.waveforms.shape == (625, 48) and np.abs(found.waveforms).max() == 1.0
    assert shapes.by_wavemap(found.waveforms)[0].max() + 1 == 8


def test_too_few_units_are_refused(cells_folder, tmp_path, monkeypatch):
    from simsort.pretraining.cells import Cells, find_cells

    monkeypatch.setattr(shapes, "FEWEST_UNITS", 50)
    monkeypatch.setattr(shapes, "CONFIG", ScamConfig(n_layers=1, width=32))
    monkeypatch.setenv("SIMSORT_DATA", "")
    with pytest.raises(UserError, match="40 simulated units are too few to cluster: add --n-units"):
        shapes.measure(Cells(find_cells(cells_folder)), 40, 1, "cpu", tmp_path)
