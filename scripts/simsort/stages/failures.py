"""Gather from Nextflow's trace which stages failed on which recordings, and why.

simsort failures --trace trace.txt --out failures.json
"""

import json
from pathlib import Path

from simsort.collecting.failures import read_failures


def add_arguments(parser):
    parser.add_argument("--trace", required=True, type=Path, metavar="FILE", help="Nextflow's trace file")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="JSON file to write")


def run(parser, argv):
    args = parser.parse_args(argv)
    failures = read_failures(args.trace)
    args.out.write_text(json.dumps(failures, indent=1) + "\n")
    for failure in failures:
        on = failure["recording_name"] or "the session"
        print(f"simsort: {failure['stage']} failed on {on}: {failure['reason']}")
