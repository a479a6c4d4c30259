"""The wrapper for many sessions: what it finds, how it names it, what it submits."""

import shlex
from pathlib import Path

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from simsort.multijob.job_script import Settings, rewrite_script
from simsort.multijob.names import name_sessions
from simsort.multijob.sessions import find_sessions

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
@given(st.sets(st.lists(st.sampled_from(["a", "b", "a_b", "b_a", "a.nwb", "x" * 100, "7"]), min_size=1, max_size=3).map(tuple),
               min_size=1, max_size=6))
def test_names_are_always_distinct_and_fit_a_file_name(paths):
    names = name_sessions([Path("/", *parts) for parts in paths])
    assert len(set(names.values())) == len(paths)
    assert all(len(name.encode()) < 200 and "/" not in name for name in names.values())


def test_names_once_given_stay_and_are_nobody_else_s():
    first = {Path("/a/rec"): "rec"}
    assert name_sessions([Path("/a/rec"), Path("/b/rec"), Path("/c/7")], first) == {
        Path("/a/rec"): "rec", Path("/b/rec"): "b_rec", Path("/c/7"): "session_7"}


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
    settings = Settings.read(tmp_path / "spike_sort.slm", environment).for_session(
        session, tmp_path / "pipeline_jobdir_rec", tmp_path / "res_rec")
    assert settings == {"DATA_PATH": f"{tmp_path}/data/rec", "RESULTS_PATH": f"{tmp_path}/res_rec",
                        "WORK_DIR": f"{tmp_path}/pipeline_jobdir_rec/scr_tmp_dir", "PIPELINE_PATH": str(tmp_path),
                        "INPUT_DATA_TYPE": "spikeglx", "PARAMS_FILE": f"{tmp_path}/p.json"}
    settings = Settings.read(tmp_path / "s", {"WORK_DIR": "/scratch"}).for_session(session, tmp_path / "j", tmp_path / "r")
    assert settings["WORK_DIR"] == "/scratch/rec"
