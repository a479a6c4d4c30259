"""Training windows of simulated recordings with their spikes, rendered with torch on a CPU or a GPU.

The same plan renders both these windows and `SimulatedRecording`, and the numbers agree. A plan costs seconds and its
recording can be hours long, since nothing is made before it is asked for: one plan gives as many different windows as
wanted.
"""

import heapq
from dataclasses import dataclass

import numpy as np
import torch

from simsort.errors import UserError
from simsort.simulation.recordings.adding import spike_displacements_um
from simsort.simulation.recordings.plan import RecordingPlan
from simsort.simulation.recordings.spike_trains import Spikes

WINDOW_STREAM = 109
UNITS_AT_A_TIME = 64


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Windows of one recording and the spikes in them.

    Parameters
    ----------
    traces_uv : tensor, (n_windows, n_channels, n_samples) float32
    contacts_um : tensor, (n_channels, 2) float32
    starts : tensor, (n_windows,) int64
        First sample of each window in the recording.
    window : tensor, (n_spikes,) int64
        Window of each spike; one spike may be in none or one.
    time : tensor, (n_spikes,) float32
        Time of the soma's crossing in samples from the window's start, with its fraction.
    unit : tensor, (n_spikes,) int64
        Index into `plan.units`.
    is_background : tensor, (n_spikes,) bool
    peak_channel : tensor, (n_spikes,) int64
        Channel of the spike's largest absolute value, at its displacement.
    amplitudes_uv : tensor, (n_spikes, n_channels) float32
        Largest absolute value of the clean spike on each channel, 0 where it was not rendered.
    displacement_um : tensor, (n_spikes,) float32
    """

    traces_uv: torch.Tensor
    contacts_um: torch.Tensor
    starts: torch.Tensor
    window: torch.Tensor
    time: torch.Tensor
    unit: torch.Tensor
    is_background: torch.Tensor
    peak_channel: torch.Tensor
    amplitudes_uv: torch.Tensor
    displacement_um: torch.Tensor


@dataclass(frozen=True, kw_only=True)
class Entries:
    """Spikes of a batch, one entry for each block they reach into, as arrays (n,)."""

    block: np.ndarray
    sample: np.ndarray  # of the crossing, from the start of the block
    unit: np.ndarray
    snippet: np.ndarray
    displacement_um: np.ndarray

    def only(self, chosen: np.ndarray) -> "Entries":
        """Return some of the entries."""
        return Entries(**{name: getattr(self, name)[chosen] for name in self.__dataclass_fields__})


class BatchRenderer:
    """Renders windows of one plan on a device.

    Parameters
    ----------
    plan : RecordingPlan
    device : str, default: "cpu"
        A torch device.
    """

    def __init__(self, plan: RecordingPlan, device: str = "cpu"):
        self.plan, self.device = plan, torch.device(device)
        self.back = self.tensor(np.argsort(plan.order))
        self.margin = plan.n_before + plan.n_after
        # A block's first samples hold some of the noise of the block before: windows start behind them.
        self.skip = plan.noise.fade_samples if plan.noise is not None else 0
        if plan.foreground:
            self.foreground = ForegroundTensors(plan, self.device)
        if plan.background is not None:
            self.fields, self.waves, self.scales, self.models, self.first = (self.tensor(values) for values in (
                plan.background.fields, plan.background.waves, plan.background.scales, plan.background.models,
                plan.background.first_channels))
        if plan.noise is not None:
            self.amplitudes, self.mixing_uv = self.tensor(plan.noise.amplitudes), self.tensor(plan.noise.mixing_uv)

    def tensor(self, values: np.ndarray) -> torch.Tensor:
        """Return an array on the device."""
        return torch.as_tensor(np.ascontiguousarray(values), device=self.device)

    def render(self, *, n_windows: int = 64, window_samples: int = 2048, seed: int = 0, noise: bool = True,
               digitise: bool = False) -> Batch:
        """Render windows at random times.

        Parameters
        ----------
        n_windows, window_samples : int
        seed : int
            Chooses the times; same seed, same windows.
        noise : bool, default: True
            Whether the noise is added.
        digitise : bool, default: False
            Whether to add interference and round to the converter's steps, as in the recording.

        Returns
        -------
        batch : Batch

        Raises
        ------
        UserError
            If the recording or its blocks are shorter than a window.
        """
        size = self.plan.block_samples
        per_block = (size - self.skip) // max(window_samples, 1)
        n_whole = self.plan.settings.n_samples // size
        if per_block < 1 or n_whole < 1:
            raise UserError(f"windows of {window_samples} samples were asked of a recording of "
                            f"{self.plan.settings.n_samples} in blocks of {size}",
                            "use shorter windows or a longer recording")
        rng = np.random.default_rng([self.plan.seed, WINDOW_STREAM, seed])
        n_blocks = -(-n_windows // per_block)
        # Without repetition as long as there are enough.
        blocks = rng.permutation(n_whole)[:n_blocks] if n_blocks <= n_whole else rng.integers(0, n_whole, n_blocks)
        traces_uv, entries, spikes_uv = self.blocks_uv(blocks, noise=noise)
        if digitise:
            traces_uv = self.digitised(traces_uv, blocks)
        starts_in_block = self.skip + np.arange(per_block) * window_samples
        whole = traces_uv[:, :, self.skip:self.skip + per_block * window_samples]
        windows = whole.reshape(n_blocks, self.plan.n_channels, per_block, window_samples).transpose(1, 2)
        windows = windows.reshape(-1, self.plan.n_channels, window_samples)[:n_windows].contiguous()
        starts = (blocks[:, None] * size + starts_in_block).reshape(-1)[:n_windows]
        return self.batch(windows, starts, entries, spikes_uv, window_samples, per_block)

    def batch(self, windows, starts, entries: Entries, peaks_uv: torch.Tensor, window_samples: int,
              per_block: int) -> Batch:
        """Put windows and the spikes that lie in them together."""
        place = (entries.sample - self.skip) // window_samples
        window = entries.block * per_block + place
        inside = np.flatnonzero((entries.sample >= self.skip) & (place < per_block) & (window < len(windows)))
        inside = inside[np.lexsort((entries.unit[inside], entries.sample[inside], window[inside]))]
        chosen = entries.only(inside)
        library = np.array([unit.library for unit in self.plan.units], dtype=int)[chosen.unit]
        fractions = np.array([self.plan.offsets[k][s] for k, s in zip(library, chosen.snippet)], dtype=np.float32)
        time = (chosen.sample - self.skip) % window_samples + fractions
        amplitudes_uv = peaks_uv[self.tensor(inside)]
        return Batch(
            traces_uv=windows, contacts_um=self.tensor(self.plan.contacts_um.astype(np.float32)),
            starts=self.tensor(starts), window=self.tensor(window[inside]), time=self.tensor(time.astype(np.float32)),
            unit=self.tensor(chosen.unit.astype(np.int64)), amplitudes_uv=amplitudes_uv,
            is_background=self.tensor(chosen.unit >= self.plan.n_foreground),
            peak_channel=amplitudes_uv.argmax(dim=1) if len(inside) else self.tensor(np.zeros(0, dtype=np.int64)),
            displacement_um=self.tensor(chosen.displacement_um.astype(np.float32)))

    def blocks_uv(self, blocks: np.ndarray, *, noise: bool) -> tuple[torch.Tensor, Entries, torch.Tensor]:
        """Render blocks, valid from `self.skip` on.

        Returns
        -------
        traces_uv : tensor, (n_blocks, n_channels, block_samples)
        entries : Entries
        peaks_uv : tensor, (n_entries, n_channels)
            Largest absolute value of each entry's spike on each channel.
        """
        plan, size, margin = self.plan, self.plan.block_samples, self.margin
        entries = self.entries(blocks)
        total = torch.zeros((plan.n_channels, len(blocks), size + 2 * margin), device=self.device)
        peaks_uv = torch.zeros((len(entries.unit), plan.n_channels), device=self.device)
        is_foreground = entries.unit < plan.n_foreground
        for chosen, waveforms in ((np.flatnonzero(is_foreground), self.foreground_waveforms),
                                  (np.flatnonzero(~is_foreground), self.background_waveforms)):
            if len(chosen):
                chosen, waveforms_uv, first, n_before = waveforms(entries, chosen)
                self.add(total, entries.only(chosen), waveforms_uv, first, n_before)
                channels = first[:, None] + torch.arange(waveforms_uv.shape[1], device=self.device)
                peaks_uv[self.tensor(chosen)[:, None], channels] = waveforms_uv.abs().amax(dim=2)
        traces_uv = total[:, :, margin:margin + size].transpose(0, 1)
        if noise and plan.noise is not None:
            traces_uv = traces_uv + self.noise_uv(blocks)
        return traces_uv[:, self.back], entries, peaks_uv[:, self.back]

    def entries(self, blocks: np.ndarray) -> Entries:
        """Return the spikes that reach into blocks."""
        plan, size = self.plan, self.plan.block_samples
        parts: list[Spikes] = [plan.trains.between(block * size - plan.n_after, (block + 1) * size + plan.n_before)
                               for block in blocks]
        counts = [len(part.unit) for part in parts]
        return Entries(
            block=np.repeat(np.arange(len(blocks)), counts),
            sample=np.concatenate([part.sample - block * size for part, block in zip(parts, blocks)]),
            unit=np.concatenate([part.unit for part in parts]),
            snippet=np.concatenate([part.snippet for part in parts]),
            displacement_um=np.concatenate([spike_displacements_um(plan, part) for part in parts]))

    def foreground_waveforms(self, entries: Entries, chosen: np.ndarray):
        """Return entries in another order, their waveforms (n, n_contacts, n_samples), first channels and crossings."""
        chosen = chosen[np.argsort(entries.unit[chosen], kind="stable")]
        waveforms_uv = self.foreground.waveforms_uv(entries.only(chosen))
        units = self.tensor(entries.unit[chosen].astype(np.int64))
        return chosen, waveforms_uv, self.foreground.first[units], self.foreground.n_before

    def background_waveforms(self, entries: Entries, chosen: np.ndarray):
        """Return entries, their waveforms (n, n_contacts, n_samples), first channels and crossings."""
        units = self.tensor(entries.unit[chosen].astype(np.int64) - self.plan.n_foreground)
        background = self.plan.background
        fields = between_grid(self.fields, units, entries.displacement_um[chosen], background, self.device)
        scales = self.scales[self.models[units], self.tensor(entries.snippet[chosen].astype(np.int64))]
        waveforms_uv = torch.bmm(fields * scales[:, None, None], self.waves[units])
        return chosen, waveforms_uv, self.first[units], background.n_before

    def add(self, total: torch.Tensor, entries: Entries, waveforms_uv: torch.Tensor, first: torch.Tensor,
            n_before: int) -> None:
        """Add waveforms to `total` (n_channels, n_blocks, n), overlapping ones in turn: one order of sums."""
        n_contacts, n_samples = waveforms_uv.shape[1:]
        length = total.shape[2]
        starts = entries.block * length + entries.sample - n_before + self.margin
        flat = total.view(total.shape[0], -1)
        if self.device.type == "cpu":  # faster than gathering and scattering
            traces, waveforms = flat.numpy(), waveforms_uv.numpy()
            for waveform_uv, start, channel in zip(waveforms, starts.tolist(), first.tolist()):
                traces[channel:channel + n_contacts, start:start + n_samples] += waveform_uv
            return
        steps = torch.arange(n_samples, device=self.device)
        rows = torch.arange(n_contacts, device=self.device)
        for layer in layers_without_overlap(starts, n_samples):
            index = self.tensor(layer)
            channels = (first[index][:, None] + rows)[:, :, None]
            samples = (self.tensor(starts[layer])[:, None] + steps)[:, None, :]
            flat[channels, samples] = flat[channels, samples] + waveforms_uv[index]

    def noise_uv(self, blocks: np.ndarray) -> torch.Tensor:
        """Return noise (n_blocks, n_channels, block_samples), not yet faded into the block before."""
        raw = np.stack([self.plan.noise.raw_spectrum(int(block)) for block in blocks])
        spectrum = torch.view_as_complex(self.tensor(raw).to(torch.float32).reshape(*raw.shape[:2], -1, 2))
        independent = torch.fft.irfft(spectrum * self.amplitudes, n=self.plan.noise.n_samples, dim=-1)
        return self.mixing_uv @ independent[:, :, : self.plan.block_samples]

    def digitised(self, traces_uv: torch.Tensor, blocks: np.ndarray) -> torch.Tensor:
        """Return traces (n_blocks, n_channels, block_samples) with interference, in the converter's steps."""
        electronics, size = self.plan.electronics, self.plan.block_samples
        settings = electronics.settings
        limit = 2 ** (settings.n_bits - 1)
        if settings.line_noise_uv > 0 or settings.artefacts_per_minute > 0:
            added = np.stack([electronics.interference_uv(block * size, size) for block in blocks])
            traces_uv = traces_uv + self.tensor(added)
        traces_uv = traces_uv * self.tensor(electronics.gains)[:, None]
        return torch.clamp(torch.round(traces_uv / settings.uv_per_bit), -limit, limit - 1) * settings.uv_per_bit


