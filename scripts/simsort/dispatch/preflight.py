"""Checks of a recording before anything heavy: headers and a few sampled chunks, whatever the duration."""

import dataclasses

import numpy as np

from simsort.errors import one_line

MIN_SAMPLING_HZ, MAX_SAMPLING_HZ = 5000.0, 200000.0
N_CHUNKS, CHUNK_DURATION_S = 12, 0.5
MAX_CHUNK_BYTES = 64 * 2**20
MIN_PLATEAU_SAMPLES = 3  # this many equal samples in a row at a channel's extreme are no noise
MAX_EXTREME_FRACTION, MIN_LEVELS = 0.01, 32  # more samples at the extremes of a signal of many levels are clipped
MIN_REPORTED_SATURATION = 0.001
SATURATION_MARGIN = 0.98  # of the stated level; converters clip one step below it
# AIND's limits for timestamps, in ms
MAX_NEGATIVE_STEP_MS, MAX_NEGATIVE_STEPS, MAX_DEVIATION_MS = 0.2, 10, 2.0


@dataclasses.dataclass
class Findings:
    """What preflight found.

    Attributes
    ----------
    failure, skip : str
        Why the recording cannot be used, or is left out; empty when it can.
    warnings : list of str
        What the user should know although it can be used.
    """

    failure: str = ""
    skip: str = ""
    warnings: list = dataclasses.field(default_factory=list)


def check_recording(recording, source: str, *, min_recording_duration: float = -1.0,
                    max_saturated_fraction: float = 0.5, min_signal_uv: float = 0.0) -> Findings:
    """Check one recording's header, geometry and a few chunks of its samples.

    Parameters
    ----------
    recording : BaseRecording
        The recording as it will be sorted.
    source : str
        File or stream to name in messages.
    min_recording_duration : float, default: -1.0
        Seconds; a shorter recording is skipped. -1: none is.
    max_saturated_fraction : float, default: 0.5
        A recording with more of its sampled values at the converter's limits fails.
    min_signal_uv : float, default: 0.0
        A recording whose median channel has a smaller standard deviation fails, where gains to uV are known.

    Returns
    -------
    findings : Findings
        The first failure found ends the checks.
    """
    findings = Findings()
    findings.failure = check_header(recording, source) or check_geometry(recording, source)
    if findings.failure:
        return findings
    duration_s = float(np.squeeze(recording.get_total_duration()))
    if duration_s < min_recording_duration:
        findings.skip = f"{duration_s:.1f} s is shorter than --job_dispatch.min-recording-duration " \
                        f"{min_recording_duration:g}"
        return findings
    if np.dtype(recording.dtype).kind == "u":
        findings.warnings.append(f"samples are unsigned ({recording.dtype}): preprocessing makes them signed")
    if not recording.has_scaleable_traces():
        findings.warnings.append("no gain to microvolts is given: amplitudes are in the recording's own units")
    try:
        statistics = sample_statistics(recording)
    except Exception as error:  # a broken chunk of this recording must not stop the others
        findings.failure = f"{source}: samples cannot be read ({one_line(error)}): copy the file again"
        return findings
    check_samples(recording, source, statistics, max_saturated_fraction, findings)
    if not findings.failure and recording.has_scaleable_traces():
        findings.failure = check_signal(recording, source, statistics, min_signal_uv)
    return findings


def check_signal(recording, source: str, statistics, min_signal_uv: float) -> str:
    """Return what is wrong with a signal that is next to nothing, or an empty text."""
    signal_uv = float(np.median(statistics.deviation * recording.get_channel_gains()))
    if signal_uv >= min_signal_uv:
        return ""
    return f"{source}: near zero, the median channel's standard deviation is {signal_uv:.2g} uV: check the gains in " \
           f"the file and that the probe was recording; --job_dispatch.min-signal-uv {min_signal_uv:g} is the limit"


def check_header(recording, source: str) -> str:
    """Check rate, type and length; return what is wrong and the remedy, or an empty text."""
    rate = float(recording.sampling_frequency)
    if not MIN_SAMPLING_HZ <= rate <= MAX_SAMPLING_HZ:
        return f"{source}: sampling rate {rate:g} Hz is implausible for spikes ({MIN_SAMPLING_HZ:g} to " \
               f"{MAX_SAMPLING_HZ:g}): correct it in the file, or leave the stream out " \
               "(--job_dispatch.skip-stream-substrings)"
    if np.dtype(recording.dtype).kind not in "iuf":
        return f"{source}: samples of type {recording.dtype} are no signal: give the type with reader_kwargs"
    if recording.get_num_channels() == 0 or recording.get_total_samples() == 0:
        return f"{source}: holds {recording.get_num_channels()} channels and {recording.get_total_samples()} samples:" \
               " copy it again"
    return ""


