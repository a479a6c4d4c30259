"""Pictures of raw and processed traces."""

import numpy as np

from simsort.visualization.style import BAD, FAINT, INK, Picture, new_figure, robust_limit, save_figure

MAX_LINES = 24  # channels drawn as lines; the rest is seen in the map
TIME_BINS = 1200  # about the pixels a snippet gets
CHUNK_S = 1.0  # traces held in memory at once
MAX_SEGMENTS = 10
SPACING_QUANTILE = 0.998


def draw_traces(recording, folder, *, which, title, n_snippets, snippet_duration_s, bad_channels=None):
    """Draw snippets of a recording, one picture per segment.

    Parameters
    ----------
    recording : BaseRecording
        The recording, lazy or not.
    folder : Path
        Where to write.
    which : "full" | "proc"
        Part of the file name: `traces_<which>_seg<i>.png`.
    title : str
        What the recording is.
    n_snippets : int
        Snippets per segment, spread evenly.
    snippet_duration_s : float
        Length of each in seconds.
    bad_channels : dict | None, default: None
        {channel id as text: label} of channels to mark.

    Returns
    -------
    pictures : list of Picture
        At most `MAX_SEGMENTS`.
    """
    pictures = []
    n_segments = recording.get_num_segments()
    for segment_index in range(min(n_segments, MAX_SEGMENTS)):
        windows = snippet_windows(recording.get_num_samples(segment_index), recording.sampling_frequency,
                                  n_snippets, snippet_duration_s)
        order = depth_order(recording)
        envelopes = [envelope(recording, segment_index, window, order) for window in windows]
        suffix = f", segment {segment_index + 1} of {n_segments}" if n_segments > 1 else ""
        figure = trace_figure(recording, envelopes, windows, order, bad_channels or {}, title + suffix)
        pictures.append(save_figure(figure, folder, Picture(f"traces_{which}_seg{segment_index}.png",
                                                            title + suffix, "traces")))
    return pictures


