"""Units split by a line drawn around some of their spikes, in the plane of time and amplitude. Standard library only."""

import math

from simsort.errors import UserError

MOST_CORNERS = 2000
REMEDY = "draw it again on the curation page"


def read_cuts(entries, known, text_of) -> list[dict]:
    """Read the cuts of a file.

    Parameters
    ----------
    entries : list of dict
        `unit_id`; `polygon`, corners [seconds from the start of the recording, amplitude]; `labels`, {label kind: list}
        for the spikes inside and for the others, or nothing where the unit's own stay.
    known : callable
        Gives the sorting's own id of a unit, or raises.
    text_of : callable
        Returns a label, or raises.

    Returns
    -------
    cuts : list of dict
        The same, checked.

    Raises
    ------
    UserError
        If a cut is no polygon.
    """
    cuts = []
    for entry in entries:
        unit_id = known(entry["unit_id"])
        corners = [tuple(corner) for corner in entry["polygon"]]
        if not 3 <= len(corners) <= MOST_CORNERS or not all(len(corner) == 2 and all(map(is_number, corner)) for corner in corners):
            raise UserError(f"splits unit {unit_id} by a line that encloses nothing", REMEDY)
        labels = [{text_of(kind): [text_of(label) for label in values] for kind, values in (part or {}).items()}
                  for part in entry.get("labels") or [{}, {}]]
        if len(labels) != 2:
            raise UserError(f"gives labels for {len(labels)} parts of unit {unit_id}, which has two", REMEDY)
        cuts.append({"unit_id": unit_id, "polygon": [list(corner) for corner in corners], "labels": labels})
    return cuts


def is_number(value) -> bool:
    """Tell whether a value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
