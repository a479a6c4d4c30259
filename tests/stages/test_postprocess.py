"""Postprocessing on planted ground truth: metrics with known answers, odd recordings, reload after a move."""

import json
import math
import shutil

import numpy as np
import pytest

from simsort.config.stages import EXTENSIONS, FAST
from simsort.errors import UserError
from simsort.records import Record, read_record


def metrics_of(out):
    import spikeinterface.full as si

    analyzer = si.load_sorting_analyzer(out / "analyzer.zarr", load_extensions=False)
    return analyzer.get_extension("quality_metrics").get_data()


def stored_bytes(path):
    """All that an analyzer stores, but for the times of computation."""
    arrays = {}
    for file in sorted(path.rglob("*")):
        if file.is_file() and file.name not in (".zattrs", ".zmetadata") and "runtime_s" not in file.parts:
            arrays[str(file.relative_to(path))] = file.read_bytes()
    return arrays


@pytest.mark.slow
def test_all_extensions_and_metrics_are_there(planted):
    from simsort.curation.rule import QUALITY_COLUMNS

    _, out, record = planted
    assert record.state == "done" and record.warnings == ["unit twin removed: same spikes as unit clean"]
    assert set(record.outputs["extensions"]) == set(EXTENSIONS)
    assert record.outputs["metrics_failed"] == {} and record.outputs["extensions_left_out"] == {}
    assert set(metrics_of(out).columns) == set(QUALITY_COLUMNS)
    assert [p.name for p in out.iterdir() if p.name != "record.json"] == ["analyzer.zarr"]


@pytest.mark.slow
def test_unknown_values_read_back_as_nan_whoever_defined_the_metric(planted):
    import spikeinterface as si

    from simsort.visualization.unit_data import metrics_table

    table = metrics_table(si.load_sorting_analyzer(planted[1] / "analyzer.zarr"))
    assert {str(dtype) for dtype in table.dtypes} == {"float64"}
    assert np.isnan(table["drift_ptp"]).all() and np.isfinite(table["maximum_drift"]).all()


@pytest.mark.slow
def test_the_repeated_unit_is_removed(planted):
    _, out, record = planted
    assert record.outputs["removed_duplicate_units"] == [{"unit_id": "twin", "same_as": "clean"}]
    assert (record.outputs["n_units_in"], record.outputs["n_units"]) == (4, 3)
    assert metrics_of(out).index.tolist() == ["clean", "bursting", "half"]


@pytest.mark.slow
def test_planted_metrics(planted):
    metrics = metrics_of(planted[1])
    assert metrics["presence_ratio"].to_dict() == pytest.approx({"clean": 1.0, "bursting": 1.0, "half": 0.5}, abs=0.11)
    assert metrics.loc["clean", "isi_violations_count"] == 0
    violating = metrics.loc["bursting"]
    assert violating["isi_violations_count"] == pytest.approx(violating["num_spikes"] / 11, abs=1)
    assert violating["isi_violations_ratio"] > 0.5 and violating["rp_contamination"] > 0.1
    assert metrics.loc["half", "firing_rate"] == pytest.approx(20.0, rel=0.15)
    # nothing moves: what is left is how well 10 bins of 4 s know the median depth
    assert (metrics["maximum_drift"] < 5).all() and (metrics["maximum_drift"] <= metrics["cumulative_drift"]).all()
    assert (metrics["snr"] > 3).all() and (metrics["amplitude_cutoff"] < 0.1).all()


@pytest.mark.slow
def test_unknown_metrics_are_named_with_the_reason(planted):
    _, out, record = planted
    unknown = record.outputs["unknown_metrics"]
    assert unknown["drift_ptp"] == {"unit_ids": ["clean", "bursting", "half"],
                                    "reason": "fewer than two intervals of 60 s with 100 spikes"}
    metrics = metrics_of(out)
    assert {c for c in metrics if metrics[c].isna().any()} == set(unknown)


