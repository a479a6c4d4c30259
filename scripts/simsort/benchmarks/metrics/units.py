"""The units that sorters find in the cases, with their metrics, verdict and truth; kept by case and sorter."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from simsort.benchmarks.measured import store
from simsort.benchmarks.metrics.cases import write_case
from simsort.benchmarks.metrics.truth import align_truth, compare_units
from simsort.benchmarks.simulation.environments import last_words
from simsort.benchmarks.sorters.runs import SCRIPTS, sorter_version

PROTOCOL = 1  # raised when the cases or what stands in a result change
# Extensions no quality metric needs.
SKIPPED = ("correlograms", "isi_histograms", "valid_unit_periods", "template_similarity")


def measure_case(name: str, sorters: tuple[str, ...], duration_s: float, n_jobs: int, out: Path, *,
                 keep: bool = False) -> None:
    """Sort a case by every sorter whose result is not kept, and keep a table of units for each.

    Parameters
    ----------
    name : str
        The case.
    sorters : tuple of str
        Names of sorters.
    duration_s : float
        Duration of the recording.
    n_jobs : int
        Worker processes.
    out : Path
        Folder of the bench; `units/<case>/<sorter>.json` are kept in it.
    keep : bool, default: False
        Keep what the stages wrote.
    """
    wanted = [sorter for sorter in sorters if not is_kept(kept_file(out, name, sorter), sorter, duration_s)]
    if not wanted:
        return
    from spikeinterface import load

    print(f"simsort bench: making {name}", flush=True)
    task = write_case(name, duration_s, out)
    (task / "scripts").symlink_to(SCRIPTS)  # as Nextflow stages it
    try:
        run_stage("preprocess", "--job job.json --data . --motion skip --out preprocessed", n_jobs, task)
        truth = align_truth(load(task / "preprocessed" / "binary"), load(task / "truth"))
        for sorter in wanted:
            print(f"simsort bench: {name}, {sorter}", flush=True)
            units = measure_sorter(task, sorter, truth, n_jobs)
            content = {"case": name, "sorter": sorter, **facts_of(sorter, duration_s), "n_true": truth.get_num_units(),
                       "units": units}
            store(kept_file(out, name, sorter), content)
    finally:
        if not keep:
            shutil.rmtree(task)


def measure_sorter(task: Path, sorter: str, truth, n_jobs: int) -> list[dict]:
    """Sort, postprocess and judge as the pipeline does, and compare with the truth; return a row per unit."""
    from simsort.config.parameters import resolve
    from simsort.curation.curate import find_analyzer
    from simsort.curation.rule import QUALITY_COLUMNS, parse_rule
    from simsort.curation.unit_table import finite, judge_units, load_units

    sorted_to, measured_to = f"sorted_{sorter}", f"postprocessed_{sorter}"
    run_stage("sort", f"--preprocessed preprocessed --sorter {sorter} --out {sorted_to}", n_jobs, task)
    run_stage("postprocess", f"--preprocessed preprocessed --sorted {sorted_to} --skip-extensions {','.join(SKIPPED)} "
              f"--out {measured_to}", n_jobs, task)
    analyzer, why_not = find_analyzer(task / measured_to)
    if analyzer is None:
        print(f"simsort bench: {task.name}, {sorter}: {why_not}", flush=True)
        return []
    sorting, table = load_units(task / sorted_to / "sorting", analyzer)
    verdicts = judge_units(table, parse_rule(resolve({})["curation"]["rule"]))
    facts = compare_units(truth, sorting)
    return [{"unit_id": str(unit_id), **fact, "label": verdict.label,
             **{column: finite(row.get(column)) for column in QUALITY_COLUMNS}}
            for unit_id, fact, verdict, row in zip(table.index, facts, verdicts, table.to_dict("records"), strict=True)]


def run_stage(stage: str, arguments: str, n_jobs: int, task: Path) -> None:
    """Run a stage command as a task of the workflow does, but with compiled code kept from case to case.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    cache = os.environ.get("NUMBA_CACHE_DIR")
    kept = f"export NUMBA_CACHE_DIR={shlex.quote(cache)}" if cache else "unset NUMBA_CACHE_DIR"
    command = (f". scripts/task_env.sh {n_jobs} && {kept} && exec {shlex.quote(sys.executable)} -m simsort {stage} "
               f"{arguments} --n-jobs {n_jobs}")
    log = task / f"{stage}.log"
    with log.open("wb") as file:
        done = subprocess.run(["bash", "-c", command], cwd=task, stdout=file, stderr=subprocess.STDOUT,
                              env={**os.environ, "PYTHONWARNINGS": "ignore"})
    if done.returncode:
        raise RuntimeError(f"simsort {stage} of {task.name} ended with exit status {done.returncode}: "
                           f"{last_words(log)}")


def facts_of(sorter: str, duration_s: float) -> dict:
    """Return what a result depends on besides its case and sorter."""
    return {"protocol": PROTOCOL, "duration_s": duration_s, "version": sorter_version(sorter)}


def kept_file(out: Path, name: str, sorter: str) -> Path:
    """Return the file of a case's and a sorter's units."""
    return Path(out) / "units" / name / f"{sorter}.json"


def is_kept(file: Path, sorter: str, duration_s: float) -> bool:
    """Tell whether a result is there and was made alike."""
    if not file.is_file():
        return False
    content = json.loads(file.read_text())
    return all(content.get(key) == value for key, value in facts_of(sorter, duration_s).items())


def kept_units(out: Path) -> list[dict]:
    """Return every unit that is kept, with `case` and `sorter`."""
    units = []
    for file in sorted((Path(out) / "units").glob("*/*.json")):
        content = json.loads(file.read_text())
        units += [{"case": content["case"], "sorter": content["sorter"], **unit} for unit in content["units"]]
    return units
