"""Damaged settings, curations and recordings: never a traceback, never a hang.

2 000 cases here; `bash tests/run.sh --fuzz` runs 100 000 and prints what was accepted (docs/fuzzing.md).
"""

import json
import os
import random

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import fuzz_targets
from fuzz_targets import CURATIONS, ODD, SETTINGS, WORDS, damaged, scrambled_bytes

CASES = int(os.environ.get("SIMSORT_FUZZ_CASES", "2000"))
SHARE = {"settings": 0.35, "command line": 0.15, "params file": 0.1, "curation": 0.36, "spikeglx": 0.02, "openephys": 0.02}
SEEDS = st.integers(0, 2**64 - 1)
JSON = st.recursive(st.sampled_from([odd for odd in ODD if not isinstance(odd, (list, dict))]) | st.text(max_size=8) | st.integers(),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=12)
COUNTS: dict = {}


def cases(what):
    """Return the settings of a test that has its share of the cases: here the same ones in every run, with --fuzz others."""
    return hypothesis_settings(max_examples=max(10, round(CASES * SHARE[what])), deadline=None, database=None,
                               derandomize=CASES <= 2000, suppress_health_check=list(HealthCheck))


def count(what, accepted):
    """Count a case and whether it was accepted."""
    seen = COUNTS.setdefault(what, [0, 0])
    seen[0] += 1
    seen[1] += accepted


@pytest.fixture(scope="module", autouse=True)
def told():
    """Print what was done, and see that damage is neither always refused nor always accepted."""
    yield
    for what, (n_cases, n_accepted) in COUNTS.items():
        print(f"{what}: {n_cases} cases, {n_accepted} accepted, the others refused in a line")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@cases("settings")
@given(st.one_of(SEEDS, st.dictionaries(st.sampled_from(sorted(SETTINGS)), JSON, max_size=3)))
def test_settings(given_or_seed):
    params = given_or_seed if isinstance(given_or_seed, dict) else damaged(SETTINGS, random.Random(given_or_seed))
    count("settings", fuzz_targets.settings(params))


@cases("command line")
@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=10), st.sampled_from(ODD).map(str)), max_size=6))
def test_command_lines(tokens):
    count("command line", fuzz_targets.command_line(tokens))


@cases("params file")
@given(SEEDS, st.sampled_from([".json", ".yaml", ".yml", ".txt", ""]))
def test_params_files(folder, seed, suffix):
    rng = random.Random(seed)
    content = json.dumps(damaged(SETTINGS, rng), indent=rng.choice((None, 1))).encode(errors="replace")
    content = scrambled_bytes(content, rng) if rng.random() < 0.5 else content
    count("params file", fuzz_targets.params_file(content, folder, suffix))


@cases("curation")
@given(st.one_of(SEEDS, JSON, st.binary(max_size=200)))
def test_curations(seed):
    if isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0:
        rng = random.Random(seed)
        content = json.dumps(damaged(rng.choice(CURATIONS), rng)).encode(errors="replace")
        content = scrambled_bytes(content, rng) if rng.random() < 0.3 else content
    else:
        content = seed if isinstance(seed, bytes) else json.dumps(seed).encode(errors="replace")
    count("curation", fuzz_targets.curation(content))


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    """A SpikeGLX and an Open Ephys session of 0.2 s."""
    from open_ephys_files import write_open_ephys
    from simsort.writers.spikeglx import write_spikeglx
    from test_writers_spikeglx import counts_recording

    return {"spikeglx": write_spikeglx(counts_recording(sizes=[6000]), tmp_path_factory.mktemp("glx"), "mouse"),
            "openephys": write_open_ephys(tmp_path_factory.mktemp("oe") / "rec", {"ProbeA": counts_recording(sizes=[6000])})}


@cases("spikeglx")
@given(SEEDS)
def test_spikeglx_sessions(sessions, folder, seed):
    count("spikeglx", fuzz_targets.recording(sessions["spikeglx"], folder, "spikeglx", random.Random(seed)))


@cases("openephys")
@given(SEEDS)
def test_open_ephys_sessions(sessions, folder, seed):
    count("openephys", fuzz_targets.recording(sessions["openephys"], folder, "openephys", random.Random(seed)))


def test_what_is_whole_is_accepted(sessions, tmp_path):
    assert fuzz_targets.settings({name: value for name, value in SETTINGS.items() if name != "nwb_subject"})
    assert all(fuzz_targets.curation(json.dumps(content).encode()) for content in CURATIONS)


# what fuzzing has found


def test_a_number_of_thousands_of_digits_is_refused():
    assert not fuzz_targets.curation(b'{"format_version": "2", "unit_ids": [' + b"1" * 5000 + b"]}")


@pytest.mark.parametrize("header", [b"", b"\x93NUMPY\x01\x00\x0a\x00", b"\x93NUMPY\x01\x00\x08\x00{('\n\n((("])
def test_damaged_timestamps_fail_their_stream_only(sessions, tmp_path, header):
    import shutil

    from simsort.config.parameters import resolve
    from simsort.dispatch.jobs import dispatch_session

    copy = shutil.copytree(sessions["openephys"], tmp_path / "rec")
    next(copy.rglob("sample_numbers.npy")).write_bytes(header)
    [job] = dispatch_session(copy, resolve({"job_dispatch": {"input": "openephys"}})["job_dispatch"])
    assert job["state"] == "failed" and "timestamp files cannot be read" in job["reason"]


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"continuous": [3]}', b'{"continuous": [{"folder_name": 1}]}'])
def test_a_damaged_structure_fails_its_recording_only(sessions, tmp_path, content):
    import shutil

    from simsort.config.parameters import resolve
    from simsort.dispatch.jobs import dispatch_session

    copy = shutil.copytree(sessions["openephys"], tmp_path / "rec")
    next(copy.rglob("structure.oebin")).write_bytes(content)
    [job] = dispatch_session(copy, resolve({"job_dispatch": {"input": "openephys"}})["job_dispatch"])
    assert job["state"] == "failed" and "structure.oebin cannot be read" in job["reason"]


def test_aind_s_block_of_a_sorter_holds_mappings_only():
    assert not fuzz_targets.settings({"sorter": "kilosort4", "spikesort": {"kilosort4": {"sorter": 3}}})


def test_a_params_file_that_is_no_text(tmp_path):
    assert not fuzz_targets.params_file(b'{"sorter": "\xff\xfe"}', tmp_path, ".json")
