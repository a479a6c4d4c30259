"""Peak memory of `simsort bench pipeline`: the sampler on known processes, the generated recording, the aims."""

import json
import sys

import numpy as np
import pytest

from simsort.benchmarks.memory import measure_memory
from simsort.benchmarks.stage_memory import Case, check_room, judge

ALLOCATE = "import time; held = bytearray(b'x' * 300_000_000); time.sleep(0.6)"
# Two children that share what their parent holds: counted once, not three times.
FORK = ("import multiprocessing, time; held = bytearray(b'x' * 300_000_000)\n"
        "workers = [multiprocessing.get_context('fork').Process(target=time.sleep, args=(0.6,)) for _ in range(2)]\n"
        "[w.start() for w in workers]; [w.join() for w in workers]")


def test_peak_of_a_process_that_holds_300_mb(tmp_path):
    use = measure_memory([sys.executable, "-c", ALLOCATE], tmp_path / "log", interval_s=0.05)
    assert use.status == 0
    assert 300e6 < use.peak_own_bytes <= use.peak_pss_bytes < 650e6  # the literal is copied once while it is made
    assert use.peak_n_processes == 1


def test_workers_are_counted_and_shared_pages_once(tmp_path):
    use = measure_memory(["bash", "-c", f"exec {sys.executable} -c \"{FORK}\""], tmp_path / "log", interval_s=0.05)
    assert (tmp_path / "log").read_text() == ""
    assert use.peak_n_processes == 3
    assert 300e6 < use.peak_pss_bytes < 650e6
    assert use.peak_rss_bytes > 900e6


def test_a_failing_command_keeps_its_status_and_words(tmp_path):
    use = measure_memory(["bash", "-c", "echo broken; exit 3"], tmp_path / "log")
    assert use.status == 3
    assert (tmp_path / "log").read_text() == "broken\n"


def test_generated_recording_is_described_by_its_arguments(tmp_path):
    from spikeinterface import load

    from simsort.benchmarks.generated import GeneratedRecording
    from simsort.dispatch.jobs import portable_dict

    recording = GeneratedRecording(3.0, n_channels=32, n_units=5, seed=1)
    content = json.dumps(portable_dict(recording, tmp_path))
    again = load(json.loads(content), base_folder=tmp_path)
    assert len(content) < 20_000
    assert recording.get_dtype() == np.int16 and recording.get_num_samples() == 90000
    assert recording.get_channel_gains()[0] == 2.34375
    assert recording.get_property("inter_sample_shift")[:4].tolist() == [0, 0, 1 / 13, 1 / 13]
    piece = again.get_traces(start_frame=29000, end_frame=31000)
    np.testing.assert_array_equal(piece, recording.get_traces()[29000:31000])
    # noise of 8 uV, and true spikes well above it
    assert 8 / 2.34375 < recording.get_traces().std() < 12
    assert recording.get_traces().min() * 2.34375 < -80
    assert recording.true_sorting.get_num_units() == 5


def result(stage, minutes, peak_gb, n_jobs=2):
    return {"stage": stage, "duration_min": minutes, "n_jobs": n_jobs, "peak_pss_bytes": peak_gb * 1e9}


def test_judge_growth_and_limit():
    flat, growing, single = judge([
        result("postprocess", 1, 2.0), result("postprocess", 21, 4.2), result("preprocess", 21, 1.1),
        result("preprocess", 1, 1.0), result("preprocess", 1, 4.1, n_jobs=8)][::-1])[0:3:2] + judge(
        [result("preprocess", 1, 4.1, n_jobs=8)])
    assert (flat["stage"], flat["flat"], flat["under_limit"]) == ("preprocess", True, True)
    assert flat["bytes_per_min"] == pytest.approx(5e6)
    assert (growing["stage"], growing["flat"], growing["under_limit"]) == ("postprocess", False, False)
    assert growing["growth"] == pytest.approx(1.1)
    assert (single["flat"], single["under_limit"]) == (None, False)


def test_no_room_on_the_disk_is_said_beforehand(tmp_path):
    from simsort.errors import UserError

    with pytest.raises(UserError, match="--memory-minutes 1e.09"):
        check_room(Case(1e9, 2), tmp_path)


def test_what_is_measured_is_kept(tmp_path, monkeypatch):
    from simsort.benchmarks import pipeline

    asked = []

    def measure(case, folder, keep):
        asked.append((case.duration_min, case.n_jobs))
        return [{"stage": "preprocess", **vars(case), "peak_pss_bytes": 1}]

    monkeypatch.setattr(pipeline, "measure_stages", measure)
    for minutes, more_jobs in (((2.0, 1.0), ()), ((3.0,), ()), ((1.0, 3.0), (8,))):
        settings = pipeline.Settings(out=tmp_path, parts=("memory",), memory_minutes=minutes, more_jobs=more_jobs)
        rows = pipeline.bench_pipeline(settings)["memory"]["memory"]
    assert asked == [(1.0, 2), (2.0, 2), (3.0, 2), (1.0, 8)]
    assert [(row["duration_min"], row["n_jobs"]) for row in rows] == [(1.0, 2), (1.0, 8), (3.0, 2)]
    assert len(json.loads((tmp_path / "memory.json").read_text())["memory"]) == 4
