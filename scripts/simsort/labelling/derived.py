"""What follows from the metrics of a unit: which contamination its violations leave possible, and odd amplitudes."""

import numpy as np
import pandas as pd

REFRACTORY_S = 0.0015  # of SpikeInterface's isi_violations_count
CONFIDENCE = 0.9
USED = ("isi_violations_count", "num_spikes", "firing_rate", "sd_ratio", "snr")
LEAST_EXPECTED = 1.0  # violations of spikes that are all foreign


def with_derived(table: pd.DataFrame) -> pd.DataFrame:
    """Add what follows from a table of metrics.

    Parameters
    ----------
    table : pandas.DataFrame
        A row per unit; what needs a column that is not there is not added.

    Returns
    -------
    table : pandas.DataFrame
        With `contamination_at_least`, `contamination_at_most` (see `contamination_bounds`) and `amplitude_excess` (see
        there).
    """
    values = {name: table[name].to_numpy("float64", na_value=np.nan) for name in USED if name in table}
    if {"isi_violations_count", "num_spikes", "firing_rate"} <= set(values):
        low, high = contamination_bounds(values["isi_violations_count"], values["num_spikes"], values["firing_rate"])
        table = table.assign(contamination_at_least=low, contamination_at_most=high)
    if {"sd_ratio", "snr"} <= set(values):
        table = table.assign(amplitude_excess=amplitude_excess(values["sd_ratio"], values["snr"]))
    return table


def contamination_bounds(count: np.ndarray, n_spikes: np.ndarray, rate_hz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return between which shares of a unit's spikes the foreign ones lie, each bound with 90 % confidence.

    A ratio of violations says the same of a unit of 100 spikes as of one of 100000, though of the first it means
    nothing. The bounds say what is known: with few spikes they lie far apart. The spikes of others are taken to be
    independent of the unit's own and of one another (Llobet, Wyngaard and Barbour 2022, bioRxiv 2022.02.08.479192).

    Parameters
    ----------
    count : np.ndarray, shape (n_units,)
        Intervals below 1.5 ms.
    n_spikes, rate_hz : np.ndarray, shape (n_units,)
        Number of spikes and mean rate.

    Returns
    -------
    at_least, at_most : np.ndarray, shape (n_units,)
        NaN where a count is unknown or so few spikes are there that not even foreign ones alone would violate once.
    """
    from scipy.special import gammaincinv

    with np.errstate(divide="ignore", invalid="ignore"):
        if_all_foreign = n_spikes * rate_hz * REFRACTORY_S
        if_all_foreign = np.where(if_all_foreign >= LEAST_EXPECTED, if_all_foreign, np.nan)
        fewest = np.where(count > 0, gammaincinv(np.maximum(count, 1), 1 - CONFIDENCE), 0.0)  # Poisson's bounds
        most = gammaincinv(count + 1, CONFIDENCE)
        low, high = (1 - np.sqrt(np.clip(1 - violations / if_all_foreign, 0.0, 1.0)) for violations in (fewest, most))
    return np.where(np.isfinite(count), low, np.nan), high


def amplitude_excess(sd_ratio: np.ndarray, snr: np.ndarray) -> np.ndarray:
    """Return how much more the amplitudes vary than noise makes them, as a share of the amplitude.

    A large spike found a sample off is smaller by more than noise, which `sd_ratio` takes for a mixture. Negative where
    they vary less than noise: what was chosen by its amplitude, as threshold crossings are.

    Parameters
    ----------
    sd_ratio, snr : np.ndarray, shape (n_units,)
        Metrics of SpikeInterface.
    """
    beyond = sd_ratio**2 - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(snr > 0, np.sign(beyond) * np.sqrt(np.abs(beyond)) / snr, np.nan)
