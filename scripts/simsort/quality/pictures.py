"""The pictures of the quality control."""

from pathlib import Path

import numpy as np

from simsort.quality.measure import Measured
from simsort.quality.spectra import thinned
from simsort.visualization.style import (ACCENT, BAD, FAINT, GRID, INK, LABEL_COLORS, Picture, new_figure, save_figure)

COLORS = {"raw": FAINT, "processed": ACCENT}


def draw_pictures(measured: Measured, folder: Path) -> list[str]:
    """Draw every picture the measurements allow and return the file names."""
    drawn = [draw_noise(measured, folder), draw_spectra(measured, folder), draw_timeline(measured, folder)]
    if measured.drift is not None:
        drawn.append(draw_drift(measured, folder))
    if measured.units is not None:
        drawn.append(draw_yield(measured, folder))
    return [picture.file for picture in drawn]


def titled_figure(title: str, height_in: float):
    """Make a wide figure with its title at the left."""
    figure = new_figure(11, height_in)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
    return figure


def unit_of(recording) -> str:
    """Name the unit of a recording's samples."""
    return "uV" if recording.has_scaleable_traces() else "ADC steps"


def logarithmic(axis, which: str) -> None:
    """Make axes logarithmic, with plain numbers: mathematical text is switched off."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    for name in which:
        getattr(axis, f"set_{name}scale")("log")
        line = getattr(axis, f"{name}axis")
        line.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        line.set_minor_formatter(NullFormatter())


def draw_noise(measured: Measured, folder: Path) -> Picture:
    """Draw each channel's noise level by depth, bad channels marked."""
    figure = titled_figure("Noise level of each channel", 5.5)
    axis = figure.subplots()
    for which, recording in (("raw", measured.raw), ("processed", measured.processed)):
        if recording is not None:
            axis.plot(measured.spectra[which].noise, recording.get_channel_locations()[:, 1], "o", markersize=4,
                      color=COLORS[which], label=which, alpha=0.8)
    noise, depths = measured.spectra["raw"].noise, measured.raw.get_channel_locations()[:, 1]
    bad = [i for i, channel in enumerate(measured.raw.channel_ids) if str(channel) in measured.bad_channels]
    if bad:
        axis.plot(noise[bad], depths[bad], "x", color=BAD, markersize=8, label="bad channel")
    axis.set_xlim(0, 1.1 * max(float(spectra.noise.max()) for spectra in measured.spectra.values()) or 1.0)
    axis.set_xlabel(f"noise level ({unit_of(measured.raw)})")
    axis.set_ylabel("depth (um)")
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    axis.grid(color=GRID)
    return save_figure(figure, folder, Picture("noise.png", "Noise level of each channel", "qc"))


def draw_spectra(measured: Measured, folder: Path) -> Picture:
    """Draw the spectra before and after preprocessing: median over the channels, and the range of the middle 80 %."""
    figure = titled_figure("Power spectra", 4.5)
    axis = figure.subplots()
    for which, spectra in measured.spectra.items():
        frequencies, power = thinned(spectra)
        low, middle, high = np.quantile(power, [0.1, 0.5, 0.9], axis=0)
        axis.fill_between(frequencies, low, high, color=COLORS[which], alpha=0.25, linewidth=0)
        axis.plot(frequencies, middle, color=COLORS[which], linewidth=1, label=f"{which}, median of the channels")
    for metric in measured.metrics:
        if metric.name == "line_noise_raw_db" and metric.details:
            axis.axvline(metric.details["mains_hz"], color=BAD, linewidth=0.8, linestyle=":",
                         label=f"mains, {metric.details['mains_hz']:g} Hz")
    logarithmic(axis, "xy")
    axis.set_xlabel("frequency (Hz)")
    axis.set_ylabel(f"power ({unit_of(measured.raw)}²/Hz)")
    axis.legend()
    axis.grid(color=GRID)
    return save_figure(figure, folder, Picture("spectra.png", "Power spectra", "qc"))


