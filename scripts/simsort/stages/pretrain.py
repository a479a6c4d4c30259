"""Train a detector and an encoder on simulated cells; gives a model folder.

simsort pretrain --cells simulated --out model --n-jobs 2
simsort pretrain --cells simulated --out model --preset tiny
simsort pretrain --cells simulated --out simsort-paper --preset paper --device cuda
torchrun --nproc-per-node 4 -m simsort pretrain --cells simulated --out model --n-jobs 8

Cells come from simsort simulate; every recording is drawn anew while the networks train. A training that was
interrupted goes on from its last checkpoint when the same command is given again. Settings are those of --pretraining
(simsort check-params --list), by their names.
"""

from pathlib import Path

from simsort.errors import UserError
from simsort.stages import add_common_arguments, parse_stage


def add_arguments(parser):
    add_common_arguments(parser, "pretraining")
    parser.add_argument("--cells", required=True, type=Path, metavar="DIR", help="folder with simulated cells")
    parser.add_argument("--training", type=Path, metavar="DIR",
                        help="checkpoint, logs and learning curve (default: training/ in the output folder)")


def run(parser, argv):
    args, settings = parse_stage(parser, argv, "pretraining")
    if args.n_jobs < 1:
        raise UserError(f"--n-jobs was given {args.n_jobs}", "allowed: 1 or more")
    from simsort.pretraining.main import pretrain

    note = pretrain(settings, args.cells, args.out, args.training or args.out / "training", n_jobs=args.n_jobs)
    if note:
        print(f"simsort pretrain: {args.out / 'model.json'}: {note['made']['hours']:g} h, {note['data']['events']} events "
              f"of {note['data']['recordings']} recordings")
