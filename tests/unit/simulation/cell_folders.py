"""Small cells in the layouts that users download."""

import json
from pathlib import Path

SWC = """1 1 0 0 0 8 -1
2 1 0 8 0 8 1
3 1 0 -8 0 8 1
4 3 10 0 0 1 1
5 3 60 0 0 1 4
6 4 0 10 0 2 1
7 4 0 200 0 1.5 6
8 2 0 -10 0 0.6 1
9 2 0 -150 0 0.5 8
"""
ASC = """("CellBody" (Color Red) (CellBody)
 (-8 -8 0 0) (8 -8 0 0) (8 8 0 0) (-8 8 0 0))
((Color Green) (Dendrite) (10 0 0 2) (60 0 0 2))
((Color Blue) (Apical) (0 10 0 4) (0 200 0 3))
((Color Cyan) (Axon) (0 -10 0 1.2) (0 -40 0 1.1) (0 -150 0 1))
"""
LEAK = """NEURON {
    SUFFIX %s
    NONSPECIFIC_CURRENT i
    RANGE gbar
}
PARAMETER { gbar = 0 (S/cm2) }
ASSIGNED { v (mV) i (mA/cm2) }
BREAKPOINT { i = gbar * (v + 65) }
"""
BIOPHYSICS = """begintemplate x
proc biophys() {
	forsec $o1.all {
		insert pas
		e_pas = -65
		// insert nothing
		Ra = 100
	}
	forsec $o1.somatic {
		insert hh
		insert tleak
		ena = 50
	}
	forsec $o1.axonal { insert hh }
	forsec $o1.apical { insert tleak cm = 2 }
	/* forsec $o1.all { insert commented } */
	distribute($o1.apical,"gbar_tleak","(0.0 + 2.0*exp((%g-0.0)*0.001))*1e-05")
}
endtemplate x
"""


def nmc_cell(root: Path, name="L23_PC_cADpyr229_1", *, biophysics=BIOPHYSICS, mods=("tleak",)) -> Path:
    folder = root / name
    for part in ("morphology", "mechanisms"):
        (folder / part).mkdir(parents=True)
    (folder / "biophysics.hoc").write_text(biophysics)
    (folder / "constants.hoc").write_text("celsius=6.3\n")
    (folder / "cellinfo.json").write_text(json.dumps({"m-type": "_".join(name.split("_")[:2]), "layer": "L23"}))
    (folder / "morphology" / "one.asc").write_text(ASC)
    (folder / "mechanisms" / "ProbGABAAB_EMS.mod").write_text("this does not compile")
    for mod in mods:
        (folder / "mechanisms" / f"{mod}.mod").write_text(LEAK % mod)
    return folder


def allen_cell(root: Path, name="neuronal_model_472", *, all_active=False) -> Path:
    folder = root / name
    (folder / "modfiles").mkdir(parents=True)
    (folder / "modfiles" / "tleak.mod").write_text(LEAK % "tleak")
    (folder / "Pvalb-IRES-Cre_1_m.swc").write_text(SWC)
    regions = ("soma", "dend", "apic", "axon") if all_active else ("soma",)
    genome = [{"section": region, "name": "gbar_tleak", "mechanism": "tleak", "value": "1e-5"} for region in regions]
    genome += [{"section": region, "name": "g_pas", "mechanism": "", "value": 3e-4} for region in ("soma", "dend", "apic", "axon")]
    genome += [{"section": "soma", "name": "gnabar_hh", "mechanism": "hh", "value": 0.12}]
    passive = {"ra": 120.0} if all_active else {"ra": 120.0, "e_pas": -65.0, "cm": [{"section": "dend", "cm": 2.0}]}
    fit = {"conditions": [{"celsius": 6.3, "v_init": -65.0, "erev": [{"section": region, "ena": 50.0, "ek": -77.0}
                                                                    for region in regions]}],
           "passive": [passive], "genome": genome}
    (folder / ("fit_parameters.json" if all_active else "472_fit.json")).write_text(json.dumps(fit))
    return folder


def own_cell(root: Path, name="granule_1", **changes) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "morphology.swc").write_text(SWC)
    params = {"cell_type": "granule", "neuron_class": "excitatory", "celsius": 6.3, "v_init_mv": -65, "rate_hz": [1, 9],
              "mechanisms": {"all": ["pas"], "soma": ["hh"]},
              "sections": {"all": {"Ra": 100, "e_pas": -65, "g_pas": "1e-4 * exp(-x / 300)"}, "dend": {"cm": 2}}}
    (folder / "params.json").write_text(json.dumps({**params, **changes}))
    return folder
