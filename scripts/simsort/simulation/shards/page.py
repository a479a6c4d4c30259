"""The summary page of a simulation: what cells and recordings there are, readable without any other file."""

from html import escape

STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .8rem .25rem 0;border-bottom:1px solid #ddd}
td.n,th.n{text-align:right}code{background:#f3f3f3;padding:0 .2em}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}"""


def render_page(manifest: dict) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    manifest : dict
        From `build_manifest`.
    """
    title = f"Simulation: {len(manifest['cells'])} cells, {len(manifest['recordings'])} recordings"
    missing = manifest["missing"]
    parts = [f"<h1>{title}</h1>"]
    if missing:
        parts.append(f"<p><b>Not made:</b> {escape(', '.join(missing))}. Run again to make them.</p>")
    parts += ["<h2>Recordings</h2>", recordings_table(manifest["recordings"]), "<h2>Cells</h2>",
              cells_table(manifest["cells"]), "<h2>Settings</h2>", settings_table(manifest),
              "<p>Checksums of every file: <code>manifest.json</code>. <code>simsort pretrain</code> trains on these cells.</p>"]
    return (f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style><body>"
            + "\n".join(parts) + "</body></html>\n")


def table(head: list[str], rows: list[list]) -> str:
    """Return an HTML table; numbers are set flush right."""
    def cell(value, tag="td"):
        number = " class=n" if isinstance(value, (int, float)) else ""
        shown = f"{value:.4g}" if isinstance(value, float) else str(value)
        return f"<{tag}{number}>{escape(shown)}</{tag}>"

    lines = ["<tr>" + "".join(cell(name, "th") for name in head) + "</tr>"]
    lines += ["<tr>" + "".join(cell(value) for value in row) + "</tr>" for row in rows]
    return "<table>" + "\n".join(lines) + "</table>"


def recordings_table(recordings: list[dict]) -> str:
    """Return a row per recording."""
    if not recordings:
        return "<p>None.</p>"
    rows = [[note["name"], note["probe"], note["n_channels"], note["duration_s"], note["n_units"], snr_range(note)]
            for note in recordings]
    return table(["recording", "probe", "channels", "seconds", "labelled units", "SNR"], rows)


def snr_range(note: dict) -> str:
    """Return the lowest and highest signal-to-noise ratio of a recording's units."""
    snr = [unit["snr"] for unit in note["units"] if unit["snr"] is not None]
    return f"{min(snr):.1f} to {max(snr):.1f}" if snr else "no added noise"


def cells_table(cells: list[dict]) -> str:
    """Return a row per cell."""
    rows = [[cell["name"], cell["cell_type"], cell["layer"], cell["subclass"], cell["n_snippets"], cell["bytes"] / 1e6]
            for cell in cells]
    return table(["cell", "type", "layer", "class", "spikes kept", "MB"], rows) if rows else "<p>None.</p>"


def settings_table(manifest: dict) -> str:
    """Return a row per setting of both stages."""
    rows = [[f"{stage}.{name}", value if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)]
            for stage in ("simulation", "rendering") for name, value in manifest[stage].items() if value not in (None, [])]
    return table(["setting", "value"], rows)
