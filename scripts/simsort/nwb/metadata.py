"""What is known of a session and its subject, from every source; what contradicts itself is an error."""

import dataclasses
import datetime
import re

from simsort.config.nwb import AGE, SPECIES, parse_time, parse_zone
from simsort.errors import UserError

SUBJECT_FIELDS = ("subject_id", "species", "sex", "age", "date_of_birth", "genotype", "strain", "weight", "description")
SEXES = {"male": "M", "female": "F", "m": "M", "f": "F", "u": "U", "o": "O", "unknown": "U", "other": "O"}
MOST_APART = datetime.timedelta(hours=24)  # of two start times of one session; recordings may begin hours after it


class Unknown(Exception):
    """Something the file cannot be without and nobody told; says what to give."""


@dataclasses.dataclass
class SessionMetadata:
    """What goes into the NWB file's head.

    Attributes
    ----------
    start : datetime.datetime
        With its time zone.
    subject : dict
        Fields of `pynwb.file.Subject`, without those nobody told; empty if nothing is known.
    institution, lab, description : str | None
        Of the session.
    experimenters : list of str
        As 'Last, First' where they were given so.
    notes : list of str
        What was left out.
    """

    start: datetime.datetime
    subject: dict
    institution: str | None
    lab: str | None
    description: str | None
    experimenters: list
    notes: list


def gather(metadata: dict[str, dict], header_times: dict[str, str | None], subject: dict,
           ecephys: dict) -> SessionMetadata:
    """Gather what the settings, the session's JSON files and the recordings' headers say.

    Parameters
    ----------
    metadata : dict
        The session's metadata files, {name without .json: content}.
    header_times : dict
        {recording name: start time in its header, ISO 8601, or None}.
    subject, ecephys : dict
        Settings `nwb_subject` and `nwb_ecephys`.

    Raises
    ------
    UserError
        If two sources contradict one another, or a file says what cannot be.
    Unknown
        If the start time or its time zone is not known.
    """
    start = start_time(metadata, header_times, ecephys)
    about, notes = subject_fields(metadata, subject, start)
    description = metadata.get("data_description", {})
    institution = description.get("institution")
    named = [person.get("name") if isinstance(person, dict) else str(person)
             for person in description.get("investigators") or []]
    institution = institution.get("name") if isinstance(institution, dict) else institution
    return SessionMetadata(
        start=start, subject=about, lab=ecephys["lab"], description=ecephys["session_description"],
        institution=ecephys["institution"] or institution,
        experimenters=ecephys["experimenter"] or [name for name in named if name], notes=notes)


def start_time(metadata: dict, header_times: dict, ecephys: dict) -> datetime.datetime:
    """Return when the recording began: the setting, else its header, else the session's JSON files."""
    sources = {}
    if ecephys["session_start_time"]:
        sources["--nwb_ecephys.session-start-time"] = ecephys["session_start_time"]
    headers = {f"the header of {name}": text for name, text in header_times.items() if text}
    sources |= dict(sorted(headers.items(), key=lambda item: item[1]))
    for file, key in (("acquisition", "acquisition_start_time"), ("session", "session_start_time")):
        if metadata.get(file, {}).get(key):
            sources[f"{file}.json"] = str(metadata[file][key])
    if not sources:
        raise Unknown("when the session began is not known: give --nwb_ecephys.session-start-time, such as "
                      "2024-02-08T14:10:37+01:00")
    times = {name: parse_time(text, name) for name, text in sources.items()}
    zone = parse_zone(ecephys["timezone"]) or next((t.tzinfo for t in times.values() if t.tzinfo), None)
    if zone is None:
        name, time = next(iter(times.items()))
        raise Unknown(f"{name} gives the start {time.isoformat()} without a time zone: give --nwb_ecephys.timezone, "
                      "such as Europe/Berlin")
    times = {name: time if time.tzinfo else time.replace(tzinfo=zone) for name, time in times.items()}
    first, chosen = next(iter(times.items()))
    for name, time in times.items():
        if abs(time - chosen) > MOST_APART:
            raise UserError(f"{first} says the session began {chosen.isoformat()}, {name} says {time.isoformat()}",
                            "correct the one that is wrong; --nwb_ecephys.session-start-time must agree with the files")
    return chosen


