"""The model of units beside the quality rule, on units that sorters found: those kept by `simsort bench metrics`."""

from pathlib import Path

import numpy as np
import pandas as pd

from simsort.benchmarks.labels.examples import SUA_PRECISION
from simsort.benchmarks.metrics.scores import auc
from simsort.benchmarks.metrics.units import kept_units
from simsort.benchmarks.tables import markdown_table
from simsort.curation.rule import QUALITY_COLUMNS
from simsort.labelling.derived import with_derived


def score_sorted(model, out: Path) -> list[dict]:
    """Score a model for each sorter whose units are kept.

    Parameters
    ----------
    model : AdditiveModel
        Of units.
    out : Path
        Output folder of `simsort bench metrics`; without kept units the list is empty.

    Returns
    -------
    rows : list of dict
        `sorter`, `n_cases`, `n_units`, `n_single` (units with at most 10 % of spikes that are not one neuron's), `auc`
        of the probability of SUA where it can only be SUA or MUA (shapes, which tell noise, are not kept), and of
        `model` and `rule` how many units they call SUA or let pass, and how many of these are.
    """
    units = pd.DataFrame(kept_units(out))
    rows = []
    for sorter, mine in units.groupby("sorter") if len(units) else ():
        metrics = with_derived(mine[[name for name in QUALITY_COLUMNS if name in mine]].astype("float64"))
        probabilities, _ = model.predict(metrics)
        of_single, of_mixture = (probabilities[:, model.labels.index(label)] for label in ("SUA", "MUA"))
        of_single = of_single / (of_single + of_mixture)
        single = mine["contamination"].to_numpy() <= 1 - SUA_PRECISION + 1e-9
        called = {"model": of_single > 0.5,
                  "rule": (mine["label"] == "pass").to_numpy()}
        rows.append({"sorter": sorter, "n_cases": int(mine["case"].nunique()), "n_units": len(mine),
                     "n_single": int(single.sum()), "auc": auc(of_single, single),
                     **{name: [int(said.sum()), int((said & single).sum())] for name, said in called.items()}})
    return rows


def sorted_table(rows: list[dict]) -> str:
    """Return the table of `score_sorted`, or nothing."""
    if not rows:
        return ""
    header = ["sorter", "recordings", "units", "truly single", "AUC of the probability",
              "model says SUA (truly single)", "rule passes (truly single)"]
    cells = [[row["sorter"], str(row["n_cases"]), str(row["n_units"]), str(row["n_single"]),
              "-" if np.isnan(row["auc"]) else f"{row['auc']:.2f}",
              *("{} ({})".format(*row[name]) for name in ("model", "rule"))] for row in rows]
    return ("Units that sorters found in other recordings (those kept by `simsort bench metrics` in the same folder); truly "
            "single: at most 10 % of the spikes are not one neuron's. Their shapes were not kept and noise is not among "
            "them: SUA here means that it is more probable than MUA.\n\n" + markdown_table(header, cells))
