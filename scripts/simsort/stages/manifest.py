"""Check simulated cells and recordings, and write their manifest, status and summary page.

simsort manifest --config simulation.json --store DIR --recordings DIR --failures failures.json --out results
"""

import json
import shutil
from pathlib import Path

from simsort.stages import fresh_folder
from simsort.stages.simulate import add_settings_argument, parse_simulation


def add_arguments(parser):
    add_settings_argument(parser)
    parser.add_argument("--store", required=True, type=Path, metavar="DIR", help="folder of the cells")
    parser.add_argument("--recordings", required=True, type=Path, metavar="DIR", help="folder of the recordings")
    parser.add_argument("--failures", type=Path, metavar="JSON", help="output of simsort failures")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="output folder, made new")


def run(parser, argv):
    args, simulation, rendering = parse_simulation(parser, argv)
    from simsort.simulation.shards.manifest import build_manifest, status_of, write_manifest
    from simsort.simulation.shards.plan import make_plan
    from simsort.simulation.shards.store import Store
    from simsort.whole_files import write_json

    plan = make_plan(simulation)
    store = Store(args.store, plan)
    manifest = build_manifest(plan, store, rendering, args.recordings)
    out = fresh_folder(args.out)
    (out / "library" / "cells").mkdir(parents=True)
    shutil.copy(store.folder / "store.json", out / "library")
    for cell in manifest["cells"]:
        for file in (store.path(cell["name"]), store.path(cell["name"]).with_suffix(".json")):
            shutil.copy(file, out / "library" / "cells")
    failures = json.loads(args.failures.read_text()) if args.failures else []
    write_manifest(manifest, out)
    write_json(out / "status.json", status_of(manifest, failures))
