"""Contact positions given by the user, in place of or in want of the recording's own."""

import os
from pathlib import Path

import numpy as np

from simsort.errors import UserError, one_line

TETRODE = "tetrode"
REMEDY = "give a probeinterface .json, a .prb file, manufacturer:model or tetrode"


def load_probe(text: str, data_root: Path):
    """Load contact positions named by `--job_dispatch.probe`.

    Parameters
    ----------
    text : str
        A probeinterface `.json` or a `.prb` file (relative paths start from DATA_PATH, then from the working folder),
        `manufacturer:model` (imec's Neuropixels part numbers such as `imec:NP1000`, others from probeinterface's local
        cache; nothing is downloaded), or `tetrode`.
    data_root : Path
        Folder relative paths start from.

    Returns
    -------
    probegroup : probeinterface.ProbeGroup
        Positions in um.

    Raises
    ------
    UserError
        If the file is missing or cannot be read, or the model is not known here.
    """
    import probeinterface

    if text == TETRODE:
        return as_group(probeinterface.generate_tetrode())
    candidates = [data_root / text, Path(os.path.abspath(text))]
    file = next((path for path in candidates if path.is_file()), None)
    if file:
        return read_probe_file(file)
    if ":" in text and "/" not in text:
        return library_probe(*text.split(":", 1))
    raise UserError(f"probe file {text} (--job_dispatch.probe) does not exist", REMEDY)


def as_group(probe):
    """Return one probe as a group."""
    from probeinterface import ProbeGroup

    group = ProbeGroup()
    group.add_probe(probe)
    return group


def read_probe_file(file: Path):
    """Read a `.json` or `.prb` file."""
    import probeinterface

    readers = {".json": probeinterface.read_probeinterface, ".prb": probeinterface.read_prb}
    if file.suffix.lower() not in readers:
        raise UserError(f"probe file {file} (--job_dispatch.probe) ends with neither .json nor .prb", REMEDY)
    try:
        return readers[file.suffix.lower()](file)
    except Exception as error:
        raise UserError(f"probe file {file} (--job_dispatch.probe) cannot be read ({one_line(error)})",
                        "write it again with probeinterface.write_probeinterface") from None


def library_probe(manufacturer: str, model: str):
    """Return a probe of a manufacturer from what is installed or cached here."""
    from probeinterface.library import get_from_cache
    from probeinterface.neuropixels_tools import build_neuropixels_probe

    if manufacturer == "imec" and model.startswith(("NP", "PRB")):
        try:
            return as_group(build_neuropixels_probe(model))
        except KeyError:
            raise UserError(f"--job_dispatch.probe names imec:{model}, which is no Neuropixels part number",
                            "give a part number such as imec:NP1000, or a probeinterface .json") from None
    probe = get_from_cache(manufacturer, model)
    if probe is None:
        raise UserError(f"--job_dispatch.probe {manufacturer}:{model} is not in probeinterface's local cache, and "
                        "compute nodes download nothing",
                        f"run probeinterface.get_probe('{manufacturer}', '{model}') once, or give its .json file")
    return as_group(probe)


def choose_probe(stream_name: str, settings: dict) -> str | None:
    """Return which probe the user gave for a stream: its own by name, else the one for all."""
    per_stream = {**info_probes(settings), **settings["probe_paths"]}
    for text, file in per_stream.items():
        if text in stream_name:
            return file
    return settings["probe"]


def info_probes(settings: dict) -> dict:
    """Return `probe_paths` of `--spikeinterface-info`: one file for all streams, or one per stream."""
    given = settings["spikeinterface_info"].get("probe_paths") or {}
    return {"": given} if isinstance(given, str) else dict(given)


def attach(recording, probegroup):
    """Attach positions to a recording; contacts without wiring are wired in order.

    Returns
    -------
    recording : BaseRecording
        With the probe; without the channels the probe does not use.

    Raises
    ------
    UserError
        If the probe does not fit the number of channels.
    """
    n_channels, n_contacts = recording.get_num_channels(), probegroup.get_contact_count()
    wired = all(probe.device_channel_indices is not None for probe in probegroup.probes)
    if not wired:
        if n_contacts > n_channels and probegroup.probes[0].manufacturer == "imec":
            probegroup = probegroup.get_slice(np.arange(n_channels))  # the lowest bank, Neuropixels' usual choice
            n_contacts = n_channels
        if n_contacts != n_channels:
            raise UserError(f"the probe given has {n_contacts} contacts without wiring, the recording has {n_channels} "
                            "channels", "set device_channel_indices in the probe file (--job_dispatch.probe)")
        probegroup = probegroup.copy()
        probegroup.set_global_device_channel_indices(np.arange(n_channels))
    highest = int(np.max(probegroup.get_global_device_channel_indices()["device_channel_indices"]))
    if highest >= n_channels:
        raise UserError(f"the probe given is wired to channel {highest}, the recording has channels 0 to "
                        f"{n_channels - 1}", "mend device_channel_indices in the probe file (--job_dispatch.probe)")
    return recording.select_channels_with_probegroup(probegroup)


def summarise(recording) -> dict | None:
    """Return name, contacts and shanks of a recording's probe for the summary pages."""
    if not recording.has_probe():
        return None
    probes = recording.get_probes()
    name = ", ".join(str(p.model_name or p.name or p.annotations.get("part_number") or "probe") for p in probes)
    n_shanks = sum(max(1, p.get_shank_count()) for p in probes)
    return {"name": name, "n_contacts": sum(p.get_contact_count() for p in probes), "n_shanks": n_shanks}
