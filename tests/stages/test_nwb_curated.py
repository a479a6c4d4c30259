"""The NWB file follows the curated units."""

import json
import shutil

import numpy as np
import pytest

from curation_pages import finished_results, results  # noqa: F401  (fixtures)
from results_folders import NAME

pytestmark = pytest.mark.slow


def units_of(path):
    """Return the unit table of an NWB file as {unit: row}."""
    from hdmf_zarr import NWBZarrIO

    with NWBZarrIO(str(path), "r") as file:
        table = file.read().units.to_dataframe()
    return {row["sorter_unit_id"]: row for _, row in table.iterrows()}


CURATION = {
    "format_version": "2", "unit_ids": [0, 1, 2, 3, 4, 10], "merges": [{"unit_ids": [2, 3]}],
    "label_definitions": {"quality": {"label_options": ["good", "noise"], "exclusive": True},
                          "cell_type": {"label_options": ["pyramidal", "PV"], "exclusive": True}},
    "manual_labels": [{"unit_id": 1, "labels": {"quality": ["noise"]}},
                      {"unit_id": 2, "labels": {"quality": ["good"], "cell_type": ["PV"]}},
                      {"unit_id": 4, "labels": {"cell_type": ["pyramidal"]}}]}


def results_with_start_time(results, finished_results):
    """Give the run what an NWB file needs, of one recording; return where its raw data lie."""
    path = results / "nextflow" / "records.json"
    run = json.loads(path.read_text())
    run["parameters"]["nwb_ecephys"]["session_start_time"] = "2025-03-04T10:00:00+00:00"
    run["jobs"] = [job for job in run["jobs"] if job["recording_name"] == NAME]
    assert len(run["jobs"]) == 1
    path.write_text(json.dumps(run))
    return finished_results.parent / "work" / "0" / "data"


def test_nwb_follows_the_curation(results, finished_results, run_cli, tmp_path):
    from simsort.applying.nwb_again import write_again

    data = results_with_start_time(results, finished_results)
    file = write_again(results, NAME, data)
    before = units_of(file)
    assert set(before) == {"0", "1", "2", "3", "4", "10"}

    export = tmp_path / "export.json"
    export.write_text(json.dumps(CURATION))
    said = run_cli("apply-curation", results, export, "--recording", NAME)
    assert said.status == 0 and f"nwb/{file.name} has the units from before" in said.stdout
    assert set(units_of(file)) == set(before)
    assert run_cli("apply-curation", results, export, "--recording", NAME, "--data", data).status == 0
    after = units_of(file)
    assert {unit: (row["quality"], row["cell_type"]) for unit, row in after.items()} == {
        "0": ("", ""), "1": ("noise", ""), "2": ("good", "PV"), "4": ("", "pyramidal"), "10": ("", "")}
    both = np.sort(np.concatenate([before[u]["spike_times"] for u in "23"]))
    np.testing.assert_allclose(np.sort(after["2"]["spike_times"]), both)
    assert not np.array_equal(np.nan_to_num(after["2"]["waveform_mean"]), np.nan_to_num(before["2"]["waveform_mean"]))
    assert sorted(p.name for p in (results / "nwb").iterdir()) == [file.name]
    missing = run_cli("apply-curation", results, export, "--recording", NAME, "--data", tmp_path / "gone")
    assert missing.status == 2 and "does not exist" in missing.stderr and units_of(file).keys() == after.keys()
    shutil.rmtree(results / "nwb")
    assert "nwb/" not in run_cli("apply-curation", results, export, "--recording", NAME).stdout


def test_nwb_has_the_parts_of_split_units(results, finished_results, tmp_path, run_cli):
    """Each part has its own spikes and mean waveform; only the split units' waveforms are read."""
    import spikeinterface.full as si

    from simsort.applying.nwb_again import write_again

    data = results_with_start_time(results, finished_results)
    analyzer = si.load_sorting_analyzer(results / "postprocessed" / f"{NAME}.zarr")
    amplitudes = analyzer.get_extension("spike_amplitudes").get_data(outputs="by_unit")[0][4]
    large = np.argsort(amplitudes)[:len(amplitudes) // 3]
    curation = {"format_version": "2", "unit_ids": [0, 1, 2, 3, 4, 10], "label_definitions": {}, "manual_labels": [],
                "merges": [{"unit_ids": [0, 1]}], "removed": [10],
                "splits": [{"unit_id": 4, "mode": "indices", "indices": [np.sort(large).tolist()]}]}
    (tmp_path / "split.json").write_text(json.dumps(curation))
    said = run_cli("apply-curation", results, tmp_path / "split.json", "--recording", NAME)
    assert said.status == 0, said.stderr
    units = units_of(write_again(results, NAME, data))
    new = sorted(set(units) - {"0", "2", "3"}, key=lambda unit: len(units[unit]["spike_times"]))
    assert len(units) == 5 and [len(units[unit]["spike_times"]) for unit in new] == [
        len(large), len(amplitudes) - len(large)]
    peaks = [np.nanmin(units[unit]["waveform_mean"]) for unit in new]
    whole = analyzer.get_extension("templates").get_unit_template(4).min() * 1e-6
    assert peaks[0] < 1.02 * whole < whole < peaks[1]  # troughs: the large spikes' is the deepest
