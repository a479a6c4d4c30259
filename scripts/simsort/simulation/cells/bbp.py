"""Cells of the Blue Brain NMC portal (Markram et al., Cell 163:456, 2015) as downloaded: one folder each.

The folder's `biophysics.hoc` is read, not run: `insert`, assignments and `distribute` within its blocks. Synapses are left out.
"""

import json
import re
from pathlib import Path

from simsort.errors import UserError
from simsort.simulation.cells.formulas import formula
from simsort.simulation.cells.model import CellModel

PARTS = ("biophysics.hoc", "morphology", "mechanisms")
REGION_WORDS = {"all": ("soma", "dend", "apic", "axon"), "somatic": ("soma",), "basal": ("dend",), "apical": ("apic",),
                "axonal": ("axon",)}
V_INIT_MV, CELSIUS = -70.0, 34.0
# m-types after Markram et al. 2015 (table 1) and the classes they are taken for in Tremblay, Lee and Rudy (Neuron 91:260, 2016).
SUBCLASSES = {"PC": "pyramidal", "SS": "pyramidal", "SP": "pyramidal", "TTPC1": "pyramidal", "TTPC2": "pyramidal",
              "STPC": "pyramidal", "UTPC": "pyramidal", "TPC": "pyramidal", "TPCL1": "pyramidal", "TPCL4": "pyramidal",
              "BPC": "pyramidal", "IPC": "pyramidal", "LBC": "PV", "NBC": "PV", "SBC": "PV", "ChC": "PV", "MC": "SST",
              "BTC": "VIP", "BP": "VIP", "DBC": "VIP", "NGC": "NGC", "NGC-DA": "NGC", "NGC-SA": "NGC"}
RATES_HZ = {"pyramidal": (0.3, 8.0), "PV": (3.0, 40.0), "SST": (1.0, 20.0), "VIP": (1.0, 15.0), "NGC": (0.5, 8.0),
            "unknown": (0.5, 10.0)}
STOCHASTIC = "StochKv"


def is_cell(folder: Path) -> bool:
    """Tell whether a folder has the layout of the portal, if perhaps not all of its parts."""
    return (folder / "biophysics.hoc").is_file() or (folder / "cellinfo.json").is_file()


def describe(folder: Path, source: str) -> CellModel:
    """Return the model of a cell's folder.

    Raises
    ------
    UserError
        If parts are missing.
    """
    missing = [part for part in PARTS if not (folder / part).exists()]
    missing += ["morphology/*.asc"] * (not missing and not list((folder / "morphology").glob("*.asc")))
    if missing:
        raise UserError(f"cell folder {folder} lacks {', '.join(missing)}", "download it again, whole")
    layer, m_type = layer_and_type(folder)
    subclass = SUBCLASSES.get(m_type, "unknown")
    neuron_class = "excitatory" if subclass == "pyramidal" else "unknown" if subclass == "unknown" else "inhibitory"
    return CellModel(source=source, name=re.sub(r"[^\w.-]", "_", folder.name), cell_type=f"{layer.replace('/', '')}_{m_type}",
                     layer=layer, neuron_class=neuron_class, subclass=subclass, individual=0, seed=0,
                     folder=str(folder.resolve()), rate_hz=RATES_HZ[subclass])


def layer_and_type(folder: Path) -> tuple[str, str]:
    """Return layer and morphological type from cellinfo.json, else from the folder's name (L5_TTPC1_cADpyr232_1)."""
    info = folder / "cellinfo.json"
    text = folder.name
    if info.is_file():
        try:
            text = json.loads(info.read_text())["m-type"]
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{info} cannot be read", "download it again") from None
    found = re.match(r"L(\d+)_([A-Za-z0-9-]+)", text)
    if not found:
        return "unknown", "unknown"
    return ("L2/3" if found[1] == "23" else f"L{found[1]}"), found[2]


def mechanism_files(folder: Path) -> list[Path]:
    """Return the .mod files to compile: synapses are not, and stochastic channels not with NEURON 9.

    Cells of one place share most of their mechanisms; all of them are compiled together where none contradicts another.
    """
    shared: dict[str, Path] = {}
    for other in sorted(path for path in folder.parent.iterdir() if (path / "mechanisms").is_dir()):
        for mod in sorted((other / "mechanisms").glob("*.mod")):
            known = shared.setdefault(mod.name, mod)
            if known != mod and known.read_bytes() != mod.read_bytes():
                return usable(sorted((folder / "mechanisms").glob("*.mod")))
    return usable(list(shared.values()))


