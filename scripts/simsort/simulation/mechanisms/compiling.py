"""Compiling NMODL mechanisms once, into a cache that jobs share."""

import fcntl
import hashlib
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from simsort.errors import UserError

LIBRARY_NAMES = ("libnrnmech.so", "libnrnmech.dylib")


def cache_folder() -> Path:
    """Return where compiled mechanisms are kept: $SIMSORT_MECHANISMS, else a folder in the user's cache."""
    given = os.environ.get("SIMSORT_MECHANISMS")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(given) if given else Path(cache) / "simsort" / "mechanisms"


def mod_files(source) -> list[Path]:
    """Return the .mod files of a folder, or those given, sorted by name.

    Raises
    ------
    UserError
        If there are none, or one does not exist.
    """
    paths = [Path(path) for path in source] if isinstance(source, (list, tuple)) else sorted(Path(source).glob("*.mod"))
    for path in paths:
        if not path.is_file():
            raise UserError(f"mechanism {path} does not exist", "restore the file")
    if not paths:
        raise UserError(f"{source} holds no .mod file", "name the folder with the cell's mechanisms")
    return sorted(paths, key=lambda path: path.name)


def identity(mods: list[Path]) -> str:
    """Return the hash of the mechanisms, of NEURON's version and of the machine they are compiled for."""
    digest = hashlib.sha256(f"{importlib.metadata.version('neuron')} {platform.system()} {platform.machine()}".encode())
    for path in mods:
        digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def compile_mechanisms(source, cache_dir=None) -> Path:
    """Compile mechanisms, unless the cache has them.

    Parameters
    ----------
    source : path | sequence of paths
        A folder of .mod files, or the files.
    cache_dir : path, optional
        Default: see `cache_folder`.

    Returns
    -------
    library : Path
        The compiled library. The folder it lies in is named by a hash of sources, NEURON version and machine.

    Raises
    ------
    UserError
        If there is no compiler, or a mechanism does not compile.
    """
    mods = mod_files(source)
    cache = Path(cache_dir) if cache_dir else cache_folder()
    folder = cache / identity(mods)
    found = find_library(folder)
    if found:
        return found
    check_compiler()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = open(cache / ".lock", "w")
    except OSError as error:
        raise UserError(f"{cache} cannot be written ({error.strerror})", "set SIMSORT_MECHANISMS to a folder of your own") \
            from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one compiler per cache; goes with the process, however it ends
        return find_library(folder) or build(mods, cache, folder)


def find_library(folder: Path) -> Path | None:
    """Return the library in a folder of the cache; a folder that is there is whole, because it was renamed when it was."""
    return next((path for name in LIBRARY_NAMES for path in sorted(folder.glob(f"*/{name}"))
                 if path.resolve().is_file()), None)


def can_compile(source) -> bool:
    """Tell whether mechanisms are compiled already or could be."""
    return bool(find_library(cache_folder() / identity(mod_files(source)))) or not missing_tools()


def missing_tools() -> list[str]:
    """Return what compiling takes and is not there."""
    return [tool for tool in ("make", "g++") if not shutil.which(tool)] + ["nrnivmodl"] * (nrnivmodl() is None)


def check_compiler() -> None:
    """Raise unless nrnivmodl, make and a C++ compiler are there."""
    missing = missing_tools()
    if missing:
        raise UserError(f"{' and '.join(missing)} not found, which compiling channels takes",
                        "install g++ and make (Debian: apt install g++ make), or use --simulation.kinetics kschan, which "
                        "needs no compiler")


def nrnivmodl() -> str | None:
    """Return NEURON's compiler script: beside this Python, else on PATH."""
    beside = Path(sys.executable).parent / "nrnivmodl"
    return str(beside) if beside.is_file() else shutil.which("nrnivmodl")


def build(mods: list[Path], cache: Path, folder: Path) -> Path:
    """Compile aside and rename; what a killed build left has another name."""
    aside = Path(tempfile.mkdtemp(prefix=".part-", dir=cache))
    try:
        (aside / "mod").mkdir()
        for path in mods:
            shutil.copyfile(path, aside / "mod" / path.name)
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
        done = subprocess.run([nrnivmodl(), "mod"], cwd=aside, env=environment, capture_output=True, text=True)
        if done.returncode or not find_library(aside):
            raise UserError(*complaint(done.stdout + done.stderr, mods))
        relink(aside)
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return find_library(folder)


def relink(aside: Path) -> None:
    """Keep the library only, as a file: nrnivmodl leaves links with absolute paths into the folder it ran in."""
    library = find_library(aside)
    target = library.resolve()
    kept = aside / "compiled" / library.name
    kept.parent.mkdir()
    shutil.copyfile(target, kept)
    for entry in aside.iterdir():
        if entry != kept.parent:
            shutil.rmtree(entry)


def complaint(output: str, mods: list[Path]) -> tuple[str, str]:
    """Return what is wrong and the remedy, from the compiler's output."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    wrong = [line for line in lines if re.search(r"\berror\b|syntax|undefined|not declared|illegal|can't|cannot", line, re.I)]
    reason = (wrong or lines or ["no output"])[0]
    text = " ".join(lines)
    # nrnivmodl names each file as it translates it; the first one named by an error, else the last one begun.
    named = [path.name for path in mods if any(path.stem in line for line in wrong)]
    begun = [path.name for path in mods if path.stem in text]
    culprit = (named[:1] or begun[-1:] or [mods[0].name])[0]
    return (f"mechanism {culprit} does not compile with NEURON {importlib.metadata.version('neuron')}: {reason}",
            "correct the .mod file, or leave the cell out")


def load_mechanisms(library) -> None:
    """Load a compiled library into this process, once.

    Raises
    ------
    UserError
        If NEURON cannot load it.
    """
    from neuron import h

    library = str(library)
    if library in _LOADED:
        return
    if not h.nrn_load_dll(library):
        raise UserError(f"NEURON cannot load {library}", "remove its folder, so that it is compiled again")
    _LOADED.add(library)


_LOADED: set[str] = set()
