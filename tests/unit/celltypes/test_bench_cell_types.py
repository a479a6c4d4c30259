"""simsort bench cell-types: trained on every choice of sources, tested on the others, and the table says what came of it."""

import json
from pathlib import Path

import pytest
from steady_torch import one_thread  # noqa: F401


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two sources: three individuals of each type, and one; in a third all cells are of one kind."""
    from made_up_cells import made_up_cells

    folder = tmp_path_factory.mktemp("sources")
    for name, n_individuals, types in (("first", 3, ("L5", "L23")), ("second", 1, ("L5", "L23")), ("alone", 1, ("L23",))):
        cells = folder / name / "cells"
        cells.mkdir(parents=True)
        for cell in made_up_cells(n_individuals):
            if cell.model["name"].startswith(types):
                cell.save(cells / f"{cell.model['name']}.safetensors")
    return folder


def test_sources_are_read_and_chosen():
    from simsort.benchmarks.cell_types import choices, read_sources

    sources = read_sources(("built-in=a/b", "MEArec=c", "bmtk=d:4"))
    assert [(source.name, str(source.folder), source.least_uv) for source in sources] == [
        ("built-in", "a/b", 25.0), ("MEArec", "c", 25.0), ("bmtk", "d", 4.0)]
    assert [[source.name for source in chosen] for chosen in choices(sources)] == [
        ["built-in"], ["built-in", "MEArec"], ["built-in", "bmtk"], ["built-in", "MEArec", "bmtk"]]


def test_it_trains_tests_and_keeps(run_cli, folders, tmp_path, monkeypatch):
    from simsort.celltypes import training

    monkeypatch.setattr(training, "N_STEPS", 50)
    docs = tmp_path / "docs" / "benchmarks.md"
    docs.parent.mkdir()
    docs.write_text("# Figures\n\n<!-- bench cell-types -->\n<!-- end cell-types -->\n")
    command = ("bench", "cell-types", "--out", tmp_path / "bench", "--update-docs", docs)
    done = run_cli(*command, "--sources", f"here={folders}/first,there={folders}/second:10", "--n-units", "40")
    assert done.status == 0, done.stderr
    [alone, both] = [json.loads((docs.parent / "measured" / "cell-types" / "cell-types" / name).read_text())
                     for name in ("here.json", "here+there.json")]
    assert list(alone["tests"]) == ["new morphologies", "there"] and list(both["tests"]) == ["new morphologies"]
    assert all(0 <= its["calibration_error"] <= 1 and its["n"] == 20 for its in alone["tests"].values())
    table = docs.read_text()
    assert "`simsort bench cell-types --n-units 40`" in table and str(folders) not in table
    assert "| here | new morphologies | 20 (3) |" in table and "|  | there | 20 (" in table
    assert "| here and there |" in table and "units of there count from 10 uV on" in table and "Marks." in table
    again = run_cli("bench", "cell-types", "--out", tmp_path / "other", "--parts", "tables", "--update-docs", docs)
    assert again.status == 0 and "| here and there |" in docs.read_text(), "from what is kept beside the document"


def run_of(trained_on, **tests):
    machine = {"date": "2026-11-23", "git_commit": "0" * 40, "n_cores": 2, "cpu": "made up"}
    scores = {"n": 10, "n_cells": 2, "unsure": 0.25, "balanced_accuracy": 0.7}
    return {"trained_on": trained_on, "n_units": 40, "least_uv": {"a": 25.0, "b": 25.0}, "machine": machine, "tests": {
        name: scores | {"balanced_accuracy_three": accuracy, "calibration_error": error, "kinds": kinds,
                        "balanced_accuracy_sure": sure}
        for name, (accuracy, error, kinds, sure) in tests.items()}}


def test_marks_are_judged_by_the_worst():
    from simsort.benchmarks.cell_types import NEW, blocks_of

    runs = [run_of(["a"], **{NEW: (0.9, 0.01, ["PV", "SST", "VIP"], 0.95), "b": (0.3, 0.6, ["PV", "SST"], None)}),
            run_of(["a", "b"], **{NEW: (0.86, 0.06, ["PV", "SST", "VIP"], 0.9)})]
    block = blocks_of({"runs": runs, "command": "bench"})["cell-types"]
    assert "On new morphologies: three kinds at least 0.85, reached (worst 0.86)" in block
    assert "below 0.05, **not reached** (worst 0.060)" in block
    assert "On a source never seen: three kinds at least 0.85, **not reached** (worst 0.30)" in block
    assert "| 25 % | – |" in block and "b has PV and SST only" in block
    assert blocks_of({"runs": [], "command": "bench"}) == {"cell-types": "Not measured yet."}


@pytest.mark.parametrize("sources, words", [
    ((), "needs simulated cells"),
    (("--sources", "cells"), "write name=folder"),
    (("--sources", "a=x,a=y"), "the same name"),
    (("--sources", "a={folders}/first,b={folders}/alone"), "the cells to test on are of excitatory of the kinds"),
    (("--sources", "a={folders}/second"), "training needs three of each type"),
])
def test_mistakes_are_one_line(run_cli, folders, tmp_path: Path, sources, words):
    done = run_cli("bench", "cell-types", "--out", tmp_path / "bench",
                   *(word.replace("{folders}", str(folders)) for word in sources))
    assert done.status == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
