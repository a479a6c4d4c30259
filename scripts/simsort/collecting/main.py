"""Write the summary files and the start page of a results folder."""

from pathlib import Path

from simsort.collecting.inputs import copy_session_metadata, read_records, read_session_metadata
from simsort.collecting.page import render_page
from simsort.collecting.processing import build_data_description, build_processing
from simsort.collecting.status import build_status
from simsort.config.places import session_identity
from simsort.quality.schema import quality_control
from simsort.whole_files import write_json

NOT_MADE = "the recording has no view: its visualize stage did not finish"


def collect_results(records_folder: Path, failures: list[dict], parameters: dict, data_path: Path, out: Path) -> dict:
    """Write status.json, the metadata files, visualization_output.json and index.html.

    Parameters
    ----------
    records_folder : Path
        Folder with the stages' records, at any depth.
    failures : list of dict
        From `simsort failures`.
    parameters : dict
        The resolved configuration.
    data_path : Path
        The session, whose own metadata files are copied.
    out : Path
        Results folder.

    Returns
    -------
    status : dict
        Content of status.json.
    """
    out = Path(out)
    records, jobs = read_records(records_folder)
    named = [item["session_name"] for item in (*records, *failures) if item.get("session_name")]
    session = named[0] if named else session_identity(str(data_path))
    status = build_status(session, records, failures)
    metadata = read_session_metadata(data_path)
    subject_id = parameters.get("nwb_subject", {}).get("subject_id")
    copy_session_metadata(data_path, out)
    write_json(out / "data_description.json", build_data_description(session, metadata, subject_id))
    processing = build_processing(records, failures)
    (out / "processing.json").write_text(processing.model_dump_json(indent=1) + "\n")
    quality = quality_control([record for record in records if record["stage"] == "qc"])
    (out / "quality_control.json").write_text(quality.model_dump_json(indent=1) + "\n")
    write_json(out / "visualization_output.json", visualization_output(status, records))
    # What the pages are made of, for `simsort apply-curation` to write them again.
    write_json(out / "records.json", {"session": session, "records": records, "failures": failures, "jobs": jobs,
                                      "parameters": parameters})
    (out / "index.html").write_text(render_page(status, records, jobs, parameters), encoding="utf8")
    write_json(out / "status.json", status)  # last: with it the folder is complete
    return status


def visualization_output(status: dict, records: list[dict]) -> dict:
    """Return the links to each recording's views, in the ancestors' form; those not made say why."""
    outputs = {record["recording_name"]: record["outputs"] for record in records if record["stage"] == "visualize"}
    return {name: links(name, outputs.get(name, {}), stages["visualize"]) for name, stages in status["recordings"].items()}


def links(name: str, outputs: dict, stage: dict) -> dict:
    """Return where one recording's views are."""
    figurl = outputs.get("figurl") or {"status": "skipped", "reason": stage["reason"] or NOT_MADE}
    done = stage["state"] == "done"
    return {"timeseries": figurl.get("timeseries"), "sorting_summary": figurl.get("sorting_summary"),
            "offline": f"visualization/{name}/curate.html" if done and outputs.get("curation_page_bytes") else None,
            "figurl": {"status": figurl["status"], "reason": figurl["reason"]},
            "pictures": f"visualization/{name}/" if done else None}
