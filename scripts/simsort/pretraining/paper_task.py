"""SimSort as published: a transformer over samples and a GRU, each with its own loss."""

import dataclasses
from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from simsort.models.paper import PAPER_FORM, PaperDetector, PaperDetectorConfig, PaperEncoder, PaperEncoderConfig
from simsort.pretraining.paper_data import (DETECTION_NOISE, DETECTION_SHARE, IDENTITY_NOISE_UV, IDENTITY_SHARE,
                                            SET_S, PaperSource, centres_of_runs, disturbed)
from simsort.pretraining.scores import identification
from simsort.pretraining.validation import SEED, Group, balanced

MATCH_SAMPLES = 10  # 1 ms, as published
WINDOWS_AT_A_TIME = 4
PROBABILITIES = (0.5, 0.8, 0.9, 0.97)
DETECTOR_RATE, ENCODER_RATE, WEIGHT_DECAY = 5e-4, 1e-3, 1e-5


class PaperNets(nn.Module):
    """Both networks with their losses.

    Parameters
    ----------
    detector : PaperDetectorConfig
    encoder : PaperEncoderConfig
    """

    def __init__(self, detector: PaperDetectorConfig, encoder: PaperEncoderConfig):
        super().__init__()
        self.detector, self.encoder = PaperDetector(PAPER_FORM, detector), PaperEncoder(PAPER_FORM, encoder)

    def forward(self, made, autocast) -> tuple[torch.Tensor, dict]:
        """Return the loss of a set and its parts."""
        with autocast:
            logit = self.detector(made.traces)
        n_spike = made.is_spike.sum().clamp(min=1)
        weight = (made.is_spike.numel() - n_spike) / n_spike
        detection = functional.binary_cross_entropy_with_logits(logit, made.is_spike, pos_weight=weight)
        triplet = sum(parameter.sum() for parameter in self.encoder.parameters()) * 0
        if len(made.unit):
            embedding = self.encoder(made.waveforms_uv)
            triplet = functional.triplet_margin_loss(*embedding.chunk(3), margin=1.0)
        total = detection + triplet
        return total, dict(loss=total, detection=detection, triplet=triplet)

    def compile_parts(self) -> None:
        """Compile the detector; its windows are all of one size."""
        self.detector.compile()


class PaperTask:
    """The published networks on the published kind of data; see `SpikeTask`."""

    name = "paper"

    def __init__(self, train, held_out, detector: PaperDetectorConfig, encoder: PaperEncoderConfig, *,
                 n_windows: int = 32, n_validation: int = 4):
        self.train_cells, self.held_out, self.n_windows, self.n_validation = train, held_out, n_windows, n_validation
        self.form, self.detector, self.encoder = PAPER_FORM, detector, encoder

    def describe(self) -> dict:
        """Return what the weights depend on, as JSON can hold it."""
        return dict(name=self.name, form=self.form.as_dict(), detector=dataclasses.asdict(self.detector),
                    encoder=dataclasses.asdict(self.encoder), n_windows=self.n_windows, n_cells=len(self.train_cells))

    def nets(self) -> PaperNets:
        """Return new networks."""
        return PaperNets(self.detector, self.encoder)

    def groups(self, nets: PaperNets) -> list[dict]:
        """Return parameter groups with the published rates."""
        return [dict(params=list(nets.detector.parameters()), lr_peak=DETECTOR_RATE, weight_decay=WEIGHT_DECAY,
                     schedule="cosine"),
                dict(params=list(nets.encoder.parameters()), lr_peak=ENCODER_RATE, weight_decay=WEIGHT_DECAY,
                     schedule="constant")]

    def source(self, render_device: str = "cpu") -> PaperSource:
        """Return where recordings come from."""
        return PaperSource(self.train_cells, n_windows=self.n_windows, device=render_device)

    def prepare(self, made, generator: torch.Generator):
        """Return a set with the published augmentation."""
        traces = disturbed(made.traces, DETECTION_SHARE, 0.0, DETECTION_NOISE, generator)
        waveforms_uv = disturbed(made.waveforms_uv, IDENTITY_SHARE, 0.5, IDENTITY_NOISE_UV, generator)
        return replace(made, traces=traces, waveforms_uv=waveforms_uv)

    def n_items(self, made) -> int:
        """Return the number of spikes of a set."""
        return len(made.time)

    def amounts(self, made) -> dict:
        """Return how many spikes and seconds of recordings a set brings."""
        return dict(spikes=len(made.time), seconds=SET_S)

    def validate(self, nets: PaperNets, device) -> dict:
        """Return scores on held-out cells."""
        return score_paper(nets.detector, nets.encoder, self.held_out, device, n_recordings=self.n_validation)


@torch.inference_mode()
def score_paper(detector, encoder, cells, device="cpu", *, n_recordings: int = 4, first_seed: int = SEED) -> dict:
    """Return scores on recordings of cells, by the names of `scores.score`."""
    was_training = detector.training
    detector.eval(), encoder.eval()
    found: dict = {}
    for index in range(n_recordings):
        made = PaperSource(cells).draw(first_seed + index).make(0, triplets=False)
        probability = torch.cat([torch.sigmoid(detector(part.to(device))).cpu().flatten()
                                 for part in made.traces.split(WINDOWS_AT_A_TIME)])
        found.setdefault("detection_f1", []).append(max(
            f1_of(centres_of_runs(probability > least), made.time) for least in PROBABILITIES))
        unit = made.unit.numpy()
        rows = balanced(np.arange(len(unit)), unit)
        if len(np.unique(unit[rows])) < 2:
            continue
        waveforms_uv = made.waveforms_uv[torch.as_tensor(rows)]
        group = Group(rows=rows, unit=unit[rows], traces=waveforms_uv.flatten(1).numpy())
        for name, value in identification(encoder(waveforms_uv.to(device)).cpu().numpy(), group).items():
            found.setdefault(name, []).append(value)
    detector.train(was_training), encoder.train(was_training)
    return {name: float(np.mean(values)) for name, values in found.items()}


def f1_of(found: torch.Tensor, true: torch.Tensor) -> float:
    """Return the F1 score of times (n,) within 1 ms of true ones."""
    if not len(found) or not len(true):
        return 0.0
    near = (found[:, None] - true[None]).abs() <= MATCH_SAMPLES
    precision, recall = near.any(dim=1).float().mean(), near.any(dim=0).float().mean()
    return float(2 * precision * recall / (precision + recall).clamp(min=1e-9))
