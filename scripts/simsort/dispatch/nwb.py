"""Find the electrical series of NWB files, HDF5 or zarr."""

import os
from pathlib import Path

import numpy as np

from simsort.dispatch.streams import Stream, find_files
from simsort.errors import UserError, one_line

MIN_SPIKE_BAND_HZ = 10000.0  # slower series are LFP, as in the AIND pipeline


def find_nwb(data_path: Path) -> list[Stream]:
    """Find every ElectricalSeries in the acquisition of one NWB file or of all in a folder.

    Parameters
    ----------
    data_path : Path
        An `.nwb` file, an NWB zarr folder, or a folder that holds them.

    Returns
    -------
    streams : list of Stream
        Named `block0_acquisition-<series>`; the block counts the files of a folder.

    Raises
    ------
    UserError
        If there is no NWB file, or no electrical series in any.
    """
    files = [data_path] if is_nwb(data_path) else sorted(
        {*find_files(data_path, ".nwb"), *(folder for folder in nwb_zarr_folders(data_path))})
    if not files:
        raise UserError(f"DATA_PATH {data_path} holds no .nwb file", "give the file or the folder it is in, or the "
                        "format with --job_dispatch_args \"--input ...\"")
    streams = [stream for block, file in enumerate(files) for stream in read_nwb_file(file, f"block{block}_")]
    if not streams:
        raise UserError(f"{files[0]} has no ElectricalSeries of {MIN_SPIKE_BAND_HZ:g} Hz or more in its acquisition",
                        "give a file with the raw recording")
    return streams


def is_nwb(path: Path) -> bool:
    """Tell whether a path is an NWB file or an NWB zarr folder."""
    return path.is_file() or (path / ".zgroup").is_file() or (path / ".zmetadata").is_file()


def nwb_zarr_folders(data_path: Path):
    """Yield the NWB zarr folders directly in a folder."""
    return (folder for folder in data_path.iterdir() if folder.is_dir() and ".nwb" in folder.name and is_nwb(folder))


def read_nwb_file(file: Path, name_prefix: str, skip=()) -> list[Stream]:
    """Read every spike-band series of one file; a file or series that cannot be read is a stream with its reason."""
    from spikeinterface.extractors.nwbextractors import NwbRecordingExtractor

    if not os.access(file, os.R_OK):
        return [Stream(name=f"{name_prefix}{file.stem}", reason=f"{file} cannot be read: ask its owner for permission")]
    try:
        series = NwbRecordingExtractor.fetch_available_electrical_series_paths(file)
    except Exception as error:
        return [Stream(name=f"{name_prefix}{file.stem}", files=[file], reason=f"{file} cannot be read as NWB "
                       f"({one_line(error)}): copy it again, it may be truncated")]
    streams = []
    for path in series:
        if path.startswith("acquisition/") and not any(text in path for text in skip):
            stream = read_series(file, path, name_prefix + path.replace("/", "-"))
            if stream.reason or stream.recording.sampling_frequency >= MIN_SPIKE_BAND_HZ:
                streams.append(stream)
    return streams


def read_series(file: Path, series_path: str, name: str) -> Stream:
    """Read one series; its timestamps, where it has no fixed rate, stay on disk."""
    from spikeinterface.extractors.nwbextractors import NwbRecordingExtractor

    stream = Stream(name=name, files=[file])
    # SpikeInterface takes a relative series path for a file when it reloads from a zarr folder
    inside = f"/{series_path}"
    try:
        recording = NwbRecordingExtractor(file, electrical_series_path=inside)
        timed = NwbRecordingExtractor(file, electrical_series_path=inside, load_time_vector=True)
        stream.timestamps = [timed.segments[0].get_times_kwargs().get("time_vector")]
        stream.session_start_time = session_start(file)
    except Exception as error:
        stream.reason = f"{file}: {series_path} cannot be read ({one_line(error)}): write the file again, with gains " \
                        "and electrodes"
        return stream
    stream.recording = recording
    return stream


def session_start(file: Path) -> str | None:
    """Return the file's session_start_time."""
    from spikeinterface.extractors.nwbextractors import read_file_from_backend

    handle = read_file_from_backend(file_path=file)
    value = np.ravel(handle["session_start_time"][()])[0] if "session_start_time" in handle else None  # zarr: array
    if hasattr(handle, "close"):
        handle.close()
    return value.decode() if isinstance(value, bytes) else value and str(value)
