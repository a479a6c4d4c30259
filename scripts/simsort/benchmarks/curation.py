"""Sizes and times of the curation page: making it, first view in a browser, applying a curation."""

import dataclasses
import json
import shutil
import time
from pathlib import Path

from simsort.benchmarks.machine import describe_machine, made_on
from simsort.benchmarks.many_units import many_units
from simsort.benchmarks.tables import markdown_table

RULE = "isi_violations_ratio < 0.5 and presence_ratio > 0.8"
CHROMIUM = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
AIM_VIEW_S = 5.0
NAME = "many"


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to measure.

    Attributes
    ----------
    out : Path
        Scratch folder.
    units : tuple of int
        Numbers of units.
    duration_s : float
        Duration of the session.
    command : str
        For the document.
    """

    out: Path
    units: tuple
    duration_s: float
    command: str


def bench_curation(settings: Settings) -> dict:
    """Measure every number of units in turn."""
    rows = []
    for n_units in settings.units:
        folder = Path(settings.out) / f"units_{n_units}"
        shutil.rmtree(folder, ignore_errors=True)
        rows.append({"n_units": n_units, **make_results(folder, n_units, settings.duration_s),
                     "view_s": time_to_view(folder / "visualization" / NAME / "curate.html"),
                     **time_to_apply(folder)})
        shutil.rmtree(folder)
    return {"rows": rows, "machine": describe_machine(), "command": settings.command, "duration_s": settings.duration_s}


def make_results(folder: Path, n_units: int, duration_s: float) -> dict:
    """Write a results folder of a generated sorting; return spikes, bytes and seconds of making the page."""
    import spikeinterface.full as si

    from simsort.curation.curation_file import automatic_curation, write_curation
    from simsort.curation.rule import parse_rule
    from simsort.curation.unit_table import judge_units, set_properties, write_units_csv
    from simsort.viewing.gather import gather_pack
    from simsort.viewing.page import write_pages

    analyzer = many_units(n_units, duration_s)
    table = analyzer.get_extension("quality_metrics").get_data().astype("float64")
    verdicts = judge_units(table, parse_rule(RULE))
    start = time.perf_counter()
    names = {"recording": NAME, "session": "generated", "rule": RULE}
    unit_ids = analyzer.unit_ids.tolist()
    pack = gather_pack(analyzer, names, table, {u: (v.label, list(v.reasons)) for u, v in zip(unit_ids, verdicts)})
    about = {"recording": NAME, "session": "generated", "sorting": pack.facts["sorting"]}
    curation = automatic_curation(unit_ids, [v.label for v in verdicts], about)
    sizes = write_pages(pack, curation, folder / "visualization" / NAME)
    made_s = time.perf_counter() - start
    sorting = si.NumpySorting.from_sorting(analyzer.sorting)
    set_properties(sorting, table, verdicts)
    sorting.save(folder=folder / "curated" / NAME)
    write_curation(folder / "curated" / NAME / "curation.json", curation)
    write_units_csv(folder / "curated" / NAME / "units.csv", table, verdicts)
    analyzer.save_as(format="zarr", folder=folder / "postprocessed" / f"{NAME}.zarr")
    return {"n_spikes": sum(pack.facts["n_spikes"]), "made_s": made_s, "file_bytes": sizes["curate.html"],
            "folder_bytes": sizes["curation/"]}


def time_to_view(page: Path) -> float | None:
    """Return the seconds until the page is there in headless Chromium; None without a browser."""
    chromium = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if not chromium:
        return None
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=list(CHROMIUM))
        tab = browser.new_page(viewport={"width": 1366, "height": 768})
        start = time.perf_counter()
        tab.goto(page.resolve().as_uri())
        tab.wait_for_selector("body[data-ready=yes]", timeout=120_000)
        seconds = time.perf_counter() - start
        browser.close()
    return seconds


def time_to_apply(results: Path) -> dict:
    """Return the seconds of applying labels alone, and of applying ten merges on top."""
    from simsort.applying.apply import apply_curation

    seconds = {}
    file = results / "mine.json"
    labels = {str(unit): ["noise"] for unit in range(10)}
    merges = [[str(2 * pair), str(2 * pair + 1)] for pair in range(10)]
    for key, content in (("labels_s", {"labelsByUnit": labels}),
                         ("merges_s", {"labelsByUnit": labels, "mergeGroups": merges})):
        file.write_text(json.dumps(content))
        start = time.perf_counter()
        apply_curation(results, file, by="bench")
        seconds[key] = time.perf_counter() - start
    return seconds


def blocks_of(result: dict) -> dict[str, str]:
    """Return the block of docs/benchmarks.md."""
    machine = result["machine"]
    rows = [[str(r["n_units"]), f"{r['n_spikes'] / 1e6:.1f}", f"{r['made_s']:.1f}", f"{r['file_bytes'] / 1e6:.1f}",
             f"{r['folder_bytes'] / 1e6:.1f}", "–" if r["view_s"] is None else f"{r['view_s']:.1f}",
             f"{r['labels_s']:.1f}",
             f"{r['merges_s']:.1f}"] for r in result["rows"]]
    header = ["units", "spikes (millions)", "making the page (s)", "curate.html (MB)", "curation/ (MB)",
              "first view (s)",
              "applying labels (s)", "applying ten merges (s)"]
    views = [r["view_s"] for r in result["rows"] if r["view_s"] is not None]
    reached = "not measured" if not views else "reached" if max(views) < AIM_VIEW_S else "**not reached**"
    return {"curation": "\n\n".join([
        f"`{result['command']}`",
        f"{made_on(machine)}, {machine['memory_gb']} GB memory; a session of {result['duration_s'] / 3600:g} h.",
        markdown_table(header, rows), f"Aim: 400 units open within {AIM_VIEW_S:g} s: {reached}."])}
