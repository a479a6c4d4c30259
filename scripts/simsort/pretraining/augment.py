"""Changes of events that recordings do not already bring: the same for all channels, so that space is kept.

Collisions come from the density of units, correlated noise and channel shifts from the recordings themselves.
"""

from dataclasses import replace

import torch

from simsort.pretraining.events import Events

SHARE = 0.5  # of events that are changed, each way on its own
AMPLITUDE = 0.05  # largest relative change of the whole waveform
JITTER_SAMPLES = 0.5


def augment(events: Events, generator: torch.Generator) -> Events:
    """Scale whole waveforms and shift them by less than a sample.

    Parameters
    ----------
    events : Events
    generator : torch.Generator
        On the events' device.

    Returns
    -------
    Events
    """
    n_events, n_samples = len(events.unit), events.snippets.shape[2]
    draws = torch.rand((4, n_events), generator=generator, device=events.snippets.device)
    factor = 1 + AMPLITUDE * (2 * draws[0] - 1) * (draws[1] < SHARE)
    delay = JITTER_SAMPLES * (2 * draws[2] - 1) * (draws[3] < SHARE)  # samples
    frequencies = torch.fft.rfftfreq(n_samples, device=draws.device)
    turn = torch.exp(-2j * torch.pi * frequencies * delay[:, None])  # n_events x n_frequencies
    spectrum = torch.fft.rfft(events.snippets) * (turn * factor[:, None])[:, None]
    is_spike = events.unit >= 0
    return replace(events, snippets=torch.fft.irfft(spectrum, n=n_samples),
                   shift_samples=events.shift_samples + delay * is_spike)
