"""`simsort bench labels`: examples of known truth, models fitted on some recordings and scored on others."""

import json

import numpy as np
import pandas as pd
import pytest

from simsort.benchmarks.labels.examples import explained_share
from simsort.benchmarks.labels.imitate import slipped_in
from simsort.benchmarks.labels.main import LABELS, Settings, bench_labels, blocks_of, is_held_out
from simsort.benchmarks.labels.rearrange import split
from simsort.errors import UserError
from simsort.labelling.additive import read_model

PER_RECORDING = 30


def write_examples(folder, n_recordings):
    """Write units and pairs whose metrics tell what they are, but for some noise."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for seed in range(n_recordings):
        truth = rng.integers(0, 3, PER_RECORDING)
        units = pd.DataFrame({"snr": rng.normal([2.0, 6.0, 9.0])[truth] + rng.normal(0, 1, PER_RECORDING),
                              "isi_violations_ratio": np.array([1.0, 0.6, 0.0])[truth] + rng.normal(0, 0.1, PER_RECORDING),
                              "num_positive_peaks": 1.0, "num_negative_peaks": 1.0,
                              "peak_to_trough_duration": 0.0004, "sliding_rp_violation": 0.05, "num_spikes": 500.0,
                              "truth": np.array(LABELS)[truth], "kind": "imitated", "recording": seed,
                              "neuron": 0, "precision": 1.0, "recall": 1.0, "explained": 1.0})
        same = rng.random(PER_RECORDING) < 0.5
        pairs = pd.DataFrame({"first": 0, "second": 1, "similarity": np.where(same, 0.95, 0.6), "distance_um": 10.0,
                              "amplitude_ratio": rng.random(PER_RECORDING), "refractory_share": np.where(same, 0, 1.0),
                              "same": same, "recording": seed})
        for name, table in (("units", units), ("pairs", pairs)):
            table.to_csv(folder / f"{name}_{seed}.csv", index=False)


def test_models_are_fitted_and_scored_on_other_recordings(tmp_path):
    write_examples(tmp_path / "examples", 8)
    (tmp_path / "units/case").mkdir(parents=True)
    found = [{"snr": snr, "isi_violations_ratio": isi, "contamination": contamination, "label": "pass"}
             for snr, isi, contamination in ((9.0, 0.0, 0.02), (8.5, 0.05, 0.1), (2.0, 1.0, 0.9), (6.0, 0.6, 0.5))]
    (tmp_path / "units/case/lupin.json").write_text(json.dumps({"case": "case", "sorter": "lupin", "units": found}))
    result = bench_labels(Settings(tmp_path, None, 8, "simsort bench labels"))
    assert result["n_fitted"] == 6 and result["n_scored"] == 2 and is_held_out(0) and is_held_out(4)
    assert np.sum(result["units"]["confusion"]) == 2 * PER_RECORDING
    assert result["units"]["accuracy"] > 0.8 and result["pairs"]["accuracy"] > 0.95
    row = result["sorted"][0]
    assert (row["n_units"], row["n_single"], row["auc"]) == (4, 2, 1.0) and row["rule"] == [4, 2] and row["model"][1] == 2
    model = read_model(tmp_path / "units.json")
    assert model.about["scores_on_recordings_left_out"]["accuracy"] == result["units"]["accuracy"]
    block = blocks_of(result)["labels"]
    assert "model, units" in block and "bombcell" in block and "| lupin | 1 | 4 | 2 | 1.00 |" in block
    assert "Fitted on 6 simulated recordings (180 units, 180 pairs), scored on 2 others" in block


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(UserError, match="needs simulated cells"):
        bench_labels(Settings(tmp_path, None, 2, ""))
    write_examples(tmp_path / "examples", 2)
    with pytest.raises(UserError, match="too few units"):
        bench_labels(Settings(tmp_path, None, 2, ""))


def test_spikes_of_neurons_nearby_explain_a_unit():
    neurons = [np.array([100, 300]), np.array([205])]
    assert explained_share(np.array([101, 198, 250, 310]), neurons, within=7) == 0.5


@pytest.mark.parametrize("seed", range(6))
def test_a_split_unit_keeps_every_spike(seed):
    rng = np.random.default_rng(seed)
    train = np.sort(rng.choice(10_000, 200, replace=False))
    parts = split(train, rng.normal(-50, 10, 200), rng)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), train)
    assert all(len(part) >= 40 for part in parts)


def test_spikes_slip_in_from_neighbours_alone():
    trains = [np.arange(0, 1000, 10), np.arange(5, 1000, 10), np.arange(7, 1000, 10)]
    contacts_um = np.array([[0.0, 0.0], [0.0, 20.0], [0.0, 500.0]])
    found = [slipped_in(trains[0], 0, trains, [0, 1, 2], contacts_um, np.random.default_rng(seed)) for seed in range(20)]
    slipped = np.concatenate([part for parts in found for part in parts])
    assert len(slipped) and np.isin(slipped, trains[1]).all()
    assert slipped_in(trains[2], 2, trains, [0, 1, 2], contacts_um, np.random.default_rng(0)) == []
