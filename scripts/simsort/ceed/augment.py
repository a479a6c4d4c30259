"""CEED's augmentations with the published probabilities and ranges, all spikes of a batch at once, on any device."""

from dataclasses import dataclass, field, fields, replace

import torch
from torch.nn import functional

from simsort.ceed.spikes import LabelledSpikes
from simsort.models.ceed_form import CeedForm, shape_of

UPSAMPLING = 8
TROUGH = 5  # samples around a spike in which its trough lies, on whichever channel
JITTER_PAD = 4  # samples at both ends, so that what is moved out at one does not come in at the other
LARGEST_JITTER = 2.0  # samples, whole waveform


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How likely each change is, and how large (supplement of CEED; temporal jitter and noise after YASS).

    Parameters
    ----------
    collision, shift, amplitude, jitter, noise : float
        Probabilities. Shift: of a window that is not centred on the largest channel.
    recut : float, default: 0.0
        Probability of a window around the channel that would be the deepest with more noise, our addition: of the
        windows of one neuron's spikes, each cut around its own deepest channel, this is how the middles differ.
    amplitude_range : (float, float), default: (0.9, 1.1)
    collision_scale : (float, float), default: (0.2, 1.0)
    collision_samples : (int, int), default: (5, 60)
        How far, either way, the other spike lies.
    noise_scale : float, default: 1.0
    """

    collision: float = 0.4
    shift: float = 0.5
    amplitude: float = 0.7
    jitter: float = 0.6
    noise: float = 0.5
    recut: float = 0.0
    amplitude_range: tuple = (0.9, 1.1)
    collision_scale: tuple = (0.2, 1.0)
    collision_samples: tuple = (5, 60)
    noise_scale: float = 1.0

    @classmethod
    def without(cls, *names: str, **changes) -> "Augmentation":
        """Return the published one without some of the changes."""
        return cls(**{name: 0.0 for name in names}, **changes)


@dataclass(frozen=True, kw_only=True)
class Tables:
    """What augmentation needs to know of the recordings, on the device: see `LabelledSpikes`."""

    is_there: torch.Tensor
    offsets_um: torch.Tensor
    spatial_roots: torch.Tensor
    temporal_roots: torch.Tensor

    @classmethod
    def of(cls, spikes: LabelledSpikes, device) -> "Tables":
        """Take the tables of spikes onto a device."""
        return cls(**{one.name: torch.as_tensor(getattr(spikes, one.name), device=device) for one in fields(cls)})


@dataclass(frozen=True, kw_only=True)
class SpikeBatch:
    """A batch of spikes, or views of them.

    Parameters
    ----------
    waveforms : tensor, (n, n_wide, n_samples), or (n, n_channels, n_samples) of views
    unit, recording, row : tensors, (n,) int64
        The row moves with the window of a view.
    offsets_um : tensor, (n, n_channels, 2), or empty
        Of a view's channels, from its middle one.
    """

    waveforms: torch.Tensor
    unit: torch.Tensor
    recording: torch.Tensor
    row: torch.Tensor
    offsets_um: torch.Tensor = field(default_factory=lambda: torch.zeros(0))

    def to(self, device) -> "SpikeBatch":
        """Return the same on another device."""
        return replace(self, **{one.name: getattr(self, one.name).to(device, non_blocking=True)
                                for one in fields(self)})


def view_of(batch: SpikeBatch, tables: Tables, form: CeedForm, how: Augmentation,
            generator: torch.Generator) -> SpikeBatch:
    """Return one augmented view of every spike.

    Parameters
    ----------
    batch : SpikeBatch
        Wide windows.
    tables : Tables
    form : CeedForm
    how : Augmentation
    generator : torch.Generator
        On the batch's device; every change of every spike is drawn from it.

    Returns
    -------
    SpikeBatch
        Windows of the form's channels.
    """
    waveforms = collided(batch.waveforms, how, generator)
    waveforms, row = shifted(waveforms, batch.row, tables, form, how, generator)
    waveforms = scaled(waveforms, how, generator)
    waveforms = jittered(waveforms, how, generator)
    noise_scale = how.noise_scale
    if form.shape_only:  # amplitude and noise are told in noise levels before the size is taken away
        size = waveforms.abs().amax(dim=(1, 2), keepdim=True).clamp(min=1e-6)
        waveforms, noise_scale = waveforms / size, noise_scale / size
    waveforms = noisy(waveforms, batch.recording, row, tables, how, noise_scale, generator)
    waveforms = shape_of(waveforms) if form.shape_only else waveforms
    return replace(batch, waveforms=waveforms, row=row, offsets_um=form.middle(tables.offsets_um[row]))


def uniform(n: int, low: float, high: float, generator: torch.Generator) -> torch.Tensor:
    """Return uniform numbers (n,)."""
    return low + (high - low) * torch.rand(n, generator=generator, device=generator.device)


def chosen(n: int, probability: float, generator: torch.Generator) -> torch.Tensor:
    """Return which of `n` spikes are changed."""
    return torch.rand(n, generator=generator, device=generator.device) < probability


def collided(waveforms: torch.Tensor, how: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Add another spike of the batch, smaller and some samples away, to some spikes."""
    n, n_channels, n_samples = waveforms.shape
    device = waveforms.device
    is_hit = chosen(n, how.collision, generator)
    other = (torch.arange(n, device=device) + torch.randint(1, max(n, 2), (n,), generator=generator, device=device)) % n
    low, high = how.collision_samples
    delay = torch.randint(low, high, (n,), generator=generator, device=device)
    delay = torch.where(chosen(n, 0.5, generator), delay, -delay)
    scale = uniform(n, *how.collision_scale, generator) * is_hit
    source = torch.arange(n_samples, device=device) - delay[:, None]  # (n, n_samples)
    inside = (source >= 0) & (source < n_samples)
    index = source.clamp(0, n_samples - 1)[:, None].expand(n, n_channels, n_samples)
    moved = waveforms[other].gather(2, index) * inside[:, None]
    return waveforms + moved * scale[:, None, None]


