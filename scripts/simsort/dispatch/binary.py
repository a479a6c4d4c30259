"""Raw binary files as a recording, for formats whose reader gives up on a whole folder for one broken file."""

from pathlib import Path

import numpy as np


def binary_recording(files: list[Path], sampling_frequency_hz: float, channel_ids: list, dtype: str, *, gains_uv,
                     keep: list[int]):
    """Read interleaved binary files, one per segment, and keep some of their channels.

    Parameters
    ----------
    files : list of Path
        One file per segment.
    sampling_frequency_hz : float
        Sampling rate.
    channel_ids : list of str
        Names of all channels in the files.
    dtype : str
        Sample type.
    gains_uv : array
        uV per count of every channel in the files.
    keep : list of int
        Indices of the channels to keep (all but sync and analog inputs).

    Returns
    -------
    recording : BaseRecording
        Lazy recording without a probe.
    """
    from spikeinterface.core import BinaryRecordingExtractor

    recording = BinaryRecordingExtractor(file_paths=[str(file) for file in files], dtype=dtype,
                                         sampling_frequency=float(sampling_frequency_hz), is_filtered=False,
                                         num_channels=len(channel_ids), channel_ids=list(channel_ids),
                                         gain_to_uV=np.asarray(gains_uv, dtype="float64"),
                                         offset_to_uV=np.zeros(len(channel_ids)))
    return recording.select_channels([channel_ids[i] for i in keep])
