"""Run the spike sorter on a preprocessed recording.

simsort sort --preprocessed preprocessed --sorter lupin --config spikesort.json --n-jobs 4 --out sorted
"""

from pathlib import Path

from simsort.config.stages import SORTERS, SORTERS_TO_COME
from simsort.records import Record
from simsort.stages import add_common_arguments, fresh_folder, parse_stage
from simsort.workers import job_kwargs


def add_arguments(parser):
    parser.add_argument("--preprocessed", required=True, type=Path, metavar="DIR", help="output of simsort preprocess")
    parser.add_argument("--sorter", required=True, metavar="NAME",
                        help=", ".join(name for name in SORTERS if name not in SORTERS_TO_COME))
    add_common_arguments(parser, "spikesort")


def run(parser, argv):
    args, settings = parse_stage(parser, argv, "spikesort")
    from simsort.sorting.registry import get_sorter
    from simsort.sorting.sort import load_preprocessed, sort_recording

    sorter = get_sorter(args.sorter)
    recording, before = load_preprocessed(args.preprocessed)
    out = fresh_folder(args.out)
    record = Record(stage="sort", recording_name=before["recording_name"], session_name=before["session_name"],
                    parameters={"sorter": args.sorter, **settings}, seed=settings["seed"])
    if recording is None:
        record.state, record.reason = "skipped", f"preprocessing was {before['state']}: {before['reason']}"
    else:
        result = sort_recording(recording, args.sorter, settings, out,
                                job_kwargs(args.n_jobs, fresh=sorter.fresh_workers))
        record.outputs, record.warnings = result.outputs, result.warnings
        record.parameters = {**record.parameters, "sorter_params": result.parameters}
    record.write(out)
