"""Keep of units made on purpose as many as sorters leave.

`imitate` and `rearrange` mix, merge and split whatever its size, so that there is enough of all. Sorters mix up small
neurons often and large ones hardly ever: of the units that they found (those of `simsort bench metrics`, and in the
recordings here that sorters sorted) four of five below an SNR of 3 were mixtures, half at 4, few above 7, none above
15. Nor is one in two large units an artefact or echo. Fitted on all that was made, size would seem to say nothing.
"""

import numpy as np
import pandas as pd

MADE = ("imitated", "merged", "split")
MIXED_BELOW_SNR, MIXED_WIDTH = 7.0, 1.0  # half of the mixtures made are kept here
SINGLE_ABOVE_SNR, SINGLE_WIDTH = 3.5, 0.8  # half of the single neurons
NOT_NEURONS, NOT_NEURONS_KEPT = ("artefact", "echo"), 0.35


def like_sorters(units: pd.DataFrame) -> pd.DataFrame:
    """Return units of which mixtures are the rarer and single neurons the more frequent the larger they are.

    Parameters
    ----------
    units : pandas.DataFrame
        See `make_examples`.

    Returns
    -------
    units : pandas.DataFrame
        All that sorters found and all threshold crossings; of the others a part, which each recording's seed decides.
    """
    snr = units["snr"].to_numpy("float64")
    chance = np.ones(len(units))
    made = units["kind"].isin(MADE).to_numpy()
    for label, middle, width in (("MUA", MIXED_BELOW_SNR, -MIXED_WIDTH), ("SUA", SINGLE_ABOVE_SNR, SINGLE_WIDTH)):
        mine = made & (units["truth"] == label).to_numpy()
        chance[mine] = 1 / (1 + np.exp(-(snr[mine] - middle) / width))
    chance[units["kind"].isin(NOT_NEURONS)] = NOT_NEURONS_KEPT
    kept = np.zeros(len(units), dtype=bool)
    for recording, rows in units.groupby("recording").indices.items():
        kept[rows] = np.random.default_rng([recording, 557]).random(len(rows)) < chance[rows]
    return units[kept].reset_index(drop=True)
