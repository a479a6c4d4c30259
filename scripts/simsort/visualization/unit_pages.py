"""Summaries of single units, six to a page."""

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from simsort.visualization.peaks import segment_offsets_s
from simsort.visualization.style import FAINT, GRID, INK, LABEL_COLORS, Picture, save_figure
from simsort.visualization.traces import shorten
from simsort.visualization.unit_data import Units

UNITS_PER_PAGE = 6
NEAREST_CHANNELS = 10
MAX_AMPLITUDES = 1500  # dots per unit
ROW_IN, HEADER_IN, FOOTER_IN = 1.85, 0.85, 0.45
SHOWN_METRICS = (("num_spikes", "spikes", "{:.0f}"), ("firing_rate", "rate", "{:.2f} Hz"), ("snr", "SNR", "{:.1f}"),
                 ("amplitude_median", "amplitude", "{:.0f} uV"),
                 ("isi_violations_ratio", "ISI viol. ratio", "{:.3f}"), ("presence_ratio", "presence", "{:.2f}"),
                 ("amplitude_cutoff", "ampl. cutoff", "{:.3f}"))
VERDICTS = {"pass": "passes default_qc", "fail": "fails default_qc", "unknown": "default_qc unknown", "none": ""}


def draw_unit_pages(recording, units: Units, folder, max_units: int) -> list[Picture]:
    """Draw template, autocorrelogram, intervals, amplitudes and metrics of each unit, from deep to shallow.

    Parameters
    ----------
    recording : BaseRecording
        The preprocessed recording, for segments.
    units : Units
        At least one unit.
    folder : Path
        Where to write `units_<page>.png`.
    max_units : int
        Leave out units beyond this many.
    """
    order = units.by_depth()[:max_units]
    extensions = {name: units.data(name) for name in ("correlograms", "isi_histograms")}
    extensions["spike_amplitudes"] = units.analyzer.get_extension("spike_amplitudes").get_data(
        outputs="by_unit") if units.analyzer.has_extension("spike_amplitudes") else None
    pictures = []
    for page, start in enumerate(range(0, len(order), UNITS_PER_PAGE), start=1):
        shown = order[start:start + UNITS_PER_PAGE]
        figure = page_figure(recording, units, shown, extensions)
        unit_ids = tuple(str(units.ids[i]) for i in shown)
        picture = Picture(f"units_{page:03d}.png", f"Units {', '.join(unit_ids)}", "unit", unit_ids)
        pictures.append(save_figure(figure, folder, picture))
    return pictures


def page_figure(recording, units: Units, shown, extensions) -> Figure:
    """Lay out one row per unit."""
    height = HEADER_IN + FOOTER_IN + ROW_IN * len(shown)
    figure = Figure(figsize=(12.5, height))
    # A fixed grid: fitting the layout of every page would take longer than drawing it.
    grid = figure.add_gridspec(len(shown), 5, width_ratios=[1.5, 1.1, 1.1, 2.3, 2.1], left=0.02, right=0.99,
                               bottom=FOOTER_IN / height, top=1 - HEADER_IN / height, hspace=0.55, wspace=0.3)
    for row, index in enumerate(shown):
        axes = [figure.add_subplot(grid[row, column]) for column in range(5)]
        draw_template(axes[0], units, index)
        draw_autocorrelogram(axes[1], extensions["correlograms"], index)
        draw_intervals(axes[2], extensions["isi_histograms"], index)
        draw_amplitudes(axes[3], recording, units, index, extensions["spike_amplitudes"])
        draw_text(axes[4], units, index)
        if row == 0:
            for axis, title in zip(axes, ("template", "autocorrelogram", "intervals", "amplitudes (uV)", "metrics")):
                axis.annotate(title, (0.5, 1), (0, 30), xycoords="axes fraction", textcoords="offset points",
                              ha="center", fontweight="bold", color=FAINT)
        if row == len(shown) - 1:
            for axis, label in zip(axes[1:4], ("lag (ms)", "interval (ms)", "time (s)")):
                axis.set_xlabel(label)
    return figure


