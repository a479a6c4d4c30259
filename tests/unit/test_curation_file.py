"""curation.json is SpikeInterface's format 2, and applying it changes nothing that was not asked for."""

import json

import numpy as np
import pytest


@pytest.mark.parametrize("unit_ids", [[0, 1, 12], ["0", "1", "12"], ["a=1", "Ω", "x/y"], []])
def test_curation_validates_and_applies(unit_ids, tmp_path):
    import spikeinterface.full as si
    from spikeinterface.curation import apply_curation, load_curation, validate_curation_dict

    from simsort.curation.curation_file import automatic_curation, write_curation

    labels = ["pass", "fail", "unknown"][:len(unit_ids)]
    write_curation(tmp_path / "curation.json", automatic_curation(unit_ids, labels, {"recording": "r"}))
    validate_curation_dict(json.loads((tmp_path / "curation.json").read_text()))
    curation = load_curation(tmp_path / "curation.json")
    assert curation.unit_ids == unit_ids
    if unit_ids:
        trains = {unit_id: np.arange(100, 10_000, 500) + i for i, unit_id in enumerate(unit_ids)}
        curated = apply_curation(si.NumpySorting.from_unit_dict([trains], 30_000.0), curation)
        assert curated.unit_ids.tolist() == unit_ids
        assert curated.get_property("default_qc_label").tolist() == labels
