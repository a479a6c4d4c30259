"""Find the streams of an Open Ephys session: binary and NWB record nodes."""

import json
import os
import re
from pathlib import Path

import numpy as np

from simsort.dispatch.binary import binary_recording
from simsort.dispatch.nwb import read_nwb_file
from simsort.dispatch.streams import Stream, find_files, natural_order, sort_out_segments
from simsort.errors import UserError, one_line

# Auxiliary inputs and bands that hold no spikes, as the AIND pipeline leaves them out.
NOT_SPIKES = ("NI-DAQ", "LFP", "SYNC", "ADC", "-LF", "MessageCenter")


def find_openephys(data_path: Path) -> list[Stream]:
    """Find the spike-band streams of every record node and experiment.

    Parameters
    ----------
    data_path : Path
        Session folder (with `Record Node 101/experiment1/recording1/structure.oebin` below it, or
        `Record Node 101/experiment1.nwb`).

    Returns
    -------
    streams : list of Stream
        Named `experiment1_Record Node 101#Neuropix-PXI-100.ProbeA-AP`; recordings of one experiment are segments.

    Raises
    ------
    UserError
        If there is none.
    """
    streams = find_nwb_nodes(data_path)
    for experiment_folder, recording_folders in group_recordings(data_path).items():
        streams += read_experiment(experiment_folder, recording_folders)
    if not streams:
        legacy = " (the old .continuous format: use --input spikeinterface, reader_type openephyslegacy)"
        raise UserError(f"DATA_PATH {data_path} holds no Open Ephys recording (structure.oebin or experiment*.nwb)"
                        + legacy * bool(find_files(data_path, ".continuous")),
                        "give the folder that holds the record nodes, or another --job_dispatch.input")
    return streams


def group_recordings(data_path: Path) -> dict[Path, list[Path]]:
    """Return `{experiment folder: [recording folders]}` in natural order."""
    experiments: dict = {}
    for oebin in sorted(find_files(data_path, "structure.oebin"), key=natural_order):
        experiments.setdefault(oebin.parent.parent, []).append(oebin.parent)
    return experiments


def node_prefix(node_folder: Path) -> str:
    """Return `Record Node 101#`, or nothing for the GUI's versions without record nodes."""
    return f"{node_folder.name}#" if node_folder.name.startswith("Record") else ""


def settings_file(experiment_folder: Path) -> Path:
    """Return the GUI's settings of an experiment."""
    number = re.sub(r"\D", "", experiment_folder.name) or "1"
    return experiment_folder.parent / ("settings.xml" if number == "1" else f"settings_{number}.xml")


def read_experiment(experiment_folder: Path, recording_folders: list[Path]) -> list[Stream]:
    """Read every spike-band stream of one experiment of one record node."""
    name_prefix = f"{experiment_folder.name}_{node_prefix(experiment_folder.parent)}"
    structures, streams, readable = [], [], []
    for folder in recording_folders:
        try:
            structures.append(read_structure(folder / "structure.oebin"))
            readable.append(folder)
        except Exception as error:  # whatever a damaged file holds
            reason = f"{folder / 'structure.oebin'} cannot be read ({one_line(error)}): copy it again"
            streams.append(Stream(name=f"{name_prefix}{folder.name}", reason=reason))
    recording_folders = readable
    names = sorted({info["folder_name"] for structure in structures for info in structure})
    for name in names:
        if not any(text in name for text in NOT_SPIKES):
            streams.append(read_stream(name_prefix + name, name, recording_folders, structures))
            add_lfp(streams[-1], name, names, recording_folders, structures)
    return streams


def read_structure(file: Path) -> list[dict]:
    """Return the entries of the continuous streams in a structure.oebin file."""
    entries = json.loads(file.read_text(encoding="utf-8"))["continuous"]
    return [{"folder_name": entry["folder_name"].rstrip("/"), "sample_rate": float(entry["sample_rate"]),
             "channels": [{"channel_name": c["channel_name"], "bit_volts": float(c["bit_volts"]),
                           "units": c.get("units") or "uV"} for c in entry["channels"]]} for entry in entries]


def read_stream(full_name: str, name: str, recording_folders: list[Path], structures: list) -> Stream:
    """Check the files of one stream and read them, a segment per recording."""
    stream = Stream(name=full_name)
    infos, folders = [], []
    for recording_folder, structure in zip(recording_folders, structures):
        info = next((i for i in structure if i["folder_name"] == name), None)
        if info is None:
            stream.warnings.append(f"{recording_folder} has no stream {name}: it has one segment fewer")
            continue
        infos.append(info)
        folders.append(recording_folder / "continuous" / name)
    stream.files = [f for folder in folders for f in (folder / "continuous.dat",) if f.exists()]
    good = sort_out_segments(stream, [check_files(folder, info) for folder, info in zip(folders, infos)])
    folders, infos = [folders[place] for place in good], [infos[place] for place in good]
    if stream.reason or not folders:
        stream.reason = stream.reason or f"{recording_folders[0]} has no stream {name}: copy it again"
        return stream
    try:
        settings = settings_file(recording_folders[0].parent)
        stream.recording = read_files(folders, infos[0])
        attach_probe(stream.recording, settings, name)
        stream.session_start_time = start_time(settings)
        stream.timestamps = [read_timestamps(folder) for folder in folders]
    except Exception as error:  # whatever the reader says about this stream, the others go on
        stream.reason = f"{folders[0]} cannot be read ({one_line(error)}): copy it again from the acquisition computer"
    return stream


