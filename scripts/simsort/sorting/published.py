"""SimSort's sorting as published, for models of `--preset paper`: a baseline for tetrodes.

Zhang et al. 2025 (arXiv 2502.03198) and its code: band-pass, z-score, whitening of four channels, detector, snippets,
GRU, UMAP to two dimensions, MeanShift. No templates, no overlaps, no drift. Two things differ from the code: recordings
are brought to the 10 kHz that the networks were trained at, and UMAP has a seed.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from simsort.errors import UserError
from simsort.models.model_folder import Model
from simsort.pretraining.paper_data import WINDOW
from simsort.sorting.own.evenly import evenly

N_CHANNELS = 4  # of more, the first four are sorted
PIECE_WINDOWS = 16
PROBABILITY = 0.97
QUANTILE, N_FOR_BANDWIDTH = 0.12, 500  # of MeanShift's bandwidth, as in the published tool
N_NEIGHBOURS = 15  # of UMAP, its default
MOST_FITTED = 20_000  # spikes, evenly over time; the others are placed among them
ENCODED_AT_ONCE = 4096
N_NOISE_PIECES, NOISE_PIECE_MS = 20, 500
FILTER_MARGIN_MS = 20.0


@dataclass(frozen=True, kw_only=True)
class Standard:
    """What makes the traces of four channels the networks' input: `matrix @ (traces - mean)`, and the main channel."""

    mean: np.ndarray
    matrix: np.ndarray
    channel: int


def sort_as_published(recording, model: Model, seed: int = 0) -> list[np.ndarray]:
    """Sort four channels as published.

    Parameters
    ----------
    recording : BaseRecording
        One segment of four channels or more.
    model : Model
        Of architecture `paper`.
    seed : int, default: 0
        Of UMAP and MeanShift.

    Returns
    -------
    trains : list of arrays
        Spike samples of every unit, at the recording's sampling rate.

    Raises
    ------
    UserError
        For another model, fewer channels, or without the package umap-learn.
    """
    if model.note["architecture"] != "paper":
        raise UserError(f"the model's architecture is {model.note['architecture']}, not paper",
                        "give a model of simsort pretrain --preset paper")
    if recording.get_num_channels() < N_CHANNELS:
        raise UserError(f"SimSort as published sorts four channels, the recording has {recording.get_num_channels()}",
                        "give another model")
    band = prepared(recording, model.form)
    standard = standardise(band, seed)
    sample, snippets = find_spikes(band, standard, model)
    label = cluster(embed(model, snippets), seed)
    ratio = recording.get_sampling_frequency() / model.form.sampling_frequency_hz
    found = np.round(sample * ratio).astype(np.int64)
    return [found[label == unit] for unit in range(int(label.max(initial=-1)) + 1)]


def prepared(recording, form):
    """Return the first four channels in the networks' band at their sampling rate."""
    import spikeinterface.preprocessing as spre

    fs = recording.get_sampling_frequency()
    four = spre.astype(recording.select_channels(recording.channel_ids[:N_CHANNELS]), "float32")
    high_hz = min(form.band_hz[1], 0.475 * fs)
    band = spre.bandpass_filter(four, form.band_hz[0], high_hz, margin_ms=FILTER_MARGIN_MS)
    return band if fs == form.sampling_frequency_hz else spre.resample(band, int(form.sampling_frequency_hz))


def standardise(band, seed: int) -> Standard:
    """Measure mean, variance and covariance in some pieces: z-score, then ZCA whitening without a floor."""
    from spikeinterface import get_random_data_chunks

    traces = get_random_data_chunks(band, num_chunks_per_segment=N_NOISE_PIECES, chunk_duration=f"{NOISE_PIECE_MS}ms",
                                    seed=seed)
    scale = traces.std(axis=0)
    scale[scale == 0] = 1.0
    values, vectors = np.linalg.eigh(np.cov((traces / scale).T))
    inverse_root = np.where(values > 0, 1 / np.sqrt(np.where(values > 0, values, 1)), 0)  # a dead channel stays dead
    matrix = (vectors * inverse_root) @ vectors.T / scale
    mean = traces.mean(axis=0)
    largest = np.abs((traces - mean) @ matrix.T).max(axis=0)
    return Standard(mean=mean[:, None], matrix=matrix, channel=int(largest.argmax()))


