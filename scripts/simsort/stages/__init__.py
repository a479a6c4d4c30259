"""One thin module per sub-command: arguments in, one library function, a record out."""

import argparse
import json
from pathlib import Path

from simsort.config.parameters import parse_tokens, resolve
from simsort.errors import UserError


def add_common_arguments(parser: argparse.ArgumentParser, stage: str) -> None:
    """Add what every stage takes: settings, workers and the output folder."""
    parser.add_argument("--config", metavar="JSON", help="file written by check-params with this stage's settings; "
                        f"single settings of --{stage} may follow as --name value")
    parser.add_argument("--n-jobs", type=int, default=1, help="worker processes (default 1)")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="output folder, made new")


def parse_stage(parser: argparse.ArgumentParser, argv: list[str], stage: str) -> tuple[argparse.Namespace, dict]:
    """Parse a stage's command line: its arguments, and its settings from `--config` or as single options.

    Returns
    -------
    args : argparse.Namespace
        The stage's own arguments.
    settings : dict
        Every setting of the stage, validated.
    """
    args, rest = parser.parse_known_args(argv)
    single = parse_tokens(rest, stage)
    if args.config:
        config = json.loads(Path(args.config).read_text())
        if not single:
            return args, config
    else:
        config = {}
    run = {"sorter": args.sorter} if getattr(args, "sorter", None) else {}
    return args, resolve({**run, stage: {**config, **single}})[stage]


def fresh_folder(folder: Path) -> Path:
    """Make a new output folder.

    Raises
    ------
    UserError
        If it exists and holds anything.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"output folder {folder} is not empty", "choose a new one or remove it")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