@pytest.mark.slow
def test_component_metrics_are_spikeinterfaces_own(planted):
    """Neighbours are gathered unit by unit to save memory; SpikeInterface gathers them all at once."""
    import spikeinterface.full as si

    analyzer = si.load_sorting_analyzer(planted[1] / "analyzer.zarr", read_only=True)
    ours = analyzer.get_extension("quality_metrics").get_data()
    names = ["mahalanobis", "d_prime", "nearest_neighbor", "silhouette"]
    theirs = analyzer.compute("quality_metrics", save=False, metric_names=names, delete_existing_metrics=True).get_data()
    np.testing.assert_array_equal(ours[theirs.columns], theirs)
    assert theirs.notna().to_numpy().sum() > 6


@pytest.mark.slow
def test_component_metrics_do_not_depend_on_the_workers(tmp_path):
    import spikeinterface.full as si

    from simsort.postprocessing.component_metrics import NAMES, compute_in_parallel
    from simsort.postprocessing.extensions import drop_pickled_models
    from simsort.postprocessing.quality_metrics import metric_of
    from simsort.workers import job_kwargs

    recording, sorting = si.generate_ground_truth_recording(durations=[10.0], num_channels=8, num_units=7, seed=0)
    analyzer = si.create_sorting_analyzer(sorting, recording, format="zarr", folder=tmp_path / "analyzer.zarr")
    analyzer.compute(["random_spikes", "waveforms", "templates", "principal_components"], progress_bar=False)
    drop_pickled_models(analyzer)
    for name in NAMES:
        metric = metric_of(name)
        alone, shared = (compute_in_parallel(analyzer, metric, metric.metric_params, job_kwargs(n)) for n in (1, 2))
        for one, two in zip([alone], [shared]) if isinstance(alone, dict) else zip(alone, shared, strict=True):
            assert list(two) == list(one) == analyzer.unit_ids.tolist()
            np.testing.assert_array_equal(list(two.values()), list(one.values()))
            assert np.isfinite(list(one.values())).any(), name


@pytest.mark.slow
def test_locations_follow_the_planted_depths(planted):
    import spikeinterface.full as si

    folders, out, _ = planted
    analyzer = si.load_sorting_analyzer(out / "analyzer.zarr")
    depths = analyzer.get_extension("unit_locations").get_data()[:, 1]
    main = analyzer.get_channel_locations()[analyzer.get_main_channels(outputs="index"), 1]
    assert np.abs(depths - main).max() < 25.0
    spikes = analyzer.get_extension("spike_locations").get_data(outputs="by_unit", concatenated=True)
    for unit_id, depth in zip(analyzer.unit_ids, depths, strict=True):
        assert abs(np.median(spikes[unit_id]["y"]) - depth) < 20.0


@pytest.mark.slow
def test_no_pickle_is_stored(planted):
    text = "\n".join(path.read_text() for path in (planted[1] / "analyzer.zarr").rglob(".zarray"))
    assert "json2" in text and "pickle" not in text


@pytest.mark.slow
def test_reload_after_a_move(planted, tmp_path):
    import spikeinterface.full as si

    from simsort.postprocessing import load_analyzer

    folders, out, _ = planted
    path = shutil.copytree(out / "analyzer.zarr", tmp_path / "elsewhere" / "rec 1.zarr")
    assert not si.load_sorting_analyzer(path).has_recording()
    assert load_analyzer(path).get_num_units() == 3
    moved = shutil.copytree(folders.raw, tmp_path / "new place")
    analyzer = load_analyzer(path, moved)
    assert analyzer.has_recording()
    traces = analyzer.recording.get_traces(start_frame=0, end_frame=3000)
    expected = si.load(folders.preprocessed / "binary").get_traces(start_frame=0, end_frame=3000)
    assert np.abs(traces.astype("int32") - expected).max() <= 1  # a filter's chunk borders round differently
    used = str(analyzer.recording.to_dict(recursive=True))
    assert str(moved) in used and str(folders.raw) not in used
    for file in path.rglob("*"):  # nothing on disk names the machine the analyzer was made on
        assert file.is_dir() or str(folders.raw.parent).encode() not in file.read_bytes(), file


