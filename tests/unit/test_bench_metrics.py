"""`simsort bench metrics`: its statistics against others', its truth on planted units, its tables."""

import math

import numpy as np
import pytest

from simsort.benchmarks.measured import store
from simsort.benchmarks.metrics.blocks import blocks_of
from simsort.benchmarks.metrics.cases import case_names, parse_name
from simsort.benchmarks.metrics.findings import DIRECTIONS, EDGES, Units, find
from simsort.benchmarks.metrics.main import Settings, bench_metrics, find_truth
from simsort.benchmarks.metrics.pictures import draw
from simsort.benchmarks.metrics.scores import auc, calibration, confusion, interval, roc
from simsort.benchmarks.metrics.truth import compare_units
from simsort.benchmarks.metrics.units import facts_of, kept_file, kept_units, measure_case
from simsort.curation.rule import QUALITY_COLUMNS
from simsort.errors import UserError

RULE = "snr > 5 and presence_ratio > 0.8"


@pytest.mark.parametrize("n_values", [3, 1000])
def test_areas_and_curves_are_scikit_learns(n_values):
    from sklearn.metrics import roc_auc_score, roc_curve

    rng = np.random.default_rng(0)
    positive = rng.random(400) < 0.3
    values = rng.integers(0, n_values, 400) + 0.4 * n_values * positive  # with ties
    assert auc(values, positive) == pytest.approx(roc_auc_score(positive, values))
    false, true, _ = roc_curve(positive, values, drop_intermediate=False)
    np.testing.assert_allclose(roc(values, positive), (false, true))
    assert math.isnan(auc(values, np.ones(400, dtype=bool)))


def test_intervals_count_clusters_not_rows():
    rng = np.random.default_rng(0)
    clusters = np.arange(200)
    means = rng.normal(0, 1, 200)
    low, high = interval(lambda at: means[at].mean(), clusters)
    assert high - low == pytest.approx(2 * 1.96 * means.std() / np.sqrt(200), rel=0.15)
    ten_times = np.repeat(means, 10)  # each neuron found ten times tells no more
    assert interval(lambda at: ten_times[at].mean(), np.repeat(clusters, 10)) == pytest.approx((low, high))
    assert all(map(math.isnan, interval(lambda at: math.nan, clusters, n_resamples=3)))


def test_calibration_bins_and_rates():
    predicted, true = np.array([0.0, 0.01, 0.02, 0.5, 0.6, 7.0]), np.array([0.1, 0.3, 0.2, 0.4, 0.6, 0.8])
    bins = calibration(predicted, true, EDGES)
    assert [b["n"] for b in bins] == [2, 1, 0, 0, 1, 2] and sum(b["n"] for b in bins) == 6
    assert bins[0]["true"] == pytest.approx(0.2) and bins[2]["true"] is None and bins[-1]["predicted"] == 3.8
    passes, positive = np.array([1, 1, 0, 0, 1], dtype=bool), np.array([1, 0, 1, 0, 1], dtype=bool)
    assert confusion(passes, positive) == {"sensitivity": 2 / 3, "specificity": 0.5, "precision": 2 / 3,
                                           "auc": pytest.approx(7 / 12)}
    assert math.isnan(confusion(passes, np.ones(5, dtype=bool))["specificity"])


