"""`simsort apply-curation`: the curated sorting, versions and pages after it; nothing changes where it does not fit."""

import csv
import json
import os
import re
import shutil

import numpy as np
import pytest

from curation_pages import finished_results, results  # noqa: F401  (fixtures)
from results_folders import NAME, SECOND, ground_truth

pytestmark = pytest.mark.slow


def write(folder, content):
    path = folder / "mine.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def snapshot(folder):
    """Every file of a results folder with its content."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def curated(results, name=NAME):
    import spikeinterface.full as si

    return si.load(results / "curated" / name)


@pytest.mark.parametrize("name, kind", [(NAME, int), (SECOND, str)])
def test_a_figurl_export_labels_and_merges(results, run_cli, tmp_path, name, kind):
    before = curated(results, name)
    export = {"labelsByUnit": {"0": ["good"], "1": ["noise"], "2": ["mua"]}, "mergeGroups": [["2", "3"]]}
    outcome = run_cli("apply-curation", results, write(tmp_path, export), "--recording", name, "--by", "ana")
    assert outcome.status == 0, outcome.stderr
    after = curated(results, name)
    assert after.unit_ids.tolist() == [u for u in before.unit_ids.tolist() if u != kind(3)]
    labels = dict(zip(after.unit_ids.tolist(), after.get_property("quality")))
    assert (labels[kind(0)], labels[kind(1)]) == ("good", "noise")
    assert set(labels[kind(2)].split(", ")) == {"MUA"} | ({"good"} if before.get_property("default_qc")[3] else set())
    both = np.sort(np.concatenate([before.get_unit_spike_train(kind(u)) for u in (2, 3)]))
    np.testing.assert_array_equal(np.sort(after.get_unit_spike_train(kind(2))), both)
    for unit in (kind(0), kind(1), kind(4)):
        np.testing.assert_array_equal(after.get_unit_spike_train(unit), before.get_unit_spike_train(unit))
    # metrics: unchanged units keep theirs to the digit, the merged unit's are its own
    for key in ("snr", "firing_rate", "isi_violations_ratio"):
        old, new = (dict(zip(s.unit_ids.tolist(), s.get_property(key))) for s in (before, after))
        assert all(new[u] == old[u] for u in new if u != kind(2)) and np.isfinite(new[kind(2)])
    assert after.get_property("num_spikes")[2] == len(both) and after.get_property("firing_rate")[2] == len(both) / 10
    assert after.get_property("curation_units")[2] == "2, 3"


def test_versions_undo_and_pages(results, run_cli, tmp_path):
    first = snapshot(results / "curated" / NAME)
    path = write(tmp_path, {"labelsByUnit": {"1": ["noise"]}, "mergeGroups": [["2", "3"]]})
    assert run_cli("apply-curation", results, path, "--recording", NAME, "--by", "ana").status == 0
    about = json.loads((results / "curated" / NAME / "version.json").read_text())
    assert (about["version"], about["by"], about["based_on"], about["source"]) == (2, "ana", 1, "mine.json")
    assert "unit 1: quality good -> noise" in about["changes"] and "merge: units 2 + 3" in about["changes"]
    again = run_cli("apply-curation", results, path, "--recording", NAME)
    assert "nothing to change" in again.stdout and not (results / "curated" / ".versions" / NAME / "3").exists()
    listing = run_cli("apply-curation", results, "--list").stdout
    assert "*2" in listing and "ana: apply-curation (mine.json" in listing
    # only this recording's page changed, and index.html counts the units there are now
    page = json.loads((results / "visualization" / NAME / "curation" / "curation.json").read_text())
    assert page["merges"] == [{"unit_ids": [2, 3], "new_unit_id": None}] and page["simsort"]["version"] == 2
    assert '"merged"' not in (results / "visualization" / SECOND / "curation" / "data.json").read_text()
    index = (results / "index.html").read_text()
    assert "version 2 by ana" in index
    assert json.loads((results / "status.json").read_text())["verdicts"][NAME]["n_units"] == 5
    with (results / "curated" / NAME / "units.csv").open() as file:
        assert [row["unit_id"] for row in csv.DictReader(file)] == ["0", "1", "2", "4", "10"]

    assert run_cli("apply-curation", results, "--undo", "--recording", NAME).status == 0
    kept = snapshot(results / "curated" / NAME)
    assert {k: v for k, v in kept.items() if k != "version.json"} == first
    assert json.loads((results / "status.json").read_text())["verdicts"][NAME]["n_units"] == 6
    assert run_cli("apply-curation", results, "--version", "2", "--recording", NAME).status == 0
    assert len(curated(results).unit_ids) == 5
    missing = run_cli("apply-curation", results, "--version", "9", "--recording", NAME)
    assert missing.status == 2 and "no version 9" in missing.stderr


def test_splits_and_removals_of_format_2(results, run_cli, tmp_path):
    before = curated(results)
    train = before.get_unit_spike_train(4)
    content = {"format_version": "2", "unit_ids": [0, 1, 2, 3, 4, 10], "removed": [10],
               "splits": [{"unit_id": 4, "mode": "indices", "indices": [list(range(0, len(train), 2))]}]}
    outcome = run_cli("apply-curation", results, write(tmp_path, content), "--recording", NAME)
    assert outcome.status == 0, outcome.stderr
    after = curated(results)
    assert 10 not in after.unit_ids and 4 not in after.unit_ids and len(after.unit_ids) == 6
    parts = [after.get_unit_spike_train(u) for u in after.unit_ids[4:]]
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), train)
    assert np.isfinite(after.get_property("snr")[4:]).all() and after.get_property("default_qc_label")[4] in ("pass", "fail")
    assert after.get_property("curation_units").tolist()[4:] == ["4", "4"]


@pytest.mark.parametrize("name, parts", [(NAME, [11, 12]), (SECOND, ["4-1", "4-2"])])
def test_a_unit_split_by_a_line_on_the_page(results, run_cli, tmp_path, name, parts):
    """The first four seconds go into the first part, which is noise; the export applied again changes nothing."""
    page = json.loads((results / "visualization" / name / "curation" / "curation.json").read_text())
    unit = page["unit_ids"][4]
    corners = [[-1, -1e6], [4, -1e6], [4, 1e6], [-1, 1e6]]
    page["simsort"]["cuts"] = [{"unit_id": unit, "polygon": corners, "labels": [{"quality": ["noise"]}, {}]}]
    before = curated(results, name)
    assert run_cli("apply-curation", results, write(tmp_path, page)).status == 0
    after = curated(results, name)
    train = before.get_unit_spike_train(unit)
    early = train < 4 * before.sampling_frequency
    np.testing.assert_array_equal(after.get_unit_spike_train(parts[0]), train[early])
    np.testing.assert_array_equal(after.get_unit_spike_train(parts[1]), train[~early])
    labels = dict(zip(after.unit_ids.tolist(), after.get_property("quality")))
    assert labels[parts[0]] == "noise" and labels[parts[1]] == dict(zip(before.unit_ids.tolist(), before.get_property("quality")))[unit]
    written = json.loads((results / "curated" / name / "curation.json").read_text())
    assert [len(part) for part in written["splits"][0]["indices"]] == [early.sum(), (~early).sum()]
    again = written | {"splits": []}  # as the page exports what it opened
    assert "nothing to change" in run_cli("apply-curation", results, write(tmp_path, again)).stdout
    again["simsort"]["cuts"][0]["labels"][1] = {"quality": ["MUA"]}
    assert run_cli("apply-curation", results, write(tmp_path, again)).status == 0
    assert curated(results, name).get_property("quality")[-1] == "MUA"
    assert run_cli("apply-curation", results, "--version", "1", "--recording", name).status == 0
    assert curated(results, name).unit_ids.tolist() == before.unit_ids.tolist()


def test_metrics_of_new_units_are_those_of_an_analyzer_made_anew(results, run_cli, tmp_path):
    """Merged and split units have every metric, principal components among them; unchanged ones keep theirs."""
    import spikeinterface.full as si

    half = list(range(0, len(curated(results).get_unit_spike_train(4)), 2))
    content = {"format_version": "2", "unit_ids": [0, 1, 2, 3, 4, 10], "merges": [{"unit_ids": [2, 3]}],
               "splits": [{"unit_id": 4, "mode": "indices", "indices": [half]}]}
    assert run_cli("apply-curation", results, write(tmp_path, content), "--recording", NAME).status == 0
    after = curated(results)
    recording, _ = ground_truth([0, 1, 2, 3, 4, 10])
    fresh = si.create_sorting_analyzer(si.NumpySorting.from_sorting(after), recording)
    fresh.compute(["random_spikes", "noise_levels", "waveforms", "templates", "spike_amplitudes"])
    fresh.compute("principal_components", n_components=3)
    fresh.compute("quality_metrics", metric_names=["snr", "isi_violation", "firing_rate", "synchrony", "d_prime"])
    wanted = fresh.get_extension("quality_metrics").get_data()
    for unit in (2, 11, 12):
        at = after.unit_ids.tolist().index(unit)
        for key in ("isi_violations_ratio", "firing_rate", "sync_spike_2"):
            assert after.get_property(key)[at] == pytest.approx(wanted[key][unit]), (unit, key)
        for key in ("snr", "d_prime"):  # of other spikes, drawn at random
            assert after.get_property(key)[at] == pytest.approx(wanted[key][unit], rel=0.25), (unit, key)


def test_automatic_labels_follow_the_units(results, run_cli, tmp_path):
    before = curated(results)
    assert set(before.get_property("model_label")) <= {"noise", "MUA", "SUA"}
    assert ((before.get_property("model_probability") > 1 / 3) & (before.get_property("model_probability") <= 1)).all()
    path = write(tmp_path, {"mergeGroups": [["2", "3"]]})
    assert run_cli("apply-curation", results, path, "--recording", NAME).status == 0
    after = curated(results)
    assert after.get_property("model_label")[2] in ("noise", "MUA", "SUA")
    assert np.isfinite(after.get_property("model_probability")[2])
    for unit in (0, 1, 4, 10):
        assert after.get_unit_property(unit, "model_probability") == before.get_unit_property(unit, "model_probability")
    said = json.loads((results / "curated" / NAME / "suggestions.json").read_text())
    assert [one["name"] for one in said["labels"]] == ["model", "bombcell"]
    assert said["labels"][0]["unit_ids"] == [0, 1, 2, 4, 10]
    assert not any({2, 3} & set(merge["unit_ids"]) for merge in said["merges"])


def test_phy_has_the_merged_units(results, run_cli, tmp_path):
    import spikeinterface as si

    from simsort.postprocessing.stored_analyzer import store_recording_reference

    path = write(tmp_path, {"mergeGroups": [["2", "3"]], "labelsByUnit": {"2": ["MUA"]}})
    assert run_cli("apply-curation", results, path, "--recording", NAME).status == 0
    raw = tmp_path / "raw"
    recording, _ = ground_truth([0, 1, 2, 3, 4, 10])
    recording.save(folder=raw, verbose=False, progress_bar=False)
    si.load(raw).dump_to_json(tmp_path / "raw.json", relative_to=tmp_path)
    store_recording_reference(results / "postprocessed" / f"{NAME}.zarr", json.loads((tmp_path / "raw.json").read_text()))
    outcome = run_cli("export", results, "--to", "phy", "--data", tmp_path, "--recording", NAME, "--out", tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    folder, after = tmp_path / "out" / NAME, curated(results)
    times, clusters = (np.load(folder / f"spike_{name}.npy").ravel() for name in ("times", "clusters"))
    assert len(np.unique(clusters)) == 5
    np.testing.assert_array_equal(times[clusters == 2], after.get_unit_spike_train(2))
    with (folder / "cluster_quality.tsv").open() as file:
        assert list(csv.DictReader(file, delimiter="\t"))[2]["quality"].startswith("MUA")


REFUSED = {
    "unknown unit": ({"labelsByUnit": {"99": ["good"]}}, ["--recording", NAME], "unit '99'"),
    "truncated": ('{"labelsByUnit": {"0": ["go', ["--recording", NAME], "no valid JSON"),
    "conflicting merges": ({"mergeGroups": [["0", "1"], ["1", "2"]]}, ["--recording", NAME], "again merged"),
    "no recording named": ({"mergeGroups": [["0", "1"]]}, [], "add --recording"),
    "other recording": ({"format_version": "2", "simsort": {"recording": "elsewhere"}}, [], "'elsewhere'"),
    "other sorting": ({"format_version": "2", "simsort": {"recording": NAME, "sorting": "0" * 64}}, [],
                      "another sorting"),
    "older version": ({"format_version": "2", "simsort": {"recording": NAME, "version": 4}}, [],
                      "from version 4, but version 1"),
    "bad split": ({"format_version": "2", "splits": [{"unit_id": 0, "mode": "indices", "indices": [[10**9]]}]},
                  ["--recording", NAME], "unit 0 cannot be split"),
    "line without inside": ({"format_version": "2", "simsort": {"cuts": [{"unit_id": 0, "polygon": [[0, 0], [1, 1]]}]}},
                            ["--recording", NAME], "a line that encloses nothing"),
    "line around nothing": ({"format_version": "2", "simsort": {"cuts": [
        {"unit_id": 0, "polygon": [[0, 1e6], [1, 1e6], [1, 2e6]]}]}}, ["--recording", NAME], "has none of them inside"),
    "split and merged": ({"format_version": "2", "merges": [{"unit_ids": [0, 1]}], "simsort": {"cuts": [
        {"unit_id": 0, "polygon": [[0, 0], [1, 1], [1, 0]]}]}}, ["--recording", NAME], "wants unit 0 merged and split"),
    "bad new id": ({"format_version": "2", "merges": [{"unit_ids": [0, 1], "new_unit_id": "both"}]},
                   ["--recording", NAME],
                   "called 'both'"),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_what_does_not_fit_changes_nothing(finished_results, run_cli, tmp_path, case):
    content, options, said = REFUSED[case]
    before = snapshot(finished_results)
    outcome = run_cli("apply-curation", finished_results, write(tmp_path, content), *options)
    assert outcome.status == 2 and said in outcome.stderr and outcome.stderr.count("\n") == 1
    assert snapshot(finished_results) == before and not (finished_results / "curated" / ".versions").exists()


def test_two_curations_in_conflict(results, run_cli, tmp_path):
    page = json.loads((results / "visualization" / NAME / "curation" / "curation.json").read_text())
    for name, label in (("ana", "noise"), ("ben", "MUA")):
        mine = json.loads(json.dumps(page))
        mine["manual_labels"][0]["labels"]["quality"] = [label]
        (tmp_path / f"{name}.json").write_text(json.dumps(mine))
    assert run_cli("apply-curation", results, tmp_path / "ana.json", "--by", "ana").status == 0
    refused = run_cli("apply-curation", results, tmp_path / "ben.json", "--by", "ben")
    assert refused.status == 2 and "from version 1, but version 2 by ana" in refused.stderr
    assert curated(results).get_property("quality")[0] == "noise"
    assert run_cli("apply-curation", results, tmp_path / "ben.json", "--by", "ben", "--replace").status == 0
    assert curated(results).get_property("quality")[0] == "MUA"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(results, run_cli, tmp_path):
    path = write(tmp_path, {"labelsByUnit": {"1": ["noise"]}})
    folder = results / "curated"
    folder.chmod(0o500)
    try:
        outcome = run_cli("apply-curation", results, path, "--recording", NAME)
    finally:
        folder.chmod(0o700)
    assert outcome.status == 2 and "cannot be written" in outcome.stderr


@pytest.mark.parametrize("folder, said", [("nowhere", "does not exist"), (".", "holds no curation page")])
def test_no_results_folder(run_cli, tmp_path, folder, said):
    outcome = run_cli("apply-curation", tmp_path / folder, write(tmp_path, {}))
    assert outcome.status == 2 and said in outcome.stderr


def rewrite_page(results, source, name=NAME):
    """What the pipeline does when it runs again: the page's folder is written anew."""
    shutil.rmtree(results / "visualization" / name)
    shutil.copytree(source, results / "visualization" / name)