def snippet_windows(n_samples, sampling_frequency, n_snippets, snippet_duration_s):
    """Spread snippets evenly over a segment, as (start, end) samples; fewer where they would overlap."""
    length = max(2, min(n_samples, int(round(snippet_duration_s * sampling_frequency))))
    n_snippets = max(1, min(n_snippets, n_samples // length))
    centers = (np.arange(n_snippets) + 0.5) / n_snippets * n_samples
    starts = np.clip(centers - length / 2, 0, n_samples - length).astype(int)
    return [(int(start), int(start + length)) for start in starts]


def depth_order(recording):
    """Return channel indices from the deepest to the most shallow contact."""
    locations = recording.get_channel_locations()
    return np.lexsort((locations[:, 0], locations[:, 1]))


def envelope(recording, segment_index, window, order):
    """Return the lowest and highest voltage per time bin and channel, reading a second at a time.

    Returns
    -------
    low, high : np.ndarray, shape (n_bins, n_channels)
        In uV where the recording has gains; each channel's median is removed (raw data carry an offset).
    """
    start, end = window
    n_bins = min(TIME_BINS, end - start)
    edges = np.linspace(start, end, n_bins + 1).astype(int)[:-1]
    bins_at_once = max(1, int(n_bins * CHUNK_S * recording.sampling_frequency / (end - start)))
    lows, highs = [], []
    for first in range(0, n_bins, bins_at_once):
        part = edges[first:first + bins_at_once]
        stop = edges[first + bins_at_once] if first + bins_at_once < n_bins else end
        traces = recording.get_traces(segment_index=segment_index, start_frame=int(part[0]), end_frame=int(stop),
                                      return_in_uV=recording.has_scaleable_traces())
        traces = np.asarray(traces, dtype="float32")[:, order]
        lows.append(np.minimum.reduceat(traces, part - part[0], axis=0))
        highs.append(np.maximum.reduceat(traces, part - part[0], axis=0))
    low, high = np.concatenate(lows), np.concatenate(highs)
    middle = np.nanmedian((low + high) / 2, axis=0)
    return low - middle, high - middle


def trace_figure(recording, envelopes, windows, order, bad_channels, title):
    """Lay out one column per snippet: lines of some channels above, a map of all below if there are more."""
    n_channels = len(order)
    drawn = np.unique(np.linspace(0, n_channels - 1, min(n_channels, MAX_LINES)).astype(int))
    with_map = n_channels > len(drawn)
    height = 1.6 + 0.24 * max(len(drawn), 6) + 4.0 * with_map
    figure = new_figure(12.5, height)
    axes = figure.subplots(1 + with_map, len(windows), squeeze=False, sharex="col", sharey="row",
                           height_ratios=[0.24 * max(len(drawn), 6), 4.0][:1 + with_map])
    unit = "uV" if recording.has_scaleable_traces() else "ADC steps"
    shown = f", {len(drawn)} of {n_channels} channels as lines" if with_map else ""
    figure.suptitle(f"{title} ({unit}{shown})", x=0.01, ha="left", fontweight="bold", fontsize=11)
    spacing = line_spacing(envelopes, drawn)
    ids = [str(recording.channel_ids[i]) for i in order]
    for column, (bands, window) in enumerate(zip(envelopes, windows)):
        times = np.linspace(window[0], window[1], len(bands[0])) / recording.sampling_frequency
        draw_lines(axes[0, column], times, bands, drawn, ids, bad_channels, spacing)
        if with_map:
            draw_map(figure, axes[1, column], times, bands, recording.get_channel_locations()[order, 1], unit,
                     column == len(windows) - 1, column == 0)
        axes[-1, column].set_xlabel("time (s)")
    depths = recording.get_channel_locations()[order, 1]
    axes[0, 0].set_yticks(np.arange(len(drawn)) * spacing,
                          [f"{shorten(ids[i])}   {depths[i]:.0f} um" for i in drawn])
    for label, i in zip(axes[0, 0].get_yticklabels(), drawn):
        label.set_color(BAD if ids[i] in bad_channels else INK)
    axes[0, 0].set_ylim(-1.3 * spacing, (len(drawn) + 0.3) * spacing)
    draw_scale_bar(axes[0, -1], spacing, unit)
    return figure


def line_spacing(envelopes, drawn):
    """Return the distance between lines: room for most of the signal of the typical channel."""
    spans = [np.nanquantile(high[:, drawn], SPACING_QUANTILE, axis=0) - np.nanquantile(
        low[:, drawn], 1 - SPACING_QUANTILE, axis=0) for low, high in envelopes]
    return max(float(np.nanmedian(spans)), 1e-3)


def draw_lines(axis, times, bands, drawn, ids, bad_channels, spacing):
    """Draw channels above one another, bad ones in red; a noisy one is clipped lest it hides its neighbours."""
    low, high = bands
    for row, channel in enumerate(drawn):
        bad = ids[channel] in bad_channels
        bottom, top = (np.clip(band[:, channel], -1.5 * spacing, 1.5 * spacing) for band in (low, high))
        axis.fill_between(times, bottom + row * spacing, top + row * spacing, color=BAD if bad else INK,
                          linewidth=0.5, alpha=0.85)
    axis.set_xlim(times[0], times[-1])
    axis.tick_params(left=False)
    axis.spines[["left", "bottom"]].set_visible(False)


def draw_scale_bar(axis, spacing, unit):
    """Draw a vertical bar of a round number of microvolts outside the last snippet."""
    magnitude = 10 ** np.floor(np.log10(spacing))
    length = max(m * magnitude for m in (1, 2, 5) if m * magnitude <= spacing)
    transform = axis.get_yaxis_transform()
    axis.plot([1.012, 1.012], [0, length], transform=transform, color=INK, linewidth=2, clip_on=False)
    axis.text(1.02, length / 2, f"{length:g} {unit}", transform=transform, rotation=90, va="center", fontsize=8)


def draw_map(figure, axis, times, bands, depths, unit, with_bar, with_label):
    """Draw all channels by depth as a map; each pixel shows the larger of the two extremes of its bin."""
    low, high = bands
    values = np.where(-low > high, low, high).T
    limit = robust_limit(values, 0.995)
    image = axis.imshow(values, aspect="auto", origin="lower", cmap="RdBu_r", vmin=-limit, vmax=limit,
                        extent=(times[0], times[-1], -0.5, len(depths) - 0.5))
    ticks = np.linspace(0, len(depths) - 1, 6).astype(int)
    axis.set_yticks(ticks, [f"{depths[t]:.0f}" for t in ticks])
    if with_label:
        axis.set_ylabel("depth of channel (um)")
    if with_bar:
        figure.colorbar(image, ax=axis, label=unit, shrink=0.8, pad=0.01)
    axis.axhline(-0.5, color=FAINT, linewidth=0.8)


def shorten(name, longest=14):
    """Keep the end of a long channel name, where channels differ."""
    return name if len(name) <= longest else "…" + name[-longest + 1:]
