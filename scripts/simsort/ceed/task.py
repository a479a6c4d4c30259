"""What CEED trains: one encoder, on two views of each spike of a batch."""

import dataclasses

import numpy as np
import torch
from torch import nn

from simsort.ceed.augment import Augmentation, SpikeBatch, Tables, view_of
from simsort.ceed.embed import embed
from simsort.ceed.loss import info_nce
from simsort.ceed.scores import scores_of
from simsort.ceed.spikes import LabelledSpikes
from simsort.models.ceed import MlpConfig, MlpEncoder, ScamConfig, ScamEncoder

BATCH_STREAM = 304
VALIDATION_UNITS, VALIDATION_FITS = 10, 5


class CeedNets(nn.Module):
    """The encoder with its loss.

    Parameters
    ----------
    form : CeedForm
    config : MlpConfig | ScamConfig
    temperature : float
    """

    def __init__(self, form, config, temperature: float):
        super().__init__()
        self.encoder = (MlpEncoder if isinstance(config, MlpConfig) else ScamEncoder)(form, config)
        self.temperature = temperature

    def forward(self, views, autocast) -> tuple[torch.Tensor, dict]:
        """Return the loss of two views of some spikes, and its parts."""
        with autocast:
            compared = [self.encoder.contrast(view.waveforms, view.offsets_um) for view in views]
        loss = info_nce(*compared, self.temperature)
        return loss, dict(loss=loss)

    def compile_parts(self) -> None:
        """Compile the encoder; batches are all of one size."""
        self.encoder.compile()


class SpikeSource:
    """Draws batches of stored spikes; see `simsort.pretraining.stream.Lane`.

    Parameters
    ----------
    spikes : LabelledSpikes
    batch : int
    """

    def __init__(self, spikes: LabelledSpikes, batch: int):
        self.spikes, self.batch, self.seed = spikes, batch, 0

    def draw(self, seed: int) -> "SpikeSource":
        """Return a source of batches of its own."""
        other = SpikeSource(self.spikes, self.batch)
        other.seed = seed
        return other

    def set(self, index: int) -> SpikeBatch:
        """Return a batch of different spikes; the same for the same seed and index."""
        rng = np.random.default_rng([self.seed, index, BATCH_STREAM])
        rows = rng.choice(len(self.spikes), size=self.batch, replace=False)
        return SpikeBatch(**{name: torch.as_tensor(getattr(self.spikes, name)[rows])
                             for name in ("waveforms", "unit", "recording", "row")})


class CeedTask:
    """CEED on a set of spikes; see `simsort.pretraining.task.SpikeTask`.

    Parameters
    ----------
    train, held_out : LabelledSpikes
        Spikes to train on, and others of the same units.
    config : MlpConfig | ScamConfig
    how : Augmentation
    batch : int
    temperature : float
    shape_only : bool, default: False
    """

    name = "ceed"

    def __init__(self, train: LabelledSpikes, held_out: LabelledSpikes, config: MlpConfig | ScamConfig,
                 how: Augmentation, *, batch: int, temperature: float, shape_only: bool = False):
        self.train, self.held_out, self.config, self.how = train, held_out, config, how
        self.batch, self.temperature = batch, temperature
        self.form = dataclasses.replace(train.form, shape_only=shape_only)
        self.tables: dict = {}

    def describe(self) -> dict:
        """Return what the weights depend on, as JSON can hold it."""
        return dict(name=self.name, form=self.form.as_dict(), encoder=dataclasses.asdict(self.config),
                    kind=type(self.config).__name__, how=dataclasses.asdict(self.how), batch=self.batch,
                    temperature=self.temperature, n_spikes=len(self.train), n_units=self.train.n_units,
                    sum=round(float(np.abs(self.train.waveforms[:1000]).sum(dtype=np.float64)), 3))

    def nets(self) -> CeedNets:
        """Return a new network."""
        return CeedNets(self.form, self.config, self.temperature)

    def groups(self, nets: CeedNets) -> list[dict]:
        """Return the parameters for the optimizer."""
        return [dict(params=list(nets.parameters()), schedule="cosine")]

    def source(self, render_device: str = "cpu") -> SpikeSource:
        """Return where batches come from."""
        return SpikeSource(self.train, self.batch)

    def prepare(self, batch: SpikeBatch, generator: torch.Generator) -> tuple[SpikeBatch, SpikeBatch]:
        """Return two views of a batch, made on the device that it is on."""
        device = str(batch.waveforms.device)
        if device not in self.tables:
            self.tables[device] = Tables.of(self.train, device)
        first, second = (view_of(batch, self.tables[device], self.form, self.how, generator) for _ in range(2))
        return first, second

    def n_items(self, batch: SpikeBatch) -> int:
        """Return the number of spikes of a batch."""
        return len(batch.unit)

    def amounts(self, batch: SpikeBatch) -> dict:
        """Return how many spikes a batch brings."""
        return dict(spikes=len(batch.unit))

    def validate(self, nets: CeedNets, device) -> dict:
        """Return scores on other spikes of the ten units that have most of them; none with fewer than two units."""
        names, counts = np.unique(self.held_out.unit, return_counts=True)
        units = names[np.argsort(-counts, kind="stable")][:VALIDATION_UNITS]
        spikes = self.held_out.of_units(units)
        if len(units) < 2 or len(spikes) < 10 * len(units):
            return {}
        found = scores_of(embed(nets.encoder, spikes, device), spikes.unit, n_fits=VALIDATION_FITS)
        return dict(ari_gmm=found["ari"], knn=found["knn"])
