"""Write one NWB file, check it, and only then put it in its place."""

import re
import shutil
import uuid
from pathlib import Path

from simsort import __version__
from simsort.errors import UserError
from simsort.nwb.electrodes import add_electrodes
from simsort.nwb.metadata import SessionMetadata
from simsort.nwb.recordings import NwbRecording
from simsort.nwb.series import add_lfp, add_raw
from simsort.nwb.units import add_units

INSPECTED = ("CRITICAL", "ASKED", "BEST_PRACTICE_VIOLATION", "BEST_PRACTICE_SUGGESTION", "CHECK_FAILED")


def write_file(path: Path, recordings: list[NwbRecording], session: SessionMetadata, settings: dict) -> dict:
    """Write an NWB file with all probes of a recording and their units.

    Parameters
    ----------
    path : Path
        The file (HDF5) or folder (Zarr).
    recordings : list of NwbRecording
        Its probes.
    session : SessionMetadata
        Its head.
    settings : dict
        Settings `nwb_ecephys`.

    Returns
    -------
    outputs : dict
        Small facts for the record: `n_units`, `notes`, `inspector`, `size_bytes`, `raw_bytes`.

    Raises
    ------
    UserError
        If something is there already.
    RuntimeError
        If nwbinspector finds a critical fault or the file does not read back to the same spikes.
    """
    path = Path(path)
    if path.exists():
        raise UserError(f"{path} exists", "choose another output folder or remove it")
    nwbfile = make_file(path.stem, recordings, session)
    rows = add_electrodes(nwbfile, recordings)
    notes = list(session.notes)
    for recording in recordings:
        if settings["write_raw"]:
            add_raw(nwbfile, recording, rows[recording.name], settings)
        reason = add_lfp(nwbfile, recording, rows[recording.name], settings) if settings["write_lfp"] else ""
        notes += [reason] if reason else []
    n_units = add_units(nwbfile, recordings, rows)
    part = path.with_name(f"part_{path.name}")
    remove(part)
    with open_nwb(part, "w", settings["backend"]) as io:
        io.write(nwbfile)
    messages = inspect(part, settings["backend"])
    if messages["CRITICAL"]:
        raise RuntimeError(f"nwbinspector finds critical faults in {part}: {'; '.join(messages['CRITICAL'])}")
    check_spikes(part, recordings, n_units)
    part.rename(path)
    return {"n_units": n_units, "notes": notes, "inspector": messages, "size_bytes": size_of(path),
            "raw_bytes": sum(int(recording.raw.get_total_memory_size()) for recording in recordings)}


def make_file(stem: str, recordings: list[NwbRecording], session: SessionMetadata):
    """Make the file's head."""
    from pynwb import NWBFile
    from pynwb.file import Subject

    names = [recording.job["recording_name"] for recording in recordings]
    files = sorted(str(entry) for recording in recordings for entry in recording.job.get("fingerprint", []))
    name = recordings[0].job["session_name"]
    return NWBFile(
        session_description=session.description or f"Extracellular recording, session {name}, with sorted units",
        # the same recording gives the same identifier, whenever it is written
        identifier=str(uuid.uuid5(uuid.NAMESPACE_URL, "simsort:" + "|".join([stem, *names, *files]))),
        session_start_time=session.start, session_id=name, institution=session.institution, lab=session.lab,
        experimenter=session.experimenters or None, source_script=f"simsort {__version__}",
        source_script_file_name="simsort nwb", subject=Subject(**session.subject) if session.subject else None)


def open_nwb(path: Path, mode: str, backend: str):
    """Open an NWB file to read or write."""
    if backend == "hdf5":
        from pynwb import NWBHDF5IO

        return NWBHDF5IO(str(path), mode)
    from hdmf_zarr import NWBZarrIO, ZarrIO
    from numcodecs import JSON
    from pynwb import get_manager

    if mode == "r":
        return NWBZarrIO(str(path), mode)
    # References as JSON: by default they are pickles, which zarr refuses to open. (NWBZarrIO drops this argument.)
    return ZarrIO(str(path), manager=get_manager(), mode=mode, object_codec_class=JSON)


def inspect(path: Path, backend: str) -> dict[str, list[str]]:
    """Return what nwbinspector says of a file, {importance: messages}.

    Faults that PyNWB's own validation finds count as critical. What is asked of a subject that nobody described cannot
    be mended here: it is told apart as `ASKED`.
    """
    import pynwb
    from nwbinspector import inspect_nwbfile_object

    found: dict = {importance: [] for importance in INSPECTED}
    with open_nwb(path, "r", backend) as io:
        found["CRITICAL"] += [f"PyNWB: {error}" for error in pynwb.validate(io=io)]
        nwbfile = io.read()
        for message in inspect_nwbfile_object(nwbfile):
            name = message.importance.name if message.importance.name in found else "CRITICAL"
            if message.importance.name == "ERROR":  # the check itself broke, which says nothing of the file
                found["CHECK_FAILED"].append(message.check_function_name)
                continue
            if name == "CRITICAL" and is_asked(message.check_function_name, nwbfile.subject):
                name = "ASKED"
            found[name].append(f"{message.check_function_name}: {message.message} ({message.location})")
    return found


def is_asked(check: str, subject) -> bool:
    """Tell whether a check misses a field of the subject that nobody gave."""
    if check == "check_subject_exists":
        return subject is None
    field = re.fullmatch(r"check_subject_(age|sex|id_exists|species_exists)", check)
    names = {"age": ("age", "date_of_birth"), "sex": ("sex",), "id_exists": ("subject_id",),
             "species_exists": ("species",)}
    return bool(field) and not any(getattr(subject, name) for name in names[field[1]])


def check_spikes(path: Path, recordings: list[NwbRecording], n_units: int) -> None:
    """Read the units back through SpikeInterface and compare every spike."""
    import numpy as np
    from spikeinterface.extractors.nwbextractors import NwbSortingExtractor

    if not n_units:
        return
    found = NwbSortingExtractor(path, sampling_frequency=None, t_start=0.0)
    mine = [(r, unit_id) for r in recordings if r.sorting is not None for unit_id in r.sorting.unit_ids]
    for (recording, unit_id), name in zip(mine, found.unit_ids, strict=True):
        if not np.array_equal(found.get_unit_spike_train_in_seconds(name), recording.spike_times_s(unit_id)):
            raise RuntimeError(f"unit {name} of {path} does not read back to the same spikes")


def remove(path: Path) -> None:
    """Remove a file or folder that an interrupted run left."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    return sum(p.stat().st_size for p in ([path] if path.is_file() else path.rglob("*")) if p.is_file())
