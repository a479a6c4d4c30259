"""One page over all sessions. Standard library only; everything that came from a file is escaped."""

from __future__ import annotations

import datetime
import os
from html import escape
from pathlib import Path
from urllib.parse import quote

from simsort.multijob.manifest import Entry
from simsort.multijob.states import State, counts
from simsort.whole_files import write_whole

PAGE = "multijob_summary.html"
STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #8884; vertical-align: top; }
td.words { overflow-wrap: anywhere; }
.state { border-radius: .6rem; padding: .05rem .6rem; white-space: nowrap; color: #fff; background: #5b6573; }
.done { background: #1f7a3d; } .failed, .refused, .interrupted { background: #b3261e; }
.running { background: #1e5fb3; }
"""


def write_summary(folder: Path, entries: list[Entry], states: dict[str, State]) -> Path:
    """Write the page of all sessions, replaced in one step; return it."""
    page = folder / PAGE
    write_whole(page, render(folder, entries, states).encode("utf8", errors="replace"))
    return page


def render(folder: Path, entries: list[Entry], states: dict[str, State]) -> str:
    """Return the page: a row per session with its state, its recordings and a link to its own start page."""
    rows = "\n".join(row_of(folder, entry, states[entry.name]) for entry in entries)
    made = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>All sessions</title>
<style>{STYLE}</style>
</head>
<body>
<h1>All sessions</h1>
<p>{escape(counts(states))}. {made}</p>
<table>
<thead><tr><th>N</th><th>session</th><th>state</th><th>recordings</th><th>units</th><th></th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</body>
</html>
"""


def row_of(folder: Path, entry: Entry, state: State) -> str:
    """Return a session's row."""
    name = escape(entry.name)
    if (entry.results / "index.html").is_file():
        name = f'<a href="{quote(os.path.relpath(entry.results / "index.html", folder), errors="surrogateescape")}">{name}</a>'
    verdicts = state.verdicts.values()
    done = sum(verdict["state"] == "done" for verdict in verdicts)
    recordings = f"{done} of {len(verdicts)}" if verdicts else ""
    units = str(sum(verdict.get("n_units") or 0 for verdict in verdicts)) if verdicts else ""
    return (f"<tr><td>{entry.number}</td><td>{name}</td><td><span class=\"state {state.name}\">{state.name}</span></td>"
            f"<td>{recordings}</td><td>{units}</td><td class=\"words\">{escape(state.words)}</td></tr>")