def check_files(folder: Path, info: dict) -> str:
    """Check one stream folder; return what is wrong and the remedy, or an empty text."""
    data_file = folder / "continuous.dat"
    if not data_file.is_file():
        return f"{data_file} is missing: copy it from the acquisition computer"
    if not os.access(data_file, os.R_OK):
        return f"{data_file} cannot be read: ask its owner for read permission"
    found, frame_bytes = data_file.stat().st_size, 2 * len(info["channels"])
    try:
        n_expected = count_samples(folder)
    except Exception as error:  # numpy makes anything of a damaged header, tokenize.TokenError for one
        return f"{folder}: its timestamp files cannot be read ({one_line(error)}): copy the stream's folder again"
    if n_expected is not None and found != n_expected * frame_bytes:
        return f"{data_file} is truncated or does not fit its timestamps: {found} bytes instead of " \
               f"{n_expected * frame_bytes}: copy the stream's folder again"
    if not found or found % frame_bytes:
        return f"{data_file} holds {found} bytes, not a whole number of samples of {len(info['channels'])} channels: " \
               "copy it again"
    return ""


def count_samples(folder: Path) -> int | None:
    """Return how many samples the stream's timestamp files name, from their headers only."""
    for name in ("sample_numbers.npy", "timestamps.npy"):
        if (folder / name).is_file():
            return len(np.load(folder / name, mmap_mode="r"))
    return None


def read_files(folders: list[Path], info: dict):
    """Read the neural channels of a stream, one segment per recording folder."""
    channels = info["channels"]
    ids = [channel["channel_name"] for channel in channels]
    keep = [i for i, name in enumerate(ids) if "SYNC" not in name and "ADC" not in name]
    to_uv = [1e6 if channel["units"] == "V" else 1.0 for channel in channels]
    gains = [channel["bit_volts"] * factor for channel, factor in zip(channels, to_uv)]
    return binary_recording([folder / "continuous.dat" for folder in folders], info["sample_rate"], ids, "int16",
                            gains_uv=gains, keep=keep)


def attach_probe(recording, settings: Path, name: str) -> None:
    """Attach the Neuropixels probe described in the GUI's settings, with sampling order and saturation level."""
    import probeinterface
    from spikeinterface.extractors.neuropixels_utils import (
        compute_saturation_threshold_from_probe,
        get_neuropixels_sample_shifts_from_probe,
    )

    if not settings.is_file() or not probeinterface.has_neuropixels_probes(settings, stream_name=name):
        return
    probe = probeinterface.read_openephys_neuropixels(settings, stream_name=name)
    recording.set_probe(probe, group_mode="auto" if probe.shank_ids is None else "by_shank")
    shifts = get_neuropixels_sample_shifts_from_probe(probe)
    if shifts is not None:
        recording.set_property("inter_sample_shift", shifts)
    threshold = compute_saturation_threshold_from_probe(probe, name)
    if threshold is not None:
        recording.annotate(saturation_threshold_uV=threshold)


def start_time(settings: Path) -> str | None:
    """Return the date in the GUI's settings as ISO 8601 where it can be understood."""
    import datetime

    match = re.search(r"<DATE>([^<]*)</DATE>", settings.read_text(errors="replace")) if settings.is_file() else None
    try:
        return datetime.datetime.strptime(match[1].strip(), "%d %b %Y %H:%M:%S").isoformat() if match else None
    except ValueError:
        return None


def read_timestamps(folder: Path):
    """Return the synchronised timestamps the GUI wrote, in seconds, as a memory map; None where there are none."""
    new_format = (folder / "sample_numbers.npy").is_file()  # the GUI from version 0.6 on
    file = folder / ("timestamps.npy" if new_format else "synchronized_timestamps.npy")
    return np.load(file, mmap_mode="r") if file.is_file() else None


def add_lfp(stream: Stream, name: str, names: list[str], recording_folders: list[Path], structures: list) -> None:
    """Read the LFP partner of an AP stream; trouble with it is a warning."""
    partner = name.replace("-AP", "-LFP")
    if partner == name or partner not in names or stream.recording is None:
        return
    lfp = read_stream(partner, partner, recording_folders, structures)
    if lfp.reason or lfp.recording.get_num_segments() != stream.recording.get_num_segments():
        stream.warnings.append(f"LFP left out: {lfp.reason or 'it has other segments than the AP band'}")
    else:
        stream.lfp = lfp.recording
        stream.files += lfp.files


def find_nwb_nodes(data_path: Path) -> list[Stream]:
    """Find record nodes written in the GUI's NWB format: `Record Node 101/experiment1.nwb`."""
    streams = []
    for file in find_files(data_path, ".nwb"):
        experiment = file.with_suffix("")
        for stream in read_nwb_file(file, f"{experiment.name}_{node_prefix(file.parent)}", skip=NOT_SPIKES):
            if stream.recording is not None and not stream.recording.has_probe():
                attach_probe(stream.recording, settings_file(experiment), stream.name.split("acquisition-")[-1])
            streams.append(stream)
    return streams
