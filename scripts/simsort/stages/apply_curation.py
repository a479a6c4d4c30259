"""Make a curation part of the results: labels, merges, splits and removals become a new version of curated/.

simsort apply-curation RESULTS CURATION.json       what Figurl, the curation page, figpack or spikeinterface-gui saved
simsort apply-curation RESULTS                     what was saved on the pages of `simsort view`
simsort apply-curation RESULTS --list              the versions: who, when, what
simsort apply-curation RESULTS --undo              back to the version before
simsort apply-curation RESULTS --version 1         back to (or forward to) a version; 1: the automatic labels
simsort apply-curation RESULTS ... --data DATA_PATH      also write the NWB files anew, with the curated units

The curation is checked first: if anything does not fit nothing is changed. Earlier versions stay in curated/.versions/.
"""

from pathlib import Path

from simsort.errors import UserError

LONGEST_LIST = 20


def add_arguments(parser):
    parser.add_argument("results", type=Path, metavar="RESULTS", help="results folder")
    parser.add_argument("curation", type=Path, nargs="?", metavar="CURATION.json", help="curation file of any form")
    parser.add_argument("--recording", help="which recording, where the file does not say")
    parser.add_argument("--data", type=Path, metavar="DATA_PATH", help="the raw session, to write its NWB file anew")
    parser.add_argument("--by", help="who curated (default: your user name)")
    parser.add_argument("--replace", action="store_true", help="apply a curation made from an older version")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--list", action="store_true", help="list the versions")
    other.add_argument("--undo", action="store_true", help="go back to the version before")
    other.add_argument("--version", type=int, metavar="N", help="make version N the present one")
    other.add_argument("--start-over", action="store_true",
                       help="after a new sorting: put the versions aside and begin with "
                       "its automatic labels")


def run(parser, argv):
    args = parser.parse_args(argv)
    if args.curation and (args.list or args.undo or args.start_over or args.version is not None):
        raise UserError("a curation file is given beside --list, --undo, --version or --start-over", "give one of them")
    if args.list:
        return list_versions(args.results, args.recording)
    try:
        from simsort.applying.apply import apply_curation, go_back, start_over
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("spikeinterface", "numpy", "pandas"):
            raise UserError(f"this Python has no {error.name}",
                            "run it where the pipeline's packages are: docs/curation.md "
                            "has the line for its container") from None
        raise
    if args.start_over:
        outcomes = [start_over(args.results, args.recording)]
    elif args.undo or args.version is not None:
        outcomes = [go_back(args.results, args.recording, args.version)]
    else:
        outcomes = apply_curation(args.results, args.curation, recording=args.recording, by=args.by,
                                  replace=args.replace)
    for outcome in outcomes:
        report(outcome, args.results)
        update_nwb(outcome.recording, args.results, args.data)


def report(outcome, results: Path) -> None:
    """Print what was done."""
    if not outcome.changes:
        print(f"{outcome.recording}: nothing to change, version {outcome.version} has all of it")
        return
    print(f"{outcome.recording}: version {outcome.version} in {results / 'curated' / outcome.recording}")
    for line in outcome.changes[:LONGEST_LIST]:
        print(f"  {line}")
    if len(outcome.changes) > LONGEST_LIST:
        print(f"  and {len(outcome.changes) - LONGEST_LIST} more: version.json beside it has all")


def update_nwb(recording: str, results: Path, data: Path | None) -> None:
    """Write a recording's NWB file anew, or say that it holds the units from before."""
    from simsort.applying.nwb_again import outdated_files, write_again

    for name in outdated_files(results, recording):
        if data is None:
            print(f"  nwb/{name} has the units from before: add --data DATA_PATH to write it anew")
        else:
            print(f"  {write_again(results, recording, data)} has the curated units")


def list_versions(results: Path, recording: str | None) -> None:
    """Print the versions of every recording."""
    from simsort.applying.versions import Versions
    from simsort.viewing.files import recordings_with_pages

    for name in recordings_with_pages(results):
        if recording not in (None, name):
            continue
        versions = Versions(results, name)
        print(name)
        for number in versions.numbers():
            about = versions.about(number)
            mark = "*" if number == versions.current() else " "
            print(f" {mark}{number}  {about['created'][:16]}  {about['by']}: {about['action']}"
                  + (f" ({about['source']}, {len(about['changes'])} changes)" if about.get("changes") else ""))
        if not versions.numbers():
            print(" *1  the automatic labels")
