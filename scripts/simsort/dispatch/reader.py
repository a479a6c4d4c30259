"""Find streams with any of SpikeInterface's readers, raw binary among them."""

import dataclasses
from pathlib import Path

from simsort.dispatch.streams import Stream, keep_stream
from simsort.errors import UserError, one_line

KNOWN_KEYS = ("reader_type", "reader_kwargs", "keep_stream_substrings", "skip_stream_substrings", "probe_paths",
              "session_names")
PATH_WORDS = ("path", "folder", "file", "dirname", "filename")
NOT_PATHS = ("electrical_series_path", "stream_cache_path")  # places inside a file, or made by the reader


@dataclasses.dataclass(frozen=True)
class ReaderInfo:
    """`--spikeinterface-info`, checked."""

    reader_type: str
    reader_kwargs: dict
    keep: list
    skip: list


def parse_info(info: dict) -> ReaderInfo:
    """Check the keys and types of `--spikeinterface-info`.

    Raises
    ------
    UserError
        For an unknown key or a wrong type.
    """
    unknown = [key for key in info if key not in KNOWN_KEYS]
    if unknown:
        raise UserError(f"--job_dispatch.spikeinterface-info has unknown keys {', '.join(unknown)}",
                        f"allowed: {', '.join(KNOWN_KEYS)}")
    kwargs = info.get("reader_kwargs") or {}
    if not isinstance(kwargs, dict):
        raise UserError("reader_kwargs in --job_dispatch.spikeinterface-info is not a mapping",
                        "write {\"reader_kwargs\": {\"name\": value}}; one session per run")
    lists = []
    for key in ("keep_stream_substrings", "skip_stream_substrings"):
        value = info.get(key) or []
        lists.append([value] if isinstance(value, str) else list(value))
    return ReaderInfo(str(info.get("reader_type")), kwargs, *lists)


def find_with_reader(data_path: Path, data_root: Path, info: dict) -> list[Stream]:
    """Read every stream of a session with a SpikeInterface reader.

    Parameters
    ----------
    data_path : Path
        The session; given to the reader when `reader_kwargs` names no path.
    data_root : Path
        Folder that relative paths in `reader_kwargs` start from.
    info : dict
        `reader_type`, `reader_kwargs`, `keep_stream_substrings`, `skip_stream_substrings`, `probe_paths`.

    Returns
    -------
    streams : list of Stream
        Named `block<b>_<stream>`.

    Raises
    ------
    UserError
        For an unknown reader, arguments it does not take or files that do not exist.
    """
    reader = parse_info(info)
    if reader.reader_type == "spikeinterface":
        return find_saved(data_path)
    function, is_neo = find_reader(reader.reader_type)
    kwargs = complete_paths(reader.reader_kwargs, function, data_path, data_root)
    files = input_files(kwargs)
    streams = []
    for block_index, stream_name in list_streams(reader.reader_type, kwargs, is_neo):
        if keep_stream(stream_name or "stream0", reader.keep, reader.skip):
            selected = {**kwargs, **({"stream_name": stream_name} if stream_name else {}),
                        **({"block_index": block_index} if is_neo and block_index else {})}
            streams.append(read_one(f"block{block_index}_{stream_name or 'stream0'}", function, selected, files))
    if not streams:
        raise UserError(f"reader {reader.reader_type} finds no stream that --spikeinterface-info keeps",
                        "change keep_stream_substrings or skip_stream_substrings")
    return streams


def find_reader(reader_type: str):
    """Return SpikeInterface's reading function of a name, and whether it reads through neo."""
    from spikeinterface.extractors.extractor_classes import recording_extractor_full_dict as readers
    from spikeinterface.extractors.neoextractors import neo_recording_class_dict

    if reader_type not in readers:
        import difflib

        close = difflib.get_close_matches(reader_type, readers, n=1)
        raise UserError(f"reader_type {reader_type!r} in --job_dispatch.spikeinterface-info is unknown",
                        f"did you mean {close[0]}?" if close else f"allowed: {', '.join(sorted(readers))}")
    return readers[reader_type], reader_type in neo_recording_class_dict


