"""docs/workshop.md: what its blocks and tables tell people to type really runs, and every parameter arrives.

Nextflow runs with -stub: tasks compute nothing, parameters are checked and written down as in a real run.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
from typing import NamedTuple

import pytest

from simsort.config.parameters import nest_command_line, resolve
from workflow_runs import REPO, clean_environment

pytestmark = pytest.mark.pipeline
PAGE = (REPO / "docs/workshop.md").read_text()
BLOCKS = re.findall(r"^```bash\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


class Row(NamedTuple):
    """One taught parameter: as on the slides, as here, and where its value must arrive."""

    slides: str
    here: str
    stage: str
    name: str
    value: object


def read_rows() -> list[Row]:
    """Read the table of parameters."""
    rows = []
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        arrives = re.fullmatch(r"`(\w+)\.(\w+) = (.+)`", cells[2]) if line.startswith("| `--") else None
        if arrives:
            stage, name, value = arrives.groups()
            rows.append(Row(cells[0].strip("`"), cells[1].strip("`"), stage, name, json.loads(value)))
    return rows


ROWS = read_rows()


def block_with(*words) -> str:
    """Return the one bash block of the page that holds all words."""
    [block] = [block for block in BLOCKS if all(word in block for word in words)]
    return block


def pack(rows: list[Row]) -> list[list[Row]]:
    """Spread one row per taught option over as few command lines as give no option twice."""
    chosen = {(row.stage, row.name): row for row in rows}  # the last value of each: not the default
    packs: list[list[Row]] = []
    for row in chosen.values():
        option = row.slides.split()[0]
        free = [p for p in packs if all(other.slides.split()[0] != option and other.name != row.name for other in p)]
        if free:
            free[0].append(row)
        else:
            packs.append([row])
    return packs


def shell(script, folder, **settings):
    """Run a bash script in a folder as a user's shell would."""
    environment = clean_environment(**settings) | {"REPO": str(REPO)}
    return subprocess.run(["bash", "-euc", script], cwd=folder, text=True, capture_output=True, timeout=600,
                          stdin=subprocess.DEVNULL, env=environment)


def parameters_of(results) -> dict:
    """Read what the run used."""
    return json.loads((results / "nextflow/parameters.json").read_text())


@pytest.fixture
def session(tmp_path):
    """A folder for a user with a session `data_dir` in it, enough for -stub."""
    (tmp_path / "data_dir").mkdir()
    (tmp_path / "data_dir/run_g0_t0.imec0.ap.bin").touch()
    return tmp_path


@pytest.fixture
def checkout(session):
    """A copy of the pipeline in the user's folder, to be edited."""
    for name in ("main_slurm.nf", "nextflow_slurm.config", "modules", "containers", "scripts", "environment",
                 "spike_sort.slm", "multijob_submission_wrapper.sh"):
        source = REPO / name
        ignore = shutil.ignore_patterns("__pycache__", "images")
        shutil.copytree(source, session / name, ignore=ignore) if source.is_dir() else shutil.copy(source, session)
    return session


def stub(command: str) -> str:
    """Add what makes a nextflow command of the page a quick one."""
    changed, n_changes = re.subn(r'main_slurm\.nf"?', lambda match: f"{match[0]} -stub -profile test -ansi-log false", command)
    assert n_changes == 1
    return changed


# parameters


def test_every_taught_parameter_is_in_the_table():
    options = " ".join(row.slides for row in ROWS)
    for word in ("--n_jobs", "--sorter kilosort25", "--sorter kilosort4", "--sorter spykingcircus2", "--runmode full",
                 "--runmode fast", "--debug", "--input aind", "--input spikeglx", "--input nwb", "--denoising cmr",
                 "--denoising destripe", "--max-bad-channel-fraction", "--motion skip", "--motion compute", "--motion apply",
                 "--motion-preset dredge", "--motion-preset dredge_fast", "--motion-preset rigid_fast",
                 "--motion-preset kilosort_like", "--skip-motion-correction True ", "--min-drift-channels",
                 "--nwb_subject_args", "--nwb_ecephys_args"):
        assert word in options, word


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.slides)
def test_both_ways_of_writing_a_parameter_arrive(row):
    for command in (row.slides, row.here):
        assert resolve(nest_command_line(shlex.split(command)))[row.stage][row.name] == row.value, command


@pytest.mark.parametrize("rows", pack(ROWS), ids=lambda rows: " ".join(row.name for row in rows))
def test_parameters_arrive_through_nextflow(session, rows):
    options = " ".join(row.slides for row in rows)
    done = shell(stub(f'nextflow -C "$REPO/nextflow_slurm.config" run "$REPO/main_slurm.nf" {options}'), session,
                 DATA_PATH="data_dir", RESULTS_PATH=session / "output")
    assert done.returncode == 0, done.stdout + done.stderr
    used = parameters_of(session / "output")
    assert [used[row.stage][row.name] for row in rows] == [row.value for row in rows]


# the command

EXPECTED = {("globals", "n_jobs"): 4, ("globals", "sorter"): "kilosort4", ("globals", "runmode"): "fast",
            ("job_dispatch", "input"): "spikeglx", ("preprocessing", "denoising"): "cmr", ("preprocessing", "motion"): "skip"}


def assert_the_slides_settings(results):
    used = parameters_of(results)
    assert {key: used[key[0]][key[1]] for key in EXPECTED} == EXPECTED