def subject_fields(metadata: dict, settings: dict, start: datetime.datetime) -> tuple[dict, list[str]]:
    """Return the subject's fields, each checked against every source, and notes on what is missing."""
    sources = {"the settings (--nwb_subject)": {k: v for k, v in settings.items() if v is not None},
               "subject.json": read_subject(metadata.get("subject", {})),
               "data_description.json": only_id(metadata.get("data_description", {}))}
    fields: dict = {}
    origin: dict = {}
    for source, given in sources.items():
        for key, value in given.items():
            if key in fields and str(fields[key]).casefold() != str(value).casefold():
                raise UserError(f"{origin[key]} says {key} {fields[key]}, {source} says {value}",
                                "correct the one that is wrong")
            fields.setdefault(key, value)
            origin.setdefault(key, source)
    check_subject(fields, origin, start)
    if not fields:
        return {}, ["the subject is not known and left out: put a subject.json beside the data, or give "
                    "--nwb_subject_args"]
    missing = [key for key in ("subject_id", "species", "sex") if key not in fields]
    missing += ["age or date_of_birth"] if not {"age", "date_of_birth"} & set(fields) else []
    fields.setdefault("sex", "U")  # NWB's own word for unknown
    notes = [f"of the subject {', '.join(missing)} is not known and left out"] if missing else []
    if "date_of_birth" in fields:
        born = parse_time(fields["date_of_birth"], origin["date_of_birth"])
        fields["date_of_birth"] = born if born.tzinfo else born.replace(tzinfo=start.tzinfo)
    return fields, notes


def read_subject(content: dict) -> dict:
    """Read a subject.json: AIND's, version 1 (flat) or 2 (`subject_details`), or NWB's own field names."""
    if not isinstance(content, dict):
        return {}
    details = content.get("subject_details") if isinstance(content.get("subject_details"), dict) else {}
    merged = {**content, **details}
    fields = {key: merged[key] for key in SUBJECT_FIELDS if merged.get(key) not in (None, "", {}, [])}
    for key in ("species", "strain"):
        if isinstance(fields.get(key), dict):
            fields[key] = fields[key].get("name")
    if "sex" in fields:
        fields["sex"] = SEXES.get(str(fields["sex"]).strip().lower(), str(fields["sex"]))
    return {key: str(value) for key, value in fields.items() if value}


def only_id(description: dict) -> dict:
    """Return the subject's identifier from a data_description.json."""
    found = description.get("subject_id") if isinstance(description, dict) else None
    return {"subject_id": str(found)} if found else {}


def check_subject(fields: dict, origin: dict, start: datetime.datetime) -> None:
    """Raise `UserError` for values that NWB does not take or that cannot be."""
    forms = {"sex": re.compile("[MFUO]"), "species": SPECIES, "age": AGE}
    examples = {"sex": "M, F, U or O", "species": "a Latin name such as Mus musculus", "age": "a duration such as P90D"}
    for key, form in forms.items():
        if key in fields and not form.fullmatch(str(fields[key])):
            raise UserError(f"{origin[key]} says {key} {fields[key]}", f"allowed: {examples[key]}")
    if "date_of_birth" not in fields:
        return
    born = parse_time(fields["date_of_birth"], origin["date_of_birth"])
    days = (start.date() - born.date()).days
    if days < 0:
        raise UserError(f"{origin['date_of_birth']} says the subject was born {born.date()}, after the session on "
                        f"{start.date()}", "correct the one that is wrong")
    match = re.fullmatch(r"P(?:(\d+)W)?(?:(\d+)D)?", fields.get("age", ""))
    if match and any(match.groups()):
        age_days = 7 * int(match[1] or 0) + int(match[2] or 0)
        slack = 7 if match[2] is None else 1
        if abs(age_days - days) > slack:
            raise UserError(f"{origin['age']} says age {fields['age']}, but {origin['date_of_birth']} says born "
                            f"{born.date()}, {days} days before the session", "correct the one that is wrong")
