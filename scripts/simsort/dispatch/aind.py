"""Find the streams of an AIND session: compressed zarr streams, or an Open Ephys folder.

Layouts: `<session>/ecephys/ecephys_compressed/*.zarr` (newer) or `<session>/ecephys_compressed/*.zarr`, each beside
`ecephys_clipped/` with the Open Ephys settings; or `<session>/ecephys/` holding the Open Ephys folder itself.
"""

from pathlib import Path

from simsort.dispatch.openephys import NOT_SPIKES, attach_probe, find_openephys, settings_file, start_time
from simsort.dispatch.streams import Stream
from simsort.errors import UserError, one_line


def find_aind(data_path: Path) -> list[Stream]:
    """Find the spike-band streams of an AIND session.

    Parameters
    ----------
    data_path : Path
        Session folder, such as `ecephys_713593_2024-02-08_14-10-37`.

    Returns
    -------
    streams : list of Stream
        Named `experiment1_Record Node 104#Neuropix-PXI-100.ProbeA-AP`.

    Raises
    ------
    UserError
        If the folder has neither layout.
    """
    for base in (data_path / "ecephys", data_path):
        compressed = base / "ecephys_compressed"
        if compressed.is_dir():
            zarrs = sorted(p for p in compressed.iterdir() if p.is_dir() and p.name.endswith(".zarr"))
            streams = [read_zarr_stream(p, base / "ecephys_clipped") for p in zarrs
                       if not any(text in p.name for text in (*NOT_SPIKES, "Rhythm"))]
            if not streams:
                raise UserError(f"{compressed} holds no spike-band .zarr stream", "copy the session again")
            return streams
    if (data_path / "ecephys").is_dir():
        return find_openephys(data_path / "ecephys")
    raise UserError(f"DATA_PATH {data_path} is no AIND session: it has neither ecephys/ nor ecephys_compressed/",
                    "give the session's folder, or the format with --job_dispatch_args \"--input ...\"")


def read_zarr_stream(folder: Path, clipped: Path) -> Stream:
    """Read one compressed stream `experiment1_<stream>.zarr`, its probe from the clipped folder where zarr lacks it."""
    from spikeinterface.core import read_zarr

    full_name = folder.name.removesuffix(".zarr")
    experiment, _, open_ephys_name = full_name.partition("_")
    stream = Stream(name=full_name, files=[folder])
    try:
        stream.recording = read_zarr(folder)
        settings = find_settings(clipped, experiment, open_ephys_name)
        if settings:
            stream.session_start_time = start_time(settings)
            if not stream.recording.has_probe():
                attach_probe(stream.recording, settings, open_ephys_name.split("#")[-1])
        partner = folder.with_name(folder.name.replace("-AP", "-LFP"))
        if partner != folder and partner.is_dir():
            stream.lfp = read_zarr(partner)
            stream.files.append(partner)
    except Exception as error:  # whatever the reader says about this stream, the others go on
        stream.recording = None
        stream.reason = f"{folder} cannot be read ({one_line(error)}): copy it again"
    return stream


def find_settings(clipped: Path, experiment: str, open_ephys_name: str) -> Path | None:
    """Return the Open Ephys settings of an experiment in the clipped folder."""
    node = open_ephys_name.split("#")[0]
    for folder in sorted(clipped.glob(f"**/{experiment}")) if clipped.is_dir() else []:
        if "#" not in open_ephys_name or folder.parent.name == node:
            return settings_file(folder)
    return None
