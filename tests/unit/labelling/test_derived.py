"""Bounds of contamination hold the truth as often as they say and close in with the spikes; odd amplitudes."""

import numpy as np
import pandas as pd
import pytest

from simsort.labelling.derived import REFRACTORY_S, with_derived

DURATION_S = 600.0


def unit_of(share, rate_hz, rng):
    """Draw the metrics of a unit of which a share of spikes come from many other neurons."""
    own = np.cumsum(rng.exponential(1 / (rate_hz * (1 - share)), int(2 * rate_hz * DURATION_S)) + REFRACTORY_S)
    foreign = rng.uniform(0, DURATION_S, rng.poisson(share * rate_hz * DURATION_S))
    times = np.sort(np.concatenate([own[own < DURATION_S], foreign]))
    return {"num_spikes": len(times), "firing_rate": len(times) / DURATION_S,
            "isi_violations_count": int((np.diff(times) < REFRACTORY_S).sum())}


@pytest.mark.parametrize("share", [0.05, 0.2, 0.4])
def test_the_bounds_hold_the_truth(share):
    rng = np.random.default_rng(0)
    table = with_derived(pd.DataFrame([unit_of(share, 8.0, rng) for _ in range(200)]))
    low, high = table["contamination_at_least"], table["contamination_at_most"]
    assert (low <= high).all()
    assert 0.84 <= (low <= share).mean() <= 0.97 and 0.84 <= (high >= share).mean() <= 0.97


def test_more_spikes_say_more():
    few, many = (with_derived(pd.DataFrame([{"num_spikes": n, "firing_rate": 5.0, "isi_violations_count": 0}])).iloc[0]
                 for n in (300, 30_000))
    assert few["contamination_at_least"] == many["contamination_at_least"] == 0
    assert few["contamination_at_most"] == 1 and many["contamination_at_most"] < 0.01


def test_what_cannot_be_known_is_unknown():
    rows = [{"num_spikes": n, "firing_rate": rate, "isi_violations_count": count}
            for n, rate, count in ((0, 0.0, 0), (20, 1.0, 1), (500, 5.0, np.nan), (np.nan, 5.0, 2))]
    table = with_derived(pd.DataFrame(rows))
    assert table[["contamination_at_least", "contamination_at_most"]].isna().all(axis=None)
    many = pd.DataFrame({"sd_ratio": [2.0, 2.0, 1.0, 0.5, np.nan, 2.0], "snr": [30.0, 3.0, 3.0, 3.0, 3.0, 0.0]})
    excess = with_derived(many)["amplitude_excess"].to_numpy()
    np.testing.assert_allclose(excess, [3**0.5 / 30, 3**0.5 / 3, 0.0, -(0.75**0.5) / 3, np.nan, np.nan])
    assert with_derived(pd.DataFrame({"snr": [3.0]})).columns.tolist() == ["snr"]