def usable(mods: list[Path]) -> list[Path]:
    """Leave out what is not needed or cannot be compiled."""
    old = neuron_major() < 9
    return [mod for mod in mods if not mod.name.startswith("Prob") and (old or mod.stem != STOCHASTIC)]


def neuron_major() -> int:
    """Return NEURON's main version."""
    import importlib.metadata

    return int(importlib.metadata.version("neuron").split(".")[0])


def parse_biophysics(text: str) -> list[tuple[str, str, str]]:
    """Return the statements of biophysics.hoc in order: (region word, kind, what).

    Kind "insert": what is the mechanism. Kind "set": `name=number`. Kind "distribute": `name=formula of x`.
    """
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)
    pattern = re.compile(r"forsec\s+\$o1\.(\w+)\s*\{([^}]*)\}|distribute\(\s*\$o1\.(\w+)\s*,\s*\"([^\"]+)\"\s*,\s*\"([^\"]+)\"\s*\)")
    found = []
    for block in pattern.finditer(text):
        if block[3]:
            found.append((block[3], "distribute", f"{block[4]}={block[5].replace('%g', 'x').replace('^', '**')}"))
            continue
        found += [(block[1], kind, what) for kind, what in statements(block[2])]
    return found


def statements(body: str) -> list[tuple[str, str]]:
    """Return the statements within a block."""
    found = []
    for match in re.finditer(r"insert\s+(\w+)|(\w+)\s*=\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)", body):
        found.append(("insert", match[1]) if match[1] else ("set", f"{match[2]}={match[3]}"))
    return found


def build(model: CellModel, kinetics: str = "auto"):
    """Build a cell of the portal.

    Raises
    ------
    UserError
        If a mechanism does not compile or is not supported, or a file is damaged.
    """
    from neuron import h

    from simsort.simulation.cells.imported import finished_cell, read_morphology, replace_axon, set_segments, stand_up
    from simsort.simulation.mechanisms.compiling import compile_mechanisms, load_mechanisms

    folder = Path(model.folder)
    rules = parse_biophysics((folder / "biophysics.hoc").read_text(errors="replace"))
    if not rules:
        raise UserError(f"{folder / 'biophysics.hoc'} holds no channels", "download the cell again")
    refuse_stochastic(model, rules)
    load_mechanisms(compile_mechanisms(mechanism_files(folder)))
    sections = read_morphology(sorted((folder / "morphology").glob("*.asc"))[0])
    replace_axon(sections, axon_diameters_um(sections), soma_x=1.0)
    set_segments(sections)
    h.distance(0, sections.soma[0](0))
    for region, kind, what in rules:
        for name in REGION_WORDS.get(region, ()):
            for section in getattr(sections, name):
                apply_rule(section, kind, what, model.name)
    stand_up(sections)
    return finished_cell(model, sections, celsius=celsius_of(folder), v_init_mv=V_INIT_MV)


def refuse_stochastic(model: CellModel, rules: list) -> None:
    """Raise for a cell with stochastic channels, whose file only compiles with NEURON 8."""
    if neuron_major() >= 9 and any(kind == "insert" and what == STOCHASTIC for _, kind, what in rules):
        raise UserError(f"cell {model.name} needs the mechanism {STOCHASTIC}, which does not compile with NEURON 9",
                        "install 'neuron<9', or leave the cell out")


def apply_rule(section, kind: str, what: str, model_name: str) -> None:
    """Carry out one statement on a section."""
    from simsort.simulation.cells.imported import insert, set_value

    if kind == "insert":
        insert(section, what, model_name)
        return
    name, _, text = what.partition("=")
    try:
        amount = float(text) if kind == "set" else formula(text)
    except ValueError as error:
        raise UserError(f"cell {model_name}: {name} cannot be read ({error})", "restore its biophysics.hoc") from None
    set_value(section, name, amount, model_name)


def axon_diameters_um(sections) -> tuple[float, float]:
    """Return the diameters of the two stubs: of the axon's first section, and of the first one more than 60 um from the soma."""
    from neuron import h

    if not sections.axon:
        return 1.0, 1.0
    h.distance(0, sections.soma[0](0.5))
    first = sections.axon[0].diam
    far = next((section.diam for section in sections.axon if h.distance(section(0.5)) > 60), first)
    return float(first), float(far)


def celsius_of(folder: Path) -> float:
    """Return the temperature of constants.hoc."""
    constants = folder / "constants.hoc"
    found = re.search(r"^\s*celsius\s*=\s*([\d.]+)", constants.read_text(errors="replace"), re.M) if constants.is_file() else None
    return float(found[1]) if found else CELSIUS
