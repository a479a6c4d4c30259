"""A results folder as the workflow publishes it, made by the stages' commands without Nextflow."""

import json
import shutil
from pathlib import Path

from simsort.cli import run_stage
from simsort.collecting.failures import STAGES
from simsort.config.parameters import resolve
from simsort.postprocessing.extensions import drop_pickled_models
from simsort.records import Record

NAME = "block0_imec0.ap_recording1"
SECOND = "block0_imec1.ap_recording1"


def make_results(folder: Path, recordings: dict) -> Path:
    """Postprocess (in part), curate, draw and collect recordings whose units are known.

    Parameters
    ----------
    folder : Path
        Where work folders and `results/` go.
    recordings : dict
        {name: (recording, sorting)}.

    Returns
    -------
    results : Path
        The results folder.
    """
    results, records = folder / "results", folder / "records"
    for number, (name, (recording, sorting)) in enumerate(recordings.items()):
        work = folder / "work" / str(number)
        write_stages(work, name, recording, sorting)
        publish(work, results, name)
        records.mkdir(exist_ok=True)
        shutil.copy(work / "job.json", records / f"{number}_job.json")
        for path in work.rglob("record.json"):
            shutil.copy(path, records / f"{number}_{path.parent.name}.json")
    (folder / "data").mkdir()
    (folder / "resolved.json").write_text(json.dumps(resolve({"sorter": "lupin"})))
    run("collect", "--records", records, "--parameters", folder / "resolved.json", "--data", folder / "data",
        "--out", folder / "collected")
    (results / "nextflow").mkdir()
    shutil.copy(folder / "resolved.json", results / "nextflow" / "parameters.json")
    for path in (folder / "collected").iterdir():
        shutil.copy(path, results / "nextflow" if path.name == "records.json" else results)
    return results


def write_stages(work: Path, name: str, recording, sorting) -> None:
    """Write what the stages leave, curate and visualize by their commands."""
    from spikeinterface import create_sorting_analyzer
    from spikeinterface.core.core_tools import SIJsonEncoder

    about = dict(recording_name=name, session_name="mouse")
    raw = recording.save(folder=work / "data" / "raw", verbose=False, progress_bar=False)
    job = {**about, "state": "ready", "recording_dict": raw.to_dict(recursive=True, relative_to=work / "data")}
    (work / "job.json").write_text(json.dumps(job, cls=SIJsonEncoder))
    raw.save(folder=work / "preprocess" / "binary", verbose=False, progress_bar=False)
    raw.dump_to_json(work / "preprocess" / "recording.json", relative_to=work / "data")
    sorting.save(folder=work / "sort" / "sorting")
    analyzer = create_sorting_analyzer(sorting, raw, format="zarr", folder=work / "postprocess" / "analyzer.zarr",
                                       job_kwargs=dict(progress_bar=False))
    analyzer.compute(["random_spikes", "noise_levels", "waveforms", "templates", "spike_amplitudes", "correlograms",
                      "isi_histograms", "unit_locations", "template_similarity"], progress_bar=False)
    analyzer.compute("principal_components", n_components=3, progress_bar=False)
    drop_pickled_models(analyzer)
    analyzer.compute("quality_metrics", progress_bar=False, metric_names=[
        "num_spikes", "firing_rate", "snr", "isi_violation", "presence_ratio", "amplitude_cutoff", "amplitude_median",
        "synchrony", "d_prime"], metric_params={"presence_ratio": {"bin_duration_s": 2}})
    for stage in set(STAGES) - {"curate", "visualize"}:
        outputs = {"metrics": [], "verdict": "pass", "pictures": [], "page": None} if stage == "qc" else {}
        Record(stage=stage, **about, outputs=outputs).write(work / stage)
    postprocessed = ("--postprocessed", work / "postprocess")
    run("curate", "--sorted", work / "sort", *postprocessed, "--out", work / "curate",
        "--rule", "snr > 3 and isi_violations_ratio < 0.5")
    run("visualize", "--job", work / "job.json", "--data", work / "data", "--preprocessed", work / "preprocess",
        *postprocessed, "--curated", work / "curate", "--out", work / "visualize", "--max-unit-pictures", 0)


def publish(work: Path, results: Path, name: str) -> None:
    """Copy what the workflow publishes of one recording."""
    (results / "preprocessed").mkdir(parents=True, exist_ok=True)
    shutil.copy(work / "preprocess" / "recording.json", results / "preprocessed" / f"{name}.json")
    shutil.copytree(work / "curate" / "sorting", results / "curated" / name)
    shutil.copytree(work / "visualize", results / "visualization" / name)
    shutil.copytree(work / "postprocess" / "analyzer.zarr", results / "postprocessed" / f"{name}.zarr")
    shutil.copytree(work / "sort" / "sorting", results / "spikesorted" / name)


def run(stage: str, *arguments) -> None:
    """Run a stage command, which must succeed."""
    assert run_stage(stage, [str(argument) for argument in arguments]) == 0, stage


def ground_truth(ids, seed: int = 0, duration_s: float = 10.0):
    """Generate a recording of eight channels and its units, called as asked: (recording, sorting)."""
    import spikeinterface.full as si

    recording, sorting = si.generate_ground_truth_recording(
        durations=[duration_s], num_channels=8, num_units=len(ids), seed=seed, sampling_frequency=20_000.0,
        noise_kwargs=dict(noise_levels=5.0, strategy="on_the_fly"))
    renamed = si.NumpySorting.from_unit_dict(
        [{new: sorting.get_unit_spike_train(old) for new, old in zip(ids, sorting.unit_ids)}], 20_000.0)
    return recording, renamed
