"""Compiling mechanisms into a shared cache."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from cell_folders import LEAK

from simsort.errors import UserError
from simsort.simulation.mechanisms import compiling
from simsort.simulation.mechanisms.compiling import compile_mechanisms, identity, mod_files


@pytest.fixture
def mods(tmp_path):
    folder = tmp_path / "with space"
    folder.mkdir()
    (folder / "tleak.mod").write_text(LEAK % "tleak")
    return folder


@pytest.mark.neuron
def test_it_is_compiled_once_even_by_several_at_a_time(mods, tmp_path, monkeypatch):
    built = []
    original = compiling.build
    monkeypatch.setattr(compiling, "build", lambda *args: built.append(1) or original(*args))
    cache = tmp_path / "cache"
    with ThreadPoolExecutor(3) as pool:
        libraries = list(pool.map(lambda _: compile_mechanisms(mods, cache), range(3)))
    assert len(set(libraries)) == 1 and len(built) == 1 and libraries[0].is_file() and not libraries[0].is_symlink()
    assert [path.name for path in cache.iterdir() if path.name != ".lock"] == [libraries[0].parent.parent.name]
    code = ("from neuron import h; from simsort.simulation.mechanisms.compiling import load_mechanisms as load; import sys\n"
            "load(sys.argv[1]); load(sys.argv[1]); s = h.Section(); s.insert('tleak'); s(0.5).tleak.gbar = 2; print(s(0.5).tleak.gbar)")
    moved = tmp_path / "moved"
    cache.rename(moved)
    library = moved / libraries[0].relative_to(cache)
    done = subprocess.run([sys.executable, "-c", code, library], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "NEURON_MODULE_OPTIONS": "-nogui"})
    assert done.stdout.strip() == "2.0", done.stderr


@pytest.mark.neuron
def test_a_mechanism_that_does_not_compile_is_named_and_leaves_nothing(mods, tmp_path):
    (mods / "wrong.mod").write_text("NEURON { SUFFIX wrong }\nBREAKPOINT { nonsense = }\n")
    with pytest.raises(UserError, match="mechanism wrong.mod does not compile with NEURON"):
        compile_mechanisms(mods, tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [".lock"]


def test_without_a_compiler_the_remedy_is_named(mods, tmp_path, monkeypatch):
    monkeypatch.setattr(compiling.shutil, "which", lambda tool: None)
    with pytest.raises(UserError, match="make and g\\+\\+.* not found.*--simulation.kinetics kschan"):
        compile_mechanisms(mods, tmp_path / "cache")


def test_the_identity_changes_with_names_contents_and_version(mods, monkeypatch):
    before = identity(mod_files(mods))
    assert identity(mod_files(mods)) == before
    monkeypatch.setattr(compiling.importlib.metadata, "version", lambda name: "8.2.7")
    assert identity(mod_files(mods)) != before
    monkeypatch.undo()
    (mods / "tleak.mod").write_text(LEAK % "tleak" + "\n")
    assert identity(mod_files(mods)) != before


def test_folders_without_mechanisms_and_caches_that_cannot_be_written(tmp_path, mods):
    with pytest.raises(UserError, match="holds no .mod file"):
        mod_files(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written.*SIMSORT_MECHANISMS"):
        compile_mechanisms(mods, tmp_path / "file" / "cache")
