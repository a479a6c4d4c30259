"""Motion of the tissue along the probe: estimate, keep on disk, apply.

Files of the `motion/` folder, SpikeInterface's own form (`spikeinterface.preprocessing.load_motion_info(folder)`):

- `parameters.json`, `run_times.json`: preset and settings, seconds per step;
- `peaks.npy`: structured array `sample_index` (within its segment), `channel_index` (of the recording the motion was
  estimated on: `preprocessed/binary` unless the correction removed channels), `amplitude`, `segment_index`;
- `peak_locations.npy`: structured array with `x`, `y` (um) of each peak, before correction;
- `motion/`: `spikeinterface.core.motion.Motion` with one displacement array per segment; times are the recording's.

All arrays load with `allow_pickle=False`.
"""

import importlib.util
from pathlib import Path

import numpy as np
from spikeinterface import get_noise_levels
from spikeinterface.core.motion import Motion
from spikeinterface.preprocessing.motion import compute_motion, motion_options_preset, save_motion_info
from spikeinterface.sortingcomponents.motion import InterpolateMotionRecording

from simsort.errors import UserError, one_line
from simsort.preprocessing.chain import one_segment, segment_starts
from simsort.preprocessing.motion_noise import measure_noise

# Below these an estimate is not meaningful; a tetrode has one depth, a 3 s recording three bins.
# What SpikeInterface's presets need beyond it: DREDge runs on torch.
PACKAGES = {"dredge": ("torch",), "dredge_fast": ("torch",), "rigid_fast": ("torch",), "medicine": ("torch", "medicine")}
MIN_DEPTHS = 8
MIN_SPAN_UM = 100.0
MIN_BINS = 3  # SpikeInterface leaves the edges of two bins undefined
MIN_PEAKS_PER_BIN = 10.0


class MotionCorrectedRecording(InterpolateMotionRecording):
    """SpikeInterface's motion-corrected recording, with the motion as plain lists so that it can be saved as JSON.

    Parameters
    ----------
    recording : BaseRecording
        Floating-point recording.
    motion : Motion | dict
        The motion, or what `motion_to_dict` made of one.
    **interpolation
        Further arguments of `InterpolateMotionRecording`.
    """

    def __init__(self, recording, motion, **interpolation):
        motion = motion_from_dict(motion) if isinstance(motion, dict) else motion
        super().__init__(recording, motion, **interpolation)
        self._serializability["json"] = True
        self._kwargs = dict(recording=recording, motion=motion_to_dict(motion), **interpolation)


def motion_to_dict(motion: Motion) -> dict:
    """Return a motion as JSON types."""
    return dict(displacement=[d.tolist() for d in motion.displacement],
                temporal_bins_s=[np.asarray(t).tolist() for t in motion.temporal_bins_s],
                spatial_bins_um=motion.spatial_bins_um.tolist(), direction=motion.direction,
                interpolation_method=motion.interpolation_method)


def motion_from_dict(content: dict) -> Motion:
    """Return the motion that `motion_to_dict` described."""
    return Motion([np.array(d) for d in content["displacement"]], [np.array(t) for t in content["temporal_bins_s"]],
                  np.array(content["spatial_bins_um"]), direction=content["direction"],
                  interpolation_method=content["interpolation_method"])


def check_preset_installed(preset: str) -> None:
    """Raise `UserError` if a preset needs packages that are not installed."""
    missing = [name for name in PACKAGES.get(preset, ()) if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"--preprocessing.motion-preset {preset} needs {' and '.join(missing)}, not installed here",
                        "choose another preset such as nonrigid_fast_and_accurate, or install torch and medicine-neuro "
                        "(pip install 'simsort[gpu]')")


def why_no_motion(recording, bin_s: float) -> str:
    """Return why motion cannot be estimated on this probe and duration, or an empty string."""
    if recording.has_channel_location() is False:
        return "the recording has no channel positions"
    depths_um = recording.get_channel_locations()[:, 1]
    n_depths, span_um = len(np.unique(depths_um)), float(np.ptp(depths_um))
    n_bins = recording.get_total_duration() / bin_s
    if n_depths < MIN_DEPTHS or span_um < MIN_SPAN_UM:
        return (f"{recording.get_num_channels()} channels at {n_depths} depths over {span_um:g} um are too few "
                f"(at least {MIN_DEPTHS} depths over {MIN_SPAN_UM:g} um)")
    if n_bins < MIN_BINS:
        return f"{n_bins * bin_s:.1f} s are shorter than {MIN_BINS} bins of {bin_s:g} s"
    return ""


