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
    longest : int
        Most samples given at once.
    """

    def __init__(self, h, reference, dt_ms: float, longest: int):
        self.dt_ms, self.n_samples = dt_ms, longest
        # NEURON takes the waveform's length at the run's start and reads nothing beyond it: the vectors keep one
        # length. With a list of jumps, here an empty one, it looks values up by time alone; without, an event per
        # value moves the end it reads to.
        self.values, self.times, self.jumps = h.Vector(2 * longest), h.Vector(2 * longest), h.Vector(0)
        self.values.play(reference, self.times, self.jumps)

    def fill(self, first_sample: int, samples: np.ndarray) -> None:
        """Replace the waveform by that from `first_sample` on.

        A fixed step reads its input at the step's middle: between the sample before it and the sample at its end. The value
        at both ends is the same here, so a step sees one sample whatever the chunk it lies in.

        Raises
        ------
        ValueError
            For more than `longest` samples.
        """
        if len(samples) > self.n_samples:
            raise ValueError(f"{len(samples)} samples at once, more than the {self.n_samples} announced")
        samples = np.pad(samples, (0, self.n_samples - len(samples)), mode="edge")
        edges = np.arange(first_sample - 1, first_sample + len(samples)) * self.dt_ms
        self.times.from_python(np.repeat(edges, 2)[1:-1])
        self.values.from_python(np.repeat(samples, 2))
