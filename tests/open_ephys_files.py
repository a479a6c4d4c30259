"""Write Open Ephys binary sessions for tests, as the GUI 0.6 lays them out. No Python package does it.

Format: https://open-ephys.github.io/gui-docs/User-Manual/Recording-data/Binary-format.html
"""

import json
from pathlib import Path

import numpy as np

SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<SETTINGS><INFO><VERSION>0.6.4</VERSION><DATE>8 Feb 2024 14:10:37</DATE></INFO>
<SIGNALCHAIN><PROCESSOR name="Neuropix-PXI" libraryVersion="0.5.0" nodeId="100">
{streams}<EDITOR>{probes}</EDITOR></PROCESSOR></SIGNALCHAIN></SETTINGS>
"""


def write_open_ephys(folder: Path, probes: dict, *, node: str = "Record Node 101", experiment: int = 1,
                     geometry: bool = True) -> Path:
    """Write `{probe name: recording}` as one experiment; segments become recordings.

    Recordings hold int16 counts of 2.34375 uV on the lowest electrodes of a Neuropixels 1.0 probe. A name ending in
    `-AP` or `-LFP` is a stream of that probe.
    """
    node_folder = Path(folder) / node
    experiment_folder = node_folder / f"experiment{experiment}"
    first = next(iter(probes.values()))
    for segment_index in range(first.get_num_segments()):
        recording_folder = experiment_folder / f"recording{segment_index + 1}"
        entries = [write_stream(recording_folder, f"Neuropix-PXI-100.{name}", recording, segment_index)
                   for name, recording in probes.items()]
        (recording_folder / "structure.oebin").write_text(json.dumps({"GUI version": "0.6.4", "continuous": entries,
                                                                      "events": [], "spikes": []}))
    if geometry:
        (node_folder / "settings.xml").write_text(settings_xml(probes), encoding="utf-8")
    return Path(folder)


def write_stream(recording_folder: Path, name: str, recording, segment_index: int) -> dict:
    """Write one stream's samples (with a sync channel behind them) and timestamps; return its structure.oebin entry."""
    folder = recording_folder / "continuous" / name
    folder.mkdir(parents=True)
    traces = recording.get_traces(segment_index=segment_index)
    sync = np.zeros((len(traces), 1), "int16")
    np.hstack([traces.astype("<i2"), sync]).tofile(folder / "continuous.dat")
    np.save(folder / "sample_numbers.npy", np.arange(len(traces)))
    np.save(folder / "timestamps.npy", 5.0 + np.arange(len(traces)) / recording.sampling_frequency)
    ids = [f"CH{i + 1}" for i in range(traces.shape[1])]
    channels = [{"channel_name": c, "bit_volts": 2.34375, "units": "uV"} for c in ids]
    channels.append({"channel_name": f"{name.split('.')[-1]}_SYNC", "bit_volts": 1.0, "units": ""})
    return {"folder_name": f"{name}/", "sample_rate": recording.sampling_frequency, "num_channels": len(channels),
            "source_processor_id": 100, "stream_name": name.split(".")[-1], "channels": channels}


def settings_xml(probes: dict) -> str:
    """Return the GUI's settings with the probes' selected electrodes."""
    streams = "".join(f'<STREAM name="{name}"/>' for name in probes)
    elements = []
    for number, name in enumerate(dict.fromkeys(n.replace("-AP", "").replace("-LFP", "") for n in probes)):
        n_channels = next(r for n, r in probes.items() if n.startswith(name)).get_num_channels()
        electrodes = " ".join(f'electrode{i}="{i}"' for i in range(n_channels))
        elements.append(f'<NP_PROBE slot="2" port="{number + 1}" dock="1" probe_serial_number="{number}" '
                        f'probe_part_number="NP1000" apGainValue="500x" lfpGainValue="250x" isEnabled="1">'
                        f'<SELECTED_ELECTRODES {electrodes}/></NP_PROBE>')
    return SETTINGS.format(streams=streams, probes="".join(elements))