def estimate(recording, preset: str, bin_s: float, job_kwargs: dict, seed: int = 0) -> tuple[dict | None, str]:
    """Estimate the motion of a recording of one or several segments.

    SpikeInterface's estimators take one segment: segments are joined end to end, and the estimate is then cut at the
    segments' own, cumulative ends.

    Parameters
    ----------
    recording : BaseRecording
        Filtered and referenced recording.
    preset : str
        One of SpikeInterface's motion presets.
    bin_s : float
        Temporal bin in seconds.
    job_kwargs : dict
        SpikeInterface's job keywords.
    seed : int, default: 0
        Of the halves of the peaks by which the estimate's noise is measured.

    Returns
    -------
    motion_info : dict | None
        As SpikeInterface's `compute_motion` returns it, with one displacement per segment, and with `noise`, a
        `simsort.preprocessing.motion_noise.MotionNoise`; None without an estimate.
    reason : str
        Why there is no estimate.
    """
    reason = why_no_motion(recording, bin_s)
    if reason:
        return None, reason
    whole = one_segment(recording)
    # kept in the recording's properties: `compute_motion` would measure it in one process
    get_noise_levels(whole, return_in_uV=False, **job_kwargs)
    try:
        _, info = compute_motion(whole, preset=preset, output_motion_info=True,
                                 estimate_motion_kwargs=estimate_options(preset, bin_s), **job_kwargs)
    except RuntimeError as error:  # SpikeInterface's wrapper around whatever an estimator met in these peaks
        if isinstance(error.__context__, MemoryError):
            raise error.__context__
        return None, one_line(error).removeprefix("RuntimeError: ")
    n_bins = recording.get_total_duration() / bin_s
    if info["peaks"].size < MIN_PEAKS_PER_BIN * n_bins:
        return None, (f"only {info['peaks'].size} spikes in {n_bins * bin_s:.0f} s (at least {MIN_PEAKS_PER_BIN:g} per "
                      f"bin of {bin_s:g} s)")
    motion = info["motion"]
    if not all(np.isfinite(d).all() for d in motion.displacement):
        return None, "the estimate is not finite"
    info["noise"] = measure_noise(whole, info["peaks"], info["peak_locations"],
                                  info["parameters"]["estimate_motion_kwargs"], seed)
    info["motion"] = split_motion(motion, recording)
    info["peaks"] = split_peaks(info["peaks"], recording)
    return info, ""


def estimate_options(preset: str, bin_s: float) -> dict:
    """Return what is changed in a preset's options: the temporal bin, and a value its own estimator refuses."""
    options = dict(bin_s=bin_s)
    if motion_options_preset[preset]["estimate_motion_kwargs"].get("batching_mode") == "offline":
        options["batching_mode"] = "full"  # SpikeInterface 0.105.3's preset dredge names a mode that was renamed
    return options


def split_motion(motion: Motion, recording) -> Motion:
    """Cut a motion estimated on joined segments into one displacement per segment, in each segment's own times."""
    fs = recording.get_sampling_frequency()
    centers_s = np.asarray(motion.temporal_bins_s[0])
    starts = segment_starts(recording)
    displacement, temporal_bins_s = [], []
    for segment_index, (start, end) in enumerate(zip(starts[:-1], starts[1:])):
        bins = _bins_between(centers_s, start / fs, end / fs)
        samples = centers_s[bins] * fs - start
        inside = np.clip(np.round(samples), 0, end - start - 1).astype(int)
        times_s = recording.sample_index_to_time(inside, segment_index=segment_index) + (samples - inside) / fs
        displacement.append(motion.displacement[0][bins])
        temporal_bins_s.append(times_s)
    return Motion(displacement, temporal_bins_s, motion.spatial_bins_um, direction=motion.direction,
                  interpolation_method=motion.interpolation_method)


