"""The evaluate command: known scores, published layouts, users' mistakes."""

import csv
import json

import numpy as np
import pytest
from spikeinterface import NumpyRecording, NumpySorting

from simsort.evaluation import layouts
from simsort.evaluation.datasets import DATASETS, find_recordings, published_units
from simsort.evaluation.snr import measure_snr
from simsort.evaluation.sort_dataset import pooled

FS_HZ = 30000.0
RNG = np.random.default_rng(0)
TRAINS = {unit: np.cumsum(RNG.integers(300, 900, 60)) for unit in range(3)}


def sorting(trains, fs_hz=FS_HZ, n_segments=1):
    return NumpySorting.from_unit_dict([trains] * n_segments, fs_hz)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A truth, a sorting that lacks a unit, and what is no sorting at all."""
    root = tmp_path_factory.mktemp("evaluate")
    truth = sorting(TRAINS)
    truth.set_property("snr", np.array([10.0, 5.0, 1.0]))
    truth.save(folder=root / "truth")
    sorting({0: TRAINS[0] + 3}).save(folder=root / "found/sorting")
    sorting(TRAINS, 20000.0).save(folder=root / "other_rate")
    sorting(TRAINS, n_segments=2).save(folder=root / "segments")
    sorting({}).save(folder=root / "empty")
    NumpyRecording([np.zeros((1000, 2), dtype="int16")], FS_HZ).save(folder=root / "recording", progress_bar=False)
    (root / "files").mkdir()
    (root / "files/readme.txt").write_text("nothing here")
    return root


def evaluate(run_cli, folders, out, found="found", truth="truth", *more):
    return run_cli("evaluate", "--sorting", folders / found, "--ground-truth", folders / truth, "--out", out, *more)


def test_scores_of_two_folders(run_cli, folders, tmp_path):
    outcome = evaluate(run_cli, folders, tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    scores = json.loads((tmp_path / "out/evaluation.json").read_text())
    assert scores["accuracy"] == 0.5 and scores["n_asked"] == 2 and scores["n_true"] == 3
    assert "accuracy 0.500" in outcome.stdout and "SNR from the ground truth" in outcome.stdout
    with (tmp_path / "out/units.csv").open() as file:
        assert [float(row["accuracy"]) for row in csv.DictReader(file)] == [1.0, 0.0, 0.0]


def test_an_empty_sorting_scores_zero(run_cli, folders, tmp_path):
    assert evaluate(run_cli, folders, tmp_path / "out", found="empty").status == 0
    assert json.loads((tmp_path / "out/evaluation.json").read_text())["accuracy"] == 0.0


@pytest.mark.parametrize(("found", "truth", "words"), [
    ("missing", "truth", "does not exist"), ("files", "truth", "holds no sorting"),
    ("recording", "truth", "no sorting"),
    ("other_rate", "truth", "20000 Hz"), ("segments", "truth", "2 segments"), ("found", "empty", "has no units"),
    ("found", "recording", "--ground-truth")])
def test_mistakes_are_named(run_cli, folders, tmp_path, found, truth, words):
    outcome = evaluate(run_cli, folders, tmp_path / "out", found, truth)
    assert outcome.status == 2 and words in outcome.stderr and outcome.stderr.count("\n") == 1


@pytest.mark.parametrize("args", [(), ("--sorting", "a"), ("--dataset", "hc1", "f", "--sorting", "a"),
                                  ("--dataset", "hc3", "f"), ("--dataset", "hc1", "missing")])
def test_one_of_the_two_ways(run_cli, tmp_path, args):
    outcome = run_cli("evaluate", *args, "--out", tmp_path / "out")
    assert outcome.status == 2 and outcome.stderr.count("\n") == 1


def test_the_output_folder_must_be_new(run_cli, folders, tmp_path):
    (tmp_path / "old.txt").write_text("old")
    assert "not empty" in evaluate(run_cli, folders, tmp_path).stderr


def test_snr_is_the_peak_over_the_noise():
    traces = RNG.normal(0, 10, (300000, 2)).astype("float32")
    times = np.arange(1000, 290000, 1500)
    traces[times[:, None] + np.arange(-5, 6), 0] -= 200 * np.exp(-((np.arange(-5, 6) / 3) ** 2))
    recording = layouts.on_line(traces, FS_HZ)
    strong, none = measure_snr(recording, sorting({0: times, 1: np.array([], dtype=int)}))
    assert 15 < strong < 35 and none == 0.0


def write_mda(path, array, code):
    """MountainSort's format: type, bytes, dimensions, sizes, then the values by column."""
    header = np.array([code, array.itemsize, array.ndim, *array.shape], dtype="<i4")
    path.write_bytes(header.tobytes() + array.tobytes(order="F"))


def test_spikeforest_folders_are_read(tmp_path):
    place = tmp_path / "static_tetrode" / "rec_4c_600s_11"
    place.mkdir(parents=True)
    write_mda(place / "raw.mda", RNG.normal(0, 10, (4, 3000)).astype("float32"), -3)
    write_mda(place / "firings_true.mda", np.array([[1, 1, 1], [100, 500, 900], [1, 2, 1]], dtype="float64"), -7)
    (place / "params.json").write_text('{"samplerate": 30000, "scale_factor": 1}')
    (place / "geom.csv").write_text("0,0\n25,0\n0,25\n25,25\n")
    (tmp_path / "static_tetrode" / "rec_16c_600s_11").mkdir()
    [(label, recording, truth)] = find_recordings("hybrid_janelia", tmp_path)
    assert label == "static_tetrode/rec_4c_600s_11" and recording.get_num_channels() == 4
    assert truth.get_unit_spike_train(1).tolist() == [100, 900]
    chosen, note = published_units("hybrid_janelia", label, truth)
    assert list(chosen.unit_ids) == [1] and "1 of the 11 units" in note


