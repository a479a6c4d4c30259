"""What the networks are taught."""

import torch
from torch.nn import functional

from simsort.models.detector import Detection
from simsort.models.encoder import Embedding
from simsort.pretraining.events import Events

DISPLACEMENT_BIN_UM = 4.0
FEWEST = 3  # spikes of a class
NEAR_UM = 100.0  # classes farther from a spike are told apart by their place alone
FAR = 1e4
TIMING_WEIGHT, SCATTER_WEIGHT = 0.1, 0.05
LEAST_SCATTER = 1e-3


def prototype_loss(embedding: torch.Tensor, label: torch.Tensor, group: torch.Tensor,
                   position_um: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross-entropy of a Gaussian classifier whose means are those of the other spikes of each class.

    The same classifier is what the sorter's mixture is, with unit covariance: embeddings trained so are in the units
    that it assumes. Prototypes: Snell, Swersky & Zemel 2017, NeurIPS; here every spike is a query against the means of
    all others. Negatives come from the same recording and from near by, where they are hard.

    Parameters
    ----------
    embedding : tensor, (n, dim)
    label : tensor, (n,) int64
        Class of each, from 0; every class has two or more.
    group : tensor, (n,) int64
        A spike is compared with the classes of its own group.
    position_um : tensor, (n, 2)
        Where each spike was seen.

    Returns
    -------
    loss : tensor
        Mean over classes, so that fast units do not rule.
    scatter : tensor
        Mean squared distance to the own class's mean, per dimension; the ideal is 1.
    """
    n_classes = int(label.max()) + 1
    counts = torch.bincount(label, minlength=n_classes).to(embedding.dtype)
    sums = embedding.new_zeros(n_classes, embedding.shape[1]).index_add(0, label, embedding)
    class_group = group.new_zeros(n_classes).scatter(0, label, group)
    others = (sums[label] - embedding) / (counts[label] - 1)[:, None]  # mean without the spike itself
    own = ((embedding - others) ** 2).sum(dim=1)
    squared = torch.cdist(embedding, sums / counts[:, None]) ** 2  # n x n_classes
    centre_um = position_um.new_zeros(n_classes, 2).index_add(0, label, position_um) / counts[:, None]
    is_far = (class_group[None, :] != group[:, None]) | (torch.cdist(position_um, centre_um) > NEAR_UM)
    squared = (squared + FAR * is_far).scatter(1, label[:, None], own[:, None])
    wrong = functional.cross_entropy(-squared / 2, label, reduction="none")
    per_class = embedding.new_zeros(n_classes)
    loss = (per_class.index_add(0, label, wrong) / counts).mean()
    within = per_class.index_add(0, label, own * (counts[label] - 1) / counts[label]) / counts
    return loss, within.mean() / embedding.shape[1]


def relabel(key: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Number the keys that occur often enough; return their rows and labels."""
    _, label, counts = torch.unique(key, return_inverse=True, return_counts=True)
    rows = torch.nonzero(counts[label] >= FEWEST)[:, 0]
    return rows, torch.unique(label[rows], return_inverse=True)[1]


def embedding_loss(embedding: torch.Tensor, events: Events, *, local: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the prototype loss over units, or over units at one displacement, and the scatter."""
    rows = torch.nonzero(events.unit >= 0)[:, 0]
    group = torch.zeros_like(rows)
    if local:
        group = torch.floor(events.displacement_um[rows] / DISPLACEMENT_BIN_UM).long()
        group = group - (group.min() if len(group) else 0)
    kept, label = relabel(events.unit[rows] * 1000 + group)
    if len(kept) < 2 * FEWEST or int(label.max()) < 1:
        return embedding.sum() * 0, embedding.sum() * 0 + 1
    return prototype_loss(embedding[rows[kept]], label, group[kept], events.position_um[rows[kept]])


def detection_losses(detection: Detection, events: Events) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the cross-entropy of spike against noise, weak spikes left out, and the error of times of spikes."""
    is_spike, asked = (events.unit >= 0).float(), (events.unit >= -1).float()
    wrong = functional.binary_cross_entropy_with_logits(detection.spike_logit, is_spike, reduction="none")
    late = functional.smooth_l1_loss(detection.shift_samples, events.shift_samples, reduction="none")
    return (wrong * asked).sum() / asked.sum().clamp(min=1), (late * is_spike).sum() / is_spike.sum().clamp(min=1)


def loss_of(detection: Detection, embedding: Embedding, events: Events) -> tuple[torch.Tensor, dict]:
    """Return the whole loss and its parts, all tensors."""
    spike, timing = detection_losses(detection, events)
    local, local_scatter = embedding_loss(embedding.local, events, local=True)
    identity, identity_scatter = embedding_loss(embedding.identity, events, local=False)
    scatter = sum(torch.log(value.clamp(min=LEAST_SCATTER)) ** 2 for value in (local_scatter, identity_scatter))
    total = spike + TIMING_WEIGHT * timing + local + identity + SCATTER_WEIGHT * scatter
    return total, dict(loss=total, detection=spike, timing=timing, local=local, identity=identity,
                       local_scatter=local_scatter, identity_scatter=identity_scatter)