def _bins_between(centers_s: np.ndarray, start_s: float, end_s: float) -> slice:
    """Return the bins that overlap a stretch of time and the next on either side, at least three.

    The next ones are there because SpikeInterface evaluates the first and last bin a quarter bin off their centres.
    """
    edges_s = (centers_s[1:] + centers_s[:-1]) / 2
    first = max(0, int(np.searchsorted(edges_s, start_s, side="right")) - 1)
    last = min(len(centers_s) - 1, int(np.searchsorted(edges_s, end_s, side="left")) + 1)
    last = min(len(centers_s) - 1, max(last, first + MIN_BINS - 1))
    return slice(max(0, min(first, last - MIN_BINS + 1)), last + 1)


def split_peaks(peaks: np.ndarray, recording) -> np.ndarray:
    """Give peaks found on joined segments their segment and their sample within it."""
    starts = segment_starts(recording)
    peaks = peaks.copy()
    peaks["segment_index"] = np.searchsorted(starts, peaks["sample_index"], side="right") - 1
    peaks["sample_index"] -= starts[peaks["segment_index"]]
    return peaks


def correct(recording, motion: Motion, preset: str):
    """Return the recording interpolated to where the tissue would be without motion, as float32.

    Raises
    ------
    UserError
        If the preset removes the channels at the ends of the probe and none is left.
    """
    if recording.get_dtype().kind != "f":
        recording = recording.astype("float32")
    options = dict(motion_options_preset[preset]["interpolate_motion_kwargs"])
    if options.get("border_mode", "remove_channels") != "remove_channels":
        return MotionCorrectedRecording(recording, motion, **options)
    # SpikeInterface's own removal of border channels takes one segment only.
    inside = channels_inside(recording, motion)
    if not inside.any():
        raise UserError(f"--preprocessing.motion-preset {preset} removes channels that leave the probe, here all",
                        "use --preprocessing.motion-preset dredge_fast or --preprocessing.motion compute")
    corrected = MotionCorrectedRecording(recording, motion, **{**options, "border_mode": "force_zeros"})
    return corrected.select_channels(recording.channel_ids[inside])


def channels_inside(recording, motion: Motion) -> np.ndarray:
    """Tell which channels stay between the ends of the probe at all times of all segments: shape (n_channels,)."""
    depths_um = recording.get_channel_locations()[:, motion.dim]
    inside = np.ones(depths_um.size, dtype=bool)
    for segment_index, times_s in enumerate(motion.temporal_bins_s):
        moved_um = motion.get_displacement_at_time_and_depth(times_s, depths_um, segment_index, grid=True)
        moved_um += depths_um[:, np.newaxis]  # (n_channels, n_bins)
        inside &= ((moved_um >= depths_um.min()) & (moved_um <= depths_um.max())).all(axis=1)
    return inside


def save(info: dict, folder: Path) -> None:
    """Write the `motion/` folder described at the top of this module."""
    save_motion_info(info, folder)


def summarise(info: dict, preset: str) -> dict:
    """Return a few numbers on a motion for the record."""
    displacement = np.concatenate([d.ravel() for d in info["motion"].displacement])
    per_segment = [float(np.ptp(np.median(d, axis=1))) for d in info["motion"].displacement]
    return dict(preset=preset, max_abs_displacement_um=round(float(np.abs(displacement).max()), 2),
                range_um=round(float(np.ptp(displacement)), 2), range_per_segment_um=[round(r, 2) for r in per_segment],
                n_depth_windows=int(info["motion"].spatial_bins_um.size), n_peaks=int(info["peaks"].size),
                noise_um=rounded(info["noise"].noise_um), reliability=rounded(info["noise"].reliability),
                noise_unknown=info["noise"].reason)


def rounded(value: float | None) -> float | None:
    """Round for the record; None stays."""
    return None if value is None else round(value, 2)


def describe_noise(info: dict) -> str:
    """Return what is wrong with an estimate that is noise, or an empty string."""
    noise = info["noise"]
    if not noise.is_noise:
        return ""
    return (f"the motion estimate is noise: two halves of the {info['peaks'].size} spikes do not agree (error "
            f"{noise.noise_um:.1f} um, reliability {noise.reliability:.2f})")
