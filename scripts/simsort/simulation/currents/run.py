"""Running one cell and handing out its membrane currents in chunks. Uses NEURON: call in a fresh process."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from simsort.errors import UserError

DT_MS = 1 / 30


@dataclasses.dataclass(frozen=True, kw_only=True)
class CurrentChunk:
    """Consecutive samples of a run.

    Attributes
    ----------
    first_sample : int
        Samples of the run before this chunk.
    membrane_currents_na : array, (n_segments, n_samples) float64, or None
        Outward current of each segment, capacitive and synaptic ones included; they sum to zero but for current that
        an electrode injects, which is subtracted where it enters.
    soma_v_mv : array, (n_samples,) float64
        Potential of the soma.
    """

    first_sample: int
    membrane_currents_na: np.ndarray | None
    soma_v_mv: np.ndarray


class CellRun:
    """A cell with its input, stepped through time; the state is carried from chunk to chunk.

    Parameters
    ----------
    cell : Cell
        A built cell.
    drive : Drive
        Its input, see `simsort.simulation.drive`.
    dt_ms : float, default: 1/30
        Fixed time step and sampling interval.
    with_currents : bool, default: True
        Record membrane currents too, not the soma's voltage only.
    longest : int, default: 30000
        Most samples of a chunk.
    """

    def __init__(self, cell, drive, *, dt_ms: float = DT_MS, with_currents: bool = True, longest: int = 30_000):
        from neuron import h

        self.h, self.cell, self.drive, self.dt_ms = h, cell, drive, dt_ms
        self.n_done = 0
        h.load_file("stdrun.hoc")
        h.celsius, h.dt, h.steps_per_ms = cell.celsius, dt_ms, 1 / dt_ms
        h.cvode_active(0)
        h.cvode.use_fast_imem(1 if with_currents else 0)
        self.context = h.ParallelContext()
        self.context.set_maxstep(10)
        self.voltage = h.Vector().record(cell.soma(0.5)._ref_v)
        segments = cell.segments() if with_currents else []
        self.currents = [h.Vector().record(segment._ref_i_membrane_) for segment in segments]
        drive.attach(cell, dt_ms, longest)
        h.finitialize(cell.v_init_mv)

    def advance(self, n_samples: int) -> CurrentChunk:
        """Run so many samples; the first sample of a run is the state at t = 0.

        Raises
        ------
        UserError
            If the voltage is no longer a number.
        ValueError
            For more than `longest` samples.
        """
        first, h = self.n_done, self.h
        self.drive.fill(first, n_samples)
        if first:
            h.frecord_init()
        # A chunk's last sample is its last step; the one recorded first is the end of the chunk before.
        self.context.psolve((first + n_samples - 0.5) * self.dt_ms)
        self.n_done += n_samples
        voltage = self.voltage.as_numpy()[-n_samples:].copy()
        if not np.isfinite(voltage[-1]):
            raise UserError(f"the voltage of cell {self.cell.model.name} is no number any more",
                            "use a shorter --simulation.dt_ms, or leave the cell out")
        return CurrentChunk(first_sample=first, soma_v_mv=voltage, membrane_currents_na=self.gather(n_samples))

    def gather(self, n_samples: int) -> np.ndarray | None:
        """Return the currents of the last samples, (n_segments, n_samples)."""
        if not self.currents:
            return None
        currents = np.empty((len(self.currents), n_samples))
        for row, vector in zip(currents, self.currents):
            row[:] = vector.as_numpy()[-n_samples:]
        self.drive.subtract_injected(currents, n_samples)
        return currents


def run_cell(cell, drive, *, duration_s: float, dt_ms: float = DT_MS, chunk_s: float = 1.0,
             with_currents: bool = True) -> Iterator[CurrentChunk]:
    """Simulate a cell and yield its currents.

    Parameters
    ----------
    cell : Cell
        A built cell.
    drive : Drive
        Its input.
    duration_s : float
        Length of the run.
    dt_ms : float, default: 1/30
        Time step and sampling interval.
    chunk_s : float, default: 1.0
        Length of a chunk, which decides about memory and about nothing else: all samples are the same bits for any length.
    with_currents : bool, default: True
        Record membrane currents.

    Yields
    ------
    chunk : CurrentChunk

    Raises
    ------
    UserError
        If the voltage diverges.
    """
    n_total = round(duration_s * 1000 / dt_ms)
    n_chunk = max(1, round(chunk_s * 1000 / dt_ms))
    run = CellRun(cell, drive, dt_ms=dt_ms, with_currents=with_currents, longest=n_chunk)
    for first in range(0, n_total, n_chunk):
        yield run.advance(min(n_chunk, n_total - first))
