"""Cells of other makers: found, described, built, and refused by name."""

import importlib.metadata
import json

import pytest
from cell_folders import BIOPHYSICS, allen_cell, nmc_cell, own_cell

from simsort.errors import UserError
from simsort.simulation.cells import packages
from simsort.simulation.cells.bbp import mechanism_files, parse_biophysics
from simsort.simulation.cells.formulas import formula
from simsort.simulation.cells.sources import list_models
from simsort.simulation.currents.process import in_fresh_process


def facts(model, drive=None) -> dict:
    """Build a cell and tell what it is like."""
    from neuron import h

    from simsort.simulation.cells.model import build_cell

    cell = build_cell(model)
    geometry = cell.geometry()
    values = {}
    for section, region in zip(cell.sections, cell.regions):
        middle = section(0.5)
        values.setdefault(region, {"cm": middle.cm, "Ra": section.Ra, "L": section.L, "diam": middle.diam,
                                   "leak": middle.tleak.gbar if hasattr(middle, "tleak") else None,
                                   "g_pas": middle.pas.g, "hh": h.ismembrane("hh", sec=section)})
    up = geometry.middle_um[geometry.region == 2]
    return {"values": values, "regions": list(cell.regions), "celsius": cell.celsius, "v_init_mv": cell.v_init_mv,
            "soma": geometry.middle_um[geometry.region == 0].mean(axis=0).round(6).tolist(),
            "up": up.mean(axis=0).tolist() if len(up) else None}


@pytest.mark.neuron
def test_a_folder_of_the_nmc_portal(tmp_path):
    nmc_cell(tmp_path)
    (model,) = list_models(str(tmp_path))
    assert (model.name, model.cell_type, model.layer, model.subclass) == ("L23_PC_cADpyr229_1", "L23_PC", "L2/3", "pyramidal")
    found = in_fresh_process(facts, model)
    assert found["regions"] == ["soma", "dendrite", "apical", "axon", "axon"] and found["celsius"] == 6.3
    soma, apical, axon = (found["values"][region] for region in ("soma", "apical", "axon"))
    assert soma["hh"] and axon["hh"] and not apical["hh"]
    assert apical["cm"] == 2 and soma["cm"] == 1 and soma["Ra"] == 100
    assert apical["leak"] == pytest.approx(2.1e-5, rel=0.15) and soma["leak"] == 0
    assert axon["L"] == pytest.approx(30) and axon["diam"] == pytest.approx(1.1, rel=0.1)
    assert found["soma"] == [0, 0, 0] and found["up"][1] > 90


@pytest.mark.neuron
@pytest.mark.parametrize("all_active", [False, True])
def test_a_folder_of_the_allen_database(tmp_path, all_active):
    allen_cell(tmp_path, all_active=all_active)
    (model,) = list_models(str(tmp_path))
    assert (model.cell_type, model.neuron_class, model.subclass) == ("Pvalb", "inhibitory", "PV")
    found = in_fresh_process(facts, model)
    soma, dendrite, apical = (found["values"][region] for region in ("soma", "dendrite", "apical"))
    assert soma["hh"] and soma["leak"] == pytest.approx(1e-5) and soma["g_pas"] == pytest.approx(3e-4)
    assert (apical["leak"] is not None) == all_active
    assert dendrite["cm"] == (1 if all_active else 2)
    assert found["v_init_mv"] == -65 and found["values"]["axon"]["L"] == pytest.approx(30)


@pytest.mark.neuron
def test_a_folder_of_ones_own(tmp_path):
    own_cell(tmp_path)
    (model,) = list_models(str(tmp_path / "granule_1"))
    assert model.rate_hz == (1.0, 9.0) and model.cell_type == "granule"
    found = in_fresh_process(facts, model)
    assert found["values"]["dendrite"]["cm"] == 2 and found["values"]["soma"]["hh"]
    assert found["values"]["apical"]["g_pas"] < found["values"]["soma"]["g_pas"]


def test_types_are_chosen_and_several_layouts_stand_side_by_side(tmp_path):
    nmc_cell(tmp_path / "portal"), nmc_cell(tmp_path / "portal", "L5_LBC_bAC217_1")
    allen_cell(tmp_path), own_cell(tmp_path)
    assert {model.cell_type for model in list_models(str(tmp_path))} == {"L23_PC", "L5_LBC", "Pvalb", "granule"}
    assert [model.subclass for model in list_models(str(tmp_path), types=["L5_LBC"])] == ["PV"]
    with pytest.raises(UserError, match="no cell type 'L6_PC': choose among L23_PC, L5_LBC, Pvalb, granule"):
        list_models(str(tmp_path), types=["L6_PC"])


@pytest.mark.parametrize("part", ["biophysics.hoc", "mechanisms", "morphology"])
def test_missing_parts_of_a_portal_cell_are_named(tmp_path, part):
    folder = nmc_cell(tmp_path)
    (folder / part).rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=f"L23_PC_cADpyr229_1 lacks {part}: download it again"):
        list_models(str(folder))


@pytest.mark.parametrize("part", ["modfiles", "Pvalb-IRES-Cre_1_m.swc"])
def test_missing_parts_of_an_allen_cell_are_named(tmp_path, part):
    folder = allen_cell(tmp_path)
    (folder / part).rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="neuronal_model_472 lacks"):
        list_models(str(folder))


