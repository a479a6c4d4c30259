"""Filter a recording, remove bad channels, reference it and estimate its motion.

simsort preprocess --job jobs/0.json --data DATA_PATH --config preprocessing.json --n-jobs 4 --out preprocessed
"""

from pathlib import Path

from simsort.errors import UserError
from simsort.records import Record
from simsort.stages import add_common_arguments, fresh_folder, parse_stage
from simsort.workers import job_kwargs


def add_arguments(parser):
    parser.add_argument("--job", required=True, type=Path, metavar="JSON", help="one recording, written by dispatch")
    parser.add_argument("--data", required=True, type=Path, metavar="DATA_PATH", help="the session: folder or file")
    add_common_arguments(parser, "preprocessing")


def run(parser, argv):
    args, settings = parse_stage(parser, argv, "preprocessing")
    from simsort.preprocessing.preprocess import preprocess_recording, read_job

    job = read_job(args.job)
    if job["state"] == "failed":
        raise UserError(f"{job['recording_name']} failed in dispatch ({job['reason']})", "mend that first")
    out = fresh_folder(args.out)
    record = Record(stage="preprocess", recording_name=job["recording_name"], session_name=job["session_name"],
                    parameters=settings, seed=settings["seed"])
    if job["state"] == "skipped":
        record.state, record.reason = "skipped", job["reason"]
    else:
        medicine = settings["motion"] != "skip" and settings["motion_preset"] == "medicine"
        result = preprocess_recording(job, args.data, settings, out, job_kwargs(args.n_jobs, fresh=medicine))
        record.state, record.reason = result.state, result.reason
        record.outputs, record.warnings = result.outputs, result.warnings
    record.write(out)
