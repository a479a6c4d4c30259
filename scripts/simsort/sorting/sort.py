"""Run one sorter on a preprocessed recording."""

import contextlib
import copy
import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
from spikeinterface import NumpySorting
from spikeinterface.core.numpyextractors import SpikeVectorSortingSegment
from spikeinterface.curation import remove_excess_spikes
from spikeinterface.sorters import get_default_sorter_params, run_sorter
from spikeinterface.sorters.utils import SpikeSortingError

from simsort.errors import UserError
from simsort.preprocessing.chain import one_segment, segment_starts
from simsort.preprocessing.whole import load_whole
from simsort.sorting.registry import get_sorter
from simsort.sorting.reproducible import reproducible
from simsort.sorting.silence import is_silent

LOG = "spikeinterface_log.json"


@dataclasses.dataclass
class Sorted:
    """What a sorter did: small facts, the parameters it ran with, and warnings, for the record."""

    outputs: dict
    parameters: dict
    warnings: list


class SorterError(RuntimeError):
    """A sorter failed; the message is one line with its own words."""


def sort_recording(recording, sorter_name: str, settings: dict, out: Path, job_kwargs: dict) -> Sorted:
    """Sort a recording and save the sorting.

    Parameters
    ----------
    recording : BaseRecording
        The preprocessed recording.
    sorter_name : str
        A name of `simsort.sorting.registry.SORTERS`.
    settings : dict
        Settings of the stage (`simsort.config.stages.Spikesort`).
    out : Path
        Existing folder; `sorting/`, `spikeinterface_log.json` and `sorter.log` are written into it.
    job_kwargs : dict
        SpikeInterface's job keywords.

    Returns
    -------
    Sorted

    Raises
    ------
    UserError
        If the sorter is not installed.
    SorterError
        If it fails on a recording that has spikes.
    """
    out = Path(out)
    sorter = get_sorter(sorter_name)
    params, warnings = choose_params(sorter, recording, settings)
    used = copy.deepcopy(params)
    sorter.set_jobs(params, job_kwargs)
    # Several sorters take one segment only, others mix segments up: they all get one, and the spikes are cut afterwards.
    joined = one_segment(recording) if recording.get_num_segments() > 1 else recording
    if job_kwargs["n_jobs"] > 1 and job_kwargs["mp_context"] == "fork":
        sorter.warm_up()
    try:
        sorting = run(sorter.spikeinterface_name, joined, params, settings["seed"], out)
    except SorterError as error:
        if not is_silent(recording, settings["seed"], job_kwargs):
            raise
        warnings.append(f"no spikes: {sorter_name} stopped ({error}) on a recording without more peaks than noise has")
        sorting = NumpySorting.from_unit_dict([{}], recording.get_sampling_frequency())
    warnings += sorting.get_annotation("warnings") or []  # of our own sorter
    sorting = tidy(sorting, joined)
    if recording.get_num_segments() > 1:
        sorting = split_by_segment(sorting, recording)
    sorting.save(folder=out / "sorting")
    shutil.rmtree(out / "work", ignore_errors=True)
    outputs = dict(n_units=sorting.get_num_units(), n_spikes=len(sorting.to_spike_vector()),
                   motion_correction=bool(motion_wanted(sorter, recording, settings)))
    return Sorted(outputs, used, warnings)


def choose_params(sorter, recording, settings: dict) -> tuple[dict, list[str]]:
    """Put a sorter's parameters together.

    Later ones win: SpikeInterface's defaults, the pipeline's, what fits the recording, motion and seed, the user's own.

    Returns
    -------
    params : dict
        All parameters but the workers.
    warnings : list of str
        What was adapted to the recording.
    """
    params = get_default_sorter_params(sorter.spikeinterface_name)
    for name in ("n_jobs", "chunk_duration", "progress_bar", "mp_context", "max_threads_per_worker", "pool_engine"):
        params.pop(name, None)
    params = _merge(_merge(params, dict(sorter.params)), settings["sorter_params"])
    warnings = sorter.adapt(recording, params)
    if sorter.set_motion is not None:
        sorter.set_motion(params, motion_wanted(sorter, recording, settings))
    sorter.set_seed(params, settings["seed"])
    return _merge(params, settings["sorter_params"]), warnings


