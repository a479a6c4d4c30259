"""The arithmetic of `simsort bench pipeline` on canned traces."""

import datetime

import pytest

from simsort.benchmarks.disk import disk_use, folder_bytes
from simsort.benchmarks.overhead import bytes_of, critical_path, measure_overhead, read_tasks, seconds_of
from simsort.benchmarks.workflow import parse_job_times
from simsort.errors import UserError

HEADER = ("task_id hash native_id process tag name status exit attempt submit start complete duration realtime wchar "
          "workdir")
START = datetime.datetime(2026, 11, 20, 12, 0, 0)


def trace_line(process, tag, submit_s, complete_s, realtime, wchar="1 MB", status="COMPLETED", workdir="-"):
    """One row of a trace; times in seconds after noon."""
    def clock(second):
        return (START + datetime.timedelta(seconds=second)).isoformat(sep=" ", timespec="milliseconds")
    name = process if tag == "-" else f"{process} ({tag})"
    return "\t".join(["1", "aa/bb", "1", process, tag, name, status, "0", "1", clock(submit_s), clock(submit_s),
                      clock(complete_s), "-", realtime, wchar, str(workdir)])


def write_trace(path, lines):
    path.write_text("\n".join(["\t".join(HEADER.split()), *lines]) + "\n")
    return path


@pytest.fixture
def trace(tmp_path):
    """Two recordings: `b` takes longer over all stages although its preprocessing is the shorter one."""
    return write_trace(tmp_path / "trace.txt", [
        trace_line("CHECK_PARAMS", "-", 5, 6, "500ms"),
        trace_line("DISPATCH", "-", 7, 10, "2s"),
        trace_line("PREPROCESS", "a", 11, 43, "30s"),
        trace_line("PREPROCESS", "b", 11, 33, "20s"),
        trace_line("SORT", "a", 44, 56, "10s"),
        trace_line("SORT", "b", 34, 96, "1m"),
        trace_line("POSTPROCESS", "b", 97, 109, "11s"),
        trace_line("POSTPROCESS", "a", 97, 109, "11s"),
        trace_line("FAILURES", "-", 110, 111, "500ms"),
        trace_line("COLLECT", "-", 112, 115, "2s"),
    ])


@pytest.mark.parametrize("text, seconds", [("1m 10s", 70), ("485ms", 0.485), ("8.2s", 8.2), ("1h 2m 3s", 3723),
                                           ("2d 1m", 172860), ("0ms", 0)])
def test_seconds_of(text, seconds):
    assert seconds_of(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["-", "", "10", "5 parsecs", "1m and 2s"])
def test_seconds_of_refuses_what_is_no_duration(text):
    with pytest.raises(ValueError, match="no duration"):
        seconds_of(text)


@pytest.mark.parametrize("text, size", [("906 B", 906), ("3 KB", 3072), ("90.5 MB", 94896128), ("0", 0), ("-", 0)])
def test_bytes_of(text, size):
    assert bytes_of(text) == size


def test_critical_path_takes_the_longer_recording(trace):
    path = critical_path(read_tasks(trace))
    assert [(task["process"], task["tag"]) for task in path] == [
        ("CHECK_PARAMS", "-"), ("DISPATCH", "-"), ("PREPROCESS", "b"), ("SORT", "b"), ("POSTPROCESS", "b"),
        ("FAILURES", "-"), ("COLLECT", "-")]


def test_overhead_is_what_the_workflow_adds(trace):
    found = measure_overhead(read_tasks(trace), START, 120.0)
    assert found["stages_s"] == pytest.approx(0.5 + 2 + 20 + 60 + 11 + 0.5 + 2)  # 96 s
    assert found["overhead_s"] == pytest.approx(24)
    assert found["overhead"] == pytest.approx(0.25)
    assert not found["reached"]
    assert found["before_first_task_s"] == pytest.approx(5)
    assert found["after_last_task_s"] == pytest.approx(5)
    assert found["between_tasks_s"] == pytest.approx(14)
    assert [stage["around_s"] for stage in found["stages"]] == pytest.approx([0.5, 1, 2, 2, 1, 0.5, 1])


def test_overhead_just_under_the_aim(trace):
    assert measure_overhead(read_tasks(trace), START, 96 * 1.0999)["reached"]


@pytest.mark.parametrize("status", ["FAILED", "CACHED", "ABORTED"])
def test_only_a_whole_new_run_is_measured(tmp_path, status):
    trace = write_trace(tmp_path / "trace.txt", [trace_line("DISPATCH", "-", 7, 10, "2s", status=status)])
    with pytest.raises(UserError, match=f"DISPATCH is {status}"):
        read_tasks(trace)


def test_times_of_a_head_job():
    text = ("JobId=7 JobName=spike_sort\n   SubmitTime=2026-11-20T11:59:58\n"
            "   StartTime=2026-11-20T12:00:00 EndTime=2026-11-20T12:05:30 Deadline=N/A\n")
    assert parse_job_times(text) == (START, 330.0)
    assert parse_job_times("slurm_load_jobs error: Invalid job id specified\n") is None
    assert parse_job_times("StartTime=2026-11-20T12:00:00 EndTime=Unknown") is None


def test_folder_bytes_counts_files_once_and_follows_no_links(tmp_path):
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_bytes(b"x" * 1000)
    (folder / "again").hardlink_to(folder / "deep" / "file")
    (tmp_path / "outside").write_bytes(b"x" * 5000)
    (folder / "link").symlink_to(tmp_path / "outside")
    assert folder_bytes(folder) == 1000


def test_disk_use_per_input_byte(tmp_path):
    sizes = {"data": 1000, "results": 500, "work/task1": 2000, "work/task2": 1000}
    for name, size in sizes.items():
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").write_bytes(b"x" * size)
    lines = [trace_line("PREPROCESS", "a", 0, 1, "1s", wchar="2 KB", workdir=tmp_path / "work" / "task1"),
             trace_line("SORT", "a", 0, 1, "1s", wchar="952 B", workdir=tmp_path / "work" / "task2")]
    tasks = read_tasks(write_trace(tmp_path / "trace.txt", lines))
    use = disk_use(tasks, tmp_path / "data", tmp_path / "results", tmp_path / "work")
    assert use["per_input_byte"] == {"results": 0.5, "work": 3.0, "written": 3.0}
    assert use["largest"] == {"PREPROCESS": 2000, "SORT": 1000}
