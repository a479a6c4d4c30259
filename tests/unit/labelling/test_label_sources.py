"""Bombcell's rules and UnitRefine's models: labels with what they rest on, and what cannot be used."""

import json

import numpy as np
import pandas as pd
import pytest

from simsort.errors import UserError
from simsort.labelling.bombcell import bombcell_labels
from simsort.labelling.model_files import check_unitrefine

GOOD = {"num_positive_peaks": 1, "num_negative_peaks": 1, "peak_to_trough_duration": 0.0004, "snr": 9.0,
        "waveform_baseline_flatness": 0.1, "peak_after_to_trough_ratio": 0.4, "exp_decay": 0.05, "amplitude_median": -90.0,
        "amplitude_cutoff": 0.01, "num_spikes": 900, "sliding_rp_violation": 0.01, "presence_ratio": 1.0}


def test_bombcell_names_the_conditions_that_are_not_met():
    rows = [GOOD, GOOD | {"snr": 3.0, "amplitude_median": -20.0}, GOOD | {"num_positive_peaks": 4, "exp_decay": np.nan},
            GOOD | {"sliding_rp_violation": np.nan, "amplitude_cutoff": np.nan}]
    labels, reasons = bombcell_labels(pd.DataFrame(rows, dtype="float64"))
    assert labels == ["good", "mua", "noise", "mua"]
    assert reasons[0] == [] and set(reasons[1]) == {"snr 3, not >= 5", "amplitude_median 20, not >= 30"}
    assert reasons[2] == ["num_positive_peaks 4, not <= 2", "exp_decay unknown"]
    assert reasons[3] == ["sliding_rp_violation unknown"]  # of the others an unknown value fails no unit


def test_bombcell_says_nothing_without_its_metrics():
    """Rules of which only one part can be checked would pass every unit in the other."""
    assert bombcell_labels(pd.DataFrame({"snr": [9.0]}))[0] == [""]


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    """A UnitRefine model as they are shared: a scikit-learn pipeline as .skops, with model_info.json."""
    skops = pytest.importorskip("skops.io")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folder = tmp_path_factory.mktemp("noise_model")
    table = pd.DataFrame({"snr": np.r_[np.linspace(1, 3, 20), np.linspace(6, 12, 20)]})
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(table, np.repeat([0, 1], 20))
    write_model(skops, model, folder, {"0": "noise", "1": "neural"})
    return folder


def write_model(skops, model, folder, labels):
    skops.dump(model, folder / "model.skops")
    (folder / "model_info.json").write_text(json.dumps(
        {"label_conversion": labels, "requirements": {"spikeinterface": "0.105.3"}, "metric_params": {}}))


def analyzer_with(metrics):
    """A small analyzer whose quality metrics are given."""
    import spikeinterface.full as si
    from spikeinterface.metrics.quality.quality_metrics import ComputeQualityMetrics

    recording, sorting = si.generate_ground_truth_recording(durations=[2.0], num_channels=4, num_units=len(metrics),
                                                            seed=0)
    analyzer = si.create_sorting_analyzer(sorting, recording, sparse=False)
    extension = ComputeQualityMetrics(analyzer)
    extension.set_params(metric_names=["num_spikes"])
    extension.data["metrics"] = metrics.set_axis(analyzer.unit_ids)
    extension.run_info["run_completed"] = True
    analyzer.extensions["quality_metrics"] = extension
    return analyzer


def test_unitrefine_models_label_by_path(model_folder):
    from simsort.labelling.unitrefine import unitrefine_labels

    analyzer = analyzer_with(pd.DataFrame({"snr": [1.5, 11.0, 9.0]}))
    labels, probabilities = unitrefine_labels(analyzer, str(model_folder), None)
    assert labels == ["noise", "neural", "neural"] and all(p > 0.5 for p in probabilities)
    with pytest.raises(UserError, match="cannot label these units.*snr"):
        unitrefine_labels(analyzer_with(pd.DataFrame({"num_spikes": [1.0, 2.0]})), str(model_folder), None)


def test_the_second_model_judges_what_is_no_noise(model_folder, tmp_path):
    import skops.io
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    from simsort.labelling.unitrefine import unitrefine_labels

    table = pd.DataFrame({"snr": np.r_[np.linspace(1, 8, 20), np.linspace(10, 20, 20)]})
    single = make_pipeline(LogisticRegression()).fit(table, np.repeat([0, 1], 20))
    write_model(skops.io, single, tmp_path, {"0": "mua", "1": "sua"})
    analyzer = analyzer_with(pd.DataFrame({"snr": [1.5, 16.0, 7.0]}))
    assert unitrefine_labels(analyzer, str(model_folder), str(tmp_path))[0] == ["noise", "sua", "mua"]
    assert unitrefine_labels(analyzer, None, str(tmp_path))[0] == ["mua", "sua", "mua"]


def test_what_could_run_code_is_loaded_only_when_trusted(tmp_path):
    """A model with a function in it: skops would call whatever the file names."""
    skops = pytest.importorskip("skops.io")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    from simsort.labelling.unitrefine import unitrefine_labels

    table = pd.DataFrame({"snr": np.r_[np.linspace(1, 3, 20), np.linspace(6, 12, 20)]})
    model = make_pipeline(FunctionTransformer(np.nan_to_num), LogisticRegression()).fit(table, np.repeat([0, 1], 20))
    write_model(skops, model, tmp_path, {"0": "noise", "1": "neural"})
    analyzer = analyzer_with(pd.DataFrame({"snr": [1.5, 11.0]}))
    with pytest.raises(UserError, match="could run code: .*nan_to_num.*unitrefine-trusted") as refusal:
        unitrefine_labels(analyzer, str(tmp_path), None)
    trusted = refusal.value.remedy.split()[-1].split(",")
    assert unitrefine_labels(analyzer, str(tmp_path), None, trusted)[0] == ["noise", "neural"]
    (tmp_path / "model.skops").write_bytes(b"no zip")
    with pytest.raises(UserError, match="no .skops file"):
        unitrefine_labels(analyzer, str(tmp_path), None)


def test_models_that_are_not_there_are_never_downloaded(model_folder, tmp_path, run_cli):
    (tmp_path / "two").mkdir()
    for name in ("a.skops", "b.skops"):
        (tmp_path / "two" / name).write_text("")
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare/a.skops").write_text("")
    (tmp_path / "old").mkdir()
    (tmp_path / "old/model.pkl").write_text("")
    for path, said in (("SpikeInterface/UnitRefine_noise", "no .skops"), (str(tmp_path / "old"), "is a pickle"),
                       (str(tmp_path / "old/model.pkl"), "is a pickle"),
                       (str(tmp_path / "two"), "2 .skops"),
                       (str(tmp_path / "bare"), "model_info.json")):
        with pytest.raises(UserError, match=said):
            check_unitrefine({"unitrefine_noise": None, "unitrefine_sua": path})
    outcome = run_cli("check-params", "--", "--curation.unitrefine-noise", "models/noise")
    assert outcome.status == 2 and "--curation.unitrefine-noise models/noise is not a whole path" in outcome.stderr
    assert run_cli("check-params", "--", "--curation.unitrefine-noise", str(model_folder)).status == 0
