"""CEED's experiment on kinds of cells: mean waveforms clustered without labels, beside WaveMAP.

A single-channel SCAM (20 layers of width 32, its 128 numbers into the fully connected layers, embedding after them)
learns the shapes of units' mean waveforms. A Gaussian mixture whose number of components the Bayesian information
criterion chooses groups the embedding. WaveMAP (Lee et al. 2021, eLife 10:e67490) groups the same waveforms by
Louvain's method on the graph that UMAP makes of them; its own point of comparison, a mixture on three measures, is
there too.
"""

import os
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simsort.benchmarks.sorters.runs import for_tables
from simsort.ceed.augment import Augmentation
from simsort.ceed.embed import embed
from simsort.ceed.loss import TEMPERATURE
from simsort.ceed.scores import automatic_k, mixture
from simsort.ceed.spikes import LabelledSpikes
from simsort.ceed.task import CeedTask
from simsort.celltypes.features import NAMES, SHAPE_TIMES_MS, half_width_ms, trough_to_peak_ms
from simsort.celltypes.simulated import draw_units, sort_cells
from simsort.errors import UserError, one_line
from simsort.models.ceed import ScamConfig
from simsort.models.ceed_form import CeedForm
from simsort.pretraining.cells import Cells
from simsort.pretraining.stream import StreamConfig
from simsort.pretraining.trainer import TrainConfig, Trainer

MACAQUE = Path("wavemap_macaque") / "full_data.npy"
FORM = CeedForm(n_channels=1, n_before=12, n_samples=48, shape_only=True)  # as the macaque waveforms are cut
CONFIG = ScamConfig(width=32)
# 512 and 1e-3 as published, where each unit brings hundreds of spikes; with 1e-3 all mean waveforms end in one point
BATCH, LEARNING_RATE, WARM_UP_STEPS = 64, 3e-4, 20
NOISE, NOISE_SAMPLES = 0.05, 3.0  # of a mean waveform of depth 1, and how far in time it goes together
MOST_CLUSTERS, FEWEST_UNITS = 15, 30
N_NEIGHBOURS, MIN_DIST, RESOLUTION, UMAP_SEED = 20, 0.1, 1.5, 42  # as published: 8 clusters of the macaque units
MOST_RATIO = 5.0  # where hardly any peak follows
MEASURES = ("action-potential width (ms)", "trough to peak (ms)", "peak ratio")
SEED = 0


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """Mean waveforms of units.

    Parameters
    ----------
    name : str
    waveforms : array, (n, FORM.n_samples) float32
        On the largest channel, divided by their largest absolute value; the trough near `FORM.n_before`.
    kind : array, (n,) str
        Of the cells; empty where nobody knows.
    """

    name: str
    waveforms: np.ndarray
    kind: np.ndarray


def macaque() -> Shapes:
    """Return the 625 units of macaque premotor cortex that WaveMAP was made for.

    Raises
    ------
    UserError
        If `SIMSORT_DATA` does not hold them.
    """
    file = Path(os.environ.get("SIMSORT_DATA", "")) / MACAQUE
    if not os.environ.get("SIMSORT_DATA") or not file.is_file():
        raise UserError(f"SIMSORT_DATA={os.environ.get('SIMSORT_DATA', '')} holds no {MACAQUE}",
                        "set it to the folder of the data, or do without")
    return Shapes(name="macaque", waveforms=normalised(np.load(file)), kind=np.zeros(0, dtype=str))


def simulated(cells, n_units: int, seed: int = SEED) -> Shapes:
    """Return simulated units of known kind, as many of each kind as cells allow.

    Parameters
    ----------
    cells : Cells
        Or another sequence of `CellLibrary`.
    n_units : int
    seed : int
    """
    from scipy.interpolate import CubicSpline

    units = draw_units(cells, n_units, seed, tuple(sort_cells(cells)))
    times_ms = (np.arange(FORM.n_samples) - FORM.n_before) * 1000 / FORM.sampling_frequency_hz
    given = units.features[:, [name.startswith("shape at") for name in NAMES]]
    waveforms = CubicSpline(SHAPE_TIMES_MS, given, axis=1)(times_ms)
    return Shapes(name="simulated", waveforms=normalised(waveforms), kind=units.kind)


