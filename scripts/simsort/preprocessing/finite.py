"""Refuse recordings that hold NaN or infinite samples."""

import numpy as np
from spikeinterface.core.job_tools import TimeSeriesChunkExecutor

from simsort.errors import UserError

REMEDY = ("replace such samples in the file, or leave that part out with --preprocessing.t-start and "
          "--preprocessing.t-stop")


def check_finite(recording, source: str, job_kwargs: dict, remedy: str = REMEDY) -> None:
    """Read a whole floating-point recording chunk by chunk and raise at the first NaN or infinity.

    One such sample spreads over seconds through the filters and over all channels through the reference, without any
    error. Integers cannot hold one: nothing is read.

    Parameters
    ----------
    recording : BaseRecording
        The raw recording.
    source : str
        The file it came from, for the message.
    job_kwargs : dict
        SpikeInterface's job keywords.
    remedy : str
        What to do about it, for the message.

    Raises
    ------
    UserError
        Naming the file, the channel and the time.
    """
    if recording.get_dtype().kind != "f":
        return
    executor = TimeSeriesChunkExecutor(recording, _first_bad_sample, lambda *args: args, (recording,),
                                       handle_returns=True, job_name="check for NaN", **job_kwargs)
    found = [bad for bad in executor.run() if bad is not None]
    if found:
        segment_index, frame, channel_index = min(found)
        time_s = frame / recording.get_sampling_frequency()
        segment = f" of segment {segment_index}" if recording.get_num_segments() > 1 else ""
        raise UserError(f"{source}: channel {recording.channel_ids[channel_index]} is NaN or infinite {time_s:.4f} s "
                        f"after the start{segment}", remedy)


def _first_bad_sample(segment_index, start_frame, end_frame, context):
    """Return (segment, frame, channel) of a chunk's first sample that is not finite, or None."""
    traces = context[0].get_traces(segment_index=segment_index, start_frame=start_frame, end_frame=end_frame)
    bad = ~np.isfinite(traces)  # (n_frames, n_channels)
    if not bad.any():
        return None
    frame, channel_index = np.argwhere(bad)[0]
    return segment_index, start_frame + int(frame), int(channel_index)
