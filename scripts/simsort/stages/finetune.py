"""Fine-tune a model on a recording of one's own; the old model comes out where the new one would lose anything.

simsort finetune recording --model shipped --out model-of-mine --time-limit-min 10
simsort finetune preprocessed --model model --cells simulated --out model-of-mine --n-jobs 4
simsort finetune recording --sorting curated --out model-of-mine

The recording is a folder saved by SpikeInterface or written by simsort preprocess. It is sorted, the spikes of its
safest units are trained on, and the new weights are accepted only if detection and identification fall nowhere on a
later part of the recording with injected units, nor on simulated recordings where cells (simsort simulate) are given.
model.json says what was measured. Settings are those of --finetuning (simsort check-params --list), by their names.
"""

from pathlib import Path

from simsort.errors import UserError
from simsort.stages import add_common_arguments, parse_stage


def add_arguments(parser):
    parser.add_argument("recording", type=Path, metavar="RECORDING", help="folder of the recording")
    add_common_arguments(parser, "finetuning")
    parser.add_argument("--model", default="shipped", metavar="DIR", help="model folder (default: the shipped weights)")
    parser.add_argument("--sorting", type=Path, metavar="DIR",
                        help="sorting of the recording, SpikeInterface's, simsort's or phy's (default: it is sorted)")
    parser.add_argument("--cells", type=Path, metavar="DIR", help="folder with simulated cells, to rehearse")


def run(parser, argv):
    args, settings = parse_stage(parser, argv, "finetuning")
    if args.n_jobs < 1:
        raise UserError(f"--n-jobs was given {args.n_jobs}", "allowed: 1 or more")
    from simsort.finetuning.main import finetune
    from simsort.models.shipped import find_model

    model, recording = find_model(args.model), recording_of(args.recording)
    trains = trains_of(args.sorting) if args.sorting else None
    note = finetune(recording, model, args.out, settings, cells=args.cells, n_jobs=args.n_jobs, trains=trains)
    print(f"simsort finetune: {args.out / 'model.json'}: "
          + ("the new weights are better" if note["accepted"] else f"the old weights stay: {note['reason']}"))
    for kind, before in note.get("before", {}).items():
        for name, value in before.items():
            after = f" -> {note['after'][kind][name]:.4f}" if "after" in note else ""
            print(f"simsort finetune: held-out {kind}: {name} {value:.4f}{after}")


def trains_of(folder: Path) -> list:
    """Return the spike samples of a sorting's units."""
    from simsort.evaluation.folders import load_sorting

    sorting = load_sorting(folder, "--sorting")
    if sorting.get_num_segments() > 1:
        raise UserError(f"--sorting {folder} has {sorting.get_num_segments()} segments", "give one of a single segment")
    return [sorting.get_unit_spike_train(unit) for unit in sorting.unit_ids]


def recording_of(folder: Path):
    """Return the recording of a folder as one segment."""
    from simsort.evaluation.folders import load_recording
    from simsort.preprocessing.chain import one_segment
    from simsort.sorting.sort import load_preprocessed

    if (folder / "record.json").is_file():
        recording, record = load_preprocessed(folder)
        if recording is None:
            raise UserError(f"{folder} holds no recording: preprocessing was {record['state']}: {record['reason']}",
                            "give another recording")
    else:
        recording = load_recording(folder, "RECORDING")
    return one_segment(recording) if recording.get_num_segments() > 1 else recording
