"""A small model whose every part can be read: curves over metrics, added up, give the probability of each label.

The curves are pieces of straight lines, fitted by `simsort bench labels` and kept as JSON: no pickle, no scikit-learn
version, and what speaks for a label is the height of a curve. (Generalised additive models: Hastie and Tibshirani 1986,
Statistical Science 1:297.)
"""

import dataclasses
import json
from pathlib import Path

import numpy as np

LEAST_CONTRIBUTION = 0.25  # of a metric that is named as a reason, in units of log odds
MOST_REASONS = 3


@dataclasses.dataclass(frozen=True)
class Curve:
    """What one metric says.

    Attributes
    ----------
    knots : np.ndarray, shape (n_knots,)
        Values of the metric, rising; beyond the ends the curve is level.
    heights : np.ndarray, shape (n_knots, n_labels)
        Log odds that the metric adds for each label.
    unknown : np.ndarray, shape (n_labels,)
        What is added where the metric is unknown.
    """

    knots: np.ndarray
    heights: np.ndarray
    unknown: np.ndarray

    def at(self, values: np.ndarray) -> np.ndarray:
        """Return what values (n,) add, shape (n, n_labels)."""
        added = np.stack([np.interp(values, self.knots, column) for column in self.heights.T], axis=1)
        return np.where(np.isfinite(values)[:, None], added, self.unknown)


@dataclasses.dataclass(frozen=True)
class AdditiveModel:
    """Curves over metrics.

    Attributes
    ----------
    labels : tuple of str
        What it tells apart.
    curves : dict
        {metric: Curve}.
    intercept : np.ndarray, shape (n_labels,)
        Log odds where nothing is known.
    about : dict
        What it was fitted on, and its scores.
    """

    labels: tuple[str, ...]
    curves: dict
    intercept: np.ndarray
    about: dict

    def predict(self, table) -> tuple[np.ndarray, np.ndarray]:
        """Judge units or pairs.

        Parameters
        ----------
        table : pandas.DataFrame
            A column per metric; those that are missing, NaN or infinite are unknown.

        Returns
        -------
        probabilities : np.ndarray, shape (n_rows, n_labels)
        contributions : np.ndarray, shape (n_rows, n_metrics, n_labels)
            Log odds that each metric adds, in the order of `curves`.
        """
        contributions = np.stack([curve.at(values) for curve, values in
                                  zip(self.curves.values(), self.values_of(table))], axis=1)
        scores = self.intercept + contributions.sum(axis=1)
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True), contributions

    def reasons(self, table, probabilities: np.ndarray, contributions: np.ndarray) -> list[list[str]]:
        """Name, for each row, the metrics that speak most for its label and against the next likely one.

        Each with its value and the limit beyond which it would speak for the other: "snr 2.8, below 4.1". A metric that
        is unknown is no reason.
        """
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
        rows, names, values = np.arange(len(order)), list(self.curves), self.values_of(table)
        margins = contributions[rows, :, order[:, 0]] - contributions[rows, :, order[:, 1]]
        margins = np.where(np.isfinite(np.stack(values, axis=1)), margins, -np.inf)
        best = np.argsort(-margins, axis=1, kind="stable")[:, :MOST_REASONS]
        return [[spelt(names[metric], values[metric][row], self.curves[names[metric]], *order[row])
                 for metric in best[row] if margins[row, metric] >= LEAST_CONTRIBUTION] for row in rows]

    def values_of(self, table) -> list[np.ndarray]:
        """Return the values of each metric, NaN where they are unknown."""
        unknown = np.full(len(table), np.nan)
        return [table[name].to_numpy("float64", na_value=np.nan) if name in table else unknown for name in self.curves]

    def to_json(self) -> str:
        """Return the model as text that `read_model` reads."""
        curves = {name: {"knots": rounded(c.knots), "heights": rounded(c.heights), "unknown": rounded(c.unknown)}
                  for name, c in self.curves.items()}
        return json.dumps({"labels": list(self.labels), "intercept": rounded(self.intercept), "about": self.about,
                           "curves": curves}, indent=1) + "\n"


def spelt(name: str, value: float, curve: Curve, label: int, other: int) -> str:
    """Spell a metric's value, and the nearest limit beyond which it speaks for another label, if there is one."""
    limits = turning_points(curve.knots, curve.heights[:, label] - curve.heights[:, other])
    if not len(limits):
        return f"{name} {value:.3g}"
    limit = limits[np.argmin(np.abs(limits - value))]
    return f"{name} {value:.3g}, {'below' if value < limit else 'above'} {limit:.3g}"


def turning_points(knots: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Return where a curve of straight pieces crosses zero."""
    left, right = heights[:-1], heights[1:]
    at = np.flatnonzero((left > 0) != (right > 0))
    return knots[at] + (knots[at + 1] - knots[at]) * left[at] / (left[at] - right[at])


def rounded(array) -> list:
    """Return numbers of six digits."""
    text = json.dumps(np.asarray(array, dtype="float64").tolist())
    return json.loads(text, parse_float=lambda number: float(f"{float(number):.6g}"))


def read_model(path: Path) -> AdditiveModel:
    """Read a model of `AdditiveModel.to_json`."""
    content = json.loads(Path(path).read_text())
    curves = {name: Curve(*(np.array(curve[key], dtype="float64") for key in ("knots", "heights", "unknown")))
              for name, curve in content["curves"].items()}
    return AdditiveModel(tuple(content["labels"]), curves, np.array(content["intercept"]), content["about"])
