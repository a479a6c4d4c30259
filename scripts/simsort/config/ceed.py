"""Settings of CEED's training and of the head for cell types: `simsort pretrain --method ceed` or `cell-types`."""

import dataclasses

from simsort.config.options import option

CHANNELS = (1, 5, 11, 21)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ceed:
    """CEED's contrastive encoder, trained on sorted or simulated recordings: `simsort pretrain --method ceed`."""

    encoder: str = option("mlp", "fully connected layers, or SCAM, a transformer over single samples",
                          choices=("mlp", "scam"))
    n_channels: int = option(11, "channels around the largest one", choices=CHANNELS)
    dim: int = option(5, "dimensions of the embedding", minimum=2, maximum=128)
    n_layers: int | None = option(None, "hidden layers; default: 3, SCAM 20", minimum=1, maximum=48)
    width: int | None = option(None, "width of SCAM, a multiple of 4; default: 64, with one channel 32", minimum=4)
    projector: bool = option(True, "take the embedding of the fully connected layers after a projector")
    geometry: bool = option(False, "tell SCAM where its channels lie")
    shape_only: bool = option(False, "divide each waveform by its largest absolute value, as for cell types")
    batch: int | None = option(None, "spikes of a batch, of each process; default: 512, SCAM with several channels 128",
                               minimum=4)
    n_epochs: int = option(400, "times that each spike is seen, on average", minimum=1)
    n_steps: int | None = option(None, "updates of the weights, in place of epochs", minimum=1)
    learning_rate: float | None = option(None, "of AdamW; default: 1e-3, SCAM with several channels 1e-4", minimum=0.0)
    weight_decay: float = option(1e-4, "of AdamW", minimum=0.0)
    temperature: float | None = option(None, "of the contrast; default: 0.07, SCAM 0.2", minimum=0.001)
    n_units: int = option(400, "units of simulated recordings", minimum=2)
    spikes_per_unit: int = option(200, "most spikes of a unit to train on", minimum=1)
    probe: str = option("neuropixels1", "probe of simulated recordings, by name or a probeinterface file")
    follow_spikes: bool = option(True, "cut a spike around its own deepest channel, not around its unit's")
    only_good: bool = option(False, "of a sorting analyzer take only units whose property quality is good")
    collision: float = option(0.4, "probability that another spike is added", minimum=0.0, maximum=1.0)
    shift: float = option(0.5, "probability of a window not centred on the largest channel", minimum=0.0, maximum=1.0)
    recut: float = option(0.0, "probability of a window cut around the channel that is deepest with more noise",
                          minimum=0.0, maximum=1.0)
    amplitude: float = option(0.7, "probability of another size", minimum=0.0, maximum=1.0)
    jitter: float = option(0.6, "probability of a shift by up to two samples", minimum=0.0, maximum=1.0)
    noise: float = option(0.5, "probability of added noise", minimum=0.0, maximum=1.0)
    checkpoint_steps: int = option(500, "steps between checkpoints; 0: only the last", minimum=0)
    validation_steps: int = option(2000, "steps between scores on spikes kept apart; 0: only the last", minimum=0)
    time_limit_h: float | None = option(None, "hours of training, earlier calls included, after which it ends early "
                                        "with the learning rate let down", minimum=0.0)
    precision: str = option("auto", "auto: bf16 on a GPU, fp32 elsewhere", choices=("auto", "fp32", "bf16"))
    compile: bool = option(False, "compile the network (torch.compile)")
    device: str = option("auto", "auto, cpu, cuda or cuda:N; auto takes a GPU where there is one")
    seed: int = option(0, "seed of weights, recordings and augmentation", minimum=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CellTypes:
    """The head that tells units' kinds, trained on simulated cells: `simsort pretrain --method cell-types`."""

    classes: list = option(["excitatory", "PV", "SST", "VIP", "NGC"], "kinds to tell apart")
    n_units: int = option(4000, "simulated units to train on, as many of each kind", minimum=20)
    least_probability: float = option(0.6, "below it the answer is unsure", minimum=0.0, maximum=1.0)
    seed: int = option(0, "seed of units and weights", minimum=0)
