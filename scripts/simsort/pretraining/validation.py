"""Held-out recordings with their truth: cell types and probes that are never trained on."""

from dataclasses import dataclass

import numpy as np
import torch

from simsort.models.candidates import cut_snippets
from simsort.models.input_form import InputForm
from simsort.pretraining.events import LEAST_SNR, EventMaker, Events, Troughs
from simsort.pretraining.variety import HELD_OUT_PROBES, draw_situation

SEED = 900_000  # of the first held-out recording
N_WINDOWS = 24  # of a recording, about a second each
GROUP_RADIUS_UM, GROUP_DISTANCE_UM, MOST_GROUPS = 50.0, 80.0, 3
FEWEST_SPIKES, MOST_SPIKES, MOST_UNITS = 12, 80, 10


@dataclass(frozen=True, kw_only=True)
class Group:
    """Spikes of a few units near one channel.

    Parameters
    ----------
    rows : array, (n,)
        Of the case's events.
    unit : array, (n,)
    traces : array, (n, n_channels * n_samples)
        The same spikes on the same channels, as a classical sorter would take them.
    """

    rows: np.ndarray
    unit: np.ndarray
    traces: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Case:
    """One held-out recording.

    Parameters
    ----------
    probe : str
    events : Events
    spike : array, (n_events,)
        True spike of each event, -1 for none.
    n_true : int
        True spikes that should be found.
    groups : list of Group
    """

    probe: str
    events: Events
    spike: np.ndarray
    n_true: int
    groups: list


def held_out_cases(cells, form: InputForm, *, n_recordings: int = 4, first_seed: int = SEED,
                   probes: tuple = HELD_OUT_PROBES) -> list[Case]:
    """Make held-out recordings, the probes in turn.

    Parameters
    ----------
    cells : Cells
        Of the held-out types.
    form : InputForm
    n_recordings : int, default: 4
    first_seed : int
    probes : tuple of str

    Returns
    -------
    cases : list of Case
    """
    return [make_case(draw_situation(cells, first_seed + index, probes=(probes[index % len(probes)],)), form)
            for index in range(n_recordings)]


def make_case(situation, form: InputForm) -> Case:
    """Render one recording and find its events."""
    maker = EventMaker(situation, form)
    batch, whitened = maker.windows(N_WINDOWS, seed=0)
    events, troughs = maker.events(batch, whitened)
    times = torch.remainder(maker.spike_times(batch), maker.length)
    snr = (batch.amplitudes_uv / maker.noise_uv.clamp(min=1e-6)).amax(dim=1) if len(times) else times
    n_true = int(((snr >= LEAST_SNR) & (times >= maker.edge) & (times < maker.length - maker.edge)).sum())
    return Case(probe=situation.probe, events=events, spike=troughs.spike.numpy(), n_true=n_true,
                groups=groups_of(maker, whitened, events, troughs))


def groups_of(maker: EventMaker, whitened: torch.Tensor, events: Events, troughs: Troughs) -> list[Group]:
    """Return groups of spikes around the channels with most, apart from one another."""
    contacts_um, position_um = maker.plan.contacts_um, events.position_um.numpy()
    unit, groups, centres = events.unit.numpy(), [], []
    counts = np.bincount(troughs.channel[events.unit >= 0].numpy(), minlength=len(contacts_um))
    for channel in np.argsort(-counts, kind="stable").tolist():
        apart = all(np.linalg.norm(contacts_um[channel] - contacts_um[other]) > GROUP_DISTANCE_UM for other in centres)
        if len(groups) == MOST_GROUPS or not apart:
            continue
        near = np.linalg.norm(position_um - contacts_um[channel], axis=1) <= GROUP_RADIUS_UM
        rows = balanced(np.flatnonzero(near & (unit >= 0)), unit)
        if len(np.unique(unit[rows])) < 2:
            continue
        centres.append(channel)
        index = torch.as_tensor(rows)
        traces = cut_snippets(whitened, maker.channels, maker.is_there, troughs.window[index],
                              torch.full((len(rows),), channel), troughs.sample[index], maker.form.n_before,
                              maker.form.n_samples)
        groups.append(Group(rows=rows, unit=unit[rows], traces=traces.flatten(1).numpy()))
    return groups


def balanced(rows: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Return rows of the units with most spikes, no more than `MOST_SPIKES` of each."""
    names, counts = np.unique(unit[rows], return_counts=True)
    names = names[np.argsort(-counts, kind="stable")][: min(MOST_UNITS, int((counts >= FEWEST_SPIKES).sum()))]
    kept = [rows[unit[rows] == name][:MOST_SPIKES] for name in names]
    return np.sort(np.concatenate(kept)) if kept else rows[:0]
