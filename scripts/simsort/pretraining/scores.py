"""Scores of the networks alone: detection against a threshold, identification against principal components."""

import warnings

import numpy as np
import torch

from simsort.pretraining.validation import Case, Group

EVENTS_AT_A_TIME = 1024
PCA_DIMS = (3, 5, 10)  # the best of them counts for the baseline
GMM_DIM = 5
SEED = 0


def score(detector, encoder, cases: list[Case], device="cpu", *, with_baselines: bool = True) -> dict:
    """Score a detector and an encoder.

    Parameters
    ----------
    detector : Detector
    encoder : Encoder
    cases : list of Case
    device : str
    with_baselines : bool, default: True
        Also score what needs no networks.

    Returns
    -------
    scores : dict
        `detection_f1` and `threshold_f1`: both at their best threshold; `timing_samples`: mean absolute error;
        `accuracy`, `ari_kmeans`, `ari_gmm`: of a nearest-mean classifier and of clustering with the known number of
        units in the embedding of identity, and the same of principal components (`..._pca`); means over recordings
        and over groups.
    """
    found: dict = {}
    for case in cases:
        logit, shift, identity = answers(detector, encoder, case, device)
        depth = -case.events.snippets[:, 0, detector.form.n_before].numpy()
        parts = dict(detection_f1=best_f1(logit, case))
        if with_baselines:
            parts["threshold_f1"] = best_f1(depth, case)
        own = case.events.unit.numpy() >= 0
        if own.any():
            parts["timing_samples"] = float(np.abs(shift - case.events.shift_samples.numpy())[own].mean())
        for name, value in parts.items():
            found.setdefault(name, []).append(value)
        for group in case.groups:
            for name, value in identification(identity[group.rows], group, with_baselines=with_baselines).items():
                found.setdefault(name, []).append(value)
    return {name: float(np.mean(values)) for name, values in found.items()}


@torch.inference_mode()
def answers(detector, encoder, case: Case, device) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the spike logit (n,), time shift (n,) and embedding of identity (n, dim) of a case's events."""
    was_training = detector.training
    detector.eval(), encoder.eval()
    parts = []
    for first in range(0, len(case.events.unit), EVENTS_AT_A_TIME):
        some = case.events.only(slice(first, first + EVENTS_AT_A_TIME)).to(device)
        given = (some.snippets, some.offsets_um, some.is_there)
        parts.append([one.float().cpu() for one in (*detector(*given), encoder(*given).identity)])
    detector.train(was_training), encoder.train(was_training)
    return tuple(torch.cat(columns).numpy() for columns in zip(*parts))


def best_f1(values: np.ndarray, case: Case) -> float:
    """Return the F1 score of spikes above the best threshold of values (n_events,).

    Weak spikes count neither way, nor does a spike that is found a second time.
    """
    order = np.argsort(-values, kind="stable")
    unit, spike = case.events.unit.numpy()[order], case.spike[order]
    is_first = np.zeros(len(order), dtype=bool)
    is_first[np.unique(spike, return_index=True)[1]] = True
    n_hit, n_false = np.cumsum((unit >= 0) & is_first), np.cumsum(unit == -1)
    return float((2 * n_hit / np.maximum(n_hit + n_false + case.n_true, 1)).max(initial=0.0))


def identification(embedding: np.ndarray, group: Group, *, with_baselines: bool = True) -> dict:
    """Return accuracy and adjusted Rand indices of one group, of the embedding and of principal components."""
    from sklearn.decomposition import PCA

    short = PCA(min(GMM_DIM, *embedding.shape), random_state=SEED).fit_transform(embedding)
    found = dict(accuracy=prototype_accuracy(embedding, group.unit), ari_kmeans=ari(embedding, group.unit, "kmeans"),
                 ari_gmm=ari(short, group.unit, "gmm"))
    if not with_baselines:
        return found
    most = min(max(PCA_DIMS), *group.traces.shape)
    components = PCA(most, random_state=SEED).fit_transform(group.traces)
    dims = sorted({min(dim, most) for dim in PCA_DIMS})
    return found | dict(
        accuracy_pca=max(prototype_accuracy(components[:, :dim], group.unit) for dim in dims),
        ari_kmeans_pca=max(ari(components[:, :dim], group.unit, "kmeans") for dim in dims),
        ari_gmm_pca=max(ari(components[:, :dim], group.unit, "gmm") for dim in dims))


def prototype_accuracy(features: np.ndarray, unit: np.ndarray) -> float:
    """Return the mean over units of the share of every second spike that is nearest to its own unit's mean."""
    names = np.unique(unit)
    turn = np.zeros(len(unit), dtype=int)
    for name in names:
        turn[unit == name] = np.arange((unit == name).sum()) % 2
    means = np.stack([features[(unit == name) & (turn == 0)].mean(axis=0) for name in names])
    nearest = names[((features[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)]
    return float(np.mean([(nearest == name)[(unit == name) & (turn == 1)].mean() for name in names]))


def ari(features: np.ndarray, unit: np.ndarray, method: str) -> float:
    """Return the adjusted Rand index of clustering with the known number of units ("kmeans" or "gmm")."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score
    from sklearn.mixture import GaussianMixture

    n_units = len(np.unique(unit))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fits that stop early are scored as they are
        if method == "kmeans":
            found = KMeans(n_units, n_init=5, random_state=SEED).fit_predict(features)
        else:
            model = GaussianMixture(n_units, n_init=3, reg_covar=1e-3 * features.var(), random_state=SEED)
            found = model.fit_predict(features.astype(float))
    return float(adjusted_rand_score(unit, found))
