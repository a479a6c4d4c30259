"""The shipped head on an analyzer's units, and the stages that show it."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("spikeinterface")


@pytest.fixture(scope="module")
def analyzer():
    """An analyzer of four units, one of them with hardly any spikes, at 24 kHz."""
    import spikeinterface as si
    from spikeinterface import NumpySorting
    from spikeinterface.core import generate_ground_truth_recording

    recording, sorting = generate_ground_truth_recording(
        durations=[30.0], sampling_frequency=24000.0, num_channels=12, num_units=4, seed=5,
        generate_sorting_kwargs=dict(firing_rates=6.0, refractory_period_ms=4.0))
    trains = {unit: sorting.get_unit_spike_train(unit) for unit in sorting.unit_ids}
    trains[sorting.unit_ids[0]] = trains[sorting.unit_ids[0]][:12]
    analyzer = si.create_sorting_analyzer(NumpySorting.from_unit_dict(trains, 24000.0), recording, sparse=True)
    analyzer.compute(["random_spikes", "templates"])
    return analyzer


def test_every_unit_gets_a_kind_or_unsure(analyzer):
    from simsort.celltypes.apply import cell_types
    from simsort.celltypes.head import load_head

    head = load_head()
    head = replace(head, note=head.note | {"usual": np.inf})  # these units are of no simulated cell
    table = cell_types(analyzer, head)
    assert list(table.index) == list(analyzer.unit_ids) and set(table["cell_type"]) <= {*head.classes, "unsure"}
    assert table["cell_type"].iloc[0] == "unsure" and np.isnan(table["cell_type_probability"].iloc[0]), "too few spikes"
    told = table.dropna()
    assert len(told) == 3
    assert np.allclose(told[[f"p_{name}" for name in head.classes]].sum(axis=1), 1, atol=1e-5)
    assert np.allclose(told["cell_type_probability"], told[[f"p_{name}" for name in head.classes]].max(axis=1))


def test_where_most_units_are_unlike_all_learnt_none_gets_a_kind(analyzer, caplog):
    from simsort.celltypes.apply import cell_types
    from simsort.celltypes.head import load_head

    head = load_head()
    table = cell_types(analyzer, replace(head, note=head.note | {"usual": 0.0}))
    assert set(table["cell_type"]) == {"unsure"} and table.drop(columns="cell_type").isna().all(axis=None)
    assert "most units are unlike" in caplog.text


def test_the_shipped_head_is_what_its_card_says():
    from simsort.celltypes.head import FOLDER, load_head

    head = load_head()
    assert head.classes == ["excitatory", "PV", "SST", "VIP", "NGC"]
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 1_000_000
    scores = head.note["scores"]["morphologies never seen"]
    assert scores["balanced_accuracy_three"] > 0.85 and scores["calibration_error"] < 0.05
    assert scores["unsure"] < 0.15, "recordings of cells like those learnt are familiar"
    assert head.note["scores"]["a source of cells never seen"]["unsure"] > 0.99, "what it cannot judge it does not judge"
    assert "simulated neocortical cells" in (FOLDER / "MODEL_CARD.md").read_text()


def test_a_typical_spike_of_a_fast_spiking_cell_is_told_from_a_pyramidal_one():
    """Spikes by formula, as narrow and fast, and as broad and rare, as textbooks have them."""
    from simsort.celltypes.features import unit_features
    from simsort.celltypes.head import load_head

    head, rng = load_head(), np.random.default_rng(0)
    contacts_um = np.stack([np.zeros(9), 20.0 * np.arange(9)], axis=1)
    time_ms = np.arange(-2, 3, 1 / 30)
    found = {}
    for name, width_ms, peak_ms, peak, rate_hz in (("PV", 0.09, 0.32, 0.35, 25.0), ("excitatory", 0.17, 0.75, 0.3, 1.0)):
        shape = (-np.exp(-(time_ms / width_ms) ** 2) + peak * np.exp(-((time_ms - peak_ms) / (0.7 * peak_ms)) ** 2))
        waveform = 120 * np.exp(-np.abs(contacts_um[:, 1:] - 80) / 30) * shape
        intervals_ms = 2 + rng.gamma(1.5, (1000 / rate_hz - 2) / 1.5, 400)
        every = head.probabilities(unit_features(waveform, contacts_um, 30000.0, intervals_ms, rate_hz)[None])[0]
        found[name] = dict(zip(head.classes, every))
    assert found["PV"]["PV"] > found["excitatory"]["PV"] and found["PV"]["excitatory"] < found["excitatory"]["excitatory"]


def test_kinds_reach_the_unit_table_the_properties_and_the_page(analyzer, tmp_path):
    import json

    import pandas as pd
    from spikeinterface import NumpySorting

    from simsort.celltypes.apply import COLUMNS, cell_types
    from simsort.curation.labels import Verdict
    from simsort.curation.unit_table import brief_units, set_properties, write_units_csv
    from simsort.visualization.unit_data import read_cell_types

    kinds = cell_types(analyzer)[list(COLUMNS)]
    table = pd.DataFrame({"num_spikes": [12, 1, 1, 1]}, index=analyzer.unit_ids)
    verdicts = [Verdict(label="unknown", reasons=(), unknown=())] * 4
    sorting = NumpySorting.from_sorting(analyzer.sorting)
    set_properties(sorting, table, verdicts, kinds)
    assert sorting.get_property("cell_type").tolist() == kinds["cell_type"].tolist()
    assert sorting.get_property("cell_type_probability").dtype.kind == "f"
    write_units_csv(tmp_path / "units.csv", table, verdicts, kinds)
    assert pd.read_csv(tmp_path / "units.csv")["cell_type"].tolist() == kinds["cell_type"].tolist()
    record = {"outputs": {"units": brief_units(table, verdicts, kinds)}}
    (tmp_path / "record.json").write_text(json.dumps(record))
    read = read_cell_types(tmp_path, analyzer.unit_ids)
    assert [kind for kind, _ in read] == kinds["cell_type"].tolist() and read[0][1] is None
    assert read_cell_types(tmp_path / "nowhere", analyzer.unit_ids) is None


def test_the_curation_page_has_a_column_of_kinds(analyzer, tmp_path):
    from browser import open_in_chromium

    from simsort.records import Record
    from simsort.viewing.recording_page import make_page

    analyzer.save_as(folder=tmp_path / "post" / "analyzer.zarr", format="zarr")
    kinds = ["unsure", "PV", "excitatory", "PV"]
    record = Record(stage="curate", recording_name="r", session_name="s", parameters={"rule": "snr > 1"})
    record.outputs["units"] = [{"unit_id": str(unit), "default_qc": True, "label": "pass", "cell_type": kind,
                                "cell_type_probability": None if kind == "unsure" else 0.87}
                               for unit, kind in zip(analyzer.unit_ids, kinds)]
    (tmp_path / "curated").mkdir()
    record.write(tmp_path / "curated")
    make_page(tmp_path / "post", tmp_path / "curated", {"recording": "r", "session": "s"}, tmp_path / "page")
    url = (tmp_path / "page" / "curate.html").as_uri()
    with open_in_chromium(url, ready="body[data-ready=yes]") as page:
        heads = page.locator("#table th").all_inner_texts()
        column = heads.index("cell")
        shown = [row.locator("td").nth(column).inner_text() for row in page.locator("#table tbody tr").all()]
        assert sorted(shown) == ["PV 0.87", "PV 0.87", "excitatory 0.87", "unsure"]
        page.screenshot(path=str(tmp_path / "page.png"))
        page.keyboard.press("f")
        page.keyboard.type("pv")
        assert page.locator("#count").inner_text() == "2 of 4 units"
