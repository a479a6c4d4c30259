"""Sortings and recordings of the user's folders."""

from pathlib import Path

from simsort.errors import UserError, one_line


def load_sorting(folder: Path, option: str):
    """Load a sorting: saved by SpikeInterface, written by `simsort sort`, or in phy's format.

    Parameters
    ----------
    folder : Path
        The folder.
    option : str
        The option it was given with, for the message.

    Raises
    ------
    UserError
        If it is none of them.
    """
    from spikeinterface import BaseSorting, load
    from spikeinterface.extractors import read_phy

    folder = existing(folder, option)
    if (folder / "params.py").is_file():
        return read_phy(folder)
    inside = folder / "sorting"
    try:
        sorting = load(inside if inside.is_dir() else folder)
    except Exception as error:
        raise UserError(f"{option} {folder} holds no sorting that can be read ({one_line(error)[:200]})",
                        "give a folder saved by SpikeInterface, written by simsort sort, or in phy's format") from error
    if not isinstance(sorting, BaseSorting):
        raise UserError(f"{option} {folder} holds no sorting but a {type(sorting).__name__}", "give a sorting's folder")
    return sorting


def load_recording(folder: Path, option: str):
    """Load a recording saved by SpikeInterface.

    Raises
    ------
    UserError
        If there is none.
    """
    from spikeinterface import BaseRecording, load

    folder = existing(folder, option)
    try:
        recording = load(folder)
    except Exception as error:
        raise UserError(f"{option} {folder} holds no recording that can be read ({one_line(error)[:200]})",
                        "give a folder saved by SpikeInterface") from error
    if not isinstance(recording, BaseRecording):
        raise UserError(f"{option} {folder} holds no recording but a {type(recording).__name__}",
                        "give a recording's folder")
    return recording


def existing(folder: Path, option: str) -> Path:
    """Return a folder that is there.

    Raises
    ------
    UserError
        If it is not.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{option} {folder} does not exist", "give the path of a folder")
    return folder


def check_pair(truth, sorting) -> None:
    """Raise `UserError` for sortings that cannot be of the same recording."""
    rates = [one.get_sampling_frequency() for one in (truth, sorting)]
    if abs(rates[0] - rates[1]) > 1e-6 * rates[0]:
        raise UserError(f"the sorting's sampling rate is {rates[1]:g} Hz, the truth's {rates[0]:g} Hz",
                        "give sortings of the same recording")
    segments = [one.get_num_segments() for one in (truth, sorting)]
    if segments[0] != segments[1]:
        raise UserError(f"the sorting has {segments[1]} segments, the truth {segments[0]}",
                        "give sortings of the same recording")
    if not truth.get_num_units():
        raise UserError("the ground truth has no units", "give the folder of the true spikes")
