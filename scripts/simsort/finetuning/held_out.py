"""What a fine-tuned model is judged by: a later part of the recording with injected units, and simulated recordings."""

import numpy as np

from simsort.finetuning.events import Labelled, Labeller
from simsort.pretraining.scores import score
from simsort.pretraining.validation import (FEWEST_SPIKES, GROUP_DISTANCE_UM, GROUP_RADIUS_UM, MOST_GROUPS, Case, Group,
                                            balanced, held_out_cases)
from simsort.sorting.own.traces import SAMPLING_FREQUENCY_HZ as FS

RECORDING, SIMULATED = "recording", "simulated"
SHORTEST_S, CHANNEL_SECONDS = 20.0, 2000.0  # of a held-out part; the memory of its events is bounded by that
SIMULATED_SEEDS = {"choice": 960_000, "verdict": 970_000}
SHOWN = {"detection_f1": "detection F1", "accuracy": "identification, accuracy of the nearest mean",
         "ari": "identification, adjusted Rand index"}
NETWORK_SCORES = {"detector": ("detection_f1",), "encoder": ("accuracy", "ari")}  # each rests on one network alone


def recording_case(labeller: Labeller, start: int, stop: int, seed: int) -> Case:
    """Return the events between two samples, injected units among them, as a case for `pretraining.scores`.

    Asked for are the spikes of injected and of safe units.
    """
    contacts_um = labeller.traces.contacts_um
    longest = max(SHORTEST_S, CHANNEL_SECONDS / len(contacts_um))
    stop = min(stop, start + round(longest * FS))
    hybrids = labeller.hybrids(start, stop, np.random.default_rng([seed, start]))
    every = stop - start  # no limit is reached
    found = labeller.collect(start, stop, most_per_unit=every, most_noise=every, seed=seed, hybrids=hybrids)
    return Case(probe="", events=found.events, spike=found.spike, n_true=found.n_true,
                groups=groups_of(found, contacts_um))


def groups_of(found: Labelled, contacts_um: np.ndarray) -> list[Group]:
    """Return groups of spikes around the channels with most, apart from one another."""
    position_um, unit = found.events.position_um.numpy(), found.events.unit.numpy()
    distance_um = np.linalg.norm(contacts_um[:, None] - position_um[None, unit >= 0], axis=2)
    counts = (distance_um < 1.0).sum(axis=1)
    groups, centres = [], []
    for channel in np.argsort(-counts, kind="stable").tolist():
        apart = all(np.linalg.norm(contacts_um[channel] - contacts_um[other]) > GROUP_DISTANCE_UM for other in centres)
        if len(groups) == MOST_GROUPS or not apart:
            continue
        near = np.linalg.norm(position_um - contacts_um[channel], axis=1) <= GROUP_RADIUS_UM
        names, n_spikes = np.unique(unit[near & (unit >= 0)], return_counts=True)
        if (n_spikes >= FEWEST_SPIKES).sum() < 2:
            continue
        rows = balanced(np.flatnonzero(near & (unit >= 0)), unit)
        centres.append(channel)
        groups.append(Group(rows=rows, unit=unit[rows], traces=np.zeros((len(rows), 0))))
    return groups


def simulated_cases(held_out_cells, form, n_recordings: int, purpose: str) -> list[Case]:
    """Return the fixed simulated recordings, for the choice among weights or for the verdict; none without cells."""
    if held_out_cells is None:
        return []
    return held_out_cases(held_out_cells, form, n_recordings=n_recordings, first_seed=SIMULATED_SEEDS[purpose])


def scores_of(model, cases: dict, device) -> dict:
    """Return `{kind: {name: score}}` of a model's networks for every kind of cases, by the names of `SHOWN`."""
    shown = {}
    for kind, some in cases.items():
        if not some:
            continue
        full = score(model.detector, model.encoder, some, device, with_baselines=False)
        full["ari"] = (full["ari_kmeans"] + full["ari_gmm"]) / 2
        shown[kind] = {name: round(full[name], 4) for name in SHOWN}
    return shown


def change(before: dict, after: dict, network: str) -> float:
    """Return the mean change of a network's scores, losses counted twice."""
    changes = np.array([after[kind][name] - before[kind][name] for kind in before for name in NETWORK_SCORES[network]])
    return float((changes + np.minimum(changes, 0)).mean())


def loss_in_words(before: dict, after: dict, network: str) -> str:
    """Return the first of a network's scores that falls, or that none rises; empty for a gain without a loss."""
    for kind in before:
        for name in NETWORK_SCORES[network]:
            was, is_now = before[kind][name], after[kind][name]
            if is_now < was:
                return f"{SHOWN[name]} on the held-out {kind} part fell from {was:.4f} to {is_now:.4f}"
    return "" if change(before, after, network) > 0 else "no score rose"
