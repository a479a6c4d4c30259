"""Print what a results folder holds, one line per recording.

simsort report RESULTS

Exit status 0 if every recording is done or skipped, 1 if something failed, 2 if nothing could be read because of a
user's mistake.
"""

from pathlib import Path

from simsort.collecting.report import exit_status, read_status, report_lines


def add_arguments(parser):
    parser.add_argument("results", type=Path, metavar="RESULTS", help="results folder")


def run(parser, argv):
    args = parser.parse_args(argv)
    status = read_status(args.results)
    for line in report_lines(status, args.results):
        print(line)
    return exit_status(status)
