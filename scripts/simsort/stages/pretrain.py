"""Train a detector and an encoder on simulated cells; gives a model folder.

simsort pretrain --cells simulated --out model --n-jobs 2
simsort pretrain --cells simulated --out model --preset tiny
simsort pretrain --cells simulated --out simsort-paper --preset paper --device cuda
torchrun --nproc-per-node 4 -m simsort pretrain --cells simulated --out model --n-jobs 8

Cells come from simsort simulate; every recording is drawn anew while the networks train. A training that was
interrupted goes on from its last checkpoint when the same command is given again. Settings are those of --pretraining
(simsort check-params --list), by their names.

simsort pretrain --method ceed --cells simulated --out ceed
simsort pretrain --method ceed --encoder scam --analyzers results/postprocessed/rec.zarr --out ceed --device cuda

simsort pretrain --method cell-types --cells simulated --test-cells others --out kinds

CEED: one contrastive encoder, of the spikes of simulated recordings or of sorting analyzers; settings: those of --ceed.
"""

from pathlib import Path

from simsort.errors import UserError
from simsort.stages import add_common_arguments, parse_stage

METHODS = {"simsort": "pretraining", "ceed": "ceed", "cell-types": "cell_types"}  # method: settings


def add_arguments(parser):
    add_common_arguments(parser, "pretraining")
    parser.add_argument("--method", choices=list(METHODS), default="simsort",
                        help="simsort's detector and encoder, CEED's encoder, or the head for cell types "
                        "(default simsort)")
    parser.add_argument("--cells", type=Path, metavar="DIR", help="folder with simulated cells")
    parser.add_argument("--analyzers", type=paths, default=(), metavar="DIR,DIR",
                        help="ceed: sorting analyzers that find their recordings, in place of cells")
    parser.add_argument("--test-cells", type=Path, metavar="DIR", help="cell-types: cells of another source, to test on")
    parser.add_argument("--training", type=Path, metavar="DIR",
                        help="checkpoint, logs and learning curve (default: training/ in the output folder)")


def paths(text: str) -> tuple[Path, ...]:
    """Return paths separated by commas."""
    return tuple(Path(part.strip()) for part in text.split(",") if part.strip())


def run(parser, argv):
    method = parser.parse_known_args(argv)[0].method
    args, settings = parse_stage(parser, argv, METHODS[method])
    if args.n_jobs < 1:
        raise UserError(f"--n-jobs was given {args.n_jobs}", "allowed: 1 or more")
    if method == "ceed":
        return run_ceed(args, settings)
    if method == "cell-types":
        return run_cell_types(args, settings)
    if args.cells is None or args.analyzers:
        raise UserError("--method simsort trains on simulated cells only", "give their folder with --cells")
    from simsort.pretraining.main import pretrain

    note = pretrain(settings, args.cells, args.out, args.training or args.out / "training", n_jobs=args.n_jobs)
    if note:
        print(f"simsort pretrain: {args.out / 'model.json'}: {note['made']['hours']:g} h, {note['data']['events']} events "
              f"of {note['data']['recordings']} recordings")


def run_ceed(args, settings: dict) -> None:
    """Train CEED's encoder."""
    from simsort.ceed.main import pretrain_ceed

    note = pretrain_ceed(settings, args.out, args.training or args.out / "training", cells=args.cells,
                         analyzers=args.analyzers)
    if note:
        print(f"simsort pretrain: {args.out / 'model.json'}: {note['made']['hours']:g} h, {note['data']['spikes']} "
              f"spikes of {note['data']['units']} units, {note['training']['steps_done']} steps")


def run_cell_types(args, settings: dict) -> None:
    """Train the head for cell types."""
    if args.cells is None:
        raise UserError("--method cell-types needs simulated cells", "give their folder with --cells")
    from simsort.celltypes.main import train_cell_types

    note = train_cell_types(settings, args.cells, args.out, test_cells=args.test_cells)
    for name, scores in note["scores"].items():
        print(f"simsort pretrain: {name}: balanced accuracy {scores['balanced_accuracy']:.3f}, of three kinds "
              f"{scores['balanced_accuracy_three']:.3f}, calibration error {scores['calibration_error']:.3f}, unsure "
              f"{scores['unsure']:.2f}")
