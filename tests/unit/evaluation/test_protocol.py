"""The scoring protocol, on trains whose scores are known."""

import numpy as np
import pytest
from spikeinterface import NumpySorting

from simsort.evaluation.protocol import score_sorting, summarise

FS_HZ, MS = 30000.0, 30
RNG = np.random.default_rng(0)
# One spike about every 20 ms, none closer than 10 ms, so that a shift of 1 ms meets no other spike.
TRAINS = {unit: np.cumsum(RNG.integers(10 * MS, 30 * MS, 400)) + unit * 3 for unit in range(4)}


def sorting(trains):
    return NumpySorting.from_unit_dict([trains], FS_HZ)


def truth(snr=None):
    made = sorting(TRAINS)
    if snr is not None:
        made.set_property("snr", np.array(snr, dtype=float))
    return made


def test_the_truth_itself_scores_one():
    scores = score_sorting(truth([9, 8, 7, 6]), truth())
    assert [scores[name] for name in ("accuracy", "recall", "precision")] == [1.0, 1.0, 1.0]
    assert (scores["n_found"], scores["n_well_detected"], scores["n_units"], scores["n_false"]) == (4, 4, 4, 0)
    assert scores["false_per_found"] == 0.0


@pytest.mark.parametrize(("shift_ms", "accuracy"), [(0.3, 1.0), (-0.3, 1.0), (1.0, 0.0), (-1.0, 0.0)])
def test_shifted_trains_count_within_0_4_ms_only(shift_ms, accuracy):
    scores = score_sorting(sorting({0: TRAINS[0]}), sorting({0: TRAINS[0] + int(shift_ms * MS)}))
    assert scores["accuracy"] == accuracy
    assert scores["n_false"] == (0 if accuracy else 1)


def test_half_of_the_spikes_is_half_the_accuracy():
    [unit] = score_sorting(sorting({0: TRAINS[0]}), sorting({0: TRAINS[0][:300]}))["units"]
    assert (unit["accuracy"], unit["recall"], unit["precision"]) == pytest.approx((0.75, 0.75, 1.0))


def test_an_agreement_below_one_half_is_no_match_but_no_false_unit_either():
    scores = score_sorting(sorting({0: TRAINS[0]}), sorting({0: TRAINS[0][:150]}))
    assert scores["accuracy"] == 0.0 and scores["n_found"] == 0
    assert scores["n_false"] == 0 and scores["false_per_found"] is None
    assert scores["units"][0]["best_agreement"] == pytest.approx(0.375)


def test_two_units_merged_leave_one_of_them_unmatched():
    merged = np.sort(np.concatenate([TRAINS[0], TRAINS[1][:100]]))
    scores = score_sorting(truth(), sorting({7: merged, 2: TRAINS[2], 3: TRAINS[3]}))
    by_unit = {unit["unit_id"]: unit["accuracy"] for unit in scores["units"]}
    assert by_unit[0] == pytest.approx(0.8, abs=0.02) and by_unit[1] == 0.0
    assert scores["accuracy"] == pytest.approx((by_unit[0] + 2) / 4)


def test_a_split_unit_counts_once():
    halves = {10: TRAINS[0][::2], 11: np.sort(np.concatenate([TRAINS[0][1::2], TRAINS[0][:2:2]]))}
    scores = score_sorting(sorting({0: TRAINS[0]}), sorting(halves))
    assert scores["n_found"] == 1 and scores["accuracy"] == pytest.approx(0.5, abs=0.01)
    assert scores["n_false"] == 0


def test_only_units_with_snr_3_are_asked_for():
    found = sorting({0: TRAINS[0], 1: TRAINS[1]})
    scores = score_sorting(truth([10, 3.0, 2.9, 1]), found)
    assert scores["n_asked"] == 2 and scores["accuracy"] == 1.0
    assert score_sorting(truth(), found)["accuracy"] == 0.5


def test_units_of_the_background_are_not_false():
    noise = np.sort(RNG.choice(TRAINS[0][-1], 500, replace=False))
    found = sorting({0: TRAINS[0], 1: TRAINS[3], 2: noise})
    one = sorting({0: TRAINS[0]})
    assert score_sorting(one, found)["n_false"] == 2
    scores = score_sorting(one, found, background=sorting({"far": TRAINS[3]}))
    assert scores["n_false"] == 1 and scores["false_per_found"] == 1.0


def test_an_empty_sorting_finds_nothing():
    scores = score_sorting(truth(), sorting({}))
    assert scores["accuracy"] == 0.0 and scores["n_units"] == 0 and scores["n_false"] == 0


def test_without_units_asked_for_there_is_no_mean():
    assert summarise([], np.zeros(2))["accuracy"] is None
    assert score_sorting(truth([1, 1, 1, 1]), truth())["accuracy"] is None
