"""The locust tetrode, real and without truth: agreement of sorters, refractory violations, split-half stability."""

import hashlib
from pathlib import Path

from simsort.benchmarks.sorters.cases.case import to_int16
from simsort.benchmarks.sorters.runs import Run, for_tables, kept_run
from simsort.errors import UserError, one_line
from simsort.evaluation.agreement import agreed_units, refractory_violations, split_half_stability

NAME = "locust"


def measure(settings, sorters: tuple[str, ...]) -> dict:
    """Sort the whole recording and each half of it with every sorter.

    Parameters
    ----------
    settings : simsort.benchmarks.sorters.main.Settings
        Output folder and workers.
    sorters : tuple of str
        Names of sorters. The tetrode has no motion estimate, so they run without motion correction.

    Returns
    -------
    result : dict
        `reason` (why nothing could be run), `runs`: the runs of the whole recording with `refractory` and `stability`,
        and `agreement` by sorter.
    """
    try:
        folder = prepare(settings.cases or settings.out / "cases")
    except UserError as error:
        return {"reason": for_tables(one_line(error)), "runs": [], "agreement": {}}
    from spikeinterface import load

    half_s = load(folder).get_total_duration() / 2
    case_hash = hashlib.sha256((folder / "traces_cached_seg0.raw").read_bytes()).hexdigest()[:10]
    runs, sortings = [], {}
    for name in sorters:
        print(f"simsort bench: {NAME}, {name}", flush=True)
        found = run_parts(name, folder, half_s, case_hash, settings)
        whole, parts = found["whole"], [found["first"], found["second"]]
        if whole["state"] == "done":
            sortings[name] = as_sorting(whole["scores"])
            whole["refractory"] = refractory_violations(sortings[name])
        if all(run["state"] == "done" for run in (whole, *parts)):
            halves = [(i * half_s, (i + 1) * half_s, as_sorting(run["scores"])) for i, run in enumerate(parts)]
            whole["stability"] = split_half_stability(sortings[name], halves)
        runs.append({key: value for key, value in whole.items() if key != "scores"})
    return {"reason": "", "runs": runs, "agreement": agreed_units(sortings)}


def prepare(cases: Path) -> Path:
    """Return the folder of the recording, made on first use."""
    from simsort.benchmarks.sorters.cases.emouse import SQUARE_UM, as_recording, load_locust

    folder = Path(cases) / NAME / "recording"
    if not folder.is_dir():
        traces, fs_hz = load_locust()
        recording = to_int16(as_recording(traces, fs_hz, SQUARE_UM))
        recording.save(folder=folder, n_jobs=1, progress_bar=False, verbose=False)
    return folder


def run_parts(name: str, folder: Path, half_s: float, case_hash: str, settings) -> dict[str, dict]:
    """Sort the whole recording and its halves."""
    bounds = {"whole": (None, None), "first": (None, half_s), "second": (half_s, None)}
    return {part: kept_run(Run(sorter=name, motion=False, recording=folder.absolute(), n_jobs=settings.n_jobs,
                               start_s=start_s, stop_s=stop_s, model=settings.model_of(name)), case_hash, settings.out / "runs" / NAME, spikes_of)
            for part, (start_s, stop_s) in bounds.items()}


def spikes_of(sorting) -> dict:
    """Return a sorting as JSON can hold it."""
    spikes = sorting.to_spike_vector()
    return {"fs_hz": sorting.get_sampling_frequency(), "samples": spikes["sample_index"].tolist(),
            "labels": spikes["unit_index"].tolist(), "n_units": sorting.get_num_units()}


def as_sorting(spikes: dict):
    """Return what `spikes_of` kept as a sorting."""
    import numpy as np
    from spikeinterface import NumpySorting

    return NumpySorting.from_samples_and_labels([np.array(spikes["samples"], dtype="int64")],
                                                [np.array(spikes["labels"], dtype="int64")], spikes["fs_hz"],
                                                unit_ids=np.arange(spikes["n_units"]))
