"""Write recordings as a SpikeGLX run of Neuropixels 1.0 probes.

Follows SpikeGLX's metadata guide (https://billkarsh.github.io/SpikeGLX/Sgl_help/Metadata_30.html) as far as readers
look: readers get the samples, gains, contact positions, sampling order and sync channel from these files.
"""

import datetime
import hashlib
from pathlib import Path

import numpy as np

N_READOUT_CHANNELS = 384
AP_GAIN, LF_GAIN = 500, 250
AI_RANGE_MAX_V, MAX_INT = 0.6, 512  # 10-bit converter of Neuropixels 1.0
UV_PER_BIT = {"ap": AI_RANGE_MAX_V / MAX_INT / AP_GAIN * 1e6, "lf": AI_RANGE_MAX_V / MAX_INT / LF_GAIN * 1e6}
LF_DECIMATION = 12
CREATED = datetime.datetime(2024, 1, 1)  # fixed, so that the same recording gives the same bytes


def neuropixels_probe(n_channels: int = N_READOUT_CHANNELS):
    """Return the lowest `n_channels` electrodes of a Neuropixels 1.0 probe, wired in order.

    Parameters
    ----------
    n_channels : int, default: 384
        Number of electrodes, at most 384.

    Returns
    -------
    probe : probeinterface.Probe
        With positions in um and `device_channel_indices` 0..n_channels-1.
    """
    from probeinterface.neuropixels_tools import build_neuropixels_probe

    if not 1 <= n_channels <= N_READOUT_CHANNELS:
        raise ValueError(f"n_channels is {n_channels}: a Neuropixels 1.0 probe records 1 to {N_READOUT_CHANNELS}")
    probe = build_neuropixels_probe("NP1000").get_slice(np.arange(n_channels))
    probe.set_device_channel_indices(np.arange(n_channels))
    return probe


def write_spikeglx(recordings, folder: str | Path, run_name: str, *, gate: int = 0, lfp: bool = False,
                   chunk_duration_s: float = 1.0, created: datetime.datetime = CREATED) -> Path:
    """Write recordings as one SpikeGLX run, a probe per recording and a trigger file per segment.

    Parameters
    ----------
    recordings : BaseRecording | list of BaseRecording
        One recording per probe (imec0, imec1, ...). Channel i is saved as readout channel i (electrode i of bank 0);
        samples are rounded to the probe's 10-bit steps of 2.34375 uV, so a recording already in those steps is kept
        exactly.
    folder : str | Path
        Parent folder of the run.
    run_name : str
        Name of the run; the session folder is `<run_name>_g<gate>`.
    gate : int, default: 0
        Gate number.
    lfp : bool, default: False
        Write the `.lf` files too: below 500 Hz, a twelfth of the sampling rate.
    chunk_duration_s : float, default: 1.0
        Seconds in memory at a time.
    created : datetime.datetime, default: 2024-01-01 without a time zone
        Start in the header. SpikeGLX itself writes no offset from UTC; a time zone given here is written.

    Returns
    -------
    session_folder : Path
        `<folder>/<run_name>_g<gate>`.

    Raises
    ------
    ValueError
        If a recording has more than 384 channels or positions that are not the probe's.
    """
    recordings = recordings if isinstance(recordings, (list, tuple)) else [recordings]
    session_folder = Path(folder) / f"{run_name}_g{gate}"
    for probe_index, recording in enumerate(recordings):
        check_positions(recording)
        probe_folder = session_folder / f"{run_name}_g{gate}_imec{probe_index}"
        probe_folder.mkdir(parents=True, exist_ok=True)
        bands = {"ap": recording, **({"lf": lfp_band(recording)} if lfp else {})}
        for band, band_recording in bands.items():
            first_sample = 0
            for trigger in range(recording.get_num_segments()):
                stem = probe_folder / f"{run_name}_g{gate}_t{trigger}.imec{probe_index}.{band}"
                n_samples = write_segment(band_recording, trigger, stem, band, first_sample, chunk_duration_s, created)
                first_sample += n_samples
    return session_folder


def check_positions(recording) -> None:
    """Raise unless the recording's contacts, if it has any, lie where the meta file will say they do."""
    expected = neuropixels_probe(recording.get_num_channels()).contact_positions
    if not recording.has_probe():
        return
    if not np.allclose(recording.get_channel_locations()[:, :2], expected, atol=0.5):
        raise ValueError("the recording's contacts are not the lowest electrodes of a Neuropixels 1.0 probe: "
                         "attach simsort.writers.spikeglx.neuropixels_probe(n_channels)")


def lfp_band(recording):
    """Return the LFP band at a twelfth of the sampling rate, lazily."""
    from scipy.signal import butter
    from spikeinterface.preprocessing import decimate
    from spikeinterface.preprocessing import filter as filter_recording

    lowpass = butter(5, 500.0, fs=recording.sampling_frequency, output="sos")
    filtered = filter_recording(recording, coeff=lowpass, filter_mode="sos", dtype="float32", margin_ms=20.0)
    return decimate(filtered, LF_DECIMATION, antialias=False)  # already low-passed


