"""Do a run again from its own record (nextflow/parameters.json) and compare every spike.

simsort rerun RESULTS --out again
simsort rerun RESULTS --data /new/place/of/session --out again --n_jobs 4

What follows goes to spike_sort.slm. Exit status 0 if every recording has the same units with the same spikes, 1 if not.
"""

from pathlib import Path

from simsort.exporting.rerun import changed_software, compare, recorded_parameters, rerun
from simsort.stages import fresh_folder


def add_arguments(parser):
    parser.add_argument("results", type=Path, metavar="RESULTS", help="results folder of the run")
    parser.add_argument("--data", type=Path, metavar="DATA_PATH", help="the session (default: where it was)")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="new results folder")


def run(parser, argv):
    args, arguments = parser.parse_known_args(argv)
    recorded_parameters(args.results)
    for line in changed_software(args.results):
        print(f"changed since: {line}", flush=True)
    status = rerun(args.results, fresh_folder(args.out), args.data, arguments)
    differences = compare(args.results, args.out)
    for name, difference in differences.items():
        print(f"{name}: {difference or 'the same spikes'}")
    return status or int(any(differences.values()))
