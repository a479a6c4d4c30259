"""A sorter on published recordings, scored by the one protocol."""

import json
import time
from pathlib import Path

import numpy as np

from simsort.errors import UserError, one_line
from simsort.evaluation.datasets import DATASETS, find_recordings, published_units
from simsort.evaluation.folders import check_pair
from simsort.evaluation.protocol import known_snr, score_sorting
from simsort.evaluation.snr import measure_snr

FIGURES = ("accuracy", "recall", "precision")
COUNTS = ("n_true", "n_asked", "n_found", "n_well_detected", "n_units", "n_false")


def sort_dataset(name: str, folder: Path, out: Path, *, sorter: str, motion: bool, seed: int, n_jobs: int) -> dict:
    """Sort and score every recording of a data set.

    Parameters
    ----------
    name : str
        A name of `simsort.evaluation.datasets.DATASETS`.
    folder : Path
        The user's copy.
    out : Path
        Output folder: each recording's sorting and scores are kept in it, so that a second call goes on.
    sorter : str
        A name of `simsort.sorting.registry.SORTERS`.
    motion : bool
        With the sorter's own motion correction.
    seed : int
        Of the sorter.
    n_jobs : int
        Worker processes.

    Returns
    -------
    scores : dict
        `recordings`, the scores of each (or `reason`, why it failed); means over all units asked for; sums.
    """
    settings = {"dataset": name, "sorter": sorter, "motion": motion, "seed": seed}
    check_settings(Path(out), settings)
    entries = []
    for label, recording, truth in find_recordings(name, folder):
        file = Path(out) / label.replace("/", "_") / "scores.json"
        if not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            scores = sort_and_score(name, label, recording, truth, file.parent, settings, n_jobs)
            file.write_text(json.dumps(scores) + "\n")
        entries.append(json.loads(file.read_text()))
        print(f"simsort evaluate: {label}: {entries[-1].get('reason') or entries[-1]['accuracy']}", flush=True)
    return settings | pooled(entries) | {"note": DATASETS[name].note}


def check_settings(out: Path, settings: dict) -> None:
    """Keep the settings in the output folder; raise `UserError` if it holds another sorter's results."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / "settings.json"
    if file.is_file() and json.loads(file.read_text()) != settings:
        raise UserError(f"--out {out} holds results of other settings ({file.read_text().strip()})",
                        "choose a new folder")
    if not file.is_file() and any(out.iterdir()):
        raise UserError(f"output folder {out} is not empty", "choose a new one or remove it")
    file.write_text(json.dumps(settings) + "\n")


def sort_and_score(name: str, label: str, recording, truth, folder: Path, settings: dict, n_jobs: int) -> dict:
    """Sort one recording and score it; a sorter that fails gives the reason."""
    from simsort.sorting.registry import get_sorter
    from simsort.sorting.sort import SorterError, sort_recording
    from simsort.workers import job_kwargs

    entry, chosen = {"name": label}, get_sorter(settings["sorter"])
    options = {"sorter_params": {}, "seed": settings["seed"], "min_drift_channels": 1,
               "skip_motion_correction": not settings["motion"]}
    started = time.perf_counter()
    try:
        sort_recording(recording, settings["sorter"], options, folder, job_kwargs(n_jobs, fresh=chosen.fresh_workers))
    except SorterError as error:
        return entry | {"reason": one_line(error)}
    from spikeinterface import load

    sorting = load(folder / "sorting")
    check_pair(truth, sorting)
    asked, note = published_units(name, label, truth)
    snr = known_snr(asked)
    if np.isnan(snr).all():
        snr = measure_snr(recording, asked)
    others = truth.select_units([unit for unit in truth.unit_ids if unit not in set(asked.unit_ids)])
    return entry | score_sorting(asked, sorting, snr=snr, background=others) | {
        "note": note, "sort_s": time.perf_counter() - started, "duration_s": recording.get_total_duration()}


def pooled(entries: list[dict]) -> dict:
    """Return means over the units of all recordings; recordings that failed are left out and counted."""
    done = [entry for entry in entries if "reason" not in entry]
    weights = [entry["n_asked"] for entry in done]
    means = dict.fromkeys(FIGURES)
    if sum(weights):
        means = {name: float(np.average([entry[name] or 0.0 for entry in done], weights=weights)) for name in FIGURES}
    counts = {count: sum(entry[count] for entry in done) for count in COUNTS}
    return {"recordings": entries, **means, **counts, "n_failed": len(entries) - len(done)}
