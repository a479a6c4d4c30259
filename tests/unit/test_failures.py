"""Reading Nextflow's trace: which tasks failed in the end, and why."""

import json

import pytest

from simsort.collecting.failures import (LONGEST_REASON, OUT_OF_MEMORY, TIME_LIMIT, VANISHED, one_plain_line,
                                         read_failures, stage_of)
from simsort.errors import UserError

FIELDS = ("task_id", "process", "tag", "name", "status", "exit", "attempt", "workdir")


@pytest.fixture
def trace(tmp_path):
    """Write a trace: `trace(row, ...)`, each row a mapping with what differs from a COMPLETED sort of rec1."""
    def write(*rows):
        path, lines = tmp_path / "trace.txt", ["\t".join(FIELDS)]
        for number, row in enumerate(rows, start=1):
            task = {"task_id": number, "process": "SORT", "tag": "rec1", "status": "COMPLETED", "exit": "0",
                    "attempt": "1", "workdir": str(tmp_path / f"work{number}")} | row
            (tmp_path / f"work{number}").mkdir(exist_ok=True)
            task.setdefault("name", f"{task['process']} ({task['tag']})")
            lines.append("\t".join(str(task[field]) for field in FIELDS))
        path.write_text("\n".join(lines) + "\n")
        return path
    return write


def test_completed_and_cached_tasks_are_no_failures(trace):
    assert read_failures(trace({}, {"status": "CACHED", "tag": "rec2"})) == []


def test_only_the_last_attempt_counts(trace):
    rows = ({"status": "FAILED", "exit": "137"}, {"attempt": "2"},
            {"tag": "rec2", "status": "FAILED", "exit": "1", "attempt": "1"},
            {"tag": "rec2", "status": "FAILED", "exit": "137", "attempt": "2"})
    failures = read_failures(trace(*rows))
    assert [(f["recording_name"], f["exit"], f["reason"]) for f in failures] == [("rec2", "137", OUT_OF_MEMORY)]


def test_an_attempt_that_succeeded_is_not_undone_by_an_earlier_row_written_later(trace):
    assert read_failures(trace({"attempt": "2"}, {"status": "FAILED", "exit": "140", "attempt": "1"})) == []


@pytest.mark.parametrize("exit_code, reason", [
    ("137", OUT_OF_MEMORY), ("0:9", OUT_OF_MEMORY), ("140", TIME_LIMIT), ("143", TIME_LIMIT), ("130", TIME_LIMIT),
    ("2147483647", VANISHED), ("-", VANISHED)])
def test_kill_codes_have_reasons(trace, exit_code, reason):
    (failure,) = read_failures(trace({"status": "FAILED", "exit": exit_code}))
    assert failure["reason"] == reason and "\n" not in failure["reason"]


def test_the_stages_own_words_come_first(trace, tmp_path):
    path = trace({"status": "FAILED", "exit": "2"})
    (tmp_path / "work1" / "failure.json").write_text(json.dumps({"reason": "no geometry:\ngive --probe"}))
    (failure,) = read_failures(path)
    assert failure == {"stage": "sort", "recording_name": "rec1", "reason": "no geometry: give --probe", "exit": "2",
                       "workdir": str(tmp_path / "work1")}


def test_slurms_words_beat_the_exit_status(trace, tmp_path):
    path = trace({"status": "FAILED", "exit": "1"}, {"tag": "rec2", "status": "FAILED", "exit": "143"})
    (tmp_path / "work1" / ".command.log").write_text("slurmstepd: error: Detected 1 oom_kill event in StepId=7.batch\n")
    (tmp_path / "work2" / ".command.log").write_text("slurmstepd: error: *** JOB 9 CANCELLED DUE TO TIME LIMIT ***\n")
    assert [f["reason"] for f in read_failures(path)] == [OUT_OF_MEMORY, TIME_LIMIT]


def test_else_the_last_line_of_the_log_speaks_plainly(trace, tmp_path):
    path = trace({"status": "FAILED", "exit": "1"})
    (tmp_path / "work1" / ".command.err").write_bytes(b"first\n\x1b[31mValueError:\tbad \x07thing\x1b[0m \xff\n\n  \n")
    (failure,) = read_failures(path)
    assert failure["reason"] == "exit status 1: ValueError: bad thing \ufffd"


def test_a_silent_task_still_has_a_reason(trace):
    assert read_failures(trace({"status": "ABORTED", "exit": "3"}))[0]["reason"] == "exit status 3 and said nothing"


def test_tasks_without_tag_belong_to_the_session(trace):
    failures = read_failures(trace({"process": "CHECK_PARAMS", "tag": "-", "name": "CHECK_PARAMS", "status": "FAILED",
                                    "exit": "2"}))
    assert (failures[0]["stage"], failures[0]["recording_name"]) == ("check_params", None)


def test_a_failed_dispatch_speaks_for_every_recording(trace, tmp_path):
    path = trace({"process": "DISPATCH", "tag": "-", "name": "DISPATCH", "status": "FAILED", "exit": "2"})
    for number, (name, state) in enumerate([("a", "failed"), ("b", "failed"), ("c", "skipped")]):
        folder = tmp_path / "work1" / "jobs" / "records" / str(number)
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(json.dumps({"recording_name": name, "session_name": "s", "state": state,
                                                        "reason": f"{name}.bin is truncated"}))
    assert [(f["stage"], f["recording_name"], f["reason"]) for f in read_failures(path)] == [
        ("dispatch", "a", "a.bin is truncated"), ("dispatch", "b", "b.bin is truncated")]


def test_a_trace_with_names_only(tmp_path):
    path = tmp_path / "trace.txt"
    path.write_text("task_id\tname\tstatus\texit\n1\tW:SORT (a (b) c)\tFAILED\t137\n2\tCOLLECT (1)\tFAILED\t137\n")
    assert [(f["stage"], f["recording_name"]) for f in read_failures(path)] == [("sort", "a (b) c"), ("collect", None)]


def test_names_with_quotes_and_non_ascii_survive(trace):
    name = 'Record Node 101#"Ä\' $x'
    assert read_failures(trace({"tag": name, "status": "FAILED", "exit": "137"}))[0]["recording_name"] == name


def test_no_trace_is_a_users_mistake(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        read_failures(tmp_path / "trace.txt")
    (tmp_path / "other.txt").write_text("a\tb\n1\t2\n")
    with pytest.raises(UserError, match="not a Nextflow trace"):
        read_failures(tmp_path / "other.txt")


@pytest.mark.parametrize("process, stage", [("SORT_LUPIN", "sort"), ("MAIN:POSTPROCESS", "postprocess"),
                                            ("PREPROCESS", "preprocess"), ("COLLECT", "collect")])
def test_stage_of(process, stage):
    assert stage_of(process) == stage


def test_long_reasons_are_cut():
    assert len(one_plain_line("x" * 10_000)) == LONGEST_REASON


def test_command(trace, tmp_path, run_cli):
    out = tmp_path / "failures.json"
    outcome = run_cli("failures", "--trace", trace({"status": "FAILED", "exit": "137"}), "--out", out)
    assert outcome.status == 0 and "sort failed on rec1: out of memory" in outcome.stdout
    assert json.loads(out.read_text())[0]["stage"] == "sort"
