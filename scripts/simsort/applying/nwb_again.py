"""The NWB files of a results folder with the curated units."""

import json
import tempfile
from pathlib import Path

import numpy as np

from simsort.applying.curated_analyzer import parts_of
from simsort.applying.new_units import changed_part
from simsort.applying.versions import Versions
from simsort.curation.choices import Choices, read_choices
from simsort.errors import UserError
from simsort.viewing.files import CURATION

SUMMARIES = {"average": np.mean, "std": np.std, "median": np.median}  # of waveforms, by SpikeInterface's names


def outdated_files(results: Path, recording: str) -> list[str]:
    """Name the NWB files of a results folder that hold a recording's units."""
    run = run_of(results)
    if run is None:
        return []
    names = {stem_of(job) for job in run["jobs"] if job["recording_name"] == recording}
    return [f"{name}.nwb" for name in names if (Path(results) / "nwb" / f"{name}.nwb").exists()]


def write_again(results: Path, recording: str, data_path: Path) -> Path:
    """Write the NWB file that holds a recording anew, with the present versions of all its recordings.

    Parameters
    ----------
    results : Path
        The results folder.
    recording : str
        One of the recordings of the file.
    data_path : Path
        The session: raw samples and metadata files.

    Returns
    -------
    path : Path
        The file, in place of the one before.

    Raises
    ------
    UserError
        If the run left no records, sorted a part of the session only, or the data are not there.
    """
    from simsort.nwb.main import write_nwb

    results, run = Path(results), run_of(results)
    if run is None:
        raise UserError(f"{results / 'nextflow' / 'records.json'} is missing", "run the pipeline again")
    if not Path(data_path).exists():
        raise UserError(f"--data {data_path} does not exist", "give the session that was DATA_PATH")
    settings = run["parameters"]
    if settings["preprocessing"]["t_start"] is not None or settings["preprocessing"]["t_stop"] is not None:
        raise UserError("the NWB file of a part of the session (--preprocessing.t-start, t-stop) is written by the "
                        "pipeline alone", "run it again")
    stem = next(stem_of(job) for job in run["jobs"] if job["recording_name"] == recording)
    jobs = [job for job in run["jobs"] if stem_of(job) == stem]
    (results / "nwb").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=results / "nwb") as scratch:
        folders = stage_folders(results, run["records"], jobs, Path(scratch) / "stages")
        out = Path(scratch) / "out"
        out.mkdir()
        records = write_nwb(jobs, Path(data_path), folders, settings["nwb_subject"], settings["nwb_ecephys"], out)
        if records[0].state != "done":
            raise UserError(f"{stem}.nwb cannot be written ({records[0].reason})",
                            "run the pipeline with what is missing")
        target = results / "nwb" / f"{stem}.nwb"
        if target.exists():
            target.rename(Path(scratch) / "before")
        (out / f"{stem}.nwb").rename(target)
    return target


def run_of(results: Path) -> dict | None:
    """Read the records that the run left, or None."""
    path = Path(results) / "nextflow" / "records.json"
    return json.loads(path.read_text()) if path.is_file() else None


def stem_of(job: dict) -> str:
    """Return the name of the NWB file a recording goes into, without its ending."""
    from simsort.nwb.names import file_stem

    return job.get("nwb_name") or file_stem(job["session_name"], job["recording_name"])


def stage_folders(results: Path, records: list[dict], jobs: list[dict], scratch: Path) -> dict[str, Path]:
    """Lay out what the stages left as the NWB stage takes it, curated units in the place of the sorter's."""
    names = {job["recording_name"] for job in jobs}
    stages = {"preprocess": "preprocessed", "postprocess": "postprocessed", "curate": "curated"}
    for number, record in enumerate(r for r in records if r["stage"] in stages and r["recording_name"] in names):
        name, folder = record["recording_name"], scratch / stages[record["stage"]] / str(number)
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(json.dumps(record))
        if record["stage"] == "curate" and (results / "curated" / name).is_dir():
            (folder / "sorting").symlink_to((results / "curated" / name).resolve())
        if record["stage"] == "postprocess" and (results / "postprocessed" / f"{name}.zarr").is_dir():
            curated_analyzer(results, name, folder / "analyzer.zarr")
    return {folder: scratch / folder for folder in stages.values()}


def curated_analyzer(results: Path, recording: str, folder: Path) -> None:
    """Provide the analyzer of a recording's present units: the stored one, or one with the new units' templates."""
    import spikeinterface.full as si

    stored = (results / "postprocessed" / f"{recording}.zarr").resolve()
    curation = json.loads((Versions(results, recording).present / CURATION).read_text())
    if not (curation["merges"] or curation["removed"] or curation["splits"]):
        folder.symlink_to(stored)
        return
    analyzer = si.load_sorting_analyzer(stored, load_extensions=False)
    choices = read_choices(curation, analyzer.unit_ids.tolist())
    split = {entry["unit_id"] for entry in choices.splits}
    # SpikeInterface fails on templates where every unit is split: these units then have none.
    names = ("random_spikes", "templates") if split < set(analyzer.unit_ids.tolist()) else ("random_spikes",)
    changed = changed_part(analyzer, names, analyzer.unit_ids.tolist(), choices)
    if split and "templates" in changed.extensions:
        set_templates_of_parts(changed, si.load_sorting_analyzer(stored, load_extensions=False), choices)
    changed.save_as(format="zarr", folder=folder)


def set_templates_of_parts(changed, analyzer, choices: Choices) -> None:
    """Replace the templates of parts of units, which are those of the whole, by the parts' own.

    Waveforms of the split units alone are read. Where none was kept of a part its template is unknown (NaN).
    """
    templates = changed.get_extension("templates").data
    for split in choices.splits:
        waveforms, parts = waveforms_of_parts(analyzer, split)
        for new_id, part in zip(split["new_unit_ids"], parts, strict=True):
            row = changed.sorting.id_to_index(new_id)
            for name, values in templates.items():
                summary = SUMMARIES.get(name)
                values[row] = summary(waveforms[part], axis=0) if summary and part.any() else np.nan


def waveforms_of_parts(analyzer, split: dict) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the waveforms kept of a unit, (n, n_samples, n_channels), and for each part which are its."""
    if not analyzer.has_extension("waveforms"):
        return np.zeros((0, 1, 1)), [np.zeros(0, dtype=bool)] * len(split["new_unit_ids"])
    units = analyzer.sorting.to_spike_vector()["unit_index"]
    index = analyzer.sorting.id_to_index(split["unit_id"])
    sampled = analyzer.get_extension("random_spikes").get_data()
    of_unit = np.searchsorted(np.flatnonzero(units == index), sampled[units[sampled] == index])
    waveforms = analyzer.get_extension("waveforms").get_waveforms_one_unit(split["unit_id"], force_dense=True)
    return waveforms, [np.isin(of_unit, part) for part in parts_of(split, analyzer.sorting)]