def test_the_slides_nextflow_command(checkout):
    variables, command = block_with('DATA_PATH="./data_dir"'), block_with("export DATA_PATH RESULTS_PATH")
    done = shell(variables + stub(command), checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_the_slides_settings(checkout / "output")
    assert (checkout / "output/nextflow.log").is_file()


def test_spike_sort_edited_as_on_the_slides(checkout):
    script = checkout / "spike_sort.slm"
    text = script.read_text()
    for line in block_with('DATA_PATH="./data_dir"').splitlines():
        name = line.split("=")[0]
        text, n_lines = re.subn(rf"^{name}=.*$", lambda _match, line=line: line, text, count=1, flags=re.MULTILINE)
        assert n_lines == 1, name
    command = block_with("-ansi-log false", "ARGUMENTS")
    start = text.index("nextflow -C")
    end = text.index("|| status=$?\n", start) + len("|| status=$?\n")
    original = [line.strip() for line in text[start:end].splitlines()]
    assert set(original) <= {line.strip() for line in command.splitlines()}, "the page shows another command than the file"
    script.write_text(text[:start] + command + text[end:])
    done = shell("bash spike_sort.slm -stub", checkout, DATA_PATH="/the/file/wins")
    assert done.returncode == 0, done.stdout + done.stderr
    assert_the_slides_settings(checkout / "output")


def test_sbatch_lines_pass_their_options_on(session):
    lines = [line for block in BLOCKS for line in block.splitlines() if "sbatch spike_sort.slm" in line]
    assert len(lines) == 4
    for line in lines:
        options = line.split("spike_sort.slm", 1)[1]
        resolve(nest_command_line(shlex.split(options)))
    exercise = next(line for line in lines if "--skip-motion-correction True " in line)
    done = shell(exercise.replace("sbatch spike_sort.slm", 'bash "$REPO/spike_sort.slm" -stub'), session,
                 DATA_PATH="data_dir")
    assert done.returncode == 0, done.stdout + done.stderr
    assert parameters_of(session / "output")["spikesort"]["skip_motion_correction"] is True


# several directories, containers


def test_several_directories(checkout):
    for number in (1, 2):
        folder = checkout / f"sample_data_1/dir_{number}/r_g0_imec0"
        folder.mkdir(parents=True)
        (folder / "r_g0_t0.imec0.ap.bin").touch()
    sbatch = checkout / "bin/sbatch"
    sbatch.parent.mkdir()
    sbatch.write_text('#!/bin/bash\nbash "${@: -1}" -stub >&2 && echo 1\n')  # runs at once what it is given
    sbatch.chmod(0o755)
    (sbatch.parent / "squeue").symlink_to("/bin/true")
    done = shell(block_with("multijob_submission_wrapper.sh"), checkout, PATH=f"{sbatch.parent}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stdout + done.stderr
    for number in (1, 2):
        assert "(dry run)" in done.stdout and f"dir_{number}: job 1" in done.stdout
        assert (checkout / f"pipeline_jobdir_dir_{number}/spike_sort.slm.dir_{number}").is_file()
        used = parameters_of(checkout / f"output_dir_{number}")
        assert used["globals"]["data_path"] == str(checkout / f"sample_data_1/dir_{number}")


def test_containers_are_copied_with_the_slides_script(checkout):
    built = checkout / "laptop"
    built.mkdir()
    for image in ("spikeinterface", "gpu", "simulation"):
        name = os.path.basename(subprocess.run([checkout / "containers/build.sh", "--print", image], check=True, text=True,
                                               capture_output=True).stdout.strip())
        (built / name).write_text(image)
        (built / f"{name}.sha256").write_text(f"{hashlib.sha256(image.encode()).hexdigest()}  {name}\n")
    block = block_with("pull_singularity_containers.sh")
    assert "laptop:simsort/containers/images" in block
    block = block.replace("laptop:simsort/containers/images", "./laptop")
    done = shell(block + '\nls "$EPHYS_CONTAINER_DIR"', checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {line for line in done.stdout.split() if line.endswith(".sif")} == {p.name for p in built.glob("*.sif")}


# the results in Python


@pytest.mark.slow
@pytest.mark.parametrize("page", ["workshop.md", "results.md"])
def test_the_lines_that_load_results_run(sorted_session, spikeglx_session, page):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    [block] = re.findall(r"^```python\n(.*?)^```", (REPO / "docs" / page).read_text(), re.MULTILINE | re.DOTALL)
    for shown, real in (("output", sorted_session[0].results), ("data_dir", spikeglx_session.path),
                        ("/data/session", spikeglx_session.path)):
        block = re.sub(rf'"{shown}(?=["/])', lambda _match, real=real: f'"{real}', block)
    names: dict = {}
    exec(block, names)  # noqa: S102  # the page's own lines
    assert len(names["metrics"]) == len(names["analyzer"].unit_ids) == len(names["curated"].unit_ids) > 0
    assert names["recording"].get_num_frames() > 0
    if page == "results.md":
        assert names["analyzer"].has_recording() and names["motion"].temporal_bins_s


def test_every_block_is_tested():
    words = ("pull_singularity_containers.sh", 'DATA_PATH="./data_dir"', "ARGUMENTS", "export DATA_PATH RESULTS_PATH",
             "sbatch spike_sort.slm", "multijob_submission_wrapper.sh")
    assert all(any(word in block for word in words) for block in BLOCKS)
