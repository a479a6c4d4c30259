"""Simulate cells in NEURON and render labelled recordings from them.

simsort simulate --out DIR --n-jobs 4
simsort simulate --out DIR --cell-types L5_TTPC,L23_PC --n-individuals 3 --probes tetrode --duration-s 120
simsort simulate --shard 0/8 --store DIR

With --out everything from nothing on this machine: DIR/library (the cells), DIR/recordings, DIR/manifest.json and
DIR/index.html. With --shard and --store only one share of the cells. What is finished is kept: run it again after an
interruption. Settings are those of --simulation and --rendering (simsort check-params --list), by their names.
"""

import argparse
import json
from pathlib import Path

from simsort.config.options import lookup
from simsort.config.parameters import parse_tokens, resolve
from simsort.config.stages import STAGES
from simsort.errors import UserError


def add_settings_argument(parser):
    parser.add_argument("--config", metavar="JSON", help='file with the settings as {"simulation": {...}, "rendering": '
                        '{...}}; single settings may follow as --name value')


def add_arguments(parser):
    parser.add_argument("--out", type=Path, metavar="DIR", help="make cells and recordings here")
    parser.add_argument("--shard", metavar="K/N", help="make only the K-th of N shares of the cells, from 0")
    parser.add_argument("--store", type=Path, metavar="DIR", help="folder of the cells, with --shard")
    parser.add_argument("--record", type=Path, metavar="JSON", help="with --shard: write down what was made")
    parser.add_argument("--n-jobs", type=int, default=1, help="cells simulated at a time (default 1)")
    add_settings_argument(parser)


def parse_simulation(parser, argv) -> tuple[argparse.Namespace, dict, dict]:
    """Parse the command line; return the arguments and the settings of `simulation` and `rendering`.

    A setting that both have, such as the seed, goes to both.
    """
    args, rest = parser.parse_known_args(argv)
    given = json.loads(Path(args.config).read_text()) if args.config else {}
    given = {stage: dict(given.get(stage, {})) for stage in ("simulation", "rendering")}
    for name, value in parse_tokens(rest, "simulate").items():
        stage, dot, leaf = name.partition(".")
        if dot and stage in given:
            given[stage][leaf] = value
            continue
        stages = [stage for stage in given if name in lookup(STAGES[stage])]
        for stage in stages or ["simulation"]:  # an unknown name is refused as one of the simulation
            given[stage][name] = value
    resolved = resolve(given)
    return args, resolved["simulation"], resolved["rendering"]


def run(parser, argv):
    args, simulation, rendering = parse_simulation(parser, argv)
    if args.n_jobs < 1:
        raise UserError(f"--n-jobs was given {args.n_jobs}", "allowed: 1 or more")
    if args.shard and args.store and not args.out:
        return run_shard(args, simulation)
    if args.out and not args.shard and not args.store:
        return run_all(args, simulation, rendering)
    raise UserError("simsort simulate needs --out DIR, or --shard K/N with --store DIR", "give one of the two")


def run_shard(args, simulation: dict) -> None:
    """Make one share of the cells."""
    from simsort.simulation.shards.plan import make_plan, parse_shard
    from simsort.simulation.shards.simulate import simulate_cells
    from simsort.simulation.shards.store import Store

    index, n_shards = parse_shard(args.shard)
    plan = make_plan(simulation)
    models = plan.shard(index, n_shards)
    n_made = simulate_cells(plan, Store(args.store, plan), models, n_jobs=args.n_jobs)
    print(f"simsort simulate: shard {args.shard}: {n_made} cells made, {len(models) - n_made} kept")
    if args.record:
        args.record.write_text(json.dumps({"shard": args.shard, "n_made": n_made, "n_kept": len(models) - n_made}) + "\n")


def run_all(args, simulation: dict, rendering: dict) -> None:
    """Make cells, recordings, manifest and page."""
    from simsort.simulation.shards.all_here import simulate_all

    manifest, page = simulate_all(simulation, rendering, args.out, n_jobs=args.n_jobs)
    for note in manifest["recordings"]:
        print(f"simsort simulate: {args.out / 'recordings' / note['name']}: {note['duration_s']:g} s, "
              f"{note['n_channels']} channels, {note['n_units']} labelled units")
    print(f"simsort simulate: {page}")
