"""The verdict of the quality rule on each unit."""

import dataclasses

from simsort.curation.rule import Condition

LABELS = ("pass", "fail", "unknown")
BRIEF = ("num_spikes", "firing_rate", "snr", "x_um", "depth_um")  # what the summary pages show of a unit


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the rule says of one unit.

    Attributes
    ----------
    label : "pass" | "fail" | "unknown"
        fail if any known condition does not hold, pass if all that are known hold, unknown if none is known.
    reasons : tuple of str
        Conditions that do not hold, with the unit's value.
    unknown : tuple of str
        Metrics of the rule that could not be computed; they neither pass nor fail the unit.
    """

    label: str
    reasons: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def default_qc(self) -> bool:
        """True if the unit passes."""
        return self.label == "pass"


def judge(conditions: tuple[Condition, ...], values: dict) -> Verdict:
    """Apply a rule to one unit.

    Parameters
    ----------
    conditions : tuple of Condition
        The rule.
    values : dict
        {metric: value}; a metric that is absent, None, NaN or infinite is unknown.

    Returns
    -------
    verdict : Verdict
        The label and why.
    """
    outcomes = [(condition, condition.holds(values.get(condition.metric))) for condition in conditions]
    unknown = tuple(dict.fromkeys(condition.metric for condition, holds in outcomes if holds is None))
    reasons = tuple(f"{condition.metric} {values[condition.metric]:.3g}, not {condition.operator} "
                    f"{condition.threshold:.15g}" for condition, holds in outcomes if holds is False)
    if all(holds is None for _, holds in outcomes):
        return Verdict("unknown", (), unknown)
    return Verdict("fail" if reasons else "pass", reasons, unknown)
