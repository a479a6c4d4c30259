"""Draw pictures of a recording: traces, drift map, motion, probe, units.

simsort visualize --job JOB.json --data DATA_PATH --preprocessed DIR --out visualization
"""

import json
from pathlib import Path

from simsort.records import Record
from simsort.stages import add_common_arguments, fresh_folder, parse_stage


def add_arguments(parser):
    parser.add_argument("--job", required=True, type=Path, metavar="JSON", help="recording, from dispatch")
    parser.add_argument("--data", required=True, type=Path, metavar="PATH", help="the session's folder or file")
    parser.add_argument("--preprocessed", required=True, type=Path, metavar="DIR", help="output of preprocess")
    parser.add_argument("--postprocessed", type=Path, metavar="DIR", help="output of postprocess")
    parser.add_argument("--curated", type=Path, metavar="DIR", help="output of curate")
    add_common_arguments(parser, "visualization")


def run(parser, argv):
    args, settings = parse_stage(parser, argv, "visualization")
    job = json.loads(args.job.read_text())
    record = Record(stage="visualize", recording_name=job["recording_name"], session_name=job["session_name"],
                    parameters=settings)
    from simsort.visualization.main import draw_pictures

    pictures, record.warnings = draw_pictures(job, args.data, args.preprocessed, args.postprocessed, args.curated,
                                              fresh_folder(args.out), settings, args.n_jobs)
    record.outputs = {"pictures": [picture.as_output() for picture in pictures]}
    record.write(args.out)
