"""Training data without end, made by worker processes while the networks train; the same for any number of them."""

import queue
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import numpy as np
import torch
import torch.multiprocessing as multiprocessing

AHEAD = 3  # sets a worker makes before they are asked for
WAIT_S = 5


@dataclass(frozen=True, kw_only=True)
class StreamConfig:
    """How recordings follow one another.

    Parameters
    ----------
    seed : int, default: 0
    n_lanes : int, default: 8
        Sequences of recordings, of which each gives one set in turn: neighbouring sets are of different recordings.
    sets_per_situation : int, default: 16
        Sets made of one recording before the next is drawn.
    """

    seed: int = 0
    n_lanes: int = 8
    sets_per_situation: int = 16


class Lane:
    """One sequence of recordings; set k of lane l depends on the seed, k and l only.

    Parameters
    ----------
    number : int
    source : object
        `source.draw(seed)` returns a recording, of which `.set(seed)` makes a set.
    config : StreamConfig
    """

    def __init__(self, number: int, source, config: StreamConfig):
        self.number, self.source, self.config = number, source, config
        self.situation, self.recording = None, None

    def set(self, index: int):
        """Make the set of one index."""
        situation = index // self.config.sets_per_situation
        if situation != self.situation:
            self.recording = None  # before the next one is made: a recording takes some 100 MB
            self.recording = self.source.draw(situation_seed(self.config, self.number, situation))
            self.situation = situation
        return self.recording.set(index)


def situation_seed(config: StreamConfig, lane: int, situation: int) -> int:
    """Return the seed of a recording of a lane."""
    return int(np.random.SeedSequence([config.seed, lane, situation]).generate_state(1)[0] >> 1)


def work(lanes: list[Lane], index: int, out, stop) -> None:
    """Make sets, lane after lane, until told to stop or left alone; an error is the last thing made."""
    torch.set_num_threads(1)
    while not stop.is_set():
        for lane in lanes:
            try:
                item = (lane.number, index, lane.set(index))
            except Exception as error:
                put(error, out, stop)
                return
            put(item, out, stop)
        index += 1


def put(item, out, stop) -> None:
    """Hand an item over as soon as there is room, unless told to stop."""
    parent = multiprocessing.parent_process()
    while not stop.is_set():
        if not parent.is_alive():  # it was killed
            stop.set()
        try:
            return out.put(item, timeout=1)
        except queue.Full:
            continue


class SetStream:
    """An iterator over sets, from a given step on.

    Step `s` gives set `s // n_lanes` of lane `s % n_lanes`. Of several processes that train together each takes its
    share of the lanes.

    Parameters
    ----------
    source : object
        See `Lane`.
    config : StreamConfig
    n_workers : int, default: 1
        Processes; 0: in this one.
    first : int, default: 0
        Sets already taken.
    rank, n_ranks : int, default: 0 and 1
        Share of the lanes; `n_lanes` is a multiple of `n_ranks`.
    """

    def __init__(self, source, config: StreamConfig, *, n_workers: int = 1, first: int = 0, rank: int = 0,
                 n_ranks: int = 1):
        assert config.n_lanes % n_ranks == 0
        self.lanes = [Lane(number, source, config) for number in range(rank, config.n_lanes, n_ranks)]
        self.position = first - first % len(self.lanes)
        self.skip = first % len(self.lanes)
        self.workers, self.queues = [], []
        if n_workers:
            self.start(min(n_workers, len(self.lanes)))

    def start(self, n_workers: int) -> None:
        """Start the workers."""
        context = multiprocessing.get_context("spawn")
        self.stop = context.Event()
        for worker in range(n_workers):
            out = context.Queue(AHEAD)
            process = context.Process(target=work, daemon=True, args=(
                self.lanes[worker::n_workers], self.position // len(self.lanes), out, self.stop))
            process.start()
            self.workers.append(process)
            self.queues.append(out)

    def __iter__(self):
        return self

    def __next__(self):
        item = self.take()
        while self.skip:
            self.skip -= 1
            item = self.take()
        return item

    def take(self):
        """Return the next set."""
        place, index = self.position % len(self.lanes), self.position // len(self.lanes)
        self.position += 1
        if not self.workers:
            return self.lanes[place].set(index)
        worker = place % len(self.workers)
        while True:
            try:
                got = self.queues[worker].get(timeout=WAIT_S)
            except queue.Empty:
                if not self.workers[worker].is_alive():  # killed, most likely for its memory
                    raise BrokenProcessPool("a process that makes training data was killed") from None
                continue
            if isinstance(got, Exception):
                raise got
            number, made, item = got
            assert (number, made) == (self.lanes[place].number, index)
            return item

    def close(self) -> None:
        """Stop the workers."""
        if not self.workers:
            return
        self.stop.set()
        for process, out in zip(self.workers, self.queues):
            process.join(timeout=2)
            out.cancel_join_thread()
            if process.is_alive():
                process.terminate()
        self.workers = []
