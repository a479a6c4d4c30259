"""environment/*.sh: finding and making Python, Java and Nextflow, and the limits of machine and partitions."""

import os
import stat
import subprocess

import pytest

from workflow_runs import REPO, clean_environment

pytestmark = pytest.mark.pipeline
PLAIN_TOOLS = ("bash", "cat", "chmod", "cp", "cut", "dirname", "env", "flock", "grep", "head", "ls", "mkdir", "mv", "nproc",
               "awk", "printf", "readlink", "rm", "sed", "sha256sum", "sort", "touch")


def write_tool(folder, name, text):
    """Write an executable script."""
    path = folder / name
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def bare_path(tmp_path):
    """A PATH with shell tools and Python, but without Java, Maven, Nextflow and Slurm."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in (*PLAIN_TOOLS, "python3"):
        found = subprocess.run(["bash", "-c", f"type -P {tool}"], text=True, capture_output=True).stdout.strip()
        (folder / tool).symlink_to(found)
    return folder


def setup(commands, tmp_path, path, **settings):
    """Source the set-up files in a shell with a bare PATH and run commands."""
    environment = clean_environment(PIPELINE_PATH=REPO, SIMSORT_TOOLS=tmp_path / "tools", PATH=path, **settings)
    for name in ("JAVA_HOME", "JAVA_CMD", "PYTHONPATH"):
        environment.pop(name, None)
    script = f"set -euo pipefail; . {REPO}/environment/setup.sh; . {REPO}/environment/limits.sh; {commands}"
    return subprocess.run(["bash", "-c", script], text=True, capture_output=True, env=environment, timeout=300)


def test_a_java_from_pypi_takes_the_place_of_a_missing_one(tmp_path, bare_path):
    done = setup('setup_java; "$JAVA_CMD" -version 2>&1 | head -n 1', tmp_path, bare_path)
    assert done.returncode == 0, done.stderr
    assert 'version "21.' in done.stdout
    again = setup("setup_java", tmp_path, bare_path, PIP_NO_INDEX="1", PIP_FIND_LINKS="/nowhere")
    assert again.returncode == 0 and again.stderr == "", "the second run needs no network"


@pytest.mark.parametrize("version, accepted", [("17.0.15", True), ("23.0.1", True), ("25", False), ("11.0.2", False)])
def test_which_java_is_taken(tmp_path, bare_path, version, accepted):
    write_tool(bare_path, "java", f"echo 'openjdk version \"{version}\"' >&2")
    done = setup('setup_java; echo "$JAVA_CMD"', tmp_path, bare_path, PIP_NO_INDEX="1", PIP_FIND_LINKS="/nowhere")
    assert (done.returncode == 0) == accepted
    if not accepted:
        assert done.returncode == 2
        assert [line for line in done.stderr.splitlines() if "error" in line.lower()][-1].endswith(
            "install OpenJDK 17, or module load java (MODULES=...)")


def test_without_nextflow_and_maven_one_line_says_what_to_install(tmp_path, bare_path):
    done = setup("JAVA_CMD=java; setup_nextflow", tmp_path, bare_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "apt-get install maven" in done.stderr


def test_a_forged_jar_is_refused(tmp_path, bare_path):
    names = [line.split()[1] for line in (REPO / "environment/nextflow-24.10.0.sha256").read_text().splitlines()]
    assert len(names) == 54
    jars = " ".join(names)
    write_tool(bare_path, "mvn", 'for a in "$@"; do case $a in -DoutputDirectory=*) out=${a#*=} ;; esac; done\n'
               f'mkdir -p "$out"; for jar in {jars}; do echo forged > "$out/$jar"; done')
    write_tool(bare_path, "java", "true")
    done = setup(f"JAVA_CMD={bare_path}/java; setup_nextflow", tmp_path, bare_path)
    assert done.returncode == 2
    assert "checksum" in done.stderr
    assert not (tmp_path / "tools/nextflow-24.10.0").exists()


def test_an_own_nextflow_is_used_if_it_is_new_enough(tmp_path, bare_path):
    write_tool(bare_path, "nextflow", "echo '      version 24.04.4 build 5917'")
    assert setup("setup_nextflow", tmp_path, bare_path).returncode == 0
    write_tool(bare_path, "nextflow", "echo '      version 22.10.6 build 5843'")
    assert setup("setup_nextflow", tmp_path, bare_path).returncode == 2


@pytest.mark.parametrize("partitions, expected", [
    ("4 8000 1:00:00", "4 8000 MB 60 min"),
    ("64 512000 infinite", "16 65536 MB 2880 min"),
    ("32 128000+ 7-00:00:00\n8 32000 2-12:00:00", "8 32000 MB 3600 min"),
    ("8 32000 30:00", "8 32000 MB 30 min"),
])
def test_stages_ask_for_no_more_than_their_partitions_have(tmp_path, bare_path, partitions, expected):
    write_tool(bare_path, "sinfo", f"printf '%s\\n' '{partitions}'")
    done = setup('partition_limits cpu,gpu; echo "$SIMSORT_MAX_CPUS $SIMSORT_MAX_MEMORY $SIMSORT_MAX_TIME"', tmp_path,
                 bare_path)
    assert done.stdout.strip() == expected, done.stderr


def test_an_unknown_partition_is_named(tmp_path, bare_path):
    write_tool(bare_path, "sinfo", "true")
    done = setup("partition_limits nowhere", tmp_path, bare_path)
    assert done.returncode == 2 and "'nowhere'" in done.stderr


def test_users_limits_win(tmp_path, bare_path):
    done = setup('machine_limits; echo "$SIMSORT_MAX_CPUS"', tmp_path, bare_path, SIMSORT_MAX_CPUS="1")
    assert done.stdout.strip() == "1"
    done = setup('machine_limits; echo "$SIMSORT_MAX_CPUS"', tmp_path, bare_path)
    assert int(done.stdout) <= (os.cpu_count() or 1)
