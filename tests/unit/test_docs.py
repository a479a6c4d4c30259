"""The documents and the files that repeat one another say the same."""

import ast
import dataclasses
import json
import re
import subprocess
from pathlib import Path

import pytest

from simsort.cli import STAGES as COMMANDS
from simsort.config.parameter_docs import COMMAND, document
from simsort.config.parameters import parameter_table, resolve
from simsort.config.stages import SORTERS, STAGES, Globals
from simsort.sorting.registry import SORTERS as REGISTERED
from workflow_runs import REPO

PAGES = [REPO / "README.md", *sorted((REPO / "docs").glob("*.md"))]
WRAPPER_OPTIONS = {"--dry-run", "--local", "--max-jobs", "--status", "--retry-failed", "--cancel", "--again", "--watch",
                   "--"}
README = (REPO / "README.md").read_text()


def anchors(text):
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(file.read_text()), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_files_exist(page):
    pattern = r"`((?:docs|modules|containers|environment|tests|scripts)/[\w./-]+)`"
    for name in re.findall(pattern, page.read_text()):
        assert (REPO / name).exists() or name == "containers/images", f"{page.name} names {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_command_lines_name_parameters_that_exist(page):
    known = {normal(name) for name, *_ in parameter_table()}
    known |= {normal(name.split(".")[-1]) for name, *_ in parameter_table()} | {normal(f"--{stage}-args") for stage in STAGES}
    for line in re.findall(r"^.*spike_sort\.slm (--.*)$", page.read_text(), re.MULTILINE):
        for option in re.findall(r"(?<!\S)\"?(--[a-z_.-]+)", line):
            assert normal(option) in known | WRAPPER_OPTIONS, f"{page.name}: {line}"


def normal(name):
    return "--" + re.sub(r"^-+", "", name).replace("_", "-").replace("--", "-")


def test_the_list_of_parameters_is_current():
    assert (REPO / "docs/parameters.md").read_text() == document(), f"run: {COMMAND}"


def test_the_list_of_parameters_is_whole():
    page = document()
    for name, *_ in parameter_table():
        assert f"`{name}`" in page or f"`--{name.split('.', 1)[-1]}`" in page, name
    assert COMMAND in page


def test_json_examples_are_valid_parameters():
    for page in PAGES:
        for block in re.findall(r"^```json\n(\{\"job_dispatch.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
            assert resolve(json.loads(block))["job_dispatch"]["input"] == "spikeinterface"


def test_python_examples_parse():
    for page in PAGES:
        for block in re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
            ast.parse(block)


def test_the_stage_table_names_what_exists():
    rows = re.findall(r"^\| .+? \| `(modules/\w+)` \| `simsort ([\w-]+)` \| `([\w.]+)` \|$", README, re.MULTILINE)
    assert {module for module, *_ in rows} == {f"modules/{path.parent.name}" for path in (REPO / "modules").glob("*/main.nf")}
    for module, command, function in rows:
        assert command in COMMANDS and f"-m simsort {command} " in (REPO / module / "main.nf").read_text()
        path, name = function.rsplit(".", 1)
        tree = ast.parse((REPO / "scripts" / Path(*path.split("."))).with_suffix(".py").read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, function


def test_the_sorters_page_has_every_sorter():
    page = (REPO / "docs/sorters.md").read_text()
    for sorter in SORTERS:
        assert f"\n## {sorter}\n" in page, sorter
    for name, sorter in REGISTERED.items():
        [row] = [line for line in page.splitlines() if line.startswith(f"| `{name}`")]
        cells = row.split(" | ")
        assert cells[2].startswith("yes") == sorter.uses_gpu, name
        assert ("none" in cells[3]) == (sorter.set_motion is None), name


@pytest.mark.parametrize("words", ["--workflow pretrain", "`nwb/`", "quality_control", "curate.html",
                                   "Figurl", "neurons [simulated in NEURON]", "`simsort` (default"])
def test_the_readme_says_what_is_not_there(words):
    assert words in README


def test_no_page_names_a_machine():
    for page in PAGES:
        assert not re.search(r"/(work|root|home)/\w|localhost:\d|127\.0\.0\.1", page.read_text()), page.name


def test_picture_is_small():
    assert (REPO / "docs/img/results.png").stat().st_size < 400_000


def requirements(name):
    return set(filter(None, (line.partition("#")[0].strip()
                             for line in (REPO / f"containers/requirements-{name}.txt").read_text().splitlines())))


def test_extras_are_what_the_images_hold():
    tomllib = pytest.importorskip("tomllib")  # Python 3.11
    extras = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras["si"]) | set(extras["archive"]) == requirements("spikeinterface")
    assert set(extras["si"]) | set(extras["gpu"]) == requirements("gpu")
    assert set(extras["si"]) | set(extras["simulation"]) >= requirements("simulation") >= set(extras["simulation"])


def test_the_config_declares_the_global_parameters():
    text = (REPO / "nextflow_slurm.config").read_text()
    block = re.search(r"^params \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)[1]
    declared = set(re.findall(r"^ +(\w+) += ", block, re.MULTILINE))
    assert declared == {field.name for field in dataclasses.fields(Globals)}
    assert set(re.findall(r"^params\.(\w+) += ", text, re.MULTILINE)) == {
        "image_spikeinterface", "image_gpu", "image_simulation", "data_root", "data_field", "data_mount"}


def test_image_names_are_those_of_the_build_script():
    text = (REPO / "containers/images.config").read_text()
    for image in ("spikeinterface", "gpu", "simulation"):
        path = subprocess.run([REPO / "containers/build.sh", "--print", image], check=True, capture_output=True, text=True)
        assert f"params.image_names.{image} = '{Path(path.stdout.strip()).name}'" in text, "run containers/build.sh --config"
