"""The plan of a recording to train on: as many units as asked for, whatever the noise and the probe."""

from dataclasses import replace

import numpy as np

from simsort.simulation.recordings.placement import Placement
from simsort.simulation.recordings.plan import RecordingPlan, Unit
from simsort.simulation.recordings.spike_trains import draw_rate_hz

UNIT_STREAM = 212
CELLS_AT_A_TIME = 40
FEWEST_FOREGROUND = 3


class TrainingPlan(RecordingPlan):
    """A plan that looks at placed cells in random order until enough of them are large.

    The time that a plan takes grows with its units, and a recording with none is of no use: their number is chosen, and
    the density follows from it.

    Parameters
    ----------
    libraries, probe, settings, seed
        See `RecordingPlan`; `settings.placement` has more cells than are needed.
    n_foreground_wanted, most_background : int
        Units at which to stop. The largest of the others are taken where fewer than three are large enough.
    """

    def __init__(self, libraries, probe, settings, seed: int, *, n_foreground_wanted: int, most_background: int):
        self.n_foreground_wanted, self.most_background = n_foreground_wanted, most_background
        super().__init__(libraries, probe, settings, seed)

    def place(self, libraries) -> Placement:
        """Place cells around the probe, in random order."""
        placed = super().place(libraries)
        order = np.random.default_rng([self.seed, UNIT_STREAM]).permutation(len(placed.models))
        return some_of(placed, order)

    def make_units(self, libraries, snippets: dict, placed: Placement) -> tuple[list[Unit], list]:
        """Return foreground units, then background units, with their placed geometries."""
        large, small = [], []
        for first in range(0, len(placed.models), CELLS_AT_A_TIME):
            some = some_of(placed, slice(first, first + CELLS_AT_A_TIME))
            for unit, geometry in zip(*super().make_units(libraries, snippets, some)):
                (small if unit.is_background else large).append((unit, geometry))
            if len(large) >= self.n_foreground_wanted:
                break
        n_short = FEWEST_FOREGROUND - len(large)
        if n_short > 0:
            small.sort(key=lambda pair: -pair[0].peak_uv)
            large, small = large + small[:n_short], small[n_short:]
        large, small = large[:self.n_foreground_wanted], small[:self.most_background]
        rng = np.random.default_rng([self.seed, UNIT_STREAM, 1])
        units = [replace(unit, unit_id=str(index), is_background=index >= len(large),
                         rate_hz=draw_rate_hz(unit.model.get("rate_hz", (1.0, 10.0)), rng))
                 for index, (unit, _) in enumerate(large + small)]
        return units, [geometry for _, geometry in large + small]


def some_of(placed: Placement, chosen) -> Placement:
    """Return some of the placed cells."""
    return Placement(positions_um=placed.positions_um[chosen], rotations=placed.rotations[chosen],
                     models=placed.models[chosen])
