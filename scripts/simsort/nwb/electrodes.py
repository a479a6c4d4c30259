"""Devices, electrode groups and the table of electrodes."""

import numpy as np

from simsort.nwb.names import plain
from simsort.nwb.recordings import NwbRecording

# NWB's own x, y, z are places in the brain, which nobody told; rel_x and rel_y are places on the probe.
COLUMNS = {"group_name": "name of the electrode group", "channel_name": "channel as the acquisition names it",
           "probe": "stream of the probe", "shank": "shank of the probe", "contact_shape": "shape of the contact",
           "channel_quality": "good, or why preprocessing left the channel out: dead, noise, out (of the brain)"}


def add_electrodes(nwbfile, recordings: list[NwbRecording]) -> dict[str, dict[str, int]]:
    """Add a device per probe, a group per shank and a row per channel.

    Parameters
    ----------
    nwbfile : pynwb.NWBFile
        Changed in place.
    recordings : list of NwbRecording
        Of this file.

    Returns
    -------
    rows : dict
        {recording's name in the file: {channel id as text: row}}.
    """
    for name, description in COLUMNS.items():
        if name != "group_name":
            nwbfile.add_electrode_column(name=name, description=description)
    rows: dict = {}
    for recording in recordings:
        device = nwbfile.devices.get(recording.stream) or add_device(nwbfile, recording)
        rows[recording.name] = add_rows(nwbfile, recording, device, sum(map(len, rows.values())))
    return rows


def add_device(nwbfile, recording: NwbRecording):
    """Add the probe a recording was made with."""
    probe = recording.raw.get_probes()[0]
    known = {"model": probe.model_name, "serial number": probe.serial_number,
             "part number": probe.annotations.get("part_number") or probe.annotations.get("probe_part_number")}
    described = ", ".join(f"{key} {value}" for key, value in known.items() if value)
    text = f"extracellular probe, {described or 'model unknown'}"
    return nwbfile.create_device(name=recording.stream, description=text,
                                 manufacturer=str(probe.manufacturer) if probe.manufacturer else None)


def add_rows(nwbfile, recording: NwbRecording, device, first_row: int) -> dict[str, int]:
    """Add the channels of one recording."""
    raw = recording.raw
    shanks = shanks_of(raw)
    groups = {shank: nwbfile.create_electrode_group(
        name=plain(f"{recording.name}_shank{shank}" if len(set(shanks)) > 1 else recording.name), device=device,
        description=f"contacts of {recording.stream}" + (f", shank {shank}" if shank else ""), location="unknown")
        for shank in dict.fromkeys(shanks)}
    shapes = np.concatenate([probe.contact_shapes for probe in raw.get_probes()])
    rows = {}
    for index, (channel, place, shank) in enumerate(zip(raw.channel_ids, raw.get_channel_locations(), shanks)):
        nwbfile.add_electrode(
            rel_x=float(place[0]), rel_y=float(place[1]), location="unknown", group=groups[shank],
            group_name=groups[shank].name, channel_name=str(channel), probe=recording.stream, shank=shank or "0",
            contact_shape=str(shapes[index]) if index < len(shapes) else "unknown",
            channel_quality=str(recording.bad_channels.get(str(channel), "good")))
        rows[str(channel)] = first_row + index
    return rows


def shanks_of(raw) -> list[str]:
    """Return the shank of every channel as text; empty where the probe has one."""
    shanks = raw.get_property("group") if "group" in raw.get_property_keys() else None
    return [""] * raw.get_num_channels() if shanks is None or len(set(shanks)) < 2 else [str(s) for s in shanks]
