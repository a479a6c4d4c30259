"""What is fuzzed: settings, curations and recordings that are damaged in every way. Only `UserError` may come of them."""

import contextlib
import copy
import json
import random
import shutil
import signal
from pathlib import Path

from simsort.config.parameters import nest_command_line, resolve
from simsort.config.stages import STAGES
from simsort.curation.choices import parse_json, read_choices
from simsort.errors import UserError

UNITS = [0, 1, 2, 17, "a b"]
HANG_S = 30
ODD = (None, True, False, 0, -1, 1, 2**63, -1e308, 1e-320, float("inf"), float("nan"), "", " ", "\0", "\n", "ü", "\ud800", "a" * 3000,
       "--", "--motion apply", "'", "$(x)", "<b>", "../../x", "1e999", "0x10", "nan", "[]", "{}", [], {}, [[]], [{}], {"": ""},
       {"a": {"b": {"c": []}}}, [0, 1], ["0", "1"], [0, 0], [True], 0.5)
SETTINGS = {
    "sorter": "kilosort4", "runmode": "fast", "n_jobs": 2, "model": None, "workflow": "sort",
    "job_dispatch": {"input": "spikeglx", "probe_paths": {"imec0": "a.json"}, "debug": True,
                     "spikeinterface_info": {"reader_type": "binary", "reader_kwargs": {"num_channels": 4}}},
    "preprocessing_args": "--motion apply --denoising destripe", "preprocessing": {"bandpass_freq_min": 300.0},
    "spikesort": {"kilosort4": {"skip_motion_correction": True, "sorter": {"Th_universal": 9}}},
    "postprocessing": {"use_motion_corrected": False}, "curation": {"rule": "snr > 3 and isi_violations_ratio < 0.5"},
    "quality_control": {"thresholds": {}}, "nwb_subject": {"subject_id": "M1", "age": "P90D", "sex": "F"},
    "nwb_ecephys": {"timezone": "Europe/Berlin", "backend": "hdf5"}, "visualization": {"timeseries": {"n_snippets_per_segment": 2}},
    "finetuning": {"apply": False}, "simulation": {"cells": "builtin"},
}
CURATIONS = (
    {"labelsByUnit": {"0": ["noise", "accept"], "a b": ["MUA"]}, "mergeGroups": [["0", "1"], [2, 17]], "labelChoices": ["x"]},
    {"format_version": "2", "unit_ids": UNITS, "label_definitions": {
        "quality": {"name": "quality", "label_options": ["good", "MUA"], "exclusive": True}},
     "manual_labels": [{"unit_id": 0, "labels": {"quality": ["good"]}}, {"unit_id": 1, "quality": ["MUA"]}],
     "removed": [2], "merges": [{"unit_ids": [0, 1], "new_unit_id": 40}], "splits": [
         {"unit_id": 17, "mode": "indices", "indices": [[0, 1, 5]], "new_unit_ids": [50, 51]}],
     "simsort": {"recording": "r", "session": "s", "sorting": "x", "version": 1, "notes": {"0": "text"}}},
    {"format_version": "1", "unit_ids": UNITS, "label_definitions": {}, "merge_unit_groups": [[0, 1]], "removed_units": [2],
     "manual_labels": []},
    {"annotations": {"/": {"sorting_curation": '{"labelsByUnit": {"0": ["noise"]}, "mergeGroups": []}'}}},
)
WORDS = ("--motion", "--sorter", "--n_jobs", "--params_file", "-resume", "--preprocessing_args", "--curation_args", "--rule snr > 3",
         "--preprocessing.motion", "--spikesort.skip-motion-correction", "--quality_control.thresholds", "apply", "a=b",
         *(f"--{stage}" for stage in STAGES), *(f"--{stage}_args" for stage in STAGES))


