"""What is no table of trainings: times, subsets of units, embeddings under changes, other recordings, attention."""

import time
from pathlib import Path

import numpy as np
import torch

from simsort.benchmarks.representations.conditions import CHANGES, MLP, PUBLISHED_TIMES, Condition
from simsort.benchmarks.representations.data import Recordings, tested_part
from simsort.benchmarks.representations.training import Amount, baseline, chosen_spikes, embedder, trainer_of
from simsort.ceed.augment import Augmentation, SpikeBatch, Tables, view_of
from simsort.ceed.embed import embed
from simsort.ceed.scores import gmm_aris, scores_of
from simsort.ceed.spikes import BY_SPIKE
from simsort.models.ceed_folder import load_ceed

SUBSET_SIZES, N_SUBSETS = (3, 5, 10), 100
SUBSET_FITS = 3
PROBABILITIES = (0.0, 0.25, 0.5, 0.75, 1.0)
TIMED_STEPS = 3
CPU_BATCH = 16  # of SCAM, whose memory grows with it; so does its time
ATTENTION_BATCH = {"cpu": 2, "cuda": 64}
REPEATS = 4
FAMILIES = (("mearec-32", False, 0), ("mearec-32", True, 0), ("emouse-noise", False, 0), ("emouse-noise", True, 0),
            ("emouse-hybrid", False, 0))  # and whether they drift, and the seed
CASE_SPIKES = 300


def run(part: str, data: Recordings, amount: Amount, n_fits: int, folder: Path) -> dict:
    """Run one of `s6`, `subsets`, `changes`, `attention`."""
    if part == "attention":
        return attention(amount.device)
    if part == "s6":
        return times(data, amount)
    function, facts = embedder(MLP, data, data.sets(), amount, folder / "trainings")
    if part == "subsets":
        return subsets(function, data) | {"facts": facts}
    return changes(function, data) | {"facts": facts}


def score_model(model: Path | None, data: Recordings, device: str, n_fits: int) -> dict:
    """Score trained weights on an unseen recording, the sets of table S9."""
    loaded = load_ceed(model, device)
    sets, found = data.sets_of("unseen"), []
    for one in sets:
        every = data.spikes("unseen", loaded.form.n_channels)
        spikes = tested_part(every, one.units(every), 200)
        found.append({"set": one.describe(), "ceed": scores_of(embed(loaded.encoder, spikes, device), spikes.unit,
                                                              n_fits=n_fits, automatic=True),
                      "pca": scores_of(baseline(spikes, 5), spikes.unit, n_fits=n_fits, automatic=True)})
    facts = {name: loaded.note["training"].get(name) for name in ("steps_done", "epochs_done")} | loaded.note["data"]
    return {"sets": found, "facts": facts, "architecture": loaded.note["architecture"]}


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
    `points` are two principal components of the unchanged ones.
    """
    from dataclasses import replace

    from sklearn.decomposition import PCA

    spikes = data.spikes("train")
    some = tested_part(spikes, data.sets()["id"][0].units(spikes), 200)
    before = function(some)
    means = np.stack([before[some.unit == unit].mean(axis=0) for unit in np.unique(some.unit)])
    spread = np.sqrt(((means - means.mean(axis=0)) ** 2).sum(axis=1).mean() * 2)
    model = PCA(2, random_state=0).fit(before)
    tables, moved, points = Tables.of(some, "cpu"), {}, {"none": model.transform(before).tolist()}
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
            if probability == 1.0:
                points[name] = model.transform(after).tolist()
    return {"moved": moved, "points": points, "unit": some.unit.tolist(), "probabilities": list(PROBABILITIES)}


def score_cases(model: Path | None, folder: Path, device: str, n_fits: int) -> dict:
    """Score trained weights on other generators' recordings: MEArec, and real mean spikes in noise (SIMSORT_DATA)."""
    from spikeinterface import load

    from simsort.benchmarks.sorters.cases.families import FAMILIES as MAKERS
    from simsort.benchmarks.sorters.cases.families import prepare_case
    from simsort.ceed.extract import spikes_of
    from simsort.errors import UserError

    loaded, found = load_ceed(model, device), []
    for family, drifting, seed in FAMILIES:
        words = f"{MAKERS[family].what}, {'drifting' if drifting else 'static'}"
        try:
            case = prepare_case(family, drifting, seed, folder / "cases", folder)
        except UserError as error:  # no data folder
            found.append({"words": words, "reason": str(error)})
            continue
        truth = load(case / "ground_truth")
        main = dict(zip(truth.unit_ids, truth.get_property("best_channel").tolist()))
        counts = truth.count_num_spikes_per_unit(outputs="array")
        strong = np.flatnonzero((truth.get_property("snr") >= 3) & (counts >= 50))
        units = truth.unit_ids[np.sort(np.random.default_rng(seed).permutation(strong)[:10])]
        spikes = spikes_of(load(case / "recording"), truth.select_units(units), {unit: main[unit] for unit in units},
                           loaded.form, spikes_per_unit=CASE_SPIKES, seed=seed)
        found.append({"words": words, "n_units": len(units), "snr": [float(spikes.snr.min()), float(spikes.snr.max())],
                      "ceed": scores_of(embed(loaded.encoder, spikes, device), spikes.unit, n_fits=n_fits,
                                        automatic=True),
                      "pca": scores_of(baseline(spikes, 5), spikes.unit, n_fits=n_fits, automatic=True)})
    return {"cases": found}


def attention(device: str) -> dict:
    """Time SCAM's attention, forwards and backwards, against dense attention under a mask, at equal precision."""
    from simsort.models.scam import attend, dense_attention

    kind = torch.device(device).type
    found = []
    for n_channels in (5, 11):
        shape = (ATTENTION_BATCH[kind], 4, 121 * n_channels, 16)
        given = [torch.randn(shape, device=device, generator=torch.Generator(device).manual_seed(index),
                             requires_grad=True) for index in range(3)]
        row = {"n_channels": n_channels}
        for name, function in (("dense", dense_attention), ("ours", attend)):
            seconds = []
            for _ in range(REPEATS + 1):
                started = time.perf_counter()
                function(*given, n_channels).sum().backward()
                if kind == "cuda":
                    torch.cuda.synchronize()
                seconds.append(time.perf_counter() - started)
            row[name] = min(seconds[1:])
        found.append(row)
    return {"attention": found, "device": kind, "threads": torch.get_num_threads()}
