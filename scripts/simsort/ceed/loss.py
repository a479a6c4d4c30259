"""SimCLR's loss."""

import torch
from torch.nn import functional

TEMPERATURE = {"mlp": 0.07, "scam": 0.2}  # as in the published code


def info_nce(first: torch.Tensor, second: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return how badly each view finds the other of its spike among all views (Chen et al. 2020, ICML).

    Parameters
    ----------
    first, second : tensors, (n, dim)
        Two views of the same spikes; only their directions count.
    temperature : float

    Returns
    -------
    loss : tensor
        Mean over the 2 n views.
    """
    views = functional.normalize(torch.cat([first, second]).float(), dim=1)
    likeness = views @ views.T / temperature
    likeness = likeness.masked_fill(torch.eye(len(views), dtype=torch.bool, device=views.device), -torch.inf)
    partner = torch.arange(len(views), device=views.device).roll(len(first))
    return functional.cross_entropy(likeness, partner)
