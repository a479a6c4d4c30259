"""Find the probes of a SpikeGLX session: `.ap.bin` with `.ap.meta`, and `.lf` beside them.

Files are grouped by run, probe and band before SpikeInterface reads them, so that one broken file stops its own
probe only: the reader takes a whole folder and gives up on all of it.
"""

import functools
import os
import re
from collections import defaultdict
from pathlib import Path

from simsort.dispatch.binary import binary_recording
from simsort.dispatch.streams import Stream, find_files, sort_out_segments
from simsort.dispatch.sync_edges import sync_of_files
from simsort.errors import UserError, one_line

FILE_NAME = re.compile(r"(?P<run>.+?)(?:_g(?P<gate>\d+)_t(?P<trigger>\d+|cat))?\.(?P<device>imec\d*)\.(?P<band>ap|lf)")
REQUIRED_FIELDS = ("fileSizeBytes", "nSavedChans", "imSampRate", "snsChanMap", "snsSaveChanSubset", "imroTbl")
SAMPLE_BYTES = 2


def find_spikeglx(data_path: Path) -> list[Stream]:
    """Find every probe of a SpikeGLX session.

    Parameters
    ----------
    data_path : Path
        Folder holding the run, in any depth: folder per probe or all files in one.

    Returns
    -------
    streams : list of Stream
        One per run and probe, segments ordered by gate and trigger, without the sync channel.

    Raises
    ------
    UserError
        If there is no AP recording at all.
    """
    groups = group_files(data_path)
    runs = sorted({run for run, _, _ in groups})
    streams = []
    for (run, device, band), parts in sorted(groups.items()):
        if band == "ap":
            name = f"block{runs.index(run)}_{device}.ap"
            streams.append(read_probe(name, device, parts, groups.get((run, device, "lf"), {})))
    if not streams:
        raise UserError(f"DATA_PATH {data_path} holds no SpikeGLX recording (*.imec*.ap.bin with .ap.meta)",
                        explain_absence(data_path))
    return streams


def group_files(data_path: Path) -> dict:
    """Group binary files, and meta files that have lost theirs, as `{(run, device, band): {(gate, trigger): path}}`."""
    groups: dict = defaultdict(dict)
    for path in find_files(data_path, ".bin", ".meta"):
        match = FILE_NAME.fullmatch(path.stem)
        if match:
            trigger = match["trigger"] or "0"
            order = (int(match["gate"] or 0), -1 if trigger == "cat" else int(trigger))
            groups[match["run"], match["device"], match["band"]].setdefault(order, path.with_suffix(".bin"))
    return groups


def explain_absence(data_path: Path) -> str:
    """Guess what the folder is, to tell the user what to do."""
    if find_files(data_path, ".cbin"):
        return "it holds compressed .cbin files: decompress them, or read them with --input spikeinterface " \
               "(reader_type cbin_ibl)"
    for suffix, name in (("structure.oebin", "openephys"), (".nwb", "nwb")):
        if find_files(data_path, suffix):
            return f"it looks like another format: try --job_dispatch_args \"--input {name}\""
    return "give the run's folder, or the format with --job_dispatch_args \"--input ...\""


def read_probe(name: str, device: str, parts: dict, lf_parts: dict) -> Stream:
    """Check the files of one probe and read it; its stream carries the reason if that fails."""
    stream = Stream(name=name, files=[f for p in parts.values() for f in (p, p.with_suffix(".meta")) if f.exists()])
    if (0, -1) in parts and len(parts) > 1:  # CatGT output beside its source would be sorted twice
        parts = {order: path for order, path in parts.items() if order[1] == -1}
        stream.warnings.append(f"{device}: CatGT's tcat file is used, the triggers it was made of are not")
    ordered = [parts[order] for order in sorted(parts)]
    ordered = [ordered[place] for place in sort_out_segments(stream, [check_files(part) for part in ordered])]
    if stream.reason:
        return stream
    metas = [read_meta(part.with_suffix(".meta")) for part in ordered]
    stream.session_start_time = metas[0].get("fileCreateTime")
    stream.look_at_sync = functools.partial(sync_of_files, ordered, metas)
    try:
        stream.recording = read_band(ordered, f"{device}.ap")
    except Exception as error:  # whatever the reader says about this probe, the other probes go on
        stream.reason = f"{ordered[0].with_suffix('.meta')} cannot be read ({one_line(error)}): copy the .meta file " \
                        "again from the acquisition computer"
        return stream
    add_lfp(stream, device, [lf_parts[order] for order in sorted(lf_parts) if parts.get(order) in ordered])
    return stream


