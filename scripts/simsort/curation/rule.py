"""The quality rule: conditions on metrics joined by `and`. Standard library only, so that check-params can read it.

    isi_violations_ratio < 0.5 and presence_ratio > 0.8 and amplitude_cutoff < 0.1
"""

import dataclasses
import difflib
import math
import operator
import re

from simsort.errors import UserError

OPERATORS = {"<=": operator.le, ">=": operator.ge, "==": operator.eq, "!=": operator.ne, "<": operator.lt,
             ">": operator.gt}

# Columns of SpikeInterface's quality and template metrics that the postprocessing stage computes (a test compares).
QUALITY_COLUMNS = (
    "num_spikes", "firing_rate", "presence_ratio", "snr", "isi_violations_ratio", "isi_violations_count",
    "rp_contamination", "rp_violations", "sliding_rp_violation", "amplitude_cutoff", "amplitude_median",
    "amplitude_cv_median", "amplitude_cv_range", "noise_cutoff", "noise_ratio", "sync_spike_2", "sync_spike_4",
    "sync_spike_8", "firing_range", "drift_ptp", "drift_std", "drift_mad", "maximum_drift",
    "cumulative_drift", "sd_ratio", "isolation_distance", "l_ratio",
    "d_prime", "nn_hit_rate", "nn_miss_rate", "silhouette")
TEMPLATE_COLUMNS = (
    "peak_to_trough_duration", "trough_half_width", "peak_half_width", "repolarization_slope", "recovery_slope",
    "num_positive_peaks", "num_negative_peaks", "main_to_next_extremum_duration", "peak_before_to_trough_ratio",
    "peak_after_to_trough_ratio", "peak_before_to_peak_after_ratio", "main_peak_to_trough_ratio", "trough_width",
    "peak_before_width", "peak_after_width", "waveform_baseline_flatness", "velocity_above", "velocity_below",
    "exp_decay", "spread")
METRIC_COLUMNS = QUALITY_COLUMNS + TEMPLATE_COLUMNS

TOKEN = re.compile(r"""\s*(?:
    (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
  | (?P<name>[A-Za-z_]\w*)
  | (?P<operator><=|>=|==|!=|<|>)
)""", re.VERBOSE | re.ASCII)


@dataclasses.dataclass(frozen=True)
class Condition:
    """One condition of a rule.

    Attributes
    ----------
    metric : str
        Column of the metrics table.
    operator : "<" | "<=" | ">" | ">=" | "==" | "!="
        How the metric is compared.
    threshold : float
        What it is compared with.
    """

    metric: str
    operator: str
    threshold: float

    def __str__(self) -> str:
        return f"{self.metric} {self.operator} {self.threshold:.15g}"

    def holds(self, value) -> bool | None:
        """Tell whether a unit's value meets the condition; None if the value is missing or not finite."""
        if value is None or not math.isfinite(value):
            return None
        return bool(OPERATORS[self.operator](value, self.threshold))


def parse_rule(text: str, known=METRIC_COLUMNS) -> tuple[Condition, ...]:
    """Read a quality rule.

    Parameters
    ----------
    text : str
        Conditions `metric operator number` joined by `and`.
    known : sequence of str
        Metric names that may be used.

    Returns
    -------
    conditions : tuple of Condition
        In the order given.

    Raises
    ------
    UserError
        If the text is no such rule (showing the place) or names an unknown metric (naming those available).
    """
    tokens = tokenize(text)
    conditions = []
    for start in range(0, len(tokens), 4):
        metric, compare, number, joint = (tokens[start:start + 4] + [("end", "", len(text))] * 3)[:4]
        for token, kind, expected in ((metric, "name", "a metric"), (compare, "operator", "one of < <= > >= == !="),
                                      (number, "number", "a number")):
            if token[0] != kind or token[1].lower() == "and":
                raise misplaced(text, token[2], expected)
        if metric[1] not in known:
            raise unknown_metric(text, metric[1], known)
        conditions.append(Condition(metric[1], compare[1], float(number[1])))
        if joint[0] == "end":
            return tuple(conditions)
        if joint[1].lower() != "and":
            raise misplaced(text, joint[2], "'and' or the end")
    raise misplaced(text, len(text), "a metric")


def tokenize(text: str) -> list[tuple[str, str, int]]:
    """Split a rule into (kind, text, position)."""
    tokens, position = [], 0
    while text[position:].strip():
        match = TOKEN.match(text, position)
        if match is None:
            spaces = len(text[position:]) - len(text[position:].lstrip())
            raise misplaced(text, position + spaces, "a metric, a comparison, a number or 'and'")
        tokens.append((match.lastgroup, match.group(match.lastgroup), match.start(match.lastgroup)))
        position = match.end()
    return tokens


def misplaced(text: str, position: int, expected: str) -> UserError:
    """Build the error for a rule that cannot be read, showing where."""
    rest = text[position:].strip()
    place = f"at {rest[:30]!r} (character {position + 1})" if rest else "at its end"
    return UserError(f"--curation.rule {text!r} cannot be read {place}",
                     f"expected {expected}; example: snr > 5 and isi_violations_ratio < 0.5")


def unknown_metric(text: str, name: str, known) -> UserError:
    """Build the error for a metric that does not exist, naming those that do, the closest first."""
    close = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return UserError(f"--curation.rule names the unknown metric {name!r}", f"{hint}available: {', '.join(known)}")
