"""Compile the cells' mechanisms once, and write the plan of a simulation: shards with something to do, recordings, costs.

simsort compile-mechanisms --config simulation.json --stores DIR --out plan.json
"""

import dataclasses
import json
from pathlib import Path

from simsort.stages.simulate import add_settings_argument, parse_simulation


def add_arguments(parser):
    add_settings_argument(parser)
    parser.add_argument("--stores", required=True, type=Path, metavar="DIR",
                        help="folder that has a store of cells for each configuration")
    parser.add_argument("--out", required=True, type=Path, metavar="JSON", help="the plan to write")


def run(parser, argv):
    args, simulation, rendering = parse_simulation(parser, argv)
    from simsort.simulation.shards.estimate import check_disk
    from simsort.simulation.shards.plan import make_plan
    from simsort.simulation.shards.preparation import plan_of_work, prepare_mechanisms
    from simsort.simulation.shards.store import Store

    plan = make_plan(simulation)
    store = Store(args.stores / plan.config_hash, plan)
    work = plan_of_work(plan, store, rendering)
    check_disk(store.folder, work.estimate)
    prepare_mechanisms(plan)
    content = {"config_hash": plan.config_hash, "n_shards": plan.n_shards, "shards_to_do": work.shards,
               "recordings": [{**dataclasses.asdict(job), "duration_s": rendering["duration_s"]} for job in work.recordings],
               "summary": work.lines}
    args.out.write_text(json.dumps(content, indent=1) + "\n")
