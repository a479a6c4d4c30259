"""What the metrics and the rule are worth: areas under ROC curves, rates, calibration, with bootstrap intervals."""

import math

import numpy as np

from simsort.benchmarks.metrics.cases import parse_name
from simsort.benchmarks.metrics.scores import auc, calibration, confusion, interval

ACCURATE, CONTAMINATED = 0.8, 0.1
# +1: large is good, -1: small is good. Amplitudes are those of troughs, negative.
DIRECTIONS = {
    "num_spikes": 1, "firing_rate": 1, "presence_ratio": 1, "snr": 1, "isi_violations_ratio": -1,
    "isi_violations_count": -1, "rp_contamination": -1, "rp_violations": -1, "sliding_rp_violation": -1,
    "amplitude_cutoff": -1, "amplitude_median": -1, "amplitude_cv_median": -1, "amplitude_cv_range": -1,
    "noise_cutoff": -1, "noise_ratio": -1, "sync_spike_2": -1, "sync_spike_4": -1, "sync_spike_8": -1,
    "firing_range": -1, "drift_ptp": -1, "drift_std": -1, "drift_mad": -1, "maximum_drift": -1, "cumulative_drift": -1,
    "sd_ratio": -1, "isolation_distance": 1, "l_ratio": -1, "d_prime": 1, "nn_hit_rate": 1, "nn_miss_rate": -1,
    "silhouette": 1}
TARGETS = ("accurate", "clean")
TOGETHER = "all together"
# Metrics that claim to be a fraction, and the truth they claim to be.
FRACTIONS = {"isi_violations_ratio": "contamination", "rp_contamination": "contamination",
             "sliding_rp_violation": "contamination", "amplitude_cutoff": "missed"}
EDGES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, math.inf)
RULES = {
    "default": None,
    "stricter": "isi_violations_ratio < 0.1 and snr > 3 and presence_ratio > 0.8 and amplitude_cutoff < 0.1",
    "AIND": "rp_contamination < 0.5 and presence_ratio > 0.8 and amplitude_cutoff < 0.1",
    "IBL": "sliding_rp_violation < 0.1 and noise_cutoff < 5 and amplitude_median < -50",
}


class Units:
    """Units of many sortings as arrays.

    Parameters
    ----------
    rows : list of dict
        From `simsort.benchmarks.metrics.units.kept_units`.
    """

    def __init__(self, rows: list[dict]):
        self.rows = rows
        self.accuracy, self.contamination, self.missed = (
            np.array([row[name] for row in rows], dtype=float) for name in ("accuracy", "contamination", "missed"))
        self.targets = {"accurate": self.accuracy >= ACCURATE, "clean": self.contamination <= CONTAMINATED}
        # one neuron is one cluster, whichever sorters find it, moving or not
        self.clusters = np.array([cluster(row) for row in rows])
        self.sources = np.array(["{}/{}".format(*source(row)) for row in rows])

    def __len__(self) -> int:
        return len(self.rows)

    def metric(self, name: str) -> np.ndarray:
        """Return a metric, NaN where it is unknown."""
        return np.array([row.get(name) for row in self.rows], dtype=float)


def source(row: dict) -> tuple[str, int]:
    """Return family and seed of a unit's recording: static and drifting ones share their neurons."""
    family, _, seed = parse_name(row["case"])
    return family, seed


def cluster(row: dict) -> str:
    """Name the neuron that a unit is most of; a unit that is of none is a cluster of its own."""
    own = f"{row['sorter']}/{row['case']}/{row['unit_id']}"
    return own if row["true_unit"] is None else "/".join(map(str, (*source(row), row["true_unit"])))


