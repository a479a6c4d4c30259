"""What `simsort bench pipeline` writes into docs/benchmarks.md, and its command line."""

import pytest

from simsort.benchmarks.tables import disk_block, markdown_table, memory_block, overhead_block, update_docs
from simsort.errors import UserError
from simsort.stages.bench import shown

SHARED = {"command": "simsort bench pipeline", "load": {"load_before": 0.5, "other_cores": 0.1},
          "machine": {"n_cores": 2, "memory_gb": 25, "cpu": "a processor", "python": "3.11", "git_commit": None,
                      "date": "2026-11-20", "packages": {"numpy": "2.0"}}}


def test_update_docs_replaces_its_own_blocks_only(tmp_path):
    docs = tmp_path / "benchmarks.md"
    docs.write_text("# Title\n\n<!-- bench memory -->\nold\n<!-- end memory -->\n\nwords\n\n"
                    "<!-- bench disk-local -->\nkept\n<!-- end disk-local -->\n")
    update_docs(docs, {"memory": r"new \1 text"})
    update_docs(docs, {"memory": r"newer \1 text"})
    assert docs.read_text() == ("# Title\n\n<!-- bench memory -->\nnewer \\1 text\n<!-- end memory -->\n\nwords\n\n"
                                "<!-- bench disk-local -->\nkept\n<!-- end disk-local -->\n")


def test_update_docs_appends_a_new_block_once(tmp_path):
    docs = tmp_path / "benchmarks.md"
    docs.write_text("# Title\n")
    for text in ("first", "second"):
        update_docs(docs, {"overhead-slurm": text})
    assert docs.read_text() == ("# Title\n\n## overhead-slurm\n\n<!-- bench overhead-slurm -->\nsecond\n"
                                "<!-- end overhead-slurm -->\n")


def test_update_docs_names_what_is_wrong(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        update_docs(tmp_path / "no.md", {})
    (tmp_path / "b.md").write_text("<!-- bench memory -->\n")
    with pytest.raises(UserError, match="no <!-- end memory -->"):
        update_docs(tmp_path / "b.md", {"memory": "x"})


def test_table():
    assert markdown_table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_blocks_say_whether_the_aim_was_reached():
    overhead = {"wall_s": 110.0, "stages_s": 98.0, "overhead_s": 12.0, "overhead": 0.1224, "reached": False,
                "before_first_task_s": 5.0, "between_tasks_s": 4.0, "after_last_task_s": 3.0,
                "stages": [{"stage": "sort", "recording_name": "a", "own_s": 98.0, "around_s": 2.0}]}
    text = overhead_block({**SHARED, "overhead": overhead})
    assert "**12.2 %** (aim: under 10 %, **not reached**)" in text
    assert "other work kept 0.10 cores busy" in text
    rows = [{"stage": "preprocess", "duration_min": m, "n_jobs": 2, "peak_pss_bytes": 2e9, "peak_own_bytes": 1.9e9,
             "peak_rss_bytes": 3e9, "wall_s": 60.0, "output_bytes": 10, "input_bytes": 10} for m in (1.0, 5.0)]
    text = memory_block({**SHARED, "memory": rows})
    assert "| preprocess | 5 | 2 | 2.00 | 1.90 | 3.00 | 60 | 1.00 |" in text
    assert "at most 2.00 GB (under 4 GB: reached); +0 %" in text
    disk = {"input_bytes": 10e6, "results_bytes": 5e6, "work_bytes": 20e6, "written_bytes": 21e6,
            "largest": {"SORT": 9e6}, "per_input_byte": {"results": 0.5, "work": 2.0, "written": 2.1}}
    assert "| results and work together | 25.0 | 2.50 |" in disk_block({**SHARED, "disk": disk})


def test_command_is_shown_without_folders():
    arguments = ["pipeline", "--out", "/home/me", "--parts", "memory", "--update-docs"]
    assert shown(arguments) == ["pipeline", "--parts", "memory"]


@pytest.mark.parametrize("option, value, words", [
    ("--parts", "speed", "--parts was given 'speed'"), ("--memory-minutes", "0", "must be positive")])
def test_bad_options_are_named(run_cli, tmp_path, option, value, words):
    outcome = run_cli("bench", "pipeline", "--out", tmp_path, option, value)
    assert outcome.status == 2
    assert words in outcome.stderr
