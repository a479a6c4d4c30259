"""One metric of a recording with its verdict. Standard library only."""

import dataclasses

from simsort.config.quality_control import Limit
from simsort.quality.catalogue import MEASURES


@dataclasses.dataclass
class Metric:
    """A value and what is said of it; what it means stands in `simsort.quality.catalogue`.

    Attributes
    ----------
    name : str
        The name in files and settings.
    value : float | None
        None is unknown, and `reason` says why.
    details : dict
        More numbers, JSON only.
    verdict, limit : str
        Filled in by `judge`.
    """

    name: str
    value: float | None
    reason: str = ""
    details: dict = dataclasses.field(default_factory=dict)
    verdict: str = "unknown"
    limit: str = ""

    def as_output(self) -> dict:
        """Return what goes into the record, the description included."""
        return dataclasses.asdict(self) | MEASURES[self.name]._asdict()


def judge(metrics: list[Metric], limits: dict[str, Limit]) -> str:
    """Fill in the verdict of every metric and return that of the recording: the worst known one."""
    for metric in metrics:
        limit = limits[metric.name]
        metric.verdict, metric.limit = limit.verdict(metric.value), str(limit)
    return worst([metric.verdict for metric in metrics])


def worst(verdicts: list[str]) -> str:
    """Return the worst verdict; unknown only where nothing is known."""
    return next((verdict for verdict in ("fail", "warn", "pass") if verdict in verdicts), "unknown")
