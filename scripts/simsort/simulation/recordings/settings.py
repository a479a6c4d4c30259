"""Settings of a simulated recording."""

from dataclasses import dataclass, field

from simsort.errors import UserError
from simsort.simulation.recordings.drift import DriftSettings
from simsort.simulation.recordings.electronics import ElectronicsSettings
from simsort.simulation.recordings.noise import NoiseSettings
from simsort.simulation.recordings.placement import PlacementSettings
from simsort.simulation.recordings.spike_trains import SpikeTrainSettings

SHORTEST_S = 0.1


@dataclass(frozen=True, kw_only=True)
class RecordingSettings:
    """Everything about a recording but its cells and its probe.

    Parameters
    ----------
    duration_s : float, default: 60.0
    sampling_frequency_hz : float, default: 30000.0
        Libraries of another rate are resampled.
    foreground_uv : float, default: 30.0
        Cells whose mean spike, between 300 and 6000 Hz, reaches this peak on a contact are the ground truth.
    background_uv : float, default: 2.0
        Weaker cells down to this peak fire too; those below are left to the noise.
    conductivity_s_per_m : float, default: 0.3
    contact_points : int, default: 4
        Points over which the potential is averaged on each contact.
    mode : "library" | "continuous", default: "library"
        Spikes from snippets, or whole membrane currents (`continuous.py`).
    placement, trains, noise, drift, electronics
        See their classes. `noise` may be None for none at all.
    """

    duration_s: float = 60.0
    sampling_frequency_hz: float = 30000.0
    foreground_uv: float = 30.0
    background_uv: float = 2.0
    conductivity_s_per_m: float = 0.3
    contact_points: int = 4
    mode: str = "library"
    placement: PlacementSettings = field(default_factory=PlacementSettings)
    trains: SpikeTrainSettings = field(default_factory=SpikeTrainSettings)
    noise: NoiseSettings | None = field(default_factory=NoiseSettings)
    drift: DriftSettings = field(default_factory=DriftSettings)
    electronics: ElectronicsSettings = field(default_factory=ElectronicsSettings)

    def __post_init__(self):
        if not self.duration_s >= SHORTEST_S:
            raise UserError(f"duration_s was given {self.duration_s}", f"allowed: at least {SHORTEST_S}")
        if not 5000 <= self.sampling_frequency_hz <= 200000:
            raise UserError(f"sampling_frequency_hz was given {self.sampling_frequency_hz}", "allowed: 5000 to 200000")
        if self.mode not in ("library", "continuous"):
            raise UserError(f"mode was given {self.mode!r}", "allowed: library, continuous")
        for name in ("foreground_uv", "background_uv"):
            if not getattr(self, name) >= 0:
                raise UserError(f"{name} was given {getattr(self, name)}", "allowed: 0 or more")
        if not self.conductivity_s_per_m > 0:
            raise UserError(f"conductivity_s_per_m was given {self.conductivity_s_per_m}", "allowed: above 0")
        if not 1 <= self.contact_points <= 100:
            raise UserError(f"contact_points was given {self.contact_points}", "allowed: 1 to 100")

    @property
    def n_samples(self) -> int:
        """Length of the recording in samples."""
        return round(self.duration_s * self.sampling_frequency_hz)
