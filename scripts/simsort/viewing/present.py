"""What the pages start with: the present version of each recording's curation. Standard library only."""

import json
import re
from pathlib import Path

from simsort.applying.versions import SAVED, Versions
from simsort.viewing.files import CURATION, FOLDER, SINGLE_FILE, for_page, page_facts
from simsort.viewing.inside import inside_html
from simsort.whole_files import write_whole

EMBEDDED = re.compile(r'(<script type="application/json" id="curation-json">)[^<]*(</script>)')


def present_curation(results: Path, recording: str) -> bytes:
    """Return what was saved last, unless another version was applied since; else the present version's curation.

    A curation of another sorting, left from before the pipeline ran anew, is none of the page's.
    """
    versions = Versions(results, recording)
    page = Path(results) / "visualization" / recording / FOLDER / CURATION
    sorting, number = page_facts(results, recording)["sorting"], versions.current()
    for path, version in ((versions.folder / SAVED, number), (versions.present / CURATION, None)):
        if path.is_file():
            content = path.read_bytes()
            curation = json.loads(content)
            about = curation.get("simsort", {})
            if about.get("sorting") == sorting and version in (None, about.get("version")):
                shorter = for_page(curation)
                return content if shorter is curation else (json.dumps(shorter, indent=1) + "\n").encode()
    return page.read_bytes()


def refresh_pages(results: Path, recordings: list[str]) -> list[str]:
    """Give pages that the pipeline wrote anew the curation that was applied before.

    Returns
    -------
    lines : list of str
        What the user should know: curations that stay, and those of an earlier sorting.
    """
    lines = []
    for recording in recordings:
        versions = Versions(results, recording)
        applied = versions.present / CURATION
        if not versions.numbers() or not applied.is_file():
            continue
        curation = for_page(json.loads(applied.read_text()))
        if curation["simsort"]["sorting"] != page_facts(results, recording)["sorting"]:
            lines.append(f"curated/{recording} is a curation of an earlier sorting, kept: simsort apply-curation "
                         f"RESULTS --recording {recording} --start-over takes the new sorting's automatic labels")
            continue
        if versions.current() > 1:
            by = versions.about(versions.current())["by"]
            lines.append(f"curated/{recording}: version {versions.current()} by {by} stays the present one")
            lines += refresh_summaries(results, recording, versions)
        folder = Path(results) / "visualization" / recording
        content = (json.dumps(curation, indent=1) + "\n").encode()
        if (folder / FOLDER / CURATION).read_bytes() != content:
            write_whole(folder / FOLDER / CURATION, content)
            page = (folder / SINGLE_FILE).read_text(encoding="utf8")
            text = inside_html(json.dumps(curation))
            page = EMBEDDED.sub(lambda match: match[1] + text + match[2], page, count=1)
            write_whole(folder / SINGLE_FILE, page.encode())
    return lines


def refresh_summaries(results: Path, recording: str, versions: Versions) -> list[str]:
    """Give index.html and status.json the units of the version that stays; say so where that cannot be."""
    from simsort.applying.summaries import read_units, update_summaries

    try:
        update_summaries(Path(results), recording, read_units(versions.present / "units.csv"),
                         versions.about(versions.current()))
    except ModuleNotFoundError as error:  # this Python has only what a head job needs
        return [f"index.html shows the automatic labels of {recording} (no {error.name} here): simsort apply-curation RESULTS "
                f"--recording {recording} --version {versions.current()} writes it again"]
    return []
