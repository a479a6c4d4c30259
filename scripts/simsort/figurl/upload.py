"""Upload a recording's views and write their addresses; run as a process of its own by `publish`.

python -m simsort.figurl.upload JOB.json ANSWER.json
"""

import json
import os
import sys
from pathlib import Path
from urllib.parse import quote

FIGURL = "https://figurl.org"


def main(job: Path, answer: Path) -> None:
    """Build, upload, write `{"timeseries": address or null, "sorting_summary": address or null}`."""
    from simsort.figurl.views import initial_curation, sorting_summary_view, timeseries_view
    from simsort.viewing.files import CURATION, FOLDER
    from simsort.viewing.pack import read_pack

    task = json.loads(Path(job).read_text())
    folder = Path(task["folder"])
    links = {"timeseries": None, "sorting_summary": None}
    page = folder / FOLDER
    facts = {"recording": folder.name, "session": ""}
    if (page / "data.json").is_file():
        pack = read_pack(page)
        facts = pack.facts
        curation = json.loads((page / CURATION).read_text())
        links["sorting_summary"] = address(sorting_summary_view(pack),
                                           f"{facts['session']} {facts['recording']} - Sorting Summary",
                                           curation_state(facts, initial_curation(curation)))
    view = timeseries_view(folder, task["pictures"])
    if view is not None:
        links["timeseries"] = address(view, f"{facts['session']} {facts['recording']} - Timeseries".strip())
    Path(answer).write_text(json.dumps(links))


def curation_state(facts: dict, initial: dict) -> dict:
    """Return where the view loads its curation from, and where it saves it if GH_CURATION_REPO names a place."""
    import kachery

    # The front end knows the older form of kachery's addresses here; files on a web server have their own.
    form = 2 if os.environ.get("KACHERY_STORE_FILE_PREFIX") else 1
    state = {"initialSortingCuration": kachery.store_json(initial, label="curation.json", uri_type=form)}
    repository = os.environ.get("GH_CURATION_REPO", "").rstrip("/")
    if repository:
        place = "/".join(quote(str(part), safe="") for part in (facts["session"], facts["recording"]))
        scheme = "" if "://" in repository else "gh://"
        state["sortingCuration"] = f"{scheme}{repository}/{place}/curation.json"
    return state


def address(view, label: str, state: dict | None = None) -> str:
    """Upload a view and return its address, percent-encoded (figurl itself leaves the state as it is)."""
    parts = view.url_dict(label=label)
    parts = {"v": parts["v"], "d": parts["d"], **({"s": json.dumps(state, separators=(",", ":"))} if state else {}),
             "label": label, **({"zone": parts["zone"]} if parts.get("zone") else {})}
    query = "&".join(f"{name}={quote(str(value), safe=':/@' if name in 'vd' else '')}" for name, value in parts.items())
    return f"{os.environ.get('FIGURL_BASE_URL', FIGURL).rstrip('/')}/f?{query}"


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except Exception as error:  # its last line is the reason that users read
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")
