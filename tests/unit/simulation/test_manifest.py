"""The manifest of a simulation: what is there, with checksums that are checked; page and status."""

import json
from types import SimpleNamespace

import pytest

from simsort.collecting.report import exit_status, folder_of_last_run, report_lines, status_of_last_run
from simsort.config.parameters import resolve
from simsort.errors import UserError
from simsort.simulation.shards.manifest import build_manifest, status_of, write_manifest
from simsort.simulation.shards.plan import Plan
from simsort.simulation.shards.rendering import NOTE, list_files, read_note, recording_jobs
from simsort.simulation.shards.store import Store

RESOLVED = resolve({})
FACTS = dict(cell_type="L5_TTPC", layer="L5", neuron_class="excitatory", subclass="pyramidal", n_snippets=12, wall_s=1.0)


@pytest.fixture
def simulation(tmp_path):
    """A plan of two cells, of which one is finished, and a folder with one recording."""
    plan = Plan(settings=RESOLVED["simulation"], models=tuple(SimpleNamespace(name=n) for n in "ab"), config_hash="0" * 12)
    store = Store(tmp_path / "library", plan)
    store.write("a", lambda path: path.write_bytes(b"cell"), **FACTS)
    folder = tmp_path / "recordings/tetrode_00"
    (folder / "recording").mkdir(parents=True)
    (folder / "recording/traces.raw").write_bytes(b"\0" * 100)
    units = [{"unit_id": "0", "cell_type": "L5_TTPC", "snr": 8.25}, {"unit_id": "1", "cell_type": "<b>", "snr": 4.0}]
    note = {"name": "tetrode_00", "identity": "x", "probe": "tetrode", "n_channels": 4, "duration_s": 60.0, "n_units": 2,
            "sampling_frequency_hz": 30000.0, "units": units, "cells": plan.config_hash, "settings": {},
            "files": list_files(folder)}
    (folder / NOTE).write_text(json.dumps(note))
    return plan, store, tmp_path


def test_it_lists_what_is_there_with_checksums(simulation):
    plan, store, folder = simulation
    manifest = build_manifest(plan, store, RESOLVED["rendering"], folder / "recordings")
    assert [cell["name"] for cell in manifest["cells"]] == ["a"] and manifest["missing"] == ["b"]
    assert manifest["cells"][0]["sha256"] == store.note("a")["sha256"] and manifest["cells"][0]["bytes"] == 4
    assert manifest["recordings"][0]["files"][0]["path"] == "recording/traces.raw"
    assert json.loads(json.dumps(manifest)) == manifest
    again = build_manifest(plan, store, RESOLVED["rendering"], folder / "recordings")
    assert again == manifest, "nothing in it depends on the time"


def test_the_page_can_be_read_without_anything_else(simulation):
    plan, store, folder = simulation
    page = write_manifest(build_manifest(plan, store, RESOLVED["rendering"], folder / "recordings"), folder / "out").read_text()
    assert "1 cells, 1 recordings" in page and "4.0 to 8.2" in page and "Not made:</b> b" in page
    assert "<script" not in page and "src=" not in page


def test_a_recording_that_changed_is_named(simulation):
    plan, store, folder = simulation
    (folder / "recordings/tetrode_00/recording/traces.raw").write_bytes(b"\1" * 100)
    with pytest.raises(UserError, match="tetrode_00/recording/traces.raw is missing or damaged"):
        build_manifest(plan, store, RESOLVED["rendering"], folder / "recordings")
    (folder / "recordings/tetrode_00/recording/traces.raw").write_bytes(b"\1" * 99)
    assert read_note(folder / "recordings/tetrode_00") is None, "another length: not whole"


def test_the_status_reads_like_that_of_a_sorting_run(simulation):
    plan, store, folder = simulation
    manifest = build_manifest(plan, store, RESOLVED["rendering"], folder / "recordings")
    status = status_of(manifest, [])
    assert exit_status(status) == 0 and "2 units" in report_lines(status, folder)[0]
    failure = {"stage": "simulate", "recording_name": "shard1", "reason": "it never fires", "exit": "2", "workdir": "-"}
    assert exit_status(status_of(manifest, [failure])) == 1
    assert exit_status(status_of({**manifest, "recordings": []}, [failure])) == 2


def test_the_report_of_a_simulation_is_its_own(tmp_path):
    (tmp_path / "nextflow").mkdir()
    (tmp_path / "simulation").mkdir()
    row = "1\taa/bb\t-\t{0}\t-\t{0}\t{1}\t{2}\t1\t-"
    head = "task_id\thash\tnative_id\tprocess\ttag\tname\tstatus\texit\tattempt\tworkdir"
    trace = tmp_path / "nextflow/trace.txt"
    trace.write_text("\n".join([head, row.format("PRETRAIN:EVALUATE_MODEL", "COMPLETED", 0)]) + "\n")
    status = {"session": "simulation", "recordings": {}, "verdicts": {}, "session_failures": []}
    (tmp_path / "simulation/status.json").write_text(json.dumps(status))
    assert status_of_last_run(tmp_path) == status and folder_of_last_run(tmp_path) == tmp_path / "simulation"
    trace.write_text("\n".join([head, row.format("PRETRAIN:COMPILE_MECHANISMS", "FAILED", 2)]) + "\n")
    [failure] = status_of_last_run(tmp_path)["session_failures"]
    assert failure["stage"] == "compile_mechanisms"
    (tmp_path / "simulation/status.json").write_text(json.dumps(status))
    trace.write_text("\n".join([head, row.format("PRETRAIN:MANIFEST", "COMPLETED", 0),
                                row.format("PRETRAIN:PRETRAIN_MODEL", "FAILED", 2)]) + "\n")
    [failure] = status_of_last_run(tmp_path)["session_failures"]
    assert failure["stage"] == "pretrain_model"


def test_recordings_are_named_by_probe_and_number():
    pytest.importorskip("probeinterface")
    jobs = recording_jobs({**RESOLVED["rendering"], "n_recordings": 2})
    assert [(job.name, job.n_channels) for job in jobs] == [("neuropixels1_00", 32), ("neuropixels1_01", 32),
                                                            ("tetrode_00", 4), ("tetrode_01", 4)]
    with pytest.raises(UserError, match="tetrode twice"):
        recording_jobs({**RESOLVED["rendering"], "probes": ["tetrode", "tetrode"]})
