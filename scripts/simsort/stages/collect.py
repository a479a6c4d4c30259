"""Write the summary files and index.html of a results folder.

simsort collect --records DIR --failures failures.json --parameters resolved.json --data DATA_PATH --out results
"""

import json
from pathlib import Path

from simsort.collecting.report import report_lines
from simsort.stages import fresh_folder


def add_arguments(parser):
    parser.add_argument("--records", required=True, type=Path, metavar="DIR", help="folder with the stages' records")
    parser.add_argument("--failures", type=Path, metavar="JSON", help="output of simsort failures")
    parser.add_argument("--parameters", required=True, type=Path, metavar="JSON", help="output of check-params")
    parser.add_argument("--data", required=True, type=Path, metavar="PATH", help="the session's folder or file")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="output folder, made new")


def run(parser, argv):
    args = parser.parse_args(argv)
    failures = json.loads(args.failures.read_text()) if args.failures else []
    parameters = json.loads(args.parameters.read_text())
    from simsort.collecting.main import collect_results

    status = collect_results(args.records, failures, parameters, args.data, fresh_folder(args.out))
    for line in report_lines(status, args.out):
        print(line)
