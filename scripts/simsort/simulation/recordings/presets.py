"""Named settings: a probe and a `RecordingSettings` each."""

from dataclasses import dataclass, replace

from simsort.errors import UserError
from simsort.simulation.recordings.drift import DriftSettings
from simsort.simulation.recordings.electronics import ElectronicsSettings
from simsort.simulation.recordings.placement import PlacementSettings
from simsort.simulation.recordings.settings import RecordingSettings

INTAN = ElectronicsSettings(uv_per_bit=0.195, n_bits=16)
NEUROPIXELS2 = ElectronicsSettings(uv_per_bit=0.762939, n_bits=14)  # 1.25 V / 2^14 at gain 100


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A probe by name, its number of channels, and settings."""

    probe: str
    n_channels: int | None
    settings: RecordingSettings


PRESETS: dict[str, Preset] = {
    "tetrode": Preset(probe="tetrode", n_channels=None, settings=RecordingSettings(electronics=INTAN)),
    "tetrode-drift": Preset(probe="tetrode", n_channels=None, settings=RecordingSettings(
        electronics=INTAN, drift=DriftSettings(kind="slow", amplitude_um=20.0))),
    "neuropixels1": Preset(probe="neuropixels1", n_channels=32, settings=RecordingSettings()),
    "neuropixels1-drift": Preset(probe="neuropixels1", n_channels=32, settings=RecordingSettings(
        drift=DriftSettings(kind="mixture", amplitude_um=20.0, non_rigidity=0.3))),
    "neuropixels1-384": Preset(probe="neuropixels1", n_channels=384, settings=RecordingSettings(
        drift=DriftSettings(kind="mixture", amplitude_um=20.0, non_rigidity=0.5),
        placement=PlacementSettings(surface_um=2600.0))),
    "neuropixels2": Preset(probe="neuropixels2", n_channels=384, settings=RecordingSettings(electronics=NEUROPIXELS2)),
    "linear": Preset(probe="linear", n_channels=32, settings=RecordingSettings(electronics=INTAN)),
    "polytrode": Preset(probe="polytrode", n_channels=54, settings=RecordingSettings(electronics=INTAN)),
    # SimSort's own data (Simulator of `SimSortTool/SimSort-Tetrode`): 5 cells within 50 um, 10 kHz, nothing else.
    "paper": Preset(probe="tetrode-paper", n_channels=None, settings=RecordingSettings(
        mode="continuous", sampling_frequency_hz=10000.0, foreground_uv=0.0, background_uv=0.0, noise=None,
        electronics=ElectronicsSettings(uv_per_bit=0.1, n_bits=16),
        placement=PlacementSettings(radius_um=50.0, margin_um=0.0, min_distance_um=0.0, n_cells=5, distinct=True),
        contact_points=1)),
}


def preset(name: str, **changes) -> Preset:
    """Return a preset, with fields of its settings changed.

    Parameters
    ----------
    name : str
        One of `PRESETS`.
    **changes
        Fields of `RecordingSettings`.

    Raises
    ------
    UserError
        If there is no such preset.
    """
    if name not in PRESETS:
        raise UserError(f"there is no recording preset {name!r}", f"choose one of {', '.join(PRESETS)}")
    chosen = PRESETS[name]
    return replace(chosen, settings=replace(chosen.settings, **changes))
