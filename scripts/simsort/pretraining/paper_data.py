"""SimSort's own training data: five cells within 50 um of a tetrode at 10 kHz, no noise; it comes as augmentation."""

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch.nn import functional

from simsort.models.band import band_pass
from simsort.models.paper import PAPER_FORM
from simsort.simulation.recordings.batches import BatchRenderer
from simsort.simulation.recordings.plan import RecordingPlan
from simsort.simulation.recordings.presets import preset
from simsort.simulation.recordings.probes import make_probe

N_CELLS = 5
WINDOW, PER_BLOCK, N_BLOCKS = 2000, 16, 2  # 32 windows of 200 ms, cut from whole blocks
SET_S = WINDOW * PER_BLOCK * N_BLOCKS / PAPER_FORM.sampling_frequency_hz
PEAK_AFTER = 2  # samples from the soma's crossing to its peak
LABEL = (-1, 4)  # samples around the peak that are labelled: peak - 1 to peak + 3
N_TRIPLETS = 256
DETECTION_SHARE, DETECTION_NOISE = 0.8, 0.9
IDENTITY_SHARE, IDENTITY_NOISE_UV = 0.5, 4.0
JITTER_SAMPLES, JITTER_STEP = 5, 0.125
LOW_PASS_HZ = 1000.0


