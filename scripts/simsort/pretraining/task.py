"""What is trained: the detector and the encoder on the same events."""

import dataclasses

import torch
from torch import nn

from simsort.models.detector import Detector, DetectorConfig
from simsort.models.encoder import Encoder, EncoderConfig
from simsort.models.input_form import InputForm
from simsort.pretraining.augment import augment
from simsort.pretraining.losses import loss_of
from simsort.pretraining.recordings import EventSource
from simsort.pretraining.scores import score
from simsort.pretraining.validation import held_out_cases


class SpikeNets(nn.Module):
    """Both networks with their losses: one module, so that one gradient step serves both.

    Parameters
    ----------
    form : InputForm
    detector : DetectorConfig
    encoder : EncoderConfig
    """

    def __init__(self, form: InputForm, detector: DetectorConfig, encoder: EncoderConfig):
        super().__init__()
        self.detector, self.encoder = Detector(form, detector), Encoder(form, encoder)

    def forward(self, events, autocast) -> tuple[torch.Tensor, dict]:
        """Return the loss of events and its parts; `autocast` is a context for the networks alone."""
        given = (events.snippets, events.offsets_um, events.is_there)
        with autocast:
            detection, embedding = self.detector(*given), self.encoder(*given)
        return loss_of(detection, embedding, events)

    def compile_parts(self) -> None:
        """Compile what is worth it; the number of events and channels changes from set to set."""
        self.detector.trunk.compile(dynamic=True)
        self.encoder.trunk.compile(dynamic=True)


class SpikeTask:
    """Detector and encoder on fresh recordings of any probe.

    Parameters
    ----------
    train, held_out : Cells
    form : InputForm
    detector : DetectorConfig
    encoder : EncoderConfig
    n_events : int, default: 768
        Most events of a set.
    n_validation : int, default: 4
        Held-out recordings.
    """

    name = "spikes"

    def __init__(self, train, held_out, form: InputForm, detector: DetectorConfig, encoder: EncoderConfig, *,
                 n_events: int = 768, n_validation: int = 4):
        self.train_cells, self.held_out, self.n_events, self.n_validation = train, held_out, n_events, n_validation
        self.form, self.detector, self.encoder = form, detector, encoder
        self.cases = None

    def describe(self) -> dict:
        """Return what the weights depend on, as JSON can hold it."""
        return dict(name=self.name, form=self.form.as_dict(), detector=dataclasses.asdict(self.detector),
                    encoder=dataclasses.asdict(self.encoder), n_events=self.n_events, n_cells=len(self.train_cells))

    def nets(self) -> SpikeNets:
        """Return new networks."""
        return SpikeNets(self.form, self.detector, self.encoder)

    def groups(self, nets: SpikeNets) -> list[dict]:
        """Return parameter groups for the optimizer: only matrices are kept small."""
        parameters = list(nets.parameters())
        return [dict(params=[p for p in parameters if p.ndim > 1], schedule="cosine"),
                dict(params=[p for p in parameters if p.ndim <= 1], weight_decay=0.0, schedule="cosine")]

    def source(self, render_device: str = "cpu") -> EventSource:
        """Return where recordings come from."""
        return EventSource(self.train_cells, self.form, n_events=self.n_events, device=render_device)

    def prepare(self, events, generator: torch.Generator):
        """Return events, on the device they are used on, as the networks shall see them."""
        return augment(events, generator)

    def n_items(self, events) -> int:
        """Return the number of events of a set."""
        return len(events.unit)

    def amounts(self, events) -> dict:
        """Return how many spikes and seconds of recordings a set brings."""
        return dict(spikes=int((events.unit >= 0).sum()), seconds=events.duration_s)

    def validate(self, nets: SpikeNets, device) -> dict:
        """Return scores on held-out cells and probes."""
        if self.cases is None:
            self.cases = held_out_cases(self.held_out, self.form, n_recordings=self.n_validation)
        return score(nets.detector, nets.encoder, self.cases, device)
