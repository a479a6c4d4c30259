"""Turn a plan into samples, block by block."""

from collections import OrderedDict

import numpy as np

from simsort.simulation.recordings.plan import RecordingPlan

N_BLOCKS_KEPT = 4


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
            plan.add_cells(traces_uv, block * size, background=background)
        return traces_uv

    def uv(self, start: int, end: int, **parts) -> np.ndarray:
        """Return samples start..end before the electronics: (n, n_channels) float32 uV in the probe's order."""
        size = self.plan.block_samples
        blocks = range(start // size, (end - 1) // size + 1)
        traces_uv = np.concatenate([self.block_uv(block, **parts) for block in blocks], axis=1)[self.back]
        return traces_uv[:, start - blocks[0] * size:end - blocks[0] * size].T

    def __getstate__(self) -> dict:
        return {**self.__dict__, "blocks": OrderedDict()}


def one_thread():
    """Return a context in which linear algebra runs on one thread: its sums must not depend on the number of cores."""
    from threadpoolctl import ThreadpoolController

    if not CONTROLLERS:
        CONTROLLERS.append(ThreadpoolController())
    return CONTROLLERS[0].limit(limits=1, user_api="blas")


CONTROLLERS: list = []  # looking for the libraries takes milliseconds: once per process
