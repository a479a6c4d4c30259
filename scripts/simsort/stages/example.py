"""Write the built-in example: a short SpikeGLX session with known spike trains.

simsort example --out example_data
"""

from pathlib import Path

from simsort.example import make_example


def add_arguments(parser):
    parser.add_argument("--out", required=True, type=Path, metavar="DIR",
                        help="folder that will hold the session example_g0/ and the true spikes ground_truth/")
    parser.add_argument("--duration-s", type=float, default=60.0, help="duration in seconds (default 60)")
    parser.add_argument("--n-channels", type=int, default=32, help="channels, at most 384 (default 32)")
    parser.add_argument("--seed", type=int, default=0, help="seed (default 0)")


def run(parser, argv):
    args = parser.parse_args(argv)
    session_folder = make_example(args.out, duration_s=args.duration_s, n_channels=args.n_channels, seed=args.seed)
    print(f"simsort example: {session_folder} (neurons simulated in NEURON), true spikes in {args.out / 'ground_truth'}")
