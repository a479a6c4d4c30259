"""The wrapper's command line: plan, submit or run, look, cancel. Standard library only."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

from simsort.errors import UserError
from simsort.multijob import slurm
from simsort.multijob.job_script import Settings, make_aliases, prepare
from simsort.multijob.manifest import (Entry, extended, only_one, read_manifest, read_submission, write_manifest,
                                       write_submission)
from simsort.multijob.plan import measure, plan_lines
from simsort.multijob.running import run_sessions, submit_sessions
from simsort.multijob.sessions import FORMATS, find_sessions
from simsort.multijob.states import FAILED, OVER, State, read_states, table
from simsort.multijob.summary import write_summary

DESCRIPTION = "Find the recording sessions below DATA_PATH and submit one pipeline for each, from the current folder."
WATCH_S = 10


def parse_arguments(argv: list):
    """Parse the wrapper's command line; what follows `--` is for the pipeline."""
    place = argv.index("--") if "--" in argv else len(argv)
    own, pipeline = argv[:place], argv[place + 1:]
    parser = argparse.ArgumentParser(
        prog="multijob_submission_wrapper.sh", description=DESCRIPTION, allow_abbrev=False,
        usage="%(prog)s spike_sort.slm [--dry-run | --status [--watch] | --cancel] [--max-jobs N] [--retry-failed] "
              "[--again] [--local] [-- PIPELINE OPTIONS]")
    parser.add_argument("script", type=Path, nargs="?",
                        help="job script, whose DATA_PATH is the folder that holds the sessions")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true", help="show the plan, write and submit nothing")
    what.add_argument("--status", action="store_true", help="what became of the sessions; 1 if one of them failed")
    what.add_argument("--cancel", action="store_true", help="cancel the pipelines that wait or run")
    parser.add_argument("--watch", action="store_true", help="with --status: go on until all have ended")
    parser.add_argument("--max-jobs", type=int, metavar="N", help="at most so many pipelines at once (default: no limit; "
                        "1 with --local)")
    parser.add_argument("--retry-failed", action="store_true", help="submit those that failed too")
    parser.add_argument("--again", action="store_true", help="submit those that are done too, as after a change of settings")
    parser.add_argument("--local", action="store_true", help="run them on this machine, without Slurm")
    args = parser.parse_args(own)
    if args.script is None and not (args.status or args.cancel):
        parser.error("the job script is missing: name spike_sort.slm")
    if args.script is not None and not args.script.is_file():
        raise UserError(f"job script {args.script} does not exist", "name the spike_sort.slm to submit")
    if args.max_jobs is not None and args.max_jobs < 1:
        raise UserError(f"--max-jobs was given {args.max_jobs}", "allowed: 1 or more")
    return args, pipeline


def run(argv: list) -> int:
    """Do what was asked; return 1 if a session has failed."""
    args, pipeline_arguments = parse_arguments(argv)
    folder = Path.cwd()
    if args.status:
        return show_status(folder, args.watch)
    if args.cancel:
        with only_one(folder):
            return cancel_all(folder)
    settings = Settings.read(Path(os.path.abspath(args.script)), os.environ)
    if args.dry_run:
        entries = found_entries(folder, settings)
        print_plan(entries, chosen(entries, args), settings, pipeline_arguments, folder)
        print(f"sessions: {len(entries)} (dry run)")
        return 0
    if not args.local and shutil.which("sbatch") is None:
        raise UserError("sbatch is not on PATH", "submit from a login node, or add --local to run on this machine")
    with only_one(folder):
        return start_all(folder, args, settings, pipeline_arguments)


def start_all(folder: Path, args, settings: Settings, pipeline_arguments: list) -> int:
    """Submit or run what is to be; return 1 if something went wrong with one of them."""
    entries = found_entries(folder, settings)
    states = chosen(entries, args)
    sizes = print_plan(entries, states, settings, pipeline_arguments, folder)
    write_manifest(folder, entries)
    now = [entry for entry in entries if states[entry.name].startswith("submit")]
    copies = [(entry, prepare(entry, settings), sizes[entry.name].core_hours) for entry in now]
    make_aliases(entries, settings, folder)
    if args.local:
        run_sessions(copies, pipeline_arguments, args.max_jobs)
    else:
        submit_sessions(copies, entries, pipeline_arguments, args.max_jobs)
    after = read_states(entries)
    page = write_summary(folder, entries, after)
    bad = [entry for entry in (entries if args.local else now) if after[entry.name].name in FAILED]
    print(f"sessions: {len(entries)}" + (f", failed: {len(bad)}" if bad else "") + f"; {page}")
    return 1 if bad else 0


