"""The wrapper for many sessions from its command line: what it submits, skips, says and keeps."""

import fcntl
import json
import os
import shlex
import subprocess

import pytest

from stand_in_slurm import Wrapper
from workflow_runs import REPO, clean_environment

AWKWARD = "it's $HOME \"ü\" `x`; rm <b>"
SLM = REPO / "spike_sort.slm"


def touch(top, *files):
    for name in files:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).touch()


@pytest.fixture
def wrapper(tmp_path):
    return Wrapper(tmp_path)


@pytest.fixture
def three(tmp_path):
    """A folder with the sessions a, b and c."""
    touch(tmp_path, *(f"data/{name}/{name}_g0_t0.imec0.ap.bin" for name in "abc"))
    return tmp_path / "data"


def test_one_submission_per_session(wrapper, tmp_path):
    data = tmp_path / AWKWARD
    touch(data, "rec 1/a_g0_t0.imec0.ap.bin", f"{AWKWARD}/b.nwb")
    (data / "empty").mkdir()
    done = wrapper(SLM, "--", "--sorter", "kilosort4", DATA_PATH=data)
    assert done.returncode == 0, done.stderr
    assert "job 42" in done.stdout and "job 43" in done.stdout and "sessions: 2" in done.stdout
    assert "GPU-hours" in done.stdout
    calls = wrapper.calls()
    assert sorted(call[0] for call in calls) == [str(wrapper.folder / f"pipeline_jobdir_{name}") for name in ("b", "rec 1")]
    assert all(call[-2:] == ["--sorter", "kilosort4"] for call in calls)
    copy = wrapper.folder / "pipeline_jobdir_b/spike_sort.slm.b"
    shown = subprocess.run(["bash", "-c", 'eval "$(grep -E "^[A-Z_]+=" "$0")"; printf "%s\\n" "$DATA_PATH" "$RESULTS_PATH" '
                            '"$WORK_DIR" "$PIPELINE_PATH" "$INPUT_DATA_TYPE"', copy], capture_output=True, text=True,
                           env=clean_environment(DATA_PATH="/another", RESULTS_PATH="/another"))
    assert shown.stdout.splitlines() == [str(data / AWKWARD / "b.nwb"), str(wrapper.folder / "output_b"),
                                         str(wrapper.folder / "pipeline_jobdir_b/scr_tmp_dir"), str(REPO), "nwb"]
    assert "#SBATCH --nodes=1" in copy.read_text()
    status = wrapper("--status")  # the path's odd characters are text on the page too
    page = (wrapper.folder / "multijob_summary.html").read_text()
    assert status.returncode == 0 and "<b>" not in page


def test_the_workshop_s_numbers_are_aliases_and_stay(wrapper, three):
    wrapper(SLM, DATA_PATH=three)
    for number, name in enumerate("abc", start=1):
        assert os.readlink(wrapper.folder / f"pipeline_jobdir_{number}") == f"pipeline_jobdir_{name}"
        assert os.readlink(wrapper.folder / f"output_dir_{number}") == f"output_{name}"
        script = wrapper.folder / f"pipeline_jobdir_{number}/spike_sort.slm.{number}"
        assert script.samefile(wrapper.folder / f"pipeline_jobdir_{name}/spike_sort.slm.{name}")
    touch(three, "0_first/x_g0_t0.imec0.ap.bin", "deep/a/x_g0_t0.imec0.ap.bin")
    for name in "abc":
        wrapper.finish(name)
    wrapper.queue()
    again = wrapper(SLM, DATA_PATH=three)
    assert again.returncode == 0, again.stderr
    assert os.readlink(wrapper.folder / "pipeline_jobdir_1") == "pipeline_jobdir_a"
    manifest = json.loads((wrapper.folder / "multijob_manifest.json").read_text())
    assert {s["name"]: s["number"] for s in manifest["sessions"]} == {"a": 1, "b": 2, "c": 3, "0_first": 4, "deep_a": 5}
    assert [os.path.basename(call[0]) for call in wrapper.calls()[3:]] == ["pipeline_jobdir_0_first", "pipeline_jobdir_deep_a"]


