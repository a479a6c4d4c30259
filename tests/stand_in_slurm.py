"""Stand-ins for Slurm's commands that write down how they were called, and the wrapper for many sessions run with them."""

import json
import os
import subprocess

from workflow_runs import REPO, clean_environment

SBATCH = """#!/bin/bash
{ printf '%s\\n' "$PWD" "$@"; echo --; } >> "$STAND_IN/calls"
[ -z "${SBATCH_FAILS:-}" ] || { echo 'sbatch: error: Invalid account' >&2; exit 1; }
n=$(($(cat "$STAND_IN/last" 2>/dev/null || echo 41) + 1))
echo "$n" > "$STAND_IN/last"
echo "$n|PENDING|0:00" >> "$STAND_IN/queue"
echo "$n;cluster"
"""
SQUEUE = """#!/bin/bash
[ -z "${SQUEUE_FAILS:-}" ] || { echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1; }
cat "$STAND_IN/queue" 2>/dev/null || true
"""
SCANCEL = """#!/bin/bash
printf '%s\\n' "$@" >> "$STAND_IN/cancelled"
"""
SINFO = """#!/bin/bash
cat "$STAND_IN/partitions"
"""


class Wrapper:
    """The wrapper in a folder of its own, with stand-ins for Slurm."""

    def __init__(self, tmp_path):
        self.folder, self.stand_in = tmp_path / "here", tmp_path / "slurm"
        for folder in (self.folder, self.stand_in):
            folder.mkdir()
        for name, text in (("sbatch", SBATCH), ("squeue", SQUEUE), ("scancel", SCANCEL), ("sinfo", SINFO)):
            (self.stand_in / name).write_text(text)
            (self.stand_in / name).chmod(0o755)

    def __call__(self, *arguments, **settings):
        """Run it: the completed process."""
        environment = clean_environment(**settings) | {"PATH": f"{self.stand_in}:{os.environ['PATH']}",
                                                       "STAND_IN": str(self.stand_in)}
        return subprocess.run([str(REPO / "multijob_submission_wrapper.sh"), *map(str, arguments)], cwd=self.folder,
                              text=True, capture_output=True, env=environment, timeout=300)

    def calls(self) -> list[list[str]]:
        """How sbatch was called: its folder, then its arguments."""
        file = self.stand_in / "calls"
        return [call.split("\n") for call in file.read_text().split("\n--\n") if call] if file.exists() else []

    def queue(self, *rows: str) -> None:
        """Say what squeue is to answer."""
        (self.stand_in / "queue").write_text("".join(row + "\n" for row in rows))

    def partitions(self, *rows: str) -> None:
        """Say what sinfo is to answer; without it fails."""
        (self.stand_in / "partitions").write_text("".join(row + "\n" for row in rows))

    def finish(self, name: str, state: str = "done", reason: str = "") -> None:
        """Leave the results that a run would leave."""
        folder = self.folder / f"output_{name}" / "nextflow"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "session.json").write_text(json.dumps({"session": name}))
        (folder / "trace.txt").write_text("process\ttag\tstatus\texit\tattempt\tworkdir\nCOLLECT\t-\tCOMPLETED\t0\t1\t-\n")
        verdict = {"state": state, "reason": reason, "stage": "sort" if state == "failed" else None, "n_units": 7,
                   "n_passing": 3}
        (folder.parent / "status.json").write_text(json.dumps({
            "session": name, "recordings": {}, "verdicts": {"rec": verdict}, "session_failures": []}))
        (folder.parent / "index.html").touch()