def test_what_each_unit_is_of():
    from spikeinterface import NumpySorting

    rng = np.random.default_rng(0)
    frames = np.sort(rng.choice(np.arange(100, 3_000_000, 90), 1200, replace=False))
    rng.shuffle(frames)
    one, two, rest = (np.sort(part) for part in (frames[:500], frames[500:900], frames[900:]))
    fs_hz = 30_000.0
    truth = NumpySorting.from_unit_dict([{"one": one, "two": two}], fs_hz)
    found = NumpySorting.from_unit_dict([{
        "exact": one + 3, "half": two[::2], "merged": np.sort(np.concatenate([one, two])), "noise": rest}], fs_hz)
    exact, half, merged, noise = compare_units(truth, found)
    assert exact == {"true_unit": "one", "accuracy": 1.0, "missed": 0.0, "contamination": 0.0}
    assert half == {"true_unit": "two", "accuracy": 0.5, "missed": 0.5, "contamination": 0.0}
    assert merged["true_unit"] == "one" and merged["contamination"] == pytest.approx(400 / 900, abs=0.01)
    assert merged["accuracy"] == pytest.approx(500 / 900, abs=0.01)
    assert noise["contamination"] > 0.95 and noise["accuracy"] < 0.05
    nothing = compare_units(truth.select_units([]), found)
    assert nothing[0] == {"true_unit": None, "accuracy": 0.0, "missed": 1.0, "contamination": 1.0}


