"""What CEED's distances are worth for joining units: the fit, and which recordings it may be made on."""

import numpy as np
import pytest

from simsort.benchmarks.sorters import figures, joining, main, runs
from simsort.errors import UserError


def test_the_fit_adds_to_what_is_known_already():
    rng = np.random.default_rng(0)
    far, rest = rng.uniform(0, 6, 4000), rng.normal(-2, 2, 4000)
    same = rng.random(4000) < 1 / (1 + np.exp(-(4.0 - 2.0 * far + rest)))
    found = joining.fit(np.stack([far, rest, same], axis=1))
    assert found["at_one_place"] == pytest.approx(4.0, abs=0.4)
    assert found["per_distance"] == pytest.approx(-2.0, abs=0.2)


def test_too_few_pairs_of_one_neuron_are_refused():
    with pytest.raises(UserError, match="only 2 of 40 pairs"):
        joining.fit(np.stack([np.ones(40), np.zeros(40), np.arange(40) < 2], axis=1))


def test_a_unit_belongs_to_the_neuron_of_most_of_its_spikes():
    true = [np.array([1.0, 2.0, 3.0, 4.0]), np.array([5.0, 6.0])]
    trains = [np.array([1.0001, 2.0, 2.9999]), np.array([5.0, 6.0, 7.0]), np.array([1.0, 8.0, 9.0]), np.zeros(0)]
    assert joining.owners(trains, true).tolist() == [0, 1, -1, -1]


@pytest.mark.parametrize("name, message", [("mearec-32_static_seed1", "on which sorters are compared"),
                                           ("mearec-32", "give names such as emouse-hybrid_drift_seed100")])
def test_recordings_of_the_tables_are_refused(name, message):
    with pytest.raises(UserError, match=message):
        joining.parsed(name)
    assert {joining.parsed(one)[2] for one in joining.RECORDINGS}.isdisjoint((0, 1, 2))


def test_variants_of_ours_run_only_when_asked_for_and_are_no_peers(tmp_path):
    assert not set(runs.VARIANTS) & set(main.sorters_of(main.Settings(out=tmp_path)))
    assert main.sorters_of(main.Settings(out=tmp_path, sorters=("simsort-ceed",))) == ("simsort-ceed",)
    assert main.variants("simsort-ceed") == (False,)
    keys = {runs.key_of(runs.Run(sorter=name, motion=False, recording=tmp_path), "abc")
            for name in ("simsort", *runs.VARIANTS)}
    assert len(keys) == 4
    with pytest.raises(UserError, match="simsort-paper was given no weights: give --model"):
        main.sorters_of(main.Settings(out=tmp_path, sorters=("simsort-paper",)))
    given = main.Settings(out=tmp_path, sorters=("simsort-paper", "simsort"), model=tmp_path / "paper")
    assert main.sorters_of(given) == given.sorters and given.model_of("simsort") is None
    run = runs.Run(sorter="simsort-paper", motion=False, recording=tmp_path, model=given.model_of("simsort-paper"))
    assert run.params == {"model": str(tmp_path / "paper")}
    rows = [{"sorter": name, "accuracy": 0.9, "n_tried": 3} for name in ("simsort-ceed", "simsort", "lupin")]
    assert [row["sorter"] for row in figures.peers_of(rows)] == ["lupin"]


def test_a_variant_hands_its_parameters_to_the_sorter(tmp_path, monkeypatch):
    from simsort.benchmarks.sorters import run_one
    from simsort.sorting import sort

    given = []

    def fake(recording, name, options, folder, jobs):
        given.append((name, options["sorter_params"]))
        return sort.Sorted({"n_units": 0}, {}, [])
    monkeypatch.setattr(sort, "sort_recording", fake)
    monkeypatch.setattr("spikeinterface.load", lambda folder: "recording")
    monkeypatch.setattr(run_one, "part_of", lambda recording, settings: recording)
    settings = {"sorter": "simsort", "motion": False, "seed": 0, "n_jobs": 1, "recording": ".", "folder": str(tmp_path)}
    run_one.main(settings | {"params": runs.VARIANTS["simsort-ceed"]})
    run_one.main(settings)
    assert given == [("simsort", {"encoder": "ceed"}), ("simsort", {})]
