"""What is no table of trainings: times, subsets of units, embeddings under changes, other recordings, attention."""

import time
from pathlib import Path

import numpy as np
import torch

from simsort.benchmarks.representations.attention import measure_attention
from simsort.benchmarks.representations.conditions import (
    CASE_SPIKES, CHANGES, MLP, PUBLISHED_TIMES, SUBSET_FITS, Condition)
from simsort.benchmarks.representations.data import (
    NAMING_SPIKES, UNSEEN_SEED, Recordings, UnitSet, order_in_unit, six_sets, tested_part)
from simsort.benchmarks.representations.trained_units import spikes_not_trained_on
from simsort.benchmarks.representations.training import Amount, baseline, chosen_spikes, embedder, trainer_of
from simsort.ceed.augment import Augmentation, SpikeBatch, Tables, view_of
from simsort.ceed.embed import embed
from simsort.ceed.scores import gmm_aris, scores_of
from simsort.ceed.spikes import BY_SPIKE, LabelledSpikes
from simsort.errors import UserError, one_line
from simsort.models.ceed_folder import CeedModel, load_ceed

SUBSET_SIZES, N_SUBSETS = (3, 5, 10), 100
PROBABILITIES = (0.0, 0.25, 0.5, 0.75, 1.0)
TIMED_STEPS = 3
CPU_BATCH = 16  # of SCAM, whose memory grows with it; so does its time
FAMILIES = (("mearec-32", False, 0), ("mearec-32", True, 0), ("emouse-noise", False, 0), ("emouse-noise", True, 0),
            ("emouse-hybrid", False, 0))  # and whether they drift, and the seed
CASE_FEWEST_SPIKES, CASE_SNR = 50, 3.0
SHOWN_SPIKES = 40  # of a unit, in figure S5


def run(part: str, data: Recordings, amount: Amount, n_fits: int, folder: Path) -> dict:
    """Run one of `s6`, `subsets`, `changes`, `attention`."""
    if part == "attention":
        return measure_attention(amount.device)
    if part == "s6":
        return times(data, amount)
    function, facts = embedder(MLP, data, data.sets(), amount, folder / "trainings")
    if part == "subsets":
        return subsets(function, data) | {"facts": facts}
    return changes(function, data) | {"facts": facts}


def score_model(model: Path | None, data: Recordings, device: str, n_fits: int) -> dict:
    """Score trained weights on an unseen recording, the sets of table S9, and on other spikes of what they saw."""
    loaded = load_ceed(model, device)
    sets = data.sets_of("unseen")
    every = data.spikes("unseen", loaded.form.n_channels)
    scored = tested_part(every, np.arange(len(every.unit_names)), NAMING_SPIKES)
    found = [score_set(loaded, one, scored, device, n_fits) for one in sets]
    trained = score_trained_units(loaded, data, device, n_fits) if data.unseen_seed == UNSEEN_SEED else {}
    facts = {name: loaded.note["training"].get(name) for name in ("steps_done", "epochs_done")} | loaded.note["data"]
    return {"sets": found, "facts": facts, "architecture": loaded.note["architecture"], "unseen_seed": data.unseen_seed,
            **trained}


def score_set(loaded: CeedModel, one: UnitSet, scored: LabelledSpikes, device: str, n_fits: int) -> dict:
    """Score trained weights and denoised components on a set."""
    spikes = scored.only(np.isin(scored.unit, one.units(scored)))
    return {"set": one.describe(), "n_spikes": len(spikes), **score_both(loaded, spikes, device, n_fits)}


def score_both(loaded: CeedModel, spikes: LabelledSpikes, device: str, n_fits: int) -> dict:
    """Return the scores of trained weights, `ceed`, and of denoised components, `pca`."""
    ways = {"ceed": embed(loaded.encoder, spikes, device), "pca": baseline(spikes, 5)}
    return {name: scores_of(features, spikes.unit, n_fits=n_fits, automatic=True) for name, features in ways.items()}


def score_trained_units(loaded: CeedModel, data: Recordings, device: str, n_fits: int) -> dict:
    """Score spikes of the units that weights were trained on, in sets drawn as those of table S9."""
    try:
        others = spikes_not_trained_on(loaded, data)
        sets = six_sets(others, "in distribution", 4000)
    except UserError as error:  # other cells, or weights of sorted recordings
        return {"trained_units": {"reason": one_line(error)}}
    return {"trained_units": {"sets": [score_set(loaded, one, others, device, n_fits) for one in sets]}}


def times(data: Recordings, amount: Amount) -> dict:
    """Measure a few steps of both encoders for each row of table S6; an epoch is so many of them."""
    found = []
    for words, n_units, n_spikes, n_channels, scam_s, mlp_s in PUBLISHED_TIMES:
        row = {"words": words, "published": {"scam": scam_s, "mlp": mlp_s}}
        for encoder, batch in (("scam", 128), ("mlp", 512)):
            what = Condition(encoder=encoder, n_channels=n_channels, batch=batch,
                             n_layers=20 if encoder == "scam" else 3)
            train = chosen_spikes(what, data, {})
            timed = min(CPU_BATCH if encoder == "scam" and amount.device == "cpu" else batch, len(train))
            row[encoder] = step_s(what, train, timed, amount) * n_units * n_spikes / timed
        found.append(row)
    return {"rows": found, "device": amount.device}