def found_entries(folder: Path, settings: Settings) -> list[Entry]:
    """Return all sessions, those of earlier calls with the numbers and names they had.

    Raises
    ------
    UserError
        If DATA_PATH is not there or holds no session.
    """
    data_path, wanted = settings.values["DATA_PATH"], settings.values["INPUT_DATA_TYPE"]
    if not data_path:
        raise UserError("DATA_PATH is empty", "set it to the folder that holds the sessions, in the script or the "
                        "environment")
    if not os.path.exists(data_path):
        raise UserError(f"DATA_PATH {data_path} does not exist", "check the path, and that its disk is mounted")
    if wanted and wanted not in FORMATS:
        raise UserError(f"INPUT_DATA_TYPE was given {wanted!r}", f"allowed: {', '.join(FORMATS)}")
    before = read_manifest(folder)
    skip = tuple(Path(p) for p in (settings.values["WORK_DIR"], settings.values["RESULTS_PATH"]) if p)
    sessions = find_sessions(Path(data_path), wanted, skip, {entry.path: entry.name for entry in before})
    if not sessions:
        raise UserError(f"DATA_PATH {data_path} holds no {wanted + ' ' if wanted else ''}session",
                        "it is to hold SpikeGLX .ap.bin files, Open Ephys folders or NWB files, at any depth")
    return extended(before, sessions, settings, folder)


def chosen(entries: list[Entry], args) -> dict[str, str]:
    """Say of each session what becomes of it now."""
    states = read_states(entries)
    return {entry.name: choice(entry, states[entry.name], args) for entry in entries}


def choice(entry: Entry, state: State, args) -> str:
    """Say what becomes of one session; what begins with `submit` is submitted."""
    if state.name in ("waiting", "running"):
        return f"{state.name} already"
    if not entry.path.exists():
        return "left out: it is not there any more"
    if state.name in ("new", "refused"):
        return "submit"
    if state.name == "done":
        return "submit again" if args.again else "done"
    return "submit again" if args.retry_failed or args.again else f"{state.name}: --retry-failed submits it again"


def print_plan(entries: list[Entry], states: dict, settings: Settings, pipeline_arguments: list, folder: Path) -> dict:
    """Print the plan; return the sizes of the sessions by name."""
    sizes = {entry.name: measure(entry.session) for entry in entries}
    work = settings.values["WORK_DIR"]
    places = {"work": Path(work) if os.path.isabs(work) else folder, "results": Path(settings.results_base()).parent}
    print("\n".join(plan_lines(entries, sizes, states, sorter_of(settings, pipeline_arguments), places)), flush=True)
    return sizes


def sorter_of(settings: Settings, pipeline_arguments: list) -> str:
    """Return the sorter that the command line or the job script names."""
    given = [value for name, value in zip(pipeline_arguments, pipeline_arguments[1:]) if name == "--sorter"]
    given += [a.split("=", 1)[1] for a in pipeline_arguments if a.startswith("--sorter=")]
    return given[-1] if given else settings.values["SORTER"]


def known_entries(folder: Path) -> list[Entry]:
    """Return the sessions of earlier calls, or raise."""
    entries = read_manifest(folder)
    if not entries:
        raise UserError(f"nothing was submitted from {folder}", "go to the folder the wrapper was started in")
    return entries


def show_status(folder: Path, watch: bool) -> int:
    """Print the table and write the page; with `watch` again and again until all sessions have ended."""
    while True:
        entries = known_entries(folder)
        states = read_states(entries)
        if watch and sys.stdout.isatty():
            print("\x1b[H\x1b[2J", end="")
        print("\n".join(table(entries, states)), flush=True)
        page = write_summary(folder, entries, states) if os.access(folder, os.W_OK) else None
        if not watch or all(state.name in (*OVER, "new") for state in states.values()):
            break
        time.sleep(WATCH_S)
    if page:
        print(page)
    return 1 if any(state.name in FAILED for state in states.values()) else 0


def cancel_all(folder: Path) -> int:
    """Cancel the head jobs that wait or run; they take their stages with them."""
    entries = known_entries(folder)
    ids = {entry.name: read_submission(entry).get("job_id", "") for entry in entries}
    jobs = slurm.queue(list(ids.values()))
    under_way = [entry for entry in entries if jobs.get(ids[entry.name], ("",))[0] in slurm.ACTIVE]
    said = slurm.cancel([ids[entry.name] for entry in reversed(under_way)])
    for entry in under_way:
        write_submission(entry, read_submission(entry) | {"cancelled": True})
    print(f"cancelled: {len(under_way)}")
    if said:
        print(f"simsort: error: scancel: {said}", file=sys.stderr)
    return 1 if said else 0


def main() -> None:
    """Run and exit; a user's mistake is one line and status 2."""
    try:
        sys.exit(run(sys.argv[1:]))
    except UserError as error:
        print(f"simsort: error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
