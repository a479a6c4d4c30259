"""A run's own record gives the same configuration again; the comparison sees every spike."""

import json

import numpy as np
import pytest

from simsort.config.parameters import resolve
from simsort.errors import UserError
from simsort.exporting.rerun import changed_software, compare, params_of, recorded_parameters
from simsort.records import surroundings

GIVEN = [
    {"sorter": "lupin"},
    {"sorter": "kilosort4", "runmode": "fast", "spikesort_args": "--Th_universal 8 --skip-motion-correction True"},
    {"sorter": "lupin", "preprocessing": {"motion": "apply", "t_start": 3}, "nwb_subject_args": "--subject-id m1",
     "quality_control": {"thresholds": {"drift_range_um": [5, None]}}},
    {"sorter": "spykingcircus2", "job_dispatch": {"input": "spikeinterface", "spikeinterface_info": {
        "reader_type": "binary", "reader_kwargs": {"num_channels": 4}}}, "curation_args": "--rule 'snr > 5'"},
]


@pytest.mark.parametrize("given", GIVEN)
def test_the_record_gives_the_same_configuration(given, tmp_path):
    first = resolve(given)
    (tmp_path / "params.json").write_text(json.dumps(params_of(json.loads(json.dumps(first)))))
    again = resolve({"params_file": str(tmp_path / "params.json")})
    for stage in ("job_dispatch", "preprocessing", "spikesort", "postprocessing", "curation", "visualization",
                  "quality_control", "nwb_subject", "nwb_ecephys"):
        assert again[stage] == first[stage], stage
    assert (again["globals"]["sorter"], again["globals"]["runmode"]) == (
        first["globals"]["sorter"], first["globals"]["runmode"])


def test_machine_and_places_are_not_taken_over():
    first = resolve({"sorter": "lupin", "data_path": "/a", "results_path": "/b", "max_cpus": 3, "slurm_account": "x"})
    assert not {"data_path", "results_path", "max_cpus", "slurm_account", "n_jobs"} & set(params_of(first))


def sorted_into(folder, trains):
    import spikeinterface as si

    frames = {unit: np.array(train) for unit, train in trains.items()}
    si.NumpySorting.from_unit_dict([frames], 30_000.0).save(folder=folder)


def test_every_spike_is_compared(tmp_path):
    for name, then, now in (("same", {0: [1, 5]}, {0: [1, 5]}), ("late", {0: [1, 5]}, {0: [1, 6]}),
                            ("fewer", {0: [1], 1: [2]}, {0: [1]})):
        sorted_into(tmp_path / "a/spikesorted" / name, then)
        sorted_into(tmp_path / "b/spikesorted" / name, now)
    sorted_into(tmp_path / "a/spikesorted/gone", {0: [1]})
    assert compare(tmp_path / "a", tmp_path / "b") == {
        "same": "", "late": "2 spikes then, 2 now, or at other times", "fewer": "2 units then, 1 now",
        "gone": "was not sorted again"}


def test_changed_software_is_named(tmp_path):
    now = surroundings()
    assert changed_software(tmp_path) == []
    (tmp_path / "nextflow").mkdir()
    record = {"git_commit": now["git_commit"], "python": now["python"], "packages": {**now["packages"], "numpy": "1.0"}}
    (tmp_path / "nextflow/records.json").write_text(json.dumps({"records": [record]}))
    assert changed_software(tmp_path) == [f"numpy: 1.0 then, {now['packages']['numpy']} now"]


def test_what_cannot_be_done_again_says_so(run_cli, tmp_path):
    assert "parameters.json does not exist" in run_cli("rerun", tmp_path, "--out", tmp_path / "out").stderr
    (tmp_path / "nextflow").mkdir()
    parameters = resolve({"sorter": "lupin", "data_path": str(tmp_path / "gone")})
    (tmp_path / "nextflow/parameters.json").write_text(json.dumps(parameters))
    outcome = run_cli("rerun", tmp_path, "--out", tmp_path / "out")
    assert outcome.status == 2 and "give its new place with --data" in outcome.stderr
    parameters["globals"]["workflow"] = "pretrain"
    (tmp_path / "nextflow/parameters.json").write_text(json.dumps(parameters))
    with pytest.raises(UserError, match="give the results of a sorting"):
        recorded_parameters(tmp_path)
