"""Cells of the Allen Cell Types database (Gouwens et al., Nat Commun 9:710, 2018) as downloaded, and those within bmtk.

A folder holds a morphology (.swc), a fit (`*fit*.json`) and `modfiles/`. Perisomatic models have channels in the soma only,
all-active ones in every region; the fit says which.
"""

import json
import re
from pathlib import Path

from simsort.errors import UserError
from simsort.simulation.cells.model import CellModel

SECTIONS = {"soma": "soma", "axon": "axon", "dend": "dend", "apic": "apic"}
EXCITATORY_LINES = ("scnn1a", "rorb", "nr5a1", "cux2", "rbp4", "ntsr1", "tlx3", "slc17a7", "emx1", "sim1", "ctgf")
SUBCLASS_OF_LINE = {"pvalb": "PV", "sst": "SST", "vip": "VIP", "ndnf": "NGC", "htr3a": "VIP"}
LAYER_OF_LINE = {"scnn1a": "L4", "rorb": "L4", "nr5a1": "L4", "cux2": "L2/3", "rbp4": "L5", "tlx3": "L5", "sim1": "L5",
                 "ntsr1": "L6"}
RATES_HZ = {"pyramidal": (0.3, 10.0), "PV": (3.0, 40.0), "SST": (1.0, 20.0), "VIP": (1.0, 15.0), "NGC": (0.5, 8.0),
            "unknown": (0.5, 10.0)}
MOST_AXON_UM = 60.0


def fits_of(folder: Path) -> list[Path]:
    """Return the fit files of a folder."""
    return sorted(folder.glob("fit_parameters.json")) + sorted(folder.glob("*_fit.json"))


def is_cell(folder: Path) -> bool:
    """Tell whether a folder has the layout of the database, if perhaps not all of its parts."""
    return bool(fits_of(folder)) or (folder / "manifest.json").is_file() and (folder / "modfiles").is_dir()


def describe(folder: Path, source: str) -> CellModel:
    """Return the model of a downloaded folder.

    Raises
    ------
    UserError
        If parts are missing.
    """
    missing = [name for name, found in (("fit_parameters.json or *_fit.json", fits_of(folder)),
                                        ("*.swc", list(folder.glob("*.swc"))),
                                        ("modfiles", list((folder / "modfiles").glob("*.mod")))) if not found]
    if missing:
        raise UserError(f"cell folder {folder} lacks {', '.join(missing)}", "download it again, whole")
    name = re.sub(r"[^\w.-]", "_", folder.name)
    return model_of(name, f"{line_of(folder)} {name}", source, folder)


def model_of(name: str, text: str, source: str, folder: Path) -> CellModel:
    """Return a model, its class from the mouse line named in a text."""
    lowered = text.lower()
    line = next((word for word in (*EXCITATORY_LINES, *SUBCLASS_OF_LINE) if word in lowered), "unknown")
    subclass = "pyramidal" if line in EXCITATORY_LINES else SUBCLASS_OF_LINE.get(line, "unknown")
    neuron_class = {"pyramidal": "excitatory", "unknown": "unknown"}.get(subclass, "inhibitory")
    return CellModel(source=source, name=name, cell_type=line.capitalize(), layer=LAYER_OF_LINE.get(line, "unknown"),
                     neuron_class=neuron_class, subclass=subclass, individual=0, seed=0, folder=str(folder.resolve()),
                     rate_hz=RATES_HZ[subclass])


def line_of(folder: Path) -> str:
    """Return the names in a folder that tell the mouse line: of its morphology and its metadata."""
    words = [path.name for path in folder.glob("*.swc")]
    for note in ("model_metadata.json", "neuronal_model.json"):
        if (folder / note).is_file():
            words.append((folder / note).read_text(errors="replace"))
    return " ".join(words)


def build(model: CellModel, kinetics: str = "auto"):
    """Build a downloaded cell."""
    folder = Path(model.folder)
    return build_fit(model, fits_of(folder)[0], sorted(folder.glob("*.swc"))[0], sorted((folder / "modfiles").glob("*.mod")))


def read_fit(path: Path) -> dict:
    """Read a fit.

    Raises
    ------
    UserError
        If it is no JSON, or has not the entries of a fit.
    """
    try:
        fit = json.loads(path.read_text())
        fit["conditions"][0]["erev"], fit["passive"][0]["ra"], fit["genome"]
    except (ValueError, KeyError, IndexError, TypeError):
        raise UserError(f"{path} is no fit of the Allen Cell Types database", "download it again") from None
    return fit


def build_fit(model: CellModel, fit_file: Path, morphology: Path, mods: list[Path]):
    """Build a cell from its fit, morphology and mechanisms.

    Raises
    ------
    UserError
        If a file is damaged, or a mechanism does not compile or is missing.
    """
    from simsort.simulation.cells.imported import finished_cell, read_morphology, set_segments, stand_up
    from simsort.simulation.mechanisms.compiling import compile_mechanisms, load_mechanisms

    fit = read_fit(fit_file)
    load_mechanisms(compile_mechanisms(mods))
    sections = read_morphology(morphology)
    shorten_axon(sections, all_active=len(fit["conditions"][0]["erev"]) > 1)
    set_segments(sections)
    set_passive(sections, fit["passive"][0], model.name)
    set_channels(sections, fit, model.name)
    stand_up(sections)
    conditions = fit["conditions"][0]
    return finished_cell(model, sections, celsius=float(conditions["celsius"]), v_init_mv=float(conditions["v_init"]))


def shorten_axon(sections, *, all_active: bool) -> None:
    """Put two stubs in the axon's place; those of all-active models keep the morphology's diameters."""
    from simsort.simulation.cells.bbp import axon_diameters_um
    from simsort.simulation.cells.imported import replace_axon

    diameters_um = axon_diameters_um(sections) if all_active else (1.0, 1.0)
    replace_axon(sections, diameters_um, soma_x=1.0 if all_active else 0.5)


def set_passive(sections, passive: dict, model_name: str) -> None:
    """Set axial resistance, and where the fit has them capacitance and leak reversal."""
    from simsort.simulation.cells.imported import insert, set_value

    for section in sections.every():
        insert(section, "pas", model_name)
        section.Ra = float(passive["ra"])
        if "e_pas" in passive:
            set_value(section, "e_pas", float(passive["e_pas"]), model_name)
    for entry in passive.get("cm", []):
        for section in getattr(sections, SECTIONS[entry["section"]]):
            section.cm = float(entry["cm"])


def set_channels(sections, fit: dict, model_name: str) -> None:
    """Insert the channels of the genome with their densities, then the reversal potentials."""
    from simsort.simulation.cells.imported import insert, set_value

    for gene in fit["genome"]:
        for section in getattr(sections, SECTIONS[gene["section"]]):
            if gene["mechanism"]:
                insert(section, gene["mechanism"], model_name)
            set_value(section, gene["name"], float(gene["value"]), model_name)
    for entry in fit["conditions"][0]["erev"]:
        for section in getattr(sections, SECTIONS[entry["section"]]):
            for ion in ("ena", "ek"):
                if ion in entry and hasattr(section(0.5), ion):
                    set_value(section, ion, float(entry[ion]), model_name)
