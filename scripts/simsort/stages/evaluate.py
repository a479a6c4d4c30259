"""Score a sorting against known spikes, or a sorter on published recordings.

simsort evaluate --sorting sorted --ground-truth truth --out scores
simsort evaluate --dataset hybrid_janelia FOLDER --sorter lupin --out scores

One protocol: the whole recording, spikes within 0.4 ms, a match from an agreement of 0.5 on, means over the true units
with SNR >= 3. Writes evaluation.json and units.csv. With --dataset the sorter gets each recording as it is, without
motion correction unless --motion is given; what is in the output folder already is not sorted again.
"""

from pathlib import Path

from simsort.config.stages import SORTERS
from simsort.errors import UserError
from simsort.stages import fresh_folder


def add_arguments(parser):
    parser.add_argument("--sorting", type=Path, metavar="DIR", help="the sorting: SpikeInterface's, simsort's or phy's")
    parser.add_argument("--ground-truth", type=Path, metavar="DIR", help="the true spikes")
    parser.add_argument("--recording", type=Path, metavar="DIR", help="the recording, to measure the units' SNR in")
    parser.add_argument("--background", type=Path, metavar="DIR", help="true spikes of units too weak to be asked for")
    parser.add_argument("--dataset", nargs=2, metavar=("NAME", "FOLDER"),
                        help="hybrid_janelia, hc1, waveclus, bbp or ibl, and the folder of your copy")
    parser.add_argument("--sorter", default="simsort", choices=SORTERS,
                        help="with --dataset: spike sorter (default simsort)")
    parser.add_argument("--motion", action="store_true", help="with --dataset: the sorter's own motion correction")
    parser.add_argument("--seed", type=int, default=0, help="with --dataset: seed of the sorter (default 0)")
    parser.add_argument("--n-jobs", type=int, default=1, help="worker processes (default 1)")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="output folder")


def run(parser, argv):
    args = parser.parse_args(argv)
    pair = (args.sorting, args.ground_truth)
    if bool(args.dataset) == any(pair) or (not args.dataset and not all(pair)):
        raise UserError("simsort evaluate needs either --sorting and --ground-truth or --dataset",
                        "give one of the two")
    from simsort.evaluation.evaluate import evaluate_folders, shown_lines, write_scores

    if args.dataset:
        from simsort.evaluation.sort_dataset import sort_dataset

        scores = sort_dataset(args.dataset[0], Path(args.dataset[1]), args.out, sorter=args.sorter, motion=args.motion,
                              seed=args.seed, n_jobs=args.n_jobs)
    else:
        scores = evaluate_folders(args.sorting, args.ground_truth, recording_folder=args.recording,
                                  background_folder=args.background)
        fresh_folder(args.out)
    write_scores(scores, args.out)
    for line in shown_lines(scores):
        print(line)