def draw_template(axis, units: Units, index: int):
    """Draw a unit's mean waveform on the channels nearest to its peak, placed as on the probe."""
    unit = units.ids[index]
    axis.set_title(f"unit {unit}", color=LABEL_COLORS[units.labels[unit]], loc="left")
    axis.set_axis_off()
    if not units.analyzer.has_extension("templates"):
        return missing(axis, "templates")
    extension = units.analyzer.get_extension("templates")
    template = np.asarray(extension.get_unit_template(unit))  # n_samples x n_channels
    locations = units.analyzer.get_channel_locations()
    peak = int(np.argmax(np.ptp(template, axis=0)))
    distances = np.linalg.norm(locations - locations[peak], axis=1)
    near = np.argsort(distances, kind="stable")[:NEAREST_CHANNELS]
    x_rank, y_rank = (np.unique(locations[near, d], return_inverse=True)[1] for d in (0, 1))
    times = np.linspace(-0.42, 0.42, len(template))
    scale = 0.9 / max(np.ptp(template[:, peak]), 1e-9)
    # Rows of the probe stand at equal distance, close enough that large waveforms just touch.
    lines = [np.column_stack([times + x, template[:, c] * scale + 0.7 * y]) for c, x, y in zip(near, x_rank, y_rank)]
    colors = [INK if c == peak else FAINT for c in near]
    axis.add_collection(LineCollection(lines, colors=colors, linewidths=[1.5 if c == peak else 0.9 for c in near]))
    axis.set_xlim(-0.6, max(x_rank.max() + 0.6, 1.6))
    axis.set_ylim(min(line[:, 1].min() for line in lines) - 0.05, max(line[:, 1].max() for line in lines) + 0.05)
    axis.text(0.5, -0.03, f"{np.ptp(template[:, peak]):.0f} uV on {shorten(str(units.analyzer.channel_ids[peak]), 24)}",
              transform=axis.transAxes, ha="center", va="top", fontsize=7.5, color=FAINT)


def draw_autocorrelogram(axis, correlograms, index: int):
    """Draw how often spikes follow one another at each lag."""
    if correlograms is None:
        return missing(axis, "correlograms")
    counts, edges = np.asarray(correlograms[0][index, index]), correlograms[1]
    axis.stairs(counts, edges, fill=True, color=INK)
    axis.axvline(0, color=GRID, linewidth=0.8)
    plain_counts(axis, edges[0], edges[-1])


def draw_intervals(axis, isi_histograms, index: int):
    """Draw the histogram of intervals between spikes."""
    if isi_histograms is None:
        return missing(axis, "isi_histograms")
    edges = isi_histograms[1]
    axis.stairs(np.asarray(isi_histograms[0][index]), edges, fill=True, color=INK)
    plain_counts(axis, 0, edges[-1])


def plain_counts(axis, left, right):
    """Leave the count axis bare: only the shape matters."""
    axis.set_xlim(left, right)
    axis.set_ylim(bottom=0)
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)


def draw_amplitudes(axis, recording, units: Units, index: int, amplitudes):
    """Draw spike amplitudes over time, at most `MAX_AMPLITUDES` of them."""
    offsets = segment_offsets_s(recording)
    axis.set_xlim(0, offsets[-1])
    if amplitudes is None:
        return missing(axis, "spike_amplitudes")
    unit, sorting = units.ids[index], units.analyzer.sorting
    times = np.concatenate([sorting.get_unit_spike_train(unit_id=unit, segment_index=s) / sorting.sampling_frequency
                            + offsets[s] for s in range(sorting.get_num_segments())])
    values = np.concatenate([np.asarray(amplitudes[s][unit]) for s in range(sorting.get_num_segments())])
    step = max(1, len(times) // MAX_AMPLITUDES)
    axis.plot(times[::step], values[::step], ".", markersize=1.8, color=LABEL_COLORS[units.labels[unit]], alpha=0.6)
    for offset in offsets[1:-1]:
        axis.axvline(offset, color=INK, linewidth=0.6, linestyle="--")
    if len(values):
        axis.set_ylim(min(0, 1.05 * float(np.min(values))), max(0, 1.05 * float(np.max(values))))
    axis.locator_params(axis="y", nbins=4)


def draw_text(axis, units: Units, index: int):
    """Write verdict, the usual metrics and why a unit does not pass."""
    axis.set_axis_off()
    unit = units.ids[index]
    row = units.metrics.iloc[index]
    facts = [f"{title}  {form.format(row[name])}" if np.isfinite(row[name]) else f"{title}  unknown"
             for name, title, form in SHOWN_METRICS if name in row.index and row[name] is not None]
    if units.locations_um is not None:
        facts.append(f"depth  {units.locations_um[index, 1]:.0f} um")
    half = -(-len(facts) // 2)
    axis.text(0, 1.08, VERDICTS[units.labels[unit]], transform=axis.transAxes, va="bottom", fontsize=8.5,
              fontweight="bold", color=LABEL_COLORS[units.labels[unit]])
    for x, part in ((0, facts[:half]), (0.52, facts[half:])):
        axis.text(x, 1.0, "\n".join(part), transform=axis.transAxes, va="top", fontsize=8, linespacing=1.45)
    reasons = [reason if len(reason) < 60 else reason[:57] + "..." for reason in units.reasons[unit]][:3]
    axis.text(0, 0.28, "\n".join(reasons), transform=axis.transAxes, va="top", fontsize=8, linespacing=1.4,
              color=FAINT if units.labels[unit] == "pass" else LABEL_COLORS[units.labels[unit]])


def missing(axis, extension: str):
    """Say that an extension was not computed."""
    axis.text(0.5, 0.5, f"{extension}\nnot computed", transform=axis.transAxes, ha="center", va="center", fontsize=7,
              color=FAINT)
    axis.set_yticks([])
