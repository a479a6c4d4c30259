"""Curation on planted ground truth: verdicts, properties, files; without units, without postprocessing."""

import csv
import dataclasses
import json

import numpy as np
import pytest

from simsort.config.stages import Curation
from simsort.records import Record, read_record

PLANTED_RULE = "isi_violations_ratio < 0.5 and presence_ratio > 0.8 and drift_ptp < 20"


@pytest.fixture(scope="module")
def curated(planted, tmp_path_factory):
    """(curated folder, record) of the planted recording."""
    from simsort.curation.curate import curate

    folders, postprocessed, _ = planted
    out = tmp_path_factory.mktemp("curated")
    settings = dataclasses.asdict(Curation(rule=PLANTED_RULE, cell_types=True))
    record = curate(folders.sorted, postprocessed, settings, out)
    record.write(out)
    return out, record


@pytest.mark.slow
def test_planted_units_get_their_verdicts(curated):
    _, record = curated
    units = {unit["unit_id"]: unit for unit in record.outputs["units"]}
    assert record.outputs["default_qc"] == {"pass": 1, "fail": 2, "unknown": 0}
    assert {unit_id: unit["default_qc"] for unit_id, unit in units.items()} == {
        "clean": True, "bursting": False, "half": False}
    assert [reason.split()[0] for reason in units["bursting"]["reasons"]] == ["isi_violations_ratio"]
    assert units["half"]["reasons"] == ["presence_ratio 0.5, not > 0.8"]
    assert all(unit["unknown"] == ["drift_ptp"] for unit in units.values())
    for unit in units.values():
        assert unit["num_spikes"] > 500 and unit["snr"] > 3 and unit["amplitude"] < 0
        assert np.isfinite([unit["x_um"], unit["depth_um"], unit["firing_rate"]]).all()
    json.dumps(record.outputs, allow_nan=False)


@pytest.mark.slow
def test_kinds_of_cells_reach_the_sorting_the_table_and_the_record(curated):
    import spikeinterface.full as si

    out, record = curated
    kinds = si.load(out / "sorting").get_property("cell_type").tolist()
    assert set(kinds) <= {"excitatory", "PV", "SST", "VIP", "NGC", "unsure"} and len(kinds) == 3
    with open(out / "sorting" / "units.csv") as file:
        assert [row["cell_type"] for row in csv.DictReader(file)] == kinds
    assert [unit["cell_type"] for unit in record.outputs["units"]] == kinds
    assert sum(record.outputs["cell_types"].values()) == 3


@pytest.mark.slow
def test_all_units_are_kept_with_labels_as_properties(curated, planted):
    import spikeinterface.full as si

    out, _ = curated
    sorting = si.load(out / "sorting")
    analyzer = si.load_sorting_analyzer(planted[1] / "analyzer.zarr", load_extensions=False)
    assert sorting.unit_ids.tolist() == ["clean", "bursting", "half"]
    assert sorting.get_property("default_qc").tolist() == [True, False, False]
    assert sorting.get_property("default_qc").dtype == bool
    assert sorting.get_property("default_qc_label").tolist() == ["pass", "fail", "fail"]
    assert sorting.get_property("default_qc_unknown").tolist() == ["drift_ptp"] * 3
    assert sorting.get_property("default_qc_reasons")[0] == ""
    for name in ("quality_metrics", "template_metrics"):
        table = analyzer.get_extension(name).get_data()
        for column in table:
            np.testing.assert_array_equal(sorting.get_property(column), table[column].to_numpy(dtype="float64"))
    for unit_id in sorting.unit_ids:
        np.testing.assert_array_equal(sorting.get_unit_spike_train(unit_id), analyzer.sorting.get_unit_spike_train(unit_id))


@pytest.mark.slow
def test_curation_json_can_be_applied(curated):
    import spikeinterface.full as si
    from spikeinterface.curation import apply_curation, load_curation

    sorting = si.load(curated[0] / "sorting")
    applied = apply_curation(sorting, load_curation(curated[0] / "sorting" / "curation.json"))
    assert applied.get_property("default_qc_label").tolist() == ["pass", "fail", "fail"]
    assert applied.get_property("default_qc").tolist() == [True, False, False]


@pytest.mark.slow
def test_units_csv_has_everything(curated):
    with (curated[0] / "sorting" / "units.csv").open(newline="") as file:
        rows = {row["unit_id"]: row for row in csv.DictReader(file)}
    assert rows["half"]["default_qc"] == "False" and rows["half"]["reasons"] == "presence_ratio 0.5, not > 0.8"
    assert rows["half"]["unknown"] == "drift_ptp" and rows["half"]["drift_ptp"] == ""
    assert float(rows["half"]["presence_ratio"]) == 0.5 and rows["clean"]["isi_violations_count"] == "0"
    assert {"exp_decay", "silhouette", "depth_um"} <= set(rows["clean"])


