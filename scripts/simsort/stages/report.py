"""Print what a results folder holds, one line per recording.

simsort report RESULTS

Exit status 0 if every recording is done or skipped, 1 if something failed, 2 if nothing could be read because of a
user's mistake.
"""

import sys
from pathlib import Path

from simsort.collecting.report import error_lines, exit_status, folder_of_last_run, report_lines, status_of_last_run


def add_arguments(parser):
    parser.add_argument("results", type=Path, metavar="RESULTS", help="results folder")


def refreshed_pages(results: Path) -> list[str]:
    """Give pages written anew the curation applied before; return what there is to say about it."""
    from simsort.viewing.files import FOLDER, recordings_with_pages
    from simsort.viewing.present import refresh_pages

    pages = (results / "visualization").glob(f"*/{FOLDER}/data.json")
    if not (results / "curated" / ".versions").is_dir() or not any(pages):
        return []
    return refresh_pages(results, recordings_with_pages(results))


def run(parser, argv):
    args = parser.parse_args(argv)
    status = status_of_last_run(args.results)
    for line in report_lines(status, folder_of_last_run(args.results)):
        print(line)
    if (args.results / "model" / "MODEL_CARD.md").is_file():
        print(f"model: {args.results.resolve() / 'model' / 'MODEL_CARD.md'}")
    for line in refreshed_pages(args.results):
        print(line)
    for line in error_lines(status):
        print(line, file=sys.stderr)
    return exit_status(status)
