"""The lazy steps before motion: sign, phase, filter and reference."""

import numpy as np
import spikeinterface.preprocessing as spre
from spikeinterface import append_recordings, concatenate_recordings

from simsort.errors import UserError

PHASE_SHIFT_MARGIN_MS = 100.0
# The median of a few channels that all see the same spike is that spike: SpikeInterface's own sorters reference from 32
# channels on; from 8 on a spike fills less than half of a usual probe.
MIN_CHANNELS_FOR_REFERENCE = 8
# Destriping filters along the probe's depth; settings of the AIND pipeline.
MIN_CHANNELS_FOR_DESTRIPE = 16
DESTRIPE = dict(n_channel_pad=60, apply_agc=True, agc_window_length_s=0.01, highpass_butter_order=3,
                highpass_butter_wn=0.01)


def cut_time(recording, t_start: float | None, t_stop: float | None):
    """Keep the samples between two times, counted in seconds of data from the first sample over all segments.

    Raises
    ------
    UserError
        If nothing lies between them.
    """
    if t_start is None and t_stop is None:
        return recording
    fs = recording.get_sampling_frequency()
    first = round((t_start or 0.0) * fs)
    last = recording.get_total_samples() if t_stop is None else round(t_stop * fs)
    kept, offset = [], 0
    for segment_index in range(recording.get_num_segments()):
        n_samples = recording.get_num_samples(segment_index)
        start, end = max(first - offset, 0), min(last - offset, n_samples)
        if start < end:
            segment = recording.select_segments([segment_index]) if recording.get_num_segments() > 1 else recording
            kept.append(segment.frame_slice(start, end))
        offset += n_samples
    if not kept:
        raise UserError(f"--preprocessing.t-start {t_start} and --preprocessing.t-stop {t_stop} leave nothing of a "
                        f"recording of {offset / fs:.2f} s", "choose times inside the recording")
    return kept[0] if len(kept) == 1 else append_recordings(kept)


def filter_recording(recording, settings: dict):
    """Make samples signed and at most 32 bits wide, align channels in time and filter.

    Parameters
    ----------
    recording : BaseRecording
        The raw recording.
    settings : dict
        The settings of the stage (`simsort.config.stages.Preprocessing`).

    Returns
    -------
    recording : BaseRecording
        Lazy; integers stay int16.
    steps : list of str
        Names of the steps, in order.
    """
    steps = []
    if recording.get_dtype().kind == "u":
        recording = spre.unsigned_to_signed(recording)
        steps.append("unsigned_to_signed")
    if recording.get_dtype() == np.dtype("float64"):
        recording = spre.astype(recording, "float32")  # no sorter gains by the other half; Kilosort refuses it
        steps.append("astype float32")
    if settings["phase_shift"] and "inter_sample_shift" in recording.get_property_keys():
        recording = spre.phase_shift(recording, margin_ms=PHASE_SHIFT_MARGIN_MS)
        steps.append("phase_shift")
    nyquist_hz = recording.get_sampling_frequency() / 2
    if settings["filter_type"] == "bandpass":
        freq_min, freq_max = settings["bandpass_freq_min"], settings["bandpass_freq_max"]
        _check_below_nyquist("bandpass-freq-max", freq_max, nyquist_hz)
        recording = spre.bandpass_filter(recording, freq_min=freq_min, freq_max=freq_max)
    else:
        _check_below_nyquist("highpass-freq-min", settings["highpass_freq_min"], nyquist_hz)
        recording = spre.highpass_filter(recording, freq_min=settings["highpass_freq_min"])
    return recording, [*steps, settings["filter_type"]]


def _check_below_nyquist(name: str, value: float, nyquist_hz: float) -> None:
    if value >= nyquist_hz:
        raise UserError(f"--preprocessing.{name} {value} Hz is not below half the sampling rate ({nyquist_hz:g} Hz)",
                        "lower it")


def reference(recording, bad_channel_ids: list, settings: dict):
    """Remove what all channels share: the common median, or by destriping what neighbours along the probe share.

    Parameters
    ----------
    recording : BaseRecording
        Filtered recording without the channels outside the brain.
    bad_channel_ids : list
        Dead and noisy channels; destriping first replaces them by their neighbours.
    settings : dict
        The settings of the stage.

    Returns
    -------
    recording : BaseRecording
        Lazy.
    steps, warnings : list of str
        What was done, and what was not and why.
    """
    n_channels = recording.get_num_channels()
    if settings["denoising"] == "destripe":
        return destripe(recording, bad_channel_ids, settings["seed"]), ["destripe"], []
    if n_channels < MIN_CHANNELS_FOR_REFERENCE:
        return recording, [], [f"no common median reference: the median of {n_channels} channels would remove the "
                               f"spikes themselves (done from {MIN_CHANNELS_FOR_REFERENCE} channels on)"]
    return spre.common_reference(recording, reference="global", operator="median"), ["common_reference"], []


def destripe(recording, bad_channel_ids: list, seed: int):
    """High-pass filter along the probe (International Brain Laboratory 2022).

    Raises
    ------
    UserError
        If the probe has too few channels, several shanks or no depth.
    """
    n_channels = recording.get_num_channels()
    remedy = "use --preprocessing.denoising cmr"
    if n_channels < MIN_CHANNELS_FOR_DESTRIPE:
        raise UserError(f"--preprocessing.denoising destripe needs {MIN_CHANNELS_FOR_DESTRIPE} channels or more, this "
                        f"recording has {n_channels}", remedy)
    if len(np.unique(recording.get_channel_groups())) > 1:
        raise UserError("--preprocessing.denoising destripe needs one shank per recording",
                        "use --job_dispatch.split-groups or --preprocessing.denoising cmr")
    depths_um = recording.get_channel_locations()[:, 1]
    if len(np.unique(depths_um)) < MIN_CHANNELS_FOR_DESTRIPE / 4:
        raise UserError("--preprocessing.denoising destripe needs channels along the depth (y) of the probe", remedy)
    if bad_channel_ids:
        recording = spre.interpolate_bad_channels(recording, bad_channel_ids)
    settings = {**DESTRIPE, "n_channel_pad": min(DESTRIPE["n_channel_pad"], n_channels)}
    # SpikeInterface hands random_slice_kwargs to get_noise_levels as a whole, which has its own argument of that kind.
    return spre.highpass_spatial_filter(recording, **settings,
                                        random_slice_kwargs=dict(random_slices_kwargs=dict(seed=seed)))


def one_segment(recording):
    """Join segments end to end, with time counted from 0 by samples."""
    return concatenate_recordings([recording])


def segment_starts(recording) -> np.ndarray:
    """Return the first sample of each segment when all are joined, and the end of the last: shape (n_segments + 1,)."""
    lengths = [recording.get_num_samples(i) for i in range(recording.get_num_segments())]
    return np.concatenate([[0], np.cumsum(lengths)])
