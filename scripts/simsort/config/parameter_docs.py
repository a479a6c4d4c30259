"""docs/parameters.md, written from the declarations of the settings. Standard library only.

PYTHONPATH=scripts python3 -m simsort.config.parameter_docs > docs/parameters.md
"""

import dataclasses
import json

from simsort.config.options import base_type, default_of, show
from simsort.config.sorter_params import sorter_table
from simsort.config.stages import (FAST, PRESETS, PRETRAINING_PRESETS, STAGES,
                                   Globals)

COMMAND = "PYTHONPATH=scripts python3 -m simsort.config.parameter_docs > docs/parameters.md"
INTRODUCTION = f"""# Parameters

Written by `{COMMAND}`; do not edit.
The same list in the terminal: `simsort check-params --list`.

## How to give them

Every setting can be given in four ways, which meet in one checked configuration:

| way | example |
|---|---|
| a quoted string of options for a stage | `--preprocessing_args "--motion apply --denoising destripe"` |
| nested under the stage's name | `--preprocessing.motion apply` |
| a JSON or YAML file, `--params_file` or `PARAMS_FILE` | `{{"sorter": "kilosort4", "preprocessing": {{"motion": "apply"}}}}` |
| the settings at the top of `spike_sort.slm` | `SORTER=kilosort4` |

Later ones win: the defaults, `--runmode fast`, the file, the settings at the top of `spike_sort.slm`, the command line. (Only the
input format is different: a file's `job_dispatch.input` wins over `INPUT_DATA_TYPE`.) In names `-` and `_` are the same. A switch
takes no value, or `True` or `False`; `--no-` before its name turns it off.

An unknown name, a wrong type or an impossible value ends the run within seconds with exit
status 2. What a run used is in its results, `nextflow/parameters.json`.

`simsort check-params -- --sorter kilosort4 --preprocessing.motion apply` checks a command line without running anything.
"""


def document() -> str:
    """Return the whole page."""
    parts = [INTRODUCTION, section("Whole run", "", Globals)]
    parts += [section(stage_title(stage), stage, stage_class) for stage, stage_class in STAGES.items()]
    parts += [sorters_section(), fast_section(), presets_section()]
    return "\n".join(parts)


def stage_title(stage: str) -> str:
    """Return the heading of a stage: the name of its quoted string."""
    return f"`--{stage}_args`"


def section(title: str, stage: str, stage_class) -> str:
    """Return one stage's table."""
    lines = [f"## {title}", "", stage_class.__doc__.strip()]
    if stage:
        lines[-1] += f" Also `--{stage}.<name>`."
    lines += ["", "| name | default | allowed | meaning |", "|---|---|---|---|"]
    lines += [row(field, stage) for field in dataclasses.fields(stage_class)]
    return "\n".join(lines) + "\n"


def row(field: dataclasses.Field, stage: str) -> str:
    """Return one setting's line: its name as in a quoted string, or as a global parameter."""
    name = show(stage, field.name).removeprefix(f"--{stage}.") if stage else field.name
    meaning = field.metadata["help"]
    if field.metadata["aliases"]:
        meaning += "; also " + ", ".join(f"`{alias}`" for alias in field.metadata["aliases"])
    cells = [f"`--{name}`", code(default_of(field)), allowed(field), meaning]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def allowed(field: dataclasses.Field) -> str:
    """Spell choices and bounds, or the type."""
    choices, low, high = (field.metadata[k] for k in ("choices", "minimum", "maximum"))
    if choices is not None:
        return ", ".join(f"`{choice}`" for choice in choices)
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    if low is not None:
        return f"at least {low:g}"
    return {bool: "switch", dict: "JSON object", list: "list", str: "text"}.get(base_type(field), "number")


def code(value) -> str:
    """Show a default value; nothing for None."""
    if value is None or value == "":
        return ""
    return f"`{json.dumps(value) if isinstance(value, (dict, list)) else value}`"


def sorters_section() -> str:
    """Return the sorters' own parameters with SpikeInterface's defaults."""
    lines = ["## The sorters' own parameters", "",
             "They stand beside those of `--spikesort_args` under the sorter's own names: `--spikesort_args \"--Th_universal 8\"`, "
             "`--spikesort.Th_universal 8`, or in a file `{\"spikesort\": {\"sorter_params\": {...}}}`. These are SpikeInterface's "
             "defaults; where this pipeline's differ, [sorters.md](sorters.md) says so.", ""]
    for sorter, params in sorter_table().items():
        lines += [f"<details><summary>{sorter}</summary>", "", "```json", json.dumps(params, indent=1), "```", "",
                  "</details>", ""]
    return "\n".join(lines)


def fast_section() -> str:
    """Return what the fast mode changes."""
    lines = ["## What `--runmode fast` changes", "", "Unless the setting is given by name.", ""]
    lines += [f"- `{show(stage, name)}`: {code(value)}" for stage, changes in FAST.items() for name, value in changes.items()]
    return "\n".join(lines) + "\n"


def presets_section() -> str:
    """Return what the presets of the simulation and of the training change."""
    lines = ["## What `--simulation.preset` changes", "", "Unless the setting is given by name.", ""]
    lines += [f"- `{preset}`: `{show(stage, name)}` {code(value)}" for preset, stages in PRESETS.items()
              for stage, changes in stages.items() for name, value in changes.items()]
    lines += ["", "## What `--pretraining.preset` changes", "", "Unless the setting is given by name.", ""]
    lines += [f"- `{preset}`: `{show('pretraining', name)}` {code(value)}"
              for preset, changes in PRETRAINING_PRESETS.items() for name, value in changes.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(document(), end="")
