"""`simsort bench labels`: examples of known truth, models fitted on some recordings and scored on others."""

import json

import numpy as np
import pandas as pd
import pytest

from simsort.benchmarks.labels.artefacts import add_artefacts, artefact_units, echo_units
from simsort.benchmarks.labels.examples import explained_share
from simsort.benchmarks.labels.imitate import slipped_in
from simsort.benchmarks.labels.like_sorters import like_sorters
from simsort.benchmarks.labels.main import LABELS, Settings, bench_labels, blocks_of, is_held_out
from simsort.benchmarks.labels.rearrange import split, unclaimed
from simsort.benchmarks.labels.scores import told
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
                              "truth": np.array(LABELS)[truth], "kind": "sorter", "recording": seed,
                              "neuron": 0, "precision": 1.0, "recall": 1.0, "explained": 1.0})
        same = rng.random(PER_RECORDING) < 0.5
        pairs = pd.DataFrame({"first": 0, "second": 1, "similarity": np.where(same, 0.95, 0.6), "distance_um": 10.0,
                              "amplitude_ratio": rng.random(PER_RECORDING), "refractory_share": np.where(same, 0, 1.0),
                              "same": same, "recording": seed})
        for name, table in (("units", units), ("pairs", pairs)):
            table.to_csv(folder / f"{name}_{seed}.csv", index=False)


def test_models_are_fitted_and_scored_on_other_recordings(tmp_path):
    write_examples(tmp_path / "examples", 8)
    (tmp_path / "examples/pairs_7.csv").write_text("first,second,similarity,distance_um,amplitude_ratio,refractory_share,"
                                                   "same,recording\n")  # units, but no two alike
    (tmp_path / "units/case").mkdir(parents=True)
    found = [{"snr": snr, "isi_violations_ratio": isi, "contamination": contamination, "label": "pass"}
             for snr, isi, contamination in ((9.0, 0.0, 0.02), (8.5, 0.05, 0.1), (2.0, 1.0, 0.9), (6.0, 0.6, 0.5))]
    (tmp_path / "units/case/lupin.json").write_text(json.dumps({"case": "case", "sorter": "lupin", "units": found}))
    result = bench_labels(Settings(tmp_path, None, 8, "simsort bench labels"))
    assert result["n_fitted"] == 5 and result["n_scored"] == 3 and is_held_out(0) and is_held_out(3)
    assert np.sum(result["units"]["confusion"]) == 3 * PER_RECORDING
    assert result["units"]["accuracy"] > 0.8 and result["pairs"]["accuracy"] > 0.95
    row = result["sorted"][0]
    assert (row["n_units"], row["n_single"], row["auc"]) == (4, 2, 1.0) and row["rule"] == [4, 2] and row["model"][1] == 2
    model = read_model(tmp_path / "units.json")
    assert model.about["scores_on_recordings_left_out"]["accuracy"] == result["units"]["accuracy"]
    block = blocks_of(result)["labels"]
    assert "model, units" in block and "bombcell" in block and "| lupin | 1 | 4 | 2 | 1.00 |" in block
    assert "Fitted on 5 simulated recordings (150 units, 120 pairs), scored on 3 others" in block
    noise = result["units"]["confusion"][0]
    assert f"other noise, {noise[0]} of {sum(noise)};" in block


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(UserError, match="needs simulated cells"):
        bench_labels(Settings(tmp_path, None, 2, ""))
    write_examples(tmp_path / "examples", 2)
    with pytest.raises(UserError, match="too few units"):
        bench_labels(Settings(tmp_path, None, 2, ""))


def test_spikes_of_neurons_nearby_explain_a_unit():
    neurons = [np.array([100, 300]), np.array([205])]
    found = np.array([101, 198, 250, 310])
    assert explained_share(found, neurons, within=7, n_samples=10**9) == pytest.approx(0.5)
    # three spikes of 15 samples each in 450: a tenth of the time lies near one
    assert explained_share(found, neurons, within=7, n_samples=450) == pytest.approx((0.5 - 0.1) / 0.9)
    anywhere = np.random.default_rng(0).integers(0, 450, 100_000)
    assert abs(explained_share(anywhere, neurons, within=7, n_samples=450)) < 0.01


