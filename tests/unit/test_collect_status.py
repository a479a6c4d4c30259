"""status.json and `simsort report`: nothing vanishes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simsort.collecting.failures import STAGES
from simsort.collecting.report import exit_status, report_lines
from simsort.collecting.status import build_status, label_of


def record(name, stage, state="done", reason="", **outputs):
    return {"stage": stage, "recording_name": name, "session_name": "s", "state": state, "reason": reason,
            "parameters": {}, "outputs": outputs, "warnings": [], "seed": None,
            "started": f"2025-01-01T00:0{STAGES.index(stage)}:00.000+00:00",
            "ended": f"2025-01-01T00:0{STAGES.index(stage)}:30.000+00:00"}


def whole(name):
    units = [{"unit_id": 1, "default_qc": True, "label": "pass"}, {"unit_id": 2, "default_qc": False, "label": "fail"},
             {"unit_id": 3, "default_qc": False, "label": "unknown"}]
    outputs = {"sort": {"n_units": 4}, "curate": {"units": units}}
    return [record(name, stage, **outputs.get(stage, {})) for stage in STAGES]


def failure(name, stage, reason="out of memory", exit="137"):
    return {"stage": stage, "recording_name": name, "reason": reason, "exit": exit, "workdir": "/w"}


def states(status, name):
    return [status["recordings"][name][stage]["state"] for stage in STAGES]


def padded(*first):
    """The states of the first stages; all after them are skipped."""
    return [*first, *["skipped"] * (len(STAGES) - len(first))]


def test_a_whole_recording_is_done_with_counts():
    status = build_status("s", whole("a"), [])
    assert states(status, "a") == ["done"] * len(STAGES)
    assert status["verdicts"]["a"] == {"state": "done", "reason": "", "stage": None, "n_units": 3, "n_passing": 1}
    assert exit_status(status) == 0


def test_stages_after_a_failure_are_skipped_and_name_it():
    status = build_status("s", [record("a", "dispatch"), record("a", "preprocess")], [failure("a", "sort")])
    assert states(status, "a") == padded("done", "done", "failed")
    assert status["recordings"]["a"]["sort"]["reason"] == "out of memory"
    assert status["recordings"]["a"]["visualize"]["reason"] == "not run: sort failed"
    assert status["verdicts"]["a"]["state"] == "failed" and exit_status(status) == 1


def test_a_skipped_recording_keeps_its_reason():
    records = [record("a", "dispatch"), record("a", "preprocess", "skipped", "2.0 s are too short")]
    status = build_status("s", records, [])
    assert states(status, "a") == padded("done")
    assert status["verdicts"]["a"]["reason"] == "2.0 s are too short"
    assert status["recordings"]["a"]["sort"]["reason"] == "not run: preprocess was skipped"
    assert exit_status(status) == 0


def test_no_units_is_done():
    records = [record("a", "dispatch"), record("a", "preprocess"), record("a", "sort", n_units=0),
               record("a", "postprocess", "skipped", "the sorter found no units"), record("a", "curate", units=[]),
               record("a", "visualize")]
    status = build_status("s", records, [])
    assert status["verdicts"]["a"] == {"state": "done", "reason": "", "stage": None, "n_units": 0, "n_passing": 0}
    assert "no units" in report_lines(status, ".")[0]


def test_a_stage_without_record_failure_or_cause_is_not_called_done():
    status = build_status("s", [record("a", "dispatch"), record("a", "preprocess")], [])
    assert states(status, "a") == padded("done", "done", "failed")


def test_a_lost_record_is_named_and_hides_no_failure():
    status = build_status("s", [record("a", "dispatch")], [failure("a", "sort")])
    assert states(status, "a") == padded("done", "skipped", "failed")
    assert "left no record" in status["recordings"]["a"]["preprocess"]["reason"]
    assert status["verdicts"]["a"]["stage"] == "sort"


def test_a_failure_of_a_recording_without_records_appears():
    status = build_status("s", [], [failure("a", "dispatch", "truncated", "2")])
    assert states(status, "a") == padded("failed")
    assert exit_status(status) == 2


def test_one_bad_recording_beside_a_good_one():
    status = build_status("s", whole("a") + [record("b", "dispatch", "failed", "no geometry")], [])
    assert [v["state"] for v in status["verdicts"].values()] == ["done", "failed"]
    assert exit_status(status) == 1
    assert "no geometry" in "\n".join(report_lines(status, "."))


def test_failures_of_the_whole_session():
    status = build_status("s", [], [failure(None, "dispatch", "no recording found", "2")])
    assert status["session_failures"][0]["reason"] == "no recording found" and exit_status(status) == 2
    assert exit_status(build_status("s", whole("a"), [failure(None, "collect", "bug", "1")])) == 1


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(STAGES),
                          st.sampled_from(["done", "skipped", "failed"])), min_size=1, max_size=12),
       st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(STAGES)), max_size=4))
def test_every_recording_has_every_stage_and_every_other_state_a_reason(ran, failed):
    records = [record(name, stage, state, "" if state == "done" else "why") for name, stage, state in ran]
    status = build_status("s", records, [failure(*f) for f in failed])
    assert set(status["recordings"]) == {r[0] for r in ran} | {f[0] for f in failed}
    for stages in status["recordings"].values():
        assert list(stages) == list(STAGES)
        assert all(entry["state"] == "done" or entry["reason"] for entry in stages.values())
    for name, stage in failed:
        assert status["recordings"][name][stage]["state"] == "failed" and status["verdicts"][name]["state"] == "failed"


@pytest.mark.parametrize("unit, label", [({"default_qc": True}, "pass"), ({"default_qc": False}, "fail"),
                                         ({"default_qc": False, "label": "unknown"}, "unknown"),
                                         ({"default_qc": None}, "unknown"), ({"default_qc": "fail"}, "fail")])
def test_label_of(unit, label):
    assert label_of(unit) == label


def test_report_command(tmp_path, run_cli):
    outcome = run_cli("report", tmp_path)
    assert outcome.status == 2 and "status.json does not exist" in outcome.stderr
    (tmp_path / "status.json").write_text(json.dumps(build_status("s", whole("a"), [failure("b", "sort")])))
    outcome = run_cli("report", tmp_path)
    assert outcome.status == 1
    assert "a  done     3 units, 1 passing" in outcome.stdout and "b  failed   sort: out of memory" in outcome.stdout
    assert outcome.stdout.rstrip().endswith(str(tmp_path))
    (tmp_path / "index.html").touch()
    assert run_cli("report", tmp_path).stdout.rstrip().endswith("index.html")
