"""Judge a recording: noise, mains, saturation, artefacts, channels, timestamps, drift, yield; each pass, warn or fail.

simsort qc --job JOB.json --data DATA_PATH --preprocessed preprocessed --curated curated --out qc

Writes quality_control/ with pictures, index.html (the same to look into) and quality_control.json (aind-data-schema);
beside it record.json. Without --preprocessed or --curated what needs them is unknown.
"""

import json
from pathlib import Path

from simsort.stages import add_common_arguments, fresh_folder, parse_stage
from simsort.workers import job_kwargs


def add_arguments(parser):
    parser.add_argument("--job", required=True, type=Path, metavar="JSON", help="recording, from dispatch")
    parser.add_argument("--data", required=True, type=Path, metavar="PATH", help="the session's folder or file")
    parser.add_argument("--preprocessed", type=Path, metavar="DIR", help="output of preprocess")
    parser.add_argument("--curated", type=Path, metavar="DIR", help="output of curate")
    add_common_arguments(parser, "quality_control")


def run(parser, argv):
    args, settings = parse_stage(parser, argv, "quality_control")
    job = json.loads(args.job.read_text())
    out = fresh_folder(args.out)
    from simsort.quality.qc import control_quality

    control_quality(job, args.data, args.preprocessed, args.curated, settings, job_kwargs(args.n_jobs), out).write(out)