@torch.inference_mode()
def find_spikes(band, standard: Standard, model: Model) -> tuple[np.ndarray, torch.Tensor]:
    """Return the samples (n,) of events and their snippets (n, 4, n_samples); an end shorter than a window is left out."""
    form, device = model.form, next(model.encoder.parameters()).device
    step, n_all = WINDOW * PIECE_WINDOWS, band.get_num_samples() // WINDOW * WINDOW
    samples, snippets = [np.zeros(0, dtype=np.int64)], [torch.zeros(0, N_CHANNELS, form.n_samples)]
    for start in range(0, n_all, step):
        stop = min(start + step, n_all)
        first, last = max(start - form.n_samples, 0), min(stop + form.n_samples, band.get_num_samples())
        traces = standard.matrix @ (band.get_traces(start_frame=first, end_frame=last).T - standard.mean)
        traces = torch.as_tensor(traces.astype(np.float32))
        inside = traces[:, start - first:stop - first]
        windows = inside.unflatten(1, (-1, WINDOW)).transpose(0, 1).to(device)
        is_spike = torch.sigmoid(model.detector(windows)).flatten().cpu() > PROBABILITY
        sample = peaks_of_runs(is_spike, inside[standard.channel].abs()) + start - first
        sample = sample[(sample >= form.n_before) & (sample <= traces.shape[1] - form.n_samples + form.n_before)]
        steps = torch.arange(form.n_samples) - form.n_before
        snippets.append(traces[:, sample[:, None] + steps].transpose(0, 1))
        samples.append(sample.numpy() + first)
    return np.concatenate(samples), torch.cat(snippets)


def peaks_of_runs(found: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
    """Return where each run of true samples (n,) is largest."""
    edges = functional.pad(found.int(), (1, 1)).diff()
    starts, stops = torch.nonzero(edges == 1)[:, 0], torch.nonzero(edges == -1)[:, 0]
    peaks = [start + size[start:stop].argmax() for start, stop in zip(starts, stops)]
    return torch.stack(peaks) if peaks else starts


@torch.inference_mode()
def embed(model: Model, snippets: torch.Tensor) -> np.ndarray:
    """Return embeddings (n, width) of snippets."""
    device = next(model.encoder.parameters()).device
    parts = [model.encoder(some.to(device)).cpu() for some in snippets.split(ENCODED_AT_ONCE) if len(some)]
    return torch.cat(parts).numpy() if parts else np.zeros((0, 1), dtype=np.float32)


def cluster(embedding: np.ndarray, seed: int) -> np.ndarray:
    """Return labels (n,), units from 0 by their number of spikes: UMAP, then MeanShift."""
    if len(embedding) <= N_NEIGHBOURS:  # UMAP needs more neighbours: one unit, if any
        return np.zeros(len(embedding), dtype=np.int64)
    try:
        from umap import UMAP
    except ImportError:
        raise UserError("sorting with a model of --preset paper needs the package umap-learn",
                        "pip install umap-learn") from None
    from sklearn.cluster import MeanShift, estimate_bandwidth
    from sklearn.preprocessing import StandardScaler

    fitted = evenly(len(embedding), MOST_FITTED)
    reducer = UMAP(n_neighbors=N_NEIGHBOURS, n_components=2, random_state=seed, n_jobs=1)
    places = reducer.fit_transform(embedding[fitted])
    scaler = StandardScaler().fit(places)
    places = scaler.transform(places)
    bandwidth = estimate_bandwidth(places, quantile=QUANTILE, n_samples=N_FOR_BANDWIDTH, random_state=seed)
    if bandwidth <= 0:
        return np.zeros(len(embedding), dtype=np.int64)
    shift = MeanShift(bandwidth=bandwidth, bin_seeding=True).fit(places)
    label = np.empty(len(embedding), dtype=np.int64)
    label[fitted] = shift.labels_
    others = np.setdiff1d(np.arange(len(embedding)), fitted)
    for some in np.array_split(others, -(-len(others) // MOST_FITTED)) if len(others) else ():
        label[some] = shift.predict(scaler.transform(reducer.transform(embedding[some])))
    _, label = np.unique(label, return_inverse=True)
    order = np.argsort(-np.bincount(label), kind="stable")
    return np.argsort(order)[label]
