"""Training on a limited number of recordings, which come again and again."""

from simsort.pretraining.recordings import EventRecording
from simsort.pretraining.stream import StreamConfig, situation_seed
from simsort.pretraining.task import SpikeTask


class LimitedTask(SpikeTask):
    """The task of simsort pretrain with so many distinct recordings, 0: without end; not validated while it trains."""

    def __init__(self, *args, n_recordings: int, **kwargs):
        super().__init__(*args, **kwargs)
        self.n_recordings = n_recordings

    def describe(self) -> dict:
        """Return what the weights depend on."""
        return super().describe() | {"n_recordings": self.n_recordings}

    def source(self, render_device: str = "cpu"):
        """Return where recordings come from."""
        source = super().source(render_device)
        return LimitedSource(source, self.n_recordings) if self.n_recordings else source

    def validate(self, nets, device) -> dict:
        """Return nothing: points are scored when they are trained."""
        return {}


class LimitedSource:
    """Draws the same recordings again and again, each with the same sets."""

    def __init__(self, source, n_recordings: int):
        self.source, self.n_recordings = source, n_recordings

    def draw(self, seed: int) -> "LimitedRecording":
        """Draw one of the recordings."""
        return LimitedRecording(self.source.draw(seed % self.n_recordings))


class LimitedRecording:
    """A recording with as many sets as are made of it in a row."""

    def __init__(self, recording: EventRecording):
        self.recording = recording

    def set(self, index: int):
        """Make one of the sets."""
        return self.recording.set(index % StreamConfig.sets_per_situation)


def n_distinct(stream: StreamConfig, n_sets: int, n_recordings: int) -> tuple[int, int]:
    """Return how many different recordings and sets the first sets of a stream are.

    Parameters
    ----------
    stream : StreamConfig
    n_sets : int
    n_recordings : int
        Of the source; 0: without end.
    """
    seen = set()
    for number in range(n_sets):
        lane, index = number % stream.n_lanes, number // stream.n_lanes
        seed = situation_seed(stream, lane, index // stream.sets_per_situation)
        seen.add((seed % n_recordings if n_recordings else seed, index % stream.sets_per_situation))
    return len({recording for recording, _ in seen}), len(seen)
