"""processing.json and data_description.json in the form of aind-data-schema."""

import os
import re
import subprocess
import warnings
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from simsort import __version__
from simsort.collecting.failures import STAGES

PROCESS_NAMES = {"dispatch": "Job dispatch", "preprocess": "Ephys preprocessing", "sort": "Spike sorting",
                 "postprocess": "Ephys postprocessing", "curate": "Ephys curation", "visualize": "Ephys visualization", "qc": "Ephys quality control",
                 "nwb": "NWB file"}
# What the schema has no type of its own for.
PROCESS_TYPES = {"dispatch": "Other", "qc": "Other", "nwb": "File format conversion"}
OUTPUT_PATHS = {"preprocess": "preprocessed/{}.json", "sort": "spikesorted/{}", "postprocess": "postprocessed/{}.zarr",
                "curate": "curated/{}", "visualize": "visualization/{}", "qc": "quality_control/{}",
                "nwb": "nwb/{}"}
NOT_KNOWN = "not recorded"


def build_processing(records: list[dict], failures: list[dict]):
    """Describe every stage that ran on every recording.

    Parameters
    ----------
    records : list of dict
        What each stage wrote into `record.json`.
    failures : list of dict
        Tasks that left no record; they are named in the notes.

    Returns
    -------
    processing : aind_data_schema.core.processing.Processing
        Validated; the dependency graph runs along the stages of each recording.
    """
    from aind_data_schema.components.identifiers import Code
    from aind_data_schema.core.processing import Processing

    latest = {(r["recording_name"], r["stage"]): r for r in records if r["stage"] in STAGES}
    ordered = sorted(latest.values(), key=lambda r: (r["started"], STAGES.index(r["stage"])))
    url = code_url()
    graph = {}
    for record in ordered:
        before = STAGES[:STAGES.index(record["stage"])]
        parents = [s for s in before if (record["recording_name"], s) in latest]
        graph[process_name(record)] = [process_name(latest[record["recording_name"], parents[-1]])] if parents else []
    notes = [f"{f['stage']} of {f['recording_name'] or 'the session'} failed: {f['reason']}" for f in failures]
    commits = {r.get("git_commit") for r in ordered} - {None}
    with warnings.catch_warnings():  # channel names with dots are of no concern outside MongoDB
        warnings.filterwarnings("ignore", message=".*MongoDB.*")
        return Processing(
            data_processes=[data_process(record, url) for record in ordered],
            pipelines=[Code(url=url, name="simsort", **code_version(__version__, min(commits, default=None)))],
            dependency_graph=graph, notes="; ".join(notes) or None)


def process_name(record: dict) -> str:
    """Name a stage of a recording as the ancestors do: `Spike sorting - <recording>`."""
    return f"{PROCESS_NAMES[record['stage']]} - {record['recording_name']}"


def data_process(record: dict, url: str):
    """Describe one stage of one recording as an aind-data-schema `DataProcess`."""
    from aind_data_schema.components.identifiers import Code, Container, Software
    from aind_data_schema.core.processing import DataProcess, ProcessStage

    image, packages = record.get("container"), record.get("packages", {})
    container = Container(container_type="Apptainer", tag=Path(image).stem, uri=image) if image else None
    parameters = record["parameters"] | ({"seed": record["seed"]} if record.get("seed") is not None else {})
    code = Code(url=url, name=f"simsort {record['stage']}", language="Python",
                language_version=record.get("python"), parameters=parameters, container=container,
                core_dependency=Software(name="spikeinterface", version=packages.get("spikeinterface")),
                **code_version(record.get("simsort_version", __version__), record.get("git_commit")))
    outputs = {k: v for k, v in record["outputs"].items() if k not in ("units", "pictures", "metrics")}
    surroundings = {"software_versions": packages, "container_sha256": record.get("container_sha256"),
                    "host": record.get("host"), "slurm_job_id": record.get("slurm_job_id"),
                    "n_cpus": record.get("n_cpus")}
    notes = [f"{record['state']}: {record['reason']}"] if record["reason"] else []
    stored = record["state"] == "done" and record["stage"] in OUTPUT_PATHS
    path = OUTPUT_PATHS[record["stage"]].format(outputs.get("file", record["recording_name"])) if stored else None
    return DataProcess(
        process_type=PROCESS_TYPES.get(record["stage"], PROCESS_NAMES[record["stage"]]),
        name=process_name(record), stage=ProcessStage.PROCESSING, code=code,
        experimenters=[],  # nobody told the pipeline who runs it
        pipeline_name="simsort", start_date_time=record["started"], end_date_time=record["ended"] or None,
        output_path=path,
        output_parameters=outputs | {"state": record["state"], "surroundings": surroundings},
        notes="; ".join(notes + list(record["warnings"])) or None, resources=resources(record))