def test_the_pipeline_again_keeps_the_curation(results, finished_results, run_cli, tmp_path):
    path = write(tmp_path, {"labelsByUnit": {"1": ["noise"]}})
    assert run_cli("apply-curation", results, path, "--recording", NAME).status == 0
    applied = (results / "visualization" / NAME / "curate.html").read_text()
    rewrite_page(results, finished_results / "visualization" / NAME)
    for name in ("nextflow/records.json", "index.html", "status.json"):  # the run writes these anew, of its own labels
        shutil.copy(finished_results / name, results / name)
    said = run_cli("report", results)
    assert said.status == 0 and f"curated/{NAME}: version 2 by" in said.stdout
    page = json.loads((results / "visualization" / NAME / "curation" / "curation.json").read_text())
    assert page["simsort"]["version"] == 2
    embedded = [re.search(r'id="curation-json">([^<]*)<', text)[1]
                for text in (applied, (results / "visualization" / NAME / "curate.html").read_text())]
    assert embedded[0] == embedded[1]
    assert "version 2 by" in (results / "index.html").read_text()


def test_another_sorting_starts_over(results, run_cli, tmp_path):
    path = write(tmp_path, {"labelsByUnit": {"1": ["noise"]}})
    assert run_cli("apply-curation", results, path, "--recording", NAME).status == 0
    shutil.copytree(results / "curated" / SECOND, results / "curated" / ".versions" / NAME / "automatic")
    rewrite_page(results, results / "visualization" / SECOND)
    assert "curation of an earlier sorting, kept" in run_cli("report", results).stdout
    refused = run_cli("apply-curation", results, path, "--recording", NAME)
    assert refused.status == 2 and "--start-over" in refused.stderr
    assert curated(results).get_property("quality")[1] == "noise"
    assert run_cli("apply-curation", results, "--start-over", "--recording", NAME).status == 0
    earlier = results / "curated" / ".versions" / ".earlier" / NAME / "1" / "2" / "version.json"
    assert curated(results).unit_ids[0] == "0" and json.loads(earlier.read_text())["version"] == 2
    assert run_cli("apply-curation", results, path, "--recording", NAME).status == 0
