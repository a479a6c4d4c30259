"""One pipeline per recording session below DATA_PATH; called by multijob_submission_wrapper.sh. Standard library only.

Sessions are found by what folders hold, not by their depth or names. Each gets `pipeline_jobdir_<session>` in the
current folder with a copy of the job script in it, and is submitted from there.
"""

from __future__ import annotations  # a login node's Python may be older than the pipeline's

import argparse
import dataclasses
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

from simsort.errors import UserError

FORMATS = ("spikeglx", "openephys", "nwb", "aind", "spikeinterface")
SPIKEGLX_FILE = re.compile(r".+\.imec\d*\.ap\.(bin|meta)")
PROBE_FOLDER = re.compile(r"(?P<run>.+)_imec\d*")
LATER_OPTIONS = ("--max-jobs", "--status")
DESCRIPTION = "Find the recording sessions below DATA_PATH and submit one pipeline for each, from the current folder."


@dataclasses.dataclass(frozen=True)
class Session:
    """A recording session: its folder (or NWB file), its format and the name its results get."""

    path: Path
    input_format: str
    name: str = ""


def find_sessions(top: Path, only_format: str = "", skip: tuple = ()) -> list[Session]:
    """Find the sessions at or below a folder.

    Parameters
    ----------
    top : Path
        DATA_PATH: a folder, or one NWB file.
    only_format : str, default: ""
        INPUT_DATA_TYPE; empty finds every format. `spikeinterface` takes each folder directly in `top` that holds
        anything, as nothing marks raw binary files.
    skip : tuple of Path, default: ()
        Folders not to look into (work and results folders).

    Returns
    -------
    sessions : list of Session
        Named, in natural order; a session inside another one belongs to that one.
    """
    top = Path(os.path.abspath(top))
    if top.is_file():
        found = {top: "nwb"}
    elif only_format == "spikeinterface":
        found = {folder: only_format for folder in top.iterdir()
                 if folder.is_dir() and not folder.name.startswith(".") and any(folder.iterdir())}
    else:
        found = {path: kind for path, kind in find_by_content(top, skip).items() if only_format in ("", kind)}
    outer = [path for path in found if not any(parent in found for parent in path.parents)]
    names = name_sessions(outer)
    return [Session(path, found[path], names[path]) for path in sorted(outer, key=natural_order)]


def find_by_content(top: Path, skip: tuple) -> dict[Path, str]:
    """Return `{session: format}` for every marker below a folder, nested ones included."""
    found: dict = {}
    spikeglx_folders = []
    for folder, folders, files in walk(top, skip):
        if "ecephys_compressed" in folders:
            found[folder.parent if folder.name == "ecephys" and folder != top else folder] = "aind"
            folders.clear()
            continue
        if any(SPIKEGLX_FILE.fullmatch(name) for name in files):
            spikeglx_folders.append(folder)
        if "structure.oebin" in files:  # <session>/Record Node 101/experiment1/recording1
            found[node_to_session(folder.parent.parent, top)] = "openephys"
        elif "settings.xml" in files:
            found[node_to_session(folder, top)] = "openephys"
        for name in files + folders:
            if re.search(r"\.nwb(\.zarr)?$", name):
                if folder.name.startswith("Record Node"):
                    found[node_to_session(folder, top)] = "openephys"
                else:
                    found[folder / name] = "nwb"
    found.update({path: "spikeglx" for path in spikeglx_sessions(spikeglx_folders, top)})
    return found


def walk(top: Path, skip: tuple):
    """Yield (folder, folder names, file names) as os.walk, without hidden folders, results and loops of links."""
    skipped, entered = {os.path.realpath(path) for path in skip}, set()
    for root, folders, files in os.walk(top, followlinks=True):
        real = os.path.realpath(root)
        if real in entered | skipped or os.path.isfile(os.path.join(root, "nextflow", "session.json")):
            folders.clear()
            continue
        entered.add(real)
        folders[:] = [name for name in folders if not name.startswith((".", "pipeline_jobdir_"))]
        yield Path(root), folders, [name for name in files if not name.startswith(".")]
        folders[:] = [name for name in folders if not name.endswith((".zarr", ".nwb"))]


def node_to_session(folder: Path, top: Path) -> Path:
    """Return the session of an Open Ephys node folder, which older versions do not have; never above `top`."""
    session = folder.parent if folder.name.startswith("Record Node") else folder
    return session if session == top or top in session.parents else top