def motion_wanted(sorter, recording, settings: dict) -> bool:
    """Tell whether the sorter's own motion correction is to be on: enough channels, not switched off, and it has one."""
    enough = recording.get_num_channels() >= settings["min_drift_channels"]
    return sorter.set_motion is not None and enough and not settings["skip_motion_correction"]


def _merge(params: dict, changes: dict) -> dict:
    """Return parameters with changes, nested mappings merged."""
    merged = copy.deepcopy(params)
    for name, value in changes.items():
        nested = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = _merge(merged[name], value) if nested else copy.deepcopy(value)
    return merged


def run(spikeinterface_name: str, recording, params: dict, seed: int, out: Path):
    """Run a sorter in `out/work`, its printed words in `out/sorter.log`.

    Raises
    ------
    SorterError
        With the sorter's own message; the full traceback is in `out/spikeinterface_log.json`.
    """
    work = out / "work"
    with open(out / "sorter.log", "w") as log, contextlib.redirect_stdout(log), reproducible(seed):
        try:
            sorting = run_sorter(spikeinterface_name, recording, folder=work, verbose=False, **params)
        except SpikeSortingError as error:
            _keep_log(work, out)
            raise SorterError(f"{true_cause(work, error)} (full log: {out / LOG})") from error
        _keep_log(work, out)
        return NumpySorting.from_sorting(sorting, with_metadata=True, copy_spike_vector=True)


def _keep_log(work: Path, out: Path) -> None:
    if (work / LOG).is_file():
        shutil.copyfile(work / LOG, out / LOG)


def true_cause(work: Path, error: Exception) -> str:
    """Fold SpikeInterface's page-long error into the sorter's own last line."""
    trace = json.loads((work / LOG).read_text()).get("error_trace", []) if (work / LOG).is_file() else []
    lines = [line.strip() for line in trace or str(error).splitlines() if line.strip()]
    # The message may run over several lines: it starts at the last line that is not part of a stack frame.
    starts = [i for i, line in enumerate(lines) if line.split(":")[0].endswith(("Error", "Exception", "Interrupt"))]
    return " ".join(lines[starts[-1]:] if starts else lines[-1:])[:500]


def tidy(sorting, recording):
    """Remove spikes outside the recording and empty units, and give the units sorted whole numbers as ids.

    Returns
    -------
    NumpySorting
        With the sorter's unit properties.
    """
    sorting = remove_excess_spikes(sorting, recording)
    if sorting.get_num_units():
        sorting = sorting.remove_empty_units()
    try:
        numbers = [int(unit) for unit in sorting.unit_ids]
    except ValueError:  # names, not numbers
        numbers = list(range(sorting.get_num_units()))
    sorting = sorting.rename_units(np.array(numbers, dtype="int64"))
    return NumpySorting.from_sorting(sorting.select_units(np.sort(numbers)), with_metadata=True, copy_spike_vector=True)


def split_by_segment(sorting, recording):
    """Cut a sorting of joined segments at their ends."""
    spikes = sorting.to_spike_vector().copy()
    starts = segment_starts(recording)
    spikes["segment_index"] = np.searchsorted(starts, spikes["sample_index"], side="right") - 1
    spikes["sample_index"] -= starts[spikes["segment_index"]]
    cut = NumpySorting(spikes, sorting.get_sampling_frequency(), sorting.unit_ids)
    for segment_index in range(cut.get_num_segments(), recording.get_num_segments()):
        # NumpySorting makes segments up to the last one that has spikes.
        cut.add_sorting_segment(SpikeVectorSortingSegment(spikes, segment_index, sorting.unit_ids))
    sorting.copy_metadata(cut)
    return cut


def load_preprocessed(folder: Path) -> tuple[object, dict]:
    """Load what the preprocessing stage wrote: its recording and its record.

    Raises
    ------
    UserError
        If the folder is not its finished output, or was damaged since.
    """
    folder = Path(folder)
    if not (folder / "record.json").is_file():
        raise UserError(f"{folder} is not a finished output of simsort preprocess (no record.json)",
                        "run simsort preprocess, or give its --out folder")
    record = json.loads((folder / "record.json").read_text())
    return (load_whole(folder / "binary") if record["state"] == "done" else None), record