@pytest.mark.slow
def test_reload_with_the_wrong_data_says_so(planted, tmp_path):
    import spikeinterface.full as si

    from simsort.postprocessing import load_analyzer

    path = planted[1] / "analyzer.zarr"
    with pytest.raises(UserError, match="do not load from"):
        load_analyzer(path, tmp_path)
    raw = si.load(planted[0].raw / "copy")
    raw.frame_slice(0, 30_000).save(folder=tmp_path / "other" / "copy", progress_bar=False)
    with pytest.raises(UserError, match="is not the one of"):
        load_analyzer(path, tmp_path / "other")
    with pytest.raises(UserError, match="no analyzer at"):
        load_analyzer(tmp_path / "none.zarr")


@pytest.mark.slow
def test_same_bytes_whatever_the_number_of_workers(tetrode, postprocess_folders, tmp_path):
    """On a tetrode in two segments."""
    _, one, record = postprocess_folders(tetrode, tmp_path / "one", n_jobs=1)
    _, two, _ = postprocess_folders(tetrode, tmp_path / "two", n_jobs=2)
    assert record.state == "done" and record.outputs["metrics_failed"] == {}
    assert set(record.outputs["extensions"]) == set(EXTENSIONS)
    first, second = stored_bytes(one / "analyzer.zarr"), stored_bytes(two / "analyzer.zarr")
    assert list(first) == list(second)
    assert [name for name in first if first[name] != second[name]] == []


def test_short_recording_with_hardly_any_spikes(stage_folders, postprocess_folders, tmp_path):
    """4 s, a unit of 2 spikes and one at 2 Hz: what cannot be known is unknown, and nothing fails."""
    import spikeinterface.full as si

    recording, _ = si.generate_ground_truth_recording(durations=[4.0], num_channels=4, num_units=1, seed=0)
    rare = np.array([20_000, 60_000])
    slow = np.arange(5_000, 95_000, 12_500)
    fs = recording.sampling_frequency
    folders = stage_folders(tmp_path, recording, si.NumpySorting.from_unit_dict([{7: rare, 9: slow}], fs))
    _, out, record = postprocess_folders(folders)
    unknown = record.outputs["unknown_metrics"]
    assert record.state == "done" and record.outputs["metrics_failed"] == {}
    assert record.outputs["presence_ratio_bin_s"] == pytest.approx(0.4)
    for metric in ("presence_ratio", "amplitude_cutoff", "drift_ptp", "amplitude_cv_median"):
        assert unknown[metric]["unit_ids"] == [7, 9] and unknown[metric]["reason"]
    assert metrics_of(out)["num_spikes"].to_dict() == {7: 2, 9: 8}


def test_one_unit_of_two_spikes(stage_folders, postprocess_folders, tmp_path):
    import spikeinterface.full as si

    recording, _ = si.generate_ground_truth_recording(durations=[4.0], num_channels=4, num_units=1, seed=0)
    sorting = si.NumpySorting.from_unit_dict([{"a": np.array([20_000, 60_000])}], recording.sampling_frequency)
    _, out, record = postprocess_folders(stage_folders(tmp_path, recording, sorting))
    assert record.outputs["extensions_left_out"] == {"principal_components": "no unit has 5 spikes"}
    assert record.outputs["metrics_left_out"]["silhouette"] == "needs principal_components, which was not computed"
    assert record.outputs["unknown_metrics"]["silhouette"]["unit_ids"] == ["a"]
    assert any("principal_components not computed" in w for w in record.warnings)
    json.dumps(record.outputs, allow_nan=False)
    assert metrics_of(out).loc["a", "num_spikes"] == 2


def test_fast_mode_leaves_out_and_names(tetrode, postprocess_folders, tmp_path):
    _, out, record = postprocess_folders(tetrode, tmp_path / "fast", **FAST["postprocessing"], skip_metrics=["synchrony"])
    assert not set(FAST["postprocessing"]["skip_extensions"]) & set(record.outputs["extensions"])
    assert record.outputs["metrics_left_out"]["drift"] == "needs spike_locations, which was not computed"
    assert record.outputs["metrics_left_out"]["synchrony"] == "left out by --postprocessing.skip-metrics"
    assert record.outputs["extensions_left_out"]["valid_unit_periods"] == "needs amplitude_scalings, which is left out"
    assert "snr" in metrics_of(out) and "silhouette" not in metrics_of(out)