def write_segment(recording, segment_index: int, stem: Path, band: str, first_sample: int, chunk_duration_s: float,
                  created: datetime.datetime) -> int:
    """Write one `.bin` and its `.meta`; return the number of samples."""
    n_samples = recording.get_num_samples(segment_index)
    chunk_size = max(1, int(chunk_duration_s * recording.sampling_frequency))
    digest = hashlib.sha1()
    binary_file = stem.with_name(stem.name + ".bin")
    with open(binary_file, "wb") as file:
        for start in range(0, n_samples, chunk_size):
            block = to_counts(recording, segment_index, start, min(start + chunk_size, n_samples), band)
            digest.update(block)
            file.write(block)
    meta = meta_fields(recording, binary_file, band, n_samples, first_sample, digest.hexdigest().upper(), created)
    text = "".join(f"{key}={value}\n" for key, value in meta.items())
    stem.with_name(stem.name + ".meta").write_text(text, encoding="utf-8")
    return n_samples


def to_counts(recording, segment_index: int, start: int, end: int, band: str) -> bytes:
    """Return samples as the probe's counts with the sync channel behind them, as little-endian int16 bytes."""
    traces_uv = recording.get_traces(segment_index=segment_index, start_frame=start, end_frame=end,
                                     return_in_uV=recording.has_scaleable_traces())
    counts = np.zeros((end - start, recording.get_num_channels() + 1), dtype="<i2")  # samples x (channels + sync)
    counts[:, :-1] = np.clip(np.rint(traces_uv / UV_PER_BIT[band]), -MAX_INT, MAX_INT - 1)
    # SpikeGLX's sync word: bit 6 toggles every half second.
    half_seconds = np.arange(start, end) // max(1, int(recording.sampling_frequency / 2))
    counts[:, -1] = (half_seconds % 2) << 6
    return counts.tobytes()


def meta_fields(recording, binary_file: Path, band: str, n_samples: int, first_sample: int, sha1: str,
                created: datetime.datetime) -> dict:
    """Return the fields of a `.meta` file in SpikeGLX's order."""
    n_channels = recording.get_num_channels()
    n_ap, n_lf = (n_channels, 0) if band == "ap" else (0, n_channels)
    offset = 0 if band == "ap" else N_READOUT_CHANNELS  # LF channels follow the AP channels in the acquired stream
    probe_index = int(binary_file.name.split(".imec")[1].split(".")[0])
    return {
        "acqApLfSy": f"{N_READOUT_CHANNELS},{N_READOUT_CHANNELS},1",
        "appVersion": "20230905",
        "fileCreateTime": created.isoformat(),
        "fileName": str(binary_file.name),
        "fileSHA1": sha1,
        "fileSizeBytes": n_samples * (n_channels + 1) * 2,
        "fileTimeSecs": repr(n_samples / recording.sampling_frequency),
        "firstSample": first_sample,
        "imAiRangeMax": AI_RANGE_MAX_V,
        "imAiRangeMin": -AI_RANGE_MAX_V,
        "imDatPrb_dock": 0,
        "imDatPrb_pn": "NP1000",
        "imDatPrb_port": probe_index + 1,
        "imDatPrb_slot": 2,
        "imDatPrb_sn": 10000000 + probe_index,
        "imDatPrb_type": 0,
        "imMaxInt": MAX_INT,
        "imSampRate": repr(float(recording.sampling_frequency)),
        "nSavedChans": n_channels + 1,
        "snsApLfSy": f"{n_ap},{n_lf},1",
        "snsSaveChanSubset": f"{offset}:{offset + n_channels - 1},{2 * N_READOUT_CHANNELS}",
        "syncImInputSlot": 2,
        "syncSourcePeriod": 1,
        "typeThis": "imec",
        "~imroTbl": imro_table(),
        "~snsChanMap": channel_map(n_channels, band),
        "~snsGeomMap": geometry_map(n_channels),
    }


def imro_table() -> str:
    """Return the readout table: all 384 channels in bank 0, external reference."""
    entries = [f"({channel} 0 0 {AP_GAIN} {LF_GAIN} 1)" for channel in range(N_READOUT_CHANNELS)]
    return f"(0,{N_READOUT_CHANNELS})" + "".join(entries)


def channel_map(n_channels: int, band: str) -> str:
    """Return the names and order of the saved channels, the sync channel last."""
    n_ap, n_lf = (n_channels, 0) if band == "ap" else (0, n_channels)
    first = 0 if band == "ap" else N_READOUT_CHANNELS
    entries = [f"({band.upper()}{i};{first + i}:{i})" for i in range(n_channels)]
    return f"({n_ap},{n_lf},1)" + "".join(entries) + f"(SY0;{2 * N_READOUT_CHANNELS}:{n_channels})"


def geometry_map(n_channels: int) -> str:
    """Return the contacts' positions: shank, x from the shank's left edge and y in um, used."""
    positions = neuropixels_probe(n_channels).contact_positions
    leftmost_contact_um = 27  # electrode 0 lies 27 um from the edge of the shank
    shift = leftmost_contact_um - positions[0, 0]
    entries = [f"(0:{x + shift:g}:{y:g}:1)" for x, y in positions]
    return "(NP1000,1,0,70)" + "".join(entries)