def normalised(waveforms: np.ndarray) -> np.ndarray:
    """Return waveforms divided by their largest absolute value."""
    return (waveforms / np.abs(waveforms).max(axis=1, keepdims=True)).astype(np.float32)


def as_spikes(waveforms: np.ndarray) -> LabelledSpikes:
    """Return mean waveforms (n, n_samples) in the form that CEED trains on: each is a unit of its own."""
    from simsort.ceed.windows import root_of

    n, steps = len(waveforms), np.arange(FORM.n_samples)
    covariance = NOISE**2 * np.exp(-0.5 * ((steps[:, None] - steps) / NOISE_SAMPLES) ** 2)
    zeros = np.zeros(n, dtype=np.int64)
    return LabelledSpikes(
        form=FORM, waveforms=waveforms[:, None], unit=np.arange(n), recording=zeros, row=zeros,
        unit_names=np.arange(n).astype(str), snr=np.full(n, 1 / NOISE, dtype=np.float32),
        is_there=np.ones((1, 1), dtype=bool), offsets_um=np.zeros((1, 1, 2), dtype=np.float32),
        spatial_roots=np.ones((1, 1, 1), dtype=np.float32),
        temporal_roots=root_of(covariance)[None].astype(np.float32))


def train(spikes: LabelledSpikes, n_steps: int, device: str, folder: Path):
    """Return the encoder trained on mean waveforms, and the seconds; a training in the folder is gone on with."""
    batch = min(BATCH, len(spikes))
    task = CeedTask(spikes, spikes.only(slice(0, 0)), CONFIG, Augmentation(), batch=batch,
                    temperature=TEMPERATURE["scam"], shape_only=True)
    config = TrainConfig(n_steps=n_steps, sets_per_step=1, learning_rate=LEARNING_RATE, weight_decay=1e-4,
                         warm_up_steps=min(WARM_UP_STEPS, n_steps // 10), seed=SEED,
                         stream=StreamConfig(seed=SEED, n_lanes=1))
    trainer = Trainer(task, config, folder, device=device, n_workers=0, checkpoint_steps=50, validation_steps=0)
    trainer.train()
    return trainer.nets.encoder.eval(), trainer.seconds


def by_mixture(features: np.ndarray) -> np.ndarray:
    """Return clusters (n,) of a Gaussian mixture with as many components as the information criterion chooses."""
    scaled = ((features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-9)).astype(float)
    k = automatic_k(scaled, MOST_CLUSTERS, seed=SEED)
    best = max((mixture(scaled, k, SEED + start) for start in range(3)), key=lambda one: one.score(scaled))
    return by_size(best.predict(scaled))


def by_wavemap(waveforms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return WaveMAP's clusters (n,) of waveforms and where UMAP draws them (n, 2).

    Raises
    ------
    UserError
        Without the packages igraph and umap-learn.
    """
    try:
        import igraph
        from umap import UMAP
    except ImportError as error:
        raise UserError(f"WaveMAP needs a package that is missing ({error.name})", "pip install igraph umap-learn"
                        ) from None

    reducer = UMAP(n_neighbors=min(N_NEIGHBOURS, len(waveforms) - 1), min_dist=MIN_DIST, random_state=UMAP_SEED,
                   n_jobs=1)
    points = reducer.fit_transform(waveforms)
    edges = reducer.graph_.tocoo()
    once = edges.row < edges.col
    graph = igraph.Graph(n=len(waveforms), edges=np.stack([edges.row[once], edges.col[once]], axis=1).tolist())
    igraph.set_random_number_generator(random.Random(UMAP_SEED))
    try:
        # the published resolution, of cylouvain, is a time: larger makes fewer clusters
        found = graph.community_multilevel(weights=edges.data[once].tolist(), resolution=1 / RESOLUTION)
    finally:
        igraph.set_random_number_generator(random)
    return by_size(np.array(found.membership)), points


def by_size(labels: np.ndarray) -> np.ndarray:
    """Return the same clusters, the largest as 0."""
    _, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return np.argsort(np.argsort(-counts, kind="stable"), kind="stable")[place]


def measures_of(waveforms: np.ndarray) -> np.ndarray:
    """Return width at half the trough, trough to peak, both in ms, and peak before over peak after (n, 3)."""
    rows = []
    for wave in waveforms.astype(float):
        trough = int(wave.argmin())
        rows.append((half_width_ms(wave, trough), trough_to_peak_ms(wave, trough),
                     min(max(wave[:trough + 1].max(), 0.0) / max(wave[trough:].max(), 1e-9), MOST_RATIO)))
    return np.array(rows)


def measure(cells: Cells, n_units: int, n_steps: int | None, device: str, folder: Path) -> dict:
    """Train, cluster and compare.

    Parameters
    ----------
    cells : Cells
    n_units : int
        Simulated ones.
    n_steps : int | None
        None: 400 epochs, as published.
    device : str
    folder : Path
        Of the benchmark.

    Returns
    -------
    result : dict
        `by_set`, one entry per set of units: clusters, measures and agreement; `reason` where macaque's are missing.
    """
    sets, reason = [simulated(cells, n_units)], ""
    try:
        sets.append(macaque())
    except UserError as error:
        reason = for_tables(one_line(error))
    spikes = as_spikes(np.concatenate([one.waveforms for one in sets]))
    n_steps = n_steps or int(np.ceil(400 * len(spikes) / min(BATCH, len(spikes))))
    name = f"shapes_{len(spikes)}_{n_steps}"
    encoder, seconds = train(spikes, n_steps, device, folder / "trainings" / name)
    found = {}
    for one in sets:
        if len(one.waveforms) < FEWEST_UNITS:
            raise UserError(f"{len(one.waveforms)} {one.name} units are too few to cluster", "add --n-units")
        found[one.name] = compare(one, embed(encoder, as_spikes(one.waveforms), device))
    return {"by_set": found, "reason": reason, "n_steps": n_steps, "n_waveforms": len(spikes), "seconds": seconds,
            "epochs": n_steps * min(BATCH, len(spikes)) / len(spikes), "device": device}


def compare(one: Shapes, embedding: np.ndarray) -> dict:
    """Cluster a set in three ways; say how far they agree with each other and with the kinds, and what clusters are."""
    from sklearn.decomposition import PCA
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    measures = measures_of(one.waveforms)
    wavemap, points = by_wavemap(one.waveforms)
    clusters = {"CEED": by_mixture(embedding), "WaveMAP": wavemap, "three measures": by_mixture(measures)}
    labels = clusters | ({"kind": one.kind} if len(one.kind) else {})
    names = list(labels)
    agreement = [[first, second, float(adjusted_rand_score(labels[first], labels[second])),
                  float(adjusted_mutual_info_score(labels[first], labels[second]))]
                 for place, first in enumerate(names) for second in names[place + 1:]]
    return {
        "n": len(one.waveforms), "agreement": agreement,
        "clusters": {name: [described(its == label, one, measures) for label in range(its.max() + 1)]
                     for name, its in clusters.items()},
        "explained": {name: explained(its, measures) for name, its in clusters.items()},
        "labels": {name: its.tolist() for name, its in clusters.items()},
        "points": {"CEED": PCA(2, random_state=SEED).fit_transform(embedding).tolist(), "WaveMAP": points.tolist()}}


def described(chosen: np.ndarray, one: Shapes, measures: np.ndarray) -> dict:
    """Return size, mean waveform, median and quartiles of the measures, and kinds of a cluster."""
    kinds = dict(zip(*(column.tolist() for column in np.unique(one.kind[chosen], return_counts=True)))) \
        if len(one.kind) else {}
    return {"n": int(chosen.sum()), "mean": one.waveforms[chosen].mean(axis=0).tolist(), "kinds": kinds,
            "measures": np.quantile(measures[chosen], (0.25, 0.5, 0.75), axis=0).T.tolist()}


def explained(labels: np.ndarray, measures: np.ndarray) -> list[float]:
    """Return the share of each measure's variance over ranks that lies between clusters."""
    from scipy.stats import rankdata

    ranks = rankdata(measures, axis=0)
    within = sum(((ranks[labels == label] - ranks[labels == label].mean(axis=0)) ** 2).sum(axis=0)
                 for label in np.unique(labels))
    return (1 - within / ((ranks - ranks.mean(axis=0)) ** 2).sum(axis=0)).tolist()
