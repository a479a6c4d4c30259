"""`simsort visualize` on small ground truth: what is drawn, and that nothing small, odd or missing stops it."""

import json

import numpy as np
import pytest

from simsort.config.stages import Visualization
from simsort.records import Record

SETTINGS = Visualization().__dict__
RULE = "snr > 5 and isi_violations_ratio < 0.5"


def write_folders(folder, recording, sorting=None, bad_channels=None, name="rec"):
    """Write by hand what the stages before visualize leave; return the command's arguments."""
    from spikeinterface import create_sorting_analyzer
    from spikeinterface.core.core_tools import SIJsonEncoder

    data = folder / "data"
    raw = recording.save(folder=data / "raw", verbose=False)
    job = {"recording_name": name, "session_name": "s", "state": "ready",
           "recording_dict": raw.to_dict(recursive=True, relative_to=data)}
    (folder / "job.json").write_text(json.dumps(job, cls=SIJsonEncoder))
    raw.save(folder=folder / "preprocessed" / "binary", verbose=False)
    Record(stage="preprocess", recording_name=name, session_name="s",
           outputs={"bad_channels": bad_channels or {}}).write(folder / "preprocessed")
    arguments = ["--job", folder / "job.json", "--data", data, "--preprocessed", folder / "preprocessed",
                 "--out", folder / "visualization"]
    if sorting is None:
        return arguments
    analyzer = create_sorting_analyzer(sorting, raw, format="zarr", folder=folder / "postprocessed" / "analyzer.zarr",
                                       sparse=False)
    analyzer.compute(["random_spikes", "noise_levels", "templates", "spike_amplitudes", "correlograms",
                      "isi_histograms", "unit_locations"])
    analyzer.compute("quality_metrics", metric_names=["num_spikes", "firing_rate", "snr", "isi_violation"])
    units = [{"unit_id": unit, "default_qc": i % 2 == 0, "label": "pass" if i % 2 == 0 else "fail",
              "reasons": [] if i % 2 == 0 else ["snr 2, not > 5"], "unknown": []}
             for i, unit in enumerate(sorting.unit_ids.tolist())]
    Record(stage="curate", recording_name=name, session_name="s", parameters={"rule": RULE},
           outputs={"units": units}).write(folder / "curated")
    return arguments + ["--postprocessed", folder / "postprocessed", "--curated", folder / "curated"]


def tetrodes(durations, n_units=3):
    """Generate int16 ground truth on four channels, of one or several segments."""
    from spikeinterface.core import generate_ground_truth_recording
    from spikeinterface.preprocessing import scale

    recording, sorting = generate_ground_truth_recording(
        durations=durations, num_channels=4, num_units=n_units, seed=0, generate_probe_kwargs=dict(
            num_columns=2, xpitch=20, ypitch=20, contact_shapes="circle", contact_shape_params={"radius": 6}))
    recording = scale(recording, gain=5.0, dtype="int16")
    recording.set_channel_gains(0.2)
    recording.set_channel_offsets(0.0)
    return recording, sorting


def check_pictures(folder):
    """Check that what the record lists is there, readable and not blank; return it by kind."""
    from matplotlib.image import imread

    record = json.loads((folder / "visualization" / "record.json").read_text())
    kinds = {}
    for picture in record["outputs"]["pictures"]:
        assert picture["file"].isascii() and picture["title"]
        pixels = imread(folder / "visualization" / picture["file"])
        assert min(pixels.shape[:2]) > 200 and np.ptp(pixels[..., :3]) > 0.5
        kinds.setdefault(picture["kind"], []).append(picture)
    assert {p.name for p in (folder / "visualization").glob("*.png")} == {
        p["file"] for pictures in kinds.values() for p in pictures}
    return kinds, record


def test_all_pictures_of_a_probe(ground_truth, tmp_path, run_cli):
    recording, sorting = ground_truth
    bad = {str(recording.channel_ids[3]): "dead"}
    outcome = run_cli("visualize", *write_folders(tmp_path, recording, sorting, bad))
    assert outcome.status == 0, outcome.stderr
    kinds, record = check_pictures(tmp_path)
    assert {kind: len(pictures) for kind, pictures in kinds.items()} == {
        "traces": 2, "drift": 1, "probe": 1, "units": 3, "unit": 2}
    drawn = [unit for picture in kinds["unit"] for unit in picture["unit_ids"]]
    assert sorted(drawn) == sorted(map(str, sorting.unit_ids)) and record["warnings"] == []


def test_several_segments_of_a_tetrode(tmp_path, run_cli):
    outcome = run_cli("visualize", *write_folders(tmp_path, *tetrodes([4.0, 2.0, 0.3])))
    assert outcome.status == 0, outcome.stderr
    kinds, _ = check_pictures(tmp_path)
    assert [p["file"] for p in kinds["traces"]] == [f"traces_{w}_seg{i}.png" for w in ("full", "proc")
                                                   for i in range(3)]


def test_without_units(tmp_path, run_cli):
    arguments = write_folders(tmp_path, tetrodes([3.0])[0])
    Record(stage="postprocess", recording_name="rec", session_name="s", state="skipped",
           reason="the sorter found no units").write(tmp_path / "postprocessed")
    outcome = run_cli("visualize", *arguments, "--postprocessed", tmp_path / "postprocessed")
    assert outcome.status == 0, outcome.stderr
    kinds, record = check_pictures(tmp_path)
    assert set(kinds) == {"traces", "drift", "probe"} and "no units" in record["warnings"][0]


