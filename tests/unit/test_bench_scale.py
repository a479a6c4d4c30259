"""simsort bench scale: the wrapper is really run, and the tables say what was measured."""

from simsort.benchmarks.scale import AIM_HEAD_BYTES, Settings, bench_scale, blocks_of


def test_the_wrapper_is_timed_over_many_sessions(tmp_path):
    settings = Settings(out=tmp_path / "bench", parts=("wrapper",), sessions=(2, 5), recordings=(), executor="local",
                        command="simsort bench scale")
    result = bench_scale(settings)
    assert [row["n_sessions"] for row in result["wrapper"]] == [2, 5]
    assert all(min(row[name] for name in ("plan_s", "submit_s", "again_s", "status_s")) > 0 for row in result["wrapper"])
    assert all(1e6 < row["peak_bytes"] < 1e9 for row in result["wrapper"]), "the wrapper's own process was watched"
    assert set(blocks_of(result)) == {"scale-wrapper"}
    assert (tmp_path / "bench/scale.json").is_file()


def test_growth_and_aim_of_the_head_job():
    machine = {"date": "2026-01-01", "git_commit": "0" * 40, "n_cores": 2, "cpu": "x", "memory_gb": 8}
    rows = [{"n_recordings": n, "n_tasks": 7 * n, "wall_s": 70.0, "peak_bytes": peak} for n, peak in ((10, 4e8), (110, 4.7e8))]
    result = {"machine": machine, "command": "c", "load": 0.0, "executor": "local", "head": rows}
    text = blocks_of(result)["scale-head"]
    assert "+100 kB a task" in text and "reached with 110 recordings" in text and "not reached" not in text
    rows[1]["peak_bytes"] = AIM_HEAD_BYTES * 2
    assert "**not reached** with 110" in blocks_of(result)["scale-head"]
