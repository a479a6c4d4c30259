"""Ground truth written in each format, read back, sorted and scored."""

import json

import pytest
from nwb_files import write_nwb
from open_ephys_files import write_open_ephys
from workflow_runs import accuracies

pytestmark = pytest.mark.slow


@pytest.fixture(params=["spikeglx", "openephys", "nwb"])
def session(request, ground_truth, spikeglx_session, tmp_path):
    """The ground truth on disk: (format, path)."""
    recording, _ = ground_truth
    if request.param == "spikeglx":
        return request.param, spikeglx_session.path
    if request.param == "openephys":
        return request.param, write_open_ephys(tmp_path / "session", {"ProbeA": recording})
    return request.param, write_nwb(tmp_path / "session.nwb", {"ElectricalSeries": recording})


def test_the_units_come_back(session, ground_truth, run_cli, tmp_path, record_property):
    import spikeinterface as si

    input_format, path = session
    steps = [["dispatch", "--data", path, "--input", input_format, "--out", tmp_path / "jobs"],
             ["preprocess", "--job", tmp_path / "jobs/0.json", "--data", path, "--motion", "skip", "--out", tmp_path / "preprocessed"],
             ["sort", "--preprocessed", tmp_path / "preprocessed", "--sorter", "mountainsort5", "--out", tmp_path / "sorted"]]
    for stage, *arguments in steps:
        outcome = run_cli(stage, *arguments)
        assert outcome.status == 0, outcome.stderr
    assert json.loads((tmp_path / "jobs/0.json").read_text())["state"] == "ready"
    found = accuracies(si.load(tmp_path / "sorted/sorting"), ground_truth[1])
    record_property("mean_accuracy", float(sum(found) / len(found)))  # xdist carries plain numbers only
    print(f"{input_format}: mean accuracy {sum(found) / len(found):.3f}, {sum(a >= 0.8 for a in found)} of {len(found)} units >= 0.8")
    assert sum(accuracy >= 0.8 for accuracy in found) >= 8, found