class ForegroundTensors:
    """The fields of all foreground units, padded to one size, on a device."""

    def __init__(self, plan: RecordingPlan, device: torch.device):
        units = plan.foreground
        n_grid, self.device, self.example = len(units[0].fields), device, units[0]
        width, q = (max(unit.fields.shape[axis] for unit in units) for axis in (1, 2))
        rank, after = (max(unit.waves.shape[0] for unit in units),
                       max(unit.waves.shape[2] - unit.n_before for unit in units))
        self.n_before = max(unit.n_before for unit in units)
        self.n_samples = self.n_before + after
        fields = np.zeros((len(units), n_grid, width, q), dtype=np.float32)
        waves = np.zeros((len(units), rank, q, self.n_samples), dtype=np.float32)
        coefficients = np.zeros((len(units), max(len(unit.coefficients) for unit in units), rank), dtype=np.float32)
        first = np.array([min(unit.first_channel, plan.n_channels - width) for unit in units])
        for row, unit in enumerate(units):
            shift, early = unit.first_channel - first[row], self.n_before - unit.n_before
            fields[row, :, shift:shift + unit.fields.shape[1], : unit.fields.shape[2]] = unit.fields
            waves[row, : len(unit.waves), : unit.waves.shape[1], early:early + unit.waves.shape[2]] = unit.waves
            coefficients[row, : len(unit.coefficients), : unit.coefficients.shape[1]] = unit.coefficients
        self.fields, self.waves, self.coefficients, self.first = (
            torch.as_tensor(values, device=device) for values in (fields, waves, coefficients, first))

    def waveforms_uv(self, entries: Entries) -> torch.Tensor:
        """Return the waveforms (n, n_contacts, n_samples) of entries sorted by unit."""
        units = torch.as_tensor(entries.unit.astype(np.int64), device=self.device)
        snippets = torch.as_tensor(entries.snippet.astype(np.int64), device=self.device)
        fields = between_grid(self.fields, units, entries.displacement_um, self.example, self.device)
        n_units, rank, q, n_samples = self.waves.shape
        counts = np.bincount(entries.unit, minlength=n_units)
        turn = np.arange(len(entries.unit)) - np.repeat(np.cumsum(counts) - counts, counts)  # number within the unit
        courses = torch.zeros((len(units), q, n_samples), device=self.device)
        for low in range(0, n_units, UNITS_AT_A_TIME):
            high = min(low + UNITS_AT_A_TIME, n_units)
            mine = np.flatnonzero((entries.unit >= low) & (entries.unit < high))
            if len(mine) == 0:
                continue
            index = torch.as_tensor(mine, device=self.device)
            rows, turns = units[index] - low, torch.as_tensor(turn[mine], device=self.device)
            grouped = torch.zeros((high - low, int(counts[low:high].max()), rank), device=self.device)
            grouped[rows, turns] = self.coefficients[units[index], snippets[index]]
            product = torch.bmm(grouped, self.waves[low:high].reshape(high - low, rank, q * n_samples))
            courses[index] = product[rows, turns].reshape(-1, q, n_samples)
        return torch.bmm(fields, courses)