def test_waveclus_files_are_read(tmp_path):
    from scipy.io import savemat

    starts, classes = np.arange(200, 23000, 400), np.tile([1, 2], 29)[:57]
    data = RNG.normal(0, 0.01, 24000)
    for start, label in zip(starts, classes):
        data[start:start + 40] -= np.exp(-(((np.arange(40) - 10 * label) / 3) ** 2))
    content = {"data": data[None], "samplingInterval": 1 / 24, "OVERLAP_DATA": np.zeros(3)}
    for name, values in (("spike_times", starts), ("spike_class", classes)):
        content[name] = np.empty((1, 1), dtype=object)
        content[name][0, 0] = values[None]
    savemat(tmp_path / "C_Easy1_noise01.mat", content)
    savemat(tmp_path / "times_other.mat", {"data": data})
    [(label, recording, truth)] = find_recordings("waveclus", tmp_path)
    assert label == "C_Easy1_noise01.mat" and recording.get_sampling_frequency() == pytest.approx(24000)
    assert truth.get_unit_spike_train(2)[0] == starts[1] + 20, "moved from the spike's start to its peak"


def test_simsort_trials_are_read(tmp_path):
    soma = np.full((2, 2000), -70.0)
    soma[0, 500:506] = [-30, -10, 20, 30, 0, -40]
    np.save(tmp_path / "trial1_soma.npy", soma)
    np.save(tmp_path / "trial1_ep.npy", RNG.normal(0, 5, (2, 4, 2000)).astype("float16"))
    [(_, recording, truth)] = find_recordings("bbp", tmp_path)
    assert recording.get_num_channels() == 4 and recording.get_sampling_frequency() == 10000.0
    assert truth.get_unit_spike_train(0).tolist() == [503] and len(truth.get_unit_spike_train(1)) == 0


def test_published_units_are_chosen_where_a_list_is_known():
    truth = sorting({unit: TRAINS[0] for unit in (11, 12, 13, 400)})
    chosen, note = published_units("ibl", "DY016", truth)
    assert list(chosen.unit_ids) == [11, 13] and "2 of the 10" in note
    whole, note = published_units("ibl", "DY009", truth)
    assert whole is truth and "not the truth" in note
    assert set(DATASETS) == {"hybrid_janelia", "hc1", "waveclus", "bbp", "ibl"}


@pytest.mark.parametrize(("label", "n_listed"), [
    ("hybrid_static_tetrode/rec_4c_600s_21", 15), ("hybrid_drift_tetrode/rec_4c_600s_21", 14),
    ("copy/hybrid_drift_tetrode/rec_4c_600s_22", 14), ("rec_4c_1200s_31", 13), ("rec_4c_600s_21", None)])
def test_hybrid_janelia_s_lists_are_those_of_simsort(label, n_listed):
    truth = sorting({unit: TRAINS[0] for unit in range(1, 75)})
    chosen, note = published_units("hybrid_janelia", label, truth)
    if n_listed is None:
        assert chosen is truth and "static_tetrode or drift_tetrode" in note
    else:
        assert len(chosen.unit_ids) == n_listed and f"{n_listed} of the {n_listed} units" in note


def test_pooled_scores_are_means_over_units():
    counts = dict.fromkeys(("n_true", "n_found", "n_well_detected", "n_units", "n_false"), 1)
    entries = [{"accuracy": 1.0, "recall": 1.0, "precision": 1.0, "n_asked": 3, **counts},
               {"accuracy": None, "recall": None, "precision": None, "n_asked": 0, **counts},
               {"accuracy": 0.0, "recall": 0.0, "precision": 0.0, "n_asked": 1, **counts}, {"reason": "it broke"}]
    found = pooled(entries)
    assert found["accuracy"] == 0.75 and found["n_asked"] == 4 and found["n_failed"] == 1


@pytest.mark.slow
def test_a_sorter_on_a_user_s_copy(run_cli, ground_truth, tmp_path):
    recording, truth = ground_truth
    place = tmp_path / "copy" / "d11221.001"
    recording.save(folder=place / "recording", progress_bar=False)
    truth.save(folder=place / "ground_truth")
    args = ("--dataset", "hc1", tmp_path / "copy", "--sorter", "spykingcircus2", "--out", tmp_path / "out")
    outcome = run_cli("evaluate", *args)
    assert outcome.status == 0, outcome.stderr
    scores = json.loads((tmp_path / "out/evaluation.json").read_text())
    assert scores["accuracy"] > 0.4 and scores["recordings"][0]["name"] == "d11221.001"
    assert "no list of units is known" in outcome.stdout
    assert run_cli("evaluate", *args).status == 0, "what is there is not sorted again"
    other = run_cli("evaluate", *args[:3], "--sorter", "lupin", *args[5:])
    assert other.status == 2 and "other settings" in other.stderr
