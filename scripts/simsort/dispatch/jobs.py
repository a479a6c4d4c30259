"""One job per probe stream, segment and shank of a session."""

import json
import warnings
from pathlib import Path

import numpy as np

from simsort.config.places import check_data_path
from simsort.dispatch.preflight import Findings, check_recording, check_timestamps, timestamp_statistics
from simsort.dispatch.probes import attach, choose_probe, load_probe, summarise
from simsort.dispatch.streams import Stream, fingerprint, keep_stream, natural_order, safe_name
from simsort.errors import UserError, one_line
from simsort.nwb.names import file_stem


def dispatch_session(data_path: Path, settings: dict) -> list[dict]:
    """Find, check and describe every recording of a session.

    Parameters
    ----------
    data_path : Path
        Session folder, or a file (NWB).
    settings : dict
        Every setting of `job_dispatch`.

    Returns
    -------
    jobs : list of dict
        One per recording, JSON serialisable; `state` is ready, skipped or failed.

    Raises
    ------
    UserError
        If nothing is found at all, or a parameter is wrong.
    """
    check_data_path(Path(data_path))
    data_path = Path(data_path).resolve()  # Nextflow stages inputs as links, and paths are stored relative to this
    data_root = data_path if data_path.is_dir() else data_path.parent
    session_name = data_path.name if data_path.is_dir() else data_path.stem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # readers' warnings speak to programmers; preflight says what users need
        streams = [s for s in find_streams(data_path, data_root, settings) if keep_stream(
            s.name, settings["keep_stream_substrings"], settings["skip_stream_substrings"])]
        if not streams:
            raise UserError("--job_dispatch.keep-stream-substrings and --job_dispatch.skip-stream-substrings leave no "
                            f"stream of {data_path}", "change them")
        probes = load_probes(streams, data_root, settings)
        jobs = [job for stream in streams for job in stream_jobs(stream, probes[stream.name], data_root, settings)]
    common = {"session_name": session_name, "input_format": settings["input"], "debug": settings["debug"]}
    named = with_unique_names([{**job, **common} for job in jobs])
    return [{**job, "nwb_name": safe_name(file_stem(session_name, job["recording_name"]))} for job in named]


def find_streams(data_path: Path, data_root: Path, settings: dict) -> list[Stream]:
    """Find the streams with the reader of the chosen format."""
    if settings["input"] == "spikeglx":
        from simsort.dispatch.spikeglx import find_spikeglx as find
    elif settings["input"] == "openephys":
        from simsort.dispatch.openephys import find_openephys as find
    elif settings["input"] == "nwb":
        from simsort.dispatch.nwb import find_nwb as find
    elif settings["input"] == "aind":
        from simsort.dispatch.aind import find_aind as find
    else:
        from simsort.dispatch.reader import find_with_reader

        return find_with_reader(data_path, data_root, settings["spikeinterface_info"])
    if data_path.is_file() and settings["input"] != "nwb":
        raise UserError(f"DATA_PATH {data_path} is a file", "give the folder of the session")
    return find(data_path)


def load_probes(streams: list[Stream], data_root: Path, settings: dict) -> dict:
    """Load the probe the user gave for each stream, each file once: `{stream name: probegroup or None}`."""
    chosen = {stream.name: choose_probe(stream.name, settings) for stream in streams}
    loaded = {text: load_probe(text, data_root) for text in set(chosen.values()) if text}
    return {name: loaded.get(text) for name, text in chosen.items()}


def stream_jobs(stream: Stream, probegroup, data_root: Path, settings: dict) -> list[dict]:
    """Split one stream into jobs and check each."""
    if not stream.reason and probegroup is not None:
        try:
            stream.recording = attach(stream.recording, probegroup)
            stream.lfp = attach(stream.lfp, probegroup) if stream.lfp is not None else None
        except UserError as error:
            stream.reason = f"{stream.name}: {one_line(error)}"
    one_job_per_segment = settings["split_segments"] and not settings["concatenate"]
    if stream.bad_segments and not one_job_per_segment:
        stream.reason = next(iter(stream.bad_segments.values()))  # a segment must not vanish from the middle
    if stream.reason:
        stream.bad_segments = stream.bad_segments if one_job_per_segment else {}
        bad = stream.bad_segments or {0: stream.reason}
        return [failed_job(stream, f"_recording{i + 1 if one_job_per_segment else ''}", reason, data_root)
                for i, reason in bad.items()]
    note_timestamps(stream, settings)
    source = common_source(stream)
    jobs = [failed_job(stream, f"_recording{i + 1}", reason, data_root) for i, reason in stream.bad_segments.items()]
    for suffix, recording, lfp in split(stream, settings):
        findings = check_recording(recording, f"{source} ({stream.name}{suffix})",
                                   min_recording_duration=settings["min_recording_duration"],
                                   max_saturated_fraction=settings["max_saturated_fraction"],
                                   min_signal_uv=settings["min_signal_uv"])
        jobs.append(describe(stream.name + suffix, stream, recording, lfp, findings, data_root))
    return sorted(jobs, key=lambda job: natural_order(job["recording_name"]))


def failed_job(stream: Stream, suffix: str, reason: str, data_root: Path) -> dict:
    """Describe a recording that cannot be read at all."""
    return describe(stream.name + suffix, stream, None, None, Findings(failure=reason), data_root)


def common_source(stream: Stream) -> str:
    """Name the file a stream comes from, the first of several."""
    return str(stream.files[0]) if stream.files else stream.name


