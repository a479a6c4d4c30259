"""Validate every parameter and print or write the one configuration that follows from them.

simsort check-params --out resolved.json -- --sorter lupin --preprocessing_args "--motion apply"
"""

import json
from pathlib import Path

from simsort.config.parameters import nest_command_line, parameter_table, resolve
from simsort.config.places import check_places
from simsort.errors import UserError
from simsort.labelling.model_files import check_unitrefine


def add_arguments(parser):
    parser.add_argument("--params", metavar="JSON", help="file with the parameters as one mapping (Nextflow's params)")
    parser.add_argument("--out", metavar="FILE", help="write the resolved configuration here")
    parser.add_argument("--print-workflow", action="store_true", help="print only which workflow the parameters ask for")
    parser.add_argument("--list", action="store_true", help="list every parameter with its default")


def run(parser, argv):
    own, given = (argv[:argv.index("--")], argv[argv.index("--") + 1:]) if "--" in argv else (argv, [])
    args = parser.parse_args(own)
    if args.list:
        for name, default, allowed, help_text in parameter_table():
            print(f"{name} (default {default}{'; ' + allowed if allowed else ''}): {help_text}")
        return
    if args.params and given:
        raise UserError("parameters are given both by --params and after --", "use one of them")
    params = json.loads(Path(args.params).read_text()) if args.params else nest_command_line(given)
    resolved = resolve(params)
    if args.print_workflow:
        print(resolved["globals"]["workflow"])
        return
    check_places(resolved["globals"])
    check_unitrefine(resolved["curation"], whole_paths=True)
    for notice in resolved["notices"]:
        print(f"simsort: {notice}")
    if args.out:
        Path(args.out).write_text(json.dumps(resolved, indent=1) + "\n")
