"""simsort bench scale: the wrapper is really run, and the tables say what was measured."""

import signal

import pytest

from simsort.benchmarks import recovery, scale
from simsort.benchmarks.recovery import Fault, faults_table, measure_fault
from simsort.benchmarks.scale import AIM_HEAD_BYTES, Settings, bench_scale, blocks_of
from simsort.benchmarks.throughput import sessions_table


def test_the_wrapper_is_timed_over_many_sessions(tmp_path):
    settings = Settings(out=tmp_path / "bench", parts=("wrapper",), sessions=(2, 5), recordings=(), at_once=(), executor="local",
                        command="simsort bench scale")
    result = bench_scale(settings)
    assert [row["n_sessions"] for row in result["wrapper"]["rows"]] == [2, 5]
    assert all(min(row[name] for name in ("plan_s", "submit_s", "again_s", "status_s")) > 0 for row in result["wrapper"]["rows"])
    assert all(1e6 < row["peak_bytes"] < 1e9 for row in result["wrapper"]["rows"]), "the wrapper's own process was watched"
    assert set(blocks_of(result)) == {"scale-wrapper"}
    assert (tmp_path / "bench/many.json").is_file()


def test_growth_and_aim_of_the_head_job():
    machine = {"date": "2026-01-01", "git_commit": "0" * 40, "n_cores": 2, "cpu": "x", "memory_gb": 8}
    rows = [{"executor": "local", "n_recordings": n, "n_tasks": 7 * n, "wall_s": 70.0, "peak_bytes": peak}
            for n, peak in ((10, 4e8), (110, 4.7e8))]
    result = {"head": {"machine": machine, "command": "c", "load": 0.0, "executor": "local", "rows": rows}}
    text = blocks_of(result)["scale-head"]
    assert "+100 kB a task" in text and "reached with 110 recordings" in text and "not reached" not in text
    rows[1]["peak_bytes"] = AIM_HEAD_BYTES * 2
    assert "**not reached** with 110" in blocks_of(result)["scale-head"]


def test_head_jobs_of_other_sizes_stay_from_earlier_calls(tmp_path, monkeypatch):
    monkeypatch.setattr(scale, "bench_head", lambda folder, n, executor: {"executor": executor, "n_recordings": n})
    for recordings, executor, there in (((30, 5), "local", [5, 30]), ((10, 5), "local", [5, 10, 30]),
                                        ((2,), "slurm", [5, 10, 30, 2])):
        result = bench_scale(Settings(out=tmp_path, parts=("head",), sessions=(), recordings=recordings, at_once=(),
                                      executor=executor, command="c"))
        assert [row["n_recordings"] for row in result["head"]["rows"]] == there


def test_throughput_and_overhead_of_sessions():
    rows = [{"at_once": n, "n_sessions": 4, "wall_s": wall, "own_s": 50.0, "other_cores": 0.0}
            for n, wall in ((1, 240.0), (2, 144.0))]
    one, two = sessions_table(rows).splitlines()[2:]
    assert one == "| 1 | 4 | 240 | 60 | 50 | 10 | 0.0 |"
    assert two == "| 2 | 4 | 144 | 100 | 50 | 22 | 0.0 |"  # two lanes of 144 s for four sessions of 50 s each


HEADER = "process\ttag\tname\tstatus\tstart\tattempt\n"
# Stands in for spike_sort.slm: preprocess is done, sort works until it is killed, the second attempt ends.
RUN = """#!/bin/bash
mkdir -p "$RESULTS_PATH/nextflow" "$WORK_DIR/$$"; cd "$WORK_DIR/$$"
row() { printf '%s\\tx\\tx\\t%s\\t%s\\t1\\n' "$1" "$2" "$(date '+%F %T.%N' | cut -c1-26)"; }
trace=$RESULTS_PATH/nextflow/trace.txt
if [ -f "$trace" ]; then state=$AGAIN; else state=COMPLETED; fi
{ printf '%s' "$HEADER"; row PREPROCESS $state; } >"$trace"
if [ -f ../hit ]; then sleep 0.2; row SORT COMPLETED >>"$trace"; exit 0; fi
touch ../hit
python3 -c 'import time; time.sleep(20)' -m simsort sort --config config.json ||
    { row SORT FAILED; sleep 0.3; row SORT COMPLETED; } >>"$trace"
"""


@pytest.mark.parametrize(("whole_run", "number", "again"), [(False, signal.SIGKILL, []), (True, signal.SIGKILL, []),
                                                            (True, signal.SIGKILL, ["PREPROCESS"])])
def test_what_a_fault_costs(tmp_path, monkeypatch, whole_run, number, again):
    (tmp_path / "spike_sort.slm").write_text(RUN)
    monkeypatch.setattr(recovery, "REPO", tmp_path)
    monkeypatch.setattr(recovery, "set_up", lambda *arguments: None)
    monkeypatch.setattr("simsort.exporting.rerun.compare", lambda one, other: {"x": ""})
    monkeypatch.setenv("HEADER", HEADER)
    monkeypatch.setenv("AGAIN", "COMPLETED" if again else "CACHED")
    row = measure_fault(Fault("killed", "sort", whole_run, number), tmp_path / "run", tmp_path, tmp_path)
    assert row["again"] == again and row["same_spikes"]
    assert 1.0 <= row["lost_s"] < 20 and 0.1 <= row["back_s"] < 20
    cells = ["killed", f"{row['back_s']:.0f}", f"{row['lost_s']:.0f}", ", ".join(again) or "none", "yes"]
    assert f"| {' | '.join(cells)} |" in faults_table([row])
