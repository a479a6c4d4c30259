"""Labelled events without end, made by worker processes while the network trains; the same for any number of them."""

import queue
from dataclasses import dataclass

import numpy as np
import torch
import torch.multiprocessing as multiprocessing

from simsort.models.input_form import InputForm
from simsort.pretraining.events import EventMaker, Events
from simsort.pretraining.variety import TRAINING_PROBES, draw_situation

N_LANES = 8
AHEAD = 3  # sets of events a worker makes before they are asked for


@dataclass(frozen=True, kw_only=True)
class StreamConfig:
    """What the stream is made of.

    Parameters
    ----------
    seed : int
    sets_per_situation : int
        Sets of events made of one recording before the next is drawn.
    n_events : int
        Most events of a set.
    probes : tuple of str
    """

    seed: int = 0
    sets_per_situation: int = 12
    n_events: int = 768
    probes: tuple = TRAINING_PROBES


class Lane:
    """One of `N_LANES` sequences of recordings; set k of lane l depends on the seed, k and l only."""

    def __init__(self, number: int, libraries, form: InputForm, stream: StreamConfig):
        self.number, self.libraries, self.form, self.stream = number, libraries, form, stream
        self.situation, self.maker, self.n_windows = None, None, 0

    def set_of_events(self, index: int) -> Events:
        """Make the events of one index."""
        situation = index // self.stream.sets_per_situation
        if situation != self.situation:
            seed = int(np.random.SeedSequence([self.stream.seed, self.number, situation]).generate_state(1)[0] >> 1)
            self.draw(seed)
            self.situation = situation
        events = self.maker.make(n_windows=self.n_windows, seed=index)
        return thinned(events, self.stream.n_events, np.random.default_rng([self.stream.seed, self.number, index]))

    def draw(self, seed: int) -> None:
        """Draw the next recording, another one where no unit is large enough."""
        for attempt in range(20):
            drawn = draw_situation(self.libraries, seed + attempt, probes=self.stream.probes)
            if drawn.plan.n_foreground >= 2:
                break
        self.maker = EventMaker(drawn, self.form)
        trial = self.maker.make(n_windows=12, seed=2**31 - 1)
        per_window = max(int((trial.unit >= 0).sum()), 6) / 12
        self.n_windows = int(np.clip(self.stream.n_events * 0.6 / per_window, 16, 96))


def thinned(events: Events, most: int, rng: np.random.Generator) -> Events:
    """Keep at most so many events: all of some units and some of the noise."""
    if len(events.unit) <= most:
        return events
    unit = events.unit.numpy()
    n_noise = int((unit < 0).sum())
    keep_noise = min(n_noise, max(most // 3, most - (len(unit) - n_noise)))
    rows = list(rng.permutation(np.flatnonzero(unit < 0))[:keep_noise])
    for one in rng.permutation(np.unique(unit[unit >= 0])):
        rows += np.flatnonzero(unit == one)[: most - len(rows)].tolist()
    return events.only(torch.as_tensor(np.sort(rows)))


def work(lanes: list[Lane], first: int, out, stop) -> None:
    """Make sets of events, lane after lane, until told to stop."""
    torch.set_num_threads(1)
    index = first
    while not stop.is_set():
        for lane in lanes:
            item = (lane.number, index, lane.set_of_events(index))
            while not stop.is_set():
                try:
                    out.put(item, timeout=1)
                    break
                except queue.Full:
                    continue
        index += 1


class EventStream:
    """An iterator over sets of events, from a given step on.

    Parameters
    ----------
    libraries : list of CellLibrary
    net : InputForm
    stream : StreamConfig
    n_workers : int, default: 1
        Processes; 0: in this one.
    first_step : int, default: 0
        Step `s` gives set `s // N_LANES` of lane `s % N_LANES`.
    """

    def __init__(self, libraries, form: InputForm, stream: StreamConfig, *, n_workers: int = 1, first_step: int = 0):
        self.lanes = [Lane(number, libraries, form, stream) for number in range(N_LANES)]
        self.step = first_step - first_step % N_LANES
        self.skip = first_step % N_LANES
        self.workers, self.queues = [], []
        if n_workers:
            self.start(min(n_workers, N_LANES))

    def start(self, n_workers: int) -> None:
        """Start the workers."""
        context = multiprocessing.get_context("spawn")
        self.stop = context.Event()
        for worker in range(n_workers):
            out = context.Queue(AHEAD)
            process = context.Process(target=work, daemon=True, args=(
                self.lanes[worker::n_workers], self.step // N_LANES, out, self.stop))
            process.start()
            self.workers.append(process)
            self.queues.append(out)

    def __iter__(self):
        return self

    def __next__(self) -> Events:
        events = self.take()
        while self.skip:
            self.skip -= 1
            events = self.take()
        return events

    def take(self) -> Events:
        """Return the next set."""
        lane, index = self.step % N_LANES, self.step // N_LANES
        self.step += 1
        if not self.workers:
            return self.lanes[lane].set_of_events(index)
        worker = lane % len(self.workers)
        while True:
            try:
                number, made, events = self.queues[worker].get(timeout=5)
            except queue.Empty:
                if not self.workers[worker].is_alive():
                    raise RuntimeError("a process that makes training data died") from None
                continue
            assert (number, made) == (lane, index)
            return events

    def close(self) -> None:
        """Stop the workers."""
        if self.workers:
            self.stop.set()
            for process in self.workers:
                process.join(timeout=10)
                if process.is_alive():
                    process.terminate()
