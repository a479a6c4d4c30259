"""Rendering speed per core at 32 channels, with drift and noise, beside MEArec's recording generation."""

import json

from simsort.benchmarks.simulation import labelled
from simsort.benchmarks.simulation.main import with_conditions
from simsort.whole_files import write_json


def measure(settings) -> dict:
    """Measure the part; see `main.bench_simulation`. It is taken from `labelled`, which is measured if it was not."""
    file = settings.out / "labelled.json"
    if "labelled" not in settings.parts or not file.is_file():
        write_json(file, with_conditions(labelled.measure, settings))
    return rows_of(json.loads(file.read_text()))


def rows_of(result: dict) -> dict:
    """Return the rows of the table from the part `labelled`."""
    ours = result["ours"]
    units = f"{ours['n_units']} units, {ours['n_background']} background units, noise, non-rigid drift"
    rows = [{"program": "ours", "what": f"samples only: {units}", "duration_s": ours["streamed_s"],
             "cpu_s": ours["stream_cpu_s"], "is_aim": True},
            {"program": "ours", "what": "plan, samples and labels written to disk", "duration_s": ours["duration_s"],
             "cpu_s": ours["plan_cpu_s"] + ours["render_cpu_s"]}]
    for kind, found in result["mearec"].items():
        rows += [{"program": f"MEArec{kind}", "what": f"`gen_recordings`: {row['n_units']} units, uncorrelated noise",
                  "duration_s": row["duration_s"], "cpu_s": row["cpu_s"]} for row in found["recordings"]]
    return {"rendering": rows, "unavailable": result["unavailable"]}
