"""From rendered windows to labelled events: what the sorter will see, with the truth beside it."""

from dataclasses import dataclass, fields, replace

import numpy as np
import torch

from simsort.models.band import band_pass
from simsort.models.candidates import cut_snippets, find_candidates
from simsort.models.input_form import InputForm
from simsort.models.neighbourhoods import neighbourhoods
from simsort.models.whitening import fit_whitening
from simsort.simulation.recordings.batches import Batch, BatchRenderer

EDGE_MS = 6.0  # of a window, where the filter has not settled
MATCH_MS = 0.4
SHARE_OF_PEAK = 0.5  # a spike counts on channels where it reaches this share of its peak
LEAST_SNR = 3.0  # weaker spikes are neither spikes nor noise
WHITENING_SEED, N_WHITENING = 2**31 - 1, 3
MOST_RIVALS = 32


@dataclass(frozen=True, kw_only=True)
class Events:
    """Events of one recording.

    Parameters
    ----------
    snippets : tensor, (n, n_channels, n_samples) float32
    offsets_um : tensor, (n, n_channels, 2)
    is_there : tensor, (n, n_channels) bool
    position_um : tensor, (n, 2)
        Of the event's own channel.
    unit : tensor, (n,) int64
        Index of the unit, -1 for noise, -2 for what is too weak to ask for.
    shift_samples : tensor, (n,)
        From the trough to the true time; 0 without a unit.
    displacement_um : tensor, (n,)
    snr : tensor, (n,)
        Peak of the clean spike over the noise level of its channel.
    duration_s : float, default: 0.0
        Of the recording that they were found in.
    """

    snippets: torch.Tensor
    offsets_um: torch.Tensor
    is_there: torch.Tensor
    position_um: torch.Tensor
    unit: torch.Tensor
    shift_samples: torch.Tensor
    displacement_um: torch.Tensor
    snr: torch.Tensor
    duration_s: float = 0.0

    def to(self, device) -> "Events":
        """Return the same on another device."""
        return replace(self, **{name: getattr(self, name).to(device, non_blocking=True) for name in BY_EVENT})

    def only(self, index) -> "Events":
        """Return some of the events."""
        return replace(self, **{name: getattr(self, name)[index] for name in BY_EVENT})


BY_EVENT = tuple(field.name for field in fields(Events) if field.name != "duration_s")


@dataclass(frozen=True, kw_only=True)
class Troughs:
    """Candidates of some windows: window, channel, sample, and the true spike (its index, -1 for none), each (n,)."""

    window: torch.Tensor
    channel: torch.Tensor
    sample: torch.Tensor
    spike: torch.Tensor