def between_grid(fields: torch.Tensor, units: torch.Tensor, displacements_um: np.ndarray, grid, device) -> torch.Tensor:
    """Return fields (n, n_contacts, q) of units (n,) at displacements (n,), linear between those of the grid."""
    from simsort.simulation.recordings.unit_fields import grid_place

    n_grid = fields.shape[1]
    if n_grid == 1:
        return fields[units, 0]
    lower, fraction = grid_place(displacements_um, grid.grid_start_um, grid.grid_step_um, n_grid)
    lower, fraction = torch.as_tensor(lower, device=device), torch.as_tensor(fraction, device=device)
    below = fields[units, lower]
    return below + fraction[:, None, None] * (fields[units, lower + 1] - below)


def layers_without_overlap(starts: np.ndarray, length: int) -> list[np.ndarray]:
    """Split intervals [start, start + length) into few groups (arrays of indices) without overlap inside any."""
    free: list[tuple[int, int]] = []  # (end, layer), earliest end first
    layers: list[list[int]] = []
    for index in np.argsort(starts, kind="stable").tolist():
        if free and free[0][0] <= starts[index]:
            layer = heapq.heappop(free)[1]
        else:
            layer = len(layers)
            layers.append([])
        layers[layer].append(index)
        heapq.heappush(free, (int(starts[index]) + length, layer))
    return [np.array(layer) for layer in layers]


def render_batch(recording, *, n_windows: int = 64, window_samples: int = 2048, seed: int = 0, device: str = "cpu",
                 **options) -> Batch:
    """Render training windows of a simulated recording; keep a `BatchRenderer` instead to render many.

    Parameters
    ----------
    recording : SimulatedRecording | RecordingPlan
    n_windows, window_samples, seed, device, **options
        See `BatchRenderer.render`.

    Returns
    -------
    batch : Batch
    """
    plan = getattr(recording, "plan", recording)
    if not isinstance(plan, RecordingPlan):
        raise UserError("the recording is of whole membrane currents", "make training windows from libraries of cells")
    return BatchRenderer(plan, device).render(n_windows=n_windows, window_samples=window_samples, seed=seed, **options)
