"""The notebooks run from the first cell to the last on a results folder, and draw what they say."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from curation_pages import finished_results  # noqa: F401  (fixture)
from workflow_runs import REPO

pytestmark = pytest.mark.slow
PICTURES = {"1_load": 0, "2_merges": 1, "3_plots": 7}


def test_all_notebooks_are_run_here():
    assert {path.stem for path in (REPO / "docs/notebooks").glob("*.ipynb")} == set(PICTURES)


@pytest.mark.parametrize("name", list(PICTURES))
def test_notebook(finished_results, tmp_path, monkeypatch, name):
    monkeypatch.setenv("SIMSORT_RESULTS", str(finished_results))
    monkeypatch.setenv("SIMSORT_DATA_PATH", str(finished_results.parent / "work/0/data"))
    notebook = nbformat.read(REPO / "docs/notebooks" / f"{name}.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # it is kept without them
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == PICTURES[name]
    if name == "2_merges":
        assert Path(tmp_path / "my_merges.json").is_file()
