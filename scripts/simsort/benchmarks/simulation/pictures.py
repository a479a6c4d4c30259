"""Pictures of single cells for docs/simulation.md, small PNG files."""

from pathlib import Path

import numpy as np

from simsort.benchmarks.simulation.published import REACH_UM, TROUGH_TO_PEAK_MS

COLOURS = {"pyramidal": "#1b6ca8", "PV": "#c0392b", "SST": "#d68910", "VIP": "#7d3c98", "NGC": "#239b56"}
DPI, COLUMNS = 80, 5
NOISE_UV = 30.0  # a unit below this is hardly sorted


def draw_all(rows: list[dict], real: dict, folder: Path) -> list[Path]:
    """Draw all pictures.

    Parameters
    ----------
    rows : list of dict
        As the part `realism` has them.
    real : dict
        Measures of real units by name, may be empty.
    folder : Path
        Where they go.

    Returns
    -------
    paths : list of Path
    """
    from matplotlib.figure import Figure

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    drawings = {"waveforms": draw_waveforms, "widths": draw_widths, "distance": draw_distance, "f_i": draw_f_i}
    paths = []
    for name, draw in drawings.items():
        figure = Figure(layout="constrained")
        draw(figure, rows, real)
        paths.append(folder / f"{name}.png")
        figure.savefig(paths[-1], dpi=DPI, metadata={"Software": None})
    return paths


def draw_waveforms(figure, rows: list[dict], real: dict) -> None:
    """Draw each type's mean spike 30 um from the soma."""
    n_lines = -(-len(rows) // COLUMNS)
    figure.set_size_inches(9.5, 1.7 * n_lines)
    for axes, row in zip(figure.subplots(n_lines, COLUMNS, sharex=True, squeeze=False).flat, rows):
        axes.plot(row["waveform_ms"], row["waveform_uv"], color=COLOURS[row["subclass"]])
        axes.axhline(0, color="0.8", linewidth=0.6, zorder=0)
        axes.set_title(f"{row['cell_type']}, {row['rate_hz']:.1f} Hz", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in figure.axes[len(rows):]:
        axes.set_visible(False)
    figure.supxlabel("ms from the trough", fontsize=8)
    figure.supylabel("µV, 30 µm from the soma, above 300 Hz", fontsize=8)


def draw_widths(figure, rows: list[dict], real: dict) -> None:
    """Draw trough-to-peak times per type with the published ranges, and of real units."""
    figure.set_size_inches(8.0, 0.28 * (len(rows) + len(real)) + 0.9)
    axes = figure.subplots()
    for subclass, published in TROUGH_TO_PEAK_MS.items():
        if published.low is not None:
            axes.axvspan(published.low, published.high, color=COLOURS[subclass], alpha=0.12, linewidth=0,
                         label=f"published, {subclass}")
    labels = []
    for row in rows:
        add_span(axes, len(labels), row["trough_to_peak_ms"], COLOURS[row["subclass"]])
        labels.append(row["cell_type"])
    for name, measures in real.items():
        values = np.asarray(measures["trough_to_peak_ms"])
        heights = len(labels) + 0.3 * np.random.default_rng(0).uniform(-1, 1, len(values))
        axes.plot(values, heights, ".", color="0.3", markersize=2)
        labels.append(f"real: {name}")
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 2)
    axes.set_xlabel("trough to peak (ms), above 300 Hz; dot: median, line: 5–95 %", fontsize=8)
    axes.legend(fontsize=7, frameon=False)


def add_span(axes, height: int, values: dict, colour: str) -> None:
    """Draw a median with its 5th to 95th percentile."""
    if values["median"] is None:
        return
    axes.plot([values["p05"], values["p95"]], [height, height], color=colour, linewidth=2)
    axes.plot(values["median"], height, "o", color=colour, markersize=5)


def draw_distance(figure, rows: list[dict], real: dict) -> None:
    """Draw amplitude against distance."""
    figure.set_size_inches(6.5, 4.2)
    axes = figure.subplots()
    for row in rows:
        axes.loglog(row["distances_um"], row["amplitudes_uv"], color=COLOURS[row["subclass"]], linewidth=1.2)
        axes.annotate(row["cell_type"], (row["distances_um"][-1], row["amplitudes_uv"][-1]), fontsize=6,
                      color=COLOURS[row["subclass"]])
    axes.axhline(NOISE_UV, color="0.6", linewidth=0.8, linestyle=":")
    for distance_um in (REACH_UM.low, REACH_UM.high):
        axes.axvline(distance_um, color="0.6", linewidth=0.8, linestyle=":")
    ticks = rows[0]["distances_um"] if rows else []
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], fontsize=7)
    axes.minorticks_off()
    axes.set_xlabel("distance from the soma (µm)", fontsize=8)
    axes.set_ylabel("peak to peak (µV), above 300 Hz", fontsize=8)


def draw_f_i(figure, rows: list[dict], real: dict) -> None:
    """Draw rate against current."""
    figure.set_size_inches(6.5, 4.2)
    axes = figure.subplots()
    for row in rows:
        axes.plot(row["currents_na"], row["rates_hz"], ".-", color=COLOURS[row["subclass"]], linewidth=1, markersize=4)
        axes.annotate(row["cell_type"], (row["currents_na"][-1], row["rates_hz"][-1]), fontsize=6,
                      color=COLOURS[row["subclass"]])
    axes.set_xlabel("current step at the soma (nA)", fontsize=8)
    axes.set_ylabel("steady rate (Hz)", fontsize=8)
