"""Peaks for the drift map: those the motion estimate left, else detected on a sample of the recording."""

import dataclasses
from pathlib import Path

import numpy as np

MAX_PEAKS = 150_000  # more dots only blacken the picture
SAMPLED_S = 60.0  # seconds searched for peaks when there are none yet
SAMPLE_S = 1.0


@dataclasses.dataclass(frozen=True)
class Peaks:
    """Peaks of a recording, segments laid end to end.

    Attributes
    ----------
    times_s, depths_um, amplitudes_uv : np.ndarray, shape (n_peaks,)
        Time from the start of the first segment, position along the probe, signed amplitude.
    note : str
        Where they come from, for the picture.
    """

    times_s: np.ndarray
    depths_um: np.ndarray
    amplitudes_uv: np.ndarray
    note: str


def segment_offsets_s(recording) -> np.ndarray:
    """Return where each segment starts when all are laid end to end, and the end of the last, in seconds."""
    durations = [recording.get_num_samples(i) / recording.sampling_frequency
                 for i in range(recording.get_num_segments())]
    return np.concatenate([[0.0], np.cumsum(durations)])


def load_peaks(motion_folder: Path, recording, at_most_one_in: int) -> Peaks | None:
    """Read the peaks the motion estimate saved, thinned out; None if there are none.

    Parameters
    ----------
    motion_folder : Path
        SpikeInterface's motion folder.
    recording : BaseRecording
        The preprocessed recording, for gains and times.
    at_most_one_in : int
        Thin out to one peak in this many, and only as far as the picture needs.
    """
    motion_folder = Path(motion_folder)
    if not ((motion_folder / "peaks.npy").is_file() and (motion_folder / "peak_locations.npy").is_file()):
        return None
    peaks = np.load(motion_folder / "peaks.npy", mmap_mode="r")
    locations = np.load(motion_folder / "peak_locations.npy", mmap_mode="r")
    step = thinning(len(peaks), at_most_one_in)
    return as_peaks(np.array(peaks[::step]), np.array(locations["y"][::step]), recording,
                    f"one peak in {step}" if step > 1 else "all peaks")


def thinning(n_peaks: int, at_most_one_in: int) -> int:
    """Return the step that leaves about `MAX_PEAKS`, no larger than asked unless ten times as many would remain."""
    needed = -(-n_peaks // MAX_PEAKS)
    return max(1, min(needed, at_most_one_in), -(-n_peaks // (10 * MAX_PEAKS)))


def detect_sampled_peaks(recording, detect_threshold: float, n_jobs: int) -> Peaks:
    """Detect and localize peaks in seconds spread over the recording; the cost does not grow with its length."""
    from spikeinterface.sortingcomponents.peak_detection import detect_peaks
    from spikeinterface.sortingcomponents.peak_localization import localize_peaks

    job_kwargs = dict(n_jobs=n_jobs, chunk_duration=f"{SAMPLE_S}s", progress_bar=False, mp_context="fork")
    slices = sample_slices(recording)
    sampled_s = sum(end - start for _, start, end in slices) / recording.sampling_frequency
    # Noise levels are cached as a property of the recording: leave the caller's alone.
    recording = recording.clone()
    peaks = detect_peaks(recording, method="locally_exclusive",
                         method_kwargs=dict(peak_sign="neg", detect_threshold=detect_threshold),
                         pipeline_kwargs=dict(slices=slices), job_kwargs=job_kwargs)
    if len(peaks) == 0:
        return Peaks(np.zeros(0), np.zeros(0), np.zeros(0), f"no peaks in {sampled_s:.0f} s")
    # Localizing reads every chunk again; thin out first, in order of time.
    peaks = peaks[::thinning(len(peaks), 1_000_000)]
    if recording.get_num_channels() < 8:  # too few channels for more than the nearest contact
        depths = recording.get_channel_locations()[peaks["channel_index"], 1]
    else:
        depths = localize_peaks(recording, peaks, method="center_of_mass", job_kwargs=job_kwargs,
                                pipeline_kwargs=dict(slices=slices))["y"]
    return as_peaks(peaks, depths, recording, f"peaks in {sampled_s:.0f} s spread over the recording")


def sample_slices(recording) -> list[tuple[int, int, int]]:
    """Spread slices of `SAMPLE_S` over all segments, together at most `SAMPLED_S`, as (segment, start, end)."""
    offsets = segment_offsets_s(recording)
    n_slices = int(min(SAMPLED_S, offsets[-1]) / SAMPLE_S) or 1
    step = offsets[-1] / n_slices
    slices = []
    for index in range(recording.get_num_segments()):
        n_samples = recording.get_num_samples(index)
        length = min(int(SAMPLE_S * recording.sampling_frequency), n_samples)
        n_here = max(1, min(round((offsets[index + 1] - offsets[index]) / step), n_samples // max(length, 1)))
        starts = np.linspace(0, n_samples - length, n_here).astype(int)
        slices += [(index, int(start), int(start + length)) for start in starts]
    return slices[:2 * n_slices]


def as_peaks(peaks, depths_um, recording, note) -> Peaks:
    """Bring SpikeInterface's peak vector into seconds and microvolts."""
    offsets = segment_offsets_s(recording)
    times_s = peaks["sample_index"] / recording.sampling_frequency + offsets[peaks["segment_index"]]
    gain = 1.0
    if recording.has_scaleable_traces():
        # Applying motion may have removed channels since; probes have one gain, so the nearest index will do.
        gains = recording.get_channel_gains()
        gain = gains[np.minimum(peaks["channel_index"], len(gains) - 1)]
    return Peaks(times_s, np.asarray(depths_um, dtype="float64"), peaks["amplitude"] * gain, note)
