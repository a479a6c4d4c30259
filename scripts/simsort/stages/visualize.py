"""Draw pictures of a recording (traces, drift map, motion, probe, units) and write its curation page.

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
    from simsort.figurl.publish import publish_views
    from simsort.viewing.recording_page import make_page
    from simsort.visualization.main import draw_pictures

    out = fresh_folder(args.out)
    pictures, record.warnings = draw_pictures(job, args.data, args.preprocessed, args.postprocessed, args.curated,
                                              out, settings, args.n_jobs)
    names = {"recording": job["recording_name"], "session": job["session_name"]}
    listed = [picture.as_output() for picture in pictures]
    page_bytes = make_page(args.postprocessed, args.curated, names, out)
    figurl = publish_views(out, listed, settings)
    if figurl["status"] == "failed":
        record.warnings.append(f"no Figurl link: {figurl['reason']}")
    record.outputs = {"pictures": listed, "curation_page_bytes": page_bytes, "figurl": figurl}
    record.write(args.out)
