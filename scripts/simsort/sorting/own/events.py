"""Events of a group of channels: when, what they look like, and which unit they are of."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Events:
    """Events of one group: sample (n,), features (n, n_features) on its channels, unit (n,) or -1."""

    sample: np.ndarray
    features: np.ndarray
    label: np.ndarray

    def only(self, chosen) -> "Events":
        """Return some of the events."""
        return Events(**{name: getattr(self, name)[chosen] for name in self.__dataclass_fields__})


def joined(parts: list[Events], width: int) -> Events:
    """Return events in the order of time."""
    if not parts:
        none = np.zeros(0, dtype=int)
        return Events(sample=none, features=np.zeros((0, width), dtype=np.float32), label=none)
    together = Events(**{name: np.concatenate([getattr(part, name) for part in parts])
                         for name in Events.__dataclass_fields__})
    return together.only(np.argsort(together.sample, kind="stable"))
