"""The probe with the units' positions."""

import numpy as np
from matplotlib.ticker import FuncFormatter, NullFormatter

from simsort.visualization.style import (ACCENT, BAD, FAINT, LABEL_COLORS, LABEL_MARKERS, LABEL_TEXTS, Picture,
                                         new_figure, save_figure)
from simsort.visualization.unit_data import Units

MAX_OFF_PROBE_UM = 60.0
BOX_RATIO = 0.6  # width of the probe's axes over their height
CHANNEL_COLORS = {"good": "#c9d3dc", "dead": "#5b3a8c", "noise": BAD, "noisy": BAD, "out": ACCENT}


def draw_probe(recording, folder, units: Units | None, bad_channels: dict) -> Picture:
    """Draw contacts and unit positions, and beside them firing rate and amplitude of the units by depth.

    Parameters
    ----------
    recording : BaseRecording
        With all channels, those found bad among them.
    folder : Path
        Where to write `probe.png`.
    units : Units | None
        Units with locations; without any only the probe is drawn.
    bad_channels : dict
        {channel id as text: label}.
    """
    with_units = units is not None and units.locations_um is not None
    locations = recording.get_channel_locations()
    wide = 12.5 if with_units else 5
    figure = new_figure(wide, 7.5)
    axes = np.atleast_1d(figure.subplots(1, 1 + 2 * with_units, sharey=True,
                                         width_ratios=[2, 2, 2][:1 + 2 * with_units]))
    draw_contacts(axes[0], recording, locations, bad_channels)
    set_limits(axes[0], locations, units.locations_um if with_units else locations)
    if with_units:
        draw_units(axes, units)
    name = "Probe and unit positions" if with_units else "Probe"
    figure.suptitle(f"{name} ({len(locations)} contacts, {len(bad_channels)} bad)", x=0.01, ha="left",
                    fontweight="bold", fontsize=11)
    handles, texts = unique_legend(axes)
    figure.legend(handles, texts, loc="outside lower center", ncols=4)
    return save_figure(figure, folder, Picture("probe.png", name, "probe"))


def draw_contacts(axis, recording, locations, bad_channels):
    """Draw contacts coloured by what preprocessing found of their channels."""
    states = np.array([bad_channels.get(str(channel), "good") for channel in recording.channel_ids])
    size = float(np.clip(6000 / len(locations), 10, 160))
    for state in dict.fromkeys(["good", *states]):
        mine = states == state
        if mine.any():
            axis.scatter(*locations[mine].T, marker="s", s=size, linewidths=0, label=f"{state} channel",
                         color=CHANNEL_COLORS.get(state, BAD))
    axis.set_xlabel("x (um)")
    axis.set_ylabel("depth (um)")


def set_limits(axis, locations, units_um):
    """Show all contacts, and the units as far as they lie within reach of them."""
    span = np.ptp(locations, axis=0)
    margin = np.maximum([0.15, 0.05] * span, 15)
    low, high = locations.min(axis=0), locations.max(axis=0)
    # Triangulation may throw a unit far off; it must not shrink the probe to a dot.
    near = np.clip(units_um, low - MAX_OFF_PROBE_UM, high + MAX_OFF_PROBE_UM)
    low, high = np.minimum(low - margin, near.min(axis=0) - 5), np.maximum(high + margin, near.max(axis=0) + 5)
    if span[1] < 5 * max(span[0], 1):  # a tetrode or a grid: about true to scale; a long shank would be a hair line
        width, height = high - low
        more = np.array([max(height * BOX_RATIO - width, 0), max(width / BOX_RATIO - height, 0)]) / 2
        low, high = low - more, high + more
    axis.set_xlim(low[0], high[0])
    axis.set_ylim(low[1], high[1])


def draw_units(axes, units: Units):
    """Add units to the probe and draw their rate and amplitude by depth, marked by verdict."""
    labels = np.array([units.labels[unit] for unit in units.ids])
    rates = units.rates_hz()
    amplitudes = np.abs(units.metrics["amplitude_median"].to_numpy(dtype=float)) \
        if "amplitude_median" in units.metrics else None
    for label in [name for name in LABEL_COLORS if (labels == name).any()]:
        mine = labels == label
        style = dict(color=LABEL_COLORS[label], marker=LABEL_MARKERS[label], s=34, alpha=0.85, edgecolors="white",
                     linewidths=0.5, label=LABEL_TEXTS[label])
        axes[0].scatter(*units.locations_um[mine].T, **style)
        axes[1].scatter(np.maximum(rates[mine], 1e-3), units.locations_um[mine, 1], **style)
        if amplitudes is not None:
            axes[2].scatter(amplitudes[mine], units.locations_um[mine, 1], **style)
    axes[1].set_xscale("log")
    axes[1].set_xlim(np.clip(rates.min() / 2, 1e-3, 0.1), max(rates.max() * 2, 30))
    axes[1].xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
    axes[1].xaxis.set_minor_formatter(NullFormatter())
    axes[1].set_xlabel("firing rate (Hz)")
    axes[2].set_xlabel("median amplitude (uV)")
    if amplitudes is None:
        axes[2].text(0.5, 0.5, "amplitudes not computed", transform=axes[2].transAxes, ha="center", color=FAINT)
    for axis in axes[1:]:
        axis.grid(axis="x", alpha=0.3)


def unique_legend(axes):
    """Collect each legend entry once."""
    entries = {}
    for axis in axes:
        for handle, text in zip(*axis.get_legend_handles_labels()):
            entries.setdefault(text, handle)
    return list(entries.values()), list(entries)
