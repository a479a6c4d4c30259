"""Waveforms played into NEURON's variables chunk by chunk."""

import numpy as np


class Played:
    """A waveform that NEURON reads while it runs.

    Parameters
    ----------
    h : the `neuron.h` object
    reference : NEURON pointer
        Where the values go, such as `clamp._ref_amp`.
    dt_ms : float
        Step of the waveform.
    """

    def __init__(self, h, reference, dt_ms: float):
        self.dt_ms, self.n_samples = dt_ms, 0
        self.values, self.times = h.Vector(2), h.Vector([0.0, 1e-9])
        self.values.play(reference, self.times, 1)

    def fill(self, first_sample: int, samples: np.ndarray) -> None:
        """Replace the waveform by that from `first_sample` on.

        A fixed step reads its input at the step's middle: between the sample before it and the sample at its end. The value
        at both ends is the same here, so a step sees one sample whatever the chunk it lies in.
        """
        # NEURON remembers its place in the waveform: the vectors never shrink.
        self.n_samples = max(self.n_samples, len(samples))
        samples = np.pad(samples, (0, self.n_samples - len(samples)), mode="edge")
        edges = np.arange(first_sample - 1, first_sample + len(samples)) * self.dt_ms
        self.times.from_python(np.repeat(edges, 2)[1:-1])
        self.values.from_python(np.repeat(samples, 2))
