"""What CEED's distances are worth for joining units: log odds fitted on units that the sorter finds.

python -m simsort.benchmarks.sorters.joining --out bench
python -m simsort.benchmarks.sorters.joining --out bench --model my-ceed --recordings emouse-noise_drift_seed100,...

Recordings of known spikes, of seeds that no table shows, are sorted up to the joining of units. Every pair that
shares channels is then known to be one neuron or two, and a logistic regression on their distance finds what it adds to
what templates and refractory period tell already (`simsort.sorting.own.identity`). The two numbers are written into the
encoder's model.json.
"""

import argparse
import re
import sys
from itertools import combinations
from pathlib import Path

import numpy as np

from simsort.benchmarks.sorters.cases.families import BENCHMARK_SEEDS, prepare_case
from simsort.errors import UserError, one_line
from simsort.models.ceed_folder import load_ceed
from simsort.models.model_folder import write_note
from simsort.models.shipped import CEED_FOLDER
from simsort.sorting.own.ceed_looks import distance
from simsort.sorting.own.nearest import distance_to_nearest

TUNING_SEEDS = {"emouse-hybrid": range(100, 108), "emouse-noise": [100], "mearec-32": [100],
                "mearec-tetrode": [100, 101, 102], "spikeinterface-128": [100], "spikeinterface-32": [100]}
RECORDINGS = tuple(f"{family}_{kind}_seed{seed}" for family, seeds in TUNING_SEEDS.items()
                   for kind in ("drift", "static") for seed in seeds)
SAME_SPIKE_S = 0.0004
PURE = 0.5  # of a unit's spikes are a neuron's, or it is nobody's
MOST_CHANGE, LEAST_REFRACTORY = 2.0, -60.0  # more change, or fewer kept refractory periods, tell nothing more
FEWEST_PAIRS = 5  # of one neuron
PRIOR = 1e-2


def pairs_of(recording, truth, model) -> np.ndarray:
    """Return the pairs (n, 3) of units found in a recording: distance, log odds of the rest, whether they are one.

    Parameters
    ----------
    recording : BaseRecording
    truth : BaseSorting
        Its spikes.
    model : CeedModel
    """
    from simsort.sorting.own.api import one_thread
    from simsort.sorting.own.inputs import one_form
    from simsort.sorting.own.linking import Comparison
    from simsort.sorting.own.pursuit import FIRST_LAG
    from simsort.sorting.own.sort import FS, OwnSorter

    with one_thread():
        sorter = OwnSorter(one_form(recording, FS), encoder=model)
        pursuit = sorter.learn()
        if pursuit is None:
            return np.zeros((0, 3))
        pursuit = sorter.pruned(pursuit)
        trains, good, looks = sorter.units(pursuit)
        places = looks.identities(model)
    comparison = Comparison(pursuit.templates, sorter.turns, FIRST_LAG)
    times_s = [train / FS for train in trains]
    owner = owners(times_s, [truth.get_unit_spike_train(unit, segment_index=0) / truth.sampling_frequency
                             for unit in truth.unit_ids])
    known = [unit for unit in good if places[unit] is not None and owner[unit] >= 0]
    rows = [(distance(places[one], places[other]), rest_of(one, other, times_s, comparison), owner[one] == owner[other])
            for one, other in combinations(known, 2) if (comparison.sees[one] & comparison.sees[other]).any()]
    return np.array(rows, dtype=float).reshape(-1, 3)


def owners(trains_s: list[np.ndarray], true_s: list[np.ndarray]) -> np.ndarray:
    """Return the true neuron (n_units,) that most of each unit's spikes are of, -1 of none."""
    shares = np.array([[same_spikes(train, true) for true in true_s] for train in trains_s])
    return np.where(shares.max(axis=1) > PURE, shares.argmax(axis=1), -1)


def same_spikes(train_s: np.ndarray, true_s: np.ndarray) -> float:
    """Return the share of a train's spikes that are also in another."""
    return float((distance_to_nearest(train_s, true_s) <= SAME_SPIKE_S).mean()) if len(train_s) else 0.0


def rest_of(one: int, other: int, times_s: list[np.ndarray], comparison) -> float:
    """Return the log odds that templates and refractory period give two units."""
    from simsort.sorting.own import identity
    from simsort.sorting.own.separation import refractoriness

    change = min(comparison.likeness(one, other).change, comparison.likeness(other, one).change, MOST_CHANGE)
    refractory = max(identity.refractory_odds(*refractoriness(times_s[one], times_s[other])), LEAST_REFRACTORY)
    return identity.PER_CHANGE * change + identity.PER_REFRACTORY * refractory


def fit(pairs: np.ndarray) -> dict:
    """Return `at_one_place` and `per_distance`: the likeliest line that the other log odds are added to.

    Raises
    ------
    UserError
        If too few pairs are of one neuron.
    """
    from scipy.optimize import minimize

    far, rest, same = pairs.T
    if same.sum() < FEWEST_PAIRS:
        raise UserError(f"only {same.sum():.0f} of {len(pairs)} pairs of units are one neuron", "give more recordings")

    def loss(line: np.ndarray) -> float:
        odds = line[0] + line[1] * far + rest
        return float(np.logaddexp(0, odds).sum() - odds @ same + PRIOR * line @ line)
    line = minimize(loss, np.zeros(2)).x
    return {"at_one_place": round(float(line[0]), 2), "per_distance": round(float(line[1]), 2)}


def parsed(name: str) -> tuple[str, str, int]:
    """Return family, kind and seed of a case.

    Raises
    ------
    UserError
        If it is no name of a case, or the case stands in the tables.
    """
    match = re.fullmatch(r"(.+)_(static|drift)_seed(\d+)", name)
    if not match:
        raise UserError(f"--recordings was given {name!r}", f"give names such as {RECORDINGS[0]}")
    family, kind, seed = match[1], match[2], int(match[3])
    if seed in BENCHMARK_SEEDS:
        raise UserError(f"--recordings was given {name}, on which sorters are compared", "give one of another seed")
    return family, kind, seed


def main(argv: list[str] | None = None) -> None:
    """Sort, fit and write."""
    from spikeinterface import load

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("bench"), metavar="DIR", help="of simsort bench sorters")
    parser.add_argument("--model", type=Path, default=CEED_FOLDER, metavar="DIR", help="default: the shipped encoder")
    parser.add_argument("--recordings", default=",".join(RECORDINGS), help="cases: FAMILY_KIND_seedN,...")
    parser.add_argument("--cases", type=Path, metavar="DIR", help="folder of the cases (default cases in --out)")
    args = parser.parse_args(argv)
    model, found, names = load_ceed(args.model), [], args.recordings.split(",")
    for family, kind, seed in map(parsed, names):
        case = prepare_case(family, kind == "drift", seed, args.cases or args.out / "cases", args.out)
        found.append(pairs_of(load(case / "recording"), load(case / "ground_truth"), model))
        print(f"{case.name}: {len(found[-1])} pairs, {found[-1][:, 2].sum():.0f} of one neuron", flush=True)
    pairs = np.concatenate(found)
    odds = fit(pairs) | {"pairs": len(pairs), "pairs_of_one_neuron": int(pairs[:, 2].sum()), "recordings": names}
    write_note(args.model, model.note | {"joining": odds})
    print(odds)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        print(one_line(error), file=sys.stderr)
        sys.exit(2)
