"""Recordings to train on, as the stream takes them: each gives sets of events, one after another."""

import numpy as np
import torch

from simsort.models.input_form import InputForm
from simsort.pretraining.events import EventMaker, Events
from simsort.pretraining.variety import TRAINING_PROBES, draw_situation

EVENTS_PER_WINDOW = 96  # fewest that are waited for: where spikes are rare a set is smaller


class EventSource:
    """Draws recordings.

    Parameters
    ----------
    cells : Cells
    form : InputForm
    n_events : int, default: 768
        Most events of a set.
    probes : tuple of str
    device : str, default: "cpu"
        Where windows are rendered.
    """

    def __init__(self, cells, form: InputForm, *, n_events: int = 768, probes: tuple = TRAINING_PROBES,
                 device: str = "cpu"):
        self.cells, self.form, self.n_events, self.probes, self.device = cells, form, n_events, probes, device

    def draw(self, seed: int) -> "EventRecording":
        """Draw a recording."""
        return EventRecording(EventMaker(draw_situation(self.cells, seed, probes=self.probes), self.form, self.device),
                              self.n_events)


class EventRecording:
    """Sets of events of one recording."""

    def __init__(self, maker: EventMaker, n_events: int):
        self.maker, self.n_events = maker, n_events
        self.n_windows = int(np.ceil(n_events / max(maker.n_per_window, EVENTS_PER_WINDOW)))

    def set(self, seed: int) -> Events:
        """Make a set of at most `n_events` events."""
        events = self.maker.make(n_windows=self.n_windows, seed=seed)
        rng = np.random.default_rng([self.maker.plan.seed, seed])
        return thinned(events, self.n_events, rng).to("cpu")


def thinned(events: Events, most: int, rng: np.random.Generator) -> Events:
    """Keep at most so many events: all of some units and some of the noise."""
    unit = events.unit.cpu().numpy()
    n_noise = int((unit < 0).sum())
    keep_noise = min(n_noise, most // 2, max(most // 3, most - (len(unit) - n_noise)))
    rows = rng.permutation(np.flatnonzero(unit < 0))[:keep_noise].tolist()
    for one in rng.permutation(np.unique(unit[unit >= 0])):
        rows += np.flatnonzero(unit == one)[: most - len(rows)].tolist()
    return events.only(torch.as_tensor(np.sort(rows), device=events.unit.device))