def step_s(what: Condition, train, batch: int, amount: Amount) -> float:
    """Return the seconds of a step, the fastest of a few after the first."""
    import tempfile

    from simsort.pretraining.stream import SetStream

    with tempfile.TemporaryDirectory() as folder:
        trainer = trainer_of(what, train, TIMED_STEPS + 1, batch, amount, Path(folder))
        stream, seconds = SetStream(trainer.task.source(), trainer.config.stream, n_workers=0), []
        for _ in range(TIMED_STEPS + 1):
            started = time.perf_counter()
            trainer.update(stream)
            if torch.device(amount.device).type == "cuda":
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - started)
    return min(seconds[1:])


def subsets(function, data: Recordings) -> dict:
    """Score random subsets of the units trained on, as figure S4."""
    spikes = data.spikes("train")
    spikes = tested_part(spikes, np.arange(len(spikes.unit_names)), 200)
    names, counts = np.unique(spikes.unit, return_counts=True)
    usable = names[counts >= 20]
    embedding = function(spikes)
    found: dict = {}
    for size in SUBSET_SIZES:
        for seed in range(N_SUBSETS):
            units = np.random.default_rng([size, seed]).choice(usable, size, replace=False)
            rows = np.flatnonzero(np.isin(spikes.unit, units))
            some = spikes.only(rows)
            ours = gmm_aris(embedding[rows], some.unit, n_fits=SUBSET_FITS, seed=seed).mean()
            pca = gmm_aris(baseline(some, 5), some.unit, n_fits=SUBSET_FITS, seed=seed).mean()
            found.setdefault(str(size), []).append([float(ours), float(pca)])
    return {"subsets": found}


def changes(function, data: Recordings) -> dict:
    """Embed spikes of the in-distribution set under each change at rising probability, as figure S5.

    `moved` is the root mean square distance to the embedding of the unchanged spike over that between units' means;
    `grid` holds for each change and probability the first two principal components of the unchanged ones, of some
    spikes; `unit` their units.
    """
    from dataclasses import replace

    from sklearn.decomposition import PCA

    spikes = data.spikes("train")
    some = tested_part(spikes, data.sets()["id"][0].units(spikes), 200)
    before = function(some)
    means = np.stack([before[some.unit == unit].mean(axis=0) for unit in np.unique(some.unit)])
    spread = np.sqrt(((means - means.mean(axis=0)) ** 2).sum(axis=1).mean() * 2)
    model = PCA(2, random_state=0).fit(before)
    tables, moved, grid, shown = Tables.of(some, "cpu"), {}, {}, order_in_unit(some) < SHOWN_SPIKES
    batch = SpikeBatch(**{name: torch.as_tensor(getattr(some, name)) for name in BY_SPIKE})
    wide = np.zeros_like(some.waveforms)
    for name in CHANGES:
        for probability in PROBABILITIES:
            how = replace(Augmentation.without(*CHANGES), **{name: probability})
            view = view_of(batch, tables, some.form, how, torch.Generator().manual_seed(0))
            changed = wide.copy()
            changed[:, some.form.reach:some.form.reach + some.form.n_channels] = view.waveforms.numpy()
            after = function(replace(some, waveforms=changed))
            moved.setdefault(name, []).append(float(np.sqrt(((after - before) ** 2).sum(axis=1).mean()) / spread))
            grid.setdefault(name, []).append(model.transform(after[shown]).astype(float).round(3).tolist())
    return {"moved": moved, "grid": grid, "unit": some.unit[shown].tolist(), "probabilities": list(PROBABILITIES)}


def score_cases(model: Path | None, folder: Path, device: str, n_fits: int) -> dict:
    """Score trained weights on other generators' recordings: MEArec, and real mean spikes in noise (SIMSORT_DATA)."""
    from spikeinterface import load

    from simsort.benchmarks.sorters.cases.families import FAMILIES as MAKERS
    from simsort.benchmarks.sorters.cases.families import prepare_case

    loaded, found = load_ceed(model, device), []
    for family, drifting, seed in FAMILIES:
        words = f"{MAKERS[family].what}, {'drifting' if drifting else 'static'}"
        try:
            case = prepare_case(family, drifting, seed, folder / "cases", folder)
        except UserError as error:  # no data folder
            found.append({"words": words, "reason": str(error)})
            continue
        found.append({"words": words, **score_case(loaded, load(case / "recording"), load(case / "ground_truth"), seed,
                                                   device, n_fits)})
    return {"cases": found}


def score_case(loaded: CeedModel, recording, truth, seed: int, device: str, n_fits: int) -> dict:
    """Score ten strong units of a recording; `reason` where there are not two to tell apart."""
    from simsort.ceed.extract import spikes_of

    main = dict(zip(truth.unit_ids, truth.get_property("best_channel").tolist()))
    counts = truth.count_num_spikes_per_unit(outputs="array")
    strong = np.flatnonzero((truth.get_property("snr") >= CASE_SNR) & (counts >= CASE_FEWEST_SPIKES))
    if len(strong) < 2:
        return {"reason": f"units of SNR {CASE_SNR:g} or more with {CASE_FEWEST_SPIKES} spikes: {len(strong)}"}
    units = truth.unit_ids[np.sort(np.random.default_rng(seed).permutation(strong)[:10])]
    spikes = spikes_of(recording, truth.select_units(units), {unit: main[unit] for unit in units}, loaded.form,
                       spikes_per_unit=CASE_SPIKES, seed=seed)
    return {"n_units": len(units), "snr": [float(spikes.snr.min()), float(spikes.snr.max())],
            **score_both(loaded, spikes, device, n_fits)}