def test_folders_and_sources_that_are_none(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="allowed: builtin, mearec, bmtk, or a folder"):
        list_models(str(tmp_path / "none"))
    with pytest.raises(UserError, match="holds no cell"):
        list_models(str(tmp_path))
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None)
    for source, remedy in (("mearec", "pip install MEArec"), ("bmtk", "pip install --no-deps bmtk")):
        with pytest.raises(UserError, match=f"is not installed: {remedy}"):
            list_models(source)


def test_damaged_files_are_named(tmp_path):
    folder = own_cell(tmp_path)
    (folder / "params.json").write_text("{")
    with pytest.raises(UserError, match=r"params.json cannot be read"):
        list_models(str(folder))
    own_cell(tmp_path / "b", mechanisms={"tail": ["pas"]})
    with pytest.raises(UserError, match="names the region tail: allowed: all, soma"):
        list_models(str(tmp_path / "b"))
    portal = nmc_cell(tmp_path / "c")
    (portal / "cellinfo.json").write_text("[")
    with pytest.raises(UserError, match="cellinfo.json cannot be read"):
        list_models(str(portal))


def failure_of(model) -> str:
    from simsort.simulation.cells.model import build_cell

    try:
        build_cell(model)
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.neuron
def test_cells_that_cannot_be_built_say_why(tmp_path):
    unknown = nmc_cell(tmp_path / "a", biophysics=BIOPHYSICS.replace("insert tleak", "insert KdShu2007"))
    assert "needs the mechanism KdShu2007" in in_fresh_process(failure_of, list_models(str(unknown))[0])
    broken = nmc_cell(tmp_path / "b")
    (broken / "mechanisms" / "tleak.mod").write_text("NEURON { SUFFIX tleak }\nBREAKPOINT { i = }\n")
    assert "mechanism tleak.mod does not compile" in in_fresh_process(failure_of, list_models(str(broken))[0])
    damaged = own_cell(tmp_path / "c")
    (damaged / "morphology.swc").write_text("# nothing\n")
    assert "morphology.swc" in in_fresh_process(failure_of, list_models(str(damaged))[0])
    fit = allen_cell(tmp_path / "d")
    (fit / "472_fit.json").write_text(json.dumps({"genome": []}))
    assert "472_fit.json is no fit" in in_fresh_process(failure_of, list_models(str(fit))[0])


@pytest.mark.neuron
def test_stochastic_channels_need_neuron_8(tmp_path):
    folder = nmc_cell(tmp_path, biophysics=BIOPHYSICS.replace("insert tleak", "insert StochKv"), mods=("StochKv",))
    old = importlib.metadata.version("neuron").startswith("8")
    assert ("StochKv.mod" in [mod.name for mod in mechanism_files(folder)]) == old
    if not old:
        said = in_fresh_process(failure_of, list_models(str(folder))[0])
        assert "StochKv, which does not compile with NEURON 9: install 'neuron<9'" in said


def test_cells_of_one_place_are_compiled_together_unless_they_contradict(tmp_path):
    one, two = nmc_cell(tmp_path, "L4_PC_x_1"), nmc_cell(tmp_path, "L4_PC_x_2", mods=("tleak", "other"))
    assert [mod.name for mod in mechanism_files(one)] == ["tleak.mod", "other.mod"]
    (two / "mechanisms" / "tleak.mod").write_text("changed")
    assert [mod.name for mod in mechanism_files(one)] == ["tleak.mod"]


def test_biophysics_is_read_in_order_without_its_comments():
    rules = parse_biophysics(BIOPHYSICS)
    assert rules[:3] == [("all", "insert", "pas"), ("all", "set", "e_pas=-65"), ("all", "set", "Ra=100")]
    assert rules[-1] == ("apical", "distribute", "gbar_tleak=(0.0 + 2.0*exp((x-0.0)*0.001))*1e-05")
    assert not any("commented" in what or "nothing" in what for _, _, what in rules)


@pytest.mark.parametrize("text", ["__import__('os').system('x')", "x.real", "open(x)", "exp(x, x)", "x if x else 1", "1 +", "'a'"])
def test_formulas_hold_numbers_only(text):
    with pytest.raises(ValueError):
        formula(text)


def test_a_formula_is_evaluated():
    assert formula("(-0.8696 + 2.087*exp((x-0.0)*0.0031))*8e-05")(100.0) == pytest.approx(1.5807e-4, rel=1e-3)


def test_mearec_cells_are_listed_with_their_licence(capsys):
    packages._SAID.clear()
    models = list_models("mearec")
    assert len(models) == 13 and {model.layer for model in models} == {"L5"}
    assert {model.name: model.subclass for model in models}["L5_LBC_bAC217_1"] == "PV"
    list_models("mearec")
    assert capsys.readouterr().err.count("CC BY-NC-SA 4.0") == 1


@pytest.mark.neuron
@pytest.mark.slow
def test_a_mearec_cell_is_built_and_fires():
    from simsort.simulation.library.making import make_cell_library

    model = next(model for model in list_models("mearec") if "SBC" in model.name)
    library = make_cell_library(model, duration_s=1.0)
    assert 0.5 < library.statistics["half_width_ms"] < 0.8  # 0.62 ms with the makers' discretisation
    assert library.statistics["n_spikes"] >= 5