def shifted(waveforms: torch.Tensor, row: torch.Tensor, tables: Tables, form: CeedForm, how: Augmentation,
            generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut windows of the form's channels, some with another middle; the largest channel is always among them."""
    n, reach = len(waveforms), form.reach
    device = waveforms.device
    is_moved = chosen(n, how.shift, generator)
    shift = torch.randint(-reach, reach + 1, (n,), generator=generator, device=device) * is_moved
    middle = form.n_wide // 2
    if how.recut > 0:
        is_recut = chosen(n, how.recut, generator)
        shift = torch.where(is_recut, deepest(waveforms, tables.is_there[row], form, generator), shift)
    exists = tables.is_there[row].gather(1, (middle + shift)[:, None])[:, 0]
    shift = shift * exists  # at the end of a shank the window stays
    index = (reach + shift)[:, None] + torch.arange(form.n_channels, device=device)
    return waveforms.gather(1, index[:, :, None].expand(-1, -1, waveforms.shape[2])), row + shift


def deepest(waveforms: torch.Tensor, is_there: torch.Tensor, form: CeedForm, generator: torch.Generator) -> torch.Tensor:
    """Return how far from the middle (n,) the channel lies that is deepest with noise added to what is there."""
    middle, reach = form.n_wide // 2, form.reach
    near = slice(middle - reach, middle + reach + 1)
    depth = -waveforms[:, near, form.n_before - TROUGH:form.n_before + TROUGH + 1].amin(dim=2)
    other = torch.randn(depth.shape, generator=generator, device=depth.device)
    return torch.where(is_there[:, near], depth + other, -torch.inf).argmax(dim=1) - reach


def scaled(waveforms: torch.Tensor, how: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Change the size of some spikes, the same on all channels."""
    n = len(waveforms)
    factor = torch.where(chosen(n, how.amplitude, generator), uniform(n, *how.amplitude_range, generator), 1.0)
    return waveforms * factor[:, None, None]


def jittered(waveforms: torch.Tensor, how: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Move some spikes: by eighths of a sample, then by up to two samples, the same on all channels."""
    n = len(waveforms)
    eighths = torch.randint(0, UPSAMPLING, (n,), generator=generator, device=waveforms.device) / UPSAMPLING
    whole = uniform(n, -LARGEST_JITTER, LARGEST_JITTER, generator)
    delay = torch.where(chosen(n, how.jitter, generator), whole - eighths, 0.0)
    padded = functional.pad(waveforms, (JITTER_PAD, JITTER_PAD), mode="replicate")
    frequencies = torch.fft.rfftfreq(padded.shape[2], device=waveforms.device)
    turn = torch.exp(-2j * torch.pi * frequencies * delay[:, None])
    moved = torch.fft.irfft(torch.fft.rfft(padded) * turn[:, None], n=padded.shape[2])
    return moved[:, :, JITTER_PAD:-JITTER_PAD]


def noisy(waveforms: torch.Tensor, recording: torch.Tensor, row: torch.Tensor, tables: Tables, how: Augmentation,
          scale, generator: torch.Generator) -> torch.Tensor:
    """Add noise with the covariance of each spike's own channels and recording to some spikes."""
    is_noisy = chosen(len(waveforms), how.noise, generator).nonzero()[:, 0]
    white = torch.randn((len(is_noisy), *waveforms.shape[1:]), generator=generator, device=waveforms.device)
    in_space = torch.bmm(tables.spatial_roots[row[is_noisy]], white)
    if len(tables.temporal_roots) == 1:
        noise = in_space @ tables.temporal_roots[0]
    else:
        noise = torch.bmm(in_space, tables.temporal_roots[recording[is_noisy]])
    noise = noise * (scale[is_noisy] if isinstance(scale, torch.Tensor) else scale)
    return waveforms.index_add(0, is_noisy, noise)