@contextlib.contextmanager
def no_hang():
    """Raise in what takes longer than anything here may."""
    def late(*_):
        raise TimeoutError(f"hangs for {HANG_S} s")
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(HANG_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def places(document, found=None) -> list:
    """List (container, key) of everything in a JSON document."""
    found = [] if found is None else found
    items = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    for key, value in list(items):
        found.append((document, key))
        places(value, found)
    return found


def damaged(document, rng: random.Random):
    """Return a copy of a JSON document with one to four changes, more often few."""
    document = json.loads(json.dumps(document))
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        found = places(document)
        if not found:
            break
        container, key = rng.choice(found)
        change = rng.randrange(6)
        if change == 0:
            del container[key]
        elif change == 1:
            elsewhere, place = rng.choice(found)
            container[key] = json.loads(json.dumps(elsewhere.get(place) if isinstance(elsewhere, dict) else elsewhere))
        elif change == 2 and isinstance(container, dict):
            container[str(rng.choice(ODD))] = container.pop(key)
        elif change == 3 and isinstance(container[key], str):
            container[key] = scrambled(container[key], rng)
        else:
            container[key] = copy.deepcopy(rng.choice(ODD))
    return document


def scrambled(text: str, rng: random.Random) -> str:
    """Return a text with a piece cut out, doubled or replaced."""
    start, end = sorted(rng.randint(0, len(text)) for _ in range(2))
    middle = rng.choice(("", text[start:end] * 2, str(rng.choice(ODD)), text[start:end][::-1]))
    return text[:start] + middle + text[end:]


def scrambled_bytes(content: bytes, rng: random.Random) -> bytes:
    """Return bytes that were cut, changed or mixed up."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4))):
        start = rng.randint(0, len(data))
        change = rng.randrange(4)
        if change == 0:
            del data[start:]
        elif change == 1:
            data[start:start + rng.randint(0, 8)] = rng.randbytes(rng.randint(0, 8))
        elif change == 2:
            data[start:start] = rng.choice((b"\0", b"\xff\xfe", b"[" * 2000, b"{\"a\":" * 50, b"\n", b"NaN", b"1" * 5000))
        else:
            data[start:start] = data[max(0, start - 20):start]
    return bytes(data)


# the targets: they return whether the input was accepted


def settings(params: dict) -> bool:
    """Resolve a mapping of parameters."""
    with no_hang(), contextlib.suppress(UserError):
        json.dumps(resolve(params))
        return True
    return False


def command_line(tokens: list) -> bool:
    """Resolve a command line."""
    with no_hang(), contextlib.suppress(UserError):
        resolve(nest_command_line(tokens))
        return True
    return False


def params_file(content: bytes, folder: Path, suffix: str) -> bool:
    """Resolve a params file."""
    file = folder / f"params{suffix}"
    file.write_bytes(content)
    with no_hang(), contextlib.suppress(UserError):
        resolve({"params_file": str(file)})
        return True
    return False


def curation(content: bytes) -> bool:
    """Import a curation."""
    with no_hang(), contextlib.suppress(UserError):
        read_choices(parse_json(content), UNITS)
        return True
    return False


def recording(session: Path, folder: Path, input_format: str, rng: random.Random) -> bool:
    """Damage a session's files and let dispatch read it."""
    from simsort.dispatch.jobs import dispatch_session

    copy = folder / "session"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(session, copy)
    files = sorted(path for path in copy.rglob("*") if path.is_file())
    for _ in range(rng.randint(1, 2)):
        file = rng.choice(files)
        if not file.exists():
            continue
        if rng.random() < 0.1:
            file.unlink()
        elif file.suffix in (".bin", ".dat"):
            with file.open("r+b") as content:
                content.truncate(rng.randint(0, file.stat().st_size))
        else:
            file.write_bytes(scrambled_lines(file.read_bytes(), rng))
    with no_hang(), contextlib.suppress(UserError):
        jobs = dispatch_session(copy, resolve({"job_dispatch": {"input": input_format}})["job_dispatch"])
        json.dumps(jobs)
        assert all(job["state"] == "ready" or job["reason"] for job in jobs)
        return any(job["state"] == "ready" for job in jobs)
    return False


def scrambled_lines(content: bytes, rng: random.Random) -> bytes:
    """Damage a header: its values as often as its bytes."""
    if rng.random() < 0.5 or b"=" not in content:
        return scrambled_bytes(content, rng)
    lines = content.split(b"\n")
    at = rng.randrange(len(lines))
    name, _, value = lines[at].partition(b"=")
    new = rng.choice((b"", b"0", b"-1", b"nan", b"1e999", b"99999999999", b"x", value * 2, value[::-1], b"(", b"\xff"))
    lines[at:at + 1] = rng.choice(([name + b"=" + new], [], [lines[at]] * 2))
    return b"\n".join(lines)