def test_silence_has_no_peaks_and_is_still_drawn(tmp_path, run_cli):
    from spikeinterface import NumpyRecording

    recording = NumpyRecording([np.zeros((30000, 4), dtype="int16")], 30000.0)
    recording.set_dummy_probe_from_locations(np.array([[0, 0], [0, 20], [20, 0], [20, 20]]))
    outcome = run_cli("visualize", *write_folders(tmp_path, recording))  # no gains either
    assert outcome.status == 0, outcome.stderr
    record = json.loads((tmp_path / "visualization" / "record.json").read_text())
    assert [p["kind"] for p in record["outputs"]["pictures"]] == ["traces", "traces", "drift", "probe"]


def test_units_beyond_the_limit_are_named_not_dropped_in_silence(tmp_path, run_cli):
    outcome = run_cli("visualize", *write_folders(tmp_path, *tetrodes([3.0])), "--max-unit-pictures", "1")
    assert outcome.status == 0, outcome.stderr
    kinds, record = check_pictures(tmp_path)
    assert [len(p["unit_ids"]) for p in kinds["unit"]] == [1] and "1 of 3 units" in record["warnings"][0]


def test_motion_is_drawn_and_undone_at_its_time_and_depth(tmp_path):
    from spikeinterface.core.motion import Motion

    from simsort.visualization.drift import displacements, draw_motion
    from simsort.visualization.peaks import Peaks

    recording, _ = tetrodes([4.0, 2.0])
    displacement = [np.full((4, 2), 5.0), np.full((3, 2), -7.0)]
    bins = [np.arange(4) + 0.5, np.array([0.2, 1.0, 1.8])]
    motion = Motion(displacement, bins, np.array([0.0, 20.0]))
    peaks = Peaks(np.array([1.0, 3.9, 4.1, 5.9]), np.array([0.0, 20.0, 0.0, 20.0]), np.full(4, -50.0), "")
    np.testing.assert_allclose(displacements(recording, peaks, motion), [5.0, 5.0, -7.0, -7.0])
    picture = draw_motion(recording, peaks, motion, tmp_path, SETTINGS, applied=True)
    assert (tmp_path / picture.file).stat().st_size > 5000 and "applied" in picture.title


def test_envelope_keeps_every_extreme_whatever_the_bins():
    from spikeinterface import NumpyRecording

    from simsort.visualization.traces import envelope

    traces = np.zeros((20_000, 2), dtype="int16")
    spikes = [0, 777, 9_999, 10_000, 19_999]
    traces[spikes, 0] = [-100, 90, -80, 70, -60]
    recording = NumpyRecording([traces], 3000.0)
    low, high = envelope(recording, 0, (0, 20_000), np.array([1, 0]))  # several chunks of a second
    assert low.shape == high.shape == (1200, 2)
    assert sorted(low[low < 0]) == [-100, -80, -60] and sorted(high[high > 0]) == [70, 90]
    assert not low[:, 0].any()


def test_sampled_peaks_cost_does_not_grow_with_duration():
    from spikeinterface import NumpyRecording

    from simsort.visualization.peaks import SAMPLED_S, sample_slices

    recording = NumpyRecording([np.zeros((n, 1), dtype="int8") for n in (1_000_000, 100, 250_000)], 1000.0)
    slices = sample_slices(recording)
    assert sum(end - start for _, start, end in slices) / 1000.0 <= SAMPLED_S + 3
    assert {segment for segment, _, _ in slices} == {0, 1, 2}
    ordered = [(segment, start, end) for segment, start, end in slices]
    assert ordered == sorted(ordered)
    assert all(a[2] <= b[1] for a, b in zip(ordered, ordered[1:]) if a[0] == b[0])  # none is searched twice


def test_detected_peaks_are_the_true_spikes(ground_truth):
    from simsort.visualization.peaks import detect_sampled_peaks

    recording, sorting = ground_truth
    peaks = detect_sampled_peaks(recording, detect_threshold=5.0, n_jobs=1)
    true_s = np.sort(sorting.to_spike_vector()["sample_index"]) / sorting.sampling_frequency
    nearest = np.abs(peaks.times_s[:, None] - true_s[np.clip(np.searchsorted(true_s, peaks.times_s)[:, None]
                                                             + [-1, 0], 0, len(true_s) - 1)]).min(axis=1)
    assert len(peaks.times_s) > 200 and np.mean(nearest < 0.001) > 0.8
    assert np.all(peaks.amplitudes_uv < 0) and "noise_level_mad_raw" not in recording.get_property_keys()


@pytest.mark.parametrize("n_samples, n_snippets, expected", [(30_000, 2, [(6750, 8250), (21750, 23250)]),
                                                             (1000, 2, [(0, 1000)]), (3100, 9, [(25, 1525),
                                                                                                (1575, 3075)])])
def test_snippets_do_not_overlap(n_samples, n_snippets, expected):
    from simsort.visualization.traces import snippet_windows

    assert snippet_windows(n_samples, 30_000.0, n_snippets, 0.05) == expected
