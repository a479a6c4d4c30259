"""The drift map (peaks by depth and time) and the estimated motion."""

import numpy as np

from simsort.visualization.peaks import Peaks, segment_offsets_s
from simsort.visualization.style import FAINT, GRID, INK, Picture, new_figure, save_figure

FEW_CHANNELS = 8  # with fewer, depth says little: amplitude over time is drawn instead


def draw_drift_map(recording, peaks: Peaks, folder, settings: dict) -> Picture:
    """Draw peaks by depth and time, coloured by amplitude, with the rate by depth beside it.

    Parameters
    ----------
    recording : BaseRecording
        The preprocessed recording.
    peaks : Peaks
        From `load_peaks` or `detect_sampled_peaks`.
    folder : Path
        Where to write `drift_map.png`.
    settings : dict
        Settings of the visualization stage.
    """
    by_depth = recording.get_num_channels() >= FEW_CHANNELS
    title = "Drift map" if by_depth else "Peak amplitudes over time"
    figure = new_figure(12.5, 6.5)
    axis, side = figure.subplots(1, 2, width_ratios=[6, 1], sharey=True)
    figure.suptitle(f"{title} ({peaks.note})", x=0.01, ha="left", fontweight="bold", fontsize=11)
    values = peaks.depths_um if by_depth else peaks.amplitudes_uv
    dots = scatter_peaks(axis, peaks.times_s, values, peaks.amplitudes_uv, settings)
    unit = "uV" if recording.has_scaleable_traces() else "ADC steps"
    mark_segments(axis, recording)
    axis.set_ylabel("depth (um)" if by_depth else f"amplitude ({unit})")
    if len(values):
        counts, edges = np.histogram(values, bins=60)
        side.stairs(counts, edges, orientation="horizontal", fill=True, color=FAINT)
        colorbar = figure.colorbar(dots, ax=side, label=f"peak amplitude ({unit})", fraction=0.3)
        colorbar.solids.set_alpha(1)
    else:
        axis.text(0.5, 0.5, "no peaks found", transform=axis.transAxes, ha="center", color=FAINT)
    side.set_xlabel("peaks drawn")
    return save_figure(figure, folder, Picture("drift_map.png", title, "drift"))


def scatter_peaks(axis, times_s, values, amplitudes, settings):
    """Scatter peaks, faint where there are many."""
    # The configured transparency suits dense maps; few peaks would be invisible with it.
    # Weak peaks would be white on white if the colours reached far beyond what the recording holds.
    strongest = float(np.quantile(np.abs(amplitudes), 0.98)) if len(amplitudes) else 0.0
    low, high = max(settings["drift_vmin"], -max(strongest, 1.0)), settings["drift_vmax"]
    low = low if low < high else settings["drift_vmin"]
    alpha = max(settings["drift_alpha"], min(0.8, 8000 / max(len(times_s), 1)))
    return axis.scatter(times_s, values, c=amplitudes, s=2.5 if len(times_s) > 20_000 else 6, alpha=alpha,
                        cmap=settings["drift_cmap"], vmin=low, vmax=high,
                        linewidths=0, rasterized=True)


def mark_segments(axis, recording, with_label=True):
    """Set the time axis to the whole recording and draw a line where a segment ends."""
    offsets = segment_offsets_s(recording)
    axis.set_xlim(0, offsets[-1])
    for offset in offsets[1:-1]:
        axis.axvline(offset, color=INK, linewidth=0.8, linestyle="--")
    if with_label:
        axis.set_xlabel("time (s)" + (", segments end to end" if len(offsets) > 2 else ""))


def draw_motion(recording, peaks: Peaks | None, motion, folder, settings: dict, applied: bool) -> Picture:
    """Draw the displacement over time of each depth window, and the peaks before and after correction.

    Parameters
    ----------
    recording : BaseRecording
        The preprocessed recording.
    peaks : Peaks | None
        Peaks before correction.
    motion : spikeinterface.core.motion.Motion
        The estimate.
    folder : Path
        Where to write `motion.png`.
    settings : dict
        Settings of the visualization stage.
    applied : bool
        Whether the recording that was sorted is the corrected one.
    """
    import matplotlib

    title = "Estimated motion" + (", applied to the recording" if applied else ", not applied to the recording")
    with_peaks = peaks is not None and len(peaks.times_s) > 0
    figure = new_figure(12.5, 9.5 if with_peaks else 4)
    axes = figure.subplots(1 + 2 * with_peaks, 1, squeeze=False, sharex=True,
                           height_ratios=[3, 4, 4][:1 + 2 * with_peaks])[:, 0]
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
    depths = motion.spatial_bins_um
    colors = matplotlib.colormaps["viridis"](np.linspace(0.05, 0.9, len(depths)))
    offsets = segment_offsets_s(recording)
    for index, (displacement, bins_s) in enumerate(zip(motion.displacement, motion.temporal_bins_s)):
        times = bins_s - recording.sample_index_to_time(0, segment_index=index) + offsets[index]
        for window, color in enumerate(colors):
            label = f"{depths[window]:.0f} um" if index == 0 and window in legend_rows(len(depths)) else None
            axes[0].plot(times, displacement[:, window], color=color, linewidth=1.2, label=label)
    axes[0].axhline(0, color=GRID, zorder=0)
    axes[0].set_ylabel("displacement (um)")
    largest = max(float(np.nanmax(np.abs(d))) for d in motion.displacement)
    axes[0].set_ylim(-1.1 * max(largest, 4), 1.1 * max(largest, 4))  # no picture of rounding errors
    if len(depths) > 1:
        axes[0].legend(title="window depth", loc="center left", bbox_to_anchor=(1.0, 0.5))
    if with_peaks:
        corrected = peaks.depths_um - displacements(recording, peaks, motion)
        thin = slice(None, None, thin_step(len(peaks.times_s), settings["motion_scatter_decimate"]))
        for axis, values, name in ((axes[1], peaks.depths_um, "before correction"),
                                   (axes[2], corrected, "after correction")):
            scatter_peaks(axis, peaks.times_s[thin], values[thin], peaks.amplitudes_uv[thin], settings)
            axis.set_ylabel("depth (um)")
            axis.set_title(name)
    for axis in axes:
        mark_segments(axis, recording, with_label=axis is axes[-1])
    return save_figure(figure, folder, Picture("motion.png", title, "motion"))


def legend_rows(n_windows: int) -> set[int]:
    """Choose at most eight windows for the legend."""
    return set(np.linspace(0, n_windows - 1, min(n_windows, 8)).astype(int).tolist())


def thin_step(n_peaks: int, at_most_one_in: int, enough: int = 40_000) -> int:
    """Return the step that leaves enough peaks, no larger than asked."""
    return max(1, min(at_most_one_in, n_peaks // enough))


def displacements(recording, peaks: Peaks, motion) -> np.ndarray:
    """Return the motion at each peak's time and depth in um, shape (n_peaks,)."""
    offsets = segment_offsets_s(recording)
    segments = np.clip(np.searchsorted(offsets, peaks.times_s, side="right") - 1, 0, len(offsets) - 2)
    moved = np.zeros(len(peaks.times_s))
    for index in range(motion.num_segments):
        mine = segments == index
        start = recording.sample_index_to_time(0, segment_index=index)
        moved[mine] = motion.get_displacement_at_time_and_depth(
            peaks.times_s[mine] - offsets[index] + start, peaks.depths_um[mine], segment_index=index)
    return moved
