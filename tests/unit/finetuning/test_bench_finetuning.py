"""`simsort bench finetuning`: what is run, kept and said."""

import json

import pytest

pytest.importorskip("torch")

from spikeinterface import NumpySorting  # noqa: E402

from simsort.benchmarks import finetuning  # noqa: E402
from simsort.errors import UserError  # noqa: E402
from known_spikes import known, recording_of  # noqa: E402

NAME = "mearec-tetrode_static_seed0"
MACHINE = {"n_cores": 2, "cpu": "a processor", "git_commit": None, "date": "2026-11-21"}


def kept_case(name, before, after, **note):
    scores = {"detection_f1": 0.8, "accuracy": 0.9, "ari": 0.7}
    note = {"accepted": True, "safe_units": 4, "new_networks": ["encoder"], "before": {"recording": scores},
            "after": {"recording": scores | {"ari": 0.75}}} | note
    return {"name": name, "note": note, "finetune_s": 90.0,
            "before": {"accuracy": before, "n_well_detected": 5, "n_false": None},
            "after": {"accuracy": after, "n_well_detected": 6, "n_false": None}}


def write_short_case(out):
    traces, trains = known(duration_s=12.0)
    folder = out / "cases" / NAME
    recording_of(traces).save(folder=folder / "recording")
    NumpySorting.from_unit_dict([dict(enumerate(trains))], 30000.0).save(folder=folder / "ground_truth")
    (folder / "case.json").write_text(json.dumps({"name": NAME}))


def test_where_the_weights_stay_the_sorting_does(tmp_path, monkeypatch):
    write_short_case(tmp_path)
    settings = finetuning.Settings(out=tmp_path, device="cpu", n_jobs=1)
    (tmp_path / "finetuning").mkdir()
    finetuning.measure_case("mearec-tetrode", False, 0, settings, tmp_path / "finetuning")
    [case] = finetuning.bench_finetuning(finetuning.Settings(out=tmp_path, only_tables=True))["cases"]
    assert not case["note"]["accepted"] and "shorter than 30 s" in case["note"]["reason"]
    assert case["before"] == case["after"] and case["before"]["accuracy"] > 0.9
    [block] = finetuning.blocks_of({"cases": [case], "machine": MACHINE, "command": "x"}).values()
    assert f"| {NAME} | – | none | – | – | – |" in block and "accepted on 0 of 1" in block
    monkeypatch.setattr(finetuning, "sorted_scores", lambda *_: pytest.fail("what is kept was run again"))
    finetuning.measure_case("mearec-tetrode", False, 0, settings, tmp_path / "finetuning")


def test_losses_are_said():
    cases = [kept_case("a", 0.9, 0.95), kept_case("b", 0.9, 0.85)]
    [block] = finetuning.blocks_of({"cases": cases, "machine": MACHINE, "command": "x"}).values()
    assert "less accurate on 1: b." in block and "| 0.700 → 0.750 | 0.900 → 0.950 | 5 → 6 | – | 1.5 |" in block


def test_an_unknown_family_is_refused(tmp_path):
    with pytest.raises(UserError, match="nothing-32"):
        finetuning.bench_finetuning(finetuning.Settings(out=tmp_path, families=("nothing-32",)))
