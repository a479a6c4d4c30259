"""index.html: everything a person first wants to know of a results folder, on one page."""

import datetime
from pathlib import Path
from urllib.parse import quote

from simsort.collecting.failures import STAGES
from simsort.collecting.status import label_of
from simsort.config import stages as settings
from simsort.config.options import default_of

TEMPLATES = Path(__file__).parent / "templates"
STAGE_TITLES = {"dispatch": "Find and check", "preprocess": "Preprocess", "sort": "Sort", "postprocess": "Postprocess",
                "curate": "Curate", "visualize": "Visualize", "qc": "Quality control", "nwb": "NWB file"}
SETTINGS_TITLES = {"globals": "Run", "job_dispatch": "Job dispatch", "preprocessing": "Preprocessing",
                   "spikesort": "Spike sorting", "postprocessing": "Postprocessing", "curation": "Curation",
                   "visualization": "Visualization", "quality_control": "Quality control",
                   "nwb_subject": "NWB subject", "nwb_ecephys": "NWB ephys"}


def render_page(status: dict, records: list[dict], jobs: list[dict], parameters: dict) -> str:
    """Render index.html.

    Parameters
    ----------
    status : dict
        Content of status.json.
    records, jobs : list of dict
        What the stages and dispatch wrote.
    parameters : dict
        The resolved configuration.

    Returns
    -------
    html : str
        One page without scripts; links are relative to the results folder. Everything in it that came from a file is
        escaped: names of folders, units and reasons are other people's text.
    """
    import jinja2

    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True,
                                     lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.globals["link"] = link
    outputs = {(r["recording_name"], r["stage"]): r for r in records}
    facts = {job["recording_name"]: job for job in jobs}
    recordings = [describe_recording(name, status, outputs, facts.get(name, {})) for name in status["recordings"]]
    states = [recording["state"] for recording in recordings]
    return environment.get_template("index.html").render(
        session=status["session"], recordings=recordings, counts={s: states.count(s) for s in dict.fromkeys(states)},
        session_failures=status["session_failures"], sorter=parameters["globals"].get("sorter"),
        runmode=parameters["globals"].get("runmode"), left_out=parameters.get("left_out", []),
        # What the fast mode leaves out has its own box.
        notices=[n for n in parameters.get("notices", []) if not n.startswith("runmode fast")],
        parameter_groups=parameter_groups(parameters),
        versions=software_versions(records), stage_titles=STAGE_TITLES,
        created=datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"))


def link(*parts: str) -> str:
    """Join names to a relative link, percent-encoding whatever a name may hold."""
    return "/".join(quote(str(part), safe="") for part in parts)


def describe_recording(name: str, status: dict, records: dict, job: dict) -> dict:
    """Gather what the page shows of one recording."""
    mine = {stage: records[name, stage] for stage in STAGES if (name, stage) in records}
    pictures = mine.get("visualize", {}).get("outputs", {}).get("pictures", [])
    units = mine.get("curate", {}).get("outputs", {}).get("units", [])
    stages = status["recordings"][name]
    return status["verdicts"][name] | {
        "name": name, "facts": recording_facts(mine, job), "stages": [stage_row(s, stages[s], mine) for s in STAGES],
        "warnings": list(dict.fromkeys(w for record in mine.values() for w in record["warnings"])),
        "pictures": [p for p in pictures if p["kind"] != "unit"],
        "unit_pictures": [p for p in pictures if p["kind"] == "unit"],
        "unit_rows": unit_rows(units, pictures), "bad_channels": bad_channels(mine),
        "nwb": mine.get("nwb", {}).get("outputs", {}).get("file"),
        "quality": quality_rows(mine.get("qc", {}).get("outputs", {})),
        "rule": mine.get("curate", {}).get("parameters", {}).get("rule"),
        "curation": curation_links(name, mine), "snippet": python_snippet(name, stages)}


def curation_links(name: str, records: dict) -> dict | None:
    """Return where a recording is curated, and by whom it was; None where it has no page."""
    outputs = records.get("visualize", {}).get("outputs", {})
    if not outputs.get("curation_page_bytes"):
        return None
    figurl = outputs.get("figurl") or {}
    return {"page": link("visualization", name, "curate.html"), "megabytes": outputs["curation_page_bytes"]["curate.html"] / 1e6,
            "figurl": [(title, figurl[key]) for title, key in (("sorting summary", "sorting_summary"), ("time series", "timeseries"))
                       if figurl.get(key)],
            "version": records.get("curate", {}).get("outputs", {}).get("version")}


def recording_facts(records: dict, job: dict) -> list[tuple[str, str]]:
    """List duration, channels, bad channels and drift, as far as they are known."""
    preprocess = records.get("preprocess", {}).get("outputs", {})
    known = {**job, **records.get("dispatch", {}).get("outputs", {})}
    n_bad = len(preprocess.get("bad_channels") or {})
    motion = preprocess.get("motion") or {}
    facts = [("duration", duration_text(known["duration_s"])) if known.get("duration_s") is not None else None,
             ("segments", str(known["n_segments"])) if (known.get("n_segments") or 1) > 1 else None,
             ("channels", str(known["n_channels"])) if known.get("n_channels") else None,
             ("bad channels", str(n_bad)) if preprocess else None,
             ("largest drift", f"{motion['max_abs_displacement_um']:g} um" + (", corrected" if motion.get("applied")
                                                                              else ""))
             if motion.get("max_abs_displacement_um") is not None else None]
    return [fact for fact in facts if fact]


def bad_channels(records: dict) -> list[tuple[str, str]]:
    """List the channels that preprocessing found bad with their label."""
    found = records.get("preprocess", {}).get("outputs", {}).get("bad_channels") or {}
    return [(str(channel), str(label)) for channel, label in found.items()]


def quality_rows(outputs: dict) -> dict | None:
    """Prepare the verdict of the quality control and the table behind it; None where it did not run."""
    if "verdict" not in outputs:
        return None
    rows = [{"title": m["title"], "verdict": m["verdict"], "limit": m["limit"], "why": m["reason"] or m["description"],
             "value": "–" if m["value"] is None else f"{m['value']:.4g} {m['unit']}".strip()} for m in outputs["metrics"]]
    return {"verdict": outputs["verdict"], "rows": rows, "pictures": outputs["pictures"], "page": outputs["page"]}


def stage_row(stage: str, entry: dict, records: dict) -> dict:
    """Describe one stage of one recording: state, reason, time, machine and outcome."""
    record = records.get(stage, {})
    cpus = f"{record['n_cpus']} CPUs" if record.get("n_cpus") else ""
    job = f"Slurm job {record['slurm_job_id']}" if record.get("slurm_job_id") else ""
    return {"title": STAGE_TITLES[stage], "state": entry["state"], "reason": entry["reason"],
            "started": (entry["started"] or "")[:19].replace("T", " "), "took": elapsed(entry),
            "where": ", ".join(text for text in (record.get("host"), cpus, job) if text),
            "image": Path(record["container"]).name if record.get("container") else ""}


def elapsed(entry: dict) -> str:
    """Return how long a stage took, or nothing if it left no times."""
    if not (entry.get("started") and entry.get("ended")):
        return ""
    start, end = (datetime.datetime.fromisoformat(entry[key]) for key in ("started", "ended"))
    return duration_text((end - start).total_seconds())


def duration_text(seconds: float) -> str:
    """Spell a duration for people: 12.3 s, 4 min 5 s, 2 h 3 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def unit_rows(units: list[dict], pictures: list[dict]) -> list[dict]:
    """Prepare the unit table: verdict, why, metrics and the page with the unit's picture."""
    page_of = {unit_id: p["file"] for p in pictures for unit_id in p.get("unit_ids", [])}
    rows = []
    for unit in units:
        why = [*unit.get("reasons", []), *(f"{metric} unknown" for metric in unit.get("unknown", []))]
        amplitude = unit.get("amplitude", unit.get("amplitude_median"))
        rows.append({"id": str(unit["unit_id"]), "label": label_of(unit), "why": "; ".join(map(str, why)),
                     "spikes": number(unit.get("num_spikes"), 0), "rate": number(unit.get("firing_rate"), 2),
                     "snr": number(unit.get("snr"), 1), "amplitude": number(amplitude, 0),
                     "depth": number(unit.get("depth_um"), 0), "quality": unit.get("quality") or "",
                     "model": spelt(unit.get("model")), "file": page_of.get(str(unit["unit_id"]))})
    return rows


def spelt(said: list | None) -> str:
    """Spell a label of the model with its probability."""
    return f"{said[0]} {round(100 * said[1])} %" if said and said[0] and said[1] is not None else ""


def number(value, digits: int) -> str:
    """Format a number, or a dash where it is unknown."""
    known = isinstance(value, (int, float)) and value == value
    return f"{value:.{digits}f}" if known else "–"


def python_snippet(name: str, stages: dict) -> str:
    """Return Python lines that load what the recording's stages made, or nothing if they made nothing."""
    done = {stage for stage in STAGES if stages[stage]["state"] == "done"}
    if not done & {"preprocess", "sort", "postprocess", "curate"}:
        return ""
    lines = ["from pathlib import Path", "import spikeinterface.full as si", "",
             'results = Path(".")  # this folder', f"name = {name!r}"]
    if "preprocess" in done:
        lines += ['data = "DATA_PATH"  # the raw session, where it is now',
                  'recording = si.load(results / "preprocessed" / f"{name}.json", base_folder=data)']
    if "sort" in done:
        lines.append('sorting = si.load(results / "spikesorted" / name)')
    if "curate" in done:
        lines += ['curated = si.load(results / "curated" / name)  # all units, labels as properties',
                  'good = curated.select_units(curated.unit_ids[curated.get_property("default_qc")])']
    if "postprocess" in done:
        lines += ['analyzer = si.load_sorting_analyzer(results / "postprocessed" / f"{name}.zarr")',
                  'metrics = analyzer.get_extension("quality_metrics").get_data()']
    return "\n".join(lines)


def parameter_groups(parameters: dict) -> list[dict]:
    """List the settings used, stage by stage, marking those that are not the default."""
    classes = {"globals": settings.Globals, **settings.STAGES}
    groups = []
    for key, stage_class in classes.items():
        defaults = {name: default_of(field) for name, field in stage_class.__dataclass_fields__.items()}
        rows = [{"name": name.replace("_", "-") if key != "globals" else name, "value": shown(value),
                 "changed": value != defaults.get(name)} for name, value in parameters.get(key, {}).items()]
        groups.append({"title": SETTINGS_TITLES.get(key, key), "rows": rows,
                       "n_changed": sum(row["changed"] for row in rows)})
    return groups


def shown(value) -> str:
    """Spell a setting's value."""
    return "–" if value is None or value == {} or value == [] else str(value)


def software_versions(records: list[dict]) -> list[tuple[str, str]]:
    """List the versions that ran; stages may have run in different images."""
    found: dict[str, set] = {}
    for record in records:
        pairs = {"simsort": record.get("simsort_version"), "git commit": record.get("git_commit"),
                 "Python": record.get("python"), **record.get("packages", {})}
        for name, version in pairs.items():
            if version:
                found.setdefault(name, set()).add(str(version))
    return [(name, ", ".join(sorted(versions))) for name, versions in found.items()]
