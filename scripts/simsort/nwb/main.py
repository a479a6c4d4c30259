"""The NWB file of some recordings, from folders to a file, and a record for each recording."""

from pathlib import Path

from simsort.collecting.inputs import read_session_metadata
from simsort.errors import UserError
from simsort.nwb.metadata import Unknown, gather
from simsort.nwb.names import file_stem
from simsort.nwb.recordings import load_recordings
from simsort.nwb.write import write_file
from simsort.preprocessing.preprocess import data_root
from simsort.records import Record


def write_nwb(jobs: list[dict], data_path: Path, folders: dict, subject: dict, ecephys: dict,
              out: Path) -> list[Record]:
    """Write the NWB file of recordings that belong together: one session, block and number, all probes.

    Parameters
    ----------
    jobs : list of dict
        The recordings as dispatch described them.
    data_path : Path
        The session: raw samples and metadata files.
    folders : dict
        `preprocessed`, `postprocessed`, `curated`: folders that hold those stages' output folders, or None.
    subject, ecephys : dict
        Settings `nwb_subject` and `nwb_ecephys`.
    out : Path
        `<session>_<block>_recording<n>.nwb` is written into it.

    Returns
    -------
    records : list of Record
        One per recording, not written yet; skipped where the file cannot be without something nobody told.

    Raises
    ------
    UserError
        If the metadata contradict themselves or the data, or the recordings do not belong together.
    """
    stems = {job.get("nwb_name") or file_stem(job["session_name"], job["recording_name"]) for job in jobs}
    if len(stems) != 1:
        raise UserError(f"the recordings belong to {len(stems)} NWB files ({', '.join(sorted(stems))})",
                        "give the jobs of one session, block and recording at a time")
    [stem] = stems
    records = [Record(stage="nwb", recording_name=job["recording_name"], session_name=job["session_name"],
                      parameters={"nwb_subject": subject, "nwb_ecephys": ecephys}) for job in jobs]
    metadata = read_session_metadata(data_root(data_path))
    try:
        header_times = {job["recording_name"]: job.get("session_start_time") for job in jobs}
        session = gather(metadata, header_times, subject, ecephys)
    except Unknown as unknown:
        for record in records:
            record.state, record.reason = "skipped", str(unknown)
        return records
    recordings = load_recordings(jobs, data_root(data_path), folders)
    outputs = write_file(Path(out) / f"{stem}.nwb", recordings, session, ecephys)
    for record in records:
        record.outputs = {"file": f"{stem}.nwb", "session_start_time": session.start.isoformat(), **outputs}
        record.warnings = [f"NWB: {note}" for note in outputs["notes"]]
    return records