def test_an_alias_never_takes_a_session_s_own_name(wrapper, tmp_path):
    touch(tmp_path, "data/dir_2/a_g0_t0.imec0.ap.bin", "data/dir_3/a_g0_t0.imec0.ap.bin")
    assert wrapper(SLM, DATA_PATH=tmp_path / "data").returncode == 0
    assert not (wrapper.folder / "output_dir_2").is_symlink(), "these are the results of session dir_2, which is number 1"
    assert os.readlink(wrapper.folder / "pipeline_jobdir_2") == "pipeline_jobdir_dir_3"


def test_a_hand_edited_script_is_read_as_bash_reads_it(wrapper, tmp_path):
    touch(tmp_path, "data/rec/a_g0_t0.imec0.ap.bin")
    text = SLM.read_text()
    text = text.replace('DATA_PATH="${DATA_PATH:-}"', 'DATA_PATH="$TOP/data"').replace(
        'PIPELINE_PATH="${PIPELINE_PATH:-}"', f"PIPELINE_PATH={shlex.quote(str(REPO))}")
    (wrapper.folder / "spike_sort.slm").write_text(text)
    done = wrapper("spike_sort.slm", "--dry-run", TOP=tmp_path, DATA_PATH="/the/environment/loses")
    assert done.returncode == 0 and f"{tmp_path}/data/rec -> {wrapper.folder}/output_rec" in done.stdout
    assert os.listdir(wrapper.folder) == ["spike_sort.slm"] and not wrapper.calls()


def test_the_plan_reads_headers(wrapper, spikeglx_session):
    done = wrapper(SLM, "--dry-run", DATA_PATH=spikeglx_session.path, SORTER="kilosort4")
    size = sum(file.stat().st_size for file in spikeglx_session.path.rglob("*") if file.is_file())
    assert f"{size / 1e9:.3g} GB, 0.0056 h" in done.stdout  # 20 s
    assert "to submit: 1 of 1" in done.stdout and "disk, about: work" in done.stdout


def test_max_jobs_makes_lanes(wrapper, three):
    touch(three, *(f"{name}/{name}_g0_t0.imec0.ap.bin" for name in "defg"))
    assert wrapper(SLM, "--max-jobs", "2", DATA_PATH=three).returncode == 0
    waits = [[part for part in call if part.startswith("--dependency")] for call in wrapper.calls()]
    assert waits[:2] == [[], []] and all(len(wait) == 1 for wait in waits[2:])
    # each job waits for one that no other waits for: two chains
    assert len({wait[0] for wait in waits[2:]}) == 5
    touch(three, "h/h_g0_t0.imec0.ap.bin")
    assert wrapper(SLM, "--max-jobs", "1", DATA_PATH=three).returncode == 0
    [wait] = [part for part in wrapper.calls()[-1] if part.startswith("--dependency")]
    assert sorted(wait.split(":")[1:]) == [str(n) for n in range(42, 49)], "all that are under way come first"


@pytest.mark.parametrize(("rows", "options", "settings", "at_once"), [
    (["cpu*|0/8/0/8", "gpu|0/64/0/64"], [], {}, 2),
    (["cpu*|3/5/56/64", "gpu|0/64/0/64"], ["--max-jobs", "4"], {}, 2),  # 56 cores are down
    (["cpu*|0/4/0/4", "cpu*|4/0/0/4"], ["--max-jobs", "4"], {"CPU_PARTITION": "cpu"}, 2),
    (["cpu*|0/8/0/8"], ["--max-jobs", "1"], {}, 1),
    (["cpu*|0/2/0/2"], [], {}, 1),
    (["cpu*|0/8/0/8", "gpu|0/64/0/64"], [], {"SBATCH_PARTITION": "gpu"}, 5),
    (["cpu*|0/8/0/8", "gpu|0/64/0/64"], [], {"CPU_PARTITION": "gpu"}, 5),  # stages have room there
    (["cpu|0/8/0/8"], [], {}, 5),  # which partition is not known
    ([], [], {}, 5),
])
def test_head_jobs_leave_room_for_their_stages(wrapper, three, rows, options, settings, at_once):
    touch(three, *(f"{name}/{name}_g0_t0.imec0.ap.bin" for name in "de"))
    wrapper.partitions(*rows)
    done = wrapper(SLM, *options, DATA_PATH=three, **settings)
    assert done.returncode == 0, done.stderr
    free = [call for call in wrapper.calls() if not any(part.startswith("--dependency") for part in call)]
    assert len(free) == at_once
    fewer = at_once < (int(options[1]) if options else 5)
    assert (f"at most {at_once} pipelines at once" in done.stdout) == fewer


