"""What goes wrong on clusters, done on purpose: the same spikes as an undisturbed run, or a clear failure.

bash tests/run.sh --faults (as root on Debian 12): kills daemons and processes of the local Slurm of three nodes.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from faulty_cluster import (HEAD_MEMORY, NAME, OPTIONS, Submitted, attempts, cluster, environment, processes_in, spikes,
                            squeue, status, wait_for)
from workflow_runs import REPO

pytestmark = [pytest.mark.faults, pytest.mark.slow,
              pytest.mark.skipif("SIMSORT_FAULTS" not in os.environ, reason="only by tests/run.sh --faults")]
HOUR_S = 3600


@pytest.fixture(scope="session")
def data(spikeglx_session, tmp_path_factory):
    """A session of 10 s."""
    from simsort.writers.spikeglx import write_spikeglx

    import spikeinterface.full as si

    recording = si.read_spikeglx(spikeglx_session.path, stream_id="imec0.ap")
    return write_spikeglx(recording.frame_slice(0, 300_000), tmp_path_factory.mktemp("data"), "mouse")


@pytest.fixture(scope="session")
def undisturbed(data, tmp_path_factory):
    """The spikes of a run to which nothing happened."""
    run = Submitted(tmp_path_factory.mktemp("undisturbed"), data).wait()
    assert run.status == 0, run.text
    return spikes(run.results)


@pytest.fixture(autouse=True)
def whole_cluster():
    """Whatever a test broke is mended after it."""
    yield
    cluster("start")


def finished_well(run, undisturbed):
    """Assert that a run gave what an undisturbed one gives."""
    assert run.status == 0, run.text
    assert set(run.stage_states(NAME).values()) <= {"done", "skipped"}
    assert spikes(run.results) == undisturbed


# the head job


def test_the_head_job_is_killed(data, undisturbed, tmp_path):
    first = Submitted(tmp_path, data)
    first.stage("sort")
    first.kill_head()
    first.wait()
    left = [row for row in squeue() if row[3].startswith("simsort-")]
    second = Submitted(tmp_path, data)
    run = second.wait()
    assert not left or "cancelling jobs that an earlier run left behind" in run.text
    assert "an earlier run here has ended without a word" in run.text
    finished_well(run, undisturbed)
    assert attempts(run.results, "PREPROCESS") == ["CACHED"]


def test_the_head_job_is_cancelled(data, undisturbed, tmp_path):
    first = Submitted(tmp_path, data)
    first.stage("preprocess")
    subprocess.run(["scancel", first.job_id], check=True)
    first.wait()
    wait_for(lambda: not squeue("--states=R,PD,CG"), 60)
    wait_for(lambda: not processes_in(tmp_path), 60)
    assert not (first.results / "status.json").exists()
    finished_well(Submitted(tmp_path, data).wait(), undisturbed)


# stages


@pytest.mark.parametrize(("stage", "worked_s"), [("preprocess", 0), ("preprocess", 5), ("sort", 4), ("postprocess", 8)])
def test_a_stage_is_killed(data, undisturbed, tmp_path, stage, worked_s):
    job = Submitted(tmp_path, data)
    for pid in job.stage(stage, worked_s):
        os.kill(pid, signal.SIGKILL)
    run = job.wait()
    assert attempts(run.results, stage.upper()) == ["FAILED", "COMPLETED"]
    finished_well(run, undisturbed)


def test_a_stage_runs_out_of_memory(data, tmp_path):
    run = Submitted(tmp_path, data, "--max_memory", "250 MB").wait()
    assert run.status == 1 and len(attempts(run.results, "PREPROCESS")) == 3
    assert "memory" in status(run.results)["recordings"][NAME]["preprocess"]["reason"]


def test_a_stage_reaches_its_time_limit(data, undisturbed, tmp_path):
    job = Submitted(tmp_path, data, "--max_time", "2 min")
    for pid in job.stage("preprocess"):
        os.kill(pid, signal.SIGSTOP)  # it hangs
    run = job.wait()
    assert attempts(run.results, "PREPROCESS")[0] == "FAILED"
    finished_well(run, undisturbed)


def test_a_corrupted_intermediate_file(data, undisturbed, tmp_path):
    first = Submitted(tmp_path, data)
    first.stage("sort")
    subprocess.run(["scancel", first.job_id], check=True)
    first.wait()
    raw = max((tmp_path / "scr_tmp_dir").rglob("*.raw"), key=lambda file: file.stat().st_size)
    os.truncate(raw, raw.stat().st_size // 2)
    run = Submitted(tmp_path, data).wait()
    if run.status == 0:
        assert spikes(run.results) == undisturbed
        return
    assert status(run.results)["verdicts"][NAME]["state"] == "failed" and status(run.results)["verdicts"][NAME]["reason"]
    shutil.rmtree(next(folder for folder in raw.parents if (folder / ".command.run").is_file()))
    finished_well(Submitted(tmp_path, data).wait(), undisturbed)


# Slurm


@pytest.mark.parametrize("head", ["gpu1", "cpu1"])
def test_a_node_is_lost(data, undisturbed, tmp_path, head):
    """That of a stage, and that of the head job, which Slurm starts again."""
    options = (f"--partition={head[:3]}", f"--nodelist={head}")
    job = Submitted(tmp_path, data, options=options, CPU_PARTITION="cpu")
    job.stage("sort", worked_s=2)
    node = head if head == "cpu1" else job.stage_job("sort")[2]
    assert node.startswith("cpu")
    cluster("kill", node)
    wait_for(lambda: "DOWN" in node_state(node), 120)
    cluster("start")
    run = job.wait()
    finished_well(run, undisturbed)
    if node != head:
        assert attempts(run.results, "SORT") == ["FAILED", "COMPLETED"]
    else:
        assert attempts(run.results, "PREPROCESS") == ["CACHED"]


def node_state(node):
    """Return all of a node's states, such as DOWN+COMPLETING+NOT_RESPONDING (sinfo shows one of them)."""
    shown = subprocess.run(["scontrol", "show", "node", node], text=True, capture_output=True).stdout
    return re.search(r"State=(\S+)", shown)[1]


