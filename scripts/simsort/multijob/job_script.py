"""The job script, what its settings say, and the copy that a session gets. Standard library only."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
from pathlib import Path

from simsort.errors import UserError
from simsort.multijob.sessions import Session

NAMES = ("DATA_PATH", "WORK_DIR", "RESULTS_PATH", "PIPELINE_PATH", "EPHYS_CONTAINER_DIR", "INPUT_DATA_TYPE",
         "PARAMS_FILE", "SORTER")


@dataclasses.dataclass(frozen=True)
class Settings:
    """The job script and what its settings say; relative paths start from the current folder."""

    script: Path
    values: dict

    @classmethod
    def read(cls, script: Path, environment) -> Settings:
        """Take the settings that the shell wrapper has read from the script."""
        return cls(script, {name: environment.get(name, "") for name in NAMES})

    def for_session(self, session: Session, job_folder: Path, results: Path) -> dict:
        """Return the settings of one session's copy; empty ones are left as they stand."""
        given = self.values
        settings = {
            "DATA_PATH": str(session.path),
            "RESULTS_PATH": str(results),
            "WORK_DIR": str(self.work_folder(session, job_folder)),
            "PIPELINE_PATH": os.path.abspath(given["PIPELINE_PATH"] or self.script.parent),
            "INPUT_DATA_TYPE": given["INPUT_DATA_TYPE"] or session.input_format,
        }
        for name in ("EPHYS_CONTAINER_DIR", "PARAMS_FILE"):
            if given[name]:
                settings[name] = os.path.abspath(given[name])
        return settings

    def work_folder(self, session: Session, job_folder: Path) -> Path:
        """Return a session's own work folder: below WORK_DIR if that is a whole path, else in its job folder."""
        work = self.values["WORK_DIR"] or "./scr_tmp_dir"
        return Path(work, session.name) if os.path.isabs(work) else Path(os.path.abspath(job_folder / work))

    def results_folder(self, session: Session) -> Path:
        """Return `<RESULTS_PATH>_<session>`."""
        return Path(f"{self.results_base()}_{session.name}")

    def results_base(self) -> str:
        """Return what the names of results folders begin with."""
        return os.path.abspath(self.values["RESULTS_PATH"] or "./output")


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


def prepare(entry, settings: Settings) -> Path:
    """Make a session's job folder and the copy of the job script in it; return the copy."""
    text = settings.script.read_text(encoding="utf8", errors="surrogateescape")
    text = rewrite_script(text, settings.for_session(entry.session, entry.job_folder, entry.results))
    copy = entry.job_folder / f"{settings.script.name}.{entry.name}"
    part = copy.with_name(".job_script.part")
    try:
        entry.job_folder.mkdir(exist_ok=True)
        part.write_text(text, encoding="utf8", errors="surrogateescape")
        part.chmod(part.stat().st_mode | (part.stat().st_mode & 0o444) >> 2)  # who may read may run
        part.replace(copy)
    except OSError as error:
        raise UserError(f"{error.filename} cannot be written ({error.strerror})",
                        "start the wrapper in a folder you may write to") from None
    return copy


def make_aliases(entries: list, settings: Settings, folder: Path) -> None:
    """Link the workshop's numbered names to the folders and scripts of the sessions.

    `pipeline_jobdir_N`, `pipeline_jobdir_N/spike_sort.slm.N` and `output_dir_N`. A name that is another session's own
    is left to it.
    """
    own = {entry.job_folder for entry in entries} | {entry.results for entry in entries}
    for entry in entries:
        copy = f"{settings.script.name}.{entry.name}"
        for alias, target in ((folder / f"pipeline_jobdir_{entry.number}", entry.job_folder),
                              (Path(f"{settings.results_base()}_dir_{entry.number}"), entry.results),
                              (entry.job_folder / f"{settings.script.name}.{entry.number}", entry.job_folder / copy)):
            if alias not in own and entry.job_folder.is_dir() and alias.parent.is_dir():
                link(alias, target)


def link(alias: Path, target: Path) -> None:
    """Make a relative link; what is no link stays as it is."""
    wanted = os.path.relpath(target, alias.parent)
    if alias.is_symlink() and os.readlink(alias) != wanted:
        alias.unlink()
    if not alias.is_symlink() and not alias.exists():
        alias.symlink_to(wanted)
