"""The quality control of one recording, from folders to a folder."""

import dataclasses
import json
from pathlib import Path

from simsort.config.quality_control import limits_of
from simsort.preprocessing.preprocess import data_root
from simsort.quality.interactive import write_page
from simsort.quality.measure import measure, round_to
from simsort.quality.metric import judge
from simsort.quality.pictures import draw_pictures
from simsort.quality.schema import quality_control
from simsort.records import Record


def control_quality(job: dict, data_path: Path, preprocessed: Path | None, curated: Path | None, settings: dict,
                    job_kwargs: dict, out: Path) -> Record:
    """Judge one recording and draw what the verdict rests on.

    Parameters
    ----------
    job : dict
        The recording as dispatch described it.
    data_path : Path
        The session, for the raw samples.
    preprocessed, curated : Path | None
        Output folders of these stages, where they ran.
    settings : dict
        Settings of the quality control stage.
    job_kwargs : dict
        SpikeInterface's job keywords.
    out : Path
        `quality_control/` is written into it: pictures, `index.html` to look into, `quality_control.json`.

    Returns
    -------
    record : Record
        Not written yet; `outputs` holds `verdict` and `metrics`.
    """
    limits = limits_of(settings["thresholds"])
    record = Record(stage="qc", recording_name=job["recording_name"], session_name=job["session_name"],
                    parameters=settings)
    measured = measure(job, data_root(data_path), preprocessed, curated, settings, job_kwargs)
    verdict = judge(measured.metrics, limits)
    folder = Path(out) / "quality_control"
    folder.mkdir(parents=True)
    pictures = draw_pictures(measured, folder)
    for metric in measured.metrics:
        metric.value = None if metric.value is None else round_to(metric.value)
    outputs = [metric.as_output() for metric in measured.metrics]
    for output in outputs:
        output["picture"] = output["picture"] if output["picture"] in pictures else ""
    record.outputs = {"verdict": verdict, "metrics": outputs, "pictures": pictures,
                      "page": "index.html" if settings["interactive"] else None}
    record.warnings = [f"quality control: {m['title'].lower()} {m['value']:g} {m['unit']}".rstrip() + f" ({m['limit']})"
                       for m in outputs if m["verdict"] == "fail"]
    if settings["interactive"]:
        write_page(measured, record.outputs, job["recording_name"], folder / "index.html")
    content = quality_control([dataclasses.asdict(record)]).model_dump_json(indent=1)
    (folder / "quality_control.json").write_text(json.dumps(json.loads(content), indent=1) + "\n")
    return record