def check_geometry(recording, source: str) -> str:
    """Check that every channel has a place of its own; return what is wrong and the remedy, or an empty text."""
    remedy = "give contact positions with --job_dispatch.probe FILE (probeinterface .json, .prb or " \
             "manufacturer:model)"
    if not recording.has_probe():
        return f"{source}: no probe geometry: {remedy}"
    positions = recording.get_channel_locations()
    if not np.isfinite(positions).all():
        return f"{source}: contact positions hold NaN: {remedy}"
    if len(np.unique(np.round(positions, 3), axis=0)) < len(positions):
        return f"{source}: several channels share one contact position: {remedy}"
    return ""


@dataclasses.dataclass
class Statistics:
    """Sums over the sampled chunks; arrays have one entry per channel."""

    n_samples: int
    n_bad: np.ndarray  # NaN or infinite
    first_bad_s: float | None
    flat: np.ndarray  # constant within every chunk
    saturated: np.ndarray  # samples at the converter's limits
    deviation: np.ndarray  # mean over the chunks of the standard deviation, in the recording's own units


def sample_statistics(recording) -> Statistics:
    """Read a few chunks spread evenly over the recording, one at a time, and sum what the checks need."""
    n_channels = recording.get_num_channels()
    statistics = Statistics(0, np.zeros(n_channels, int), None, np.ones(n_channels, bool), np.zeros(n_channels, int),
                            np.zeros(n_channels))
    limits = converter_limits(recording)
    bounds = chunk_bounds(recording)
    for segment_index, start, end in bounds:
        traces = recording.get_traces(segment_index=segment_index, start_frame=start, end_frame=end)
        bad = ~np.isfinite(traces) if traces.dtype.kind == "f" else np.zeros((1, n_channels), bool)
        if bad.any() and statistics.first_bad_s is None:
            statistics.first_bad_s = (start + int(np.flatnonzero(bad.any(axis=1))[0])) / recording.sampling_frequency
        statistics.n_samples += len(traces)
        statistics.n_bad += bad.sum(axis=0)
        statistics.flat &= traces.min(axis=0) == traces.max(axis=0)
        statistics.saturated += count_saturated(traces, limits)
        with np.errstate(invalid="ignore"):  # infinite samples are counted above
            statistics.deviation += traces.std(axis=0, dtype="float64") / len(bounds)
    return statistics