def complete_paths(kwargs: dict, function, data_path: Path, data_root: Path) -> dict:
    """Make relative paths absolute from the data root; without any path, give the reader the session itself.

    Raises
    ------
    UserError
        If a named file does not exist or the reader has no such argument.
    """
    import inspect

    parameters = inspect.signature(function).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    unknown = [name for name in kwargs if name not in parameters and not takes_any]
    if unknown:
        raise UserError(f"reader_kwargs {', '.join(unknown)} in --job_dispatch.spikeinterface-info are unknown to the "
                        "reader", f"allowed: {', '.join(parameters)}")
    completed = dict(kwargs)
    path_names = [name for name in parameters
                  if (name.endswith(PATH_WORDS) or name == "file_paths") and name not in NOT_PATHS]
    for name in path_names:
        if isinstance(completed.get(name), (list, tuple)):
            completed[name] = [existing(data_root / str(path)) for path in completed[name]]
        elif isinstance(completed.get(name), str):
            completed[name] = existing(data_root / completed[name])
    if path_names and not any(name in completed for name in path_names):
        completed[path_names[0]] = str(data_path)
    return completed


def existing(path: Path) -> str:
    """Return the path as text, or raise `UserError` if nothing is there."""
    if not path.exists():
        raise UserError(f"{path} named in --job_dispatch.spikeinterface-info does not exist",
                        "paths there start from DATA_PATH")
    return str(path)


def input_files(kwargs: dict) -> list[Path]:
    """Return the files and folders a reader was given."""
    values = [v for value in kwargs.values() for v in (value if isinstance(value, list) else [value])]
    return [Path(v) for v in values if isinstance(v, str) and Path(v).is_absolute() and Path(v).exists()]


def list_streams(reader_type: str, kwargs: dict, is_neo: bool) -> list[tuple[int, str | None]]:
    """List (block, stream name) of what a reader offers; other readers than neo's offer one stream."""
    if not is_neo or "stream_name" in kwargs or "stream_id" in kwargs:
        return [(0, kwargs.get("stream_name"))]
    from spikeinterface.extractors import get_neo_num_blocks, get_neo_streams

    try:
        n_blocks = get_neo_num_blocks(reader_type, **kwargs)
        names, _ = get_neo_streams(reader_type, **kwargs)
    except Exception as error:
        raise UserError(f"reader {reader_type} cannot read {next(iter(kwargs.values()), '')} ({one_line(error)})",
                        "check the files and reader_kwargs") from None
    return [(block, name) for block in range(n_blocks) for name in names]


def read_one(name: str, function, kwargs: dict, files: list[Path]) -> Stream:
    """Read one stream; its reason tells why where that fails."""
    stream = Stream(name=name, files=files)
    try:
        stream.recording = function(**kwargs)
    except Exception as error:  # whatever the reader says about this stream, the others go on
        stream.reason = f"{files[0] if files else name} cannot be read by the reader ({one_line(error)}): check the " \
                        "file and reader_kwargs in --job_dispatch.spikeinterface-info"
        return stream
    stream.reason = check_binary_size(kwargs, files)
    return stream


def check_binary_size(kwargs: dict, files: list[Path]) -> str:
    """Check that raw binary files hold whole samples; return what is wrong or an empty text."""
    import numpy as np

    if not {"dtype", "num_channels"} <= kwargs.keys():
        return ""
    frame_bytes = np.dtype(kwargs["dtype"]).itemsize * int(kwargs["num_channels"])
    for file in files:
        found = file.stat().st_size - int(kwargs.get("file_offset", 0))
        if found <= 0 or found % frame_bytes:
            return f"{file} holds {found} bytes, not a whole number of samples of {kwargs['num_channels']} channels " \
                   f"of {kwargs['dtype']}: check num_channels, dtype and file_offset, or copy the file again"
    return ""


def find_saved(data_path: Path) -> list[Stream]:
    """Find recordings SpikeInterface itself saved (folder, zarr, JSON): the session itself or what lies in it."""
    import spikeinterface as si

    streams = []
    candidates = [data_path] + (sorted(data_path.iterdir()) if data_path.is_dir() else [])
    for path in candidates:
        loadable = path.suffix in (".zarr", ".json") or (path / "si_folder.json").is_file() \
            or (path / "binary.json").is_file()
        if not loadable:
            continue
        stream = Stream(name=f"block{len(streams)}_stream0", files=[path])
        try:
            stream.recording = si.load(path, base_folder=True) if path.is_file() else si.load(path)
        except Exception as error:
            stream.reason = f"{path} cannot be loaded by SpikeInterface ({one_line(error)}): save it again"
        if stream.reason or hasattr(stream.recording, "get_traces"):
            streams.append(stream)
        if path == data_path:
            break
    if not streams:
        raise UserError(f"DATA_PATH {data_path} holds nothing saved by SpikeInterface (folder, .zarr, .json)",
                        "give another reader_type in --job_dispatch.spikeinterface-info")
    return streams
