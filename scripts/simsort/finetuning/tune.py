"""Training on a recording's own events, half of it rehearsal of what the model knows."""

import copy
import math
import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn import functional

from simsort.finetuning.held_out import NETWORK_SCORES, change, scores_of
from simsort.models.model_folder import Model
from simsort.pretraining.augment import augment
from simsort.pretraining.events import Events
from simsort.pretraining.log import seeded_generator
from simsort.pretraining.losses import loss_of
from simsort.pretraining.recordings import thinned

NEAR_UM = 150.0  # of a channel: the events of a set
WARM_UP = 10
WEIGHT_DECAY, CLIP = 0.01, 1.0
SUREST_NOISE = 0.2  # of what no unit explains, that the model is surest is a spike: missed, perhaps, so not asked for
BLENDS = (1.0, 0.5, 0.25)  # of the way from the old weights to the new (Wortsman et al. 2022, CVPR)


@dataclass(frozen=True, kw_only=True)
class TuneSettings:
    """How to fine-tune; see `simsort.config.stages.Finetuning`."""

    n_steps: int
    n_events: int
    learning_rate: float
    check_steps: int
    patience: int
    until_s: float  # by time.monotonic
    seed: int


@dataclass
class Tuned:
    """What came out: the best networks seen (the old ones where none was better), steps made, and how far from old."""

    model: Model
    steps: int
    blends: dict


def tune(old: Model, takes: list[Events], rehearsal, cases: dict, settings: TuneSettings, device) -> Tuned:
    """Train a copy of a model and return the best of each network that was seen on held-out cases.

    Parameters
    ----------
    old : Model
    takes : list of Events
        Of the recording, each with other injected units, as `taught_by` returns them.
    rehearsal : iterator of Events | None
        Simulated sets; without them the old model's answers on the same events are rehearsed.
    cases : dict
        `{kind: list of Case}` for the choice of the weights.
    settings : TuneSettings
    device : torch.device
    """
    new = unfrozen(old)
    parameters = [*new.detector.parameters(), *new.encoder.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=WEIGHT_DECAY, betas=(0.9, 0.98))
    before = scores_of(old, cases, device)
    gains = dict.fromkeys(NETWORK_SCORES, 0.0)
    best, since, step = Tuned(model=old, steps=0, blends=dict(gains)), 0, 0
    while step < settings.n_steps and since < settings.patience and time.monotonic() < settings.until_s:
        for group in optimizer.param_groups:
            group["lr"] = rate(step, settings)
        events = takes[step % len(takes)]
        loss = (own_loss(new, events, step, settings, device)
                + rehearsal_loss(new, old, events, rehearsal, step, settings, device)) / 2
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.step()
        step += 1
        if step % settings.check_steps == 0 or step == settings.n_steps:
            since += 1
            for blend in BLENDS:
                some = blended(old, new, blend)
                after = scores_of(some, cases, device)
                for network in NETWORK_SCORES:
                    gain = change(before, after, network)
                    if gain > gains[network]:
                        gains[network], since = gain, 0
                        best.model = replace(best.model, **{network: getattr(some, network)})
                        best.blends[network] = blend
    best.steps = step
    return best


def unfrozen(model: Model) -> Model:
    """Return a copy of a model that can be trained."""
    detector, encoder = (copy.deepcopy(net).requires_grad_(True).train() for net in (model.detector, model.encoder))
    return replace(model, detector=detector, encoder=encoder)


def blended(old: Model, new: Model, share: float) -> Model:
    """Return a model with weights so far on the way from old to new."""
    nets = {}
    for name in ("detector", "encoder"):
        net = copy.deepcopy(getattr(old, name))
        target = getattr(new, name).state_dict()
        net.load_state_dict({key: torch.lerp(value, target[key], share) for key, value in net.state_dict().items()})
        nets[name] = net.eval()
    return replace(old, **nets)


def rate(step: int, settings: TuneSettings) -> float:
    """Return the learning rate: a short rise, then a cosine."""
    if step < WARM_UP:
        return settings.learning_rate * (step + 1) / WARM_UP
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * step / settings.n_steps))


def own_loss(new: Model, events: Events, step: int, settings: TuneSettings, device) -> torch.Tensor:
    """Return the loss on some of the recording's events around one channel."""
    some = near_one_channel(events, settings.n_events, np.random.default_rng([settings.seed, step]))
    return loss_on(new, augment(some.to(device), seeded_generator(device, settings.seed, step)))


def rehearsal_loss(new: Model, old: Model, events: Events, rehearsal, step: int, settings: TuneSettings,
                   device) -> torch.Tensor:
    """Return the loss on simulated events, or how far answers are from the old model's."""
    generator = seeded_generator(device, settings.seed, step, 1)
    if rehearsal is not None:
        return loss_on(new, augment(next(rehearsal).to(device), generator))
    some = near_one_channel(events, settings.n_events, np.random.default_rng([settings.seed, step, 1])).to(device)
    given = (some.snippets, some.offsets_um, some.is_there)
    with torch.no_grad():
        taught, places = old.detector(*given), old.encoder(*given)
    said, found = new.detector(*given), new.encoder(*given)
    answers = functional.binary_cross_entropy_with_logits(said.spike_logit, torch.sigmoid(taught.spike_logit))
    return answers + sum(functional.smooth_l1_loss(mine, its) for mine, its in zip(found, places))


def loss_on(model: Model, events: Events) -> torch.Tensor:
    """Return the loss of pretraining on events."""
    given = (events.snippets, events.offsets_um, events.is_there)
    return loss_of(model.detector(*given), model.encoder(*given), events)[0]


def near_one_channel(events: Events, most: int, rng: np.random.Generator) -> Events:
    """Return events around the place of one spike drawn at random."""
    position_um, unit = events.position_um.numpy(), events.unit.numpy()
    centre = position_um[rng.choice(np.flatnonzero(unit >= 0))]
    near = np.linalg.norm(position_um - centre, axis=1) <= NEAR_UM
    return thinned(events.only(torch.as_tensor(np.flatnonzero(near))), most, rng)


@torch.inference_mode()
def taught_by(model: Model, events: Events, device, *, at_a_time: int = 1024) -> Events:
    """Return events to train on, with what the old model adds to the labels.

    Times are its own, the median over a unit's events on a channel, as troughs do not tell the soma's time; what it
    takes for spikes most surely among the noise is not asked for.
    """
    logits, shifts = [], []
    for first in range(0, len(events.unit), at_a_time):
        some = events.only(slice(first, first + at_a_time)).to(device)
        said = model.detector(some.snippets, some.offsets_um, some.is_there)
        logits.append(said.spike_logit.float().cpu()), shifts.append(said.shift_samples.float().cpu())
    logit, shift = torch.cat(logits).numpy(), torch.cat(shifts).numpy()
    unit = events.unit.numpy().copy()
    noise = unit == -1
    if noise.any():
        unit[noise & (logit > np.quantile(logit[noise], 1 - SUREST_NOISE))] = -2
    taught = np.zeros(len(unit), dtype=np.float32)
    place = np.unique(events.position_um.numpy(), axis=0, return_inverse=True)[1].reshape(-1)
    key = unit * (place.max(initial=0) + 1) + place
    for one in np.unique(key[unit >= 0]):
        rows = (key == one) & (unit >= 0)
        taught[rows] = np.median(shift[rows])
    return replace(events, unit=torch.as_tensor(unit), shift_samples=torch.as_tensor(taught))
