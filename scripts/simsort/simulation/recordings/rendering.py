"""Turn a plan into samples, block by block."""

from collections import OrderedDict

import numpy as np

from simsort.simulation.recordings.plan import RecordingPlan
from simsort.simulation.recordings.spike_trains import Spikes

N_BLOCKS_KEPT = 4
SPIKES_AT_A_TIME = 512


class Renderer:
    """Samples of a planned recording.

    A block is always made whole and in one fixed order of sums, with one thread, so any request gives the same bytes.

    Parameters
    ----------
    plan : RecordingPlan
    """

    def __init__(self, plan: RecordingPlan):
        self.plan = plan
        self.back = np.argsort(plan.order)  # rendering order -> the probe's
        self.in_order = bool((self.back == np.arange(plan.n_channels)).all())
        self.blocks: OrderedDict[int, np.ndarray] = OrderedDict()

    def counts(self, start: int, end: int) -> np.ndarray:
        """Return samples start..end of all channels as the converter's counts: (n, n_channels) int16."""
        size = self.plan.block_samples
        if start >= end:
            return np.zeros((0, self.plan.n_channels), dtype=np.int16)
        parts = []
        for block in range(start // size, (end - 1) // size + 1):
            first = block * size
            parts.append(self.block_counts(block)[max(start - first, 0):end - first])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def block_counts(self, block: int) -> np.ndarray:
        """Return a block (block_samples, n_channels) int16 in the probe's order; the last few stay in memory."""
        if block not in self.blocks:
            traces_uv = self.block_uv(block)
            if not self.in_order:
                traces_uv = traces_uv[self.back]
            self.plan.electronics.add_interference(traces_uv, block * self.plan.block_samples)
            counts = self.plan.electronics.digitise(traces_uv)
            counts.setflags(write=False)
            self.blocks[block] = counts
            while len(self.blocks) > N_BLOCKS_KEPT:
                self.blocks.popitem(last=False)
        self.blocks.move_to_end(block)
        return self.blocks[block]

    def block_uv(self, block: int, *, noise: bool = True, background: bool = True) -> np.ndarray:
        """Return a block before the electronics: (n_channels, block_samples) float32 uV in rendering order."""
        plan, size = self.plan, self.plan.block_samples
        with one_thread():
            if noise and plan.noise is not None:
                traces_uv = plan.noise.block_uv(block)
            else:
                traces_uv = np.zeros((plan.n_channels, size), dtype=np.float32)
            spikes = plan.trains.between(block * size - plan.n_after, (block + 1) * size + plan.n_before)
            add_foreground(traces_uv, plan, spikes, block * size)
            if background and plan.background is not None:
                add_background(traces_uv, plan, spikes, block * size)
        return traces_uv

    def uv(self, start: int, end: int, **parts) -> np.ndarray:
        """Return samples start..end before the electronics: (n, n_channels) float32 uV in the probe's order."""
        size = self.plan.block_samples
        blocks = range(start // size, (end - 1) // size + 1)
        traces_uv = np.concatenate([self.block_uv(block, **parts) for block in blocks], axis=1)[self.back]
        return traces_uv[:, start - blocks[0] * size:end - blocks[0] * size].T

    def __getstate__(self) -> dict:
        return {**self.__dict__, "blocks": OrderedDict()}


def spike_displacements_um(plan: RecordingPlan, spikes: Spikes) -> np.ndarray:
    """Return the displacement (n_spikes,) of each spike's cell at its time."""
    if plan.drift.max_displacement_um == 0:
        return np.zeros(len(spikes.unit))
    depths_um = np.array([unit.position_um[1] for unit in plan.units])
    return plan.drift.displacement_um(spikes.sample / plan.settings.sampling_frequency_hz, depths_um[spikes.unit])


def add_foreground(traces_uv: np.ndarray, plan: RecordingPlan, spikes: Spikes, first_sample: int) -> None:
    """Add the spikes of ground-truth units to traces (n_channels, n_samples)."""
    displacements_um = spike_displacements_um(plan, spikes)
    own = np.flatnonzero(spikes.unit < plan.n_foreground)
    own = own[np.argsort(spikes.unit[own], kind="stable")]
    for mine in np.split(own, np.flatnonzero(np.diff(spikes.unit[own])) + 1):
        if len(mine) == 0:
            continue
        field = plan.foreground[spikes.unit[mine[0]]]
        channels = slice(field.first_channel, field.first_channel + field.fields.shape[1])
        for some in np.split(mine, np.arange(SPIKES_AT_A_TIME, len(mine), SPIKES_AT_A_TIME)):
            waveforms_uv = field.waveforms_uv(spikes.snippet[some], displacements_um[some])
            starts = spikes.sample[some] - field.n_before - first_sample
            add_waveforms(traces_uv[channels], waveforms_uv, starts.tolist())


def add_background(traces_uv: np.ndarray, plan: RecordingPlan, spikes: Spikes, first_sample: int) -> None:
    """Add the spikes of background units to traces (n_channels, n_samples)."""
    field = plan.background
    own = np.flatnonzero(spikes.unit >= plan.n_foreground)
    displacements_um = spike_displacements_um(plan, spikes)
    n_contacts = field.fields.shape[2]
    for some in np.split(own, np.arange(SPIKES_AT_A_TIME, len(own), SPIKES_AT_A_TIME)):
        units = spikes.unit[some] - plan.n_foreground
        waveforms_uv = field.waveforms_uv(units, spikes.snippet[some], displacements_um[some])
        starts = (spikes.sample[some] - field.n_before - first_sample).tolist()
        for waveform_uv, start, first in zip(waveforms_uv, starts, field.first_channels[units].tolist()):
            add_one(traces_uv[first:first + n_contacts], waveform_uv, start)


def add_waveforms(traces_uv: np.ndarray, waveforms_uv: np.ndarray, starts: list[int]) -> None:
    """Add waveforms (n, n_channels, n_samples) to traces (n_channels, n_samples) at sample offsets."""
    for waveform_uv, start in zip(waveforms_uv, starts):
        add_one(traces_uv, waveform_uv, start)


def add_one(traces_uv: np.ndarray, waveform_uv: np.ndarray, start: int) -> None:
    """Add one waveform (n_channels, n_samples) to the part of it that lies within the traces."""
    first, last = max(-start, 0), min(waveform_uv.shape[1], traces_uv.shape[1] - start)
    if first < last:
        traces_uv[:, start + first:start + last] += waveform_uv[:, first:last]


def one_thread():
    """Return a context in which linear algebra runs on one thread: its sums must not depend on the number of cores."""
    from threadpoolctl import ThreadpoolController

    if not CONTROLLERS:
        CONTROLLERS.append(ThreadpoolController())
    return CONTROLLERS[0].limit(limits=1, user_api="blas")


CONTROLLERS: list = []  # looking for the libraries takes milliseconds: once per process