def test_what_is_done_or_under_way_is_not_submitted_again(wrapper, three):
    wrapper(SLM, DATA_PATH=three)
    wrapper.queue("42|COMPLETED|1:00", "43|RUNNING|1:00", "44|FAILED|0:10")
    wrapper.finish("a")
    wrapper.finish("c", "failed", "it broke")
    done = wrapper(SLM, DATA_PATH=three)
    assert done.returncode == 0 and len(wrapper.calls()) == 3
    assert "[done]" in done.stdout and "[running already]" in done.stdout and "[failed: --retry-failed" in done.stdout
    assert wrapper(SLM, "--retry-failed", DATA_PATH=three).returncode == 0
    assert [os.path.basename(call[0]) for call in wrapper.calls()[3:]] == ["pipeline_jobdir_c"]
    assert wrapper(SLM, "--again", DATA_PATH=three).returncode == 0
    assert [os.path.basename(call[0]) for call in wrapper.calls()[4:]] == ["pipeline_jobdir_a"]


def test_status_tells_of_every_session_and_fails_if_one_did(wrapper, three):
    wrapper(SLM, DATA_PATH=three)
    wrapper.queue("42|COMPLETED|1:00", "43|RUNNING|1:00", "44|PENDING|0:00")
    wrapper.finish("a")
    done = wrapper(SLM, "--status")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[1:4] for line in done.stdout.splitlines()[1:4]] == [
        ["a", "done", "42"], ["b", "running", "43"], ["c", "waiting", "44"]]
    wrapper.queue("42|COMPLETED|1:00", "43|TIMEOUT|1:00", "44|FAILED|1:00")
    (wrapper.folder / "pipeline_jobdir_c/ephys-n.x.44.err").write_text("simsort: error: RESULTS_PATH is in use by ann\n")
    wrapper.finish("b", "failed", "<script>alert(1)</script>")
    done = wrapper("--status", "--watch")
    assert done.returncode == 1
    assert "in use by ann" in done.stdout and "done: 1, failed: 1, interrupted: 1" in done.stdout
    page = (wrapper.folder / "multijob_summary.html").read_text()
    assert "&lt;script&gt;" in page and "<script>" not in page and 'href="output_a/index.html"' in page


def test_a_slurm_that_does_not_answer_submits_nothing_twice(wrapper, three):
    wrapper(SLM, DATA_PATH=three)
    done = wrapper(SLM, DATA_PATH=three, SQUEUE_FAILS="1")
    assert done.returncode == 2 and "squeue does not answer" in done.stderr and len(wrapper.calls()) == 3


def test_cancel_takes_what_waits_or_runs(wrapper, three):
    wrapper(SLM, DATA_PATH=three)
    wrapper.queue("42|COMPLETED|1:00", "43|RUNNING|1:00", "44|PENDING|0:00")
    wrapper.finish("a")
    assert "cancelled: 2" in wrapper("--cancel").stdout
    assert sorted((wrapper.stand_in / "cancelled").read_text().split()) == ["43", "44"]
    wrapper.queue("43|CANCELLED|1:00", "44|CANCELLED|0:00")
    assert "done: 1, cancelled: 2" in wrapper("--status").stdout