def test_slurmctld_is_killed_and_comes_back(data, undisturbed, tmp_path):
    job = Submitted(tmp_path, data)
    job.stage("preprocess")
    cluster("kill", "slurmctld")
    time.sleep(15)
    cluster("start")
    finished_well(job.wait(), undisturbed)


# disks and clocks

# A disk of which a file takes all but a few MB, less than the preprocessed copy needs; then the file goes.
FULL_THEN_EMPTIED = """
set -e
mount -t tmpfs -o size=256m tmpfs "$1"
fallocate -l 240m "$1/somebody_elses"
cd "$1"
status=0
bash "$2/spike_sort.slm" "${@:3}" || status=$?
[ "$status" -ne 0 ]
rm somebody_elses
bash "$2/spike_sort.slm" "${@:3}"
cp -r output "$1.results"
"""


def test_a_full_disk_that_was_emptied(data, undisturbed, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", FULL_THEN_EMPTIED, "bash",
                           str(disk), str(REPO), *OPTIONS], text=True, capture_output=True, stdin=subprocess.DEVNULL,
                          env=environment(DATA_PATH=data) | {"VIRTUAL_ENV": os.environ.get("VIRTUAL_ENV", ""),
                                                             "PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no space left on the disk" in done.stdout + done.stderr
    assert spikes(tmp_path / "disk.results") == undisturbed


@pytest.mark.parametrize("hours", [1, -1])
def test_files_stamped_by_another_clock(data, undisturbed, tmp_path, hours):
    session = shutil.copytree(data, tmp_path / data.name)
    stamp(session, hours)
    first = Submitted(tmp_path, session)
    first.stage("sort")
    subprocess.run(["scancel", first.job_id], check=True)
    first.wait()
    stamp(tmp_path / "scr_tmp_dir", hours)
    finished_well(Submitted(tmp_path, session).wait(), undisturbed)


def stamp(folder, hours):
    """Set the times of every file of a folder to the present of a clock that is some hours off."""
    when = time.time() + hours * HOUR_S
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            os.utime(file, (when, when))


def test_a_node_two_minutes_off(data, undisturbed, tmp_path):
    cluster("faketime", "cpu1", "+120s")
    try:
        job = Submitted(tmp_path, data, options=("--partition=gpu",), CPU_PARTITION="cpu")
        assert job.stage_job("sort")[2] == "cpu1"
        finished_well(job.wait(), undisturbed)
    finally:
        cluster("faketime", "cpu1", "+0s")


# many sessions


def wrapper(folder, *arguments, **settings):
    """Run the wrapper in a folder."""
    return subprocess.run([str(REPO / "multijob_submission_wrapper.sh"), *arguments], cwd=folder, text=True,
                          capture_output=True, env=environment(**settings) | {"SBATCH_MEM_PER_NODE": HEAD_MEMORY[6:]})


def test_a_bad_session_among_good_ones(data, undisturbed, tmp_path):
    sessions = tmp_path / "sessions"
    for name in ("good_1", "bad", "good_2"):
        shutil.copytree(data, sessions / name / data.name)
    binary = next((sessions / "bad").rglob("*.ap.bin"))
    os.truncate(binary, binary.stat().st_size - 1000)
    done = wrapper(tmp_path, str(REPO / "spike_sort.slm"), "--", *OPTIONS, DATA_PATH=sessions)
    assert done.returncode == 0, done.stdout + done.stderr
    watched = wrapper(tmp_path, "--status", "--watch")
    assert watched.returncode == 1
    assert "done: 2" in watched.stdout and "failed: 1" in watched.stdout and "truncated" in watched.stdout
    names = {s["name"]: s["results"] for s in json.loads((tmp_path / "multijob_manifest.json").read_text())["sessions"]}
    good = [folder for name, folder in names.items() if "bad" not in name]
    assert [spikes(tmp_path / folder) for folder in good] == [undisturbed, undisturbed]


def test_thirty_sessions_at_once(data, undisturbed, tmp_path):
    sessions = tmp_path / "sessions"
    for number in range(30):
        shutil.copytree(data, sessions / f"session {number}" / data.name)
    started = time.monotonic()
    done = wrapper(tmp_path, str(REPO / "spike_sort.slm"), "--max-jobs", "4", "--", *OPTIONS, DATA_PATH=sessions)
    assert done.returncode == 0, done.stdout + done.stderr
    most = 0
    while squeue("--states=R,PD"):
        heads = [row for row in squeue("--states=R") if row[3].startswith("spike_sort.slm.")]
        most = max(most, len(heads))
        time.sleep(2)
    watched = wrapper(tmp_path, "--status")
    assert watched.returncode == 0, watched.stdout
    assert "done: 30" in watched.stdout and most <= 4
    print(f"30 sessions in {time.monotonic() - started:.0f} s")
    results = [s["results"] for s in json.loads((tmp_path / "multijob_manifest.json").read_text())["sessions"]]
    assert all(spikes(tmp_path / folder) == undisturbed for folder in results)
