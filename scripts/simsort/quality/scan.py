"""One pass over the raw recording: samples at the converter's limits, dead time, artefacts on all channels at once."""

import dataclasses

import numpy as np
from spikeinterface.core.job_tools import TimeSeriesChunkExecutor

from simsort.dispatch.preflight import chunk_bounds, converter_limits, count_saturated

MIN_DEAD_MS = 1.0  # all channels repeat their last sample for at least this long: lost packets, switched off
MIN_CHANNELS_FOR_ARTIFACTS = 16  # on fewer a spike may reach them all
STEP_MS = 0.2  # artefacts are steps of the mean of all channels over this time
ARTIFACT_MADS, MIN_ARTIFACT_UV = 20.0, 25.0
ARTIFACT_REACH_MS = 1.0  # what lies this close to a step is part of it
KEPT_TIMES = 1000  # most artefact times written down


@dataclasses.dataclass
class Scan:
    """What one pass found; arrays have one entry per second, seconds of several segments end to end.

    Attributes
    ----------
    times_s : np.ndarray
        Start of each second.
    saturated, dead, artifact : np.ndarray
        Fraction of samples (of all channels) at the limits, of time without any change, of time within artefacts.
    saturated_by_channel : np.ndarray, shape (n_channels,)
        Fraction of each channel's samples.
    artifact_times_s : list of float
        The first `KEPT_TIMES` of them.
    n_artifacts : int | None
        None where there are too few channels to tell.
    """

    times_s: np.ndarray
    saturated: np.ndarray
    dead: np.ndarray
    artifact: np.ndarray
    saturated_by_channel: np.ndarray
    artifact_times_s: list
    n_artifacts: int | None
    durations_s: np.ndarray

    def fraction(self, per_second: np.ndarray) -> float:
        """Return the fraction of the whole recording."""
        return float(np.average(per_second, weights=self.durations_s)) if self.durations_s.sum() else 0.0


def scan(recording, job_kwargs: dict) -> Scan:
    """Read a raw recording once, in chunks of a second.

    Parameters
    ----------
    recording : BaseRecording
        The recording as acquired.
    job_kwargs : dict
        SpikeInterface's job keywords.

    Returns
    -------
    Scan
        Memory grows with the seconds, not with the samples.
    """
    threshold = artifact_threshold(recording)
    executor = TimeSeriesChunkExecutor(
        recording, _look_at_chunk, _Context, (recording, converter_limits(recording), threshold),
        handle_returns=True, job_name="quality control", **{**job_kwargs, "chunk_duration": "1s"})
    found = executor.run()
    fs = recording.get_sampling_frequency()
    lengths = np.array([f["n_samples"] for f in found])
    starts = np.concatenate([[0], np.cumsum(lengths)])
    times = [(start + step) / fs for start, f in zip(starts, found) for step in f["steps"]]
    total = max(1, int(lengths.sum()))
    by_channel = np.sum([f["saturated"] for f in found], axis=0) / total
    return Scan(times_s=starts[:-1] / fs, saturated=np.array([f["saturated"].mean() for f in found]) / lengths,
                dead=np.array([f["n_dead"] for f in found]) / lengths,
                artifact=np.array([f["n_artifact"] for f in found]) / lengths, saturated_by_channel=by_channel,
                artifact_times_s=[round(float(t), 4) for t in times[:KEPT_TIMES]],
                n_artifacts=None if threshold is None else len(times), durations_s=lengths / fs)


def artifact_threshold(recording) -> float | None:
    """Return the smallest step of the mean of all channels that counts as an artefact, in the recording's own units."""
    if recording.get_num_channels() < MIN_CHANNELS_FOR_ARTIFACTS:
        return None
    steps = [mean_steps(recording.get_traces(segment_index=s, start_frame=a, end_frame=b), lag_of(recording))
             for s, a, b in chunk_bounds(recording)]
    steps = np.concatenate(steps)
    if not steps.size:
        return None
    floor = MIN_ARTIFACT_UV / np.median(recording.get_channel_gains()) if recording.has_scaleable_traces() else 0.0
    return float(max(ARTIFACT_MADS * np.median(np.abs(steps - np.median(steps))) / 0.6745, floor))


def lag_of(recording) -> int:
    """Return `STEP_MS` in samples."""
    return max(1, int(STEP_MS * recording.get_sampling_frequency() / 1000))


def mean_steps(traces: np.ndarray, lag: int) -> np.ndarray:
    """Return how far the mean of all channels moves over `lag` samples, shape (n_samples - lag,)."""
    common = traces.mean(axis=1, dtype="float64")
    return common[lag:] - common[:-lag]


class _Context(dict):
    """What a worker needs; made once in each."""

    def __init__(self, recording, limits, threshold):
        super().__init__(recording=recording, limits=limits, threshold=threshold, lag=lag_of(recording),
                         min_dead=max(1, int(MIN_DEAD_MS * recording.get_sampling_frequency() / 1000)),
                         reach=int(ARTIFACT_REACH_MS * recording.get_sampling_frequency() / 1000))


def _look_at_chunk(segment_index, start_frame, end_frame, context) -> dict:
    """Count what one chunk holds."""
    recording, lag = context["recording"], context["lag"]
    traces = recording.get_traces(segment_index=segment_index, start_frame=start_frame, end_frame=end_frame)
    steps = np.zeros(0, dtype=int)
    if context["threshold"] is not None and len(traces) > lag:
        steps = first_of_each(np.flatnonzero(np.abs(mean_steps(traces, lag)) > context["threshold"]), context["reach"])
    within = np.zeros(len(traces), dtype=bool)
    for step in steps:
        within[max(0, step - context["reach"]):step + context["reach"] + 1] = True
    return dict(n_samples=len(traces), saturated=count_saturated(traces, context["limits"]),
                n_dead=count_dead(traces, context["min_dead"]), steps=steps.tolist(), n_artifact=int(within.sum()))


def first_of_each(frames: np.ndarray, reach: int) -> np.ndarray:
    """Keep the first of frames that lie no further apart than `reach`."""
    return frames[np.insert(np.diff(frames) > reach, 0, True)] if frames.size else frames


def count_dead(traces: np.ndarray, min_dead: int) -> int:
    """Count samples in stretches of at least `min_dead` in which no channel changes."""
    still = np.insert((traces[1:] == traces[:-1]).all(axis=1), 0, False)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], still.astype(np.int8), [0]])))
    lengths = edges[1::2] - edges[::2]
    return int(lengths[lengths >= min_dead].sum())
