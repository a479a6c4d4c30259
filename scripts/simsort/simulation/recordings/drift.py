"""Displacement of the tissue along the probe, as a function of time and depth in closed form.

Every component can be evaluated at any time, so that a recording can be rendered in any order. A positive displacement
moves cells towards +y.
"""

from dataclasses import dataclass

import numpy as np

from simsort.errors import UserError

DRIFT_STREAM = 101  # keeps the random numbers of this module apart from those of others
N_SLOW_WAVES = 4
KINDS = ("none", "slow", "oscillation", "jumps", "mixture")


@dataclass(frozen=True, kw_only=True)
class DriftSettings:
    """What moves, and how far.

    Parameters
    ----------
    kind : "none" | "slow" | "oscillation" | "jumps" | "mixture", default: "none"
        `slow`: a smooth wander over minutes; `oscillation`: a sinusoid, as with breathing or imposed movement;
        `jumps`: steps at random times; `mixture`: all three, the last two at a third of the amplitude.
    amplitude_um : float, default: 10.0
        Largest displacement from rest.
    period_s : float, default: 600.0
        Longest period of the slow wander.
    oscillation_period_s : float, default: 60.0
        Period of the oscillation.
    jumps_per_minute : float, default: 0.2
        Mean number of steps per minute.
    non_rigidity : float, default: 0.0
        0: all depths move alike; 1: the two ends of the probe move independently, depths between them as their mixture.
    """

    kind: str = "none"
    amplitude_um: float = 10.0
    period_s: float = 600.0
    oscillation_period_s: float = 60.0
    jumps_per_minute: float = 0.2
    non_rigidity: float = 0.0

    def __post_init__(self):
        if self.kind not in KINDS:
            raise UserError(f"drift kind was given {self.kind!r}", f"allowed: {', '.join(KINDS)}")
        for name, low, high in (("amplitude_um", 0, 1000), ("period_s", 1e-3, np.inf), ("non_rigidity", 0, 1),
                                ("oscillation_period_s", 1e-3, np.inf), ("jumps_per_minute", 0, 600)):
            if not low <= getattr(self, name) <= high:
                raise UserError(f"drift {name} was given {getattr(self, name)}", f"allowed: {low} to {high}")


class Drift:
    """Displacement of the tissue for one recording.

    Parameters
    ----------
    settings : DriftSettings
    depth_range_um : (float, float)
        Depths y between which non-rigid drift changes.
    duration_s : float
        Length of the recording; jumps happen within it.
    seed : int
    """

    def __init__(self, settings: DriftSettings, depth_range_um: tuple[float, float], duration_s: float, seed: int):
        self.settings = settings
        self.depth_range_um = (float(depth_range_um[0]), float(depth_range_um[1]))
        self.courses = [TimeCourse(settings, duration_s, np.random.default_rng([seed, DRIFT_STREAM, end]))
                        for end in range(2)]

    @property
    def max_displacement_um(self) -> float:
        """Bound of the absolute displacement."""
        return 0.0 if self.settings.kind == "none" else float(self.settings.amplitude_um)

    def displacement_um(self, times_s, depths_um) -> np.ndarray:
        """Return displacements at times and depths, which broadcast against each other."""
        times_s, depths_um = np.asarray(times_s, dtype=float), np.asarray(depths_um, dtype=float)
        shape = np.broadcast_shapes(times_s.shape, depths_um.shape)
        if self.max_displacement_um == 0:
            return np.zeros(shape)
        bottom = self.courses[0](times_s)
        if self.settings.non_rigidity == 0:
            return np.broadcast_to(bottom, shape).copy()
        low, high = self.depth_range_um
        height = np.clip((depths_um - low) / max(high - low, 1e-9), 0.0, 1.0) * self.settings.non_rigidity
        return (1 - height) * bottom + height * self.courses[1](times_s)


class TimeCourse:
    """One displacement against time, never beyond the amplitude; 0 at time 0 for smooth kinds."""

    def __init__(self, settings: DriftSettings, duration_s: float, rng: np.random.Generator):
        self.settings = settings
        shares = {"none": (0, 0, 0), "slow": (1, 0, 0), "oscillation": (0, 1, 0), "jumps": (0, 0, 1),
                  "mixture": (3, 1, 1)}[settings.kind]
        self.amplitudes_um = settings.amplitude_um * np.array(shares) / max(sum(shares), 1)
        self.periods_s = settings.period_s / np.arange(1, N_SLOW_WAVES + 1)
        self.phases = rng.uniform(0, 2 * np.pi, N_SLOW_WAVES)
        weights = rng.uniform(0.5, 1.0, N_SLOW_WAVES) / np.arange(1, N_SLOW_WAVES + 1)
        # sin(a + p) - sin(p) reaches 2 at most: half of it keeps the sum within the amplitude.
        self.weights = weights / weights.sum() / 2
        self.direction = rng.choice([-1.0, 1.0])
        n_jumps = rng.poisson(settings.jumps_per_minute * duration_s / 60)
        self.jump_times_s = np.sort(rng.uniform(0, duration_s, n_jumps))
        self.levels = np.concatenate([[0.0], rng.uniform(-1, 1, n_jumps)])

    def __call__(self, times_s: np.ndarray) -> np.ndarray:
        slow, oscillation, jumps = self.amplitudes_um
        total = np.zeros(times_s.shape)
        if slow:
            angles = 2 * np.pi * times_s[..., None] / self.periods_s + self.phases
            total += slow * ((np.sin(angles) - np.sin(self.phases)) * self.weights).sum(axis=-1)
        if oscillation:
            total += oscillation * self.direction * np.sin(2 * np.pi * times_s / self.settings.oscillation_period_s)
        if jumps:
            total += jumps * self.levels[np.searchsorted(self.jump_times_s, times_s, side="right")]
        return total
