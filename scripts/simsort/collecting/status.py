"""The state of every recording at every stage: nothing vanishes. Standard library only."""

from simsort.collecting.failures import STAGES

# A recording stopped at one of these gave no sorting; postprocess is skipped when a sorter finds no units.
DECISIVE = ("dispatch", "preprocess", "sort")


def build_status(session: str, records: list[dict], failures: list[dict]) -> dict:
    """Build the content of status.json.

    Parameters
    ----------
    session : str
        Name of the session.
    records : list of dict
        What each stage wrote into `record.json`.
    failures : list of dict
        What `simsort failures` found in the trace.

    Returns
    -------
    status : dict
        `session`; `recordings`: {recording: {stage: {state, reason, started, ended, ...}}} with every stage of every
        recording; `verdicts`: {recording: {state, reason, stage, n_units, n_passing}}; `session_failures`: tasks of
        the whole session that failed.
    """
    by_recording: dict[str, dict[str, dict]] = {}
    for record in sorted(records, key=lambda r: r["started"]):  # the later of two records of one stage counts
        by_recording.setdefault(record["recording_name"], {})[record["stage"]] = entry_of_record(record)
    session_failures = []
    for failure in failures:
        if failure["recording_name"] is None or failure["stage"] not in STAGES:
            session_failures.append(failure)
            continue
        stages = by_recording.setdefault(failure["recording_name"], {})
        stages[failure["stage"]] = {"state": "failed", "reason": failure["reason"], "started": None, "ended": None,
                                    "exit": failure["exit"], "workdir": failure["workdir"]}
    recordings = {name: fill_in(by_recording[name]) for name in sorted(by_recording)}
    outputs = {(r["recording_name"], r["stage"]): r["outputs"] for r in records}
    verdicts = {name: verdict(name, stages, outputs) for name, stages in recordings.items()}
    return {"session": session, "recordings": recordings, "verdicts": verdicts, "session_failures": session_failures}


def entry_of_record(record: dict) -> dict:
    """Take from a record what status.json says about a stage."""
    return {key: record[key] for key in ("state", "reason", "started", "ended", "warnings")} | {
        "host": record.get("host"), "slurm_job_id": record.get("slurm_job_id")}


def fill_in(stages: dict[str, dict]) -> dict[str, dict]:
    """Add the stages that never ran, naming the one that stopped the recording."""
    filled, stopped_by = {}, None
    last = max(STAGES.index(stage) for stage in stages)
    for number, stage in enumerate(STAGES):
        if stage in stages:
            filled[stage] = stages[stage]
            stopped_by = stopped_by or (stage if stages[stage]["state"] != "done" else None)
        elif stopped_by:
            reason = f"not run: {stopped_by} {'failed' if filled[stopped_by]['state'] == 'failed' else 'was skipped'}"
            filled[stage] = {"state": "skipped", "reason": reason, "started": None, "ended": None}
        elif number < last:
            filled[stage] = {"state": "skipped", "reason": "left no record, although later stages ran",
                             "started": None, "ended": None}
        else:
            filled[stage] = {"state": "failed", "reason": "did not run: the workflow stopped before it, run it again",
                             "started": None, "ended": None}
            stopped_by = stage
    return filled


def verdict(name: str, stages: dict[str, dict], outputs: dict) -> dict:
    """Sum a recording up: the first failure, else where it was left, else done with the counts of units."""
    failed = [s for s in STAGES if stages[s]["state"] == "failed"]
    skipped = [s for s in DECISIVE if stages[s]["state"] == "skipped"]
    stage = (failed or skipped or [None])[0]
    n_units, n_passing = count_units(outputs.get((name, "sort"), {}), outputs.get((name, "curate"), {}))
    return {"state": "failed" if failed else "skipped" if skipped else "done",
            "reason": stages[stage]["reason"] if stage else "", "stage": stage,
            "n_units": n_units, "n_passing": n_passing}


def count_units(sort_outputs: dict, curate_outputs: dict) -> tuple[int | None, int | None]:
    """Return the number of units (after curation's clean-up where it ran) and how many pass `default_qc`."""
    units = curate_outputs.get("units")
    if units is None:
        return sort_outputs.get("n_units"), None
    return len(units), sum(label_of(unit) == "pass" for unit in units)


def label_of(unit: dict) -> str:
    """Return pass, fail or unknown for a unit as curation described it."""
    # default_qc is a flag and cannot say "unknown"; the label beside it can.
    label = str(unit.get("label", unit.get("default_qc"))).lower()
    if label in ("true", "pass", "passed", "good"):
        return "pass"
    return "fail" if label in ("false", "fail", "failed") else "unknown"
