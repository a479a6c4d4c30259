"""quality_control.json in the form of aind-data-schema."""

import datetime
import warnings

from simsort import __version__

STAGES = {"raw": "Raw data", "processing": "Processing", "analysis": "Analysis"}
# The schema knows no warning: it waits for a person, and the value tells it from the rest. It knows no "unknown"
# either: that decides nothing, so unknown metrics stand in the notes and leave the schema's own overall status alone.
STATUS = {"pass": "Pass", "warn": "Pending", "fail": "Fail"}


def quality_control(records: list[dict]):
    """Gather the verdicts on several recordings.

    Parameters
    ----------
    records : list of dict
        Records of the stage `qc`.

    Returns
    -------
    quality_control : aind_data_schema.core.quality_control.QualityControl
        Validated; a metric per recording and measure, tagged with both. Each recording's overall verdict is the metric
        `Verdict`.
    """
    from aind_data_schema.core.quality_control import QualityControl

    metrics = [metric for record in records for metric in metrics_of(record)]
    unknown = [f"{m['title']} of {record['recording_name']} is unknown: {m['reason']}" for record in records
               for m in record["outputs"]["metrics"] if m["verdict"] == "unknown"]
    with warnings.catch_warnings():  # names with dots are of no concern outside MongoDB
        warnings.filterwarnings("ignore", message=".*MongoDB.*")
        return QualityControl(metrics=metrics, default_grouping=["recording"], notes="; ".join(unknown) or (
            None if metrics else "no recording reached quality control"))


def metrics_of(record: dict) -> list:
    """Turn one recording's metrics into the schema's, the overall verdict first."""
    outputs, name = record["outputs"], record["recording_name"]
    described = [metric(name, m["title"], m["stage"], m["verdict"], record,
                        {key: m[key] for key in ("name", "value", "unit", "verdict", "limit", "reason", "details")},
                        f"{m['description']}; {m['limit']}",
                        f"quality_control/{name}/{m['picture']}" if m["picture"] else None)
                 for m in outputs["metrics"] if m["verdict"] != "unknown"]
    page = f"quality_control/{name}/{outputs['page']}" if outputs.get("page") else None
    overall = metric(name, "Verdict", "analysis", outputs["verdict"], record, {"verdict": outputs["verdict"]},
                     "the worst verdict of this recording's metrics, unknown ones left out", page)
    return [overall, *described] if described else []


def metric(name: str, title: str, stage: str, verdict: str, record: dict, value: dict, description: str,
           reference: str | None):
    """Make one metric of the schema."""
    from aind_data_schema.core.quality_control import QCMetric, QCStatus
    from aind_data_schema_models.modalities import Modality

    when = datetime.datetime.fromisoformat(record["ended"] or record["started"])
    return QCMetric(name=f"{title} - {name}", modality=Modality.ECEPHYS, stage=STAGES[stage], value=value,
                    status_history=[QCStatus(evaluator=f"simsort {__version__} (automated)", status=STATUS[verdict],
                                             timestamp=when)],
                    description=description, reference=reference, tags={"recording": name, "measure": title})
