"""The settings of the quality control stage and the limits of its verdicts. Standard library only."""

import dataclasses
import difflib
import math

from simsort.config.options import option
from simsort.errors import UserError


@dataclasses.dataclass(frozen=True)
class Limit:
    """When a metric of a recording warns and when it fails.

    Attributes
    ----------
    warn, fail : float
        The metric warns or fails beyond these, above or below as `bad` says; at the limit it still passes.
    bad : "above" | "below"
        Which side is the bad one.
    """

    warn: float
    fail: float
    bad: str = "above"

    def verdict(self, value: float | None) -> str:
        """Return pass, warn or fail; unknown for a value that is missing or not finite."""
        if value is None or not math.isfinite(value):
            return "unknown"
        sign = 1 if self.bad == "above" else -1
        if sign * value > sign * self.fail:
            return "fail"
        return "warn" if sign * value > sign * self.warn else "pass"

    def __str__(self) -> str:
        parts = [f"{word} {self.bad} {value:g}" for word, value in (("warn", self.warn), ("fail", self.fail))
                 if math.isfinite(value)]
        return ", ".join(parts) or "never warns or fails"


# What each is, and where the numbers come from: docs/quality.md.
LIMITS = {
    "noise_raw_uv": Limit(100.0, 1000.0),
    "noise_processed_uv": Limit(15.0, 40.0),
    "line_noise_raw_db": Limit(20.0, 40.0),
    "line_noise_processed_db": Limit(6.0, 15.0),
    "saturated_fraction": Limit(1e-4, 0.05),
    "dead_time_fraction": Limit(0.0, 0.01),
    "artifact_fraction": Limit(1e-3, 0.05),
    "bad_channel_fraction": Limit(0.1, 0.5),
    "sync_gaps": Limit(0.0, 10.0),
    "drift_range_um": Limit(40.0, 150.0),
    "drift_speed_um_per_s": Limit(5.0, 30.0),
    "motion_correlation": Limit(0.5, 0.2, "below"),
    "motion_noise_um": Limit(5.0, 20.0),
    "motion_gain": Limit(-0.02, -0.1, "below"),
    "n_units": Limit(1.0, -math.inf, "below"),
    "passing_unit_fraction": Limit(0.2, -math.inf, "below"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class QualityControl:
    """The verdict on a recording."""

    thresholds: dict = option({}, "limits other than the default, {metric: [warn, fail]}; null: never; see quality.md")
    line_frequency_hz: float | None = option(None, "frequency of the mains; default: the stronger of 50 and 60 Hz",
                                             minimum=1.0, maximum=1000.0)
    n_chunks: int = option(60, "stretches of 1 s for noise levels and spectra, spread over the recording", minimum=1)
    interactive: bool = option(True, "write the pictures also as one page to look into (5 MB for each recording)")


def limits_of(thresholds: dict) -> dict[str, Limit]:
    """Return the limit of every metric, the user's in place of the default.

    Raises
    ------
    UserError
        For an unknown metric, or what is no pair of numbers in the right order.
    """
    limits = dict(LIMITS)
    for name, given in thresholds.items():
        if name not in LIMITS:
            close = difflib.get_close_matches(name, LIMITS, n=1)
            raise UserError(f"--quality_control.thresholds names the unknown metric {name!r}",
                            f"did you mean {close[0]}?" if close else f"allowed: {', '.join(LIMITS)}")
        bad = LIMITS[name].bad
        never = math.inf if bad == "above" else -math.inf
        pair = [never if item is None else item for item in given] if isinstance(given, (list, tuple)) else []
        numbers = [item for item in pair if isinstance(item, (int, float)) and not isinstance(item, bool)]
        if len(pair) != 2 or len(numbers) != 2 or any(map(math.isnan, numbers)):
            raise UserError(f"--quality_control.thresholds gives {given!r} for {name}",
                            "give [warn, fail]: two numbers, null for never")
        limits[name] = Limit(float(pair[0]), float(pair[1]), bad)
        if (pair[0] > pair[1]) if bad == "above" else (pair[0] < pair[1]):
            raise UserError(f"--quality_control.thresholds of {name} fails before it warns ({given})",
                            f"give [warn, fail] with fail further {bad}")
    return limits
