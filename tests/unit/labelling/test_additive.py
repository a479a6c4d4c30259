"""The additive model: curves, unknown values, reasons, its text; fitting it finds what decides and does not cheat."""

import json

import numpy as np
import pandas as pd
import pytest

from simsort.benchmarks.labels.fit import choose_and_fit, fit, hats, knots_of, out_of_fold
from simsort.benchmarks.labels.main import score_model
from simsort.labelling.additive import AdditiveModel, Curve, read_model
from simsort.labelling.automatic import SAME, label_by, shipped

LABELS = ("noise", "SUA")


def small_model():
    snr = Curve(np.array([2.0, 6.0]), np.array([[2.0, -2.0], [-2.0, 2.0]]), np.array([0.5, -0.5]))
    flat = Curve(np.array([0.0, 1.0]), np.zeros((2, 2)), np.zeros(2))
    return AdditiveModel(LABELS, {"snr": snr, "l_ratio": flat}, np.array([0.0, 0.0]), {"n_examples": 3})


def test_curves_are_straight_between_knots_and_level_beyond(tmp_path):
    table = pd.DataFrame({"snr": [1.0, 2.0, 4.0, 9.0, np.nan, np.inf]})
    probabilities, contributions = small_model().predict(table)
    np.testing.assert_allclose(contributions[:, 0, 0], [2, 2, 0, -2, 0.5, 0.5])
    np.testing.assert_allclose(probabilities[:, 1], 1 / (1 + np.exp([4, 4, 0, -4, 1, 1])))
    reasons = small_model().reasons(table, probabilities, contributions)
    assert reasons == [["snr 1, below 4"], ["snr 2, below 4"], [], ["snr 9, above 4"], [], []]
    (tmp_path / "model.json").write_text(small_model().to_json())
    again = read_model(tmp_path / "model.json")
    np.testing.assert_array_equal(again.predict(table)[0], probabilities)
    assert again.about == {"n_examples": 3}


def examples(n=400, seed=0):
    rng = np.random.default_rng(seed)
    sua = rng.random(n) < 0.5
    return pd.DataFrame({"snr": np.where(sua, rng.normal(8, 2, n), rng.normal(3, 1, n)), "l_ratio": rng.random(n),
                         "truth": np.where(sua, "SUA", "noise"), "recording": np.arange(n) % 8})


def test_fitting_finds_the_metric_that_decides():
    table = examples()
    table.loc[::7, "snr"] = np.nan
    model, fresh = choose_and_fit(table, ("snr", "l_ratio"), "truth", LABELS, {}), examples(seed=1)
    scores = score_model(model, fresh, "truth", LABELS)
    assert scores["accuracy"] > 0.85 and scores["interval"][0] < scores["accuracy"] < scores["interval"][1]
    assert sum(one["n"] for one in scores["calibration"]) == len(fresh)
    assert all(abs(one["predicted"] - one["true"]) < 0.15 for one in scores["calibration"] if one["n"] > 40)
    height = {name: np.ptp(curve.heights, axis=0).max() for name, curve in model.curves.items()}
    assert height["snr"] > 5 * height["l_ratio"]
    assert model.about["n_examples"] == len(table) and np.array(scores["confusion"]).sum() == len(fresh)


def test_recordings_are_judged_by_models_that_never_saw_them():
    """A metric that names the recording, and with it the truth, is worth nothing on a recording left out."""
    table = examples()
    table["truth"] = np.where(table["recording"] % 2, "SUA", "noise")
    table["snr"] = table["recording"] * 100.0  # each fold lies between those fitted on, with the other label
    found = out_of_fold(table, ("snr",), "truth", LABELS, 0.3)
    right = (found.argmax(axis=1) == (table["truth"] == "SUA")).mean()
    assert right < 0.7


def test_the_basis_sums_to_one_and_marks_the_unknown():
    values = np.array([-5.0, 0.3, 2.0, np.nan])
    basis = hats(values, knots_of(pd.Series([0.0, 1.0, 2.0, 3.0])))
    np.testing.assert_allclose(basis.sum(axis=1), 1)
    np.testing.assert_array_equal(basis[:, -1], [0, 0, 0, 1])
    assert fit(examples().assign(snr=1.0), ("snr", "l_ratio"), "truth", LABELS, 0.1).curves.keys() == {"l_ratio"}


def test_the_shipped_models_say_what_they_rest_on():
    for name, labels in (("units", {"noise", "MUA", "SUA"}), ("pairs", {"different", SAME})):
        model = shipped(name)
        assert set(model.labels) == labels and model.about["n_recordings"] >= 5
        assert model.about["scores_on_recordings_left_out"]["accuracy"] > 0.6  # of three labels or two
        json.loads(model.to_json())


@pytest.mark.parametrize("metrics, label", [
    ({"snr": 12.0, "isi_violations_ratio": 0.0, "sliding_rp_violation": 0.02, "rp_contamination": 0.0, "d_prime": 8.0,
      "l_ratio": 0.001, "nn_hit_rate": 0.99, "nn_miss_rate": 0.001, "amplitude_cutoff": 0.001, "num_spikes": 2500,
      "firing_rate": 5.0, "isi_violations_count": 0, "sd_ratio": 1.2}, "SUA"),
    ({"snr": 2.2, "isi_violations_ratio": 0.4, "d_prime": 1.2, "l_ratio": 4.0, "nn_hit_rate": 0.1, "sd_ratio": 1.5,
      "amplitude_cv_median": 0.9}, "MUA"),
    ({"snr": 4.0, "amplitude_cutoff": 0.5, "sd_ratio": 0.1, "l_ratio": 2.0, "peak_to_trough_duration": 0.00005,
      "trough_half_width": 0.00004, "num_positive_peaks": 0.0, "peak_after_to_trough_ratio": 0.07}, "noise")])
def test_the_shipped_model_tells_clear_cases(metrics, label):
    said = label_by("model", pd.DataFrame([metrics], index=["u"]))
    assert said["labels"] == [label] and said["probabilities"][0] > 0.6 and said["reasons"][0]
    assert label_by("model", pd.DataFrame({"num_spikes": [3]}, index=["u"]))["labels"] == [""]