def spikeglx_sessions(folders: list, top: Path) -> set:
    """Gather the folders that hold `.ap.bin` files into sessions: all probes of a run belong together.

    A folder per probe (`<run>_g0_imec0`) makes its parent the session. Where runs of one probe each lie side by side,
    each probe folder is a session of its own.
    """
    sessions, by_parent = set(), defaultdict(list)
    for folder in folders:
        match = PROBE_FOLDER.fullmatch(folder.name)
        if match and folder != top:
            by_parent[folder.parent].append((match["run"], folder))
        else:
            sessions.add(folder)
    for parent, probes in by_parent.items():
        probes_of_run = Counter(run for run, _ in probes)
        inside = {folder for _, folder in probes}
        more_below = any(parent in folder.parents and folder not in inside for folder in folders)
        alone = len(probes_of_run) == 1 and not more_below and parent != top
        if alone or max(probes_of_run.values()) > 1:
            sessions.add(parent)
        else:
            sessions |= inside
    return sessions


def name_sessions(paths: list) -> dict:
    """Name each session by its folder, with as many parent folders before it as tell it from the others."""
    depth = {path: 1 for path in paths}
    while True:
        names = {path: safe_name("_".join(own_parts(path)[-depth[path]:])) for path in paths}
        count = Counter(names.values())
        clashing = [path for path in paths if count[names[path]] > 1]
        growing = [path for path in clashing if depth[path] < len(own_parts(path))]
        if not growing:
            break
        for path in growing:
            depth[path] += 1
    for path in clashing:  # a_b/c and a/b_c
        names[path] += "_" + hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
    return names


def own_parts(path: Path) -> list:
    """Return the folder names of a session; a file counts without its ending."""
    return [*path.parent.parts[1:], re.sub(r"\.nwb(\.zarr)?$", "", path.name)]


def safe_name(name: str) -> str:
    """Replace control characters and shorten a name, so that it can end the name of a file."""
    name = re.sub(r"[\x00-\x1f\x7f/]", "_", name)
    while len(os.fsencode(name)) > 180:
        name = name[1:]
    return name


def natural_order(path: Path) -> list:
    """Sort key that puts dir_2 before dir_10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", str(path))]


@dataclasses.dataclass(frozen=True)
class Settings:
    """The job script and what its settings say; relative paths start from the current folder."""

    script: Path
    values: dict

    @classmethod
    def read(cls, script: Path, environment) -> Settings:
        """Take the settings that the shell wrapper has read from the script."""
        names = ("DATA_PATH", "WORK_DIR", "RESULTS_PATH", "PIPELINE_PATH", "EPHYS_CONTAINER_DIR", "INPUT_DATA_TYPE",
                 "PARAMS_FILE")
        return cls(script, {name: environment.get(name, "") for name in names})

    def for_session(self, session: Session, job_folder: Path) -> dict:
        """Return the settings of one session's copy; empty ones are left as they stand."""
        given = self.values
        work = given["WORK_DIR"] or "./scr_tmp_dir"
        settings = {
            "DATA_PATH": str(session.path),
            "RESULTS_PATH": str(self.results_folder(session)),
            "WORK_DIR": os.path.join(work, session.name) if os.path.isabs(work) else os.path.abspath(job_folder / work),
            "PIPELINE_PATH": os.path.abspath(given["PIPELINE_PATH"] or self.script.parent),
            "INPUT_DATA_TYPE": given["INPUT_DATA_TYPE"] or session.input_format,
        }
        for name in ("EPHYS_CONTAINER_DIR", "PARAMS_FILE"):
            if given[name]:
                settings[name] = os.path.abspath(given[name])
        return settings

    def results_folder(self, session: Session) -> Path:
        """Return `<RESULTS_PATH>_<session>`."""
        base = os.path.abspath(self.values["RESULTS_PATH"] or "./output")
        return Path(f"{base}_{session.name}")


def rewrite_script(text: str, settings: dict) -> str:
    """Replace the assignments at the top of a job script, the first of each name, by plain, quoted values.

    Raises
    ------
    UserError
        If the script has no line for a setting.
    """
    for name, value in settings.items():
        pattern = re.compile(rf"^((?:export[ \t]+)?){name}=.*$", re.MULTILINE)
        if not pattern.search(text):
            raise UserError(f"the job script has no line {name}=...", "start from a fresh copy of spike_sort.slm")
        text = pattern.sub(lambda match: f"{match[1]}{name}={shlex.quote(value)}", text, count=1)
    return text


def prepare(session: Session, settings: Settings) -> Path:
    """Make a session's job folder and the copy of the job script in it; return the copy."""
    job_folder = Path.cwd() / f"pipeline_jobdir_{session.name}"
    text = settings.script.read_text(encoding="utf8", errors="surrogateescape")
    text = rewrite_script(text, settings.for_session(session, job_folder))
    copy = job_folder / f"{settings.script.name}.{session.name}"
    try:
        job_folder.mkdir(exist_ok=True)
        copy.write_text(text, encoding="utf8", errors="surrogateescape")
        copy.chmod(0o755)
    except OSError as error:
        raise UserError(f"{error.filename} cannot be written ({error.strerror})",
                        "start the wrapper in a folder you may write to") from None
    return copy