def test_a_broken_metric_costs_no_other_and_is_reported(tetrode, postprocess_folders, tmp_path, monkeypatch):
    from spikeinterface.metrics.quality.misc_metrics import FiringRange

    def broken(*args, **kwargs):
        raise ZeroDivisionError("planted\nbug")

    monkeypatch.setattr(FiringRange, "metric_function", broken)
    _, out, record = postprocess_folders(tetrode, tmp_path / "broken", skip_extensions=["amplitude_scalings"])
    assert record.outputs["metrics_failed"] == {"firing_range": "ZeroDivisionError: planted bug"}
    assert "metric firing_range failed and is unknown for every unit: ZeroDivisionError: planted bug" in record.warnings
    assert record.outputs["unknown_metrics"]["firing_range"]["reason"] == "failed: ZeroDivisionError: planted bug"
    metrics = metrics_of(out)
    assert metrics["firing_range"].isna().all() and metrics["snr"].notna().all()


def test_no_units_is_skipped(stage_folders, run_cli, tmp_path):
    import spikeinterface.full as si

    recording, _ = si.generate_ground_truth_recording(durations=[3.0], num_channels=4, num_units=1, seed=0)
    folders = stage_folders(tmp_path, recording, si.NumpySorting.from_unit_dict([{}], recording.sampling_frequency))
    outcome = run_cli("postprocess", "--preprocessed", folders.preprocessed, "--sorted", folders.sorted,
                      "--data", folders.raw, "--out", tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    record = read_record(tmp_path / "out")
    assert (record["state"], record["reason"]) == ("skipped", "the sorter found no units")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["record.json"]


def test_spikes_beyond_the_recording_only_is_skipped(stage_folders, postprocess_folders, tmp_path):
    import spikeinterface.full as si

    recording, _ = si.generate_ground_truth_recording(durations=[3.0], num_channels=4, num_units=1, seed=0)
    beyond = si.NumpySorting.from_unit_dict([{0: np.array([10_000_000])}], recording.sampling_frequency)
    _, out, record = postprocess_folders(stage_folders(tmp_path, recording, beyond))
    assert (record.state, record.reason) == ("skipped", "no unit has a spike within the recording")
    assert record.outputs["removed_excess_spikes"] == 1 and not (out / "analyzer.zarr").exists()


def test_a_skipped_recording_stays_skipped(postprocess_folders, tmp_path):
    from types import SimpleNamespace

    folders = SimpleNamespace(raw=tmp_path / "raw", preprocessed=tmp_path / "p", sorted=tmp_path / "s")
    for folder, stage in ((folders.preprocessed, "preprocess"), (folders.sorted, "sort")):
        Record(stage=stage, recording_name="r", session_name="s", state="skipped", reason="2 s, too short").write(folder)
    assert postprocess_folders(folders)[2].reason == "2 s, too short"


def test_motion_corrected_needs_the_corrected_recording(tetrode, postprocess_folders, tmp_path):
    with pytest.raises(UserError, match="--postprocessing.use-motion-corrected"):
        postprocess_folders(tetrode, tmp_path / "out", use_motion_corrected=True)


def test_command_line_writes_analyzer_and_record(tetrode, run_cli, tmp_path):
    outcome = run_cli("postprocess", "--preprocessed", tetrode.preprocessed, "--sorted", tetrode.sorted, "--data",
                      tetrode.raw, "--n-jobs", 1, "--out", tmp_path / "out", "--skip-extensions",
                      '["amplitude_scalings", "spike_locations"]', "--seed", 3)
    assert outcome.status == 0, outcome.stderr
    record = read_record(tmp_path / "out")
    assert (record["state"], record["seed"], record["recording_name"]) == ("done", 3, "block0_imec0.ap_recording1")
    assert (tmp_path / "out" / "analyzer.zarr").is_dir()
    assert math.isclose(record["outputs"]["duration_s"], 10.0)