def add_lfp(stream: Stream, device: str, parts: list[Path]) -> None:
    """Read the `.lf` partner; trouble with it is a warning, sorting does not need it."""
    if not parts:
        return
    trouble = next(filter(None, map(check_files, parts)), "")
    if not trouble and len(parts) != stream.recording.get_num_segments():
        trouble = f"{device}: {len(parts)} .lf files for {stream.recording.get_num_segments()} .ap files"
    if not trouble:
        try:
            stream.lfp = read_band(parts, f"{device}.lf")
        except Exception as error:
            trouble = f"{parts[0]} cannot be read ({one_line(error)})"
    if trouble:
        stream.warnings.append(f"LFP left out: {trouble}")
    else:
        stream.files += [f for p in parts for f in (p, p.with_suffix(".meta"))]


def read_meta(meta_file: Path) -> dict[str, str]:
    """Read a `.meta` file into `{field: text}`; a leading ~ is dropped."""
    lines = meta_file.read_text(encoding="utf-8", errors="replace").splitlines()
    return {key.lstrip("~"): value for key, equals, value in (line.partition("=") for line in lines) if equals}


def check_files(bin_file: Path) -> str:
    """Check one `.bin` against its `.meta`; return what is wrong and the remedy, or an empty text."""
    meta_file = bin_file.with_suffix(".meta")
    if not bin_file.is_file():
        return f"{bin_file} is missing beside its .meta: copy it from the acquisition computer"
    if not meta_file.is_file():
        return f"{meta_file} is missing: copy it beside its .bin from the acquisition computer"
    for file in (bin_file, meta_file):
        if not os.access(file, os.R_OK):
            return f"{file} cannot be read: ask its owner for read permission"
    meta = read_meta(meta_file)
    lacking = [field for field in REQUIRED_FIELDS if field not in meta]
    if "imroTbl" in lacking:
        return f"{meta_file} has no probe geometry (~imroTbl): copy the original .meta file, or give the positions " \
               "with --job_dispatch.probe and --input spikeinterface (reader_type binary)"
    if lacking:
        return f"{meta_file} lacks {', '.join(lacking)}: copy the original .meta file from the acquisition computer"
    return check_size(bin_file, meta_file, meta)


def check_size(bin_file: Path, meta_file: Path, meta: dict) -> str:
    """Compare the size of a `.bin` file with its `.meta`; return what is wrong or an empty text."""
    try:
        expected, n_channels = int(meta["fileSizeBytes"]), int(meta["nSavedChans"])
        float(meta["imSampRate"])
    except ValueError as error:
        return f"{meta_file} cannot be read ({error}): copy the original .meta file from the acquisition computer"
    found = bin_file.stat().st_size
    if found < expected:
        return f"{bin_file} is truncated: {found} bytes instead of the {expected} its .meta names: copy it again"
    if found != expected:
        return f"{bin_file} does not fit its .meta: {found} bytes instead of {expected}: copy both files again"
    if n_channels < 1 or found % (SAMPLE_BYTES * n_channels) or not found:
        return f"{bin_file} holds {found} bytes, not a whole number of samples of the {n_channels} channels in its " \
               ".meta: copy both files again"
    return ""


def read_band(parts: list[Path], stream_id: str):
    """Read one band of one probe: by SpikeInterface's SpikeGLX reader where the folder holds just this run.

    A folder that also holds broken files or other runs confuses that reader; then the same files are read as raw
    binary, with names, gains and probe from the same `.meta` files.
    """
    from spikeinterface.extractors import read_spikeglx

    folder = Path(os.path.commonpath([part.parent for part in parts]))
    try:
        recording = read_spikeglx(folder, stream_id=stream_id)
    except Exception:
        return read_band_as_binary(parts, stream_id)
    sizes = [part.stat().st_size for part in parts]
    n_channels = int(read_meta(parts[0].with_suffix(".meta"))["nSavedChans"])
    n_samples = [recording.get_num_samples(i) for i in range(recording.get_num_segments())]
    if n_samples != [size // (SAMPLE_BYTES * n_channels) for size in sizes]:
        return read_band_as_binary(parts, stream_id)
    return recording


def read_band_as_binary(parts: list[Path], stream_id: str):
    """Read one band of one probe from its files alone."""
    import probeinterface
    from neo.rawio.spikeglxrawio import extract_stream_info, read_meta_file
    from spikeinterface.extractors.neuropixels_utils import get_neuropixels_sample_shifts_from_probe

    meta_file = parts[0].with_suffix(".meta")
    info = extract_stream_info(str(meta_file), read_meta_file(str(meta_file)))
    names = info["channel_names"]
    neural = [i for i, name in enumerate(names) if not name.startswith("SY")]
    recording = binary_recording(parts, info["sampling_rate"], [f"{stream_id}#{name}" for name in names], "int16",
                                 gains_uv=info["channel_gains"], keep=neural)
    probe = probeinterface.read_spikeglx(str(meta_file).replace(".lf.meta", ".ap.meta"))  # AP names the electrodes
    recording.set_probe(probe, group_mode="auto" if probe.shank_ids is None else "by_shank")
    shifts = get_neuropixels_sample_shifts_from_probe(probe)
    if shifts is not None:
        recording.set_property("inter_sample_shift", shifts)
    return recording
