"""What follows from the metrics of a unit: how many foreign spikes its refractory violations leave possible."""

import numpy as np
import pandas as pd

REFRACTORY_S = 0.0015  # of SpikeInterface's isi_violations_count
CONFIDENCE = 0.9
LEAST_EXPECTED = 1.0  # violations of spikes that are all foreign
NEEDED = ("isi_violations_count", "num_spikes", "firing_rate")


def with_derived(table: pd.DataFrame) -> pd.DataFrame:
    """Add the bounds of contamination to a table of metrics.

    A ratio of violations says the same of a unit of 100 spikes as of one of 100000, though of the first it means
    nothing. The bounds say what is known: with few spikes they lie far apart. The spikes of others are taken to be
    independent of the unit's own and of one another (Llobet, Wyngaard and Barbour 2022, bioRxiv 2022.02.08.479192).

    Parameters
    ----------
    table : pandas.DataFrame
        A row per unit; without the columns of `NEEDED` it is returned as it is.

    Returns
    -------
    table : pandas.DataFrame
        With `contamination_at_least` and `contamination_at_most`, shares of a unit's spikes, each with 90 % confidence;
        NaN where a count is unknown or so few spikes are there that not even foreign ones alone would violate once.
    """
    from scipy.special import gammaincinv

    if not set(NEEDED) <= set(table.columns):
        return table
    count, n_spikes, rate_hz = (table[name].to_numpy("float64", na_value=np.nan) for name in NEEDED)
    with np.errstate(divide="ignore", invalid="ignore"):
        if_all_foreign = n_spikes * rate_hz * REFRACTORY_S
        if_all_foreign = np.where(if_all_foreign >= LEAST_EXPECTED, if_all_foreign, np.nan)
        fewest = np.where(count > 0, gammaincinv(np.maximum(count, 1), 1 - CONFIDENCE), 0.0)  # Poisson's bounds
        most = gammaincinv(count + 1, CONFIDENCE)
        shares = [1 - np.sqrt(np.clip(1 - violations / if_all_foreign, 0.0, 1.0)) for violations in (fewest, most)]
    return table.assign(contamination_at_least=np.where(np.isfinite(count), shares[0], np.nan),
                        contamination_at_most=shares[1])