def test_two_wrappers_at_once(wrapper, three):
    with (wrapper.folder / ".multijob.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = wrapper(SLM, DATA_PATH=three)
    assert done.returncode == 2 and "another multijob_submission_wrapper.sh" in done.stderr and not wrapper.calls()


LOCAL_JOB = '''DATA_PATH="${DATA_PATH:-}"
RESULTS_PATH=./output
WORK_DIR=./w
PIPELINE_PATH=
INPUT_DATA_TYPE=
echo "ran $DATA_PATH $*"
name=$(basename "$DATA_PATH")
mkdir -p "$RESULTS_PATH/nextflow"
printf 'process\\ttag\\tstatus\\texit\\tattempt\\tworkdir\\nCOLLECT\\t-\\tCOMPLETED\\t0\\t1\\t-\\n' > "$RESULTS_PATH/nextflow/trace.txt"
[ "$name" = b ] && state=done || state=failed
echo '{"verdicts": {"rec": {"state": "'$state'", "reason": "x", "stage": "sort", "n_units": 1, "n_passing": 1}}, "session_failures": []}' > "$RESULTS_PATH/status.json"
[ "$name" = b ]
'''


@pytest.mark.parametrize("options", [[], ["--max-jobs", "2"]])
def test_local_runs_say_what_failed(wrapper, tmp_path, options):
    touch(tmp_path, "data/a/a_g0_t0.imec0.ap.bin", "data/b/b_g0_t0.imec0.ap.bin")
    script = tmp_path / "job.slm"
    script.write_text(LOCAL_JOB)
    done = wrapper(script, "--local", *options, "--", "--x", DATA_PATH=tmp_path / "data")
    assert done.returncode == 1
    printed = done.stdout + "".join(log.read_text() for log in wrapper.folder.glob("pipeline_jobdir_?/spike_sort.log"))
    assert f"ran {tmp_path}/data/a --x" in printed and f"ran {tmp_path}/data/b --x" in printed
    assert "simsort: error: a: ended with status 1" in done.stderr and "b: finished" in done.stdout
    status = wrapper("--status")
    assert status.returncode == 1 and "done: 1" in status.stdout and "failed: 1" in status.stdout


def test_a_refused_submission_is_told_and_tried_again(wrapper, three):
    done = wrapper(SLM, DATA_PATH=three, SBATCH_FAILS="1")
    assert done.returncode == 1 and "simsort: error: a: sbatch: error: Invalid account" in done.stderr
    assert wrapper("--status").returncode == 1
    assert wrapper(SLM, DATA_PATH=three).returncode == 0 and wrapper("--status").returncode == 0


@pytest.mark.parametrize("arguments, settings, words", [
    ([], {}, "DATA_PATH is empty"),
    ([], {"DATA_PATH": "/nowhere/at/all"}, "DATA_PATH /nowhere/at/all does not exist"),
    ([], {"DATA_PATH": "{empty}"}, "holds no session"),
    ([], {"DATA_PATH": "{empty}", "INPUT_DATA_TYPE": "nwbb"}, "INPUT_DATA_TYPE was given 'nwbb'"),
    (["--max-jobs", "0"], {"DATA_PATH": "{empty}"}, "--max-jobs was given 0"),
    (["--status"], {}, "nothing was submitted from"),
    (["--cancel"], {}, "nothing was submitted from"),
])
def test_mistakes_are_one_line(wrapper, tmp_path, arguments, settings, words):
    (tmp_path / "empty").mkdir()
    settings = {name: value.format(empty=tmp_path / "empty") for name, value in settings.items()}
    done = wrapper(SLM, *arguments, **settings)
    assert done.returncode == 2
    assert words in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("content", ["", "{}", '{"format": 9, "sessions": []}', '{"format": 1, "sessions": [{}]}', "[1]"])
def test_a_damaged_manifest_is_one_line(wrapper, three, content):
    (wrapper.folder / "multijob_manifest.json").write_text(content)
    done = wrapper(SLM, DATA_PATH=three)
    assert done.returncode == 2 and "multijob_manifest.json" in done.stderr and len(done.stderr.splitlines()) == 1
    assert not wrapper.calls()


def test_a_mistyped_option_submits_nothing(wrapper, three):
    done = wrapper(SLM, "--dryrun", DATA_PATH=three)
    assert done.returncode == 2 and not wrapper.calls()
    assert wrapper("nowhere.slm").returncode == 2
