"""Simulating one individual and keeping its spikes: NEURON in a fresh process, in memory that does not grow with the run."""

import dataclasses

import numpy as np

from simsort.errors import UserError
from simsort.simulation.currents.process import in_fresh_process
from simsort.simulation.currents.run import DT_MS, run_cell
from simsort.simulation.currents.spikes import SpikeDetector
from simsort.simulation.library.cell_library import CellLibrary
from simsort.simulation.library.factorise import factorise
from simsort.simulation.library.snippets import SnippetCutter, Window
from simsort.simulation.library.statistics import field_statistics, half_width_ms, train_statistics
from simsort.simulation.seeds import seed_of

CHUNK_S = 0.5
MOST_SEGMENT_SAMPLES = 3_000_000  # of a chunk; shorter chunks for cells of many segments
MOST_SNIPPET_BYTES = 300_000_000  # of float32 currents; fewer snippets for cells of many segments
# A run at the type's usual rate in vivo would take minutes for its spikes; their shape depends on the intervals around them.
RATES_HZ = (6.0, 25.0)
BURST_PACKETS_PER_SPIKE = 0.15
FEWEST_SPIKES = 3


def make_cell_library(model, *, drive: str = "conductances", duration_s: float = 20.0, dt_ms: float = DT_MS, seed: int = 0,
                      max_snippets: int = 400, kinetics: str = "auto", relative_error: float = 0.008,
                      marks: dict | None = None) -> CellLibrary:
    """Simulate a cell once.

    Parameters
    ----------
    model : CellModel
        The individual.
    drive : "conductances" | "pink_noise", default: "conductances"
        Input: fluctuating conductances whose mean is found for a rate between 6 and 25 Hz, near the upper end of the type's; or
        SimSort's noise current.
    duration_s : float, default: 20.0
        Simulated time.
    dt_ms : float, default: 1/30
        Time step and sampling interval.
    seed : int, default: 0
        Seed of the input and of the choice of snippets.
    max_snippets : int, default: 400
        Most spikes kept; fewer for cells of many segments (300 MB: about 210 for 900 segments).
    kinetics : "auto" | "nmodl" | "kschan", default: "auto"
        See `build_cell`.
    relative_error : float, default: 0.008
        Largest relative error of a spike's peak near the cell, see `factorise`.
    marks : dict, optional
        Kept in `statistics`.

    Returns
    -------
    library : CellLibrary

    Raises
    ------
    UserError
        For a cell that cannot be built, never fires, never stops, or whose voltage diverges.
    """
    return in_fresh_process(make_here, model, drive, duration_s, dt_ms, seed, max_snippets, kinetics, relative_error,
                            marks or {})


def make_here(model, drive, duration_s, dt_ms, seed, max_snippets, kinetics, relative_error, marks) -> CellLibrary:
    """Do the work of `make_cell_library` in this process."""
    from simsort.simulation.cells.model import build_cell

    cell = build_cell(model, kinetics=kinetics)
    source, about_drive = make_drive(cell, drive, dt_ms=dt_ms, seed=seed)
    run = collect(cell, source, duration_s=duration_s, dt_ms=dt_ms, max_snippets=max_snippets,
                  rng=np.random.default_rng(seed_of(seed, model.name, "snippets")))
    if len(run.spikes_ms) < FEWEST_SPIKES or not len(run.snippets):
        raise UserError(f"cell {model.name} fired {len(run.spikes_ms)} times in {duration_s:g} s, too few to learn its spikes",
                        "simulate longer (--simulation.simulated_s) or leave it out (--simulation.cell_types)")
    geometry = cell.geometry()
    basis, coefficients = factorise(run.snippets, geometry, relative_error)
    fs = 1000 / dt_ms
    statistics = {**train_statistics(run.spikes_ms, duration_s), "half_width_ms": run.half_width_ms,
                  **field_statistics(run.snippets.mean(axis=0), geometry, fs), "n_segments": len(geometry.diameter_um),
                  "rank": len(basis), "drive": about_drive, "duration_s": duration_s, "dt_ms": dt_ms, **marks}
    return CellLibrary(model=dataclasses.asdict(model), geometry=geometry, sampling_frequency_hz=fs,
                       n_before=Window.of(dt_ms).n_before, basis_na=basis, coefficients=coefficients,
                       spike_times_s=np.array([kept.time_ms for kept in run.kept]) / 1000,
                       isi_before_ms=np.array([kept.before_ms for kept in run.kept]),
                       isi_after_ms=np.array([kept.after_ms for kept in run.kept]), statistics=statistics)


