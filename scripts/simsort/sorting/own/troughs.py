"""Where spikes may be: `simsort.models.candidates` for one piece of traces, without looking at what is not a trough."""

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def find_troughs(traces, neighbours, threshold, exclude):
    """Find samples that are the deepest within `exclude` samples among the channels near by.

    Parameters
    ----------
    traces : array, (n_channels, n_samples) float32
    neighbours : array, (n_channels, width) int64
        Channels over which a trough must be the deepest.
    threshold : float
        Least depth.
    exclude : int
        Samples.

    Returns
    -------
    channel, sample : arrays, (n,) int64
        In the order of samples, then channels.
    """
    n_channels, n_samples = traces.shape
    channels, samples = [0 for _ in range(0)], [0 for _ in range(0)]
    for channel in range(n_channels):
        for sample in range(n_samples):
            depth = traces[channel, sample]
            if depth > -threshold:
                continue
            first, last = max(sample - exclude, 0), min(sample + exclude + 1, n_samples)
            deepest = True
            for other in neighbours[channel]:
                for at in range(first, last):
                    if traces[other, at] < depth:
                        deepest = False
                        break
                if not deepest:
                    break
            if deepest:
                channels.append(channel)
                samples.append(sample)
    channel, sample = np.array(channels, dtype=np.int64), np.array(samples, dtype=np.int64)
    order = np.argsort(sample * n_channels + channel, kind="mergesort")
    return channel[order], sample[order]