def chunk_bounds(recording) -> list[tuple[int, int, int]]:
    """Return (segment, start, end) of chunks spread over all segments, first and last samples included."""
    bytes_per_frame = np.dtype(recording.dtype).itemsize * recording.get_num_channels()
    size = max(1, min(int(CHUNK_DURATION_S * recording.sampling_frequency), MAX_CHUNK_BYTES // bytes_per_frame))
    n_segments = recording.get_num_segments()
    chosen = np.unique(np.linspace(0, n_segments - 1, min(n_segments, N_CHUNKS)).astype(int))
    bounds = []
    for segment_index in chosen.tolist():
        n_samples = recording.get_num_samples(segment_index)
        starts = np.linspace(0, max(0, n_samples - size), max(2, N_CHUNKS // len(chosen))).astype(int)
        bounds += [(segment_index, s, min(s + size, n_samples)) for s in sorted(set(starts.tolist()))]
    return [b for b in bounds if b[2] > b[1]]


def converter_limits(recording) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest value each channel's converter can give, in the recording's own units."""
    n_channels = recording.get_num_channels()
    low, high = np.full(n_channels, -np.inf), np.full(n_channels, np.inf)
    dtype = np.dtype(recording.dtype)
    if dtype.kind in "iu":
        low[:], high[:] = np.iinfo(dtype).min, np.iinfo(dtype).max
    threshold_uv = recording.get_annotation("saturation_threshold_uV")
    if threshold_uv and recording.has_scaleable_traces():
        gains, offsets = recording.get_channel_gains(), recording.get_channel_offsets()
        low = np.maximum(low, (-SATURATION_MARGIN * threshold_uv - offsets) / gains)
        high = np.minimum(high, (SATURATION_MARGIN * threshold_uv - offsets) / gains)
    return low, high


def count_saturated(traces: np.ndarray, limits) -> np.ndarray:
    """Count, per channel, samples at the converter's limits or on a plateau at the channel's own extreme.

    Parameters
    ----------
    traces : array (samples, channels)
        One chunk.
    limits : tuple of array
        From `converter_limits`.

    Returns
    -------
    counts : array (channels,)
        Constant channels count only at the limits: they are flat, not saturated.
    """
    low, high = limits
    at_limit = (traces <= low) | (traces >= high)
    lowest, highest = traces.min(axis=0), traces.max(axis=0)
    at_extreme = (traces == highest) | (traces == lowest)
    clipped = plateau_mask(traces == highest) | plateau_mask(traces == lowest)
    for channel in np.flatnonzero(at_extreme.mean(axis=0) > MAX_EXTREME_FRACTION):
        if len(np.unique(traces[:, channel])) >= MIN_LEVELS:  # a quiet channel of few levels is no clipped one
            clipped[:, channel] = at_extreme[:, channel]
    clipped[:, lowest == highest] = False
    return (at_limit | clipped).sum(axis=0)


def plateau_mask(mask: np.ndarray) -> np.ndarray:
    """Keep True only where at least `MIN_PLATEAU_SAMPLES` stand in a row along the first axis."""
    n = MIN_PLATEAU_SAMPLES
    if len(mask) < n:
        return np.zeros_like(mask)
    runs = np.logical_and.reduce([mask[i:len(mask) - n + 1 + i] for i in range(n)])  # run begins at this sample
    kept = np.zeros_like(mask)
    for i in range(n):
        kept[i:len(mask) - n + 1 + i] |= runs
    return kept


def check_samples(recording, source: str, statistics: Statistics, max_saturated_fraction: float,
                  findings: Findings) -> None:
    """Judge the sampled values: NaN and railing fail, dead channels and some saturation are named."""
    ids = recording.channel_ids
    total = statistics.n_samples * len(ids)
    if statistics.n_bad.any():
        share = statistics.n_bad.sum() / total
        findings.failure = f"{source}: {share:.2%} of the sampled values are NaN or infinite (first at " \
                           f"{statistics.first_bad_s:.3f} s, {name_channels(ids[statistics.n_bad > 0])}): export the " \
                           "recording again without them, or leave the stream out " \
                           "(--job_dispatch.skip-stream-substrings)"
        return
    if statistics.flat.all():
        findings.failure = f"{source}: all {len(ids)} channels are flat (constant): the probe was not connected or " \
                           "not recording; leave the stream out (--job_dispatch.skip-stream-substrings)"
        return
    saturated = statistics.saturated.sum() / total
    if saturated > max_saturated_fraction:
        findings.failure = f"{source}: {saturated:.0%} of the sampled values are saturated (at the converter's " \
                           "limits): check reference and grounding; --job_dispatch.max-saturated-fraction " \
                           f"{max_saturated_fraction:g} is the limit"
        return
    if statistics.flat.any():
        findings.warnings.append(f"{statistics.flat.sum()} of {len(ids)} channels are flat (constant): "
                                 + name_channels(ids[statistics.flat]))
    if saturated >= MIN_REPORTED_SATURATION:
        worst = statistics.saturated / statistics.n_samples > 10 * MIN_REPORTED_SATURATION
        findings.warnings.append(f"{saturated:.2%} of the sampled values are saturated"
                                 + (f", most in {name_channels(ids[worst])}" if worst.any() else ""))


def name_channels(ids, most: int = 10) -> str:
    """Name channels, the first few when there are many."""
    shown = ", ".join(map(str, ids[:most]))
    return f"channels {shown}" + (f" and {len(ids) - most} more" if len(ids) > most else "")


def check_timestamps(timestamps, sampling_frequency_hz: float) -> str:
    """Look for gaps and backward steps in a recording's own timestamps.

    Parameters
    ----------
    timestamps : array-like (samples,) | None
        Seconds, possibly on disk: one value per second is read of all, and all values of a few chunks.
    sampling_frequency_hz : float
        Sampling rate.

    Returns
    -------
    trouble : str
        What is wrong by the AIND pipeline's limits (more than 10 steps back beyond 0.2 ms, any deviation beyond 2 ms),
        or an empty text.
    """
    if timestamps is None or len(timestamps) < 2:
        return ""
    n_negative, _, worst_ms = timestamp_statistics(timestamps, sampling_frequency_hz)
    if n_negative > MAX_NEGATIVE_STEPS:
        return f"timestamps step backwards {n_negative} times in the sampled seconds"
    if worst_ms > MAX_DEVIATION_MS:
        return f"timestamps have gaps or jumps of up to {worst_ms:.1f} ms"
    return ""


def timestamp_statistics(timestamps, sampling_frequency_hz: float) -> tuple[int, int, float]:
    """Return steps backwards (in the sampled seconds), seconds with a gap or jump, and the largest deviation in ms.

    Parameters
    ----------
    timestamps : array-like (samples,)
        Seconds, at least two.
    sampling_frequency_hz : float
        Sampling rate.
    """
    n_samples, stride = len(timestamps), max(1, int(sampling_frequency_hz))
    coarse = np.asarray(timestamps[::stride], dtype="float64")
    expected_s = stride / sampling_frequency_hz
    deviation_ms = np.abs(np.diff(coarse) - expected_s) * 1000
    worst_ms = float(deviation_ms.max()) if len(deviation_ms) else 0.0
    uneven = set(np.flatnonzero(deviation_ms > MAX_DEVIATION_MS).tolist())
    n_negative = 0
    for start in np.unique(np.linspace(0, max(0, n_samples - stride), N_CHUNKS).astype(int)).tolist():
        steps_ms = np.diff(np.asarray(timestamps[start:start + stride], dtype="float64")) * 1000
        n_negative += int((steps_ms < -MAX_NEGATIVE_STEP_MS).sum())
        deviating = np.abs(steps_ms - 1000 / sampling_frequency_hz)
        worst_ms = max(worst_ms, float(deviating.max(initial=0.0)))
        uneven |= {(start + int(place)) // stride for place in np.flatnonzero(deviating > MAX_DEVIATION_MS)}
    return n_negative, len(uneven), worst_ms