def make_drive(cell, kind: str, *, dt_ms: float, seed: int):
    """Return the input of a cell and what is to be known of it.

    Raises
    ------
    UserError
        For a cell that never fires or never stops.
    """
    from simsort.simulation.drive.conductances import Conductances, ConductanceSettings
    from simsort.simulation.drive.pink_noise import PinkNoiseCurrent
    from simsort.simulation.drive.rate import conductances_for_rate, rheobase_na

    model = cell.model
    if kind == "pink_noise":
        sd_na = rheobase_na(cell, dt_ms=dt_ms)
        return PinkNoiseCurrent(sd_na, seed_of(seed, model.name, "input")), {"kind": kind, "sd_na": sd_na}
    rate_hz = float(np.clip(model.rate_hz[1], *RATES_HZ))
    start = ConductanceSettings(burst_rate_hz=BURST_PACKETS_PER_SPIKE * rate_hz * (model.burst_probability > 0))
    settings = conductances_for_rate(cell, start, rate_hz, dt_ms=dt_ms, seed=seed)
    return (Conductances(settings, seed_of(seed, model.name, "input")),
            {"kind": kind, "target_rate_hz": rate_hz, **dataclasses.asdict(settings)})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Collected:
    """All spikes of a run (ms), the snippets kept (n_snippets, n_segments, n_samples), their marks, the somatic half width."""

    spikes_ms: np.ndarray
    snippets: np.ndarray
    kept: list
    half_width_ms: float


def collect(cell, drive, *, duration_s: float, dt_ms: float, max_snippets: int, rng) -> Collected:
    """Run a cell and cut out its spikes."""
    detector = SpikeDetector(cell.spike_threshold_mv, dt_ms)
    window = Window.of(dt_ms)
    most = max(FEWEST_SPIKES, MOST_SNIPPET_BYTES // (4 * len(cell.segments()) * window.n_samples))
    cutter = SnippetCutter(window, min(max_snippets, most), rng)
    chunk_s = min(CHUNK_S, MOST_SEGMENT_SAMPLES / len(cell.segments()) * dt_ms / 1000)
    spikes, shapes = [], []
    for chunk in run_cell(cell, drive, duration_s=duration_s, dt_ms=dt_ms, chunk_s=chunk_s):
        found = detector.times_ms(chunk.soma_v_mv)
        cutter.add(chunk, found)
        spikes.append(found)
        shapes += somatic_spikes(chunk, found, dt_ms)
    snippets, kept = cutter.finish()
    width = half_width_ms(np.mean(shapes, axis=0), dt_ms) if shapes else 0.0
    return Collected(spikes_ms=np.concatenate(spikes), snippets=snippets, kept=kept, half_width_ms=round(width, 4))


def somatic_spikes(chunk, spikes_ms: np.ndarray, dt_ms: float) -> list[np.ndarray]:
    """Return the soma's voltage around the spikes that lie whole in a chunk."""
    n_before, n_after = round(2.0 / dt_ms), round(4.0 / dt_ms)
    places = np.floor(spikes_ms / dt_ms).astype(int) - chunk.first_sample
    inside = [place for place in places if n_before <= place < len(chunk.soma_v_mv) - n_after]
    return [chunk.soma_v_mv[place - n_before:place + n_after] for place in inside]
