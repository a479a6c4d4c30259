"""The settings of the NWB files, and their checks. Standard library only."""

import dataclasses
import datetime
import re
import zoneinfo

from simsort.config.options import option
from simsort.errors import UserError

AGE = re.compile(r"P(?=\d)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(\d+H)?(\d+M)?(\d+S)?)?"
                 r"(/(P(?=\d)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?)?)?")
SPECIES = re.compile(r"[A-Z][a-z]+ [a-z-]+( [a-z-]+)?|http://purl\.obolibrary\.org/obo/NCBITaxon_\d+/?")


@dataclasses.dataclass(frozen=True, kw_only=True)
class NwbSubject:
    """Subject of the NWB file. What is not given is taken from the session's `subject.json`, or left out."""

    subject_id: str | None = option(None, "identifier of the animal")
    species: str | None = option(None, "Latin name or NCBI taxonomy link")
    sex: str | None = option(None, "sex", choices=("M", "F", "U", "O"))
    age: str | None = option(None, "ISO 8601 duration, such as P90D")
    date_of_birth: str | None = option(None, "ISO 8601 date")
    genotype: str | None = option(None, "genotype")
    strain: str | None = option(None, "strain")
    weight: str | None = option(None, "weight with its unit, such as 0.025 kg")
    description: str | None = option(None, "anything else about the animal")


@dataclasses.dataclass(frozen=True, kw_only=True)
class NwbEcephys:
    """The NWB file: storage, electrical series, and what is to be said of the session."""

    backend: str = option("zarr", "storage", choices=("zarr", "hdf5"))
    stub: bool = option(False, "write only --stub-seconds of the electrical series")
    stub_seconds: float = option(10.0, "seconds written with --stub", minimum=0.1)
    write_lfp: bool = option(True, "write the LFP band")
    write_raw: bool = option(False, "write the raw recording")
    lfp_temporal_factor: int = option(2, "decimation of the LFP in time, from about 2500 Hz", minimum=1)
    lfp_spatial_factor: int = option(4, "decimation of the LFP in space: one channel in so many", minimum=1)
    lfp_highpass_freq_min: float = option(0.1, "high-pass corner of the LFP in Hz; 0: none", minimum=0.0)
    session_start_time: str | None = option(None, "ISO 8601, where the session's own files do not tell it")
    timezone: str | None = option(None, "IANA name such as Europe/Berlin, where the start time stands without one")
    session_description: str | None = option(None, "one line about the session")
    institution: str | None = option(None, "institution; default: from data_description.json")
    lab: str | None = option(None, "laboratory")
    experimenter: list = option([], "names as 'Last, First', a JSON list; default: from data_description.json")


def check_nwb(subject: dict, ecephys: dict) -> None:
    """Check the texts among the settings that have a form.

    Raises
    ------
    UserError
        For an age, a date, a species or a time zone that is none.
    """
    if subject["age"] is not None and not AGE.fullmatch(subject["age"]):
        raise UserError(f"--nwb_subject.age was given {subject['age']!r}",
                        "allowed: an ISO 8601 duration such as P90D, P12W or P1Y2M")
    if subject["species"] is not None and not SPECIES.fullmatch(subject["species"]):
        raise UserError(f"--nwb_subject.species was given {subject['species']!r}",
                        "allowed: a Latin name such as Mus musculus, or an NCBI taxonomy link")
    parse_time(subject["date_of_birth"], "--nwb_subject.date-of-birth")
    parse_time(ecephys["session_start_time"], "--nwb_ecephys.session-start-time")
    parse_zone(ecephys["timezone"])


def parse_time(text: str | None, name: str) -> datetime.datetime | None:
    """Read an ISO 8601 date or time.

    Parameters
    ----------
    text : str | None
        What was given.
    name : str
        Where, for the message.

    Raises
    ------
    UserError
        If it is none.
    """
    if text is None:
        return None
    try:
        # datetime reads what ISO 8601 writes, from Python 3.11 on also a Z and any number of decimals
        return datetime.datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.strip().replace("Z", "+00:00")))
    except ValueError:
        raise UserError(f"{name} was given {text!r}",
                        "allowed: an ISO 8601 date or time such as 2024-02-08 or 2024-02-08T14:10:37+01:00") from None


def parse_zone(name: str | None) -> zoneinfo.ZoneInfo | None:
    """Return a time zone by its name.

    Raises
    ------
    UserError
        If there is none of this name.
    """
    if name is None:
        return None
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise UserError(f"--nwb_ecephys.timezone was given {name!r}",
                        "allowed: an IANA name such as Europe/Berlin, America/New_York or UTC") from None