def note_timestamps(stream: Stream, settings: dict) -> None:
    """Look for gaps in the recording's own timestamps and warn of them; sorting counts samples and goes on."""
    if settings["skip_timestamps_check"]:
        stream.sync = {"n_gaps": None, "reason": "--job_dispatch.skip-timestamps-check"}
        return
    known = [(i, t) for i, t in enumerate(stream.timestamps) if t is not None and len(t) > 1]
    if not known:
        stream.sync = {"n_gaps": None, "reason": "the format stores no timestamps"}
        if stream.look_at_sync is not None:
            stream.sync = stream.look_at_sync()
        if stream.sync["n_gaps"]:
            stream.warnings.append(f"{stream.sync['n_gaps']} intervals of the sync pulse deviate by up to "
                                   f"{stream.sync['largest_deviation_ms']:.1f} ms: samples are lost or repeated")
        return
    rate = stream.recording.sampling_frequency
    for segment_index, timestamps in known:
        trouble = check_timestamps(timestamps, rate)
        if trouble:
            stream.warnings.append(f"segment {segment_index + 1}: {trouble}: times are counted from samples instead")
    found = [timestamp_statistics(timestamps, rate) for _, timestamps in known]
    stream.sync = {"n_gaps": sum(n_gaps for _, n_gaps, _ in found), "n_backwards": sum(n for n, _, _ in found),
                   "largest_deviation_ms": round(max(worst for _, _, worst in found), 3)}


def split(stream: Stream, settings: dict):
    """Yield (name suffix, recording, lfp) of every segment and shank of a stream."""
    recording, lfp = stream.recording, stream.lfp
    if settings["concatenate"]:
        pieces = [("_recording", joined(recording), joined(lfp))]
    elif settings["split_segments"]:
        places = [i for i in range(recording.get_num_segments() + len(stream.bad_segments))
                  if i not in stream.bad_segments]
        pieces = [(f"_recording{place + 1}", segment(recording, i), segment(lfp, i)) for i, place in enumerate(places)]
    else:
        pieces = [("_recording", recording, lfp)]
    for suffix, piece, lfp_piece in pieces:
        if settings["debug"]:
            piece, lfp_piece = (clip(r, settings["debug_duration"]) for r in (piece, lfp_piece))
        groups = split_groups(piece) if settings["split_groups"] else {}
        lfp_groups = split_groups(lfp_piece) if lfp_piece is not None and groups else {}
        if len(groups) < 2:
            yield suffix, piece, lfp_piece
        else:
            for group, shank in groups.items():
                yield f"{suffix}_group{group}", shank, lfp_groups.get(group)


def joined(recording):
    """Return the segments of a recording one behind another as one."""
    from spikeinterface import concatenate_recordings

    return recording if recording is None or recording.get_num_segments() == 1 else concatenate_recordings([recording])


def segment(recording, index: int):
    """Return one segment of a recording; a recording of one segment stays as it is."""
    if recording is None or recording.get_num_segments() == 1:
        return recording
    return recording.select_segments([index])


def clip(recording, duration_s: float):
    """Return the first seconds of every segment of a recording."""
    from spikeinterface import append_recordings

    if recording is None:
        return None
    n_samples = max(1, int(duration_s * recording.sampling_frequency))
    pieces = [segment(recording, i) for i in range(recording.get_num_segments())]
    clipped = [p.frame_slice(0, min(n_samples, p.get_num_samples(0))) for p in pieces]
    return clipped[0] if len(clipped) == 1 else append_recordings(clipped)


def split_groups(recording) -> dict:
    """Return the shanks of a recording by group."""
    groups = recording.get_property("group")
    return recording.split_by("group") if groups is not None and len(set(groups)) > 1 else {}


def describe(name: str, stream: Stream, recording, lfp, findings: Findings, data_root: Path) -> dict:
    """Describe one recording as a job."""
    job = {
        "recording_name": safe_name(name),
        "state": "failed" if findings.failure else "skipped" if findings.skip else "ready",
        "reason": findings.failure or findings.skip,
        "recording_dict": None, "recording_lfp_dict": None,
        "duration_s": None, "n_channels": None, "n_segments": None, "sampling_frequency_hz": None, "dtype": None,
        "size_bytes": None, "probe": None,
        "fingerprint": fingerprint(stream.files, data_root),
        "warnings": [*stream.warnings, *findings.warnings],
        "session_start_time": stream.session_start_time, "sync": stream.sync,
    }
    if recording is not None:
        job |= {
            # NWB zarr gives its start time, and with it the duration, as an array of one
            "duration_s": round(float(np.squeeze(recording.get_total_duration())), 4),
            "n_channels": recording.get_num_channels(), "n_segments": recording.get_num_segments(),
            "dtype": str(recording.dtype),
            "sampling_frequency_hz": float(recording.sampling_frequency),
            "size_bytes": int(recording.get_total_memory_size()), "probe": summarise(recording)}
    if job["state"] == "ready":
        job["recording_dict"] = portable_dict(recording, data_root)
        job["recording_lfp_dict"] = portable_dict(lfp, data_root) if lfp is not None else None
        if not job["recording_dict"]["relative_paths"]:
            job["warnings"].append("input files lie outside DATA_PATH: results can be reloaded only where they are")
    return job


def portable_dict(recording, data_root: Path) -> dict:
    """Return the recording as a JSON dictionary with paths relative to the data root."""
    from spikeinterface.core.core_tools import SIJsonEncoder

    content = recording.to_dict(recursive=True, include_annotations=True, include_properties=True,
                                relative_to=data_root)
    return json.loads(json.dumps(content, cls=SIJsonEncoder))


def with_unique_names(jobs: list[dict]) -> list[dict]:
    """Number recordings whose file-system names coincide."""
    seen: set = set()
    for job in jobs:
        name, number = job["recording_name"], 2
        while job["recording_name"].casefold() in seen:
            job["recording_name"] = f"{name}-{number}"
            number += 1
        seen.add(job["recording_name"].casefold())
    return jobs