def resources(record: dict):
    """Return the machine as aind-data-schema has it, or None where the record does not tell enough."""
    from aind_data_schema.core.processing import ResourceUsage

    if not (record.get("os") and record.get("architecture")):
        return None
    return ResourceUsage(os=record["os"], architecture=record["architecture"], cpu_cores=record.get("n_cpus"))


def code_version(version: str, git_commit: str | None) -> dict:
    """Return `version` and `commit_hash`; a changed checkout is told from the commit it started from."""
    match = re.match(r"([0-9a-fA-F]{7,60})(-dirty)?$", git_commit or "")
    if not match:
        return {"version": version}
    return {"version": version + (" with uncommitted changes" if match[2] else ""), "commit_hash": match[1]}


def code_url() -> str:
    """Return where the code comes from: $SIMSORT_CODE_URL, else git's remote without any credentials."""
    url = os.environ.get("SIMSORT_CODE_URL")
    if not url:
        command = ["git", "-C", str(Path(__file__).resolve().parent), "remote", "get-url", "origin"]
        try:
            url = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return NOT_KNOWN  # a downloaded archive, or a container without git
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if parts.scheme else url or NOT_KNOWN


def build_data_description(session: str, metadata: dict[str, dict], subject_id: str | None) -> dict:
    """Describe the results, from the session's own description where that is valid.

    Parameters
    ----------
    session : str
        Name of the session.
    metadata : dict
        The session's metadata files, {name: content}.
    subject_id : str | None
        From the settings, where the user gave one.

    Returns
    -------
    description : dict
        A valid aind-data-schema `DataDescription`, or, where the schema asks for what nobody told (institution,
        investigators, ...), the known fields with `validated` false and a note that names the missing ones.
    """
    from aind_data_schema.core.data_description import DataDescription
    from aind_data_schema.utils.inheritance import derive_data_description
    from pydantic import ValidationError

    problem = "the session has no data_description.json"
    if "data_description" in metadata:
        try:
            source = DataDescription.model_validate(metadata["data_description"])
            return derive_data_description(source, process_name="sorted").model_dump(mode="json")
        except (ValidationError, ValueError) as error:
            problem = "the session's data_description.json is not valid: " + " ".join(str(error).split())[:300]
    known = known_description(session, metadata.get("subject", {}), subject_id)
    required = [name for name, field in DataDescription.model_fields.items() if field.is_required()]
    missing = [name for name in required if name not in known]
    return known | {"validated": False, "note": f"{problem}; unknown and left out: {', '.join(missing)}"}


def known_description(session: str, subject: dict, subject_id: str | None) -> dict:
    """Return the fields of a `DataDescription` that the pipeline knows."""
    from aind_data_schema_models.modalities import Modality

    created = datetime.now(timezone.utc)
    known = {"object_type": "Data description", "name": f"{session}_sorted_{created:%Y-%m-%d_%H-%M-%S}",
             "creation_time": created.isoformat(), "data_level": "derived", "source_data": [session],
             "modalities": [Modality.ECEPHYS.model_dump(mode="json")]}
    subject_id = subject_id or (subject.get("subject_id") if isinstance(subject, dict) else None)
    return known | ({"subject_id": str(subject_id)} if subject_id else {})
