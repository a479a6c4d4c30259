"""A recording as the sorter sees it: in its band, at its sampling rate, whitened, piece by piece."""

from dataclasses import dataclass, replace

import numpy as np
import spikeinterface.preprocessing as spre
from scipy.ndimage import maximum_filter1d
from spikeinterface import load
from spikeinterface.core.time_series_tools import get_random_sample_slices

from simsort.models.whitening import Whitening, fit_whitening
from simsort.sorting.own.band import InBand, WithoutCommonMedian
from simsort.sorting.own.forks import fork_map
from simsort.sorting.own.kept import KeptTraces
from simsort.sorting.own.pursuit import MARGIN

BAND_HZ = (300.0, 6000.0)
SAMPLING_FREQUENCY_HZ = 30000.0
FILTER_MARGIN_MS = 20.0
PIECE_S = 2.0
N_NOISE_PIECES, NOISE_PIECE_MS = 20, 500
COMMON_REFERENCE_CHANNELS = 32
GAP = 0.01  # of the largest samples: a stretch in which no channel reaches this holds no signal
GAP_SAMPLES = 15
ARTEFACT, ARTEFACT_MS = 300.0, 10.0  # no spike is so many noise levels large; the filter rings on for a while


@dataclass(frozen=True, kw_only=True)
class Traces:
    """Whitened traces of a recording.

    Parameters
    ----------
    recording : BaseRecording
        One segment, in the band, in uV, at `SAMPLING_FREQUENCY_HZ`.
    whitening : Whitening
    contacts_um : array, (n_channels, 2)
    kept : KeptTraces | None
        Pieces that are on disk once they were read.
    """

    recording: object
    whitening: Whitening
    contacts_um: np.ndarray
    kept: KeptTraces | None = None

    @property
    def n_samples(self) -> int:
        """Length in samples."""
        return self.recording.get_num_samples()

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / SAMPLING_FREQUENCY_HZ

    def pieces(self) -> list[tuple[int, int]]:
        """Return the first and last sample of the pieces that are worked on one at a time."""
        step = round(PIECE_S * SAMPLING_FREQUENCY_HZ)
        return [(start, min(start + step, self.n_samples)) for start in range(0, self.n_samples, step)]

    def reopened(self) -> "Traces":
        """Return the same traces with files of their own."""
        return replace(self, recording=reopened(self.recording))

    def read(self, start: int, stop: int) -> tuple[np.ndarray, int]:
        """Return whitened traces (n_channels, n) of a piece with its margins, and the first sample of them.

        They are 0 around artefacts.
        """
        whitened = self.kept.load(start) if self.kept is not None else None
        if whitened is None:
            whitened = without_artefacts(self.whitening(self.filtered(start, stop)[0]))
            if self.kept is not None:
                self.kept.save(start, whitened)
        return whitened, max(start - MARGIN, 0)

    def filtered(self, start: int, stop: int) -> tuple[np.ndarray, int]:
        """Return the same in uV, not whitened."""
        first, last = max(start - MARGIN, 0), min(stop + MARGIN, self.n_samples)
        return self.recording.get_traces(start_frame=first, end_frame=last).T, first

    def in_noise_levels(self, start: int, stop: int) -> np.ndarray:
        """Return the traces of `read` divided by each channel's noise level in place of whitened; 0 of dead ones."""
        noise_uv = self.whitening.noise_uv
        return self.filtered(start, stop)[0] / np.where(noise_uv > 0, noise_uv, np.inf)[:, None].astype(np.float32)


def open_traces(recording, *, seed: int = 0, n_jobs: int = 1) -> Traces:
    """Filter, resample and measure the noise of a recording.

    Parameters
    ----------
    recording : BaseRecording
        One segment; contacts have positions.
    seed : int
        Chooses the pieces from which the noise is measured.
    n_jobs : int
        Worker processes.
    """
    prepared = prepare(recording)
    pieces = noise_pieces(prepared, seed, n_jobs)
    traces_uv = np.concatenate(pieces, axis=1)
    del pieces  # half a gigabyte of 384 channels
    contacts_um = np.asarray(recording.get_channel_locations(), dtype=float)[:, :2]
    whitening = fit_whitening(without_gaps(traces_uv), contacts_um, SAMPLING_FREQUENCY_HZ)
    return Traces(recording=prepared, whitening=whitening, contacts_um=contacts_um)


def noise_pieces(recording, seed: int, n_jobs: int) -> list[np.ndarray]:
    """Return traces (n_channels, n) of short pieces anywhere in a recording."""
    n_pieces = min(N_NOISE_PIECES, max(int(recording.get_total_duration() * 1000 / NOISE_PIECE_MS), 1))
    pieces = get_random_sample_slices(recording, num_chunks_per_segment=n_pieces, seed=seed,
                                      chunk_duration=f"{NOISE_PIECE_MS}ms")
    own = [recording]

    def reopen() -> None:
        own[0] = reopened(recording)

    def read(piece) -> np.ndarray:
        segment, start, stop = piece
        return own[0].get_traces(segment_index=segment, start_frame=start, end_frame=stop).T

    return list(fork_map(read, pieces, n_jobs, begin=reopen))


def reopened(recording):
    """Return a recording with files of its own, itself if it has none."""
    return load(recording.to_dict(recursive=True)) if recording.check_serializability("memory") else recording


def without_gaps(traces: np.ndarray) -> np.ndarray:
    """Return traces (n_channels, n) without stretches in which nothing was recorded: noise is not measured there."""
    level = maximum_filter1d(np.abs(traces).max(axis=0), GAP_SAMPLES)
    there = level > GAP * np.quantile(level, 0.95)
    return traces if there.all() or not there.any() else traces[:, there]


def without_artefacts(whitened: np.ndarray) -> np.ndarray:
    """Set whitened traces (n_channels, n) to 0 around samples that are too large for spikes, as saturation gives."""
    loud = np.abs(whitened).max(axis=0) > ARTEFACT
    if loud.any():
        margin = round(ARTEFACT_MS * SAMPLING_FREQUENCY_HZ / 1000)
        whitened[:, maximum_filter1d(loud.astype(np.uint8), 2 * margin + 1) > 0] = 0.0
    return whitened


def prepare(recording):
    """Return a recording in uV (where its gains are known), in the band, at the sampling rate inside the sorter."""
    fs = recording.get_sampling_frequency()
    recording = spre.scale_to_uV(recording) if recording.has_scaleable_traces() else recording
    recording = spre.astype(recording, "float32")
    high_hz = min(BAND_HZ[1], 0.475 * fs)
    recording = InBand(recording, BAND_HZ[0], high_hz, FILTER_MARGIN_MS)
    if fs != SAMPLING_FREQUENCY_HZ:
        recording = spre.resample(recording, int(SAMPLING_FREQUENCY_HZ))
    if recording.get_num_channels() >= COMMON_REFERENCE_CHANNELS:
        recording = WithoutCommonMedian(recording)
    return recording
