"""The sorters' own parameters: a committed table, so that a typo is found without loading SpikeInterface.

`python -m simsort.config.sorter_params` rewrites the table from the installed SpikeInterface; a test compares the two.
"""

import functools
import json
from pathlib import Path

from simsort.config.options import unknown_name
from simsort.errors import UserError

TABLE = Path(__file__).with_name("sorter_params.json")
SPIKEINTERFACE_NAMES = {"kilosort25": "kilosort2_5"}
# Set by the pipeline itself for every sorter, from the task's allocation and the seed.
OWN = ("n_jobs", "chunk_duration", "progress_bar", "mp_context", "max_threads_per_worker", "pool_engine", "job_kwargs",
       "seed")

CHOICES = {("simsort", "encoder"): ("simsort", "ceed", "none"), ("simsort", "device"): ("auto", "cpu", "cuda")}


@functools.cache
def sorter_table() -> dict[str, dict]:
    """Return `{sorter: {parameter: default}}`."""
    return json.loads(TABLE.read_text())


def check_sorter_params(sorter: str, params: dict, prefix: str = "spikesort") -> dict:
    """Return the parameters with their values turned into the types of the sorter's defaults.

    Raises
    ------
    UserError
        If a name is not one of the sorter's parameters, or a value has another type than its default or is none of
        those that a parameter can have.
    """
    checked = _check(params, sorter_table().get(sorter, {}), f"{prefix} ({sorter})")
    for name, value in checked.items():
        allowed = CHOICES.get((sorter, name))
        if allowed and value not in allowed:
            raise UserError(f"--{prefix}.{name} was given {value!r}", f"allowed: {', '.join(allowed)}")
    return checked


def _check(params: dict, defaults: dict, prefix: str) -> dict:
    checked = {}
    for name, value in params.items():
        if name not in defaults:
            raise unknown_name(prefix, name, defaults)
        checked[name] = _match(value, defaults[name], f"{prefix}.{name}")
    return checked


def _match(value, default, shown: str):
    """Give `value` the type of `default`; a default of None accepts anything JSON can hold."""
    if isinstance(value, str) and not isinstance(default, str):
        try:
            value = json.loads(value.lower() if value in ("True", "False", "None") else value)
        except ValueError:
            pass
        value = None if value == "none" else value
    if isinstance(default, dict) and isinstance(value, dict):
        return _check(value, default, shown) if default else value
    numbers = isinstance(default, (int, float)) and isinstance(value, (int, float))
    if isinstance(default, bool) or isinstance(value, bool):
        numbers = False
    if default is None or value is None or numbers or type(value) is type(default):
        return value
    raise UserError(f"--{shown} was given {value!r}", f"allowed: {type(default).__name__} such as {default!r}")


def main() -> None:
    """Rewrite the table."""
    from spikeinterface.sorters import get_default_sorter_params

    from simsort.config.stages import SORTERS

    table = {}
    for sorter in SORTERS:
        params = get_default_sorter_params(SPIKEINTERFACE_NAMES.get(sorter, sorter))
        table[sorter] = {k: v for k, v in params.items() if k not in OWN}
    TABLE.write_text(json.dumps(table, indent=1, default=str).replace("Infinity", "1e308") + "\n")


if __name__ == "__main__":
    main()
