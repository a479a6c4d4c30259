"""The wrapper for many sessions: what it finds, how it names it, what it submits."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from simsort.multijob import Settings, find_sessions, name_sessions, rewrite_script
from workflow_runs import REPO, clean_environment

AWKWARD = "it's $HOME \"ü\" `x`; rm"


def touch(top, *files):
    for name in files:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).touch()


def found(top, **options):
    return {str(s.path.relative_to(top)): (s.name, s.input_format) for s in find_sessions(top, **options)}


# what is found


def test_the_slides_tree(tmp_path):
    for number in (1, 2, 10):
        run = f"2024080{number % 10}_M100_g0"
        touch(tmp_path, f"dir_{number}/{run}_imec0/{run}_t0.imec0.ap.bin", f"dir_{number}/{run}_imec0/{run}_t0.imec0.ap.meta")
    touch(tmp_path, "dir_2/20240802_M100_g0_imec0/20240802_M100_g0_t0.imec0.lf.bin")
    (tmp_path / "dir_4").mkdir()
    touch(tmp_path, "dir_5/notes.txt", "events/x.txt")
    sessions = find_sessions(tmp_path)
    assert [s.name for s in sessions] == ["dir_1", "dir_2", "dir_10"]
    assert {s.input_format for s in sessions} == {"spikeglx"}


def test_probes_of_one_run_are_one_session(tmp_path):
    touch(tmp_path, "mouse/run_g0/run_g0_imec0/run_g0_t0.imec0.ap.bin", "mouse/run_g0/run_g0_imec1/run_g0_t0.imec1.ap.bin",
          "mouse/run_g0/run_g0_t0.nidq.bin")
    assert found(tmp_path) == {"mouse/run_g0": ("run_g0", "spikeglx")}


def test_runs_side_by_side_are_sessions_of_their_own(tmp_path):
    touch(tmp_path, "a_g0_imec0/a_g0_t0.imec0.ap.bin", "b_g0_imec0/b_g0_t0.imec0.ap.bin", "more/c_g0_t0.imec0.ap.bin")
    assert found(tmp_path) == {"a_g0_imec0": ("a_g0_imec0", "spikeglx"), "b_g0_imec0": ("b_g0_imec0", "spikeglx"),
                               "more": ("more", "spikeglx")}


def test_a_single_session_may_be_data_path_itself(tmp_path):
    top = tmp_path / "rec"
    touch(top, "rec_g0_t0.imec0.ap.bin", "rec_g0_t0.imec0.ap.meta")
    assert found(top) == {".": ("rec", "spikeglx")}


def test_open_ephys_sessions_with_and_without_record_nodes(tmp_path):
    touch(tmp_path, "2024-01-01_10-00-00/Record Node 101/experiment1/recording1/structure.oebin",
          "2024-01-01_10-00-00/Record Node 101/settings.xml",
          "2024-01-01_10-00-00/Record Node 102/experiment1/recording1/structure.oebin",
          "old/experiment1/recording1/structure.oebin", "nwb node/Record Node 103/experiment1.nwb")
    assert found(tmp_path) == {name: (name, "openephys") for name in ("2024-01-01_10-00-00", "old", "nwb node")}


def test_nwb_files_and_folders(tmp_path):
    touch(tmp_path, "sub-1/sub-1_ses-a.nwb", "sub-1/sub-1_ses-b.nwb", "zarr/x.nwb.zarr/.zgroup", "zarr/x.nwb.zarr/deep/y.nwb")
    assert found(tmp_path) == {"sub-1/sub-1_ses-a.nwb": ("sub-1_ses-a", "nwb"), "sub-1/sub-1_ses-b.nwb":
                               ("sub-1_ses-b", "nwb"), "zarr/x.nwb.zarr": ("x", "nwb")}
    assert [s.path for s in find_sessions(tmp_path / "sub-1/sub-1_ses-a.nwb")] == [tmp_path / "sub-1/sub-1_ses-a.nwb"]


def test_aind_sessions(tmp_path):
    touch(tmp_path, "ecephys_1/ecephys/ecephys_compressed/x.zarr/.zgroup", "ecephys_1/ecephys/ecephys_clipped/settings.xml",
          "ecephys_2/ecephys_compressed/x.zarr/.zgroup")
    assert found(tmp_path) == {name: (name, "aind") for name in ("ecephys_1", "ecephys_2")}


def test_only_the_format_asked_for(tmp_path):
    touch(tmp_path, "a/x.nwb", "b/r_g0_t0.imec0.ap.bin", "c/raw.dat", ".hidden/raw.dat")
    (tmp_path / "empty").mkdir()
    assert set(found(tmp_path, only_format="nwb")) == {"a/x.nwb"}
    assert set(found(tmp_path, only_format="spikeinterface")) == {"a", "b", "c"}


def test_results_work_and_loops_are_not_entered(tmp_path):
    touch(tmp_path, "rec/x_g0_t0.imec0.ap.bin", "output_rec/nextflow/session.json", "output_rec/nwb/rec.nwb",
          "pipeline_jobdir_rec/scr_tmp_dir/y.nwb", "scr_tmp_dir/z.nwb", ".snapshot/rec/x_g0_t0.imec0.ap.bin")
    (tmp_path / "rec/loop").symlink_to(tmp_path)
    assert set(found(tmp_path, skip=(tmp_path / "scr_tmp_dir",))) == {"rec"}


# names


def test_equal_names_get_their_parents(tmp_path):
    touch(tmp_path, "m1/rec/a_g0_t0.imec0.ap.bin", "m2/rec/a_g0_t0.imec0.ap.bin", "m3/other/a_g0_t0.imec0.ap.bin")
    assert [s.name for s in find_sessions(tmp_path)] == ["m1_rec", "m2_rec", "other"]


@hypothesis_settings(deadline=None)
@given(st.sets(st.lists(st.sampled_from(["a", "b", "a_b", "b_a", "a.nwb", "x" * 100]), min_size=1, max_size=3).map(tuple),
               min_size=1, max_size=6))
def test_names_are_always_distinct_and_fit_a_file_name(paths):
    names = name_sessions([Path("/", *parts) for parts in paths])
    assert len(set(names.values())) == len(paths)
    assert all(len(name.encode()) < 200 and "/" not in name for name in names.values())


# the copies


@hypothesis_settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=30))
def test_any_value_survives_the_shell(value):
    text = rewrite_script('#!/bin/bash\nDATA_PATH="${DATA_PATH:-}"   # comment\necho done\n', {"DATA_PATH": value})
    assert text.endswith("\necho done\n")
    assert "".join(shlex.split(text.split("DATA_PATH=", 1)[1].rsplit("\necho", 1)[0])) == value


def test_copies_carry_absolute_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "data/rec/a_g0_t0.imec0.ap.bin")
    [session] = find_sessions(tmp_path / "data")
    environment = {"WORK_DIR": "./scr_tmp_dir", "RESULTS_PATH": "res", "PARAMS_FILE": "p.json"}
    settings = Settings.read(tmp_path / "spike_sort.slm", environment).for_session(session, tmp_path / "pipeline_jobdir_rec")
    assert settings == {"DATA_PATH": f"{tmp_path}/data/rec", "RESULTS_PATH": f"{tmp_path}/res_rec",
                        "WORK_DIR": f"{tmp_path}/pipeline_jobdir_rec/scr_tmp_dir", "PIPELINE_PATH": str(tmp_path),
                        "INPUT_DATA_TYPE": "spikeglx", "PARAMS_FILE": f"{tmp_path}/p.json"}
    settings = Settings.read(tmp_path / "s", {"WORK_DIR": "/scratch"}).for_session(session, tmp_path / "j")
    assert settings["WORK_DIR"] == "/scratch/rec"


# the command

SBATCH = """#!/bin/bash
{ printf '%s\\n' "$PWD" "$@"; echo --; } >> "$SBATCH_LOG"
[ -z "$SBATCH_FAILS" ] || { echo 'sbatch: error: Invalid account' >&2; exit 1; }
echo '42;cluster'
"""


@pytest.fixture
def wrapper(tmp_path):
    """Run the wrapper in a folder with a stand-in for sbatch that writes down how it was called."""
    fake = tmp_path / "bin/sbatch"
    fake.parent.mkdir()
    fake.write_text(SBATCH)
    fake.chmod(0o755)
    folder = tmp_path / "here"
    folder.mkdir()

    def run(*arguments, path=f"{fake.parent}:{os.environ['PATH']}", **settings):
        environment = clean_environment(**settings) | {"PATH": path, "SBATCH_LOG": str(tmp_path / "log")}
        return subprocess.run([str(REPO / "multijob_submission_wrapper.sh"), *map(str, arguments)], cwd=folder, text=True,
                              capture_output=True, env=environment, timeout=120)

    run.folder, run.log = folder, tmp_path / "log"
    return run


def test_one_submission_per_session(wrapper, tmp_path):
    data = tmp_path / AWKWARD
    touch(data, "rec 1/a_g0_t0.imec0.ap.bin", f"{AWKWARD}/b.nwb")
    (data / "empty").mkdir()
    done = wrapper(REPO / "spike_sort.slm", "--", "--sorter", "kilosort4", DATA_PATH=data)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("job 42") == 2 and "sessions: 2" in done.stdout
    calls = [call.split("\n") for call in wrapper.log.read_text().split("\n--\n") if call]
    assert sorted(call[0] for call in calls) == [str(wrapper.folder / f"pipeline_jobdir_{name}") for name in ("b", "rec 1")]
    assert all(call[-2:] == ["--sorter", "kilosort4"] for call in calls)
    copy = wrapper.folder / "pipeline_jobdir_b/spike_sort.slm.b"
    shown = subprocess.run(["bash", "-c", 'eval "$(grep -E "^[A-Z_]+=" "$0")"; printf "%s\\n" "$DATA_PATH" "$RESULTS_PATH" '
                            '"$WORK_DIR" "$PIPELINE_PATH" "$INPUT_DATA_TYPE"', copy], capture_output=True, text=True,
                           env=clean_environment(DATA_PATH="/another", RESULTS_PATH="/another"))
    assert shown.stdout.splitlines() == [str(data / AWKWARD / "b.nwb"), str(wrapper.folder / "output_b"),
                                         str(wrapper.folder / "pipeline_jobdir_b/scr_tmp_dir"), str(REPO), "nwb"]
    assert "#SBATCH --nodes=1" in copy.read_text()


def test_a_hand_edited_script_is_read_as_bash_reads_it(wrapper, tmp_path):
    touch(tmp_path, "data/rec/a_g0_t0.imec0.ap.bin")
    text = (REPO / "spike_sort.slm").read_text()
    text = text.replace('DATA_PATH="${DATA_PATH:-}"', 'DATA_PATH="$TOP/data"').replace(
        'PIPELINE_PATH="${PIPELINE_PATH:-}"', f"PIPELINE_PATH={shlex.quote(str(REPO))}")
    (wrapper.folder / "spike_sort.slm").write_text(text)
    done = wrapper("spike_sort.slm", "--dry-run", TOP=tmp_path, DATA_PATH="/the/environment/loses")
    assert done.returncode == 0 and f"{tmp_path}/data/rec -> {wrapper.folder}/output_rec" in done.stdout
    assert sorted(os.listdir(wrapper.folder)) == ["spike_sort.slm"] and not wrapper.log.exists()


def test_local_runs_one_after_another_and_says_what_failed(wrapper, tmp_path):
    touch(tmp_path, "data/a/a_g0_t0.imec0.ap.bin", "data/b/b_g0_t0.imec0.ap.bin")
    script = tmp_path / "job.slm"
    script.write_text('DATA_PATH="${DATA_PATH:-}"\nRESULTS_PATH=./output\nWORK_DIR=./w\nPIPELINE_PATH=\nINPUT_DATA_TYPE=\n'
                      'echo "ran $DATA_PATH $*"\n[ "$(basename "$DATA_PATH")" = b ]\n')
    done = wrapper(script, "--local", "--", "--x", DATA_PATH=tmp_path / "data")
    assert done.returncode == 1
    assert f"ran {tmp_path}/data/a --x" in done.stdout and f"ran {tmp_path}/data/b --x" in done.stdout
    assert "simsort: error: a: ended with status 1" in done.stderr and "b: finished" in done.stdout


def test_a_refused_submission_is_told(wrapper, tmp_path):
    touch(tmp_path, "data/a/a_g0_t0.imec0.ap.bin")
    done = wrapper(REPO / "spike_sort.slm", DATA_PATH=tmp_path / "data", SBATCH_FAILS="1")
    assert done.returncode == 1 and "simsort: error: a: sbatch: error: Invalid account" in done.stderr


@pytest.mark.parametrize("arguments, settings, words", [
    ([], {}, "DATA_PATH is empty"),
    ([], {"DATA_PATH": "/nowhere/at/all"}, "DATA_PATH /nowhere/at/all does not exist"),
    ([], {"DATA_PATH": "{empty}"}, "holds no session"),
    ([], {"DATA_PATH": "{empty}", "INPUT_DATA_TYPE": "nwbb"}, "INPUT_DATA_TYPE was given 'nwbb'"),
    (["--max-jobs", "3"], {"DATA_PATH": "{empty}"}, "--max-jobs is not part of this version"),
])
def test_mistakes_are_one_line(wrapper, tmp_path, arguments, settings, words):
    (tmp_path / "empty").mkdir()
    settings = {name: value.format(empty=tmp_path / "empty") for name, value in settings.items()}
    done = wrapper(REPO / "spike_sort.slm", *arguments, **settings)
    assert done.returncode == 2
    assert words in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_mistyped_option_submits_nothing(wrapper, tmp_path):
    touch(tmp_path, "data/a/a_g0_t0.imec0.ap.bin")
    done = wrapper(REPO / "spike_sort.slm", "--dryrun", DATA_PATH=tmp_path / "data")
    assert done.returncode == 2 and not wrapper.log.exists()
    assert wrapper("nowhere.slm").returncode == 2
