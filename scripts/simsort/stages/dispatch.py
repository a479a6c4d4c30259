"""Find the recordings of a session and check them before anything heavy: one job file per probe, segment and shank.

simsort dispatch --data SESSION --config dispatch.json --out jobs
"""

import json
import sys
from pathlib import Path

from simsort.errors import UserError
from simsort.records import Record
from simsort.stages import add_common_arguments, fresh_folder, parse_stage


def add_arguments(parser):
    parser.add_argument("--data", required=True, type=Path, metavar="PATH", help="recording session: folder or file")
    parser.add_argument("--keep-going", action="store_true",
                        help="exit status 0 also where no recording is usable: the workflow goes on to report why")
    add_common_arguments(parser, "job_dispatch")


def run(parser, argv):
    args, settings = parse_stage(parser, argv, "job_dispatch")
    out = fresh_folder(args.out)
    from simsort.dispatch.jobs import dispatch_session

    jobs = dispatch_session(args.data, settings)
    for number, job in enumerate(jobs):
        state = "done" if job["state"] == "ready" else job["state"]
        facts = {k: job[k] for k in ("duration_s", "n_channels", "n_segments", "sampling_frequency_hz", "size_bytes")}
        Record(stage="dispatch", recording_name=job["recording_name"], session_name=job["session_name"], state=state,
               reason=job["reason"], parameters=settings, outputs=facts, warnings=job["warnings"]
               ).write(out / "records" / str(number))
        (out / f"{number}.json").write_text(json.dumps(job, indent=1) + "\n")
        print(f"{job['state']} {job['recording_name']} {job['reason']}".strip())
    failed = [job for job in jobs if job["state"] == "failed"]
    nothing_left = failed and not args.keep_going and not any(job["state"] == "ready" for job in jobs)
    for job in failed[1:] if nothing_left else failed:
        print(f"simsort dispatch: error: {job['reason']}", file=sys.stderr)
    if nothing_left:
        what, _, remedy = failed[0]["reason"].rpartition(": ")
        raise UserError(what, remedy + (f" (+ {len(failed) - 1} more)" if len(failed) > 1 else ""))
