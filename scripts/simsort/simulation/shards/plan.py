"""Which cells are to be simulated, in which shards, and under which identity. Nothing heavy is imported.

The unit of work is one individual of a cell type. What it becomes depends on the settings and on its own seed only, so
that the number of shards and workers changes nothing in the files.
"""

import dataclasses
import hashlib
import importlib.metadata
import json
import re
from pathlib import Path

from simsort.errors import UserError

MOST_SHARDS = 100
# What changes a cell's file, besides the code; the rest of the settings says which cells there are and who makes them.
DECISIVE = ("cells", "simulated_s", "dt_ms", "drive", "kinetics", "max_snippets", "seed")
CODE = ("cells", "currents", "drive", "field", "library", "mechanisms", "seeds.py")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """The cells of one configuration.

    Attributes
    ----------
    settings : dict
        Every setting of the stage `simulation`.
    models : tuple of CellModel
        The individuals to simulate, in the order of their names.
    config_hash : str
        Identity of the settings, the code and NEURON's version that make a cell's file, 12 hexadecimal digits.
    """

    settings: dict
    models: tuple
    config_hash: str

    @property
    def names(self) -> list[str]:
        """The individuals' names, which are those of their files."""
        return [model.name for model in self.models]

    @property
    def n_shards(self) -> int:
        """How many jobs share the work."""
        return min(self.settings["n_shards"] or MOST_SHARDS, len(self.models))

    def shard(self, index: int, n_shards: int) -> list:
        """Return the models of one shard: every `n_shards`-th, beginning with number `index`."""
        return list(self.models[index::n_shards])


def make_plan(settings: dict) -> Plan:
    """List the cells that the settings ask for.

    Raises
    ------
    UserError
        For a source or type that does not exist, or two cells of one name.
    """
    drawn = {"types": settings["cell_types"] or None, "n_individuals": settings["n_individuals"], "seed": settings["seed"]}
    if settings["cells"] == "builtin":
        from simsort.simulation.cells.cell_types import builtin_models

        models = builtin_models(**drawn)
    else:
        from simsort.simulation.cells.sources import list_models

        models = list_models(settings["cells"], **drawn)
    models = sorted(models, key=lambda model: model.name)
    if not models:
        raise UserError(f"--simulation.cells {settings['cells']} has no cell", "choose another source or other types")
    names = [model.name for model in models]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"{settings['cells']} has several cells of the name {twice[0]}", "rename or remove all but one")
    return Plan(settings=dict(settings), models=tuple(models), config_hash=config_hash(settings))


def config_hash(settings: dict) -> str:
    """Return the identity of everything that decides about the bytes of a cell's file."""
    content = {**{name: settings[name] for name in DECISIVE}, "kinetics": kinetics_used(settings), "code": code_hash(),
               "neuron": neuron_version()}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def kinetics_used(settings: dict) -> str:
    """Return what `auto` means here: the two kinds of channels agree to rounding only, not to the bit."""
    if settings["kinetics"] != "auto":
        return settings["kinetics"]
    from simsort.simulation.mechanisms.compiling import can_compile

    return "nmodl" if settings["cells"] != "builtin" or can_compile(Path(__file__).resolve().parents[1] / "mechanisms") else "kschan"


def code_hash() -> str:
    """Return the hash of the sources and mechanisms that make a cell's file."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for name in CODE:
        found = root / name
        files = [found] if found.is_file() else sorted(f for f in found.rglob("*") if f.suffix in (".py", ".mod", ".json"))
        for file in files:
            digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def neuron_version() -> str:
    """Return the version of NEURON, without loading it.

    Raises
    ------
    UserError
        If NEURON is not installed.
    """
    try:
        return importlib.metadata.version("neuron")
    except importlib.metadata.PackageNotFoundError:
        raise UserError("the Python package neuron, which simulates cells, is not installed",
                        "pip install 'neuron>=8.2,<10', or run in the simulation container") from None


def parse_shard(text: str) -> tuple[int, int]:
    """Parse `K/N` into (K, N), with K from 0 to N - 1.

    Raises
    ------
    UserError
        If it is no such pair.
    """
    numbers = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    if not numbers or not int(numbers[1]) < int(numbers[2]):
        raise UserError(f"--shard was given {text!r}", "write K/N, with K from 0 to N - 1, such as 0/4")
    return int(numbers[1]), int(numbers[2])
