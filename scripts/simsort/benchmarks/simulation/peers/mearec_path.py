"""Make templates and recordings with MEArec and report how long each step took. Runs in MEArec's own environment.

python mearec_path.py '{"work": ..., "n_units": 30, "n_per_cell": 6, "durations_s": [...], "seed": 1, ...}' RESULT.json

Parameters are MEArec's defaults (13 cells simulated for 1 s each, Neuronexus-32, 10 points per contact, noise of
10 uV, filter 300-6000 Hz) except the numbers of units and templates, the duration and what the settings say.
One process, no parallel workers. Every figure is processor time of this process and its children.
"""

import json
import os
import resource
import shutil
import sys
import time
from pathlib import Path


def main(settings: dict) -> dict:
    import MEArec
    import neuron

    work = Path(settings["work"]).resolve()
    work.mkdir(parents=True, exist_ok=True)
    os.chdir(work)  # MEArec writes its temporary parameters into the working directory
    cells = work / "cells"
    if not cells.is_dir():
        shutil.copytree(Path(MEArec.__file__).parent / "cell_models" / "bbp", cells)
    result = {"versions": {"MEArec": MEArec.__version__, "neuron": neuron.__version__}, "recordings": []}
    from MEArec import simulate_cells

    result["compile"], _ = timed(simulate_cells.compile_all_mechanisms, cells)
    result["templates"], templates = timed(make_templates, cells, work, settings)
    result["n_templates"], result["n_cells"] = len(templates.templates), len(set(templates.celltypes))
    for duration_s in settings["durations_s"]:
        cost, recording = timed(make_recording, templates, duration_s, settings)
        result["recordings"].append({
            **cost, "duration_s": duration_s, "n_units": len(recording.spiketrains),
            "n_channels": len(recording.channel_positions), "sampling_frequency_hz": float(recording.fs.rescale("Hz"))})
        del recording
    return result


def timed(function, *args):
    """Call a function; return processor and wall seconds, and what it returned."""
    cpu, wall = processor_seconds(), time.perf_counter()
    value = function(*args)
    return {"cpu_s": processor_seconds() - cpu, "wall_s": time.perf_counter() - wall}, value


def processor_seconds() -> float:
    """Return the processor time of this process and of its children that ended."""
    uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


def make_templates(cells: Path, work: Path, settings: dict):
    """Simulate the 13 cells and place each `n_per_cell` times."""
    import MEArec

    params = MEArec.get_default_templates_params()
    params |= {"n": settings["n_per_cell"], "seed": settings["seed"], "probe": "Neuronexus-32",
               "drifting": settings["drifting"]}
    shutil.rmtree(work / "templates", ignore_errors=True)
    return MEArec.gen_templates(cells, params=params, templates_tmp_folder=str(work / "templates"), parallel=False,
                                n_jobs=1, verbose=False)


def make_recording(templates, duration_s: float, settings: dict):
    """Make one recording of the templates."""
    import MEArec

    params = MEArec.get_default_recordings_params()
    n_excitatory = round(settings["n_units"] * 4 / 13)  # as many as there are among the 13 cells
    params["spiketrains"] |= {"n_exc": n_excitatory, "n_inh": settings["n_units"] - n_excitatory,
                             "duration": duration_s}
    params["templates"]["min_dist"] = settings["min_dist_um"]
    params["recordings"]["drifting"] = settings["drifting"]
    params["seeds"] = dict.fromkeys(("spiketrains", "templates", "convolution", "noise"), settings["seed"])
    return MEArec.gen_recordings(params=params, tempgen=templates, n_jobs=1, verbose=False)


if __name__ == "__main__":
    result_file = Path(sys.argv[2]).resolve()
    result_file.write_text(json.dumps(main(json.loads(sys.argv[1]))))