def find(rows: list[dict], default_rule: str) -> dict:
    """Find everything the tables and pictures show.

    Parameters
    ----------
    rows : list of dict
        Units.
    default_rule : str
        The pipeline's own rule.

    Returns
    -------
    findings : dict
        `metrics`, `rules`, `calibration`; lists of dicts that JSON can hold.
    """
    units = Units(rows)
    metrics = [predicts(units, name, units.metric(name) * sign) for name, sign in DIRECTIONS.items()]
    together = {target: learn(units, units.targets[target]) for target in TARGETS}
    metrics.append(predicts(units, TOGETHER, together))
    rules = {name: text or default_rule for name, text in RULES.items()}
    return {"metrics": metrics, "rules": [apply_rule(units, name, text) for name, text in rules.items()],
            "calibration": [entry for name, of in FRACTIONS.items() for entry in calibrate(units, name, of)]}


def predicts(units: Units, name: str, goodness) -> dict:
    """Return how well a number, large for good units, tells accurate from other and clean from other units.

    Parameters
    ----------
    units : Units
    name : str
        Of the metric.
    goodness : array | dict of arrays
        Per unit; by target where it differs.
    """
    entry = {"name": name}
    for target in TARGETS:
        values = goodness[target] if isinstance(goodness, dict) else goodness
        known = np.flatnonzero(np.isfinite(values))
        positive, values, clusters = units.targets[target][known], values[known], units.clusters[known]
        low, high = interval(lambda at, v=values, p=positive: auc(v[at], p[at]), clusters) if known.size else (
            math.nan, math.nan)
        entry |= {"known": known.size / max(1, len(units)), target: nothing(auc(values, positive)),
                  f"{target}_low": nothing(low), f"{target}_high": nothing(high)}
    return entry


def learn(units: Units, positive: np.ndarray) -> np.ndarray:
    """Return a score from all metrics together, learned on other recordings than those it is given for.

    Gradient boosting, which takes unknown values as they are; each source (family and seed) is left out in turn. NaN
    where the rest has positives or negatives alone.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    features = np.column_stack([units.metric(name) for name in DIRECTIONS])
    features = features[:, np.isfinite(features).any(axis=0)]
    scores = np.full(len(units), np.nan)
    for left_out in np.unique(units.sources):
        test = units.sources == left_out
        if len(np.unique(positive[~test])) < 2:
            continue
        model = HistGradientBoostingClassifier(max_depth=3, max_iter=100, learning_rate=0.05, random_state=0)
        scores[test] = model.fit(features[~test], positive[~test]).predict_proba(features[test])[:, 1]
    return scores


def apply_rule(units: Units, name: str, text: str) -> dict:
    """Return how well a rule tells units apart; a unit whose metrics are all unknown does not pass."""
    from simsort.curation.labels import judge
    from simsort.curation.rule import parse_rule

    conditions = parse_rule(text)
    passes = np.array([judge(conditions, row).label == "pass" for row in units.rows])
    entry = {"name": name, "rule": " and ".join(map(str, conditions)), "n_pass": int(passes.sum()), "n": len(units)}
    for target, positive in units.targets.items():
        rates = confusion(passes, positive)
        for key, value in rates.items():
            low, high = interval(lambda at, p=positive, k=key: confusion(passes[at], p[at])[k], units.clusters)
            entry |= {f"{target}_{key}": nothing(value), f"{target}_{key}_low": nothing(low),
                      f"{target}_{key}_high": nothing(high)}
    return entry


def calibrate(units: Units, name: str, of: str) -> list[dict]:
    """Return bins of a metric that claims to be a fraction, with the true fraction."""
    values = units.metric(name)
    known = np.flatnonzero(np.isfinite(values))
    true = getattr(units, of)[known]
    found = []
    for entry in calibration(values[known], true, EDGES):
        rows = entry.pop("rows")
        low, high = interval(lambda at, t=true[rows]: t[at].mean(), units.clusters[known][rows]) if len(rows) else (
            math.nan, math.nan)
        found.append({"name": name, "of": of, **entry, "high": None if math.isinf(entry["high"]) else entry["high"],
                      "true_low": nothing(low), "true_high": nothing(high)})
    return found


def nothing(value: float) -> float | None:
    """Return None for NaN, as JSON has it."""
    return None if math.isnan(value) else float(value)
