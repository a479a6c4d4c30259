"""Electrical series: the raw recording and the LFP, written chunk by chunk."""

import numpy as np
import spikeinterface.full as si
from hdmf.data_utils import GenericDataChunkIterator

from simsort.nwb.recordings import NwbRecording

LFP_RATE_HZ = 2500.0  # of the LFP before the temporal factor, as Neuropixels' own
LFP_MARGIN_MS = 5000.0
BUFFER_GB = 0.2
CHUNK_SAMPLES, CHUNK_CHANNELS = 30_000, 64


class RecordingIterator(GenericDataChunkIterator):
    """Reads a segment of a recording in buffers, so that memory does not grow with its length.

    Parameters
    ----------
    recording : BaseRecording
        What to write.
    segment_index : int
        Which segment of it.
    """

    def __init__(self, recording, segment_index: int):
        self.recording, self.segment_index = recording, segment_index
        shape = self._get_maxshape()
        chunk = (min(CHUNK_SAMPLES, shape[0]), min(CHUNK_CHANNELS, shape[1]))
        super().__init__(buffer_gb=BUFFER_GB, chunk_shape=chunk)

    def _get_data(self, selection: tuple) -> np.ndarray:
        frames, channels = selection
        traces = self.recording.get_traces(segment_index=self.segment_index, start_frame=frames.start,
                                           end_frame=frames.stop)
        return np.ascontiguousarray(traces[:, channels])

    def _get_maxshape(self) -> tuple[int, int]:
        return self.recording.get_num_samples(self.segment_index), self.recording.get_num_channels()

    def _get_dtype(self) -> np.dtype:
        return np.dtype(self.recording.get_dtype())


def add_raw(nwbfile, recording: NwbRecording, rows: dict[str, int], settings: dict) -> None:
    """Add the raw recording to the acquisition, a series per segment."""
    raw = shortened(recording.raw, settings)
    for series in make_series(nwbfile, raw, f"ElectricalSeries_{recording.name}", rows, settings["backend"],
                              "extracellular potentials as acquired"):
        nwbfile.add_acquisition(series)


def add_lfp(nwbfile, recording: NwbRecording, rows: dict[str, int], settings: dict) -> str:
    """Add the LFP to the processing module `ecephys`; return why there is none, or an empty text."""
    from pynwb.ecephys import LFP

    source, reason = lfp_source(recording)
    if source is None:
        return reason
    lfp = decimated_lfp(source, settings)
    lfp = shortened(lfp, settings)
    if "ecephys" not in nwbfile.processing:
        nwbfile.create_processing_module(name="ecephys", description="local field potentials")
    module = nwbfile.processing["ecephys"]
    if "LFP" not in module.data_interfaces:
        module.add(LFP(name="LFP"))
    text = f"local field potential, low-pass at {0.4 * lfp.get_sampling_frequency():g} Hz"
    if settings["lfp_highpass_freq_min"]:
        text += f", high-pass at {settings['lfp_highpass_freq_min']:g} Hz"
    for series in make_series(nwbfile, lfp, f"ElectricalSeriesLFP_{recording.name}", rows, settings["backend"], text):
        module["LFP"].add_electrical_series(series)
    return ""


def lfp_source(recording: NwbRecording) -> tuple[object | None, str]:
    """Return the recording that holds low frequencies, or why there is none."""
    if recording.lfp is not None:
        return recording.lfp, ""
    # Streams named so have their low frequencies cut by the headstage, or kept in a partner that is not there.
    if recording.stream.endswith((".ap", "-AP")):
        return None, f"no LFP of {recording.name}: its stream is the spike band only, and there is no LF stream"
    return recording.raw, ""


def decimated_lfp(source, settings: dict):
    """Return every n-th channel, filtered and decimated."""
    fs = source.get_sampling_frequency()
    factor = max(1, round(fs / LFP_RATE_HZ)) * settings["lfp_temporal_factor"]
    lfp = source.select_channels(source.channel_ids[::settings["lfp_spatial_factor"]])
    dtype = lfp.get_dtype()
    if dtype.kind == "u":
        lfp = si.unsigned_to_signed(lfp)
    low = settings["lfp_highpass_freq_min"]
    # 0.4 of the new rate: below its Nyquist frequency by the filter's slope
    band = dict(freq_max=0.4 * fs / factor, margin_ms=LFP_MARGIN_MS, dtype="float32")
    lfp = si.bandpass_filter(lfp, freq_min=low, ignore_low_freq_error=True, **band) if low else si.filter(
        lfp, band=band["freq_max"], btype="lowpass", margin_ms=LFP_MARGIN_MS, dtype="float32")
    lfp = si.decimate(lfp, decimation_factor=factor)
    return lfp.astype("int16", round=True) if dtype.kind in "iu" and dtype.itemsize == 2 else lfp


def shortened(recording, settings: dict):
    """Return the first seconds of a recording of which only a stub is to be written."""
    if not settings["stub"]:
        return recording
    n_samples = max(1, int(settings["stub_seconds"] * recording.get_sampling_frequency()))
    first = recording.select_segments([0]) if recording.get_num_segments() > 1 else recording
    return first.frame_slice(0, min(n_samples, first.get_num_samples(0)))


def make_series(nwbfile, recording, name: str, rows: dict[str, int], backend: str, text: str):
    """Yield an ElectricalSeries per segment; times count from the first sample, segments end to end."""
    from pynwb.ecephys import ElectricalSeries

    region = nwbfile.create_electrode_table_region([rows[str(channel)] for channel in recording.channel_ids],
                                                   f"channels of {name}")
    conversion = conversion_of(recording)
    start_s, fs = 0.0, float(recording.get_sampling_frequency())
    n_segments = recording.get_num_segments()
    for segment_index in range(n_segments):
        yield ElectricalSeries(
            name=name + (f"_segment{segment_index + 1}" if n_segments > 1 else ""), description=text, electrodes=region,
            data=compressed(RecordingIterator(recording, segment_index), backend), rate=fs, starting_time=start_s,
            **conversion)
        start_s += recording.get_num_samples(segment_index) / fs


def conversion_of(recording) -> dict:
    """Return what turns the samples into volts."""
    if not recording.has_scaleable_traces():
        return {}
    gains, offsets = recording.get_channel_gains() * 1e-6, recording.get_channel_offsets() * 1e-6
    found = {"conversion": float(gains[0])}
    if not np.allclose(gains, gains[0]):
        found = {"conversion": 1.0, "channel_conversion": gains.tolist()}
    return found | ({"offset": float(offsets[0])} if offsets[0] and np.allclose(offsets, offsets[0]) else {})


def compressed(iterator: RecordingIterator, backend: str):
    """Wrap data so that they are stored in compressed chunks."""
    if backend == "hdf5":
        from hdmf.backends.hdf5 import H5DataIO

        return H5DataIO(iterator, compression="gzip", compression_opts=4, shuffle=True)
    from hdmf_zarr import ZarrDataIO
    from numcodecs import Blosc

    return ZarrDataIO(iterator, compressor=Blosc(cname="zstd", clevel=5, shuffle=Blosc.BITSHUFFLE))