def planted_rows(n=120, seed=0):
    """Units whose SNR tells their accuracy exactly, whose contamination is told by rp_contamination, the rest noise."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        accuracy = rng.uniform(0, 1)
        family = ("simulator", "spikeinterface")[i % 2]
        row = {"case": f"{family}_{('static', 'drift')[i // 2 % 2]}_seed{i % 3}", "sorter": "lupin", "unit_id": str(i),
               "true_unit": int(rng.integers(12)), "accuracy": accuracy, "contamination": 1 - accuracy, "missed": 0.0,
               **{name: float(rng.normal()) for name in QUALITY_COLUMNS}}
        row |= {"snr": 10 * accuracy, "rp_contamination": row["contamination"], "presence_ratio": 1.0,
                "drift_ptp": None if i % 4 else 1.0, "label": "pass"}
        rows.append(row)
    return rows


def test_every_metric_has_a_direction():
    assert set(DIRECTIONS) == set(QUALITY_COLUMNS)


def test_findings_on_planted_units():
    rows = planted_rows()
    found = find(rows, RULE)
    metrics = {m["name"]: m for m in found["metrics"]}
    assert metrics["snr"]["accurate"] == metrics["rp_contamination"]["clean"] == 1.0
    assert 0.35 < metrics["firing_rate"]["accurate"] < 0.65
    assert metrics["firing_rate"]["accurate_low"] < 0.5 < metrics["firing_rate"]["accurate_high"]
    assert metrics["drift_ptp"]["known"] == 0.25 and metrics["presence_ratio"]["accurate"] == 0.5
    assert metrics["all together"]["accurate"] > 0.95 and metrics["all together"]["known"] == 1.0
    default = found["rules"][0]
    assert default["rule"] == RULE and default["accurate_sensitivity"] == 1.0
    n_pass = sum(row["snr"] > 5 for row in rows)
    assert default["n_pass"] == n_pass
    assert default["accurate_precision"] == pytest.approx(sum(row["accuracy"] >= 0.8 for row in rows) / n_pass)
    line = [b for b in found["calibration"] if b["name"] == "rp_contamination" and b["n"]]
    assert all(b["predicted"] == pytest.approx(b["true"]) for b in line)
    assert all(b["true_low"] <= b["true"] <= b["true_high"] for b in line)


def test_a_neuron_is_one_cluster_moving_or_not():
    same = {"sorter": "lupin", "unit_id": "1", "true_unit": 4, "accuracy": 1, "contamination": 0, "missed": 0}
    rows = [{**same, "case": "simulator_static_seed0"}, {**same, "case": "simulator_drift_seed0", "sorter": "simsort"},
            {**same, "case": "simulator_drift_seed1"}, {**same, "case": "simulator_static_seed0", "true_unit": None}]
    clusters = Units(rows).clusters
    assert clusters[0] == clusters[1] and len(set(clusters)) == 3


def test_tables_and_picture(tmp_path):
    rows = planted_rows()
    for row in rows:
        file = kept_file(tmp_path, row["case"], "lupin")
        units = [{k: v for k, v in r.items() if k not in ("case", "sorter")} for r in rows if r["case"] == row["case"]]
        store(file, {"case": row["case"], "sorter": "lupin", "duration_s": 180.0, "n_true": 12, "units": units})
    assert sorted(r["unit_id"] for r in kept_units(tmp_path)) == sorted(r["unit_id"] for r in rows)
    truth = find_truth(kept_units(tmp_path), tmp_path)
    scale = {"n_units": 300, "duration_s": 3600.0, "n_channels": 32, "n_jobs": 2, "n_spikes": 8_600_000,
             "metrics_s": 700.0, "cpu_s": 900.0, "peak_bytes": 3e9, "other_cores": 0.2, "machine": truth["machine"],
             "slowest": [["d_prime", 99.0]]}
    blocks = blocks_of({"command": "bench", "truth": truth, "scale": [scale]}, with_pictures=True)
    assert "| `snr` | 100% | 1.00" in blocks["metrics-truth"] and "img/metrics.png" in blocks["metrics-truth"]
    assert "by the project's simulator and SpikeInterface's generator, with 144 true units; 120 units" in \
        blocks["metrics-truth"]
    assert "| `rp_contamination` | contamination | 0 to 0.01 |" in blocks["metrics-calibration"]
    assert "10 minutes: **not reached**" in blocks["metrics-scale"] and "4 GB: reached" in blocks["metrics-scale"]
    assert draw(truth, rows, tmp_path / "img" / "metrics.png").stat().st_size > 20_000


def test_what_is_kept_is_not_run_again(tmp_path, monkeypatch):
    monkeypatch.setattr("simsort.benchmarks.metrics.units.write_case", lambda *args: pytest.fail("made again"))
    [name] = case_names(("simulator",), (3,))[:1]
    assert parse_name(name) == ("simulator", "static", 3)
    store(kept_file(tmp_path, name, "lupin"), {**facts_of("lupin", 20.0), "units": []})
    measure_case(name, ("lupin",), 20.0, 1, tmp_path)
    with pytest.raises(pytest.fail.Exception):
        measure_case(name, ("lupin",), 30.0, 1, tmp_path)


@pytest.mark.parametrize("settings, words", [({"families": ("mearec",)}, "allowed: any of simulator, spikeinterface"),
                                             ({"sorters": ("klusta",)}, "allowed: any of")])
def test_unknown_names_are_refused(settings, words, tmp_path):
    with pytest.raises(UserError, match=words):
        bench_metrics(Settings(out=tmp_path, parts=("truth",), **settings))


@pytest.mark.slow
def test_a_short_recording_goes_all_the_way(tmp_path):
    """Sorted, measured by the pipeline's own stages, compared; and nothing but the units is left."""
    settings = Settings(out=tmp_path, parts=("truth",), families=("spikeinterface",), sorters=("simsort",),
                        duration_s=15.0, n_jobs=1)
    measure_case("spikeinterface_static_seed0", settings.sorters, settings.duration_s, settings.n_jobs, tmp_path)
    units = kept_units(tmp_path)
    assert len(units) >= 5 and sum(unit["accuracy"] > 0.8 for unit in units) >= 3
    assert all(unit["snr"] > 0 and unit["label"] in ("pass", "fail", "unknown") for unit in units)
    assert [path.name for path in tmp_path.iterdir() if any(path.rglob("*.json"))] == ["units"]


@pytest.mark.slow
def test_time_and_memory_of_all_metrics(tmp_path):
    from simsort.benchmarks.metrics.scale import measure_scale
    from simsort.config.stages import METRICS

    result = measure_scale(12, 60.0, 1, tmp_path)
    assert set(result["seconds"]) == set(METRICS)
    assert sum(result["seconds"].values()) <= result["metrics_s"] * 1.01 <= result["wall_s"] * 1.01
    assert 5e7 < result["peak_bytes"] < 2e9 and result["n_spikes"] > 1000 and result["cpu_s"] > 0
    assert not (tmp_path / "scale" / "analyzer.zarr").exists()
