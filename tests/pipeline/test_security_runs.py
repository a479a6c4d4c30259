"""SECURITY.md's promises on runs: secrets stay where they are, images are checked before they are used."""

import hashlib
import os
import subprocess

import pytest

from workflow_runs import REPO, clean_environment, run_slm

pytestmark = pytest.mark.pipeline
SECRET = "s3cr3t-0f-the-lab"


def test_secrets_stand_in_no_log_report_or_result(tmp_path):
    session = tmp_path / "session"
    session.mkdir()
    (session / "recording.bin").touch()
    run = run_slm(tmp_path, "-stub", DATA_PATH=session, KACHERY_API_KEY=SECRET, KACHERY_ZONE="mylab",
                  SIMSORT_TRACEBACK="1")
    assert run.status == 0, run.text
    assert SECRET not in run.text
    files = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 50
    assert [str(path) for path in files if SECRET.encode() in path.read_bytes()] == []


def test_the_group_gets_what_the_umask_gives(tmp_path):
    session = tmp_path / "session"
    session.mkdir()
    (session / "recording.bin").touch()
    before = os.umask(0o027)
    try:
        run = run_slm(tmp_path, "-stub", DATA_PATH=session)
    finally:
        os.umask(before)
    assert run.status == 0, run.text
    for path in [run.results, *run.results.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            assert mode & 0o040 and not mode & 0o027, f"{path}: {mode:o}"


@pytest.fixture
def verify(tmp_path):
    """Call verify_image of environment/run.sh on an image of a few bytes."""
    image = tmp_path / "stage.sif"
    image.write_bytes(b"an image")
    checksum = hashlib.sha256(b"an image").hexdigest()
    (tmp_path / "stage.sif.sha256").write_text(f"{checksum}  stage.sif\n")

    def run(path=os.environ["PATH"]):
        script = 'PIPELINE_PATH=$1; . "$1/environment/setup.sh"; . "$1/environment/run.sh"; verify_image "$2"'
        environment = clean_environment(XDG_CACHE_HOME=tmp_path / "cache") | {"PATH": path}
        return subprocess.run(["bash", "-euc", script, "bash", str(REPO), str(image)], text=True, capture_output=True,
                              env=environment)

    run.image = image
    return run


def test_an_image_is_read_once_and_after_every_change(verify, tmp_path):
    assert verify().returncode == 0
    (tmp_path / "bin").mkdir()
    counted = tmp_path / "bin/sha256sum"
    counted.write_text(f'#!/bin/bash\n[ -t 0 ] || [ "$(readlink /proc/self/fd/0)" != {verify.image} ] || touch {tmp_path}/read\n'
                       'exec /usr/bin/sha256sum "$@"\n')
    counted.chmod(0o755)
    path = f"{counted.parent}:{os.environ['PATH']}"
    assert verify(path).returncode == 0 and not (tmp_path / "read").exists()
    verify.image.write_bytes(b"an other")
    done = verify(path)
    assert done.returncode == 2 and "damaged or was changed" in done.stderr and (tmp_path / "read").exists()


def test_an_image_without_checksum_is_refused(verify):
    (verify.image.parent / "stage.sif.sha256").unlink()
    done = verify()
    assert done.returncode == 2 and "has no checksum" in done.stderr and done.stderr.count("\n") == 1
