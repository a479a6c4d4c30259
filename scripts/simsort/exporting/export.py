"""Results in the forms of other tools: a table of units, SpikeInterface folders, NWB files, phy."""

import csv
import json
import shutil
from pathlib import Path

from simsort.applying.nwb_again import curated_analyzer
from simsort.errors import UserError

FORMATS = ("csv", "spikeinterface", "nwb", "phy")
LABELS = ("default_qc_label", "default_qc_reasons", "quality")


def export(results: Path, to: str, out: Path, recording: str | None, data_path: Path | None,
           job_kwargs: dict) -> list[Path]:
    """Write the present units of a results folder in another form.

    Parameters
    ----------
    results : Path
        The results folder.
    to : "csv" | "spikeinterface" | "nwb" | "phy"
        The form.
    out : Path
        An empty folder.
    recording : str | None
        One recording; None: all that were curated.
    data_path : Path | None
        The raw session, which phy needs for its traces.
    job_kwargs : dict
        SpikeInterface's worker settings.

    Returns
    -------
    paths : list of Path
        What was written.

    Raises
    ------
    UserError
        If there is nothing to export, or the raw data are needed and not given.
    """
    names = recordings_of(Path(results), recording)
    if to == "csv":
        return [write_csv(Path(results), names, Path(out) / "units.csv")]
    if to == "nwb":
        return copy_nwb(Path(results), names if recording else None, Path(out))
    if to == "phy" and data_path is None:
        raise UserError("phy shows traces, which are in the raw data", "give the session with --data")
    write = write_spikeinterface if to == "spikeinterface" else write_phy
    return [write(Path(results), name, Path(out) / name, data_path, job_kwargs) for name in names]


def recordings_of(results: Path, recording: str | None) -> list[str]:
    """Return the curated recordings of a results folder, or the one asked for."""
    folder = results / "curated"
    found = folder.iterdir() if folder.is_dir() else []
    names = sorted(p.name for p in found if p.is_dir() and not p.name.startswith("."))
    if not names:
        raise UserError(f"{results} has no curated units", "give the results folder of a run that has ended")
    if recording is None:
        return names
    if recording not in names:
        raise UserError(f"--recording was given {recording!r}", f"allowed: {', '.join(names)}")
    return [recording]


def write_csv(results: Path, names: list[str], path: Path) -> Path:
    """Write one table of the units of all recordings; a column a recording does not have is empty there."""
    rows = []
    for name in names:
        with (results / "curated" / name / "units.csv").open(newline="", encoding="utf8") as file:
            rows += [{"recording": name, **row} for row in csv.DictReader(file)]
    columns = list(dict.fromkeys(["recording", "unit_id", *(key for row in rows for key in row)]))
    with path.open("w", newline="", encoding="utf8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def copy_nwb(results: Path, names: list[str] | None, out: Path) -> list[Path]:
    """Copy the NWB files of the recordings, or all."""
    wanted = None
    if names is not None:
        path = results / "nextflow" / "records.json"
        records = json.loads(path.read_text())["records"] if path.is_file() else []
        wanted = {r["outputs"].get("file") for r in records if r["stage"] == "nwb" and r["recording_name"] in names}
    files = [f for f in sorted((results / "nwb").glob("*.nwb")) if wanted is None or f.name in wanted]
    if not files:
        raise UserError(f"{results} has no NWB file", "status.json says why; run again with what is missing, such as "
                        "--nwb_ecephys.timezone")
    for file in files:
        shutil.copytree(file, out / file.name) if file.is_dir() else shutil.copyfile(file, out / file.name)
    return [out / file.name for file in files]


def present_analyzer(results: Path, name: str, scratch: Path, data_path: Path | None):
    """Load the analyzer of a recording's present units, with the traces where the raw data are given."""
    import spikeinterface.full as si

    from simsort.postprocessing.stored_analyzer import stored_recording

    stored = results / "postprocessed" / f"{name}.zarr"
    if not stored.is_dir():
        raise UserError(f"{name} has no analyzer in {results / 'postprocessed'}", "export it as csv, or nwb")
    curated_analyzer(results, name, scratch)
    recording = None if data_path is None else stored_recording(stored, data_path)
    analyzer = si.SortingAnalyzer.load(scratch, recording=recording, format="zarr")
    labels = si.load(results / "curated" / name)
    for key in LABELS:
        if key in labels.get_property_keys():
            analyzer.set_sorting_property(key, labels.get_property(key, ids=analyzer.unit_ids), save=False)
    return analyzer


def write_spikeinterface(results: Path, name: str, out: Path, data_path: Path | None, job_kwargs: dict) -> Path:
    """Write the curated sorting and its analyzer as SpikeInterface folders."""
    shutil.copytree(results / "curated" / name, out / "sorting")
    scratch = out / "part.zarr"
    present_analyzer(results, name, scratch, data_path).save_as(format="binary_folder", folder=out / "analyzer")
    remove(scratch)
    return out


def write_phy(results: Path, name: str, out: Path, data_path: Path, job_kwargs: dict) -> Path:
    """Write a folder for phy's template-gui, with the preprocessed traces in it."""
    import spikeinterface.full as si

    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = out.with_name(f"part_{name}.zarr")
    analyzer = present_analyzer(results, name, scratch, data_path).save_as(format="memory")
    with_components = analyzer.has_extension("principal_components")
    if with_components:  # the fitted models are not kept in the results; they follow from the stored waveforms
        parameters = analyzer.get_extension("principal_components").params
        analyzer.compute("principal_components", **parameters, **job_kwargs)
    labels = [key for key in LABELS if key in analyzer.sorting.get_property_keys()]
    si.export_to_phy(analyzer, out, compute_pc_features=with_components, copy_binary=True, use_relative_path=True,
                     additional_properties=labels, verbose=False, **job_kwargs)
    remove(scratch)
    return out


def remove(path: Path) -> None:
    """Remove a scratch analyzer, which may be a link."""
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)
