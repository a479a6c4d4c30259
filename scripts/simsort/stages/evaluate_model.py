"""Score a trained model on held-out simulated recordings: detection and identification, each alone.

simsort evaluate-model --model model --cells simulated --out evaluated --n-evaluation 8

The output folder is a copy of the model whose model.json and MODEL_CARD.md have the scores. Detection is compared with
a threshold, identification with principal components of the same spikes.
"""

from pathlib import Path

from simsort.stages import add_common_arguments, parse_stage


def add_arguments(parser):
    add_common_arguments(parser, "pretraining")
    parser.add_argument("--model", required=True, type=Path, metavar="DIR", help="model folder")
    parser.add_argument("--cells", required=True, type=Path, metavar="DIR", help="folder with simulated cells")


def run(parser, argv):
    args, settings = parse_stage(parser, argv, "pretraining")
    from simsort.pretraining.main import evaluate_model

    scores = evaluate_model(args.model, args.cells, args.out, n_recordings=settings["n_evaluation"],
                            device=settings["device"])
    for name, value in scores.items():
        print(f"simsort evaluate-model: {name} {value:.3f}")
