"""Run the spike sorter on a preprocessed recording.

simsort sort --preprocessed preprocessed --sorter lupin --config spikesort.json --n-jobs 4 --out sorted
"""

from pathlib import Path

from simsort.config.stages import SORTERS
from simsort.errors import UserError
from simsort.records import Record
from simsort.stages import add_common_arguments, fresh_folder, parse_stage
from simsort.workers import job_kwargs


def add_arguments(parser):
    parser.add_argument("--preprocessed", required=True, type=Path, metavar="DIR", help="output of simsort preprocess")
    parser.add_argument("--sorter", required=True, metavar="NAME",
                        help=", ".join(SORTERS))
    parser.add_argument("--model", metavar="DIR", help="with --sorter simsort: model folder, or shipped")
    add_common_arguments(parser, "spikesort")


def model_of(args, encoder: str) -> str:
    """Return the model folder that is asked for; raise `UserError` if the sorter uses none."""
    from simsort.models.shipped import find_model

    if args.sorter != "simsort":
        raise UserError(f"--model was given {args.model!r}, but {args.sorter} uses no model",
                        "add --sorter simsort or leave --model out")
    return str(find_model(args.model, encoder))


def run(parser, argv):
    args, settings = parse_stage(parser, argv, "spikesort")
    from simsort.models.model_folder import read_note
    from simsort.sorting.registry import get_sorter
    from simsort.sorting.sort import load_preprocessed, sort_recording

    sorter = get_sorter(args.sorter)
    if args.model is not None:
        settings["sorter_params"] = settings["sorter_params"] | {
            "model": model_of(args, settings["sorter_params"].get("encoder", "simsort"))}
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
        if args.model is not None:
            note = read_note(record.parameters["sorter_params"]["model"]).get("finetuning")
            record.outputs |= {"finetuning": note} if note else {}
            if note and not note["accepted"]:
                record.warnings = [*record.warnings, f"fine-tuning left the model as it was: {note['reason']}"]
    record.write(out)
