"""The `simsort` command: one sub-command per stage, each a thin module in `simsort.stages`."""

import argparse
import errno
import importlib
import json
import logging
import os
import shutil
import sys
import traceback
from pathlib import Path

from simsort import __version__
from simsort.errors import UserError, one_line

# Only what exists is listed; the help of each stage is the first line of its module's docstring.
STAGES = {
    "check-params": "validate every parameter, without running anything",
    "example": "write the built-in example recording",
    "compile-mechanisms": "compile the cells' mechanisms and plan a simulation",
    "simulate": "simulate cells, and render labelled recordings from them",
    "render": "render labelled recordings from simulated cells",
    "manifest": "check and list simulated cells and recordings",
    "pretrain": "train a detector and an encoder on simulated cells",
    "evaluate-model": "score a trained model on held-out simulated recordings",
    "finetune": "fine-tune a model on a recording of one's own",
    "dispatch": "find the recordings of a session and check them",
    "preprocess": "filter, remove bad channels, reference, estimate motion",
    "sort": "run the spike sorter",
    "postprocess": "compute the sorting analyzer with extensions and quality metrics",
    "curate": "label units by the quality rule",
    "visualize": "draw pictures",
    "qc": "judge a recording: pass, warn or fail, with pictures",
    "nwb": "write the NWB file of a recording, all probes and units",
    "export": "write results in the form of another tool",
    "rerun": "do a run again from its own record and compare the spikes",
    "failures": "gather why stages failed from Nextflow's trace",
    "collect": "write the summary files and index.html of a results folder",
    "view": "show a results folder in a browser and save what is curated there",
    "apply-curation": "make a curation part of the results, as a new version",
    "report": "print what a results folder holds; exit status 1 if anything failed",
    "evaluate": "score a sorting against known spikes",
    "bench": "measure the pipeline, the simulator or the sorters",
}

KILLED = 137  # exit status of an out-of-memory kill, which the workflow retries with more memory


def main(argv: list[str] | None = None) -> None:
    """Run one stage; exit with 2 for a user's mistake, 137 for memory, 1 for anything else."""
    argv = sys.argv[1:] if argv is None else argv
    if not argv or argv[0] in ("-h", "--help"):
        print(overview())
        return
    if argv[0] == "--version":
        print(f"simsort {__version__}")
        return
    sys.exit(run_stage(argv[0], argv[1:]))


def overview() -> str:
    """Return the help of the whole command."""
    lines = [f"  {name:20}{help}" for name, help in STAGES.items()]
    return "usage: simsort STAGE [options]    (simsort STAGE --help)\n\nstages:\n" + "\n".join(lines)


def run_stage(stage: str, argv: list[str]) -> int:
    """Run a stage and return the exit status, reporting any error as one line."""
    if os.environ.get("SIMSORT_TRACEBACK") == "1":
        logging.basicConfig(level=logging.INFO)
    try:
        if stage not in STAGES:
            raise UserError(f"unknown stage {stage!r}", f"allowed: {', '.join(STAGES)}")
        module = importlib.import_module(f"simsort.stages.{stage.replace('-', '_')}")
        parser = argparse.ArgumentParser(prog=f"simsort {stage}", description=module.__doc__,
                                         formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
        module.add_arguments(parser)
        return module.run(parser, argv) or 0
    except Exception as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            make_room(argv)
        return report_error(stage, error)


def make_room(argv: list[str]) -> None:
    """Remove the unfinished output of a task that filled the disk, so that its error and the other tasks have room."""
    if os.environ.get("SIMSORT_TASK") == "1" and "--out" in argv[:-1]:
        shutil.rmtree(argv[argv.index("--out") + 1], ignore_errors=True)


def report_error(stage: str, error: Exception) -> int:
    """Print an error as one line, leave it in `failure.json` for the collecting stage and return the exit status."""
    if os.environ.get("SIMSORT_TRACEBACK") == "1":
        traceback.print_exc()
    message, status = explain(error)
    print(f"simsort {stage}: error: {message}", file=sys.stderr)
    # Nextflow's task folder is the working directory; elsewhere nobody wants the file.
    if os.environ.get("SIMSORT_TASK") == "1":
        Path("failure.json").write_text(json.dumps({"stage": stage, "reason": message, "exit_status": status}))
    return status


def explain(error: Exception) -> tuple[str, int]:
    """Return the user's line and the exit status for an exception."""
    name = type(error).__name__
    if isinstance(error, UserError):
        return one_line(error), 2
    if isinstance(error, MemoryError) or name == "BrokenProcessPool":
        return f"out of memory ({one_line(error)}): give the stage more memory or fewer workers (--n_jobs)", KILLED
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        where = f" at {error.filename}" if error.filename else ""
        return f"no space left on the disk{where}: free some and run again, finished stages are kept", 1
    if isinstance(error, PermissionError):
        return f"no permission for {error.filename}: change its mode or choose another folder", 2
    return f"{one_line(error)}: set SIMSORT_TRACEBACK=1 for the traceback", 1


if __name__ == "__main__":
    main()
