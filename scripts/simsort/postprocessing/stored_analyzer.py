"""The analyzer on disk: self-contained, with a recording reference that survives a move of the raw data."""

from pathlib import Path

import numpy as np
import spikeinterface.full as si
import zarr
from spikeinterface.core.zarrextractors import _write_object_array

from simsort.errors import UserError, one_line


def store_recording_reference(analyzer_path: Path, recording_dict: dict) -> None:
    """Put the lazy preprocessed chain into a stored analyzer in place of the recording it was computed on.

    Parameters
    ----------
    analyzer_path : Path
        The analyzer's zarr folder.
    recording_dict : dict
        SpikeInterface's form of the recording, file paths relative to the folder of the raw data.
    """
    root = zarr.open(str(analyzer_path), mode="r+")
    _write_object_array(root, "recording", recording_dict, codec="json")
    zarr.consolidate_metadata(root.store)


def load_analyzer(path, data_path=None) -> si.SortingAnalyzer:
    """Load a stored analyzer, with traces if the raw data are at hand.

    `spikeinterface.load_sorting_analyzer(path)` loads the same, without traces.

    Parameters
    ----------
    path : str | Path
        The analyzer's zarr folder.
    data_path : str | Path | None, default: None
        Where the raw data lie now: the folder (or file) given as DATA_PATH when they were sorted.

    Returns
    -------
    analyzer : SortingAnalyzer
        With the lazy preprocessed recording attached unless `data_path` is None.

    Raises
    ------
    UserError
        If there is no analyzer, or the raw data are not there or are others.
    """
    path = Path(path)
    if not path.is_dir():
        raise UserError(f"no analyzer at {path}", "give the folder postprocessed/<recording>.zarr")
    if data_path is None:
        return si.load_sorting_analyzer(path)
    return si.SortingAnalyzer.load(path, recording=stored_recording(path, data_path), format="zarr")


def stored_recording(path: Path, data_path) -> si.BaseRecording:
    """Load the lazy preprocessed recording an analyzer refers to from the raw data's present place."""
    root = zarr.open(str(path), mode="r")
    if "recording" not in root:
        raise UserError(f"analyzer {path} holds no reference to its recording", "load it without data_path")
    data_path = Path(data_path)
    data_root = data_path if data_path.is_dir() else data_path.parent
    try:
        recording = si.load(root["recording"][0], base_folder=data_root)
    except (OSError, ValueError, AssertionError) as error:
        raise UserError(f"the raw data of {path} do not load from {data_path} ({one_line(error)})",
                        "give the folder they were sorted from") from error
    attributes = root["recording_info"].attrs["recording_attributes"]
    lengths = [recording.get_num_samples(segment_index=i) for i in range(recording.get_num_segments())]
    if lengths != list(attributes["num_samples"]) or not np.array_equal(
            np.asarray(recording.channel_ids).astype(str), np.asarray(attributes["channel_ids"]).astype(str)):
        raise UserError(f"the recording at {data_path} is not the one of {path}",
                        "give the folder it was sorted from")
    return recording
