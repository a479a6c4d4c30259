"""Render labelled recordings from simulated cells.

simsort render --store DIR/library --out DIR/recordings --probes neuropixels1 --n-recordings 4 --seed 1
"""

from pathlib import Path

from simsort.errors import UserError
from simsort.stages.simulate import add_settings_argument, parse_simulation


def add_arguments(parser):
    parser.add_argument("--store", required=True, type=Path, metavar="DIR", help="folder of the cells")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the recordings, one folder each")
    parser.add_argument("--recording", metavar="NAME", help="only this one, such as tetrode_00")
    parser.add_argument("--n-jobs", type=int, default=1, help="worker processes (default 1)")
    add_settings_argument(parser)


def run(parser, argv):
    args, simulation, rendering = parse_simulation(parser, argv)
    from simsort.simulation.shards.all_here import plan_of_store
    from simsort.simulation.shards.rendering import recording_jobs, render_to_folder
    from simsort.simulation.shards.store import Store

    plan = plan_of_store(args.store, simulation if args.config else None)
    jobs = [job for job in recording_jobs(rendering) if args.recording in (None, job.name)]
    if not jobs:
        raise UserError(f"--recording was given {args.recording!r}",
                        f"allowed: {', '.join(job.name for job in recording_jobs(rendering))}")
    store = Store(args.store, plan)
    for job in jobs:
        made = render_to_folder(job, rendering, plan, store, args.out, n_jobs=args.n_jobs)
        print(f"simsort render: {args.out / job.name} {'made' if made else 'is there already'}")
