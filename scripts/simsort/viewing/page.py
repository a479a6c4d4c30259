"""The curation page in its two forms: a folder that `simsort view` serves, and one file that opens by double click."""

import base64
import hashlib
import html
import json
import re
from pathlib import Path

from simsort.viewing.files import CURATION, FOLDER, SINGLE_FILE
from simsort.viewing.inside import inside_html
from simsort.viewing.pack import Pack
from simsort.whole_files import write_whole

PAGE = Path(__file__).parent / "page"
SCRIPTS = ("state.js", "draw.js", "page.js", "table.js", "split.js", "suggested.js", "tabs.js", "labels.js", "files.js",
           "keys.js")


def write_pages(pack: Pack, curation: dict, folder: Path) -> dict:
    """Write both forms of a recording's curation page.

    Parameters
    ----------
    pack : Pack
        What the page shows.
    curation : dict
        The state it starts with, in SpikeInterface's format 2.
    folder : Path
        `visualization/<recording>`; gets `curate.html` and `curation/`.

    Returns
    -------
    sizes : dict
        Bytes of `curate.html` and of `curation/`.
    """
    folder = Path(folder)
    served = folder / FOLDER
    served.mkdir(parents=True, exist_ok=True)
    pack.write(served)
    write_whole(served / CURATION, dump(curation))
    title = f"{pack.facts['recording']}: curation"
    write_whole(served / "index.html", render(title, connect="'self'"))
    text, data = pack.dumps()
    single = render(title, connect="'none'", data=inside_html(text), curation=inside_html(json.dumps(curation)),
                    binary=base64.b64encode(data).decode())
    write_whole(folder / SINGLE_FILE, single)
    return {SINGLE_FILE: len(single), f"{FOLDER}/": sum(p.stat().st_size for p in served.iterdir())}


def dump(curation: dict) -> bytes:
    """Write a curation as people may read it."""
    return (json.dumps(curation, indent=1) + "\n").encode()


def render(title: str, *, connect: str, data: str = "", curation: str = "", binary: str = "") -> bytes:
    """Fill the page's template; its policy allows its own script and style, and no address but `connect`."""
    style = (PAGE / "page.css").read_text(encoding="utf8")
    script = "\n".join((PAGE / name).read_text(encoding="utf8") for name in SCRIPTS)
    policy = (f"default-src 'none'; script-src '{source_hash(script)}'; style-src '{source_hash(style)}'; img-src data:; "
              f"connect-src {connect}; form-action 'none'; base-uri 'none'")
    values = {"CSP": policy, "TITLE": html.escape(title), "CSS": style, "JS": script, "DATA": data,
              "CURATION": curation, "BINARY": binary}
    # In one pass, so that a name such as @JS@ in the data stays what it is.
    template = (PAGE / "page.html").read_text(encoding="utf8")
    return re.sub("@([A-Z]+)@", lambda match: values[match[1]], template).encode()


def source_hash(text: str) -> str:
    """Return the hash by which a content security policy names an inline script or style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
