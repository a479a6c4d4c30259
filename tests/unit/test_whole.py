"""The preprocessed copy: what was cut off or changed is not sorted."""

import os
import shutil

import numpy as np
import pytest
from spikeinterface import NumpyRecording

from simsort.errors import UserError
from simsort.preprocessing import whole
from simsort.preprocessing.whole import load_whole, write_note


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A recording of 12 MB, saved as the preprocessing stage does it."""
    folder = tmp_path_factory.mktemp("task") / "preprocessed" / "binary"
    samples = np.random.default_rng(0).integers(-500, 500, (300_000, 20)).astype("int16")
    NumpyRecording([samples], 30_000.0).save(folder=folder, format="binary", verbose=False)
    write_note(folder)
    return folder


@pytest.fixture
def copy(written, tmp_path):
    return shutil.copytree(written, tmp_path / "task" / "preprocessed" / "binary")


def raw(folder):
    return next(folder.glob("*.raw"))


def test_what_is_whole_loads(copy):
    assert load_whole(copy).get_num_samples() == 300_000


@pytest.mark.parametrize("damage", [
    lambda file: os.truncate(file, file.stat().st_size // 2), lambda file: file.unlink(),
    lambda file: file.write_bytes(file.read_bytes() + b"\0" * 40),
    lambda file: file.write_bytes(file.read_bytes()[:-2] + b"\1\2"),
    lambda file: file.write_bytes(bytes(file.stat().st_size))])
def test_what_is_damaged_does_not(copy, damage):
    damage(raw(copy))
    with pytest.raises(UserError) as raised:
        load_whole(copy)
    assert str(copy.resolve().parent.parent) in str(raised.value)
    assert "not what simsort preprocess wrote" in str(raised.value)


def test_large_files_are_looked_at_in_blocks(copy, monkeypatch):
    monkeypatch.setattr(whole, "BLOCK_BYTES", 4096)
    write_note(copy)
    file, n_bytes = raw(copy), raw(copy).stat().st_size
    for place in (0, n_bytes - 1):  # the ends are always looked at
        content = bytearray(file.read_bytes())
        content[place] ^= 1
        file.write_bytes(content)
        with pytest.raises(UserError):
            load_whole(copy)
        content[place] ^= 1
        file.write_bytes(content)
    assert load_whole(copy)


def test_the_folder_moves(copy, tmp_path):
    assert load_whole(shutil.move(copy, tmp_path / "elsewhere"))
