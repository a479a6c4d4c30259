"""From rendered windows to labelled events: what the sorter will see, with the truth beside it."""

from dataclasses import dataclass, fields

import numpy as np
import torch

from simsort.models.band import band_pass
from simsort.models.candidates import cut_snippets, find_candidates
from simsort.models.neighbourhoods import neighbourhoods
from simsort.models.input_form import InputForm
from simsort.models.whitening import Whitening, fit_whitening
from simsort.simulation.recordings.batches import BatchRenderer

EDGE_MS = 6.0  # of a window, where the filter has not settled
MATCH_MS = 0.4
SHARE_OF_PEAK = 0.5  # a spike counts on channels where it reaches this share of its peak
LEAST_SNR = 3.0  # weaker spikes are neither spikes nor noise
WHITENING_SEED = 7
WINDOW_S = 0.3


@dataclass(frozen=True, kw_only=True)
class Events:
    """Events of one recording.

    Parameters
    ----------
    snippets : tensor, (n, n_channels, n_samples) float32
    offsets_um : tensor, (n, n_channels, 2)
    is_there : tensor, (n, n_channels) bool
    unit : tensor, (n,) int64
        Index of the unit, -1 for noise, -2 for what is too weak to ask for.
    shift_samples : tensor, (n,)
        From the trough to the true time; 0 without a unit.
    displacement_um : tensor, (n,)
    snr : tensor, (n,)
        Peak of the clean spike over the noise level of its channel.
    """

    snippets: torch.Tensor
    offsets_um: torch.Tensor
    is_there: torch.Tensor
    unit: torch.Tensor
    shift_samples: torch.Tensor
    displacement_um: torch.Tensor
    snr: torch.Tensor

    def to(self, device) -> "Events":
        """Return the same on another device."""
        return Events(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})

    def only(self, index) -> "Events":
        """Return some of the events."""
        return Events(**{field.name: getattr(self, field.name)[index] for field in fields(self)})


class EventMaker:
    """Renders one recording's windows and finds events in them.

    Parameters
    ----------
    situation : Situation
    config : InputForm
    device : str, default: "cpu"
    """

    def __init__(self, situation, config: InputForm, device: str = "cpu"):
        plan = situation.plan
        self.config = config
        self.renderer = BatchRenderer(plan, device)
        self.fs = situation.sampling_frequency_hz
        self.window_samples = round(WINDOW_S * self.fs)
        contacts_um = plan.contacts_um
        near = neighbourhoods(contacts_um, config.radius_um, config.n_channels)
        self.channels, self.is_there, self.offsets_um = (torch.as_tensor(table, device=device) for table in (
            near.channels, near.is_there, near.offsets_um))
        rivals = neighbourhoods(contacts_um, config.exclude_um, min(len(contacts_um), 32))
        self.rivals = torch.as_tensor(rivals.channels, device=device)
        self.whitening = self.measure_noise(contacts_um)
        self.matrix = torch.as_tensor(self.whitening.matrix, device=device)
        self.noise_uv = torch.as_tensor(self.whitening.noise_uv.astype(np.float32), device=device)

    def filtered(self, traces_uv: torch.Tensor) -> torch.Tensor:
        """Return windows in the network's band, at its sampling rate."""
        return band_pass(traces_uv, self.fs, self.config.band_hz, self.config.sampling_frequency_hz)

    @property
    def edge(self) -> int:
        """Samples at each end of a window that are not used."""
        return round(EDGE_MS * self.config.sampling_frequency_hz / 1000) + self.config.n_samples

    def measure_noise(self, contacts_um: np.ndarray) -> Whitening:
        """Return the whitening, from windows of its own."""
        batch = self.renderer.render(n_windows=12, window_samples=self.window_samples, seed=WHITENING_SEED)
        filtered = self.filtered(batch.traces_uv)[:, :, self.edge:-self.edge]
        joined = filtered.transpose(0, 1).reshape(filtered.shape[1], -1).cpu().numpy()
        return fit_whitening(joined, contacts_um, self.config.sampling_frequency_hz)

    def make(self, *, n_windows: int, seed: int) -> Events:
        """Render windows and return the events in them.

        Parameters
        ----------
        n_windows : int
        seed : int
            Chooses the windows.
        """
        batch = self.renderer.render(n_windows=n_windows, window_samples=self.window_samples, seed=seed)
        whitened = self.matrix @ self.filtered(batch.traces_uv)
        config = self.config
        exclude = round(config.exclude_ms * config.sampling_frequency_hz / 1000)
        window, channel, sample = find_candidates(whitened, self.rivals, threshold=config.threshold,
                                                  exclude_samples=exclude)
        inside = (sample >= self.edge) & (sample < whitened.shape[2] - self.edge)
        window, channel, sample = window[inside], channel[inside], sample[inside]
        labels = self.labels(batch, whitened.shape[2], window, channel, sample)
        snippets = cut_snippets(whitened, self.channels, self.is_there, window, channel, sample, config.n_before,
                                config.n_samples)
        return Events(snippets=snippets, offsets_um=self.offsets_um[channel], is_there=self.is_there[channel], **labels)

    def labels(self, batch, length: int, window, channel, sample) -> dict:
        """Match events with true spikes: the one that is largest on the event's channel."""
        ratio = self.config.sampling_frequency_hz / self.fs
        amplitudes = batch.amplitudes_uv / self.noise_uv  # (n_spikes, n_channels)
        times = batch.window.double() * length + batch.time.double() * ratio
        order = torch.argsort(times)
        times, amplitudes = times[order], amplitudes[order]
        unit, displacement = batch.unit[order], batch.displacement_um[order]
        peak = amplitudes.amax(dim=1)
        reach = MATCH_MS * self.config.sampling_frequency_hz / 1000
        at = window.double() * length + sample
        first = torch.searchsorted(times, at - reach)
        last = torch.searchsorted(times, at + reach)
        best = torch.full((len(at),), -1, dtype=torch.int64, device=at.device)
        size = torch.zeros(len(at), device=at.device)
        for step in range(int((last - first).max()) if len(at) else 0):
            spike = (first + step).clamp(max=len(times) - 1)
            here = amplitudes[spike, channel]
            better = (first + step < last) & (here >= SHARE_OF_PEAK * peak[spike]) & (here > size)
            best = torch.where(better, spike, best)
            size = torch.where(better, here, size)
        found = best >= 0
        spike = best.clamp(min=0)
        snr = torch.where(found, peak[spike], 0.0)
        wanted = found & (snr >= LEAST_SNR)
        label = torch.where(wanted, unit[spike], torch.where(found, -2, -1))
        shift = torch.where(wanted, times[spike] - at, 0.0).float()
        return dict(unit=label, shift_samples=shift, displacement_um=torch.where(found, displacement[spike], 0.0),
                    snr=snr)