class EventMaker:
    """Renders one recording's windows and finds events in them.

    Parameters
    ----------
    situation : Situation
    form : InputForm
    device : str, default: "cpu"
    """

    def __init__(self, situation, form: InputForm, device: str = "cpu"):
        plan = situation.plan
        self.form, self.plan = form, plan
        self.renderer = BatchRenderer(plan, device)
        # Whole blocks, of lengths that Fourier transforms like: the sampling rate is drawn at random anyway.
        self.window_samples = fast_length(plan.block_samples - self.renderer.skip)
        self.length = fast_length(round(self.window_samples * form.sampling_frequency_hz
                                        / situation.sampling_frequency_hz))
        self.fs = form.sampling_frequency_hz * self.window_samples / self.length
        near = neighbourhoods(plan.contacts_um, form.radius_um, form.n_channels)
        self.channels, self.is_there, self.offsets_um, self.contacts_um = (
            torch.as_tensor(table, device=device) for table in (near.channels, near.is_there, near.offsets_um,
                                                                plan.contacts_um.astype(np.float32)))
        rivals = neighbourhoods(plan.contacts_um, form.exclude_um, min(plan.n_channels, MOST_RIVALS))
        self.rivals = torch.as_tensor(rivals.channels, device=device)
        self.edge = round(EDGE_MS * form.sampling_frequency_hz / 1000) + form.n_samples
        self.matrix, self.noise_uv, self.n_per_window = self.measure_noise()

    def filtered(self, traces_uv: torch.Tensor) -> torch.Tensor:
        """Return windows in the networks' band, at their sampling rate."""
        return band_pass(traces_uv, self.fs, self.form.band_hz, self.form.sampling_frequency_hz)

    def measure_noise(self) -> tuple[torch.Tensor, torch.Tensor, float]:
        """Return the whitening matrix, noise levels and events per window, from windows of its own."""
        batch = self.renderer.render(n_windows=N_WHITENING, window_samples=self.window_samples, seed=WHITENING_SEED)
        filtered = self.filtered(batch.traces_uv)
        joined = filtered[:, :, self.edge:-self.edge].transpose(0, 1).reshape(filtered.shape[1], -1).cpu().numpy()
        whitening = fit_whitening(joined, self.plan.contacts_um, self.form.sampling_frequency_hz)
        self.matrix, self.noise_uv = (torch.as_tensor(values.astype(np.float32), device=filtered.device)
                                      for values in (whitening.matrix, whitening.noise_uv))
        found = self.events(batch, self.matrix @ filtered)[0]
        n_spikes, n_noise = int((found.unit >= 0).sum()), int((found.unit < 0).sum())
        return self.matrix, self.noise_uv, (n_spikes + min(n_noise, n_spikes)) / N_WHITENING

    def windows(self, n_windows: int, seed: int) -> tuple[Batch, torch.Tensor]:
        """Render windows; return them with their truth, and whitened (n_windows, n_channels, n_samples)."""
        batch = self.renderer.render(n_windows=n_windows, window_samples=self.window_samples, seed=seed)
        return batch, self.matrix @ self.filtered(batch.traces_uv)

    def make(self, *, n_windows: int, seed: int) -> Events:
        """Render windows and return the events in them."""
        return self.events(*self.windows(n_windows, seed))[0]

    def events(self, batch: Batch, whitened: torch.Tensor) -> tuple[Events, Troughs]:
        """Find the events in windows and label them."""
        form = self.form
        window, channel, sample = find_candidates(whitened, self.rivals, threshold=form.threshold,
                                                  exclude_samples=form.exclude_samples)
        inside = (sample >= self.edge) & (sample < whitened.shape[2] - self.edge)
        window, channel, sample = window[inside], channel[inside], sample[inside]
        labels, spike = self.labels(batch, window, channel, sample)
        snippets = cut_snippets(whitened, self.channels, self.is_there, window, channel, sample, form.n_before,
                                form.n_samples)
        events = Events(snippets=snippets, offsets_um=self.offsets_um[channel], is_there=self.is_there[channel],
                        position_um=self.contacts_um[channel], **labels,
                        duration_s=len(whitened) * self.length / form.sampling_frequency_hz)
        return events, Troughs(window=window, channel=channel, sample=sample, spike=spike)

    def labels(self, batch: Batch, window, channel, sample) -> tuple[dict, torch.Tensor]:
        """Return what is true of events, and the true spike (n_events,) of each, -1 for none."""
        amplitudes = batch.amplitudes_uv / self.noise_uv.clamp(min=1e-6)  # (n_spikes, n_channels)
        at = window.double() * self.length + sample
        spike = self.match(self.spike_times(batch), amplitudes, at, channel)
        own = torch.nonzero(spike >= 0)[:, 0]
        mine, snr = spike[own], torch.zeros(len(at), device=at.device)
        unit, displacement_um, shift = torch.full_like(spike, -1), torch.zeros_like(snr), torch.zeros_like(snr)
        snr[own] = amplitudes[mine].amax(dim=1) if len(own) else 0.0
        displacement_um[own] = batch.displacement_um[mine]
        strong = snr[own] >= LEAST_SNR
        unit[own] = torch.where(strong, batch.unit[mine], -2)
        shift[own] = torch.where(strong, self.spike_times(batch)[mine] - at[own], 0.0).float()
        return dict(unit=unit, shift_samples=shift, displacement_um=displacement_um, snr=snr), spike

    def match(self, spike_times: torch.Tensor, amplitudes: torch.Tensor, at, channel) -> torch.Tensor:
        """Return the spike (n_events,) that is largest on each event's channel at its time, -1 for none."""
        times, order = torch.sort(spike_times)
        reach = MATCH_MS * self.form.sampling_frequency_hz / 1000
        first, last = torch.searchsorted(times, at - reach), torch.searchsorted(times, at + reach)
        best = torch.full((len(at),), -1, dtype=torch.int64, device=at.device)
        size = torch.zeros(len(at), device=at.device)
        peak = amplitudes.amax(dim=1) if len(times) else size
        for step in range(int((last - first).max()) if len(at) else 0):
            spike = order[(first + step).clamp(max=len(times) - 1)]
            here = amplitudes[spike, channel]
            better = (first + step < last) & (here >= SHARE_OF_PEAK * peak[spike]) & (here > size)
            best, size = torch.where(better, spike, best), torch.where(better, here, size)
        return best

    def spike_times(self, batch: Batch) -> torch.Tensor:
        """Return the times (n_spikes,) of true spikes in samples of whitened windows put one after another."""
        return batch.window.double() * self.length + batch.time.double() * (self.length / self.window_samples)


def fast_length(most: int) -> int:
    """Return the largest product of powers of 2, 3 and 5 that is not larger."""
    best, two = 1, 1
    while two <= most:
        three = two
        while three <= most:
            five = three
            while five <= most:
                best, five = max(best, five), five * 5
            three *= 3
        two *= 2
    return best