def draw_timeline(measured: Measured, folder: Path) -> Picture:
    """Draw saturation, dead time and artefacts, second by second."""
    found = measured.scan
    figure = titled_figure("Saturation, dead time and artefacts, second by second", 5.5)
    axes = figure.subplots(3, 1, sharex=True)
    rows = (("saturated samples (%)", found.saturated, BAD), ("dead time (%)", found.dead, INK),
            ("artefacts (% of time)", found.artifact, ACCENT))
    for axis, (label, values, color) in zip(axes, rows):
        axis.fill_between(found.times_s, 100 * values, step="post", color=color, linewidth=0.6, alpha=0.8)
        axis.set_ylabel(label)
        axis.set_ylim(0, max(1.0, 110 * float(values.max(initial=0))))
        axis.grid(color=GRID)
    if found.n_artifacts is None:
        axes[2].text(0.5, 0.5, "too few channels to tell artefacts from spikes", transform=axes[2].transAxes,
                     ha="center", color=FAINT)
    axes[-1].set_xlabel("time (s)" + (", segments end to end" if measured.raw.get_num_segments() > 1 else ""))
    axes[-1].set_xlim(0, max(1.0, float(found.durations_s.sum())))
    return save_figure(figure, folder, Picture("timeline.png", "Saturation, dead time and artefacts", "qc"))


def motion_lines(measured: Measured):
    """Yield (times in s, segments end to end; displacement in um, shape (n_times, n_windows)) of each segment."""
    from simsort.visualization.peaks import segment_offsets_s

    offsets = segment_offsets_s(measured.processed)
    motion = measured.drift.motion
    for index, (displacement, bins_s) in enumerate(zip(motion.displacement, motion.temporal_bins_s)):
        yield bins_s - measured.processed.sample_index_to_time(0, segment_index=index) + offsets[index], displacement


def draw_drift(measured: Measured, folder: Path) -> Picture:
    """Draw displacement and speed of the depth windows over time."""
    figure = titled_figure("Estimated drift and its speed", 5.5)
    position, speed = figure.subplots(2, 1, sharex=True)
    for times_s, displacement in motion_lines(measured):
        position.plot(times_s, displacement, color=ACCENT, linewidth=0.8, alpha=0.6)
        if len(times_s) > 1:
            steps = np.abs(np.diff(displacement, axis=0)) / np.diff(times_s)[:, np.newaxis]
            speed.plot(times_s[1:], steps.max(axis=1), color=INK, linewidth=0.8)
    after, before = measured.drift.correlation_after, measured.drift.correlation_before
    if after is not None:
        position.set_title(f"correlation of depths over time: {before:.2f} before, {after:.2f} after correction",
                           fontweight="normal")
    position.set_ylabel("displacement (um), each window")
    speed.set_ylabel("largest speed (um/s)")
    speed.set_xlabel("time (s)")
    for axis in (position, speed):
        axis.grid(color=GRID)
    return save_figure(figure, folder, Picture("drift.png", "Estimated drift and its speed", "qc"))


def draw_yield(measured: Measured, folder: Path) -> Picture:
    """Draw rate, signal-to-noise ratio and depth of the units, coloured by the rule's label."""
    figure = titled_figure(f"Yield: {len(measured.units)} units", 4.5)
    axes = figure.subplots(1, 3, width_ratios=[1, 2, 2])
    labels = ("pass", "fail", "unknown")
    counts = [sum(unit["label"] == label for unit in measured.units) for label in labels]
    axes[0].bar(labels, counts, color=[LABEL_COLORS[label] for label in labels])
    axes[0].set_ylabel("units")
    for label in labels:
        mine = [unit for unit in measured.units if unit["label"] == label]
        for axis, key in ((axes[1], "snr"), (axes[2], "depth_um")):
            shown = [(u["firing_rate"], u[key]) for u in mine if u.get("firing_rate") and u.get(key) is not None]
            axis.plot([a for a, _ in shown], [b for _, b in shown], "o", markersize=4, color=LABEL_COLORS[label],
                      label=label, alpha=0.8)
    for axis, name in ((axes[1], "signal-to-noise ratio"), (axes[2], "depth (um)")):
        logarithmic(axis, "x")
        axis.set_xlabel("firing rate (Hz)")
        axis.set_ylabel(name)
        axis.grid(color=GRID)
    return save_figure(figure, folder, Picture("yield.png", "Yield", "qc"))
