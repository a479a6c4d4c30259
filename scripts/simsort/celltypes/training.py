"""Training, calibration and scores of the head."""

import numpy as np
import torch
from torch import nn

from simsort.celltypes.head import Head, hash_of_names
from simsort.celltypes.simulated import KnownUnits

N_MEMBERS, WIDTH = 5, 48
N_STEPS, BATCH, RATE, DECAY = 1500, 256, 2e-3, 3e-2
INPUT_NOISE = 0.25  # standard deviations added to features, so that no single one decides
DROPPED = 0.1
SHRINKAGE = 0.1
FAR_QUANTILE, USUAL_QUANTILE = 0.99, 0.9
RECORDING_UNITS = 20  # scored together, as units of one recording
N_BINS = 10
THREE = {"excitatory": "excitatory", "PV": "PV", "SST": "other", "VIP": "other", "NGC": "other"}


def train_head(train: KnownUnits, calibration: KnownUnits, classes: tuple, *, least_probability: float,
               seed: int) -> Head:
    """Train the members, then find the temperature and the distance at which it is unsure.

    Parameters
    ----------
    train, calibration : KnownUnits
        Of different cells.
    classes : tuple of str
    least_probability : float
        Below it the answer is `unsure`.
    seed : int
    """
    mean, scale = train.features.mean(axis=0), np.maximum(train.features.std(axis=0), 1e-3)
    tensors = {"mean": mean, "scale": scale}
    scaled = Head(tensors=tensors, note={}).standardised(train.features)
    covariance = np.cov(scaled.T)
    tensors["inverse"] = np.linalg.inv((1 - SHRINKAGE) * covariance + SHRINKAGE * np.eye(len(covariance)))
    target = np.array([classes.index(kind) for kind in train.kind])
    tensors |= train_members(scaled.astype(np.float32), target, len(classes), seed)
    tensors = {name: np.asarray(value, dtype=np.float32) for name, value in tensors.items()}
    note = {"classes": list(classes), "temperature": 1.0, "least_probability": least_probability, "farthest": np.inf,
            "usual": np.inf, "features": hash_of_names()}
    head = Head(tensors=tensors, note=note)
    note["temperature"] = best_temperature(head, calibration)
    distance = head.distance(calibration.features)
    note["farthest"], note["usual"] = (float(np.quantile(distance, one)) for one in (FAR_QUANTILE, USUAL_QUANTILE))
    return head


def train_members(scaled: np.ndarray, target: np.ndarray, n_classes: int, seed: int) -> dict:
    """Train all members side by side, each on batches of its own."""
    generator = torch.Generator().manual_seed(seed)
    sizes = [scaled.shape[1], WIDTH, WIDTH, n_classes]
    weights = [nn.Parameter(torch.randn(N_MEMBERS, before, after, generator=generator) * (2 / before) ** 0.5)
               for before, after in zip(sizes, sizes[1:])]
    biases = [nn.Parameter(torch.zeros(N_MEMBERS, after)) for after in sizes[1:]]
    optimizer = torch.optim.AdamW([*weights, *biases], lr=RATE, weight_decay=DECAY)
    inputs, labels = torch.as_tensor(scaled), torch.as_tensor(target)
    for step in range(N_STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATE * 0.5 * (1 + np.cos(np.pi * step / N_STEPS))
        rows = torch.randint(0, len(inputs), (N_MEMBERS, BATCH), generator=generator)
        layer = inputs[rows]
        layer = layer + INPUT_NOISE * torch.randn(layer.shape, generator=generator)
        layer = layer * (torch.rand(layer.shape, generator=generator) > DROPPED)
        for number, (weight, bias) in enumerate(zip(weights, biases)):
            layer = torch.baddbmm(bias[:, None], layer, weight)
            layer = torch.relu(layer) if number < 2 else layer
        loss = nn.functional.cross_entropy(layer.flatten(0, 1), labels[rows].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return {f"{name}{number}": value.detach().numpy() for name, its in (("w", weights), ("b", biases))
            for number, value in enumerate(its)}


def best_temperature(head: Head, known: KnownUnits) -> float:
    """Return the temperature with the least cross-entropy on units of other cells (Guo et al. 2017, ICML)."""
    from dataclasses import replace

    target = np.array([head.classes.index(kind) for kind in known.kind])

    def wrong(temperature):
        every = replace(head, note=head.note | {"temperature": temperature}).probabilities(known.features)
        return -np.log(np.maximum(every[np.arange(len(target)), target], 1e-9)).mean()
    candidates = np.exp(np.linspace(np.log(0.3), np.log(6.0), 60))
    return float(candidates[np.argmin([wrong(one) for one in candidates])])


def score_head(head: Head, known: KnownUnits) -> dict:
    """Return scores on units of known kind, of which twenty drawn at random are a recording.

    Returns
    -------
    scores : dict
        `balanced_accuracy` over all kinds and `balanced_accuracy_three` over excitatory, PV and other inhibitory, by
        the likeliest kind; `calibration_error` (expected, of the likeliest kind, ten bins); `unsure` (share) and
        `balanced_accuracy_sure` of the others; `confusion` (a row per true kind, shares).
    """
    answer, best, every = answers_by_recording(head, known.features)
    likeliest = np.array(head.classes)[every.argmax(axis=1)]
    groups = {kind: THREE[kind] for kind in head.classes}
    names = sorted(set(groups.values()))
    grouped = every @ np.array([[groups[kind] == name for name in names] for kind in head.classes], dtype=float)
    sure = answer != "unsure"
    return {"n": len(known.kind), "n_cells": len(np.unique(known.cell)),
            "balanced_accuracy": balanced(known.kind, likeliest),
            "balanced_accuracy_three": balanced([groups[kind] for kind in known.kind],
                                                np.array(names)[grouped.argmax(axis=1)]),
            "calibration_error": calibration_error(best, likeliest == known.kind),
            "unsure": float(1 - sure.mean()),
            "balanced_accuracy_sure": balanced(known.kind[sure], likeliest[sure]) if sure.any() else None,
            "confusion": {kind: shares(likeliest[known.kind == kind], head.classes)
                          for kind in np.unique(known.kind).tolist()}}


def answers_by_recording(head: Head, features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what `Head.answers` says of recordings of twenty units, in the order of the units."""
    order = np.random.default_rng(0).permutation(len(features))
    recordings = np.array_split(order, -(-len(features) // RECORDING_UNITS))
    parts = zip(*(head.answers(features[rows]) for rows in recordings))
    back = np.argsort(order)
    return tuple(np.concatenate(part)[back] for part in parts)


def shares(answers: np.ndarray, classes: list[str]) -> dict:
    """Return the share of each class among answers."""
    return {name: float((answers == name).mean()) for name in classes}


def balanced(truth, answer) -> float:
    """Return the mean over true kinds of the share that is told right."""
    truth, answer = np.asarray(truth), np.asarray(answer)
    return float(np.mean([(answer[truth == kind] == kind).mean() for kind in np.unique(truth)]))


def calibration_error(probability: np.ndarray, is_right: np.ndarray) -> float:
    """Return the expected calibration error: between what is claimed and what is true, over ten bins."""
    bins = np.minimum((probability * N_BINS).astype(int), N_BINS - 1)
    return float(sum(abs(probability[bins == one].mean() - is_right[bins == one].mean()) * (bins == one).mean()
                     for one in np.unique(bins)))
