"""The postprocessing of one recording, from folders to a folder."""

import json
import shutil
from pathlib import Path

import spikeinterface.full as si
from threadpoolctl import threadpool_limits

from simsort.errors import UserError
from simsort.postprocessing.clean_sorting import clean_sorting
from simsort.postprocessing.extensions import compute_extensions
from simsort.postprocessing.quality_metrics import compute_quality_metrics, presence_bin_s, unknown_metrics
from simsort.postprocessing.stored_analyzer import store_recording_reference
from simsort.preprocessing.whole import load_whole
from simsort.records import Record, read_record

ANALYZER = "analyzer.zarr"


def postprocess(preprocessed: Path, sorted_folder: Path, settings: dict, job_kwargs: dict, out: Path) -> Record:
    """Make the sorting analyzer of one recording.

    Parameters
    ----------
    preprocessed, sorted_folder : Path
        Output folders of the preprocessing and sorting stages.
    settings : dict
        Settings of the postprocessing stage.
    job_kwargs : dict
        SpikeInterface's worker settings.
    out : Path
        Where `analyzer.zarr` is written.

    Returns
    -------
    record : Record
        Not written yet.
    """
    before, sorter = read_record(preprocessed), read_record(sorted_folder)
    record = Record(stage="postprocess", recording_name=before["recording_name"], session_name=before["session_name"],
                    parameters=settings, seed=settings["seed"])
    for earlier in (before, sorter):
        if earlier["state"] != "done":
            return skipped(record, earlier["reason"])
    sorting = si.load(Path(sorted_folder) / "sorting")
    if sorting.get_num_units() == 0:
        return skipped(record, "the sorter found no units")
    if settings["use_motion_corrected"] and before["parameters"].get("motion") != "apply":
        raise UserError("--postprocessing.use-motion-corrected needs the corrected recording",
                        "preprocess with --motion apply")
    recording = load_whole(Path(preprocessed) / "binary")
    recording_dict = json.loads((Path(preprocessed) / "recording.json").read_text())
    si.set_global_job_kwargs(**job_kwargs)  # some steps read only these
    with threadpool_limits(1):  # results must not depend on the number of threads
        return make_analyzer(recording, sorting, recording_dict, settings, job_kwargs, Path(out), record)


def skipped(record: Record, reason: str) -> Record:
    """Mark a record as skipped."""
    record.state, record.reason = "skipped", reason
    return record


def make_analyzer(recording, sorting, recording_dict: dict, settings: dict, job_kwargs: dict, out: Path,
                  record: Record) -> Record:
    """Clean the sorting, compute the analyzer aside, and move it in place when it is whole."""
    clean = clean_sorting(recording, sorting, settings, job_kwargs)
    record.outputs.update(clean.outputs, n_units=int(clean.sorting.get_num_units()))
    if record.outputs["n_units"] == 0:
        return skipped(record, "no unit has a spike within the recording")
    aside = out / f"part_{ANALYZER}"
    shutil.rmtree(aside, ignore_errors=True)
    analyzer = si.create_sorting_analyzer(
        clean.sorting, recording, format="zarr", folder=aside, main_channel_indices=clean.main_channel_indices,
        sparsity=clean.sparsity, return_in_uV=True, job_kwargs=job_kwargs)
    left_out = compute_extensions(analyzer, settings, job_kwargs)
    metrics_left_out, failed = {}, {}
    if "quality_metrics" not in left_out:
        metrics_left_out, failed = compute_quality_metrics(analyzer, settings, job_kwargs)
        record.outputs["unknown_metrics"] = unknown_metrics(analyzer, metrics_left_out, failed)
    store_recording_reference(aside, recording_dict)
    describe(record, analyzer, left_out, metrics_left_out, failed)
    aside.rename(out / ANALYZER)
    return record


def describe(record: Record, analyzer, left_out: dict, metrics_left_out: dict, failed: dict) -> None:
    """Write into the record what was computed and what was not."""
    record.outputs.update(
        n_spikes=int(analyzer.sorting.to_spike_vector().size), n_channels=int(analyzer.get_num_channels()),
        duration_s=float(analyzer.get_total_duration()), in_uV=bool(analyzer.return_in_uV),
        presence_ratio_bin_s=presence_bin_s(analyzer.get_total_duration()),
        extensions=analyzer.get_saved_extension_names(), extensions_left_out=left_out,
        metrics_left_out=metrics_left_out, metrics_failed=failed)
    if not analyzer.return_in_uV:
        record.warnings.append("the recording has no gain: amplitudes are in the ADC's units, not uV")
    record.warnings += [f"{name} not computed: {why}" for name, why in (left_out | metrics_left_out).items()]
    record.warnings += [f"metric {name} failed and is unknown for every unit: {why}" for name, why in failed.items()]
    for removed in record.outputs["removed_duplicate_units"]:
        record.warnings.append(f"unit {removed['unit_id']} removed: same spikes as unit {removed['same_as']}")
