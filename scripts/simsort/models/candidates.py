"""Where spikes may be: troughs that are the deepest around, in time and among the channels near by."""

import torch
from torch.nn import functional


def find_candidates(whitened: torch.Tensor, neighbours: torch.Tensor, *, threshold: float, exclude_samples: int):
    """Find local troughs.

    Parameters
    ----------
    whitened : tensor, (n_windows, n_channels, n_samples)
    neighbours : tensor, (n_channels, width) int64
        Channels over which a trough must be the deepest.
    threshold : float
        Least depth in noise levels.
    exclude_samples : int
        A trough is the deepest within so many samples on either side.

    Returns
    -------
    window, channel, sample : tensors, (n,) int64
        In the order of windows, samples, channels.
    """
    depth = -whitened
    deepest = functional.max_pool1d(depth, 2 * exclude_samples + 1, stride=1, padding=exclude_samples)
    window, channel, sample = torch.nonzero((depth >= threshold) & (depth == deepest), as_tuple=True)
    around = deepest[window[:, None], neighbours[channel], sample[:, None]].amax(dim=1)
    kept = deepest[window, channel, sample] >= around
    window, channel, sample = window[kept], channel[kept], sample[kept]
    order = torch.argsort(((window * whitened.shape[2]) + sample) * whitened.shape[1] + channel)
    return window[order], channel[order], sample[order]


def cut_snippets(whitened: torch.Tensor, channels: torch.Tensor, is_there: torch.Tensor, window: torch.Tensor,
                 channel: torch.Tensor, sample: torch.Tensor, n_before: int, n_samples: int) -> torch.Tensor:
    """Cut the traces around events on their neighbourhoods.

    Parameters
    ----------
    whitened : tensor, (n_windows, n_channels, n)
    channels, is_there : tensors, (n_channels, width)
        Neighbourhoods.
    window, channel, sample : tensors, (n_events,)
        Events at least `n_before` and `n_samples - n_before` samples away from the ends.
    n_before, n_samples : int

    Returns
    -------
    snippets : tensor, (n_events, width, n_samples)
        0 on channels that are not there.
    """
    near, steps = channels[channel], torch.arange(-n_before, n_samples - n_before, device=whitened.device)
    length, n_channels = whitened.shape[2], whitened.shape[1]
    start = (window * n_channels)[:, None] + near  # (n_events, width)
    index = (start * length + sample[:, None])[:, :, None] + steps
    return whitened.reshape(-1)[index] * is_there[channel][:, :, None]