@pytest.mark.slow
def test_the_same_input_gives_the_same_bytes(planted, curated, run_cli, tmp_path):
    """And the command line does what the function does."""
    folders, postprocessed, _ = planted
    outcome = run_cli("curate", "--sorted", folders.sorted, "--postprocessed", postprocessed, "--rule", PLANTED_RULE,
                      "--cell-types", "--out", tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    first = {p.name: p.read_bytes() for p in (curated[0] / "sorting").rglob("*") if p.is_file()}
    second = {p.name: p.read_bytes() for p in (tmp_path / "out" / "sorting").rglob("*") if p.is_file()}
    assert first == second
    assert read_record(tmp_path / "out")["outputs"] == curated[1].outputs
    for content in first.values():  # stands alone: no reference to the stages' work folders
        assert str(folders.raw.parent).encode() not in content


def write_sorted(root, trains, state="done", reason=""):
    import spikeinterface.full as si

    if state == "done":
        si.NumpySorting.from_unit_dict([trains], 30_000.0).save(folder=root / "sorting")
    Record(stage="sort", recording_name="r", session_name="s", state=state, reason=reason).write(root)
    return root


@pytest.mark.parametrize("postprocessed", [False, True])
def test_zero_units(run_cli, tmp_path, postprocessed):
    import spikeinterface.full as si

    sorted_folder = write_sorted(tmp_path / "sorted", {})
    more = []
    if postprocessed:
        Record(stage="postprocess", recording_name="r", session_name="s", state="skipped",
               reason="the sorter found no units").write(tmp_path / "post")
        more = ["--postprocessed", tmp_path / "post"]
    outcome = run_cli("curate", "--sorted", sorted_folder, *more, "--out", tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    record = read_record(tmp_path / "out")
    assert record["state"] == "done" and record["warnings"] == []
    assert (record["outputs"]["n_units"], record["outputs"]["units"]) == (0, [])
    assert si.load(tmp_path / "out" / "sorting").get_num_units() == 0
    assert json.loads((tmp_path / "out" / "sorting" / "curation.json").read_text())["unit_ids"] == []
    assert (tmp_path / "out" / "sorting" / "units.csv").read_text().startswith("unit_id,default_qc,")


def test_without_postprocessing_units_are_unknown_not_failed(run_cli, tmp_path):
    import spikeinterface.full as si

    sorted_folder = write_sorted(tmp_path / "sorted", {4: np.arange(0, 9000, 300), 7: np.array([50])})
    outcome = run_cli("curate", "--sorted", sorted_folder, "--out", tmp_path / "out")
    assert outcome.status == 0, outcome.stderr
    record = read_record(tmp_path / "out")
    assert record["warnings"] == ["units are not judged: no postprocessing"]
    assert record["outputs"]["default_qc"] == {"pass": 0, "fail": 0, "unknown": 2}
    assert [(u["unit_id"], u["default_qc"], u["num_spikes"]) for u in record["outputs"]["units"]] == [
        (4, None, 30), (7, None, 1)]
    sorting = si.load(tmp_path / "out" / "sorting")
    assert sorting.get_property("default_qc_label").tolist() == ["unknown", "unknown"]
    assert sorting.unit_ids.tolist() == [4, 7]


def test_a_skipped_sorting_is_skipped(run_cli, tmp_path):
    sorted_folder = write_sorted(tmp_path / "sorted", {}, "skipped", "2 s, too short")
    assert run_cli("curate", "--sorted", sorted_folder, "--out", tmp_path / "out").status == 0
    assert read_record(tmp_path / "out")["reason"] == "2 s, too short"


@pytest.mark.parametrize("rule, message", [("snrr > 5", "unknown metric 'snrr'"), ("snr > ", "at its end")])
def test_a_bad_rule_is_a_users_mistake(run_cli, tmp_path, rule, message):
    sorted_folder = write_sorted(tmp_path / "sorted", {})
    outcome = run_cli("curate", "--sorted", sorted_folder, "--rule", rule, "--out", tmp_path / "out")
    assert outcome.status == 2 and message in outcome.stderr and len(outcome.stderr.splitlines()) == 1
    assert not (tmp_path / "out" / "record.json").exists()


def test_sorters_own_property_of_the_same_name_gives_way(tmp_path):
    import pandas as pd
    import spikeinterface.full as si

    from simsort.curation.labels import Verdict
    from simsort.curation.unit_table import set_properties

    sorting = si.NumpySorting.from_unit_dict([{0: np.array([5])}], 30_000.0)
    sorting.set_property("snr", ["high"])
    set_properties(sorting, pd.DataFrame({"snr": [4.5]}, index=[0]), [Verdict("pass")])
    assert sorting.get_property("snr").tolist() == [4.5]
