"""Do a run again from its own record, and compare the spikes."""

import json
import os
import subprocess
from pathlib import Path

from simsort.errors import UserError
from simsort.records import surroundings

PIPELINE = Path(__file__).resolve().parents[3]
# What belongs to the machine and the place of a run, not to its result.
NOT_OF_THE_RESULT = ("data_path", "results_path", "params_file", "container_dir", "use_containers", "input_data_type",
                     "slurm_account", "cpu_partition", "gpu_partition", "max_cpus", "max_memory", "max_time", "n_jobs")
OTHER_WORKFLOWS = ("simulation", "rendering", "pretraining")
SETTINGS = ("DATA_PATH", "WORK_DIR", "RESULTS_PATH", "INPUT_DATA_TYPE", "SORTER", "PARAMS_FILE")


def recorded_parameters(results: Path) -> dict:
    """Return what a run used, as Nextflow published it.

    Raises
    ------
    UserError
        If the folder holds no such record, or the run was none of a session.
    """
    path = Path(results) / "nextflow" / "parameters.json"
    if not path.is_file():
        raise UserError(f"{path} does not exist", "give the results folder of a run")
    recorded = json.loads(path.read_text())
    if recorded["globals"]["workflow"] != "sort":
        workflow = recorded["globals"]["workflow"]
        raise UserError(f"{results} is of --workflow {workflow}", "give the results of a sorting")
    return recorded


def params_of(recorded: dict) -> dict:
    """Turn the resolved configuration of a run into a params file that gives the same one."""
    params = {k: v for k, v in recorded["globals"].items() if k not in NOT_OF_THE_RESULT and v is not None}
    stages = {k: v for k, v in recorded.items() if isinstance(v, dict) and k not in ("globals", *OTHER_WORKFLOWS)}
    return params | {stage: {k: v for k, v in settings.items() if v is not None} for stage, settings in stages.items()}


def rerun(results: Path, out: Path, data_path: Path | None, arguments: list[str]) -> int:
    """Run spike_sort.slm with a run's own parameters into a new folder.

    Parameters
    ----------
    results : Path
        The run to do again.
    out : Path
        New results folder.
    data_path : Path | None
        Where the session lies now; None: where it was.
    arguments : list of str
        Further options of the pipeline that do not change the result, such as `--n_jobs 4`.

    Returns
    -------
    status : int
        Exit status of the pipeline.
    """
    recorded = recorded_parameters(results)
    data_path = Path(data_path or recorded["globals"]["data_path"])
    if not data_path.exists():
        raise UserError(f"the session {data_path} is not there", "give its new place with --data")
    script = PIPELINE / "spike_sort.slm"
    if not script.is_file():
        raise UserError(f"{script} does not exist", "run simsort from a checkout of the pipeline")
    out = Path(out).resolve()
    params_file = out / "nextflow" / "rerun.json"
    params_file.parent.mkdir(parents=True)
    params_file.write_text(json.dumps(params_of(recorded), indent=1) + "\n")
    environment = {k: v for k, v in os.environ.items() if k not in SETTINGS}
    environment |= {"DATA_PATH": str(data_path.resolve()), "RESULTS_PATH": str(out), "PARAMS_FILE": str(params_file),
                    "WORK_DIR": str(out / "nextflow" / "work")}
    return subprocess.run(["bash", str(script), *arguments], cwd=out, env=environment).returncode


def changed_software(results: Path) -> list[str]:
    """Name what is not what it was when the results were made: commit, Python, packages."""
    path = Path(results) / "nextflow" / "records.json"
    records = json.loads(path.read_text())["records"] if path.is_file() else []
    now, lines = surroundings(), []
    for key, title in (("git_commit", "commit"), ("python", "Python")):
        then = {r.get(key) for r in records} - {None}
        lines += [f"{title}: {', '.join(sorted(then))} then, {now[key]} now"] if then and then != {now[key]} else []
    packages = {(name, version) for r in records for name, version in r.get("packages", {}).items()}
    lines += [f"{name}: {version} then, {now['packages'].get(name, 'not installed')} now"
              for name, version in sorted(packages) if now["packages"].get(name) != version]
    return lines


def compare(results: Path, other: Path) -> dict[str, str]:
    """Compare what the sorter found in two results folders.

    Returns
    -------
    differences : dict
        {recording: what differs}; empty text where every spike of every unit is the same.
    """
    import numpy as np
    import spikeinterface as si

    found = {}
    for folder in sorted(p for p in (Path(results) / "spikesorted").iterdir() if p.is_dir()):
        again = Path(other) / "spikesorted" / folder.name
        if not again.is_dir():
            found[folder.name] = "was not sorted again"
            continue
        one, two = si.load(folder), si.load(again)
        if one.unit_ids.tolist() != two.unit_ids.tolist():
            found[folder.name] = f"{one.get_num_units()} units then, {two.get_num_units()} now"
            continue
        spikes, spikes_again = one.to_spike_vector(), two.to_spike_vector()
        same = np.array_equal(spikes, spikes_again)
        found[folder.name] = "" if same else f"{len(spikes)} spikes then, {len(spikes_again)} now, or at other times"
    return found