def submit(copy: Path, arguments: list) -> tuple[bool, str]:
    """Submit a job script from its folder; return whether that went well and what to tell."""
    command = ["sbatch", "--parsable", f"--job-name={copy.name}", copy.name, *arguments]
    done = subprocess.run(command, cwd=copy.parent, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return True, f"job {done.stdout.strip().split(';')[0]}"
    return False, " ".join(done.stderr.split()) or f"sbatch ended with status {done.returncode}"


def run_here(copy: Path, arguments: list) -> tuple[bool, str]:
    """Run a job script on this machine and wait for it."""
    status = subprocess.run(["bash", copy.name, *arguments], cwd=copy.parent, check=False).returncode
    return status == 0, "finished" if status == 0 else f"ended with status {status}"


def parse_arguments(argv: list):
    """Parse the wrapper's command line; what follows `--` is for the pipeline."""
    own, _, pipeline = split_at_dashes(argv)
    for option in LATER_OPTIONS:
        if any(argument.split("=")[0] == option for argument in own):
            raise UserError(f"{option} is not part of this version yet", "allowed: --dry-run, --local")
    parser = argparse.ArgumentParser(
        prog="multijob_submission_wrapper.sh", description=DESCRIPTION, allow_abbrev=False,
        usage="%(prog)s spike_sort.slm [--dry-run] [--local] [-- PIPELINE OPTIONS]")
    parser.add_argument("script", type=Path, help="job script, whose DATA_PATH is the folder that holds the sessions")
    parser.add_argument("--dry-run", action="store_true", help="say what would be submitted, write nothing")
    parser.add_argument("--local", action="store_true", help="run one after another on this machine, without Slurm")
    args = parser.parse_args(own)
    if not args.script.is_file():
        raise UserError(f"job script {args.script} does not exist", "name the spike_sort.slm to submit")
    return args, pipeline


def split_at_dashes(argv: list) -> tuple[list, str, list]:
    """Split a command line at its first `--`."""
    place = argv.index("--") if "--" in argv else len(argv)
    return argv[:place], "--", argv[place + 1:]


def require_sessions(settings: Settings) -> list[Session]:
    """Find the sessions, or raise."""
    data_path, wanted = settings.values["DATA_PATH"], settings.values["INPUT_DATA_TYPE"]
    if not data_path:
        raise UserError("DATA_PATH is empty", "set it to the folder that holds the sessions, in the script or the "
                        "environment")
    if not os.path.exists(data_path):
        raise UserError(f"DATA_PATH {data_path} does not exist", "check the path, and that its disk is mounted")
    if wanted and wanted not in FORMATS:
        raise UserError(f"INPUT_DATA_TYPE was given {wanted!r}", f"allowed: {', '.join(FORMATS)}")
    skip = tuple(Path(p) for p in (settings.values["WORK_DIR"], settings.values["RESULTS_PATH"]) if p)
    sessions = find_sessions(Path(data_path), wanted, skip)
    if not sessions:
        raise UserError(f"DATA_PATH {data_path} holds no {wanted + ' ' if wanted else ''}session",
                        "it is to hold SpikeGLX .ap.bin files, Open Ephys folders or NWB files, at any depth")
    return sessions


def run(argv: list) -> int:
    """Submit or run every session; return 1 if one of them failed."""
    args, pipeline_arguments = parse_arguments(argv)
    settings = Settings.read(Path(os.path.abspath(args.script)), os.environ)
    sessions = require_sessions(settings)
    if not (args.dry_run or args.local) and shutil.which("sbatch") is None:
        raise UserError("sbatch is not on PATH", "submit from a login node, or add --local to run on this machine")
    failed = 0
    for session in sessions:
        line = f"{session.name}  {session.input_format}  {session.path} -> {settings.results_folder(session)}"
        if args.dry_run:
            print(f"{line}  (dry run)")
            continue
        copy = prepare(session, settings)
        print(line, flush=True)
        good, words = (run_here if args.local else submit)(copy, pipeline_arguments)
        failed += not good
        print(f"{'' if good else 'simsort: error: '}{session.name}: {words}", flush=True,
              file=sys.stdout if good else sys.stderr)
    print(f"sessions: {len(sessions)}" + (f", failed: {failed}" if failed else ""))
    return 1 if failed else 0


def main() -> None:
    """Run and exit; a user's mistake is one line and status 2."""
    try:
        sys.exit(run(sys.argv[1:]))
    except UserError as error:
        print(f"simsort: error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
