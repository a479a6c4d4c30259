"""Names in and of NWB files. Standard library only."""

import re

RECORDING = re.compile(r"(?:(?P<block>(?:block|experiment)\d+)_)?(?P<stream>.*)_recording(?P<number>\d*)(?P<rest>.*)")
NOT_ALLOWED = re.compile(r"[^\w.-]+", re.ASCII)


def file_stem(session_name: str, recording_name: str) -> str:
    """Name the NWB file a recording belongs to: `<session>_<block>_recording<n>`, the same for all probes of it."""
    match = RECORDING.fullmatch(recording_name)
    if match is None:
        return f"{session_name}_{recording_name}"
    return f"{session_name}_{match['block'] or 'block0'}_recording{match['number']}"


def stream_of(recording_name: str) -> str:
    """Return the stream, the probe's name in the session: `imec0.ap` of `block0_imec0.ap_recording1_group0`."""
    match = RECORDING.fullmatch(recording_name)
    return match["stream"] if match else recording_name


def shank_of(recording_name: str) -> str:
    """Return what tells the shanks of one stream apart: `group0`, or nothing."""
    match = RECORDING.fullmatch(recording_name)
    return match["rest"].strip("_-") if match else ""


def plain(name: str) -> str:
    """Make a name that NWB takes: no slashes, colons, spaces or hashes."""
    return NOT_ALLOWED.sub("_", name).strip("_") or "probe"


def unique(names: list[str]) -> list[str]:
    """Number names that are there twice."""
    seen, out = set(), []
    for name in names:
        candidate, number = name, 2
        while candidate in seen:
            candidate, number = f"{name}-{number}", number + 1
        seen.add(candidate)
        out.append(candidate)
    return out