def test_what_is_told_is_counted_by_kind():
    class SaysNoise:
        labels = LABELS

        def predict(self, table):
            return np.tile([0.6, 0.3, 0.1], (len(table), 1)), None

    units = pd.DataFrame({"truth": ["noise", "noise", "MUA", "SUA", "noise"], "precision": [0, 0, 0.7, 0.95, 0],
                          "kind": ["artefact", "split", "imitated", "sorter", "artefact"], "num_spikes": 400,
                          "recording": [1, 1, 1, 2, 2]})
    assert told(units, SaysNoise()) == [
        ("artefacts", 2, 2), ("other noise", 1, 1), ("MUA with 20 to 40 % of foreign spikes", 0, 1),
        ("MUA of more", 0, 1), ("units of the recordings that another sorter sorted", 1, 2)]


@pytest.mark.parametrize("seed", range(8))
def test_artefacts_stand_where_their_trains_say(seed):
    import spikeinterface.full as si

    quiet = si.NumpyRecording(np.zeros((30_000 * 40, 8), dtype="int16"), 30_000)
    quiet.set_channel_gains(2.0)
    quiet.set_channel_offsets(0.0)
    recording, trains = add_artefacts(quiet, seed, level_uv=10.0)
    loud = np.abs(recording.get_traces()).max(axis=1) > 0
    for train in trains:
        assert len(train) >= 5 and np.diff(train).min() >= 90  # 3 ms
        starts = [np.abs(recording.get_traces(start_frame=at, end_frame=at + 2)).max() for at in train]
        assert min(starts) > 5  # one level
    near = np.zeros(len(loud), dtype=bool)
    for at in np.concatenate([*trains, []]).astype(int):
        near[at - 30:at + 60] = True
    assert not (loud & ~near).any() and loud.any() == bool(trains)


def test_clusters_of_artefacts_and_echoes():
    rng = np.random.default_rng(3)
    assert artefact_units([np.arange(10) * 100], rng) == []
    found, = artefact_units([np.arange(1000) * 100], rng)
    assert 500 < len(found) <= 1000 and (found % 100 == 0).all()
    trains, sizes = [np.arange(1, 100) * 3000, np.arange(1, 100) * 3001], [np.full(99, -5.0), np.full(99, -50.0)]
    echoes = [echo for seed in range(20) for echo in echo_units(trains, sizes, 30_000, np.random.default_rng(seed))]
    assert 4 <= len(echoes) <= 16  # of half of the recordings
    for echo in echoes:
        later = echo - trains[1][:len(echo)]  # of the largest
        assert 23 <= later.min() and later.max() <= 61 and np.ptp(later) <= 2


def test_mixtures_are_kept_as_often_as_sorters_make_them():
    n = 4000
    rng = np.random.default_rng(0)
    made = pd.DataFrame({"snr": rng.uniform(1, 20, n), "truth": rng.permutation(["MUA", "SUA"] * (n // 2)),
                         "kind": rng.choice(["imitated", "merged", "split"], n), "recording": rng.integers(0, 5, n)})
    found = made.assign(kind="sorter", recording=7)
    noise, artefacts = (made.assign(kind=kind, truth="noise") for kind in ("noise", "artefact"))
    kept = like_sorters(pd.concat([made, found, noise, artefacts], ignore_index=True))
    assert (kept["kind"] == "sorter").sum() == (kept["kind"] == "noise").sum() == n
    assert 0.3 < (kept["kind"] == "artefact").sum() / n < 0.4
    kept = kept[kept["kind"].isin(["imitated", "merged", "split"])]
    shares = (kept["truth"] == "MUA").groupby(pd.cut(kept["snr"], [1, 3, 5, 8, 11, 20]), observed=True).mean().to_numpy()
    assert shares[0] > 0.75 and shares[-1] < 0.02 and (np.diff(shares) < 0).all()
    again = like_sorters(made[made["recording"] == 3])
    assert len(again) == (kept["recording"] == 3).sum()  # whatever else is in the table


def test_crossings_near_sorted_spikes_are_claimed():
    peaks = np.array([(100,), (200,), (300,)], dtype=[("sample_index", "int64")])
    assert unclaimed(peaks, [np.array([103]), np.array([310])], within=5)["sample_index"].tolist() == [200, 300]
    assert len(unclaimed(peaks, [], within=5)) == 3


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
