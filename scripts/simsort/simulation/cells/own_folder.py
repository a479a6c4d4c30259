"""Cells of the user's own: a folder with `morphology.swc` or `morphology.asc`, `params.json` and `mechanisms/*.mod`.

params.json:

    {"cell_type": "granule", "layer": "unknown", "neuron_class": "excitatory", "subclass": "unknown",
     "celsius": 34, "v_init_mv": -70, "rate_hz": [0.5, 10],
     "sections": {"all": {"Ra": 100, "cm": 1, "g_pas": 3e-5, "e_pas": -75},
                  "soma": {"gbar_nas": 0.2}, "axon": {"gbar_nas": 1.0}, "dend": {}, "apic": {"gbar_ih": "8e-5 * exp(x / 320)"}},
     "mechanisms": {"all": ["pas"], "soma": ["nas"], "axon": ["nas"], "apic": ["ih"]}}

A text is a formula of x, the distance from the soma in um. The axon becomes two stubs of 30 um, as in the other layouts.
"""

import json
import re
from pathlib import Path

from simsort.errors import UserError
from simsort.simulation.cells.bbp import RATES_HZ, axon_diameters_um
from simsort.simulation.cells.formulas import formula
from simsort.simulation.cells.model import CellModel

REGIONS = ("soma", "dend", "apic", "axon")


def is_cell(folder: Path) -> bool:
    """Tell whether a folder has this layout, if perhaps not all of its parts."""
    return (folder / "params.json").is_file()


def morphology_of(folder: Path) -> Path | None:
    """Return the morphology's file."""
    return next((folder / f"morphology{suffix}" for suffix in (".swc", ".asc") if (folder / f"morphology{suffix}").is_file()),
                None)


def read_params(folder: Path) -> dict:
    """Read params.json.

    Raises
    ------
    UserError
        If it is no JSON object with `sections` and `mechanisms`, or names a region that there is not.
    """
    path = folder / "params.json"
    try:
        params = json.loads(path.read_text())
        regions = {*params["sections"], *params["mechanisms"]}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} cannot be read ({error})", "write it as described in docs/cells.md") from None
    unknown = sorted(regions - {"all", *REGIONS})
    if unknown:
        raise UserError(f"{path} names the region {unknown[0]}", f"allowed: all, {', '.join(REGIONS)}")
    return params


def describe(folder: Path, source: str) -> CellModel:
    """Return the model of a folder."""
    if morphology_of(folder) is None:
        raise UserError(f"cell folder {folder} lacks morphology.swc or morphology.asc", "add it")
    params = read_params(folder)
    known = {name: str(params.get(name, "unknown")) for name in ("cell_type", "layer", "neuron_class", "subclass")}
    rate_hz = params.get("rate_hz", RATES_HZ.get(known["subclass"], RATES_HZ["unknown"]))
    return CellModel(source=source, name=re.sub(r"[^\w.-]", "_", folder.name), individual=0, seed=0,
                     folder=str(folder.resolve()), rate_hz=tuple(map(float, rate_hz)), **known)


def build(model: CellModel, kinetics: str = "auto"):
    """Build a cell of this layout."""
    from neuron import h

    from simsort.simulation.cells.imported import (finished_cell, insert, read_morphology, replace_axon, set_segments,
                                                   set_value, stand_up)
    from simsort.simulation.mechanisms.compiling import compile_mechanisms, load_mechanisms

    folder = Path(model.folder)
    params = read_params(folder)
    if list((folder / "mechanisms").glob("*.mod")):
        load_mechanisms(compile_mechanisms(folder / "mechanisms"))
    sections = read_morphology(morphology_of(folder))
    if sections.axon:
        replace_axon(sections, axon_diameters_um(sections), soma_x=1.0)
    set_segments(sections)
    h.distance(0, sections.soma[0](0.5))
    for region in ("all", *REGIONS):
        for section in sections.every() if region == "all" else getattr(sections, region):
            for mechanism in params["mechanisms"].get(region, []):
                insert(section, mechanism, model.name)
    for region in ("all", *REGIONS):
        for section in sections.every() if region == "all" else getattr(sections, region):
            for name, amount in params["sections"].get(region, {}).items():
                set_value(section, name, amount_of(amount, name, model.name), model.name)
    stand_up(sections)
    return finished_cell(model, sections, celsius=float(params.get("celsius", 34)), v_init_mv=float(params.get("v_init_mv", -70)))


def amount_of(amount, name: str, model_name: str):
    """Return a number, or a function of the distance from the soma."""
    try:
        return formula(amount) if isinstance(amount, str) else float(amount)
    except (ValueError, TypeError) as error:
        raise UserError(f"cell {model_name}: {name} cannot be read ({error})", "correct its params.json") from None
