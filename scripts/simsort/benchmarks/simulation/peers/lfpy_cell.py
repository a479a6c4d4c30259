"""Run one Blue Brain cell in LFPy and report how fast it went. Needs LFPy only; runs in LFPy's own environment.

python lfpy_cell.py '{"cell_folder": ..., "work": ..., "dt_ms": ..., "duration_s": ..., "lambda_f": ...}' RESULT.json

The cell gets the second step of its own current_amps.dat. Every segment's membrane current is recorded (rec_imem), as
SimSort and MEArec do. Synapses are left out: NEURON 9 does not compile theirs.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path


def main(settings: dict) -> dict:
    folder = copy_of_cell(Path(settings["cell_folder"]), Path(settings["work"]))
    cell = load_cell(folder, settings)
    add_step(cell, folder, settings)
    cpu, wall = time.process_time(), time.perf_counter()
    cell.simulate(rec_imem=True, rec_vmem=False)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    import LFPy
    import neuron

    voltage = cell.somav
    return {"cell": folder.name, "cpu_s": cpu, "wall_s": wall, "simulated_s": settings["duration_s"],
            "n_segments": int(cell.totnsegs), "dt_ms": settings["dt_ms"], "lambda_f": settings["lambda_f"],
            "n_spikes": int(((voltage[:-1] < -20) & (voltage[1:] >= -20)).sum()),
            "versions": {"LFPy": LFPy.__version__, "neuron": neuron.__version__}}


def copy_of_cell(source: Path, work: Path) -> Path:
    """Copy a cell's folder, compile its channels beside it and put an empty template in place of its synapses."""
    folder = work / source.name
    if (folder / "compiled").is_file():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    synapses = folder / "synapses" / "synapses.hoc"
    name = re.search(r"begintemplate\s+(\w+)", synapses.read_text())[1]
    synapses.write_text(f"begintemplate {name}\npublic x\nendtemplate {name}\n")
    for mechanism in folder.glob("mechanisms/Prob*.mod"):
        mechanism.unlink()
    subprocess.run([str(Path(sys.executable).parent / "nrnivmodl"), "mechanisms"], cwd=folder, check=True)
    (folder / "compiled").touch()
    return folder


def load_cell(folder: Path, settings: dict):
    """Return the cell as LFPy.TemplateCell."""
    import LFPy
    import neuron

    neuron.load_mechanisms(str(folder))
    os.chdir(folder)  # the cell's hoc files load one another by relative names
    for file in ("stdrun.hoc", "import3d.hoc", "constants.hoc"):
        neuron.h.load_file(file)
    template = re.search(r"begintemplate\s+(\w+)", (folder / "template.hoc").read_text())[1]
    return LFPy.TemplateCell(
        morphology=str(next((folder / "morphology").iterdir())), templatefile=str(folder / "template.hoc"),
        templatename=template, templateargs=0, v_init=-70, celsius=34, dt=settings["dt_ms"], tstart=0,
        tstop=1000 * settings["duration_s"], pt3d=True, delete_sections=True, nsegs_method="lambda_f",
        lambda_f=settings["lambda_f"])


def add_step(cell, folder: Path, settings: dict) -> None:
    """Inject the holding current and the second step for the whole run."""
    import LFPy

    holding, *steps = map(float, (folder / "current_amps.dat").read_text().split())
    LFPy.StimIntElectrode(cell, idx=0, pptype="IClamp", amp=holding + steps[1], delay=0,
                          dur=1000 * settings["duration_s"], record_current=False)


if __name__ == "__main__":
    result_file = Path(sys.argv[2]).resolve()  # the working directory changes
    result_file.write_text(json.dumps(main(json.loads(sys.argv[1]))))
