"""Exports of a results folder: a table, SpikeInterface folders, NWB, phy."""

import csv
import dataclasses
import json
import shutil

import numpy as np
import pytest

from simsort.config.stages import Curation

NAME = "block0_imec0.ap_recording1"


@pytest.fixture(scope="module")
def results(planted, tmp_path_factory):
    """A results folder with the planted recording, curated: (folder, raw data)."""
    from simsort.curation.curate import curate

    folders, postprocessed, _ = planted
    root = tmp_path_factory.mktemp("results")
    work = root / "work"
    settings = dataclasses.asdict(Curation(rule="presence_ratio > 0.8"))
    curate(folders.sorted, postprocessed, settings, work).write(work)
    shutil.copytree(work / "sorting", root / "curated" / NAME)
    shutil.copytree(postprocessed / "analyzer.zarr", root / "postprocessed" / f"{NAME}.zarr")
    return root, folders.raw


@pytest.mark.slow
def test_csv_is_one_table_of_all_recordings(results, run_cli, tmp_path):
    root = shutil.copytree(results[0], tmp_path / "two")
    other = root / "curated" / "block0_imec1.ap_recording1"
    other.mkdir()
    (other / "units.csv").write_text("unit_id,default_qc,special\n7,True,ü\n")
    outcome = run_cli("export", root, "--to", "csv", "--out", tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    with (tmp_path / "out/units.csv").open(newline="", encoding="utf8") as file:
        rows = list(csv.DictReader(file))
    assert [(r["recording"], r["unit_id"]) for r in rows] == [
        (NAME, "clean"), (NAME, "bursting"), (NAME, "half"), ("block0_imec1.ap_recording1", "7")]
    assert rows[2]["reasons"] == "presence_ratio 0.5, not > 0.8"
    assert rows[3]["special"] == "ü" and rows[0]["special"] == ""


@pytest.mark.slow
def test_spikeinterface_folders_load_without_this_package(results, run_cli, tmp_path):
    import spikeinterface as si

    outcome = run_cli("export", results[0], "--to", "spikeinterface", "--out", tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    sorting = si.load(tmp_path / "out" / NAME / "sorting")
    analyzer = si.load_sorting_analyzer(tmp_path / "out" / NAME / "analyzer")
    assert sorting.unit_ids.tolist() == analyzer.unit_ids.tolist() == ["clean", "bursting", "half"]
    assert analyzer.sorting.get_property("default_qc_label").tolist() == ["pass", "pass", "fail"]
    np.testing.assert_array_equal(sorting.get_unit_spike_train("half"), analyzer.sorting.get_unit_spike_train("half"))
    assert {"templates", "quality_metrics", "waveforms"} <= set(analyzer.get_saved_extension_names())
    assert sorted(p.name for p in (tmp_path / "out" / NAME).iterdir()) == ["analyzer", "sorting"]


@pytest.mark.slow
def test_phy_has_the_spikes_the_traces_and_the_labels(results, run_cli, tmp_path):
    import spikeinterface.full as si

    root, raw = results
    outcome = run_cli("export", root, "--to", "phy", "--data", raw, "--out", tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    folder = tmp_path / "out" / NAME
    curated = si.load(root / "curated" / NAME)
    # not by si.read_phy: it wants whole numbers for names of units
    times, clusters = (np.load(folder / f"spike_{name}.npy").ravel() for name in ("times", "clusters"))
    for cluster, unit_id in enumerate(curated.unit_ids):
        np.testing.assert_array_equal(times[clusters == cluster], curated.get_unit_spike_train(unit_id))
    assert {"recording.dat", "params.py", "templates.npy", "pc_features.npy", "cluster_default_qc_label.tsv"} <= {
        p.name for p in folder.iterdir()}
    assert (folder / "recording.dat").stat().st_size == 40 * 30_000 * 16 * 2
    assert not list((tmp_path / "out").glob("part_*"))
    assert not [p for p in (root / "postprocessed").rglob("*model*")]  # the results stay as they were


@pytest.mark.slow
@pytest.mark.parametrize("arguments, words", [
    (["--to", "phy"], "give the session with --data"), (["--to", "nwb"], "has no NWB file"),
    (["--to", "csv", "--recording", "x"], f"allowed: {NAME}")])
def test_what_cannot_be_exported_says_what_to_do(results, run_cli, tmp_path, arguments, words):
    outcome = run_cli("export", results[0], *arguments, "--out", tmp_path / "out")
    assert outcome.status == 2 and words in outcome.stderr


@pytest.mark.slow
def test_nwb_files_are_copied(results, run_cli, tmp_path):
    root = shutil.copytree(results[0], tmp_path / "with nwb")
    (root / "nwb/a.nwb").mkdir(parents=True)
    (root / "nwb/a.nwb/.zgroup").write_text("{}")
    (root / "nwb/b.nwb").write_text("b")
    (root / "nextflow").mkdir()
    records = [{"stage": "nwb", "recording_name": NAME, "outputs": {"file": "b.nwb"}}]
    (root / "nextflow/records.json").write_text(json.dumps({"records": records}))
    assert run_cli("export", root, "--to", "nwb", "--out", tmp_path / "all").status == 0
    assert sorted(p.name for p in (tmp_path / "all").iterdir()) == ["a.nwb", "b.nwb"]
    assert run_cli("export", root, "--to", "nwb", "--recording", NAME, "--out", tmp_path / "one").status == 0
    assert [p.name for p in (tmp_path / "one").iterdir()] == ["b.nwb"]


def test_a_folder_that_holds_no_results(run_cli, tmp_path):
    outcome = run_cli("export", tmp_path, "--to", "csv", "--out", tmp_path / "out")
    assert outcome.status == 2 and "no curated units" in outcome.stderr