@dataclass(frozen=True, kw_only=True)
class PaperSet:
    """Windows for the detector and waveforms for the encoder.

    Parameters
    ----------
    traces : tensor, (n_windows, 4, WINDOW)
        Band-passed, of variance 1.
    is_spike : tensor, (n_windows, WINDOW)
    waveforms_uv : tensor, (n, 4, n_samples)
        For triplets: anchors, positives and negatives one after another, a third each.
    unit : tensor, (n,)
    time : tensor, (n_spikes,)
        Peaks, in samples of the windows put one after another.
    """

    traces: torch.Tensor
    is_spike: torch.Tensor
    waveforms_uv: torch.Tensor
    unit: torch.Tensor
    time: torch.Tensor

    def to(self, device) -> "PaperSet":
        """Return the same on another device."""
        return PaperSet(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


class PaperSource:
    """Draws recordings of five cells.

    Parameters
    ----------
    cells : Cells
    n_windows : int, default: 32
        Windows of a set, 32 at most: attention over whole windows takes 60 MB of memory for each and layer.
    device : str, default: "cpu"
    """

    def __init__(self, cells, *, n_windows: int = PER_BLOCK * N_BLOCKS, device: str = "cpu"):
        self.cells, self.n_windows, self.device = cells, n_windows, device

    def draw(self, seed: int) -> "PaperRecording":
        """Draw a recording."""
        rng = np.random.default_rng([seed, 213])
        chosen = np.sort(rng.choice(len(self.cells), size=min(N_CELLS, len(self.cells)), replace=False))
        settings = preset("paper", mode="library").settings  # spikes from snippets: whole currents take hours
        cells = [self.cells[index] for index in chosen.tolist()]
        plan = RecordingPlan(cells, make_probe("tetrode-paper"), settings, seed)
        return PaperRecording(plan, self.n_windows, self.device)


class PaperRecording:
    """Sets of one recording."""

    def __init__(self, plan: RecordingPlan, n_windows: int, device: str = "cpu"):
        self.renderer, self.fs = BatchRenderer(plan, device), plan.settings.sampling_frequency_hz
        self.n_windows = n_windows

    def set(self, seed: int) -> PaperSet:
        """Make windows and 256 triplets."""
        made = self.make(seed, triplets=True)
        return replace(made, traces=made.traces[:self.n_windows], is_spike=made.is_spike[:self.n_windows]).to("cpu")

    def make(self, seed: int, *, triplets: bool) -> PaperSet:
        """Make 32 windows, and triplets or all spikes."""
        size = WINDOW * PER_BLOCK
        batch = self.renderer.render(n_windows=N_BLOCKS, window_samples=size, seed=seed)
        filtered = band_pass(batch.traces_uv, self.fs, PAPER_FORM.band_hz, self.fs)
        filtered = filtered / filtered.std().clamp(min=1e-6)
        traces = filtered.unflatten(2, (PER_BLOCK, WINDOW)).transpose(1, 2).flatten(0, 1)
        peak = (batch.window * size + batch.time.long() + PEAK_AFTER).clamp(max=N_BLOCKS * size - 1)
        is_spike = torch.zeros(N_BLOCKS * size, device=peak.device)
        for offset in range(*LABEL):
            is_spike[(peak + offset).clamp(0, len(is_spike) - 1)] = 1.0
        smooth = low_passed(batch.traces_uv, self.fs).transpose(0, 1).flatten(1)  # 4 x n
        inside = torch.nonzero((peak >= PAPER_FORM.n_before) & (peak < len(is_spike) - PAPER_FORM.n_samples))[:, 0]
        rng = np.random.default_rng([seed, 214])
        rows = inside[draw_triplets(batch.unit[inside].cpu().numpy(), rng)] if triplets else inside
        steps = torch.arange(PAPER_FORM.n_samples, device=peak.device) - PAPER_FORM.n_before
        waveforms_uv = smooth[:, peak[rows][:, None] + steps].transpose(0, 1)
        return PaperSet(traces=traces, is_spike=is_spike.view(-1, WINDOW), waveforms_uv=waveforms_uv,
                        unit=batch.unit[rows], time=peak)


def draw_triplets(unit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return indices (3 * n,) of anchors, positives of the same unit and negatives of others; empty without any."""
    names, counts = np.unique(unit, return_counts=True)
    names = names[counts >= 2]
    if len(np.unique(unit)) < 2 or not len(names):
        return np.zeros(0, dtype=np.int64)
    rows = [[], [], []]
    for name in rng.choice(names, N_TRIPLETS):
        anchor, positive = rng.choice(np.flatnonzero(unit == name), 2, replace=False)
        for part, row in zip(rows, (anchor, positive, rng.choice(np.flatnonzero(unit != name)))):
            part.append(row)
    return np.concatenate(rows).astype(np.int64)


def low_passed(traces_uv: torch.Tensor, sampling_frequency_hz: float) -> torch.Tensor:
    """Return traces after a first-order low-pass, run forwards and backwards."""
    frequencies_hz = torch.fft.rfftfreq(traces_uv.shape[-1], 1 / sampling_frequency_hz, device=traces_uv.device)
    return torch.fft.irfft(torch.fft.rfft(traces_uv) / (1 + (frequencies_hz / LOW_PASS_HZ) ** 2), n=traces_uv.shape[-1])


def disturbed(signals: torch.Tensor, share: float, lowest: float, noise: float,
              generator: torch.Generator) -> torch.Tensor:
    """Change some channels of some signals (n, n_channels, n_samples), each on its own: the published augmentation.

    Amplitudes from `lowest` to 1, circular shifts up to 5 samples in eighths, white noise. It breaks what channels say
    together; `augment.py` does not.
    """
    n, n_channels, n_samples = signals.shape
    draws = torch.rand((5, n, n_channels), generator=generator, device=signals.device)
    n_changed = torch.floor(draws[0, :, :1] * n_channels)  # one to all of the channels
    chosen = (draws[1].argsort(dim=1).argsort(dim=1) <= n_changed) & (draws[2, :, :1] < share)
    shift = torch.round(JITTER_SAMPLES * (2 * draws[3] - 1) / JITTER_STEP) * JITTER_STEP
    turn = torch.exp(-2j * torch.pi * torch.fft.rfftfreq(n_samples, device=signals.device) * shift[:, :, None])
    amplitude = lowest + (1 - lowest) * draws[4]
    changed = torch.fft.irfft(torch.fft.rfft(signals) * turn, n=n_samples) * amplitude[:, :, None]
    changed = changed + noise * torch.randn(signals.shape, generator=generator, device=signals.device)
    return torch.where(chosen[:, :, None], changed, signals)


def centres_of_runs(found: torch.Tensor) -> torch.Tensor:
    """Return the centres (n,) of runs of true samples."""
    edges = functional.pad(found.int(), (1, 1)).diff()
    return (torch.nonzero(edges == 1)[:, 0] + torch.nonzero(edges == -1)[:, 0] - 1) // 2
